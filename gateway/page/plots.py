"""What happened over the last hour or day, drawn: traffic as columns, latency as lines, each with the numbers as a table.

Drawings are paths and words in a frame of ``WIDTH`` by ``HEIGHT``, which the template knows, too: it makes SVG of them, and
the style sheet colours them. Nothing is said by colour alone: what comes stands above the line, what goes below, what failed
in a row of its own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from gateway.ops.status import Point, Span
from gateway.page import phrases

WIDTH, HEIGHT = 400, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 4, 8, 18
_INNER = WIDTH - _LEFT - _RIGHT
_FAILED = 10  # height of the row of what failed
_STEPS = {Span.HOUR: (60, 60), Span.DAY: (900, 96)}  # seconds of a stretch, and how many
_TICKS = {Span.HOUR: 900, Span.DAY: 6 * 3600}  # seconds between two times that are written below
_ROWS = {Span.HOUR: 5, Span.DAY: 4}  # points in a row of the table
_WORDS = {Span.HOUR: "hour", Span.DAY: "day"}
_STRETCH = {Span.HOUR: "minute", Span.DAY: "quarter of an hour"}
_LEAST = 1e-4  # seconds; less than that is not told apart


@dataclass(frozen=True, slots=True)
class Drawing:
    """``marks`` are (class, path), ``across`` (y, words or nothing) of the lines that are drawn through, ``below`` (x,
    words). ``rows`` begin with the time. ``empty`` stands in the middle where there is nothing to draw."""

    title: str
    description: str
    heads: tuple[str, ...]
    marks: tuple[tuple[str, str], ...] = ()
    across: tuple[tuple[str, str], ...] = ()
    below: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    empty: str = ""


def traffic(points: Sequence[Point], span: Span) -> Drawing:
    """Messages in each stretch of time."""
    points = _whole(points, span)
    incoming = sum(each.incoming for each in points)
    outgoing = sum(each.outgoing for each in points)
    failed = sum(each.failed for each in points)
    title = f"Messages, last {_WORDS[span]}"
    up, down = (
        max((each.incoming for each in points), default=0),
        max((each.outgoing for each in points), default=0),
    )
    heads = ("From (UTC)", "In", "Out", "Failed")
    said = f"{phrases.count(incoming)} in, {phrases.count(outgoing)} out, {phrases.count(failed)} failed."
    rows = tuple(
        (
            phrases.minute(group[0].time),
            phrases.count(sum(each.incoming for each in group)),
            phrases.count(sum(each.outgoing for each in group)),
            phrases.count(sum(each.failed for each in group)),
        )
        for group in _groups(points, _ROWS[span])
    )
    if not (up or down or failed):
        return _empty(title, said, heads, points, span)
    said += f" At most {phrases.count(up)} in and {phrases.count(down)} out in a {_STRETCH[span]}."
    high, low = _round_up(up), _round_up(down)
    room = HEIGHT - _TOP - _BOTTOM - _FAILED
    scale = room / ((high + low) or 1)
    line = _TOP + high * scale
    marks = (
        ("in", _columns(points, lambda each: -each.incoming * scale, line - 0.5)),
        ("out", _columns(points, lambda each: each.outgoing * scale, line + 0.5)),
        ("failed", _columns(points, lambda each: -(_FAILED - 3) * bool(each.failed), HEIGHT - _BOTTOM)),
    )
    across = [(line, "0")]
    if high and high * scale > 12:
        across.append((_TOP, phrases.count(high)))
    if low and low * scale > 12:
        across.append((_TOP + room, phrases.count(low)))
    return Drawing(
        title,
        said,
        heads,
        tuple((name, path) for name, path in marks if path),
        tuple((f"{y:.1f}", words) for y, words in across),
        _times(points, span),
        rows,
    )


def latency(points: Sequence[Point], span: Span) -> Drawing:
    """Seconds from one side to the other: what half of the messages took at most (p50), and what 99 of 100 did (p99). The
    scale is logarithmic."""
    points = _whole(points, span)
    title = f"Latency, last {_WORDS[span]}"
    heads = ("From (UTC)", "p50", "p99")
    rows = tuple(
        (
            phrases.minute(group[0].time),
            phrases.delay(_middle(each.p50 for each in group)),
            phrases.delay(_longest(each.p99 for each in group)),
        )
        for group in _groups(points, _ROWS[span])
    )
    values = [max(_LEAST, value) for each in points for value in (each.p50, each.p99) if value is not None]
    if not values:
        said = "No message has crossed."
        return _empty(title, said, heads, points, span)
    half, most = _middle(each.p50 for each in points), _longest(each.p99 for each in points)
    said = (
        f"Half of the messages within {phrases.delay(half)}, 99 of 100 always within {phrases.delay(most)}."
    )
    low = math.floor(math.log10(min(values)) + 1e-9)
    high = max(low + 2, math.ceil(math.log10(max(values)) - 1e-9))
    room = HEIGHT - _TOP - _BOTTOM

    def height(seconds: float) -> float:
        return _TOP + room * (high - math.log10(max(_LEAST, seconds))) / (high - low)

    step = 1 if high - low <= 4 else 2
    across = tuple(
        (f"{height(10.0**each):.1f}", phrases.delay(10.0**each)) for each in range(low, high + 1, step)
    )
    marks = (
        ("p99", _line([(each.p99, height) for each in points])),
        ("p50", _line([(each.p50, height) for each in points])),
    )
    return Drawing(
        title, said, heads, tuple(each for each in marks if each[1]), across, _times(points, span), rows
    )


def _empty(title: str, said: str, heads: tuple[str, ...], points: Sequence[Point], span: Span) -> Drawing:
    floor = ((f"{HEIGHT - _BOTTOM:.1f}", ""),)
    return Drawing(title, said, heads, across=floor, below=_times(points, span), empty="No messages")


def shares(numbers: Sequence[tuple[str, int]]) -> list[tuple[str, str, str]]:
    """A bar of 100 by its parts: (class, x, width)."""
    total = sum(number for _, number in numbers) or 1
    parts: list[tuple[str, str, str]] = []
    x = 0.0
    for name, number in numbers:
        width = 100 * number / total
        parts.append((name, f"{x:.2f}", f"{width:.2f}"))
        x += width
    return parts


def _columns(points: Sequence[Point], height: Callable[[Point], float], line: float) -> str:
    step = _INNER / max(1, len(points))
    width = f"{step * 0.8:.1f}"
    parts = []
    for index, each in enumerate(points):
        tall = height(each)
        if tall:
            tall = math.copysign(max(1.0, abs(tall)), tall)  # one message is seen beside thousands
            parts.append(f"M{_LEFT + index * step:.1f} {line:.1f}h{width}v{tall:.1f}h-{width}z")
    return "".join(parts)


def _line(values: Sequence[tuple[float | None, Callable[[float], float]]]) -> str:
    """Broken where there is nothing; a value that stands alone is a dash."""
    step = _INNER / max(1, len(values))
    parts = []
    drawing = False
    for index, (value, height) in enumerate(values):
        if value is None:
            drawing = False
            continue
        x, y = _LEFT + index * step, height(value)
        alone = not drawing and (index + 1 == len(values) or values[index + 1][0] is None)
        middle = f"{'L' if drawing else 'M'}{x + step / 2:.1f} {y:.1f}"
        parts.append(f"M{x:.1f} {y:.1f}h{step:.1f}" if alone else middle)
        drawing = True
    return "".join(parts)


def _times(points: Sequence[Point], span: Span) -> tuple[tuple[str, str], ...]:
    step = _INNER / max(1, len(points))
    return tuple(
        (f"{_LEFT + index * step:.1f}", phrases.minute(each.time))
        for index, each in enumerate(points)
        if each.time % _TICKS[span] < 1 and 0 < index < len(points) - 2
    )


def _whole(points: Sequence[Point], span: Span) -> Sequence[Point]:
    """All stretches of the span, though the gateway may not have lived through all of them."""
    if not points:
        return points
    step, number = _STEPS[span]
    last = points[-1].time
    whole = [Point(last - (number - 1 - index) * step) for index in range(number)]
    for each in points:
        index = number - 1 - round((last - each.time) / step)
        if 0 <= index < number:
            whole[index] = each
    return whole


def _groups(points: Sequence[Point], size: int) -> Iterable[Sequence[Point]]:
    return (points[start : start + size] for start in range(0, len(points), size))


def _round_up(number: int) -> int:
    """To 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 ...; 0 stays."""
    if number <= 0:
        return 0
    power = int(10 ** math.floor(math.log10(number)))
    return next(each * power for each in (1, 2, 3, 4, 5, 6, 8, 10) if number <= each * power)


def _middle(values: Iterable[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return median(known) if known else None


def _longest(values: Iterable[float | None]) -> float | None:
    return max((each for each in values if each is not None), default=None)
