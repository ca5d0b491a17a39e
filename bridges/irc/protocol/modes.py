"""Channel modes: MODE lines and NAMES entries read with the server's own PREFIX and CHANMODES. Total: nothing here raises,
and one odd argument never costs the changes after it."""

from collections.abc import Iterable, Mapping, Sequence
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


#: The modes that a channel has, but for lists and those of occupants: letter -> argument, "" where the kind has none.
Modes = Mapping[str, str]


def apply(modes: Modes, changes: Iterable[ModeChange]) -> dict[str, str]:
    """``modes`` after ``changes``; those of lists and occupants do not count, nor letters that no server has: there are too
    many of them to remember."""
    after = dict(modes)
    for change in changes:
        if change.kind in (ModeKind.PREFIX, ModeKind.LIST) or not "!" <= change.letter <= "~":
            continue
        if change.adding:
            after[change.letter] = change.argument or ""
        else:
            after.pop(change.letter, None)
    return after


def difference(now: Modes, wanted: Modes, isupport: Isupport) -> list[ModeChange]:
    """The fewest changes that make ``wanted`` of ``now``. Of kind B an argument to be replaced is taken away first: servers
    refuse a second key (RFC 1459 §4.2.3.1, 467)."""
    taken, given = [], []
    for letter in sorted(now.keys() | wanted.keys()):
        kind = kind_of(letter, isupport)
        if letter not in wanted:
            argument = (now[letter] or "*") if kind is ModeKind.ALWAYS else None
            taken.append(ModeChange(False, letter, argument, kind))
        elif now.get(letter) != wanted[letter]:
            if kind is ModeKind.ALWAYS and letter in now:
                taken.append(ModeChange(False, letter, now[letter] or "*", kind))
            given.append(ModeChange(True, letter, wanted[letter] or None, kind))
    return taken + given


def mode_words(changes: Sequence[ModeChange]) -> list[str]:
    """The changes as parameters of a MODE, behind the channel: ``["+v-o", "bob", "bob"]``."""
    letters, sign = "", ""
    for change in changes:
        wanted = "+" if change.adding else "-"
        letters += change.letter if wanted == sign else wanted + change.letter
        sign = wanted
    return [letters, *(change.argument for change in changes if change.argument is not None)]


def batches(changes: Sequence[ModeChange], isupport: Isupport, room: int) -> list[list[ModeChange]]:
    """The changes in as few MODE lines as the server takes: at most ``MODES`` arguments each, and ``room`` bytes behind the
    channel's name. A single change that is longer has a line of its own."""
    found: list[list[ModeChange]] = []
    for change in changes:
        if found:
            line = [*found[-1], change]
            count = sum(each.argument is not None for each in line)
            size = len(" ".join(mode_words(line)).encode("utf-8", "replace"))
            if count <= max(isupport.modes, 1) and size <= room:
                found[-1] = line
                continue
        found.append([change])
    return found
