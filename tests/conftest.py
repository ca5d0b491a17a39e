"""What all tests share: the option ``--slow`` and the real servers."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from gateway import collector

# A busy machine is no defect: how long a case may take is for pytest-timeout.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

pytest_plugins = ["tests.rig.servers"]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Logging belongs to the whole process: a command that a test ran must not decide what the next test sees of it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(level)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run soak and fuzz runs too")


def pytest_configure() -> None:
    """Nine thousand tests are a lot to look through, time and again: a third of what it takes to collect them, and a sixth
    of what it takes to run them."""
    collector.rest()


def pytest_collection_finish() -> None:
    collector.settle()


#: Whose files take longest, for they wait for servers.
_LONG = frozenset({"scenario", "faults", "browser", "component"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests are left out unless asked for; they count as deselected, not as skipped. Long files come first: where
    processes share the work (``--no-loadscope-reorder``), short ones fill what is left at the end."""
    items.sort(key=lambda item: _LONG.isdisjoint(item.path.parts))
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow") is not None]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]
