"""aiosmpplib with the same work, for ``benchmarks.sms_smpp``: runs in the environment that ``scripts/smscs`` makes for it.

``python sms_yardstick.py send PORT COUNT WINDOW`` (or ``receive``); prints one JSON object when it is done, and before that
the line ``ready``. It has no window of its own, so it is given one here: with thousands under way it gives them up.
"""

import asyncio
import json
import sys
import time
from typing import Any

from aiosmpplib import ESME, AbstractHook, PhoneNumber, SubmitSm


class Counting(AbstractHook):
    """``wanted`` PDUs of a kind."""

    def __init__(self, kind: str, wanted: int, window: int) -> None:
        self._kind = kind
        self._left = wanted
        self.room = asyncio.Semaphore(window)
        self.bound = asyncio.Event()
        self.done = asyncio.Event()

    async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        pass

    async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        kind = type(smpp_message).__name__
        if kind == "BindTransceiverResp":
            self.bound.set()
        elif kind == self._kind:
            self._left -= 1
            self.room.release()
            if self._left == 0:
                self.done.set()

    async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
        sys.exit(f"aiosmpplib could not send: {error!r}")


async def main(what: str, port: int, count: int, window: int) -> None:
    hook = Counting("SubmitSmResp" if what == "send" else "DeliverSm", count, window)
    esme = ESME("127.0.0.1", port, "test", "pw", hook=hook, log_level="ERROR")
    running = asyncio.create_task(esme.start())
    await hook.bound.wait()
    print("ready", flush=True)
    begun, cpu = time.perf_counter(), time.process_time()
    if what == "send":
        for number in range(count):
            await hook.room.acquire()
            await esme.broker.enqueue(
                SubmitSm(
                    short_message=f"Message {number}: see you at eight.",
                    source=PhoneNumber("15559990000"),
                    destination=PhoneNumber(f"1555{number % 1000:07}"),
                    log_id=str(number),
                )
            )
    await hook.done.wait()
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}), flush=True)
    running.cancel()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
