"""The log: formats, levels, and what must never be in it."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from pydantic import SecretStr

from gateway import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging belongs to the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_one_object_a_line_with_time_level_event_and_logger() -> None:
    out = StringIO()
    logs.set_up("info", "auto", out)
    structlog.get_logger("gateway.toy").info("link up", jid="irc.example.org", tries=2)
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "level": "info",
        "event": "link up",
        "jid": "irc.example.org",
        "tries": 2,
        "logger": "gateway.toy",
    }


def test_a_terminal_gets_text() -> None:
    out = Terminal()
    logs.set_up("info", "auto", out)
    structlog.get_logger("gateway.toy").info("link up", jid="irc.example.org", reason="it was time")
    assert out.getvalue().endswith(
        'Z info    link up jid=irc.example.org reason="it was time"  [gateway.toy]\n'
    )


def test_the_level_is_the_least_that_is_logged_and_can_change() -> None:
    out = StringIO()
    logs.set_up("warning", "json", out)
    log = structlog.get_logger("toy")
    log.info("one")
    log.warning("two")
    logs.set_level("debug")
    log.debug("three")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["two", "three"]


@pytest.mark.parametrize("format", ["text", "json"])
def test_values_that_sound_secret_are_not_written(format: logs.Format) -> None:
    out = StringIO()
    logs.set_up("info", format, out)
    log = structlog.get_logger("toy")
    log.info(
        "one",
        password="hunter2",
        sasl_token="hunter2",
        settings=SecretStr("hunter2"),
        client_secret="hunter2",
    )
    assert out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize("format", ["text", "json"])
def test_foreign_text_breaks_neither_line_nor_terminal(format: logs.Format) -> None:
    out = StringIO()
    logs.set_up("info", format, out)
    structlog.get_logger("toy").info("said\nfake", text="a\nb\x1b[31m\x9b31m\u2028c \ud800")
    text = out.getvalue()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "\x9b" not in text


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_is_written_with_its_trace(format: logs.Format) -> None:
    out = StringIO()
    logs.set_up("info", format, out)
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("toy").exception("something failed")
    assert "Traceback" in out.getvalue()
    assert "ValueError: broken" in out.getvalue()


def test_what_libraries_warn_of_comes_out_the_same_way_and_their_chatter_does_not() -> None:
    out = StringIO()
    logs.set_up("debug", "json", out)
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").warning("slow callback: %s", "x")
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["logger"]) == ("slow callback: x", "warning", "asyncio")


def test_setting_up_again_does_not_double_lines() -> None:
    out = StringIO()
    logs.set_up("info", "json", StringIO())
    logs.set_up("info", "json", out)
    logging.getLogger("asyncio").warning("once")
    assert len(out.getvalue().splitlines()) == 1


def test_a_stream_that_cannot_be_written_does_not_stop_the_program() -> None:
    out = StringIO()
    logs.set_up("info", "json", out)
    out.close()
    structlog.get_logger("toy").info("unheard")
    logging.getLogger("asyncio").warning("unheard")
