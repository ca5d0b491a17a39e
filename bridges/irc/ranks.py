"""What the modes of an occupant make of them in XEP-0045's words, and which modes make them something else. Pure.

Networks have few or many of these modes (PREFIX): only ``ov``, all of ``qaohv``, or letters of their own. What lies above
the operators owns the room; who has no mode may speak as long as the channel is not moderated.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from bridges.irc.protocol.isupport import Isupport
from gateway.model import Affiliation, Role

Rank = tuple[Affiliation, Role]

_OWNER = (Affiliation.OWNER, Role.MODERATOR)
_ADMIN = (Affiliation.ADMIN, Role.MODERATOR)
_HALF = (Affiliation.MEMBER, Role.MODERATOR)
_VOICED = (Affiliation.MEMBER, Role.PARTICIPANT)
_ORDINARY = (Affiliation.NONE, Role.PARTICIPANT)
_SILENT = (Affiliation.NONE, Role.VISITOR)

_KNOWN: Mapping[str, Rank] = MappingProxyType(
    {"q": _OWNER, "a": _OWNER, "o": _ADMIN, "h": _HALF, "v": _VOICED}
)


class CannotBe(ValueError):
    """A standing that the network does not have; the argument is a sentence for whoever asked for it."""


@lru_cache(maxsize=256)
def ranks(prefix_modes: str) -> Mapping[str, Rank]:
    """The ranks that letters of PREFIX give. Where there is ``o``, others than the usual ones give none: they mark the
    network's staff (``Y``). Else the place in PREFIX tells."""
    if "o" in prefix_modes:
        return MappingProxyType({letter: _KNOWN[letter] for letter in prefix_modes if letter in _KNOWN})
    return MappingProxyType(
        {letter: _KNOWN.get(letter, _VOICED if at else _ADMIN) for at, letter in enumerate(prefix_modes)}
    )


def rank(modes: str, table: Mapping[str, Rank], *, moderated: bool) -> Rank:
    """The rank of somebody with these prefix modes, highest first."""
    for letter in modes:
        found = table.get(letter)
        if found is not None:
            return found
    return _SILENT if moderated else _ORDINARY


def to_affiliation(wanted: Affiliation, held: str, isupport: Isupport) -> tuple[str, str]:
    """The letters to give and those to take so that somebody who holds ``held`` is ``wanted`` (not outcast). Raises
    ``CannotBe``."""
    modes = isupport.prefix_modes
    if wanted is Affiliation.NONE:
        return "", _of(modes, held, modes)
    letter = _letter(wanted, modes)
    table = ranks(modes)
    if wanted is Affiliation.OWNER and any(table.get(each) is _OWNER for each in held):
        return "", ""
    higher = modes[: modes.index(letter)] if wanted is not Affiliation.OWNER else ""
    return "" if letter in held else letter, _of(higher, held, modes)


def to_role(wanted: Role, held: str, isupport: Isupport, *, moderated: bool) -> tuple[str, str]:
    """As ``to_affiliation``, for a role other than none."""
    modes = isupport.prefix_modes
    table = ranks(modes)
    moderating = [letter for letter in held if letter in table and table[letter][1] is Role.MODERATOR]
    if wanted is Role.MODERATOR:
        return ("", "") if moderating else (_letter(Affiliation.ADMIN, modes, "h"), "")
    if wanted is Role.VISITOR:
        if not moderated and not held:
            raise CannotBe(
                "Everybody may speak here as long as the room is not moderated; make it so in its settings first."
            )
        return "", _of(modes, held, modes)
    # Who loses the moderator's role keeps what else they have; who has none is given a voice.
    voice = "" if "v" in held or (moderating and not moderated) else _letter(Affiliation.MEMBER, modes)
    return voice, _of("".join(moderating), held, modes)


def _letter(wanted: Affiliation, modes: str, *better: str) -> str:
    """The mode that gives ``wanted``; biboumi's choice where there are several."""
    operator = _operator(modes)
    above = modes[: modes.find(operator)] if operator else ""
    if wanted is Affiliation.OWNER:
        choice = next((letter for letter in ("a", "q", *above[-1:]) if letter in above), "")
        missing = "This network has no owners of rooms: the most that somebody can be is admin (operator)."
    elif wanted is Affiliation.ADMIN:
        choice = next((letter for letter in (*better, operator) if letter and letter in modes), "")
        missing = "This network has no operators of rooms."
    else:
        choice = "v" if "v" in modes else ""
        missing = "This network has no voiced people in rooms."
    if not choice:
        raise CannotBe(missing)
    return choice


def _operator(modes: str) -> str:
    """The mode of channel operators: ``o`` nearly everywhere."""
    return "o" if "o" in modes else modes[:1]


def _of(letters: str, held: str, modes: str) -> str:
    """Those of ``letters`` that are held and can be taken; some networks mark their staff with one of their own (``Y``)."""
    return "".join(letter for letter in letters if letter in held and (letter in _KNOWN or "o" not in modes))
