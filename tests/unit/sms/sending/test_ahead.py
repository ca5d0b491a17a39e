"""A message is begun while it is committed: one commit less, and none of the promises."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Executable, Row

from bridges.sms.sending.pace import Pace
from bridges.sms.sending.states import MessageState
from bridges.sms.traffic import Outcome, Submission
from gateway.bridge import NotStored, Tables, Values
from tests.fakes.sms_route import Silence
from tests.unit.sms.sending.office import ALICE, Office


@dataclass
class Watched:
    """``Tables`` that count; ``refusing`` so many commits before they go on."""

    tables: Tables
    writes: int = 0
    reads: int = 0
    refusing: int = 0
    dialect: str = field(init=False)

    def __post_init__(self) -> None:
        self.dialect = self.tables.dialect

    async def write(self, *statements: tuple[Executable, Values]) -> int:
        self.writes += 1
        if self.refusing:
            self.refusing -= 1
            raise NotStored("the disk is full")
        return await self.tables.write(*statements)

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        self.reads += 1
        return await self.tables.read(statement, values)


@pytest.fixture
def watched(office: Office) -> Watched:
    office.tables = tables = Watched(office.tables)
    return tables


async def test_a_message_is_taken_and_begun_in_one_commit_without_a_question(
    office: Office, watched: Watched
) -> None:
    async with office.open():
        await office.until(await office.send("to begin with"), MessageState.SENT)
        before = watched.writes, watched.reads
        seen: list[tuple[int, int]] = []

        def written(submission: Submission, piece: int) -> Outcome:
            seen.append((watched.writes - before[0], watched.reads - before[1]))
            return office.a.accept()

        office.a.steps.append(written)
        await office.until(await office.send(), MessageState.SENT)
    assert seen == [(1, 0)]


async def test_nothing_is_written_while_the_commit_that_takes_it_fails(
    office: Office, watched: Watched
) -> None:
    async with office.open():
        await office.until(await office.send("to begin with"), MessageState.SENT)
        outgoing = office.outgoing("twice asked")
        watched.refusing = 2  # the second: what may have been here before is looked at
        with pytest.raises(NotStored):
            await office.sender.submit(outgoing)
        assert not watched.refusing
        await office.until(await office.sender.submit(outgoing), MessageState.SENT)
        await office.until(await office.send("behind it"), MessageState.SENT)
    assert [text for text, _ in office.a.texts] == ["to begin with", "twice asked", "behind it"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_the_same_again_is_one_message_though_the_first_is_under_way(
    office: Office, watched: Watched, at_once: bool
) -> None:
    async with office.open():
        await office.until(await office.send("to begin with"), MessageState.SENT)
        office.a.steps.append(Silence())
        outgoing = office.outgoing("said once")
        asked = [office.sender.submit(outgoing)]
        if not at_once:
            await office.a.until(2)
        asked += [office.sender.submit(outgoing) for _ in range(3)]
        [id] = set(await asyncio.gather(*asked))
        await office.until(await office.send("elsewhere", conversation="bob"), MessageState.SENT)
        known = await office.sender.state_of(id)
        assert known is not None
        assert known.state is MessageState.QUEUED  # and not unknown: whoever writes it is at it still
    assert [text for text, _ in office.a.texts].count("said once") == 1


async def test_the_same_again_after_the_end_of_it_is_not_sent_again(office: Office, watched: Watched) -> None:
    async with office.open():
        outgoing = office.outgoing("said once")
        id = await office.sender.submit(outgoing)
        await office.until(id, MessageState.SENT)
        assert await office.sender.submit(outgoing) == id
        await office.until(await office.send("behind it"), MessageState.SENT)
    async with office.open():
        assert await office.sender.submit(outgoing) == id
        await office.until(await office.send("at last"), MessageState.SENT)
    assert [text for text, _ in office.a.texts] == ["said once", "behind it", "at last"]


async def test_what_is_begun_at_once_overtakes_nothing_that_waits_in_the_tables(office: Office) -> None:
    office.pace = Pace(sweep=60.0, grace=0.0, held=4)
    async with office.open():
        asked = []
        for number in range(60):
            asked.append(office.sender.submit(office.outgoing(f"{number}", owner=ALICE)))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            if number % 11 == 0:
                await asked[-1]
        ids = await asyncio.gather(*asked)
        await office.until(ids[-1], MessageState.SENT)
    assert [text for text, _ in office.a.texts] == [f"{number}" for number in range(60)]
