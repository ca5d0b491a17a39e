"""The log: one line an event, as text for people or JSON for machines.

What a value may hold is not trusted: control characters of foreign text cannot break lines or terminals, and values of keys
that sound like secrets are not written. What libraries log through ``logging`` comes out the same way.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "text", "json"]

_SECRET = re.compile(r"secret|passw|token|credential|handshake", re.IGNORECASE)
#: Who a line is about on our side; all other addresses are shortened.
_OURS = frozenset(
    {"user", "owner", "jid", "author", "admin", "subject", "host", "place", "logger", "event", "timestamp"}
)
_ADDRESS = re.compile(r"([^\s<>\"'(),;:=@\\])[^\s<>\"'(),;:=@\\]*(@|\\40)((?:[\w-]+\.)+[\w-]+)")
_NUMBER = re.compile(
    r"(?<![\w.:/-])(0\d?[\d ()/-]{4,14}(?=\d\d(?![\w.:-]?\w))|\d\d\d{5,11}(?=\d\d(?![\w.:-]?\w)))(\d\d)"
)
_NUMBER_OF_OURS = re.compile(r"(\+\d{2})\d{4,13}(\d{2})(?!\d)")
_PLAIN = re.compile(r"[^\s\"=\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}


def set_up(level: Level, format: Format = "auto", stream: TextIO | None = None) -> None:
    """Send all logging of the process to ``stream`` (standard error), from now on. Can be called again."""
    out = stream or sys.stderr
    terminal = out.isatty()
    as_json = format == "json" or (format == "auto" and not terminal)
    time = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        time,
        _hide,
        structlog.processors.format_exc_info,
        _shorten,
    ]
    render: Processor = _as_json if as_json else _Text(colour=terminal)
    structlog.configure(
        processors=[_name, *shared, render],
        wrapper_class=_filter(level),
        logger_factory=lambda *names: _Line(out, str(names[0]) if names else ""),
        # Kept loggers would not hear of a change of the level, and nothing hot logs.
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_foreign_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = _Handler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Never more of libraries than warnings: below that they log whole stanzas and statements.
    root.setLevel(logging.WARNING if level != "error" else logging.ERROR)
    logging.captureWarnings(True)


def set_level(level: Level) -> None:
    """Change the least that is logged, of everything of ours."""
    structlog.configure(**{**structlog.get_config(), "wrapper_class": _filter(level)})


def _filter(level: Level) -> type[structlog.typing.FilteringBoundLogger]:
    return structlog.make_filtering_bound_logger(level)


def _write(stream: TextIO, line: str) -> None:
    # Where the log itself cannot be written (a closed pipe, a full disk), nobody can be told, and the gateway goes on.
    with suppress(OSError, ValueError):
        stream.write(line + "\n")
        stream.flush()


class _Line:
    """The last step of structlog: a finished line to the stream."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        _write(self._stream, line)

    debug = info = warning = error = critical = exception = log = msg


class _Handler(logging.Handler):
    """The last step of ``logging``: the same."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        _write(self._stream, self.format(record))


def _name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _foreign_name(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["logger"] = event["_record"].name
    return event


def _hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in event:
        if _SECRET.search(key):
            event[key] = "***"
    return event


def _shorten(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Nobody else's address, and nobody's telephone number, stands in a log in full, wherever it comes from: reasons that
    networks give hold them, and errors of libraries do."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _shortened(key, value)
        elif isinstance(value, list | tuple):
            event[key] = [_shortened(key, each) if isinstance(each, str) else each for each in value]
    return event


def _shortened(key: str, value: str) -> str:
    text = _NUMBER_OF_OURS.sub(r"\1…\2", value)
    if key in _OURS:
        return text
    text = _ADDRESS.sub(r"\1…\2\3", text)
    return _NUMBER.sub(_outer, text) if " " in text else text


def _outer(number: re.Match[str]) -> str:
    return f"{number[0][:2]}…{number[2]}"


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return json.dumps({**first, **event}, default=str, ensure_ascii=True)


class _Text:
    """``12:00:00.000 info    link up  jid=irc.example.org  [gateway.xmpp.link]``; times are UTC."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        time, level = event.pop("timestamp", ""), event.pop("level", "")
        name, trace = event.pop("logger", ""), event.pop("exception", "")
        line = f"{time:.19}Z {level:7} {_clean(str(event.pop('event', '')))}{_pairs(event)}"
        if name:
            line += f"  [{name}]"
        if trace:
            line += "".join(f"\n    {_clean(each)}" for each in str(trace).splitlines())
        colour = _COLOURS.get(level) if self._colour else None
        return f"{colour}{line}\x1b[0m" if colour else line


def _pairs(event: Mapping[str, Any]) -> str:
    return "".join(f" {key}={_value(value)}" for key, value in event.items())


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def _clean(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)
