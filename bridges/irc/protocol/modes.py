"""Channel modes: MODE lines and NAMES entries read with the server's own PREFIX and CHANMODES. Total: nothing here raises,
and one odd argument never costs the changes after it."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from bridges.irc.protocol.isupport import Isupport


class ModeKind(Enum):
    """The kinds of CHANMODES, and PREFIX."""

    PREFIX = "prefix"  # of an occupant, who is the argument
    LIST = "A"
    ALWAYS = "B"
    WHEN_SET = "C"
    FLAG = "D"


class ModeChange(NamedTuple):
    """One letter of a MODE. ``argument`` is None where the kind has none or the server left it out."""

    adding: bool
    letter: str
    argument: str | None
    kind: ModeKind


class NamesEntry(NamedTuple):
    """One word of 353. ``modes`` are mode letters (not symbols), highest first; user and host empty where not told."""

    modes: str
    nick: str
    user: str
    host: str


def kind_of(letter: str, isupport: Isupport) -> ModeKind:
    """What a channel mode letter is; an unknown one is taken for a flag (it would eat another one's argument else)."""
    if letter in isupport.symbol_of:
        return ModeKind.PREFIX
    lists, always, when_set, _ = isupport.chanmodes
    if letter in lists:
        return ModeKind.LIST
    if letter in always:
        return ModeKind.ALWAYS
    return ModeKind.WHEN_SET if letter in when_set else ModeKind.FLAG


def parse_modes(params: Sequence[str], isupport: Isupport) -> list[ModeChange]:
    """The changes of a channel MODE (``params`` without the channel) or of 324."""
    if not params:
        return []
    arguments = iter(params[1:])
    adding = True
    changes = []
    for letter in params[0]:
        if letter in "+-":
            adding = letter == "+"
            continue
        kind = kind_of(letter, isupport)
        takes = kind is not ModeKind.FLAG and (adding or kind is not ModeKind.WHEN_SET)
        changes.append(ModeChange(adding, letter, next(arguments, None) if takes else None, kind))
    return changes


def parse_names(text: str, isupport: Isupport) -> list[NamesEntry]:
    """The occupants in the last parameter of 353: ``@+nick`` (multi-prefix), ``@nick!user@host`` (userhost-in-names)."""
    mode_of = isupport.mode_of
    symbols = isupport.prefix_symbols
    entries = []
    for word in text.split(" "):
        nick, bang, userhost = word.partition("!")
        bare = nick.lstrip(symbols) if symbols else nick
        if not bare:
            continue
        modes = "".join([mode_of[symbol] for symbol in nick[: len(nick) - len(bare)]])
        if len(modes) > 1:
            modes = highest_first(modes, isupport)
        user, _, host = userhost.rpartition("@") if bang else ("", "", "")
        entries.append(NamesEntry(modes, bare, user, host))
    return entries


def highest_first(modes: str, isupport: Isupport) -> str:
    """``modes`` in the server's order of rank, each once, letters that are no prefix modes left out."""
    return "".join([mode for mode in isupport.prefix_modes if mode in modes])
