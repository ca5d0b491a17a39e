"""Long runs in pieces, each with a seed of its own, so that what was found can be found again alone."""

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.sms.codecs import TARGETS

PIECE = 10_000  # cases of one target with one seed
_SLOW = 0.25  # seconds of processor time: nothing of the size that is made here may take so long
_TOLD = 2_000  # characters of a trace


@dataclass(slots=True)
class Report:
    """``defects``: where it was -> how often, how to see it again, and the trace."""

    cases: dict[str, int] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    defects: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def defect(self, error: BaseException, again: str) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {place.name}, {place.filename.rpartition('/')[2]}:{place.lineno}"
        times, first, trace = self.defects.get(where, (0, again, ""))
        self.defects[where] = (times + 1, first, trace or "".join(traceback.format_exception(error))[-_TOLD:])

    def slow(self, took: float, again: str) -> None:
        times, first, _ = self.defects.get("too slow", (0, again, ""))
        self.defects["too slow"] = (times + 1, first, f"{took:.2f} s of processor time")

    def text(self) -> str:
        rows = [", ".join(f"{name} {times}" for name, times in self.cases.items())]
        rows.append(f"slowest case: {self.slowest[0] * 1000:.1f} ms ({self.slowest[1]})")
        for where, (times, again, trace) in self.defects.items():
            rows.append(f"\n{times} x {where}\nagain: {again}\n{trace}")
        rows.append(f"{len(self.defects)} kinds of defects")
        return "\n".join(rows)


class Watch:
    """One case: what is raised inside becomes a defect of the report, as does taking too long."""

    def __init__(self, report: Report, again: str) -> None:
        self._report = report
        self._again = again

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        took = time.process_time() - self._began
        if isinstance(error, Exception):
            self._report.defect(error, self._again)
        elif took > _SLOW:
            self._report.slow(took, self._again)
        if took > self._report.slowest[0]:
            self._report.slowest = (took, self._again)
        return isinstance(error, Exception)


def run(
    seed: int,
    cases: int,
    report: Report,
    *,
    tell: Callable[[str], None] | None = None,
    only: str | None = None,
) -> None:
    """So many cases, by turns of all targets. What is found is in the report."""
    names = [only] if only else sorted(TARGETS)
    done = 0
    while done < cases:
        share = min(PIECE, -(-(cases - done) // len(names)))
        for name in names:
            times = min(share, cases - done)
            _piece(name, seed, times, report)
            done += times
        seed += 1
        if tell is not None:
            tell(f"{done} cases, {len(report.defects)} kinds of defects")


def _piece(name: str, seed: int, times: int, report: Report) -> None:
    target = TARGETS[name]
    rng = random.Random(f"{name}:{seed}")
    report.cases[name] = report.cases.get(name, 0) + times
    for number in range(times):
        again = f"--only {name} --seed {seed}, case {number}"
        with Watch(report, again):
            target(rng)
