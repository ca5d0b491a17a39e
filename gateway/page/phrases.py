"""Numbers, times and states as people read them."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from gateway.model.accounts import AccountState
from gateway.ops.status import Direction, FilesView

#: What is fine, what will be fine by itself, and what somebody has to see to: shown as a sign and a colour beside the word.
GOOD, WAIT, BAD, QUIET = "good", "wait", "bad", "quiet"

_SESSIONS: Mapping[str, tuple[str, str]] = {
    AccountState.CONNECTED: (GOOD, "connected"),
    AccountState.CONNECTING: (WAIT, "connecting"),
    AccountState.WAITING: (WAIT, "waiting to log in"),
    AccountState.TRANSIENT_DISCONNECT: (WAIT, "will be retried"),
    AccountState.BAD_CREDENTIALS: (BAD, "wrong password"),
    AccountState.STOPPED: (BAD, "stopped"),
    AccountState.IDLE: (QUIET, "idle"),
}
_LINKS: Mapping[str, tuple[str, str]] = {
    "up": (GOOD, "up"),
    "connecting": (WAIT, "connecting"),
    "down": (BAD, "down"),
    "refused": (BAD, "refused"),
    "closed": (QUIET, "closed"),
    "failed": (BAD, "failed"),
    "being made": (WAIT, "being made"),
}
#: What messages wait for, by the names that all bridges' queues have; a bridge's own are said as they are.
_QUEUES: Mapping[str, str] = {
    "network": "to be taken by the network",
    "user": "for users who are away",
    "turn": "for their turn",
    "confirmation": "for the XMPP server to have them",
    "commit": "to be written down",
    "server": "to be written to the XMPP server",
}
_DIRECTIONS = {Direction.OUT: "to the network", Direction.IN: "from the network"}

#: In the order in which they are listed: what needs somebody first.
STATES: tuple[str, ...] = (
    AccountState.BAD_CREDENTIALS,
    AccountState.STOPPED,
    AccountState.TRANSIENT_DISCONNECT,
    AccountState.WAITING,
    AccountState.CONNECTING,
    AccountState.CONNECTED,
    AccountState.IDLE,
)

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def count(number: float) -> str:
    """12,345"""
    return f"{number:,.0f}"


def rate(number: float) -> str:
    """A number a second: 0, 0.02, 3.4, 120."""
    if number == 0:
        return "0"
    if number < 0.1:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def delay(seconds: float | None) -> str:
    """A short time: 4 ms, 1.2 s; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{count(seconds)} s"


def period(seconds: float) -> str:
    """A long time, in its two largest units: 40 s, 3 min, 2 h 5 min, 4 d 2 h."""
    rest = max(0, int(seconds))
    if rest < _MINUTE:
        return f"{rest} s"
    if rest < _HOUR:
        return f"{rest // _MINUTE} min"
    if rest < _DAY:
        return f"{rest // _HOUR} h {rest % _HOUR // _MINUTE} min"
    return f"{rest // _DAY} d {rest % _DAY // _HOUR} h"


def ahead(time: float | None, now: float) -> str:
    """When something is due."""
    if time is None:
        return ""
    return f"in {period(time - now)}" if time > now else "now"


def clock(time: float) -> str:
    """15:32:10"""
    return _utc(time).strftime("%H:%M:%S")


def minute(time: float) -> str:
    """15:32"""
    return _utc(time).strftime("%H:%M")


def date(time: float) -> str:
    """2026-11-21 15:32:10"""
    return _utc(time).strftime("%Y-%m-%d %H:%M:%S")


def machine(time: float) -> str:
    """For ``<time datetime>``."""
    return _utc(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(time: float) -> datetime:
    try:
        return datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def size(octets: float) -> str:
    """Of memory: 84 MB."""
    return f"{octets / 1e6:,.0f} MB"


def some_files(files: Mapping[Direction, FilesView]) -> list[tuple[Direction, FilesView]]:
    """Those directions in which there were any."""
    return [(way, each) for way, each in files.items() if each.total or each.refused or each.under_way]


def session_state(state: str) -> str:
    return _SESSIONS.get(state, (QUIET, state))[1]


def session_tone(state: str) -> str:
    return _SESSIONS.get(state, (QUIET, state))[0]


def link_state(state: str) -> str:
    return _LINKS.get(state, (WAIT, state))[1]


def link_tone(state: str) -> str:
    return _LINKS.get(state, (WAIT, state))[0]


def queue(name: str) -> str:
    return _QUEUES.get(name, name.replace("_", " "))


def way(direction: Direction | None) -> str:
    return _DIRECTIONS[direction] if direction is not None else ""


def in_order(states: Mapping[str, int]) -> list[tuple[str, int]]:
    """Sessions by state as they are listed; none of a state is not said."""
    known = [(each, states[each]) for each in STATES if states.get(each)]
    return known + sorted((name, number) for name, number in states.items() if number and name not in STATES)


_UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def seen(value: object) -> object:
    """Nothing that is shown holds what cannot be seen, or turns round what follows: names come from strangers."""
    if isinstance(value, str) and _UNSEEN.search(value):
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    return value


FILTERS: Mapping[str, Callable[..., object]] = {
    "count": count,
    "rate": rate,
    "delay": delay,
    "period": period,
    "ahead": ahead,
    "clock": clock,
    "minute": minute,
    "date": date,
    "machine": machine,
    "size": size,
    "session_state": session_state,
    "session_tone": session_tone,
    "link_state": link_state,
    "link_tone": link_tone,
    "queue": queue,
    "some_files": some_files,
    "way": way,
    "in_order": in_order,
}
