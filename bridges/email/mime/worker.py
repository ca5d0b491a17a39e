"""Reads mails in a process of its own that may die of it: ``python -m bridges.email.mime.worker MEMORY SECONDS``.

A request is a line of JSON: ``{"path", "directory", "limits"}``. The answer is four octets of length (big-endian) and a
letter as JSON, or ``{"failed": "ValueError in fields.py:12"}``. MEMORY are octets of address space beyond what the process
needs to begin with. A mail that takes longer than SECONDS of processor time, or five times that on the clock, ends the
process, whatever it is doing, and also where nobody is left who could end it. ``bridges.email.mime.reader`` runs it.
"""

import json
import mmap
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any

from bridges.email.mime import reading, wire
from bridges.email.mime.limits import Limits

_BUSY = 5  # how much slower a clock may say it is on a machine with other work
_FILES = 256 * 1024 * 1024  # octets of the largest file that is written


def _confine(memory: int) -> None:
    used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILES, _FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: dict[str, Any]) -> bytes:
    """What the request asks for, as it is sent."""
    limits = Limits(**request["limits"])
    path = Path(request["path"])
    with path.open("rb") as file:
        empty = not os.fstat(file.fileno()).st_size
        source = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        letter = reading.read(source, limits, Path(request["directory"]))
    return wire.encode(letter)


def _tried(request: dict[str, Any]) -> bytes:
    """Says what went wrong by kind and place only: messages of exceptions may quote the mail."""
    try:
        return answer(request)
    except Exception as error:  # noqa: BLE001 - one mail that cannot be read must not cost the next one its worker
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = (
            f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else "?"
        )
        return json.dumps({"failed": f"{type(error).__name__} in {where}"}).encode()


def main() -> None:
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    _confine(memory)
    # These end the process unless somebody handles them, and nobody does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, _BUSY * seconds)
        data = _tried(json.loads(line))
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write(struct.pack(">I", len(data)))
        out.write(data)
        out.flush()


if __name__ == "__main__":
    main()
