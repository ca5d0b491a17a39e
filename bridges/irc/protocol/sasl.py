"""SASL over IRC (IRCv3 sasl-3.1, sasl-3.2): mechanisms, and the exchange around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridges.irc.protocol.line import Line


class MechanismFailed(Exception):
    """The mechanism refuses to go on (a server that proves to be false, for instance); text for people."""


class Mechanism(Protocol):
    """One SASL mechanism, used for one exchange."""

    name: str

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge (``b""`` first: every mechanism of IRC speaks first). Raises ``MechanismFailed``."""


class Plain:
    """RFC 4616."""

    name: str

    def __init__(self, user: str, password: str) -> None:
        raise NotImplementedError

    def respond(self, challenge: bytes) -> bytes:
        raise NotImplementedError


class Result(StrEnum):
    SUCCESS = "success"
    FAILED = "failed"  # the server refused our credentials
    UNAVAILABLE = "unavailable"  # no SASL, or no mechanism in common, or services are away


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended; ``text`` in the server's words where it gave any; ``account`` is who we are now."""

    result: Result
    text: str = ""
    account: str = ""


class SaslEngine:
    """One login: tries the given mechanisms in order. ``outcome`` is None until it is over."""

    outcome: Outcome | None

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        raise NotImplementedError

    def start(self, offered: str = "") -> list[str]:
        """Begin; ``offered`` is the value of the ``sasl`` capability (``PLAIN,EXTERNAL``), empty if none was told."""
        raise NotImplementedError

    def feed(self, line: Line) -> list[str]:
        """The lines to send in answer to AUTHENTICATE, 421, 900-908; others are ignored."""
        raise NotImplementedError
