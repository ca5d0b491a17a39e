"""Numbers as Prometheus reads them (text format 0.0.4). Knows no meaning of any of them."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.bridge import Measure, MeasureKind
from gateway.ops.traffic import BOUNDS, Latency

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST = 200
_ESCAPES = {"\\": "\\\\", "\n": "\\n", '"': '\\"'}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Seconds, as a measure."""

    name: str
    help: str
    value: Latency
    labels: tuple[tuple[str, str], ...] = ()


def render(prefix: str, measures: Iterable[tuple[Mapping[str, str], Measure | Histogram]]) -> bytes:
    """All measures, each with labels that it has besides its own. What has a name or label that Prometheus cannot read, or
    comes twice, is left out."""
    families: dict[str, list[str]] = {}
    seen: set[str] = set()
    for more, each in measures:
        labels = (*more.items(), *each.labels)
        if not _readable(each.name, labels):
            continue
        name = prefix + each.name
        kind = "histogram" if isinstance(each, Histogram) else each.kind.value
        lines = families.get(name)
        if lines is None:
            help_ = each.help.replace("\\", "\\\\").replace("\n", " ")
            lines = families[name] = [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
        elif lines[1] != f"# TYPE {name} {kind}":
            continue
        series = f"{name}{_labels(labels)}"
        if series in seen:
            continue
        seen.add(series)
        lines.extend(
            _histogram(name, labels, each.value)
            if isinstance(each, Histogram)
            else [f"{series} {_number(each.value)}"]
        )
    return "".join(f"{line}\n" for lines in families.values() for line in lines).encode()


def _readable(name: str, labels: Sequence[tuple[str, str]]) -> bool:
    names = [each for each, _ in labels]
    return (
        _NAME.fullmatch(name) is not None
        and all(_NAME.fullmatch(each) and not each.startswith("__") for each in names)
        and len(set(names)) == len(names)
    )


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_value(value)}"' for name, value in labels) + "}"


def _value(text: str) -> str:
    clean = text[:_LONGEST].encode("utf-8", "replace").decode().replace("\r", " ")
    return "".join(_ESCAPES.get(each, each) for each in clean)


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def _histogram(name: str, labels: Sequence[tuple[str, str]], latency: Latency) -> list[str]:
    lines = []
    count = 0
    for bound, more in zip((*BOUNDS, math.inf), latency.counts, strict=True):
        count += more
        lines.append(f"{name}_bucket{_labels((*labels, ('le', _number(bound))))} {count}")
    lines.append(f"{name}_sum{_labels(labels)} {_number(latency.seconds)}")
    lines.append(f"{name}_count{_labels(labels)} {count}")
    return lines


def counter(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.COUNTER, value, labels)


def gauge(name: str, help_: str, value: float, *labels: tuple[str, str]) -> Measure:
    return Measure(name, help_, MeasureKind.GAUGE, value, labels)
