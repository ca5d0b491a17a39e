"""Prometheus' text format, read back by Prometheus' own parser."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gateway.bridge import Measure, MeasureKind
from gateway.ops.exposition import Histogram, counter, gauge, render
from gateway.ops.traffic import BOUNDS, Latency

ANYTHING = st.text(st.characters(codec="utf-8"), max_size=60)


def read(data: bytes) -> dict[str, tuple[str, list[tuple[str, dict[str, str], float]]]]:
    return {
        family.name: (family.type, [(each.name, dict(each.labels), each.value) for each in family.samples])
        for family in text_string_to_metric_families(data.decode())
    }


def test_series_of_one_name_stand_together_whoever_they_are_of() -> None:
    data = render(
        "x_",
        [
            ({"bridge": name}, each)
            for name in ("a", "b")
            for each in (gauge("one", "1", 1), gauge("two", "2", 2))
        ],
    )
    assert [line for line in data.decode().splitlines() if not line.startswith("#")] == [
        'x_one{bridge="a"} 1',
        'x_one{bridge="b"} 1',
        'x_two{bridge="a"} 2',
        'x_two{bridge="b"} 2',
    ]


@given(ANYTHING, ANYTHING, st.floats())
def test_whatever_help_and_label_values_hold_comes_back(help_: str, label: str, number: float) -> None:
    found = read(render("x_", [({}, gauge("one", help_, number, ("what", label)))]))
    ((name, labels, value),) = found["x_one"][1]
    assert name == "x_one"
    assert labels == {"what": label.replace("\r", " ")}
    assert value == number or math.isnan(number)


@given(st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=20))
def test_a_bridge_that_names_its_measures_badly_spoils_nobody_elses(
    measures: list[tuple[str, str, str]],
) -> None:
    bad = [
        ({"bridge": "b"}, Measure(name, "", MeasureKind.GAUGE, 1, ((label, value),)))
        for name, label, value in measures
    ]
    found = read(render("x_", [*bad, ({}, counter("good_total", "Good.", 3))]))
    assert found["x_good"] == ("counter", [("x_good_total", {}, 3)])


def test_the_same_series_twice_is_one() -> None:
    data = render("x_", [({}, gauge("one", "", 1)), ({}, gauge("one", "", 2))])
    assert read(data)["x_one"][1] == [("x_one", {}, 1)]


@given(st.lists(st.floats(0, 200), max_size=50))
def test_a_histogram_counts_up_to_all(values: list[float]) -> None:
    latency = Latency()
    for each in values:
        latency.add(each)
    kind, samples = read(render("", [({"bridge": "b"}, Histogram("took_seconds", "Took.", latency))]))[
        "took_seconds"
    ]
    assert kind == "histogram"
    buckets = [value for name, _, value in samples if name.endswith("_bucket")]
    assert len(buckets) == len(BOUNDS) + 1
    assert buckets == sorted(buckets)
    totals = {name: value for name, _, value in samples if not name.endswith("_bucket")}
    assert totals["took_seconds_count"] == buckets[-1] == len(values)
    assert abs(totals["took_seconds_sum"] - sum(values)) < 1e-6 * (1 + sum(values))
