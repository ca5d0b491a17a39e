"""``python -m benchmarks.sms_codec [--aiosmpplib PYTHON]``: what reading and writing SMPP costs. One table in Markdown; with
an interpreter that has aiosmpplib (``python -m venv DIRECTORY && DIRECTORY/bin/pip install aiosmpplib``) its figures beside
ours, measured in turns.

*codec*: a submit_sm from its fields to octets, and back to its fields. *text*: the same from the text in its alphabet, and
back to it, which is all that aiosmpplib's can do.

On two shared cores (Xeon), Python 3.11, 2026-11-21, at load 4, medians of five::

    work                                                aiosmpplib   Causeway    target
    submit_sm there and back, codec, GSM: a second               -    253,191   100,000
    submit_sm there and back, codec, UCS-2: a second             -    250,497   100,000
    submit_sm there and back, text, GSM: a second           24,223     48,556         -
    submit_sm there and back, text, UCS-2: a second         42,538     49,569         -
    deliver_sm out of a stream, 50 at a time: a second           -    411,796         -
    texts of receipts: a second                                  -     93,895         -
    texts counted for a preview: a second                        -     66,637         -
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bridges.sms.smpp.pdu import Command, Framer, Message, Pdu, decode, encode
from bridges.sms.smpp.reading import read
from bridges.sms.smpp.receipts import read as read_receipt
from bridges.sms.smpp.writing import Manner, submissions
from bridges.sms.text.counting import count
from bridges.sms.text.decoding import decode as decoded
from bridges.sms.traffic import Inbound, Submission

GSM = "Your parcel will be with you between 10 and 12 today. Reply 1 to change the day, 2 to collect it yourself."
UCS2 = "Завтра в восемь, у входа. Возьми билеты и зонт ☔, обещали дождь 😀"
RECEIPT = (
    "id:0a1b2c3d sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Your"
)
TIMES, RUNS, TARGET = 20_000, 5, 100_000


def _submission(text: str) -> Submission:
    return Submission("reference", "+15551110000", ("+4915550001111",), text)


def _codec(text: str) -> Callable[[int], None]:
    (body,) = submissions(_submission(text), Manner())

    def work(times: int) -> None:
        for number in range(times):
            pdu = Pdu(Command.SUBMIT_SM, 0, number, body)
            assert decode(encode(pdu)) == pdu

    return work


def _text(text: str) -> Callable[[int], None]:
    submission, manner = _submission(text), Manner()

    def work(times: int) -> None:
        for number in range(times):
            for body in submissions(submission, manner):
                pdu = decode(encode(Pdu(Command.SUBMIT_SM, 0, number, body)))
                assert isinstance(pdu.body, Message)
                came = read(pdu.body, "route")
                assert isinstance(came, Inbound)
                assert decoded(came.data, came.alphabet, came.locking, came.single) == text

    return work


def _framed(times: int) -> None:
    (body,) = submissions(_submission(GSM), Manner())
    octets = encode(Pdu(Command.DELIVER_SM, 0, 1, body)) * 50
    framer = Framer()
    for _ in range(times // 50):
        for frame in framer.feed(octets):
            decode(frame)


def _receipts(times: int) -> None:
    for _ in range(times):
        read_receipt(RECEIPT)


def _counts(times: int) -> None:
    for _ in range(times):
        count(UCS2)


class Peer:
    """aiosmpplib in a process of its own."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name("sms_codec_peer.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, text: str, times: int) -> float:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([text, times]) + "\n")
        process.stdin.flush()
        return float(json.loads(process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=30)


def _rates(work: Callable[[int], None], peer: Peer | None, text: str) -> tuple[float, float]:
    """Ours and theirs, a second of processor time; theirs is 0 where it was not asked."""
    ours, theirs = [], []
    for _ in range(RUNS):
        began = time.process_time()
        work(TIMES)
        ours.append(TIMES / (time.process_time() - began))
        if peer is not None and text:
            times = TIMES // 10
            theirs.append(times / peer.seconds(text, times))
    return statistics.median(ours), statistics.median(theirs) if theirs else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sms_codec", description=__doc__)
    parser.add_argument("--aiosmpplib", metavar="PYTHON", help="an interpreter that has it")
    given = parser.parse_args()
    peer = Peer(given.aiosmpplib) if given.aiosmpplib else None
    rows = (
        ("submit_sm there and back, codec, GSM: a second", _codec(GSM), "", f"{TARGET:,}"),
        ("submit_sm there and back, codec, UCS-2: a second", _codec(UCS2), "", f"{TARGET:,}"),
        ("submit_sm there and back, text, GSM: a second", _text(GSM), GSM, "-"),
        ("submit_sm there and back, text, UCS-2: a second", _text(UCS2), UCS2, "-"),
        ("deliver_sm out of a stream, 50 at a time: a second", _framed, "", "-"),
        ("texts of receipts: a second", _receipts, "", "-"),
        ("texts counted for a preview: a second", _counts, "", "-"),
    )
    print("| work | aiosmpplib | Causeway | target |\n| --- | --- | --- | --- |")
    for name, work, text, target in rows:
        ours, theirs = _rates(work, peer, text)
        print(f"| {name} | {f'{theirs:,.0f}' if theirs else '-'} | {ours:,.0f} | {target} |")
    if peer is not None:
        peer.close()


if __name__ == "__main__":
    main()
