"""The lists of people that a room keeps on its network, for everybody whose client shows none or only the bans: one command
at the room's address, which shows a list and changes it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Governs
from gateway.model import Address, AddressKind, Condition, Field, FieldKind, ListEntry, Refused
from gateway.rooms.answers import Awaited
from gateway.rooms.room import RoomState
from gateway.texts import Text
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Category, Command, Done, Execution, Outcome, Page

NODE = "room-lists"
MAX_SHOWN = 100  # entries in the form: what a form may hold
_MASKS = 50  # put on a list at once

_NOT_IN = Refused(Condition.NOT_ACCEPTABLE, "You are not in this room (any more). Join it, then try again.")


class ListCommands:
    """``available`` is what ``Commands`` asks."""

    def __init__(self, book: AddressBook, accounts: Accounts) -> None:
        self._book = book
        self._accounts = accounts

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        room = self._room(target)
        if room is None or self._session(requester, room) is None:
            return None
        help_ = Text("Shows who is banned, kept quiet or let in for good, and changes that.")
        return [Command(NODE, Text("Lists of people"), self._step, help=help_, category=Category.GENERAL)]

    async def _step(self, execution: Execution) -> Outcome:
        room = self._room(execution.target)
        session = self._session(execution.requester, room) if room is not None else None
        if room is None or session is None:
            raise RefusedError(_NOT_IN)
        if not execution.stage:
            return self._choice(session, room)
        name = execution.text("list")
        if execution.stage == 1:
            return await self._contents(session, room, name)
        return await self._amend(session, room, name, execution)

    @staticmethod
    def _choice(session: Governs, room: Address) -> Outcome:
        lists = session.room_lists(room.name)
        if not lists:
            return Done(Text("{network} keeps no lists of people.", network=room.network))
        options = tuple((each.name, each.label) for each in lists)
        field = Field(
            "list", Text("Which list"), FieldKind.CHOICE, lists[0].name, required=True, options=options
        )
        return Page(Form(Text("Lists of {room}", room=room.name), (field,)), last=False)

    @staticmethod
    async def _contents(session: Governs, room: Address, name: str) -> Outcome:
        answer: Awaited[Sequence[ListEntry]] = Awaited(())
        session.entries(room.name, name, answer)
        entries = await answer.outcome()
        if isinstance(entries, Refused):
            raise RefusedError(entries)
        shown = entries[:MAX_SHOWN]
        label = next((each.label for each in session.room_lists(room.name) if each.name == name), name)
        fields = [Field("add", Text("Put on the list (a mask in each line)"), FieldKind.LINES)]
        if shown:
            options = tuple((each.mask, _described(each)) for each in shown)
            fields.append(Field("remove", Text("Take off the list"), FieldKind.CHOICES, options=options))
        count = len(entries)
        words = Text("{count} on the list.", count=count)
        if count > len(shown):
            words = Text("{count} on the list; the first {shown} are shown.", count=count, shown=len(shown))
        title = Text("{list}: {room}", list=label, room=room.name)
        return Page(Form(title, tuple(fields), words))

    @staticmethod
    async def _amend(session: Governs, room: Address, name: str, execution: Execution) -> Outcome:
        add = [mask.strip() for mask in execution.text("add").split("\n") if mask.strip()][:_MASKS]
        remove = list(execution.values.get("remove", ()))
        if not add and not remove:
            return Done(Text("Nothing was changed."))
        ticket = Awaited(True)
        session.amend(room.name, name, add, remove, ticket)
        outcome = await ticket.outcome()
        if isinstance(outcome, Refused):
            raise RefusedError(outcome)
        return Done(Text("The list of {room} was changed.", room=room.name))

    def _room(self, target: Jid) -> Address | None:
        if target.resource:
            return None
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        return address if address.kind is AddressKind.ROOM else None

    def _session(self, requester: Jid, room: Address) -> Governs | None:
        account = self._accounts.find(requester.bare, room.network)
        known = account.room(room.name) if account is not None else None
        if account is None or known is None or known.state is not RoomState.IN or not account.can.governing:
            return None
        return cast("Governs", account.session)


def _described(entry: ListEntry) -> str:
    by = f", by {entry.setter}" if entry.setter else ""
    at = f", {datetime.fromtimestamp(entry.time, UTC):%Y-%m-%d %H:%M} UTC" if entry.time is not None else ""
    return f"{entry.mask}{by}{at}"
