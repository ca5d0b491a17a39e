"""A mailbox elsewhere, kept in sight: what is new is taken, what is read is marked, what is sent is put with the rest.

One connection, on which everything is done in turn. Between two jobs it waits for news (IDLE), and asks the server at least
every ``_ALIVE`` seconds whether it is still there. How far we have read is committed together with each mail, by UIDVALIDITY
and UID (RFC 3501 §2.3.1.1), so that nothing is lost or taken twice, whoever dies.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import BigInteger, Column, Executable, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.imap.client import ImapConnection, ImapError, Login, Server, Trouble
from bridges.email.imap.mailbox import ImapMailbox
from bridges.email.schema import METADATA
from gateway.bridge import Tables, Values

_log = structlog.get_logger(__name__)

#: Seconds: a dead connection is noticed within a minute, its ten for the answer included.
_ALIVE, _ANSWER = 45.0, 12.0
#: Of a mailbox that was made anew, so many of the last mails are looked at: those that are known are not shown again.
_LOOK_BACK, _LOOK_BACK_TIME = 200, 5 * 86_400.0
_MARKED = 20_000  # UIDs that may still be marked as read
_WAITING_MOST = 1000

Statement = tuple[Executable, Values]

CURSORS = Table(
    "email_cursors",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("validity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("mailbox", Text, nullable=False),  # which one that is: users can attach another one
)
PLACES = Table(
    "email_places",
    METADATA,
    Column("bridge", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("mail", Text, primary_key=True),  # ours: the foreign id of the message that shows it
    Column("validity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
)


class Taking(Protocol):
    """Who takes mail of users, as the border does."""

    async def take(
        self, owner: str, mailbox: str, raw: bytes, also: Callable[[str], Sequence[Statement]]
    ) -> None:
        """Make it ours: returns after the commit, which holds ``also`` too, made with the id that the mail has here. One
        that was here before is taken no second time, but ``also`` is written. Raises ``NotStored``."""


class Filing(Protocol):
    """A sent mail that belongs with the others; ``path`` is its file."""

    @property
    def mail(self) -> str: ...

    @property
    def message_id(self) -> str: ...

    @property
    def path(self) -> Path: ...


class Filings(Protocol):
    """Sent mails that are still to be put where sent mails lie."""

    async def owed(self, owner: str) -> Sequence[Filing]:
        """Some of them. Raises ``NotStored``."""

    async def done(self, owner: str, mail: str) -> None:
        """This one is there, or cannot be. Raises ``NotStored``."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """``mailbox`` is whose, in our words."""

    validity: int
    uid: int
    mailbox: str = ""


class Cursors:
    """How far each user's mailbox was read, and where in it mails lie. All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge

    async def of(self, owner: str) -> Cursor | None:
        rows = await self._tables.read(
            select(CURSORS).where(CURSORS.c.bridge == self._bridge, CURSORS.c.owner == owner)
        )
        return Cursor(rows[0].validity, rows[0].uid, rows[0].mailbox) if rows else None

    async def save(self, owner: str, cursor: Cursor) -> None:
        await self._tables.write(self.saving(owner, cursor))

    def saving(self, owner: str, cursor: Cursor) -> Statement:
        row = {"bridge": self._bridge, "owner": owner, "mailbox": cursor.mailbox}
        return self._upsert(CURSORS, row | {"validity": cursor.validity, "uid": cursor.uid}), None

    def placing(self, owner: str, mail: str, cursor: Cursor) -> Statement:
        row = {"bridge": self._bridge, "owner": owner, "mail": mail}
        return self._upsert(PLACES, row | {"validity": cursor.validity, "uid": cursor.uid}), None

    async def place(self, owner: str, mail: str) -> Cursor | None:
        """Where a mail lies."""
        here = (PLACES.c.bridge == self._bridge, PLACES.c.owner == owner, PLACES.c.mail == mail)
        rows = await self._tables.read(select(PLACES).where(*here))
        return Cursor(rows[0].validity, rows[0].uid) if rows else None

    async def forget_places(self, owner: str, below: int) -> None:
        """Places with smaller UIDs: what is so old is not marked any more."""
        old = (PLACES.c.bridge == self._bridge, PLACES.c.owner == owner, PLACES.c.uid < below)
        await self._tables.write((delete(PLACES).where(*old), None))

    def _upsert(self, table: Table, row: dict[str, object]) -> Executable:
        insert = postgresql.insert if self._tables.dialect == "postgresql" else sqlite.insert
        keys = [column.name for column in table.primary_key]
        changed = {name: value for name, value in row.items() if name not in keys}
        return insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=changed)


@dataclass(frozen=True, slots=True)
class Attached:
    """A mailbox at another provider. ``address`` is what mail to it is addressed to."""

    owner: str
    address: str
    server: Server
    login: Login


class Wishes:
    """What is to be done in a mailbox besides reading it. Waits for a connection, and outlives it; ``wake`` is whoever has
    one."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.sent = False  # something may be to be put with the sent mails
        self.wake: Callable[[], None] | None = None

    def mark_read(self, mail: str) -> None:
        """The user has read the mail that is called so here."""
        if len(self.read) < _WAITING_MOST:
            self.read.append(mail)
            self._wake()

    def keep_sent(self) -> None:
        """A mail of the user's was sent."""
        self.sent = True
        self._wake()

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()


