"""Private messages on their way in: nobody is buried, nothing is lost without a word."""

from dataclasses import dataclass

import pytest

from gateway.accounts.inflow import Inflow
from gateway.bridge import NotKept
from gateway.limits import LimitPolicy, Limits
from gateway.model import DeliveryState, ErrorType, Message, Refused
from tests.unit.clock import ManualClock


@dataclass(frozen=True)
class User:
    """As much of an account as counts here."""

    owner: str = "ann@example.org"
    network: str = "net"


class Ledger:
    """``DeliveryEvents`` that writes down what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []
        self.held: list[object] = []

    def received(self, account: User, message: Message, extra: str = "", held: object = None) -> None:
        if held is not None:
            self.held.remove(held)
        self.got.append((account.owner, message.sender, message.text))

    def hold(self, account: User, message: Message, extra: str = "") -> object:
        self.held.append(held := object())
        return held

    def drop(self, held: object) -> None:
        self.held.remove(held)

    async def committed(self, account: User, message: Message, extra: str = "") -> None:
        self.received(account, message, extra)

    def reported(self, account: User, foreign_id: str, state: DeliveryState, why: Refused | None) -> None:
        self.got.append((account.owner, foreign_id, state))

    def texts(self, sender: str = "carol", owner: str = "ann@example.org") -> list[str]:
        return [text for to, by, text in self.got if (to, by) == (owner, sender)]


class Stage:
    def __init__(self, **policy: int) -> None:
        self.clock = ManualClock()
        self.ledger = Ledger()
        self.heard: list[str] = []
        self.notices: list[str] = []
        values = {
            "foreign_messages_per_minute": 60,
            "foreign_messages_burst": 10,
            "foreign_messages_held": 20,
        }
        self.limits = Limits(LimitPolicy(**values | policy), self.clock)
        self.inflow = Inflow(
            self.ledger,
            self.limits,
            self.clock,
            lambda account, message: self.heard.append(message.text),
            lambda account, text: self.notices.append(text),
        )

    def get(self, number: int, sender: str = "carol", user: User | None = None) -> None:
        self.inflow.received(user or User(), Message(sender, str(number)))


def numbers(upto: int) -> list[str]:
    return [str(number) for number in range(upto)]


async def test_ordinary_talk_goes_straight_through() -> None:
    stage = Stage()
    for number in range(200):
        stage.get(number)
        await stage.clock.advance(1)
    assert stage.ledger.texts() == stage.heard == numbers(200)
    assert stage.notices == []
    assert stage.clock.pending == []


async def test_what_waits_is_in_the_ledger_and_what_is_lost_is_not() -> None:
    stage = Stage()
    for number in range(50):
        stage.get(number)
    assert len(stage.ledger.texts()) == 10
    assert len(stage.ledger.held) == 20
    await stage.clock.advance(60)
    assert stage.ledger.texts() == numbers(30)
    assert stage.ledger.held == []


async def test_what_was_held_before_it_came_is_dropped_with_what_is_too_much() -> None:
    stage = Stage(foreign_messages_held=0)
    for number in range(12):
        held = stage.ledger.hold(User(), Message("carol", ""))
        stage.inflow.received(User(), Message("carol", str(number)), "", held)
    assert stage.ledger.texts() == numbers(10)
    assert stage.ledger.held == []


async def test_a_flood_comes_at_a_bounded_rate_in_order_with_one_notice_and_a_count_of_what_was_lost() -> (
    None
):
    stage = Stage()
    for number in range(100):
        stage.get(number)
    assert stage.ledger.texts() == numbers(10)
    assert stage.notices == [
        "carol is writing very fast; further messages come one by one from now on, 60 a minute."
    ]
    await stage.clock.advance(5)
    assert stage.ledger.texts() == numbers(15)
    await stage.clock.advance(60)
    assert stage.ledger.texts() == numbers(30)
    assert stage.notices[1:] == ["70 more messages were too many and held back for good: 70 from carol."]
    assert stage.clock.pending == []


async def test_others_are_not_kept_waiting() -> None:
    stage = Stage()
    for number in range(100):
        stage.get(number)
    stage.get(1, "dave")
    stage.get(1, "carol", User("bob@example.org"))
    assert stage.ledger.texts("dave") == ["1"]
    assert stage.ledger.texts("carol", "bob@example.org") == ["1"]


async def test_nothing_overtakes_what_waits() -> None:
    stage = Stage()
    for number in range(15):
        stage.get(number)
    await stage.clock.advance(1.5)
    stage.get(15)
    await stage.clock.advance(60)
    assert stage.ledger.texts() == numbers(16)


async def test_a_flood_that_goes_on_and_on_is_one_notice() -> None:
    stage = Stage(foreign_messages_held=0)
    for number in range(1200):
        stage.get(number)
        await stage.clock.advance(0.1)
    assert 120 <= len(stage.ledger.texts()) <= 140
    assert stage.notices == [
        "carol is writing very fast; further messages are dropped until it is quiet again."
    ]
    await stage.clock.advance(20)
    (_, lost) = stage.notices
    assert f"{1200 - len(stage.ledger.texts())} from carol" in lost


async def test_many_names_do_not_help_a_flooder() -> None:
    stage = Stage(foreign_messages_burst=5, foreign_messages_held=10)
    for number in range(500):
        stage.get(number, f"bot{number}")
    assert len(stage.ledger.got) == 50, "ten times what one sender may"
    assert len(stage.notices) == 1
    await stage.clock.advance(30)
    assert len(stage.ledger.got) == 60
    assert "430 from others" in stage.notices[1]
    assert stage.notices[1].startswith("440 more messages were")


async def test_what_waits_at_the_end_is_passed_on() -> None:
    stage = Stage()
    for number in range(40):
        stage.get(number)
    stage.inflow.close()
    assert stage.ledger.texts() == numbers(30)
    assert len(stage.notices) == 2
    assert stage.clock.pending == []


async def test_a_network_that_keeps_messages_is_asked_to_keep_what_is_too_much() -> None:
    stage = Stage()
    for number in range(10):
        await stage.inflow.committed(User(), Message("carol", str(number)))
    with pytest.raises(NotKept, match="1 second") as refused:
        await stage.inflow.committed(User(), Message("carol", "10"))
    assert refused.value.refused.error_type is ErrorType.WAIT
    assert stage.heard == stage.ledger.texts() == numbers(10)
    assert stage.notices == []


async def test_reports_are_passed_on() -> None:
    stage = Stage()
    stage.inflow.reported(User(), "id", DeliveryState.READ, None)
    assert stage.ledger.got == [("ann@example.org", "id", DeliveryState.READ)]


async def test_a_limit_of_nothing_is_none() -> None:
    stage = Stage(foreign_messages_per_minute=0, foreign_messages_burst=0)
    for number in range(1000):
        stage.get(number)
    assert len(stage.ledger.texts()) == 1000


@pytest.mark.parametrize("held", [0, 1, 7])
async def test_every_message_is_passed_on_or_counted(held: int) -> None:
    stage = Stage(foreign_messages_held=held)
    for number in range(300):
        stage.get(number, f"sender{number % 30}" if number % 3 else "carol")
        if number % 10 == 0:
            await stage.clock.advance(0.7)
    await stage.clock.advance(600)
    lost = sum(int(text.partition(" ")[0]) for text in stage.notices if text[0].isdigit())
    assert len(stage.ledger.got) + lost == 300
