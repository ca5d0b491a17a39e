"""Samples into one markdown table: medians, both gateways side by side, their ratio."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.row import Measure, Row, Sample

ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Outcome:
    """All runs of one row with one archive setting: by the gateway's name, the samples or why there are none."""

    row: Row
    archive: bool
    samples: Mapping[str, Sequence[Sample]]
    failures: Mapping[str, str]


def table(outcomes: Iterable[Outcome], subject: str, yardstick: str | None) -> str:
    """The ratio is the subject's figure divided by the yardstick's; a figure that is better when larger says so."""
    columns = ["work", "archive", "figure", *([yardstick] if yardstick else []), subject]
    columns += ["ratio"] if yardstick else []
    columns.append("load's share of its core")
    lines = [_line(columns), _line(["---"] * len(columns))]
    for outcome in outcomes:
        lines += _rows(outcome, subject, yardstick)
    return "\n".join(lines)


def _rows(outcome: Outcome, subject: str, yardstick: str | None) -> list[str]:
    names = [yardstick, subject] if yardstick else [subject]
    lines = []
    for number, measure in enumerate(_measured(outcome)):
        figures = [_figure(outcome, name, measure) for name in names]
        cells = [
            outcome.row.title if number == 0 else "",
            ("on" if outcome.archive else "off") if number == 0 else "",
            measure.text + (" (more is better)" if measure.more_is_better else ""),
            *(_cell(outcome, name, figure, measure) for name, figure in zip(names, figures, strict=True)),
        ]
        if yardstick:
            cells.append(_ratio(*figures))
        cells.append(_load(outcome, names) if number == 0 else "")
        lines.append(_line(cells))
    return lines


def _measured(outcome: Outcome) -> list[Measure]:
    """Measures that some sample has, or the first one where there is no sample at all."""
    have = {key for samples in outcome.samples.values() for sample in samples for key in sample.values}
    return [measure for measure in outcome.row.measures if measure.key in have] or [outcome.row.measures[0]]


def _figure(outcome: Outcome, name: str, measure: Measure) -> float | None:
    values = [
        sample.values[measure.key] for sample in outcome.samples.get(name, ()) if measure.key in sample.values
    ]
    return median(values) if values else None


def _cell(outcome: Outcome, name: str, figure: float | None, measure: Measure) -> str:
    if figure is None:
        return "**failed**" if name in outcome.failures else ABSENT
    if math.isinf(figure):
        return "never"
    return f"{figure:,.{measure.digits}f}"


def _ratio(yardstick: float | None, subject: float | None) -> str:
    if yardstick is None or subject is None or not yardstick or math.isinf(yardstick) or math.isinf(subject):
        return ABSENT
    ratio = subject / yardstick
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2g}"


def _load(outcome: Outcome, names: Sequence[str]) -> str:
    shares = [
        f"{100 * median(sample.load_share for sample in samples):.0f} %"
        for name in names
        if (samples := outcome.samples.get(name))
    ]
    return " / ".join(shares) or ABSENT


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
