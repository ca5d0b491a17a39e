"""The lists of a channel: who is banned, kept quiet, excepted from bans, invited for good. Read, and changed.

Which lists there are the server tells (CHANMODES, EXCEPTS, INVEX, EXTBAN). Where people are kept quiet by a kind of ban
(``m:mask``), those bans are a list of their own here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridges.irc.channels import Channel
from bridges.irc.common import Common
from bridges.irc.inquiries import Inquiries
from bridges.irc.mode_changes import change_modes
from bridges.irc.numerics import REFUSES_MODE, refused
from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.line import Line, nick_of, serialise
from bridges.irc.protocol.masks import BadMask, quiet_ban, read_mask
from bridges.irc.protocol.modes import ModeChange, ModeKind
from gateway.bridge import Answer, Ticket
from gateway.model import Condition, ListEntry, Refused, RoomList

MAX_ENTRIES = 5000  # of one list; networks allow a few hundred

BANS = "ban"


@dataclass(frozen=True, slots=True)
class MaskList:
    """One list of a network. ``before`` is what the masks of a part of the bans begin with."""

    listed: RoomList
    letter: str
    before: str = ""


#: Letter -> the numerics of an entry and of the end (RFC 2812 §5.1; 728 and 729 are charybdis').
_NUMERICS = {"b": ("367", "368"), "e": ("348", "349"), "I": ("346", "347"), "q": ("728", "729")}
ENTRIES = frozenset(entry for entry, _ in _NUMERICS.values())
ENDS = frozenset(end for _, end in _NUMERICS.values())


def lists_of(isupport: Isupport) -> tuple[MaskList, ...]:
    """The lists that a network has."""
    offered = [letter for letter in isupport.chanmodes.lists if letter not in isupport.symbol_of]
    found = []
    if "b" in offered:
        found.append(MaskList(RoomList(BANS, "Banned", outcasts=True), "b"))
    if "q" in offered:
        found.append(MaskList(RoomList("quiet", "Kept quiet"), "q"))
    elif quiet := quiet_ban(isupport):
        found.append(MaskList(RoomList("quiet", "Kept quiet"), "b", quiet))
    if "e" in offered and isupport.excepts in ("e", ""):
        found.append(MaskList(RoomList("exception", "Excepted from bans"), "e"))
    if "I" in offered and isupport.invex in ("I", ""):
        found.append(MaskList(RoomList("invitation", "May come in without an invitation"), "I"))
    return tuple(found)


def read_entry(line: Line) -> ListEntry | None:
    """One line of a list: ``me #chan [q] mask [setter [time]]``."""
    rest = line.params[3:] if line.command == "728" else line.params[2:]
    if not rest or not rest[0]:
        return None
    setter = nick_of(rest[1]) if len(rest) > 1 else ""
    stamp = rest[2] if len(rest) > 2 else ""
    time = float(stamp) if stamp.isascii() and stamp.isdecimal() and len(stamp) < 12 else None
    return ListEntry(rest[0], setter, time)


class _Reading:
    """``inquiries.Inquiry``: what is on one list of a channel?"""

    words = "the question for that list"

    def __init__(
        self,
        common: Common,
        channel: Channel,
        letter: str,
        ended: Callable[[list[ListEntry], Refused | None], None],
    ) -> None:
        self._common = common
        self._channel = channel
        self._entry, self._end = _NUMERICS[letter]
        self._found: list[ListEntry] = []
        self._why: Refused | None = None
        self._ended = ended
        self.complete = False

    def hears(self, line: Line) -> bool:
        if line.command not in (self._entry, self._end) or not self._about(line):
            return False
        if line.command == self._end:
            self.complete = True
        elif len(self._found) < MAX_ENTRIES:
            entry = read_entry(line)
            if entry is not None:
                self._found.append(entry)
        return True

    def refuses(self, line: Line) -> bool:
        if line.command not in REFUSES_MODE or not self._about(line):
            return False
        self._why = refused(line.command, line.params, self._common.network)
        return True

    def over(self, why: Refused | None) -> None:
        self._ended(self._found, why or (None if self._found else self._why))

    def _about(self, line: Line) -> bool:
        return any(self._common.standing.fold(word) == self._channel.key for word in line.params[1:3])


class Lists:
    """The lists of one session's channels."""

    __slots__ = ("_common", "_inquiries")

    def __init__(self, common: Common, inquiries: Inquiries) -> None:
        self._common = common
        self._inquiries = inquiries

    def offered(self) -> list[RoomList]:
        return [each.listed for each in lists_of(self._common.standing.support)]

    def entries(self, channel: Channel, name: str, answer: Answer[Sequence[ListEntry]]) -> None:
        wanted = self._named(name)
        if wanted is None:
            answer.refused(self._unknown(name))
            return

        def ended(found: list[ListEntry], why: Refused | None) -> None:
            if why is not None:
                answer.refused(why)
            else:
                answer.told(self._part(found, wanted))

        line = serialise("MODE", channel.name, f"+{wanted.letter}")
        self._inquiries.ask([line], _Reading(self._common, channel, wanted.letter, ended))

    def amend(
        self, channel: Channel, name: str, add: Sequence[str], remove: Sequence[str], ticket: Ticket
    ) -> None:
        wanted = self._named(name)
        if wanted is None:
            ticket.refused(self._unknown(name))
            return
        try:
            changes = [
                ModeChange(False, wanted.letter, wanted.before + self._stripped(mask, wanted), ModeKind.LIST)
                for mask in remove
            ]
            changes += [
                ModeChange(True, wanted.letter, wanted.before + self._whole(mask, wanted), ModeKind.LIST)
                for mask in add
            ]
        except BadMask as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        change_modes(self._common, self._inquiries, channel, changes, ticket)

    def _named(self, name: str) -> MaskList | None:
        offered = lists_of(self._common.standing.support)
        return next((each for each in offered if each.listed.name == name), None)

    def _unknown(self, name: str) -> Refused:
        names = ", ".join(each.name for each in self.offered()) or "none"
        return Refused(
            Condition.ITEM_NOT_FOUND,
            f'{self._common.network} has no list "{name[:40]}" for channels. It has: {names}.',
        )

    def _part(self, found: list[ListEntry], wanted: MaskList) -> list[ListEntry]:
        if wanted.before:
            cut = len(wanted.before)
            return [
                ListEntry(each.mask[cut:], each.setter, each.time)
                for each in found
                if each.mask.startswith(wanted.before)
            ]
        others = [each.before for each in lists_of(self._common.standing.support) if each.before]
        if wanted.letter == "b" and others:
            return [each for each in found if not each.mask.startswith(tuple(others))]
        return found

    @staticmethod
    def _whole(mask: str, wanted: MaskList) -> str:
        return read_mask(mask.removeprefix(wanted.before))

    @staticmethod
    def _stripped(mask: str, wanted: MaskList) -> str:
        """A mask that is on the list already, whatever it looks like."""
        mask = mask.strip().removeprefix(wanted.before)
        if not mask or any(char in mask for char in " ,\0\r\n"):
            raise BadMask(f'"{mask[:60]}" is no entry of a list.')
        return mask
