"""smsd's tables in use: what is to be sent is put there, what it has sent and received is looked up there.

What is ours is known by its CreatorID, which has our reference, so the same text is never put there twice; once the fate of
a text is known and told, the CreatorID says that, too. Everything raises ``SQLAlchemyError`` or ``OSError`` when
the tables cannot be used.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import URL, ColumnElement, Float, cast, extract, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bridges.sms.gammu.parts import Arrival, Part, Sent
from bridges.sms.gammu.tables import GAMMU, INBOX, MULTIPART, OUTBOX, PHONES, SENT

_OPEN: Final = "causeway:"
_TOLD: Final = "causeway.told:"
_AT_ONCE: Final = 100  # rows of the inbox
_MOST: Final = 1_000  # parts of ours of which there may be news
_LONG_AGO: Final = datetime(2000, 1, 1)  # of no zone, as smsd has it
_SECONDS: Final = 10.0  # for a lock that smsd holds
_GRACE: Final = 2.0  # seconds for what is under way at the end

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What smsd says of its modem. ``age``: seconds since it was last heard of."""

    age: float
    sends: bool
    receives: bool
    network: str
    signal: int  # per cent; -1 where it is not known


class NotPut(Exception):
    """A text was definitely not put into the outbox."""


def _whole(
    method: Callable[Concatenate["Box", P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Box", P], Awaitable[T]]:
    """Goes on when whoever asked is cancelled: a driver's thread that is left in the middle of a statement outlives the loop
    that it answers to, and of a commit nobody would know how it ended."""

    @functools.wraps(method)
    async def begun(box: "Box", /, *args: P.args, **kwargs: P.kwargs) -> T:
        work = asyncio.create_task(method(box, *args, **kwargs))
        box.under_way.add(work)
        work.add_done_callback(box.ended)
        return await asyncio.shield(work)

    return begun


class Box:
    """``phone``: see ``GammuRoute``."""

    def __init__(self, url: URL, phone: str) -> None:
        self._phone = phone
        self._engine = _engine(url)
        self._floor = 0  # rows before it have nothing to tell any more
        self.under_way: set[asyncio.Task[Any]] = set()

    def ended(self, work: asyncio.Task[Any]) -> None:
        self.under_way.discard(work)
        if not work.cancelled():
            work.exception()  # whoever asked has got it, or is gone

    async def close(self) -> None:
        if self.under_way:
            _, late = await asyncio.wait(self.under_way, timeout=_GRACE)
            for each in late:
                each.cancel()
            if late:
                await asyncio.wait(late, timeout=_GRACE)
        await self._engine.dispose()

    @_whole
    async def version(self) -> int:
        async with self._engine.connect() as connection:
            return int((await connection.execute(select(func.max(GAMMU.c.Version)))).scalar() or 0)

    @_whole
    async def desk(self) -> Desk | None:
        """None where smsd has never begun with these tables."""
        age = _age(self._engine.dialect.name)
        c = PHONES.c
        asked = select(c.Send, c.Receive, c.NetName, c.Signal, age.label("age")).order_by(age).limit(1)
        if self._phone:
            asked = asked.where(c.ID.in_((self._phone,)))
        async with self._engine.connect() as connection:
            row = (await connection.execute(asked)).first()
        return (
            None
            if row is None
            else Desk(float(row.age), row.Send, row.Receive, row.NetName or "", row.Signal)
        )

    # -- sending -------------------------------------------------------------------------------------------------------

    @_whole
    async def waiting(self) -> int:
        """Texts of ours that smsd has not tried yet."""
        asked = select(func.count()).where(
            OUTBOX.c.CreatorID.startswith(_OPEN), OUTBOX.c.Retries == 0, self._mine(OUTBOX.c.SenderID)
        )
        async with self._engine.connect() as connection:
            return int((await connection.execute(asked)).scalar() or 0)

    @_whole
    async def put(self, reference: str, recipient: str, parts: Sequence[Part], validity: int) -> None:
        """Unless it is there, or was. Raises ``NotPut``; anything else leaves open whether it was put."""
        async with self._engine.connect() as connection:
            try:
                if await self._known(connection, reference):
                    return
                await self._insert(connection, reference, recipient, parts, validity)
            except Exception as error:
                raise NotPut(str(error)) from error
            await connection.commit()

    async def _known(self, connection: AsyncConnection, reference: str) -> bool:
        names = (f"{_OPEN}{reference}", f"{_TOLD}{reference}")
        # smsd copies rows from the first to the second before it takes them away there.
        for table in (OUTBOX, SENT):
            asked = select(table.c.ID).where(table.c.CreatorID.in_(names)).limit(1)
            if (await connection.execute(asked)).first() is not None:
                return True
        return False

    async def _insert(
        self,
        connection: AsyncConnection,
        reference: str,
        recipient: str,
        parts: Sequence[Part],
        validity: int,
    ) -> None:
        first, *rest = parts
        row = {
            # smsd compares them with its local time, while SQLite would fill them in in UTC: hours later, in America.
            "SendingDateTime": _LONG_AGO,
            "SendingTimeOut": _LONG_AGO,
            "Text": first.data,
            "TextDecoded": first.text,
            "Coding": first.coding,
            "UDH": first.header,
            "DestinationNumber": recipient,
            "MultiPart": bool(rest),
            "RelativeValidity": validity,
            "SenderID": self._phone or None,
            "DeliveryReport": "yes",
            "CreatorID": f"{_OPEN}{reference}",
            "Retries": 0,
        }
        key = (await connection.execute(insert(OUTBOX).values(row))).inserted_primary_key
        if key is None:
            raise NotPut("the database gave no number to the text")
        self._floor = min(self._floor, key[0])  # the tables may be new ones
        if rest:
            await connection.execute(
                insert(MULTIPART),
                [
                    {
                        "ID": key[0],
                        "SequencePosition": number,
                        "Text": each.data,
                        "TextDecoded": each.text,
                        "Coding": each.coding,
                        "UDH": each.header,
                    }
                    for number, each in enumerate(rest, 2)
                ],
            )

    @_whole
    async def news(self) -> list[tuple[Sequence[Sent], bool]]:
        """The parts of each text of ours that was sent, or not, and whose fate was not told yet; with whether smsd still has
        it in the outbox."""
        c = SENT.c
        asked = (
            select(
                c.ID,
                c.CreatorID,
                c.SequencePosition,
                c.DestinationNumber,
                c.Status,
                c.UDH,
                c.StatusCode,
                c.StatusError,
            )
            .where(self._floor <= c.ID, c.CreatorID.startswith(_OPEN))
            .order_by(c.ID, c.SequencePosition)
            .limit(_MOST)
        )
        out = select(OUTBOX.c.ID).where(OUTBOX.c.CreatorID.startswith(_OPEN))
        async with self._engine.connect() as connection:
            # In this order: what goes from the one to the other meanwhile is seen as still waiting.
            waiting = set((await connection.execute(out)).scalars())
            rows = (await connection.execute(asked)).all()
        found: dict[int, list[Sent]] = {}
        for row in rows:
            sent = Sent(
                row.ID,
                row.CreatorID.removeprefix(_OPEN),
                row.SequencePosition,
                row.DestinationNumber,
                row.Status,
                row.UDH or "",
                row.StatusCode,
                row.StatusError,
            )
            found.setdefault(row.ID, []).append(sent)
        self._floor = min(waiting | found.keys(), default=self._floor)
        return [(parts, id in waiting) for id, parts in found.items()]

    @_whole
    async def told(self, id: int, reference: str) -> None:
        """Nothing more is to be told of it."""
        c = SENT.c
        its = update(SENT).where(c.ID.in_((id,)), c.CreatorID.in_((f"{_OPEN}{reference}",)))
        async with self._engine.begin() as connection:
            await connection.execute(its.values(CreatorID=f"{_TOLD}{reference}"))

    # -- receiving -----------------------------------------------------------------------------------------------------

    @_whole
    async def arrived(self) -> list[Arrival]:
        """What nobody has dealt with, oldest first."""
        c = INBOX.c
        asked = (
            select(INBOX)
            .where(c.Processed.in_((False,)), self._mine(c.RecipientID))
            .order_by(c.ID)
            .limit(_AT_ONCE)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(asked)).all()
        return [
            Arrival(
                row.ID,
                str(row.ReceivingDateTime),
                row.SenderNumber,
                row.Text or "",
                row.TextDecoded or "",
                row.Coding,
                row.UDH or "",
                row.Class,
            )
            for row in rows
        ]

    @_whole
    async def processed(self, ids: Sequence[int]) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(INBOX).where(INBOX.c.ID.in_(ids)).values(Processed=True))

    def _mine(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Rows of our modem, of those who share the tables."""
        return or_(column == self._phone, column.is_(None)) if self._phone else true()


def _engine(url: URL) -> AsyncEngine:
    common: dict[str, Any] = {"connect_args": {"timeout": _SECONDS}, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        # Opened anew every time: somebody may put another file in its place.
        return create_async_engine(url, poolclass=NullPool, **common)
    return create_async_engine(url, pool_size=2, pool_pre_ping=True, **common)


def _age(dialect: str) -> ColumnElement[float]:
    """Seconds since a modem's row was written. Its trigger does that in UTC in SQLite, and in the server's time zone in
    PostgreSQL; TimeOut is no help, which smsd sets to ten seconds from then, however seldom it comes by."""
    updated = PHONES.c.UpdatedInDB
    if dialect == "sqlite":
        return cast(func.strftime("%s", "now"), Float) - cast(func.strftime("%s", updated), Float)
    return cast(extract("epoch", func.localtimestamp() - updated), Float)
