"""The border at which a defect ends."""

import asyncio
from typing import Any

import pytest

from gateway.bridge import Contained


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **details: Any) -> None:
        self.lines.append((event, details))


def test_a_defect_is_logged_with_its_traceback_and_given_to_whoever_has_to_tell_of_it():
    log, error = Log(), RuntimeError("broken")
    with Contained(log, "a message failed", message="m1") as work:
        raise error
    assert work.fault is error
    assert log.lines == [("a message failed", {"message": "m1", "exc_info": error})]


def test_what_succeeds_leaves_no_trace():
    log = Log()
    with Contained(log, "a message failed") as work:
        pass
    assert work.fault is None
    assert log.lines == []


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
def test_what_is_no_defect_goes_on(kind):
    log = Log()
    with pytest.raises(kind), Contained(log, "a message failed"):
        raise kind
    assert log.lines == []
