"""The same work as ``benchmarks.sms_codec``, done by aiosmpplib: run by a Python that has it. Answers each line of JSON (a
text, and how often) with the seconds of processor time that it took."""

import json
import sys
import time

from aiosmpplib import NPI, TON, PhoneNumber, SmppMessage, SubmitSm

SOURCE = PhoneNumber("15551110000", TON.INTERNATIONAL, NPI.ISDN)
DESTINATION = PhoneNumber("4915550001111", TON.INTERNATIONAL, NPI.ISDN)


def rounds(text: str, times: int) -> float:
    began = time.process_time()
    for number in range(times):
        message = SubmitSm(short_message=text, source=SOURCE, destination=DESTINATION, log_id="x")
        message.sequence_num = number
        octets = message.pdu()
        header = SmppMessage.parse_header(octets)
        again = SubmitSm.from_pdu(octets, header, "gsm0338")
        assert again.short_message == text
    return time.process_time() - began


def main() -> None:
    for line in sys.stdin:
        text, times = json.loads(line)
        print(json.dumps(rounds(text, times)), flush=True)


if __name__ == "__main__":
    main()
