"""``docs/metrics.md``: the table has every metric that there is, and the rules use no others."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.clock import SystemClock
from gateway.media.service import MediaService
from gateway.ops.exposition import render
from gateway.ops.health import Health
from gateway.ops.metrics import PREFIX, exposition
from gateway.ops.transfers import Transfers
from gateway.settings import MediaSettings
from gateway.storage.database import opened
from gateway.storage.files import FileStore
from gateway.web.tally import Listeners
from tests.component.stage import Stage
from tests.unit.ops.kinds import PLUGINS, built, measures

_PAGE = Path(__file__).parents[2] / "docs/metrics.md"
_ROW = re.compile(r"^\| `(causeway_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
_RULES = re.compile(r"^```yaml\n(groups:.*?)^```$", re.MULTILINE | re.DOTALL)

Metric = tuple[str, frozenset[str]]


def exposed(text: str) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = frozenset(label for sample in family.samples for label in sample.labels) - {"le"}
        found[name] = family.type, labels
    return found


async def all_metrics(stage: Stage, directory: Path) -> dict[str, Metric]:
    clock = SystemClock()
    async with opened(f"sqlite:///{directory / 'other.db'}", clock=clock) as database:
        files = FileStore(database)
        media = MediaService(MediaSettings(directory=directory), files, clock, "test")
        transfers = Transfers(media, Listeners())
        core = exposition([stage.component], transfers, database, Health(clock), "1.0", clock.now(), 0.0)
    found = exposed(core.decode())
    for kind in PLUGINS:
        own = render(PREFIX, (({"bridge": kind}, each) for each in measures(built(kind, directory))))
        found |= exposed(own.decode())
    return found


async def test_the_page_lists_every_metric_with_its_type_and_labels(stage: Stage, tmp_path: Path) -> None:
    written = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in _ROW.findall(_PAGE.read_text(encoding="utf-8"))
    }
    assert written == await all_metrics(stage, tmp_path)


async def test_rules_for_alerts_are_about_metrics_that_there_are(stage: Stage, tmp_path: Path) -> None:
    known = await all_metrics(stage, tmp_path)
    series = known.keys() | {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    found = _RULES.search(_PAGE.read_text(encoding="utf-8"))
    assert found is not None
    rules = re.split(r"^ {6}- alert: ", found[1], flags=re.MULTILINE)[1:]
    assert len(rules) > 5
    for rule in rules:
        assert re.match(r"Causeway[A-Z]\w+\n {8}expr: ", rule)
        assert re.search(r"^ {8}annotations:\n {10}summary: \S", rule, re.MULTILINE)
        names = set(re.findall(r"causeway_\w+", rule.partition("annotations:")[0]))
        assert names
        assert names <= series
