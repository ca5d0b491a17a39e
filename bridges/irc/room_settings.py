"""A channel's modes as settings that people read and write, and back. Pure; the letters that a server offers decide.

The modes that mean the same everywhere (RFC 2811 §4) are settings of their own; what further letters mean differs from
network to network, so they stay letters, in one line of text written as a MODE has them: ``+cf 3:5``.
"""

from collections.abc import Mapping

from bridges.irc.protocol.isupport import UNLIMITED, Isupport
from bridges.irc.protocol.modes import ModeKind, Modes, apply, parse_modes
from gateway.model import Field, FieldKind, RoomSetting, RoomTraits

OUTSIDERS = "outside-messages"
FURTHER = "further-modes"

_SECRET = "ps"  # either keeps a channel out of the lists (RFC 2811 §4.2.6)
_OWN = frozenset("klimnt" + _SECRET)  # letters that have settings of their own
_FLAGS: Mapping[str, tuple[str, bool]] = {  # setting -> letter, and whether the letter means true
    RoomSetting.MEMBERS_ONLY: ("i", True),
    RoomSetting.MODERATED: ("m", True),
    RoomSetting.OPEN_SUBJECT: ("t", False),
    OUTSIDERS: ("n", False),
}
_LABELS: Mapping[str, str] = {
    RoomSetting.MEMBERS_ONLY: "Only people who were invited may come in (+i)",
    RoomSetting.MODERATED: "Only people with a voice may speak (+m)",
    RoomSetting.OPEN_SUBJECT: "Everybody may change the topic (-t)",
    OUTSIDERS: "People outside the channel may write into it (-n)",
}


class BadSetting(ValueError):
    """A value that no mode can have; the argument is a sentence for whoever wrote it."""


def fields(modes: Modes, isupport: Isupport) -> tuple[Field, ...]:
    """What can be set, with the present values."""
    offered = {letter for kinds in isupport.chanmodes for letter in kinds} - set(isupport.chanmodes.lists)
    found = []
    if "k" in offered:
        label = "Password that people need to come in (+k)"
        found.append(Field(RoomSetting.PASSWORD, label, FieldKind.SECRET, modes.get("k", "")))
    if "l" in offered:
        label = "Most people that may be in the channel (+l); empty for no limit"
        found.append(Field(RoomSetting.MAX_OCCUPANTS, label, FieldKind.TEXT, modes.get("l", "")))
    if offered & set(_SECRET):
        label = "Shown to people outside, in the list of channels for instance (-s)"
        found.append(Field(RoomSetting.PUBLIC, label, FieldKind.BOOLEAN, _truth(not _hidden(modes))))
    for name, (letter, meaning) in _FLAGS.items():
        if letter in offered:
            value = (letter in modes) is meaning
            found.append(Field(name, _LABELS[name], FieldKind.BOOLEAN, _truth(value)))
    others = "".join(sorted(offered - _OWN))
    help_ = f"Written as in MODE. This network has {others or 'none'}; its own help tells what they mean."
    found.append(Field(FURTHER, "Further modes", FieldKind.TEXT, _further(modes), help_))
    return tuple(found)


def wanted(values: Mapping[str, str], now: Modes, isupport: Isupport) -> dict[str, str]:
    """The modes that a channel has when its settings are these; what ``values`` leaves out stays. Raises ``BadSetting``."""
    after = dict(now)
    for name, (letter, meaning) in _FLAGS.items():
        if name in values:
            _set(after, letter, (values[name] == "true") is meaning)
    if RoomSetting.PUBLIC in values and (values[RoomSetting.PUBLIC] == "true") is _hidden(now):
        for letter in _SECRET:
            after.pop(letter, None)
        if not _hidden(now):
            after["s" if "s" in isupport.chanmodes.never else "p"] = ""
    if RoomSetting.PASSWORD in values:
        _argument(after, "k", key(values[RoomSetting.PASSWORD], isupport))
    if RoomSetting.MAX_OCCUPANTS in values:
        _argument(after, "l", _limit(values[RoomSetting.MAX_OCCUPANTS]))
    if FURTHER in values and values[FURTHER].split() != _further(now).split():
        after = {letter: argument for letter, argument in after.items() if letter in _OWN}
        after |= _read(values[FURTHER], isupport)
    return after


def key(text: str, isupport: Isupport) -> str:
    """A channel's password as people write it. Raises ``BadSetting``."""
    if any(char in text for char in "\0\r\n\t\x0b\x0c ,") or text[:1] == ":":
        raise BadSetting(
            "The password of a channel cannot hold spaces, commas or line breaks, nor start with a colon."
        )
    limit = min(isupport.keylen, 200)
    if len(text.encode("utf-8", "replace")) > limit:
        raise BadSetting(f"The password is too long: this network takes at most {limit} bytes.")
    return text


def traits(modes: Modes, *, complete: bool = True) -> RoomTraits:
    """What the modes of a channel say; of those that are not ``complete``, only what is set."""
    unset = False if complete else None
    return RoomTraits(
        password_protected="k" in modes or unset,
        members_only="i" in modes or unset,
        moderated="m" in modes or unset,
        public=False if _hidden(modes) else True if complete else None,
    )


def _hidden(modes: Modes) -> bool:
    return any(letter in modes for letter in _SECRET)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _set(modes: dict[str, str], letter: str, on: bool) -> None:
    if on:
        modes[letter] = ""
    else:
        modes.pop(letter, None)


def _argument(modes: dict[str, str], letter: str, argument: str) -> None:
    if argument:
        modes[letter] = argument
    else:
        modes.pop(letter, None)


def _limit(text: str) -> str:
    number = text.strip()
    if number in ("", "none"):
        return ""
    if not (number.isascii() and number.isdecimal()) or not 0 < int(number[:20]) < UNLIMITED:
        raise BadSetting("The most people that may be in the channel is a number above zero, or nothing.")
    return str(int(number))


def _further(modes: Modes) -> str:
    """Those without a setting of their own, as MODE has them."""
    rest = {letter: modes[letter] for letter in sorted(modes) if letter not in _OWN}
    letters = "".join(rest)
    return " ".join([f"+{letters}", *(argument for argument in rest.values() if argument)]) if letters else ""


def _read(text: str, isupport: Isupport) -> dict[str, str]:
    words = text.split()
    if not words:
        return {}
    if words[0][0] not in "+-":
        words[0] = f"+{words[0]}"
    changes = parse_modes(words, isupport)
    for change in changes:
        if change.letter in _OWN:
            raise BadSetting(
                f"Mode {change.letter} has a field of its own: leave it out of the further modes."
            )
        if change.kind in (ModeKind.PREFIX, ModeKind.LIST):
            raise BadSetting(f"Mode {change.letter} is about people, not a setting of the channel.")
        if not (change.letter.isascii() and change.letter.isalnum()):
            raise BadSetting(f'"{text[:60]}" cannot be modes: write them as in MODE, for instance +cC.')
        if change.adding and change.argument is None and change.kind is not ModeKind.FLAG:
            raise BadSetting(f"Mode {change.letter} needs an argument, for instance +{change.letter} 5.")
        if change.argument is not None and change.argument[:1] == ":":
            raise BadSetting("The argument of a mode cannot start with a colon.")
    if sum(change.argument is not None for change in changes) < len(words) - 1:
        raise BadSetting(f'"{text[:60]}" has more arguments than modes that take one.')
    return apply({}, changes)
