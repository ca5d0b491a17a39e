"""Long runs in pieces, each with a seed of its own, so that what was found can be found again alone."""

import asyncio
import gc
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.irc.codecs import Codecs
from tests.fuzz.irc.grammar import Lines
from tests.fuzz.irc.sessions import Findings, Play

PIECE = 50_000  # lines of codecs with one seed
LONGEST = 30_000  # lines of one session
_TOLD = 2_000  # characters of a trace
_KINDS = 40  # of defects that are told


@dataclass(slots=True)
class Report:
    """``defects``: where it was -> how often, how to see it again, and the trace."""

    lines: int = 0
    findings: Findings = field(default_factory=Findings)
    defects: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def defect(self, error: BaseException, again: str) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{type(error).__name__} in {frames[-1].name}, {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}"
        if frames[-1].name.startswith(("_close", "_end", "check")):
            where += f" ({str(error)[:80]})"
        count, first, trace = self.defects.get(where, (0, again, ""))
        self.defects[where] = (count + 1, first, trace or "".join(traceback.format_exception(error))[-_TOLD:])

    def text(self) -> str:
        findings = self.findings
        rows = [f"{self.lines} lines, {findings.sessions} sessions, {findings.calls} wishes of the core"]
        if findings.sessions:
            took, line = findings.slowest
            rows.append(f"slowest line: {took * 1000:.1f} ms ({line!r}); over 50 ms: {findings.over_50_ms}")
            most = sorted(findings.largest.items(), key=lambda item: -item[1])[:15]
            rows.append("largest: " + ", ".join(f"{name} {size}" for name, size in most))
        for where, (count, again, trace) in list(self.defects.items())[:_KINDS]:
            rows.append(f"\n{count} x {where}\nagain: {again}\n{trace}")
        rows.append(f"{len(self.defects)} kinds of defects")
        return "\n".join(rows)


class Watch:
    """What is raised inside becomes a defect of the report, and the run goes on. ``again``, ``data``: how to see it."""

    __slots__ = ("_again", "_data", "_report", "found")

    def __init__(self, report: Report, again: str, data: bytes = b"") -> None:
        self._report = report
        self._again = again
        self._data = data
        self.found = False

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.found = True
        self._report.defect(error, f"{self._again} {self._data[:200]!r}" if self._data else self._again)
        return True


def codecs(seed: int, count: int, report: Report, say: Callable[[str], None] = lambda text: None) -> None:
    """``count`` lines for the codecs."""
    began = time.monotonic()
    for start in range(0, count, PIECE):
        rng = random.Random(f"codecs {seed} {start}")
        lines, fed = Lines(rng), Codecs(rng)
        for number in range(min(PIECE, count - start)):
            data = lines.raw()
            report.lines += 1
            with Watch(report, f"codecs, seed {seed}, piece {start}, line {number}", data) as watch:
                fed.feed(data)
            if watch.found:
                fed = Codecs(rng)
        say(f"codecs: {report.lines} lines, {len(report.defects)} defects, {time.monotonic() - began:.0f} s")


def sessions(seed: int, count: int, report: Report, say: Callable[[str], None] = lambda text: None) -> None:
    """``count`` lines for whole sessions."""
    began, told = time.monotonic(), 0
    findings = report.findings
    while findings.lines < count:
        rng = random.Random(f"session {seed} {findings.sessions}")
        findings.sessions += 1
        most = min(int(10 ** rng.uniform(1.5, 4.5)), LONGEST, count - findings.lines)
        before = findings.lines
        gc.collect()  # now, so that no line is charged with what the lines before it left behind
        gc.disable()
        try:
            with Watch(report, f"session {findings.sessions - 1}, seed {seed}, {most} lines"):
                asyncio.run(Play(rng, Lines(rng), findings).run(most))
        finally:
            gc.enable()
        report.lines += findings.lines - before
        if findings.lines - told >= PIECE:
            told = findings.lines
            spent = time.monotonic() - began
            say(
                f"sessions: {findings.lines} lines in {findings.sessions}, {len(report.defects)} defects, {spent:.0f} s"
            )
