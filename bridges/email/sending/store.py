"""Mails that are sent, in tables: a row for each, and one for each of its recipients, which says how far it has come there.

The row is written before the first attempt and outlives the mail: reports and answers come days later. What somebody has to
be told is marked in the same commit that makes it so, and unmarked when it was told.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bridges.email.addresses import parse
from bridges.email.composing.outgoing import Finished
from bridges.email.sending.filing import FILINGS
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.rows import MAILS, RECIPIENTS, Job, Owed, Sent
from gateway.bridge import Tables, Values

_R, _M, _F = RECIPIENTS.c, MAILS.c, FILINGS.c
_JOB = (_R.id, _R.owner, _R.mail, _R.address, _R.time, _R.next_at, _R.attempts, _R.cuts, _R.unknowns)
#: Of what has come no further, it is said that it takes long.
_STILL = (Kind.WAITING.value, Kind.ACCEPTED.value)
_OF_MAIL = (_M.file, _M.size, _M.smtputf8)


class Sendings:
    """All of it raises ``NotStored``."""

    def __init__(self, tables: Tables, bridge: str) -> None:
        self._tables = tables
        self._bridge = bridge
        upsert = postgresql.insert if tables.dialect == "postgresql" else sqlite.insert
        self._insert_mail = upsert(MAILS).on_conflict_do_nothing()
        self._insert_recipients = upsert(RECIPIENTS).on_conflict_do_nothing()
        self._mine = _R.bridge == bridge
        row = and_(self._mine, _R.id == bindparam("row"))
        # Not IN: SQLAlchemy has no lists in statements of many rows.
        slow = and_(_R.delay == 1, or_(*(_R.state == each for each in _STILL)))
        now = bindparam("now_told", type_=Text)
        self._told_state = update(RECIPIENTS).where(row).values(told=now, owed=or_(_R.state != now, slow))
        self._told_delay = update(RECIPIENTS).where(row).values(delay=2, owed=_R.state != _R.told)

    # Taking

    async def take(
        self, finished: Finished, rows: Sequence[str], lane: str, also: Iterable[tuple[Executable, Values]]
    ) -> None:
        """Commit a mail, with a row's name for each of its recipients, and other statements together with it."""
        mail = {
            "bridge": self._bridge,
            "id": finished.mail_id,
            "owner": finished.owner,
            "lane": lane,
            "message_id": finished.message_id,
            "file": finished.path.name,
            "size": finished.size,
            "smtputf8": finished.needs_smtputf8,
            "lines": json.dumps(finished.line_ids),
            "subject": finished.subject[:500],
            "time": finished.time,
        }
        recipients = [
            {
                "bridge": self._bridge,
                "id": row,
                "owner": finished.owner,
                "lane": lane,
                "mail": finished.mail_id,
                "address": each.exact,
                "time": finished.time,
                "state": Kind.WAITING.value,
                "next_at": finished.time,
                "told": Kind.WAITING.value,
            }
            for row, each in zip(rows, finished.recipients, strict=True)
        ]
        await self._tables.write((self._insert_mail, mail), (self._insert_recipients, recipients), *also)

    # Sending

    async def due(self, lane: str, now: float, since: float, each: int, most: int) -> list[Job]:
        """Who waits for an attempt, of mails not older than ``since``: the first ``each`` of every owner, by turns."""
        turn = func.row_number().over(partition_by=_R.owner, order_by=(_R.next_at, _R.id)).label("turn")
        waiting = (
            select(*_JOB, *_OF_MAIL, turn)
            .join(MAILS, and_(_M.bridge == _R.bridge, _M.id == _R.mail))
            .where(
                self._mine,
                _R.lane == lane,
                _R.state == Kind.WAITING.value,
                _R.next_at <= now,
                _R.time > since,
            )
            .subquery()
        )
        rows = await self._tables.read(
            select(waiting)
            .where(waiting.c.turn <= each)
            .order_by(waiting.c.turn, waiting.c.next_at)
            .limit(most)
        )
        return [_job(row) for row in rows]

    async def earliest(self, lane: str, after: float) -> float | None:
        """When the next attempt is due, of those that are not yet."""
        rows = await self._tables.read(
            select(func.min(_R.next_at)).where(
                self._mine, _R.lane == lane, _R.state == Kind.WAITING.value, _R.next_at > after
            )
        )
        return None if rows[0][0] is None else float(rows[0][0])

    async def hasten(self, lane: str, beyond: float, at: float) -> None:
        """What waits for a time after ``beyond`` is due ``at``."""
        await self._tables.write(
            (
                update(RECIPIENTS)
                .where(self._mine, _R.lane == lane, _R.state == Kind.WAITING.value, _R.next_at > beyond)
                .values(next_at=at),
                None,
            )
        )

    async def postpone(self, job: Job, next_at: float, outcome: Outcome | None) -> None:
        """Keep the job's counts, and when to try again; ``outcome`` has what the remote side said, if it did."""
        said = _said(outcome) if outcome is not None else {}
        await self._tables.write(
            (
                update(RECIPIENTS)
                .where(self._mine, _R.id == job.row)
                .values(next_at=next_at, attempts=job.attempts, cuts=job.cuts, unknowns=job.unknowns, **said),
                None,
            )
        )

    async def reach(self, row: str, outcome: Outcome, *also: tuple[Executable, Values]) -> bool:
        """Note how far a mail has come, together with other statements; False where it had come further before, or the row
        is gone, and the others touched nothing."""
        lower = [each.value for each in Kind if each.rank < outcome.kind.rank]
        changed = await self._tables.write(
            (
                update(RECIPIENTS)
                .where(self._mine, _R.id == row, _R.state.in_(lower))
                .values(state=outcome.kind.value, owed=True, **_said(outcome)),
                None,
            ),
            *also,
        )
        return changed > 0

    async def delay(self, row: str, outcome: Outcome) -> bool:
        """Note that it takes long; False where that was noted before, or the outcome is known."""
        changed = await self._tables.write(
            (
                update(RECIPIENTS)
                .where(self._mine, _R.id == row, _R.state.in_(_STILL), _R.delay == 0)
                .values(delay=1, owed=True, **_said(outcome)),
                None,
            )
        )
        return changed > 0

    async def backlog(self) -> tuple[int, float | None]:
        """How many recipients wait for their mail to go out, and since when the first of them does."""
        rows = await self._tables.read(
            select(func.count().label("many"), func.min(_R.time).label("since")).where(
                self._mine, _R.state == Kind.WAITING.value
            )
        )
        return int(rows[0].many), None if rows[0].since is None else float(rows[0].since)

    async def slow(self, lane: str, before: float) -> list[tuple[str, Outcome]]:
        """Who waits since then without a word to the sender, and what was said last."""
        return await self._waiting_since(lane, before, _R.delay == 0)

    async def hopeless(self, lane: str, before: float) -> list[tuple[str, Outcome]]:
        return await self._waiting_since(lane, before)

    async def _waiting_since(
        self, lane: str, before: float, *more: ColumnElement[bool]
    ) -> list[tuple[str, Outcome]]:
        rows = await self._tables.read(
            select(_R.id, _R.code, _R.status, _R.text, _R.remote_host)
            .where(self._mine, _R.lane == lane, _R.state == Kind.WAITING.value, _R.time <= before, *more)
            .limit(500)
        )
        return [
            (row.id, Outcome(Kind.WAITING, "", row.code, row.status, row.text, row.remote_host))
            for row in rows
        ]

    # Files

    async def unneeded(self) -> list[tuple[str, str]]:
        """Mails, as (mail, file), that nobody waits for any more."""
        waits = exists().where(_R.bridge == _M.bridge, _R.mail == _M.id, _R.state == Kind.WAITING.value)
        filed = exists().where(_F.bridge == _M.bridge, _F.mail == _M.id, _F.done == false())
        query = select(_M.id, _M.file).where(_M.bridge == self._bridge, _M.file != "", ~waits, ~filed)
        return [(row.id, row.file) for row in await self._tables.read(query.limit(500))]

    async def deleted(self, mails: Sequence[str]) -> None:
        """The files of these are gone."""
        await self._tables.write(
            (update(MAILS).where(_M.bridge == self._bridge, _M.id.in_(mails)).values(file=""), None)
        )

    async def known_files(self, names: Sequence[str]) -> set[str]:
        """Those of ``names`` that a mail has."""
        rows = await self._tables.read(select(_M.file).where(_M.bridge == self._bridge, _M.file.in_(names)))
        return {row.file for row in rows}

    async def forget(self, before: float) -> None:
        """Rows of mails that nothing can come back of any more."""
        old = and_(_R.time < before, _R.owed == false(), _R.state != Kind.WAITING.value)
        left = exists().where(_R.bridge == _M.bridge, _R.mail == _M.id)
        known = exists().where(_M.bridge == _F.bridge, _M.id == _F.mail)
        await self._tables.write(
            (delete(RECIPIENTS).where(self._mine, old), None),
            (
                delete(MAILS).where(_M.bridge == self._bridge, _M.time < before, _M.file == "", ~left),
                None,
            ),
            (delete(FILINGS).where(_F.bridge == self._bridge, ~known), None),
        )

    # What is known

    async def of_row(self, row: str) -> Sent | None:
        """The recipient whose return address something came to."""
        found = await self._sent(_R.id == row)
        return found[0] if found else None

    async def of_message(self, message_id: str) -> list[Sent]:
        """All recipients of a mail of ours, by its Message-ID (in angle brackets)."""
        return await self._sent(_M.message_id == message_id)

    async def of_mail(self, mail: str) -> list[Sent]:
        return await self._sent(_R.mail == mail)

    async def show_return(self, row: str, most: int) -> bool:
        """Count what came back of a recipient and is no report; False where that is more than can be shown."""
        changed = await self._tables.write(
            (
                update(RECIPIENTS)
                .where(self._mine, _R.id == row, _R.returned < most)
                .values(returned=_R.returned + 1),
                None,
            )
        )
        return changed > 0

    async def _sent(self, which: ColumnElement[bool]) -> list[Sent]:
        rows = await self._tables.read(
            select(_R.id, _R.owner, _R.mail, _R.address, _R.state, _M.message_id, _M.subject, _M.lines)
            .join(MAILS, and_(_M.bridge == _R.bridge, _M.id == _R.mail))
            .where(self._mine, which)
            .limit(1000)
        )
        return [
            Sent(
                row.id,
                row.owner,
                row.mail,
                parse(row.address),
                Kind(row.state),
                row.message_id,
                row.subject,
                tuple(json.loads(row.lines)),
            )
            for row in rows
        ]

    async def share_of_failures(self, owner: str, last: int = 50) -> tuple[int, int]:
        """Of the last recipients of a user: how many have failed, and how many there were."""
        recent = (
            select(_R.state)
            .where(self._mine, _R.owner == owner, _R.state != Kind.WAITING.value)
            .order_by(_R.time.desc())
            .limit(last)
            .subquery()
        )
        failed = func.sum(case((recent.c.state == Kind.FAILED.value, 1), else_=0)).label("failed")
        query = select(failed, func.count().label("number")).select_from(recent)
        row = (await self._tables.read(query))[0]
        return int(row.failed or 0), int(row.number)

    # Telling

    async def owed(self, most: int, not_to: Collection[str] = ()) -> list[Owed]:
        """What is to be told, but for these owners."""
        query = (
            select(
                _R.id,
                _R.owner,
                _R.mail,
                _R.address,
                _R.state,
                _R.told,
                _R.delay,
                _R.code,
                _R.status,
                _R.text,
                _R.remote_host,
                _M.lines,
            )
            .join(MAILS, and_(_M.bridge == _R.bridge, _M.id == _R.mail))
            .where(self._mine, _R.owed == true())
            .order_by(_R.time, _R.id)
            .limit(most)
        )
        if not_to:
            query = query.where(_R.owner.not_in(not_to))
        return [_owed(row) for row in await self._tables.read(query)]

    async def told(self, news: Sequence[Owed]) -> None:
        """These were told."""
        delays = [{"row": each.row} for each in news if each.outcome.kind is Kind.DELAYED]
        states = [
            {"row": each.row, "now_told": each.outcome.kind.value}
            for each in news
            if each.outcome.kind is not Kind.DELAYED
        ]
        statements: list[tuple[Executable, Values]] = []
        if delays:
            statements.append((self._told_delay, delays))
        if states:
            statements.append((self._told_state, states))
        await self._tables.write(*statements)


def _said(outcome: Outcome) -> dict[str, object]:
    return {
        "code": outcome.code,
        "status": outcome.status,
        "text": outcome.text,
        "remote_host": outcome.remote_host,
    }


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        row.owner,
        row.mail,
        parse(row.address),
        row.file,
        row.size,
        row.smtputf8,
        row.time,
        row.attempts,
        row.cuts,
        row.unknowns,
    )


def _owed(row: Row[Any]) -> Owed:
    # The state first: that it takes long is said of what is known of it then.
    kind = Kind(row.state) if row.state != row.told else Kind.DELAYED
    outcome = Outcome(kind, f"{row.id}-{kind}", row.code, row.status, row.text, row.remote_host)
    return Owed(
        row.id,
        row.owner,
        row.mail,
        tuple(json.loads(row.lines)),
        parse(row.address),
        outcome,
    )