class Watch:
    """``largest``: octets of a mail; of larger ones only the header is taken. ``answer``: seconds for one."""

    def __init__(
        self,
        attached: Attached,
        cursors: Cursors,
        taking: Taking,
        filings: Filings,
        *,
        largest: int,
        now: Callable[[], float] = time.time,
        answer: float = _ANSWER,
        wishes: Wishes | None = None,
    ) -> None:
        self._attached = attached
        self._cursors = cursors
        self._taking = taking
        self._filings = filings
        self._largest = largest
        self._now = now
        self._answer = answer
        self._wishes = wishes if wishes is not None else Wishes()

    def mark_read(self, mail: str) -> None:
        self._wishes.mark_read(mail)

    def keep_sent(self) -> None:
        self._wishes.keep_sent()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self, online: Callable[[], None]) -> None:
        """Until cancelled, or ``ImapError``, or ``NotStored``; ``online`` is called once the mailbox is open."""
        connection = await ImapConnection.open(
            self._attached.server, timeout=self._answer, literal_most=self._largest
        )
        self._wishes.wake = connection.wake
        self._wishes.sent = True  # from before, perhaps
        try:
            await connection.log_in(self._attached.login)
            mailbox = ImapMailbox(connection)
            cursor = await self._begin(mailbox)
            online()
            while True:
                cursor = await self._catch_up(mailbox, cursor)
                await self._mark(mailbox, cursor.validity)
                if self._wishes.sent:
                    await self._file(mailbox, cursor)
                elif not self._wishes.read:
                    await connection.idle(_ALIVE)
        finally:
            self._wishes.wake = None
            await connection.close()

    async def _begin(self, mailbox: ImapMailbox) -> Cursor:
        """Where to go on: after what was read last, or with what comes from now on."""
        owner = self._attached.owner
        selected = await mailbox.select()
        name = f"{self._attached.address} {self._attached.server.host}"
        known = await self._cursors.of(owner)
        if known is not None and known.mailbox and known.mailbox != name:
            known = None  # another one was attached before
        if known is not None and known.validity == selected.validity:
            await self._cursors.forget_places(owner, known.uid - _MARKED)
            return replace(known, mailbox=name)
        # If the mailbox was made anew, what has come since we looked may be anywhere in it.
        since = self._now() - _LOOK_BACK_TIME
        uids = (
            await mailbox.last(1, selected.exists)
            if known is None
            else await mailbox.last(_LOOK_BACK, selected.exists, since)
        )
        if known is None:
            cursor = Cursor(selected.validity, max([*uids, selected.next_uid - 1, 0]), name)
        else:
            cursor = Cursor(selected.validity, uids[0] - 1 if uids else max(0, selected.next_uid - 1), name)
            _log.warning("a mailbox was made anew", user=owner, looked_at=len(uids))
        await self._cursors.save(owner, cursor)
        return cursor

    async def _catch_up(self, mailbox: ImapMailbox, cursor: Cursor) -> Cursor:
        owner = self._attached.owner
        for uid in await mailbox.after(cursor.uid):
            here = replace(cursor, uid=uid)
            size = await mailbox.size(uid)
            mail = await mailbox.fetch(uid, header_only=(size or 0) > self._largest)
            if mail is None:  # deleted meanwhile, elsewhere
                await self._cursors.save(owner, here)
            else:
                also = self._beside(here)
                await self._taking.take(owner, self._attached.address, mail.raw, also)
            cursor = here
        return cursor

    def _beside(self, here: Cursor) -> Callable[[str], Sequence[Statement]]:
        """What is committed together with a mail."""
        owner = self._attached.owner
        return lambda mail: (self._cursors.saving(owner, here), self._cursors.placing(owner, mail, here))

    async def _mark(self, mailbox: ImapMailbox, validity: int) -> None:
        read = self._wishes.read
        while read:
            place = await self._cursors.place(self._attached.owner, read[0])
            if place is not None and place.validity == validity:
                await mailbox.mark_seen(place.uid)
            del read[0]

    async def _file(self, mailbox: ImapMailbox, cursor: Cursor) -> None:
        """Put with the sent mails what is not there yet. What we did when we were cut off is found again by its id."""
        owner = self._attached.owner
        self._wishes.sent = False
        owed = await self._filings.owed(owner)
        if not owed:
            return
        place = await mailbox.sent_mailbox()
        for each in owed:
            try:
                if place is not None and not await mailbox.has(place, each.message_id):
                    await mailbox.append(place, await asyncio.to_thread(each.path.read_bytes))
            except ImapError as error:
                if error.trouble is not Trouble.REFUSED:
                    raise
                _log.warning("a sent mail could not be kept with the others", reason=str(error))
            except OSError as error:
                _log.warning("a sent mail could not be kept with the others", reason=error.strerror)
            await self._filings.done(owner, each.mail)
        self._wishes.sent = True  # there may be more
        if (await mailbox.select()).validity != cursor.validity:
            raise ImapError(Trouble.UNREACHABLE, f"The mailbox of {self._attached.address} was made anew.")
