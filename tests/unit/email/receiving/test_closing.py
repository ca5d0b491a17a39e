"""The last commits of mails: shared, in nobody's way, and waited for by whoever has to know what was said there."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import Executable, Row, text

from bridges.email.receiving.arrivals import State
from bridges.email.receiving.closing import Closings
from gateway.bridge import NotStored, Services, Tables, Values
from tests.fakes.clock import ManualClock
from tests.unit.email.receiving.dialogue import mail
from tests.unit.email.receiving.house import House, build, proven
from tests.waiting import eventually

_ONE, _OTHER, _WHOLE = text("one"), text("other"), text("whole")


@dataclass
class Slow:
    """``Tables`` whose writes wait for ``go``, and fail with any of ``guilty`` among the values."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    guilty: set[object] = field(default_factory=set)
    written: list[list[tuple[str, Values]]] = field(default_factory=list)
    dialect: str = "sqlite"

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        self.begun.set()
        await self.go.wait()
        for _, values in statements:
            for each in [values] if isinstance(values, Mapping) else values or ():
                if self.guilty & set(each.values()):
                    raise NotStored("A row is at fault.")
        self.written.append([(str(statement), values) for statement, values in statements])
        return len(statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        raise AssertionError("nothing is read")


@pytest.fixture
async def slow() -> AsyncIterator[tuple[Slow, Closings]]:
    tables = Slow()
    closings = Closings(tables)
    running = asyncio.create_task(closings.run())
    yield tables, closings
    running.cancel()
    await asyncio.wait([running])


async def test_what_comes_during_a_commit_shares_the_next_and_each_statement(
    slow: tuple[Slow, Closings],
) -> None:
    tables, closings = slow
    first = closings.add("a", [(_ONE, {"n": 0})])
    await tables.begun.wait()
    rest = [
        closings.add("a", [(_ONE, {"n": 1}), (_OTHER, {"m": 1})]),
        closings.add("b", [(_ONE, {"n": 2}), (_WHOLE, None)]),
        closings.add("a", [(_OTHER, {"m": 3}), (_WHOLE, None)]),
    ]
    assert (closings.pending("a"), closings.pending("b"), closings.pending("c")) == (3, 1, 0)
    tables.go.set()
    await asyncio.gather(first, *rest)
    assert tables.written == [
        [("one", [{"n": 0}])],
        [
            ("one", [{"n": 1}, {"n": 2}]),
            ("other", [{"m": 1}, {"m": 3}]),
            ("whole", None),
            ("whole", None),
        ],
    ]
    assert closings.pending("a") == 0


async def test_one_that_fails_takes_no_other_with_it(slow: tuple[Slow, Closings]) -> None:
    tables, closings = slow
    tables.guilty = {"bad"}
    ends = [closings.add(owner, [(_ONE, {"n": value})]) for owner, value in (("a", "x"), ("b", "bad"))]
    tables.go.set()
    await closings.of("a")
    await closings.of("b")
    assert await ends[0] is None
    with pytest.raises(NotStored, match="at fault"):
        await ends[1]


@dataclass
class Unhurried:
    """``Tables`` in which the last commit of a mail waits for ``go``, or fails."""

    tables: Tables
    go: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    ends: int = 0

    @property
    def dialect(self) -> str:
        return self.tables.dialect

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        if any("email_thread_mails" in str(statement) for statement, _ in statements):
            self.ends += 1
            await self.go.wait()
            if self.failures:
                self.failures -= 1
                raise NotStored("The disk is full.")
        return await self.tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self.tables.read(statement, values)


@pytest.fixture
async def unhurried(services: Services) -> AsyncIterator[tuple[House, Unhurried]]:
    tables = Unhurried(services.tables)
    house = build(replace(services, tables=tables))
    await house.start()
    yield house, tables
    await house.end()


async def test_the_next_mail_is_shown_while_the_last_commit_of_the_one_before_runs(
    unhurried: tuple[House, Unhurried],
) -> None:
    house, tables = unhurried
    for number in range(3):
        await house.bring(proven(mail(str(number))))
    await eventually(lambda: len(house.chat.shown) == 3)
    assert {state for state, _ in await house.states()} == {State.ACCEPTED}
    house.receiving.wake("user-a")  # the rows are looked at, and tell nothing new
    tables.go.set()
    await house.settled()
    assert [each[-1] for each in house.chat.texts] == ["0", "1", "2"]
    await eventually(lambda: house.receiving.pipeline.counts.shown == 3)
    assert house.receiving.intake.waiting.of("user-a").mails == 0


async def test_an_answer_waits_until_what_it_answers_is_known(unhurried: tuple[House, Unhurried]) -> None:
    house, tables = unhurried
    await house.bring(proven(mail("question", message_id="<q@far.example>")))
    await eventually(lambda: house.chat.shown)
    await house.bring(
        proven("In-Reply-To: <q@far.example>\r\n" + mail("answer", message_id="<a@far.example>"))
    )
    await eventually(lambda: len(house.reader.read_ids) == 2)
    assert len(house.chat.shown) == 1
    tables.go.set()
    await house.settled()
    question, answer = house.chat.shown
    assert answer.enrichment is not None
    assert answer.enrichment.thread == question.foreign_id


async def test_a_last_commit_that_fails_is_done_again_and_nothing_is_shown_twice(
    unhurried: tuple[House, Unhurried], clock: ManualClock
) -> None:
    house, tables = unhurried
    tables.failures = 1
    await house.bring(proven(mail("only")))
    await eventually(lambda: tables.ends == 1)
    tables.go.set()

    async def none_waits() -> bool:
        return not await house.receiving.arrivals.waiting("user-a")

    await eventually(none_waits, meanwhile=lambda: clock.advance(3))
    assert len(house.chat.shown) == 1
    assert tables.ends == 2
    await eventually(lambda: house.receiving.pipeline.counts.shown == 1)
