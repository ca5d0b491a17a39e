"""The log: formats, levels, and what must never be in it."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
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


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("reason", "550 5.1.1 <bob.miller@example.org>: unknown", "550 5.1.1 <b…@example.org>: unknown"),
        ("reason", r"no contact carol\40example.org here", r"no contact c…\40example.org here"),
        ("jid", "+4917012345678@sms.example.org", "+49…78@sms.example.org"),
        ("reason", "+49 is a code, +4917012345678 a number", "+49 is a code, +49…78 a number"),
        ("reason", "the number 0170 1234567 is not reachable", "the number 01…67 is not reachable"),
        ("reason", "nobody at 4917012345678 today", "nobody at 49…78 today"),
        (
            "reason",
            "cannot connect to 192.168.100.10 port 5347",
            "cannot connect to 192.168.100.10 port 5347",
        ),
        ("reason", "since 2026-11-21 16:18:12 nothing", "since 2026-11-21 16:18:12 nothing"),
        ("user", "alice@example.org", "alice@example.org"),
        ("message", "0123456789abcdef-17012345678901", "0123456789abcdef-17012345678901"),
        ("network_ids", ["1700000000123", "x@y"], ["1700000000123", "x@y"]),
    ],
)
def test_others_addresses_and_all_numbers_are_shortened(key: str, value: object, written: object) -> None:
    out = StringIO()
    logs.set_up("info", "json", out)
    structlog.get_logger("gateway.toy").info("something happened", **{key: value})
    assert json.loads(out.getvalue())[key] == written


@given(st.from_regex(r"\+[1-9]\d{7,14}", fullmatch=True), st.text(max_size=30), st.text(max_size=30))
def test_no_international_number_is_ever_written_in_full(number: str, before: str, after: str) -> None:
    out = StringIO()
    logs.set_up("info", "json", out)
    structlog.get_logger("gateway.toy").info(
        "it happened", reason=f"{before} {number} {after}", jid=f"{number}@gw"
    )
    event = json.loads(out.getvalue())
    assert number not in event["reason"]
    assert number not in event["jid"]
