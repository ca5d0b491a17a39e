"""Messages on their way to the network, in tables: all statements there are about them.

What one page of the book changes is one commit, with a statement for each kind of change however many rows there are.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    Executable,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bridges.sms.sending.early import Early
from bridges.sms.sending.matching import Rule
from bridges.sms.sending.messages import Known, Message, Tidings
from bridges.sms.sending.records import Page, Piece, Record
from bridges.sms.sending.rows import (
    changed_row,
    early_of,
    early_row,
    message_of,
    new_row,
    piece_of,
    piece_row,
    record_of,
    tidings_of,
    why_of,
)
from bridges.sms.sending.states import MessageState, PieceState
from bridges.sms.sending.tables import EARLY, MESSAGES, PIECES, RULES
from gateway.bridge import Tables, Values

_M, _P, _E, _R = MESSAGES.c, PIECES.c, EARLY.c, RULES.c
_AT_ONCE = 500  # ids in one question
_UNHEARD = 60 * 86_400.0  # seconds that news wait for their user besides
_SWEPT = 1000  # messages in one commit
_CHANGED = (
    "state",
    "route",
    "pinned",
    "total",
    "counts",
    "attempts",
    "next_at",
    "refused",
    "news",
    "owed",
    "changed",
    "condition",
    "error_type",
    "why",
)
_RECORD = (_M.id, _M.owner, _M.recipients, _M.seq, *(_M[name] for name in _CHANGED if name != "owed"))
_QUEUED = MessageState.QUEUED.value
_TOLD = [each.value for each in MessageState if each.told]


class Sendings:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        insert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        self._insert = insert(MESSAGES)
        pieces = insert(PIECES)
        self._upsert_pieces = pieces.on_conflict_do_update(
            index_elements=[_P.bridge, _P.message, _P.n],
            set_={each.name: pieces.excluded[each.name] for each in _P if not each.primary_key},
        )
        self._insert_early = insert(EARLY).on_conflict_do_nothing()
        rules = insert(RULES)
        self._upsert_rules = rules.on_conflict_do_update(
            index_elements=[_R.bridge, _R.route, _R.rule], set_={"weight": rules.excluded.weight}
        )
        self._mine = _M.bridge == bridge
        state = bindparam("to_state", type_=_M.state.type)
        self._change = (
            update(MESSAGES)
            .where(self._mine, _M.id == bindparam("row"))
            .values(
                {name: bindparam(f"to_{name}", type_=_M[name].type) for name in _CHANGED}
                # Nobody has to keep what is written: texts go as soon as nothing is left to be.
                | {
                    "text": case((state == _QUEUED, _M.text), else_=""),
                    "media": case((state == _QUEUED, _M.media), else_="[]"),
                    # Who tells takes the mark away, whatever else happens to the message meanwhile.
                    "owed": or_(_M.owed, bindparam("to_owed", type_=_M.owed.type)),
                }
            )
        )
        self._delete_early = delete(EARLY).where(
            _E.bridge == bridge,
            _E.route == bindparam("of_route"),
            _E.provider_id == bindparam("of_id"),
            _E.recipient == bindparam("of_recipient"),
            _E.stage == bindparam("of_stage"),
        )
        told = bindparam("told_state", type_=_M.state.type)
        self._told = (
            update(MESSAGES)
            .where(self._mine, _M.id == bindparam("row"), _M.state == told)
            .values(owed=false())
        )

    # Pages

    async def commit(self, page: Page) -> None:
        bridge = self._bridge
        statements: list[tuple[Executable, Values]] = []
        if page.new:
            statements.append((self._insert, [new_row(bridge, each) for each in page.new]))
        if page.messages:
            statements.append((self._change, [changed_row(each) for each in page.messages.values()]))
        if page.pieces:
            rows = [piece_row(bridge, record, piece) for record, piece in page.pieces.values()]
            statements.append((self._upsert_pieces, rows))
        if page.not_early:
            names = ("of_route", "of_id", "of_recipient", "of_stage")
            keys = [dict(zip(names, key, strict=True)) for key in page.not_early]
            statements.append((self._delete_early, keys))
        if page.early:
            statements.append((self._insert_early, [early_row(bridge, each) for each in page.early.values()]))
        if page.rules:
            weights = [
                {"bridge": bridge, "route": route, "rule": rule.value, "weight": weight}
                for (route, rule), weight in page.rules.items()
            ]
            statements.append((self._upsert_rules, weights))
        statements.extend(page.also)
        if statements:
            await self._tables.write(*statements)

    async def records(self, ids: Collection[str]) -> dict[str, Record]:
        """Of these messages those that there are, with their pieces."""
        found: dict[str, Record] = {}
        wanted = sorted(ids)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            for row in await self._tables.read(select(*_RECORD).where(self._mine, _M.id.in_(some))):
                found[row.id] = record_of(row)
            for message, piece in await self._pieces(some):
                if message in found:
                    found[message].pieces[piece.n] = piece
        return found

    async def _pieces(self, messages: Sequence[str]) -> list[tuple[str, Piece]]:
        if not messages:
            return []
        query = select(PIECES).where(_P.bridge == self._bridge, _P.message.in_(messages))
        return [(row.message, piece_of(row)) for row in await self._tables.read(query)]

    async def spelt(self, route: str, spellings: Collection[str]) -> set[str]:
        """Messages with a piece on the route whose id is one of these, or is one of these when read as hexadecimal."""
        found: set[str] = set()
        wanted = sorted(spellings)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            here = (_P.bridge == self._bridge, _P.route == route)
            query = union_all(
                select(_P.message).where(*here, _P.stripped.in_(some)),
                select(_P.message).where(*here, _P.decimal.in_(some)),
            )
            found.update(row.message for row in await self._tables.read(query))
        return found

    # At the start

    async def last_number(self) -> int:
        highest = [
            select(func.max(_M.seq)).where(self._mine, _M.state == each.value) for each in MessageState
        ]
        highest.append(select(func.max(_M.news)).where(self._mine, _M.owed == true()))
        return max((row[0] or 0 for row in await self._tables.read(union_all(*highest))), default=0)

    async def doubtful(self) -> list[tuple[str, int]]:
        """Pieces that are being written, or may have been taken, as (message, piece)."""
        query = select(_P.message, _P.n).where(_P.bridge == self._bridge, _P.doubtful == true())
        rows = await self._tables.read(query.order_by(_P.message, _P.n))
        return [(row.message, row.n) for row in rows]

    async def overdue(self, now: float) -> list[tuple[str, int]]:
        """Those that may have been taken, and of which a report has been waited for long enough."""
        query = select(_P.message, _P.n).where(_P.bridge == self._bridge, _P.doubtful == true())
        query = query.where(_P.state == PieceState.UNKNOWN.value, _P.until <= now)
        rows = await self._tables.read(query.order_by(_P.until, _P.n).limit(_SWEPT))
        return [(row.message, row.n) for row in rows]

    async def early(self) -> list[Early]:
        query = select(EARLY).where(_E.bridge == self._bridge).order_by(_E.came)
        return [early_of(row) for row in await self._tables.read(query)]

    async def rules(self) -> dict[str, dict[Rule, int]]:
        found: dict[str, dict[Rule, int]] = {}
        for row in await self._tables.read(select(RULES).where(_R.bridge == self._bridge)):
            found.setdefault(row.route, {})[Rule(row.rule)] = row.weight
        return found

    async def queued(self, after: int, most: int) -> list[Message]:
        """What is left to be written, in order."""
        query = select(MESSAGES).where(self._mine, _M.state == _QUEUED, _M.seq > after)
        rows = await self._tables.read(query.order_by(_M.seq).limit(most))
        pieces: dict[str, dict[int, Piece]] = {row.id: {} for row in rows}
        begun = [row.id for row in rows if row.total]
        for start in range(0, len(begun), _AT_ONCE):
            for message, piece in await self._pieces(begun[start : start + _AT_ONCE]):
                pieces[message][piece.n] = piece
        return [message_of(row, pieces[row.id]) for row in rows]

    # Telling

    async def owed(self, most: int, not_to: Collection[str] = ()) -> list[Tidings]:
        """What is to be told, but for these owners, in order."""
        query = select(_M.id, _M.owner, _M.state, _M.condition, _M.error_type, _M.why)
        query = query.where(self._mine, _M.owed == true(), _M.state.in_(_TOLD))
        if not_to:
            query = query.where(_M.owner.not_in(not_to))
        return [tidings_of(row) for row in await self._tables.read(query.order_by(_M.news).limit(most))]

    async def told(self, tidings: Sequence[Tidings]) -> None:
        """These were told; what has changed meanwhile stays owed."""
        rows = [{"row": each.id, "told_state": each.state.value} for each in tidings]
        await self._tables.write((self._told, rows))

    # What is known

    async def known(self, id: str) -> Known | None:
        query = select(_M.owner, _M.sender, _M.state, _M.created, _M.condition, _M.error_type, _M.why)
        rows = await self._tables.read(query.where(self._mine, _M.id == id))
        if not rows:
            return None
        state = MessageState(rows[0].state)
        why = why_of(rows[0], uncertain=state is MessageState.UNKNOWN)
        pieces = sorted((piece for _, piece in await self._pieces([id])), key=lambda each: each.n)
        shown = tuple((each.state, each.route, each.tries) for each in pieces)
        return Known(id, rows[0].owner, state, rows[0].created, why, rows[0].sender, shown)

    async def numbers(self) -> tuple[dict[str, int], float | None]:
        """How many messages there are in each state; when the oldest that waits was written."""
        query = select(_M.state, func.count().label("number")).where(self._mine).group_by(_M.state)
        counted = {row.state: int(row.number) for row in await self._tables.read(query)}
        oldest = await self._tables.read(
            select(_M.created).where(self._mine, _M.state == _QUEUED).order_by(_M.seq).limit(1)
        )
        return counted, oldest[0].created if oldest else None

    # Forgetting

    async def forget(self, owner: str) -> None:
        """All that is this user's."""
        await self._tables.write(
            (delete(PIECES).where(_P.bridge == self._bridge, _P.owner == owner), None),
            (delete(MESSAGES).where(self._mine, _M.owner == owner), None),
        )

    async def sweep(self, before: float) -> bool:
        """Delete rows of which nothing can be heard any more: what has not changed since then, and news for which nobody has
        come in two months more. Whether there are more."""
        old = (
            select(_M.id)
            .where(self._mine, _M.changed < before, _M.state != _QUEUED, _over(before))
            .limit(_SWEPT)
        )
        ids = [row.id for row in await self._tables.read(old)]
        await self._remove(ids, before)
        return len(ids) == _SWEPT

    async def _remove(self, ids: Iterable[str], before: float) -> None:
        gone = list(ids)
        if gone:
            left = exists().where(self._mine, _M.id == _P.message)
            await self._tables.write(
                (delete(MESSAGES).where(self._mine, _M.id.in_(gone), _over(before)), None),
                (delete(PIECES).where(_P.bridge == self._bridge, _P.message.in_(gone), ~left), None),
            )


def _over(before: float) -> ColumnElement[bool]:
    """That nobody has to be told, or will be."""
    return or_(_M.owed == false(), _M.changed < before - _UNHEARD)
