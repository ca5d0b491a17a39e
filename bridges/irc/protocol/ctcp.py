"""CTCP: requests and replies hidden in PRIVMSG and NOTICE."""

from typing import NamedTuple


class Ctcp(NamedTuple):
    command: str  # upper-case
    argument: str


def parse(text: str) -> Ctcp | None:
    """The CTCP in a message's text, None if it is ordinary text."""
    raise NotImplementedError


def build(command: str, argument: str = "") -> str:
    """A message's text holding that CTCP. Raises ``Injection``."""
    raise NotImplementedError
