"""One user on one network: the rooms that are wanted there, and the session that is kept up for them.

The account owns the list of rooms and the decision whether to be connected. What the session tells comes through ``News``.
It knows no stanza: what clients see is made by ``Room`` and by the context's callbacks.
"""

import asyncio
from collections.abc import Sequence

from gateway.accounts import losing
from gateway.accounts.context import AccountContext
from gateway.accounts.news import News
from gateway.accounts.rejoining import Rejoining
from gateway.accounts.trying import Trying
from gateway.bridge import Capabilities, Session, SessionEnded
from gateway.model import (
    AccountState,
    AccountStatus,
    Address,
    AddressKind,
    Departure,
    ErrorType,
    Exit,
    Occupant,
    Refused,
    Topic,
)
from gateway.rooms import acts
from gateway.rooms.habits import USUAL
from gateway.rooms.people import Attendance, Attendee
from gateway.rooms.room import Room, RoomState
from gateway.xmpp import render

#: Seconds without a wanted room before the connection is given up: long enough to go from one room to another.
IDLE_SECONDS = 3.0


class Account:
    """``owner`` is the user's bare JID, to the account an opaque name."""

    __slots__ = (
        "_closing",
        "_context",
        "_history_limit",
        "_opening",
        "_rejoining",
        "_trying",
        "able",
        "habits",
        "network",
        "nick",
        "online_since",
        "owner",
        "resting",
        "rooms",
        "session",
        "standing",
        "status",
        "wanted_nick",
    )

    def __init__(
        self, owner: str, network: str, nick: str, context: AccountContext, *, history_limit: int
    ) -> None:
        self.owner = owner
        self.network = network
        self.wanted_nick = nick  # what the user asked for; asked for again at every connection
        self.nick = nick  # what the network calls us now
        self.rooms: dict[str, Room] = {}
        # To be entered again when the account, which was stopped, is wanted again.
        self.resting: list[Room] = []
        self.status = AccountStatus(AccountState.IDLE)
        self.session: Session | None = None
        self.online_since: float | None = None
        self.able: Capabilities | None = None  # what the session said of itself, if it did
        self.habits = USUAL  # of what is no room's
        self.standing = False  # kept up also without rooms: the user is registered and logged in
        self._context = context
        self._history_limit = history_limit
        # Rooms are opened one after the other, in the order they were asked for.
        self._opening = asyncio.Lock()
        self._closing = ""
        self._rejoining = Rejoining(self, context)
        self._trying = Trying(self, context)

    # -- what users want ---------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        return self._needed and not self._closing

    @property
    def closing(self) -> bool:
        """Whether it is over for good."""
        return self._closing != ""

    @property
    def _needed(self) -> bool:
        return bool(self.rooms) or self.standing or self._rejoining.offering

    @property
    def connected(self) -> bool:
        return self.online_since is not None

    @property
    def can(self) -> Capabilities:
        """What can be done on this network now."""
        return self.able or self._context.bridge.capabilities

    def fold(self, name: str) -> str:
        return (self.session or self._context.bridge).fold(name)

    def room(self, name: str) -> Room | None:
        # Hot, and most names are folded already.
        return self.rooms.get(name) or self.rooms.get(self.fold(name))

    def want(self, name: str, nick: str, password: str) -> Room:
        """The room of that name, asked for if it was not before."""
        key = self.fold(name)
        room = self.rooms.get(key)
        if room is None:
            address = Address(AddressKind.ROOM, self.network, name)
            room = Room(self.owner, key, address, nick, self._context, self._history_limit)
            self.rooms[key] = room
            room.password = password
            self._context.spawn(self._open(room))
        elif password:
            room.password = password
        self.retry()
        return room

    def rename(self, nick: str) -> None:
        """The user goes by another nick, now and at every connection to come."""
        self.wanted_nick = nick
        self._context.remember_account(self)

    def attend(self, room: Room, attendee: Attendee) -> None:
        """One more client in a room, or one that asks again."""
        room.attendees[attendee.jid] = attendee
        if room.state is RoomState.IN:
            room.welcome(attendee)
            self._context.remember_attendee(self, room, attendee)

    def returned(self, room: Room, attendee: Attendee) -> None:
        """A client that was in before a restart of ours, or before the link was lost, proved that it still is."""
        if attendee.attendance in (Attendance.ABSENT, Attendance.AWAY):
            attendee.attendance = Attendance.RETURNING
            if room.state is RoomState.IN:
                room.welcome(attendee)

    def leave(self, room: Room, attendee: Attendee, reason: str) -> None:
        """A client leaves by its own will; with the last one the room is left, unless it is persistent."""
        room.dismiss(attendee, Departure(Exit.LEFT, losing.others_in(room, attendee) or reason))
        self._context.forget_attendee(self, room, attendee)
        if not room.attendees and not room.persistent:
            self.drop(room, reason)

    def evict(self, room: Room, attendee: Attendee, linger: float) -> None:
        """A client is gone without a word. The room is kept ``linger`` seconds for it to come back. In case that it is there
        all the same, it is told that it is out."""
        room.dismiss(attendee, Departure(Exit.LEFT, losing.others_in(room, attendee)))
        room.release()
        self._context.forget_attendee(self, room, attendee)
        self.linger(room, linger)

    def linger(self, room: Room, seconds: float) -> None:
        """Leave the room if it is still without clients after ``seconds``."""

        def overdue() -> None:
            if not room.attendees and not room.persistent and self.rooms.get(room.key) is room:
                self.drop(room, "")

        if not room.attendees:
            self._context.clock.call_later(seconds, overdue)

    def drop(self, room: Room, reason: str) -> None:
        """Nobody wants the room any more."""
        if self.rooms.get(room.key) is not room:
            return
        del self.rooms[room.key]
        self._rejoining.settled(room.key)
        self._context.forget_room(self, room)
        if self.session is not None and self.connected:
            self.session.leave(room.address.name, reason)
        self.give_up_if_idle()

    async def adjust(self) -> None:
        """The user's settings have changed."""
        self.habits = await self._context.habits(self)
        for room in list(self.rooms.values()):
            habits = await self._context.habits(self, room)
            if habits == room.habits or self.rooms.get(room.key) is not room:
                continue
            if habits.record is not room.habits.record:
                acts.tell(room, "", render.RECORDED[habits.record], keep=False)
            room.habits = habits
            room.regard()
            if room.state is RoomState.IN:
                self._context.remember_room(self, room)
            if not room.attendees and not room.persistent:
                self.drop(room, "")

    def close(self, reason: str) -> None:
        """End the session for good (the gateway stops, or the user asked for it)."""
        self._closing = reason or "closed"
        self.retry()
        if self.session is not None:
            self.session.close(reason)

    def abandon(self, reason: str, exit_: Exit = Exit.LEFT) -> None:
        """Leave all rooms, at the user's word or an operator's; the session ends with them."""
        for room in list(self.rooms.values()):
            self.expel(room, Departure(exit_, reason))
        if self.session is not None:
            self.session.close(reason)

    def release(self) -> None:
        """The user logs out: only rooms keep the account up from now on."""
        self.standing = False
        self.give_up_if_idle()

    def retry(self) -> None:
        """Do not wait any longer for the next try."""
        self._trying.now()

    def reconnect(self) -> None:
        """End the session, if there is one, and start another at once; the rooms stay."""
        for room in self.rooms.values():
            if room.state is RoomState.IN:
                room.state = RoomState.LOST
        if self.session is not None:
            self.session.close("reconnecting")
        self.retry()

    def give_up_if_idle(self) -> None:
        """End the session soon if nothing needs it."""

        def idle() -> None:
            if not self._needed and self.session is not None:
                self.session.close("")

        if not self._needed:
            self.retry()
            self._context.clock.call_later(IDLE_SECONDS, idle)

    async def _open(self, room: Room) -> None:
        async with self._opening:
            if self.rooms.get(room.key) is not room:
                return
            room.recall(await self._context.earlier(self, room))
            room.habits = await self._context.habits(self, room)
            if not room.attendees and not room.persistent:
                self.drop(room, "")
                return
            room.opened = True
            self._enter(room)

    def _enter(self, room: Room) -> None:
        if self.session is not None and self.connected and room.opened:
            self.session.join(room.address.name, self.nick, room.password)

    # -- supervision -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected as long as a room is wanted. Ends when none is, or when trying again is pointless."""
        await self._trying.run()

    async def live(self) -> None:
        """One session from its beginning to its end, if it is still wanted. Raises ``SessionEnded``."""
        account = await self._context.described(self.owner, self.network, self.wanted_nick)
        self.habits = await self._context.habits(self)
        if self.wanted:
            self.session = self._context.bridge.session(account, News(self, self._context))
            await self.session.run()

    def session_over(self) -> float | None:
        """There is no session any more. For how many seconds it was connected, if it was."""
        self.session = None
        self.able = None
        self._rejoining.session_over()
        since, self.online_since = self.online_since, None
        return None if since is None else self._context.clock.monotonic() - since

    def show(self, state: AccountState, reason: str = "", next_try: float | None = None) -> None:
        """Where the account stands now, for all who are told."""
        status = AccountStatus(state, reason, next_try)
        if status != self.status:
            self.status = status
            self._context.status_changed(self)

    def lost(self, ended: SessionEnded) -> None:
        """What the end of the session means for the rooms."""
        if not ended.retry:
            state = AccountState.BAD_CREDENTIALS if ended.credentials else AccountState.STOPPED
            self.show(state, ended.refused.text)
            self._context.remember_account(self, stopped=ended.refused.text or state)
        for room in losing.dropped(self.rooms.values(), self._context, self.network, ended):
            self.rooms.pop(room.key, None)
            if room.persistent:
                self.resting.append(room)
            else:
                self._context.forget_room(self, room)

    # -- what the session tells of us ---------------------------------------------------------------------------

    def online(self, nick: str) -> None:
        self.online_since = self._context.clock.monotonic()
        self.nick = nick
        self._trying.welcomed()
        self.show(AccountState.CONNECTED)
        self._context.remember_account(self)
        self.refold()
        for room in self.rooms.values():
            self._enter(room)
        self.give_up_if_idle()

    def refold(self) -> None:
        rooms = list(self.rooms.values())
        self.rooms = {}
        for room in rooms:
            room.key = self.fold(room.address.name)
            self.rooms[room.key] = room

    def entered(self, room: str, nick: str, occupants: Sequence[Occupant], topic: Topic | None) -> None:
        known = self.rooms.get(room)
        if known is None:
            self._rejoining.brought(room)
            return
        self._rejoining.settled(room)
        back = known.state is RoomState.LOST
        new = [each for each in known.attendees.values() if each.attendance is Attendance.WAITING]
        known.entered(nick, occupants, topic)
        self._context.remember_room(self, known)
        for attendee in new:
            self._context.remember_attendee(self, known, attendee)
        if back:
            known.note(f"Connected to {self.network} again.")

    def refused(self, room: str, why: Refused) -> None:
        known = self.rooms.get(room)
        if known is None or known.state is RoomState.IN:
            return
        losing.refuse_waiting(known, self._context, why)
        if (known.attendees or known.persistent) and why.error_type is ErrorType.WAIT:
            self._rejoining.refused(known)
            return
        self.expel(known, Departure(Exit.LOST, why.text))

    def enter_again(self, room: Room) -> None:
        """Ask the network once more for a room that it refused."""
        if self.rooms.get(room.key) is room and room.state is not RoomState.IN:
            self._enter(room)

    def expel(self, room: Room, departure: Departure) -> None:
        """We are out of a room that clients may look at."""
        for attendee in list(room.attendees.values()):
            room.dismiss(attendee, departure)
        self.rooms.pop(room.key, None)
        self._context.forget_room(self, room)
        self.give_up_if_idle()
