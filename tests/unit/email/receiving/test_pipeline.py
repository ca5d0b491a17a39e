"""What happens when something goes wrong between the row and the chat: nothing is lost, nothing comes twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Executable, Row

from bridges.email.receiving.arrivals import State
from bridges.email.receiving.lmtp import Limits, Listener
from bridges.email.receiving.residents import FirstContact
from gateway.bridge import NotStored, Services, Tables, Values
from tests.fakes.clock import ManualClock
from tests.unit.email.receiving.conftest import People
from tests.unit.email.receiving.dialogue import Dialogue, mail
from tests.unit.email.receiving.house import House, Killed, build, proven
from tests.waiting import eventually


@pytest.fixture
async def house(services: Services) -> AsyncIterator[House]:
    house = build(services)
    yield house
    await house.end()


@dataclass
class Mortal:
    """``Tables`` at whose ``deadly``-th write the process ends: before it, or once it is committed."""

    tables: Tables
    deadly: int
    after: bool
    writes: int = 0
    fails: bool = False

    @property
    def dialect(self) -> str:
        return self.tables.dialect

    async def write(self, *statements: tuple[Executable, Values], patience: float = 0.0) -> int:
        if self.fails:
            raise NotStored("The disk is full.")
        self.writes += 1
        if self.writes == self.deadly and not self.after:
            raise Killed
        count = await self.tables.write(*statements)
        if self.writes == self.deadly:
            raise Killed
        return count

    async def read(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        return await self.tables.read(statement, values)


async def _dealt_with(house: House) -> bool:
    """Whether nothing waits any more, once that is so or the process has ended."""

    async def ended() -> bool:
        assert house.task is not None
        return house.task.done() or not await house.receiving.arrivals.waiting("user-a")

    await eventually(ended)
    return not await house.receiving.arrivals.waiting("user-a")


async def _life(house: House, text: str) -> bool:
    """Whether the process lives on after it was brought a mail, and had time for it."""
    try:
        await house.start()
        if text:
            await house.bring(text)
        return await _dealt_with(house)
    except (Killed, asyncio.CancelledError):
        return False
    finally:
        await house.end()


@pytest.mark.parametrize("policy", [FirstContact.OPEN, FirstContact.ASK])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("deadly", range(1, 6))
async def test_a_mail_is_shown_once_whenever_we_are_killed(
    services: Services, deadly: int, after: bool, policy: FirstContact
) -> None:
    text = proven(mail())
    people = People(policies={"user-a": policy})
    first = build(replace(services, tables=Mortal(services.tables, deadly, after)), people)
    lived = await _life(first, text)
    second = build(services, people)
    second.chat.shown = first.chat.shown
    # A server that got no answer comes again; one that got it does not.
    again = "" if lived or (len(await second.all()) == 1 and deadly > 2) else text
    assert await _life(second, again or text)
    shown = [each.foreign_id for each in second.chat.shown]
    assert len(shown) == 1
    assert await second.states() == [
        (State.SHOWN, "") if policy is FirstContact.OPEN else (State.HELD, "stranger")
    ]


@pytest.mark.parametrize("messages", [0])
async def test_a_mail_that_the_core_has_is_not_shown_again_after_a_kill(
    services: Services, messages: int
) -> None:
    first = build(services)
    first.chat.killed_after = messages
    assert not await _life(first, proven(mail()))
    assert await first.states() == [(State.ACCEPTED, "")]
    second = build(services)
    second.chat.shown = first.chat.shown
    assert await _life(second, "")
    assert len(second.chat.shown) == 1
    assert await second.states() == [(State.SHOWN, "")]


async def in_time(house: House, clock: ManualClock, owner: str = "user-a") -> None:
    """However long it takes on the clock, nothing waits any more."""

    async def none_waits() -> bool:
        return not await house.receiving.arrivals.waiting(owner)

    await eventually(none_waits, meanwhile=lambda: clock.advance(31))


async def test_mail_waits_for_its_users_session(house: House) -> None:
    chat = house.people.sinks.pop("user-a")
    await house.start()
    for number in range(3):
        await house.bring(proven(mail(str(number))))
    await house.bring(mail(), "bob@gw.example")
    await eventually(lambda: {"user-a", "user-b"} <= set(house.people.asked))
    await house.bring(mail("for the operator"), "postmaster@gw.example")
    await eventually(lambda: house.operator.texts)
    (only,) = house.reader.read_ids
    assert b"for the operator" in only
    house.people.sinks["user-a"] = chat
    house.receiving.wake("user-a")
    await house.settled()
    assert [text[-1] for text in house.chat.texts] == ["0", "1", "2"]
    assert house.receiving.intake.waiting.of("user-b").mails == 1


async def test_what_the_core_cannot_keep_is_tried_again_and_in_order(
    house: House, clock: ManualClock
) -> None:
    house.chat.keeps = False
    await house.start()
    for number in range(3):
        await house.bring(proven(mail(str(number))))
    await eventually(lambda: house.chat.refused)
    house.chat.keeps = True
    assert house.chat.shown == []
    await in_time(house, clock)
    assert [text[-1] for text in house.chat.texts] == ["0", "1", "2"]


async def test_a_database_that_fails_for_a_while_costs_nothing(
    services: Services, clock: ManualClock
) -> None:
    tables = Mortal(services.tables, 0, False)
    house = build(replace(services, tables=tables))
    await house.start()
    house.chat.keeps = False
    await house.bring(proven(mail()))
    await eventually(lambda: house.chat.refused)
    tables.fails, house.chat.keeps = True, True
    await eventually(lambda: house.chat.shown, meanwhile=lambda: clock.advance(3))
    tables.fails = False
    await in_time(house, clock)
    assert len(house.chat.shown) == 1
    assert await house.states() == [(State.SHOWN, "")]
    await house.end()


async def test_a_mail_that_cannot_be_dealt_with_is_in_nobodys_way(house: House, clock: ManualClock) -> None:
    house.reader.breaks[b"poison"] = ValueError("a bug")
    await house.start()
    await house.bring(proven(mail("poison")))
    await house.bring(proven(mail("fine")))
    await eventually(lambda: len(house.chat.shown) >= 2, meanwhile=lambda: clock.advance(31))
    await house.settled()
    assert [("fine" in text, "could not be read here" in text) for text in house.chat.texts] == [
        (True, False),
        (False, True),
    ]
    assert house.chat.files["Tea.eml"].endswith(b"poison\r\n")
    assert house.chat.shown[1].sender == "carol@far.example"
    assert [state for state, _ in await house.states()] == [State.SHOWN, State.SHOWN]


async def test_a_mail_that_kills_us_is_found_and_the_others_are_read(services: Services) -> None:
    people = People()
    texts = [proven(mail(text, message_id=f"<{text}@x>")) for text in ("one", "deadly", "two")]
    first = build(services, people)
    await first.receiving.restore()
    for text in texts:
        await first.bring(text)
    shown: list[str] = []
    for _ in range(12):
        house = build(services, people)
        house.reader.breaks[b"deadly"] = Killed()
        await house.start()
        await _dealt_with(house)
        await house.end()
        shown += house.chat.texts
        if not await house.receiving.arrivals.waiting("user-a"):
            break
    assert [text.split("\n")[-1] for text in shown] == [
        "one",
        "[This mail could not be read here. The original mail is attached.]",
        "two",
    ]


async def test_a_mail_that_is_beyond_everything_is_held(
    house: House, clock: ManualClock, monkeypatch: Any
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(house.chat, "direct_committed", broken)
    await house.start()
    await house.bring(proven(mail()))
    await eventually(lambda: house.receiving.quarantine.held("user-a"), meanwhile=lambda: clock.advance(31))
    assert await house.states() == [(State.HELD, "broken")]


async def test_an_operator_who_is_away_is_in_nobodys_way(house: House, clock: ManualClock) -> None:
    house.operator.keeps = False
    await house.start()
    await house.bring(mail("for the operator"), "postmaster@gw.example")
    await house.bring(mail("came back"), "b+token@gw.example", sender="")
    await eventually(lambda: house.sent.reports)
    house.operator.keeps = True
    await in_time(house, clock, "")
    assert "for the operator" in house.operator.texts[0]


async def test_original_mails_are_forgotten_in_time(house: House, clock: ManualClock) -> None:
    await house.start()
    await house.bring(proven(mail()))
    await house.bring(proven(mail("x" * 70_000)))
    await house.settled()
    ids = [each.foreign_id for each in house.chat.shown]
    assert all([isinstance(await house.receiving.actions.original("user-a", each), bytes) for each in ids])
    assert not isinstance(await house.receiving.actions.original("user-b", ids[0]), bytes)
    await clock.advance(31 * 86_400)
    await house.receiving.sweep()
    assert await house.all() == []
    assert not isinstance(await house.receiving.actions.original("user-a", ids[0]), bytes)


async def test_from_the_socket_to_the_chat(house: House) -> None:
    await house.start()
    listener = Listener(house.receiving.intake, "gw.example", Limits())
    async with Dialogue(await listener.open_tcp()) as dialogue:
        answers = await dialogue.bring(
            ["alice@gw.example", "nobody@gw.example", "alice+x@gw.example"],
            proven(mail()),
            "carol@far.example",
        )
    assert [each[:3] for each in answers] == ["250", "550", "250"]
    await house.settled()
    assert len(house.chat.shown) == 1
    await listener.close()
