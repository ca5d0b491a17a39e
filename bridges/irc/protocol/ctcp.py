"""CTCP: requests and replies hidden in PRIVMSG and NOTICE (modern.ircdocs "Client-to-Client Protocol").

Without the old quoting below it (``\\x10n`` was a newline once): nobody sends that any more, and undoing it would put line
breaks where the sender had none.
"""

import re
from typing import NamedTuple

from bridges.irc.protocol.line import Injection

DELIMITER = "\x01"

_FORBIDDEN = re.compile("[\x00\x01\r\n]")


class Ctcp(NamedTuple):
    """``command`` is upper-case, ``argument`` empty where absent."""

    command: str
    argument: str


def parse(text: str) -> Ctcp | None:
    """The CTCP in a message's text, None if it is ordinary text. The closing delimiter may be missing: servers cut long
    lines, and some clients leave it out."""
    if text[:1] != DELIMITER:
        return None
    command, _, argument = text[1:].partition(DELIMITER)[0].partition(" ")
    return Ctcp(command.upper(), argument) if command else None


def build(command: str, argument: str = "") -> str:
    """A message's text that holds this CTCP. Raises ``Injection`` for what would end it early."""
    inner = f"{command} {argument}" if argument else command
    if _FORBIDDEN.search(inner) or not command or " " in command:
        raise Injection(f"The CTCP {command!r} or its argument holds a control character it cannot carry.")
    return f"{DELIMITER}{inner}{DELIMITER}"
