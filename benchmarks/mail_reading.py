"""What reading mail costs: ``python -m benchmarks.mail_reading``. Prints one table in Markdown.

Reads every mail of the corpora that ``scripts/corpora`` fetches, hostile ones, and one of 25 MB, in the worker that the
gateway reads with; processor time and memory are the worker's own, from the kernel.
"""

import argparse
import asyncio
import base64
import gc
import os
import random
import statistics
import struct
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bridges.email.mime.limits import DEFAULT
from bridges.email.mime.reader import Bounds, Reader
from bridges.email.mime.reading import read
from tests.unit.email.mime import corpora
from tests.unit.email.mime.hostile import HOSTILE

_MB = 1024 * 1024
_BIG = 25 * _MB
_MAILS = 2_000  # of 4 KB, one after another


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one mail: processor seconds, and how far the process's peak of resident memory rose, in octets."""

    name: str
    seconds: float
    memory: int


def _resident(pid: int | str = "self", what: str = "VmHWM") -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    return 0


def _costs(mails: Iterable[tuple[str, bytes]], directory: Path) -> list[Cost]:
    named = list(mails)
    seconds = []
    for _, raw in named:
        began = time.process_time()
        read(raw, DEFAULT, directory)
        seconds.append(time.process_time() - began)
    # Only then: after a fork, whatever is touched is copied first.
    memory = [_memory(raw, directory) for _, raw in named]
    return [Cost(name, spent, rose) for (name, _), spent, rose in zip(named, seconds, memory, strict=True)]


def _memory(raw: bytes, directory: Path) -> int:
    """In a process of its own, so that it finds no memory that another mail left."""
    ours, its = os.pipe()
    gc.collect()
    child = os.fork()
    if child:
        os.close(its)
        with os.fdopen(ours, "rb") as pipe:
            (memory,) = struct.unpack("q", pipe.read())
        os.waitpid(child, 0)
        return int(memory)
    _forget_peak("self")
    before = _resident(what="VmRSS")
    read(raw, DEFAULT, directory)
    os.write(its, struct.pack("q", _resident() - before))
    os._exit(0)


def _forget_peak(pid: int | str) -> None:
    """The peak of resident memory begins anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _big(path: Path) -> None:
    picture = base64.encodebytes(random.Random(1).randbytes(_BIG * 57 // 78))
    head = b"From: bob@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n--x\r\n"
    path.write_bytes(
        head
        + b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + picture
        + b"--x--\r\n"
    )


async def _through_the_worker(directory: Path) -> tuple[float, float, int, int]:
    """Seconds for a mail of 4 KB, for one of 25 MB; octets that the latter adds to the gateway, and to its worker."""
    files = directory / "files"
    files.mkdir()
    small, big = directory / "small", directory / "big"
    small.write_bytes(
        b"From: bob@example.org\r\nSubject: Tea\r\n\r\n" + b"All work and no play makes a dull boy.\r\n" * 100
    )
    _big(big)
    gc.collect()
    reader = Reader(bounds=Bounds(mails=1_000_000, seconds=30, patience=60))
    await reader.read(small, files)
    (worker,) = _children()
    began = time.perf_counter()
    for _ in range(_MAILS):
        await reader.read(small, files)
    each = (time.perf_counter() - began) / _MAILS
    ours, its = _resident(what="VmRSS"), _resident(worker, "VmRSS")
    _forget_peak("self")
    _forget_peak(worker)
    began = time.perf_counter()
    letter = await reader.read(big, files)
    took = time.perf_counter() - began
    assert letter.attachments
    result = each, took, _resident() - ours, _resident(worker) - its
    await reader.close()
    return result


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]


def main() -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.mail_reading", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-mail-") as place:
        directory = Path(place)
        each, took, ours, its = asyncio.run(_through_the_worker(directory))
        read(
            next(raw for _, raw in corpora.mails()), DEFAULT, directory
        )  # loads what is loaded only when it is needed
        real = _costs(corpora.mails(), directory)
        hostile = _costs(HOSTILE.items(), directory)
    seconds = sorted(cost.seconds for cost in real)
    rows = [
        (f"a real mail, median of {len(real)}: CPU ms", f"{statistics.median(seconds) * 1e3:.2f}", "5"),
        ("a real mail, 99th of 100: CPU ms", f"{seconds[len(seconds) * 99 // 100] * 1e3:.1f}", "-"),
        ("worst real mail: CPU ms", f"{seconds[-1] * 1e3:.1f}", "2,000"),
        ("worst real mail: MB", f"{max(cost.memory for cost in real) / _MB:.1f}", "200"),
        (
            f"worst of {len(hostile)} hostile mails: CPU ms",
            f"{max(cost.seconds for cost in hostile) * 1e3:.0f}",
            "2,000",
        ),
        ("worst of them: MB", f"{max(cost.memory for cost in hostile) / _MB:.0f}", "200"),
        ("4 KB through the worker: ms on the clock", f"{each * 1e3:.2f}", "-"),
        ("25 MB through the worker: ms on the clock", f"{took * 1e3:.0f}", "-"),
        ("25 MB: MB more in the gateway", f"{ours / _MB:.1f}", "100"),
        ("25 MB: MB more in the worker, the mapped mail included", f"{its / _MB:.1f}", "100"),
    ]
    print("| work | figure | target |\n| --- | --- | --- |")
    for work, figure, target in rows:
        print(f"| {work} | {figure} | {target} |")
    slow = max(hostile, key=lambda cost: cost.seconds), max(hostile, key=lambda cost: cost.memory)
    print(f"\nSlowest hostile: {slow[0].name}. Largest: {slow[1].name}.")


if __name__ == "__main__":
    main()
