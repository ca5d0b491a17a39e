"""Threads and mailing lists that are open as rooms of one user: people are their addresses, the subject is the subject, what
is said in the room goes to all of them.

Owns the table of open rooms, and holds all of it in memory. A room has the nicks that nobody can forge: addresses, never the
names that people give themselves. Whoever stands in the newest mail of the thread is in the room; mail never shows who has
left it otherwise.
"""

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Executable, Float, Row, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import Mailbox, fold, parse
from bridges.email.composing.places import Place
from bridges.email.composing.subjects import base
from bridges.email.composing.threads import Mail
from bridges.email.mime.letter import Person
from bridges.email.people import People
from bridges.email.schema import METADATA
from gateway.bridge import BadAddress, Services, Sink
from gateway.model import Affiliation, Departure, Exit, Message, Occupant, Refused, Topic
from gateway.model import Condition as Because

#: Of one user; people shown in one.
_ROOMS_MOST, _PEOPLE_MOST = 100, 500
#: Mails of a thread that stand in its room from the beginning.
_EARLIER_MOST = 20

OPEN_ROOMS = Table(
    "email_rooms",
    METADATA,
    *(Column(name, Text, primary_key=True) for name in ("bridge", "owner", "room")),
    Column("thread", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("people", Text, nullable=False),
    Column("opened", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """``room`` is its key. Of a thread, ``thread`` is its name and ``people`` are those of its newest mail but for the user;
    of a mailing list, ``post`` is where to write to, and ``people`` have written there."""

    owner: str
    room: str
    subject: str
    thread: str = ""
    post: str = ""
    people: tuple[Person, ...] = ()
    opened: float = 0.0

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """Who gets what is said."""
        return _mailboxes([Person("", self.post)] if self.post else self.people)

    @property
    def nicks(self) -> dict[str, Person]:
        return {fold(each.address): each for each in self.people}


@dataclass(slots=True)
class _Shown:
    """A room that the user is in, with the user's own nick."""

    nick: str
    people: set[str] = field(default_factory=set)


class ThreadRooms:
    """``session.Rooms``."""

    def __init__(self, services: Services, people: People) -> None:
        self._services = services
        self._people = people
        self._handed = services.directory / "handed"
        self._open: dict[tuple[str, str], OpenRoom] = {}
        self._by_thread: dict[tuple[str, str], str] = {}
        self._shown: dict[tuple[str, str], _Shown] = {}
        self._earlier: dict[tuple[str, str], tuple[Mail, ...]] = {}

    async def restore(self) -> None:
        """Raises ``NotStored`` and OSError."""
        await asyncio.to_thread(shutil.rmtree, self._handed, ignore_errors=True)
        rows = await self._services.tables.read(
            select(OPEN_ROOMS).where(OPEN_ROOMS.c.bridge == self._services.name)
        )
        for row in rows:
            self._keep(_room(row))

    def _keep(self, room: OpenRoom) -> None:
        self._open[room.owner, room.room] = room
        self._by_thread[room.owner, room.post or room.thread] = room.room

    # -- opening -----------------------------------------------------------------------------------------------

    async def open(
        self, owner: str, mail: Mail, earlier: Sequence[Mail] = (), post: str = ""
    ) -> OpenRoom | Refused:
        """Open the thread of a mail, or the mailing list with the address ``post`` that it came by; as it is, where it is
        open. ``earlier`` mails of it, the newest first, are shown to whoever comes in first. Raises ``NotStored``."""
        known = self._by_thread.get((owner, fold(post) if post else mail.thread))
        if known is not None:
            return self._open[owner, known]
        if sum(1 for each in self._open if each[0] == owner) >= _ROOMS_MOST:
            text = f"You have {_ROOMS_MOST} open rooms; close some of them first (.close in the room)."
            return Refused(Because.RESOURCE_CONSTRAINT, text)
        people = _others(mail, self._people.addresses(owner))
        if not people and not post:
            return Refused(Because.ITEM_NOT_FOUND, "Nobody but you takes part in this thread.")
        name = f"#{fold(post).replace('@', '.')}" if post else f"#{_safe(mail.thread)}"
        room = OpenRoom(
            owner,
            name,
            base(mail.subject) or "(no subject)",
            "" if post else mail.thread,
            fold(post) if post else "",
            people,
            self._services.clock.now(),
        )
        await self._save(room)
        self._earlier[owner, name] = tuple(reversed(earlier[:_EARLIER_MOST]))
        return room

    async def close(self, owner: str, room: str) -> bool:
        """Its mails are in the chats of those who write them again. Raises ``NotStored``."""
        known = self._open.get((owner, room))
        if known is None:
            return False
        here = (
            OPEN_ROOMS.c.bridge == self._services.name,
            OPEN_ROOMS.c.owner == owner,
            OPEN_ROOMS.c.room == room,
        )
        await self._services.tables.write((delete(OPEN_ROOMS).where(*here), None))
        shown = self._shown.pop((owner, room), None)
        self._drop(known)
        sink = self._people.sink(owner)
        if shown is not None and sink is not None:
            sink.departed([room], shown.nick, Departure(Exit.LEFT, reason="This room is closed."))
        return True

    def _drop(self, room: OpenRoom) -> None:
        self._earlier.pop((room.owner, room.room), None)
        self._open.pop((room.owner, room.room), None)
        self._by_thread.pop((room.owner, room.post or room.thread), None)

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        for room in [each for each in self._open.values() if each.owner == owner]:
            self._drop(room)
            self._shown.pop((owner, room.room), None)

    def of(self, owner: str) -> list[OpenRoom]:
        return [each for each in self._open.values() if each.owner == owner]

    async def _save(self, room: OpenRoom) -> None:
        await self._services.tables.write((self._upsert(room), None))
        self._keep(room)

    def _upsert(self, room: OpenRoom) -> Executable:
        insert = postgresql.insert if self._services.tables.dialect == "postgresql" else sqlite.insert
        row = {
            "bridge": self._services.name,
            "owner": room.owner,
            "room": room.room,
            "thread": room.thread,
            "post": room.post,
            "subject": room.subject,
            "people": json.dumps([[each.name, each.address] for each in room.people]),
            "opened": room.opened,
        }
        changed = {name: row[name] for name in ("people", "subject")}
        return (
            insert(OPEN_ROOMS)
            .values(row)
            .on_conflict_do_update(index_elements=["bridge", "owner", "room"], set_=changed)
        )

    # -- being in ----------------------------------------------------------------------------------------------

    def place(self, owner: str, room: str) -> Place | None:
        known = self._open.get((owner, room))
        return Place(room, known.mailboxes, known.thread) if known is not None else None

    def join(self, owner: str, sink: Sink, room: str, nick: str) -> bool:
        known = self._open.get((owner, room))
        if known is None:
            return False
        others = known.nicks
        own = nick if nick.casefold() not in others else f"{nick} (you)"
        self._shown[owner, room] = _Shown(own, set(others))
        occupants = [_occupant(key) for key in others]
        occupants.append(Occupant(own, Affiliation.OWNER))
        sink.room_joined(room, own, occupants, Topic(known.subject))
        for mail in self._earlier.pop((owner, room), ()):
            sender = own if mail.sent_by_us else fold(mail.sender.address)
            sink.room_message(
                room, Message(sender, mail.text, foreign_id=mail.id, time=mail.time, replayed=True)
            )
        return True

    def leave(self, owner: str, room: str) -> None:
        self._shown.pop((owner, room), None)

    # -- what comes --------------------------------------------------------------------------------------------

    def shown(self, owner: str, thread: str, post: str) -> bool:
        return (owner, self._room_of(owner, thread, post)) in self._shown

    def _room_of(self, owner: str, thread: str, post: str) -> str:
        """Empty if neither is open."""
        of_list = self._by_thread.get((owner, fold(post))) if post else None
        return of_list or self._by_thread.get((owner, thread)) or ""

    async def say(self, owner: str, mail: Mail, post: str, message: Message) -> str:
        """``receiving.showing.Rooming``. Whoever is in the newest mail is in the room from now on."""
        room = self._room_of(owner, mail.thread, post)
        if not room:
            return ""
        known = await self._peopled(self._open[owner, room], mail)
        shown, sink = self._shown.get((owner, room)), self._people.sink(owner)
        if sink is None or shown is None:
            return ""
        now = known.nicks
        for gone in sorted(shown.people - now.keys()):
            sink.departed([room], gone, Departure(Exit.LEFT, reason="Not in the newest mail of this thread."))
        for key in sorted(now.keys() - shown.people):
            sink.arrived(room, _occupant(key))
        shown.people = set(now)
        sink.room_message(room, await asyncio.to_thread(self._lasting, message))
        return room

    async def _peopled(self, room: OpenRoom, mail: Mail) -> OpenRoom:
        people = _others(mail, self._people.addresses(room.owner))
        if room.post:
            people = tuple({fold(each.address): each for each in (*room.people, mail.sender)}.values())
        if people == room.people:
            return room
        room = replace(room, people=people[-_PEOPLE_MOST:])
        await self._save(room)
        return room

    def _lasting(self, message: Message) -> Message:
        """With files that are still there when the core comes to read them; it deletes them then."""
        self._handed.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = [
            replace(each, path=each.path.replace(self._handed / f"{message.foreign_id}-{number}"))
            if each.path is not None
            else each
            for number, each in enumerate(message.attachments)
        ]
        return replace(message, attachments=tuple(kept))


def _others(mail: Mail, mine: frozenset[str]) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for person in (mail.sender, *mail.recipients):
        try:
            mailbox = parse(person.address)
        except BadAddress:
            continue
        if mailbox.folded not in mine and mailbox.base.folded not in mine:
            found.setdefault(mailbox.folded, person)
    return tuple(found.values())[:_PEOPLE_MOST]


def _mailboxes(people: Sequence[Person]) -> tuple[Mailbox, ...]:
    return tuple(parse(each.address) for each in people)


def _occupant(key: str) -> Occupant:
    return Occupant(key, Affiliation.MEMBER, identity=key, stable=key)


def _safe(thread: str) -> str:
    """As much of a thread's name as fits a room's; ours do as they are."""
    plain = "".join(
        each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in thread.lower()
    )
    if plain == thread and len(plain) <= 64:
        return plain
    return f"{plain[:40]}-{sha256(thread.encode()).hexdigest()[:12]}"


def _room(row: Row[Any]) -> OpenRoom:
    return OpenRoom(
        row.owner,
        row.room,
        row.subject,
        row.thread,
        row.post,
        tuple(Person(*each) for each in json.loads(row.people)),
        row.opened,
    )
