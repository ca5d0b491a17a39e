"""``gateway.bridge.Governs`` for IRC: modes, lists and ranks of channels put together, with what all of them need.

Gives the parts the lines that may be theirs, and refuses what is asked about channels that we are not in.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bridges.irc.channels import Channel
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.inquiries import Inquiries
from bridges.irc.lists import ENDS, ENTRIES, Lists
from bridges.irc.mode_changes import AS_WANTED
from bridges.irc.mode_order import ModeOrder, read_order
from bridges.irc.moderation import Moderation
from bridges.irc.protocol.line import Injection, Line
from bridges.irc.room_modes import RoomModes
from gateway.bridge import Answer, Ticket
from gateway.model import Condition, Field, ListEntry, Refused, RoomList, RoomTraits, StandingChange


class Governing:
    """One session's channels, governed."""

    __slots__ = ("_common", "_console", "_inquiries", "_lists", "_moderation", "_modes")

    def __init__(self, common: Common, inquiries: Inquiries, modes: RoomModes, console: Console) -> None:
        self._common = common
        self._inquiries = inquiries
        self._modes = modes
        self._lists = Lists(common, inquiries)
        self._moderation = Moderation(common, inquiries)
        self._console = console

    # what the core asks for

    def govern(self, room: str, changes: Sequence[StandingChange], ticket: Ticket) -> None:
        channel = self._channel(room, ticket)
        if channel is not None:
            self._moderation.govern(channel, changes, ticket)

    def room_lists(self, room: str) -> Sequence[RoomList]:
        return self._lists.offered()

    def entries(self, room: str, name: str, answer: Answer[Sequence[ListEntry]]) -> None:
        channel = self._channel(room, answer)
        if channel is not None:
            self._lists.entries(channel, name, answer)

    def amend(self, room: str, name: str, add: Sequence[str], remove: Sequence[str], ticket: Ticket) -> None:
        channel = self._channel(room, ticket)
        if channel is not None:
            self._lists.amend(channel, name, add, remove, ticket)

    def room_settings(self, room: str, answer: Answer[Sequence[Field]]) -> None:
        channel = self._channel(room, answer)
        if channel is not None:
            self._modes.settings(channel, answer)

    def configure(self, room: str, values: Mapping[str, str], ticket: Ticket) -> None:
        channel = self._channel(room, ticket)
        if channel is not None:
            self._modes.configure(channel, values, ticket)

    def room_traits(self, room: str) -> RoomTraits:
        channel = self._common.channels.get(room)
        return self._modes.traits(channel) if channel is not None else RoomTraits()

    def order(self, room: str, text: str, ticket: Ticket) -> None:
        """``/mode ...``, written in a channel."""
        channel = self._channel(room, ticket)
        if channel is None:
            return
        try:
            line = read_order(channel, text)
        except Injection as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        self._inquiries.ask([line], ModeOrder(self._common, channel, ticket))

    # what the network tells

    def refuses(self, line: Line) -> bool:
        """An error numeric: whether it answers something that was asked here."""
        return self._inquiries.refuses(line)

    def _answer(self, line: Line) -> None:
        if not self._inquiries.hears(line):
            self._console.other(line)

    def _modes_are(self, line: Line) -> None:
        if not self._modes.listed(line):
            self._console.other(line)

    def _pong(self, line: Line) -> None:
        self._inquiries.pong(line)

    def expire(self, now: float) -> float:
        return min(self._inquiries.expire(now), self._modes.expire(now))

    def close(self, why: Refused) -> None:
        self._modes.close()
        self._inquiries.close(why)

    def _channel(self, room: str, asker: Ticket | Answer[Any]) -> Channel | None:
        channel = self._common.channels.get(room)
        if channel is None:
            asker.refused(
                Refused(
                    Condition.NOT_ACCEPTABLE,
                    f"You are not in {room} on {self._common.network} (any more). Join it again.",
                )
            )
        return channel

    HANDLERS: ClassVar[Handlers["Governing"]] = {
        "PONG": (_pong, 1),
        "324": (_modes_are, 2),
        **dict.fromkeys(("302", "315", "329", "354", *AS_WANTED, *ENTRIES, *ENDS), (_answer, 2)),
    }
