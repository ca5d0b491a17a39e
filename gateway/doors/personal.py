"""What is kept of a user: shown to that user in full, and removed at the user's word.

Removing happens twice: before the user is told that it is done, and once more when the last session has ended, for until
then something may still be written down.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.accounts.directory import Accounts
from gateway.bridge import Clock
from gateway.model import Exit, Field, FieldKind
from gateway.storage.owned import Owner
from gateway.storage.stores import Stores
from gateway.texts import Text
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Category, Command, Done, Execution, Outcome, Page

_log = structlog.get_logger(__name__)

#: Characters of one part; a part goes into one stanza or a few messages.
_PART = 40_000
_ROWS = 200  # archived messages read at a time
#: Seconds that ending sessions are waited for.
_PATIENCE = 15


class PersonalContext(Protocol):
    """What is needed of the component."""

    clock: Clock
    accounts: Accounts

    def spawn(self, work: Awaitable[None]) -> None: ...

    def end_subscriptions(self, owner: str) -> None:
        """Take every address of ours out of the user's roster (XEP-0100 §4.3)."""

    def forget_user(self, owner: str) -> None:
        """Let go of what is remembered in memory."""


class PersonalData:
    """``name`` is the bridge's name in the configuration."""

    def __init__(self, name: str, context: PersonalContext, stores: Stores) -> None:
        self._name = name
        self._context = context
        self._stores = stores

    def commands(self, allowed: Callable[[Jid], bool]) -> Sequence[Command]:
        return (
            Command(
                "export-my-data",
                Text("Show all that is kept about me"),
                self._export,
                allowed,
                Text(
                    "Everything this gateway has stored about you, as JSON, in several parts if it is much."
                ),
                Category.DATA,
            ),
            Command(
                "erase-my-data",
                Text("Erase all that is kept about me"),
                self._erase,
                allowed,
                Text("Leaves all rooms, ends your connections, and deletes everything stored about you."),
                Category.DATA,
            ),
        )

    # -- removing ----------------------------------------------------------------------------------------------

    async def erase(self, owner: str) -> int:
        """Delete all rows; their number. Raises ``StorageError``."""
        rows = await self._stores.owned.erase(Owner(self._name, owner))
        self._stores.archive.forgotten(self._name, owner)
        return rows

    def leave(self, owner: str, reason: str) -> None:
        """End everything that the user has going on here."""
        for account in self._context.accounts.of(owner):
            account.standing = False
            # XEP-0045 §7.14: the client did not ask to leave this room, so it is told that it was put out.
            account.abandon(reason, Exit.KICKED)
        self._context.end_subscriptions(owner)
        self._context.forget_user(owner)
        self._context.spawn(self._sweep(owner))

    async def _sweep(self, owner: str) -> None:
        for _ in range(_PATIENCE):
            if not self._context.accounts.of(owner):
                rows = await self.erase(owner)
                _log.info("a user's data was erased", bridge=self._name, user=owner, late_rows=rows)
                return
            await self._context.clock.sleep(1.0)
        # The user is back already: what there is now is new.

    async def _erase(self, execution: Execution) -> Outcome:
        owner = execution.requester.bare
        if not execution.stage:
            sure = Field("sure", Text("Erase everything?"), FieldKind.BOOLEAN, "false", required=True)
            text = Text(
                "You leave all rooms, your connections end, and your settings, passwords, contacts and archived messages on "
                "this gateway are deleted. Nobody can bring them back."
            )
            return Page(Form(Text("Erase all that is kept about me"), (sure,), text))
        if execution.text("sure") != "true":
            return Done(Text("Nothing was erased."))
        rows = await self.erase(owner)
        return Done(
            Text("Everything was erased ({rows} records). You are leaving now.", rows=rows),
            then=lambda: self.leave(owner, "Your data on this gateway was erased."),
        )

    # -- showing -----------------------------------------------------------------------------------------------

    async def _export(self, execution: Execution) -> Outcome:
        """Page by page; the memo is where the next part begins."""
        owner = Owner(self._name, execution.requester.bare)
        start = _Start.read(execution.memo) if execution.stage else _Start(0, 0)
        text, after = await self._part(owner, start)
        if after is None:
            note = Text("This is the last part.") if execution.stage else Text("This is all.")
            return Done(note, result=text)
        form = Form(
            Text("What is kept about you, part {number}", number=execution.stage + 1),
            (Field("data", "", FieldKind.FIXED, text),),
            Text("There is more: go on for the next part."),
        )
        return Page(form, last=False, memo=after.written())

    async def _part(self, owner: Owner, start: "_Start") -> tuple[str, "_Start | None"]:
        """One part as text of a JSON object a line, and where the next begins; None after the last."""
        lines = [json.dumps({"gateway": owner.bridge, "user": owner.jid}, ensure_ascii=False)]
        size = 0
        if start.row != _PAST_ALL:
            for number, line in enumerate(_lines(await self._stores.owned.read(owner))):
                if number < start.row:
                    continue
                if size + len(line) > _PART and size:
                    return "\n".join(lines), _Start(number, 0)
                lines.append(line)
                size += len(line)
        known = start.message
        while True:
            messages = await self._stores.owned.messages(owner, known, _ROWS)
            for number, message in messages:
                line = _line("archive", message)
                if size + len(line) > _PART and size:
                    return "\n".join(lines), _Start(_PAST_ALL, known)
                lines.append(line)
                size += len(line)
                known = number
            if len(messages) < _ROWS:
                break
        return "\n".join(lines), None


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a part begins: at a row of the tables, or (``row`` past all) after an archived message."""

    row: int
    message: int

    @classmethod
    def read(cls, memo: str) -> "_Start":
        row, _, message = memo.partition(" ")
        return cls(int(row), int(message))

    def written(self) -> str:
        return f"{self.row} {self.message}"


_PAST_ALL = 1 << 62


def _lines(tables: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    for table, rows in tables.items():
        for row in rows:
            # Whose they are is said once, at the top.
            yield _line(
                table, {name: value for name, value in row.items() if name not in ("bridge", "owner")}
            )


def _line(table: str, row: dict[str, object]) -> str:
    return json.dumps({"table": table} | row, ensure_ascii=False, default=str)
