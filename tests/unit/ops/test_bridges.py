"""What each kind of bridge counts: always the same series, whoever and whatever comes by."""

from pathlib import Path

import pytest

from bridges.irc.tally import Tallies
from gateway.bridge import MeasureKind
from tests.unit.ops.kinds import PLUGINS, built, measures


@pytest.mark.parametrize("kind", PLUGINS)
def test_a_bridge_has_numbers_before_it_has_begun(kind: str, tmp_path: Path) -> None:
    found = measures(built(kind, tmp_path))
    assert found
    assert all(each.name.startswith(f"{kind}_") and each.help for each in found)
    assert all(each.name.endswith("_total") == (each.kind is MeasureKind.COUNTER) for each in found)
    series = [(each.name, each.labels) for each in found]
    assert len(set(series)) == len(series)
    shapes = {(each.name, tuple(name for name, _ in each.labels)) for each in found}
    assert len({name for name, _ in shapes}) == len(shapes)


def test_networks_that_users_think_of_are_counted_together() -> None:
    tallies = Tallies(["irc.example.org"])
    series = len(list(tallies.measures()))
    for number in range(100):
        tallies.of(f"irc{number}.example.net").lines_in += 1
    tallies.of("irc.example.org").lines_in += 7
    found = {each.labels: each.value for each in tallies.measures() if each.name == "irc_lines_total"}
    assert found[("network", "other"), ("direction", "in")] == 100
    assert found[("network", "irc.example.org"), ("direction", "in")] == 7
    assert len(list(tallies.measures())) == series
