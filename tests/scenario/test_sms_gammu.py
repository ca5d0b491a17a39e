"""Texts both ways between XMPP clients on Prosody and phones, by a modem that Debian's gammu-smsd looks after."""

import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.playground.clients import message
from gateway.playground.match import error_condition
from tests.rig.smsd import PHONE, Smsd, parts
from tests.scenario.phone_house import contact, resident
from tests.scenario.post_house import BODY, heard, receipt, write
from tests.scenario.stage import Company, Play, Stage, chatter
from tests.waiting import DEADLINE, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = "+12125550001"
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"

_MORE = """\
[bridges.sms.routes.modem]
kind = "gammu"
database = "{database}"
number = "{ours}"
phone = "{phone}"
poll = 0.2

[[bridges.sms.numbers]]
number = "{ours}"
routes = ["modem"]
mode = "pool"
"""


@dataclass
class House:
    stage: Stage
    smsd: Smsd
    _phones: "itertools.count[int]" = field(default_factory=itertools.count)

    def phone(self) -> str:
        """A number that no other test knows."""
        return f"+1310555{next(self._phones):04}"

    async def sent(self, to: str, count: int = 1) -> Sequence[Any]:
        """The parts that the modem has sent to a phone."""
        await eventually(lambda: len(self.smsd.sent(to)) >= count, f"{count} x a text to {to}")
        return self.smsd.sent(to)

    async def reads(self, to: str, count: int = 1) -> str:
        """What the phone shows of them."""
        octets = b"".join(bytes.fromhex(each["Text"]) for each in await self.sent(to, count))
        return octets.decode("utf-16-be")

    def outbox(self, to: str) -> int:
        return len(self.smsd.rows("SELECT 1 FROM outbox WHERE DestinationNumber = ?", to))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    place = directory / "smsd"
    place.mkdir()
    async with AsyncExitStack() as stack:
        smsd = await Smsd.start(place)
        stack.push_async_callback(smsd.stop)
        more = _MORE.format(database=smsd.database, ours=OURS, phone=PHONE)
        keys = {"region": '"US"', "registration": '"free"'}
        stage = await Stage.start(
            directory, "prosody", Play({}, {"sms": keys}, kinds={"sms": "sms"}, more=more)
        )
        stack.push_async_callback(stage.stop)
        yield House(stage, smsd)


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await people.goodbye()
    house.stage.assert_calm()


def kept(stage: Stage) -> list[str]:
    """The texts on their way out in the gateway's own database."""
    with contextlib.closing(sqlite3.connect(stage.directory / "causeway.db", timeout=30)) as database:
        return [row[0] for row in database.execute("SELECT text FROM sms_messages")]


async def test_a_conversation_with_emoji_goes_both_ways_with_a_receipt(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "Grüße 😀", RECEIPT)
    assert await house.reads(phone) == "Grüße 😀"
    house.smsd.report(phone)
    await receipt(alice, id_)
    house.smsd.receive(phone, "hi 😀 yourself")
    await heard(alice, "hi 😀 yourself", contact(phone))


async def test_a_long_text_is_one_message_of_linked_parts_and_has_one_receipt(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    long = "one 😀 two " * 18
    id_ = write(alice, contact(phone), long, RECEIPT)
    assert await house.reads(phone, 3) == long
    headers = [each["UDH"] for each in house.smsd.sent(phone)]
    assert [each[-4:] for each in headers] == ["0301", "0302", "0303"]
    assert len({each[:-2] for each in headers}) == 1
    for _ in headers:
        house.smsd.report(phone)
    await receipt(alice, id_)
    assert not [one for one in chatter(alice) if one.get("type") == "error"]


async def test_three_parts_that_come_out_of_order_are_one_message(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    write(alice, contact(phone), "tell me all")
    await house.sent(phone)
    long = "listen " + "one 😀 two " * 17
    pieces = list(parts(long, 67))  # an emoji is cut in two
    assert len(pieces) == 3
    for piece, header in (pieces[2], pieces[0], pieces[1]):
        house.smsd.receive(phone, piece, header=header)
    said = await heard(alice, "listen", contact(phone))
    assert said.findtext(BODY) == long.strip() or said.findtext(BODY) == long


async def test_what_the_network_cannot_deliver_is_an_error_to_that_message(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "are you there?", RECEIPT)
    await house.sent(phone)
    house.smsd.report(phone, "Failed")
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert error_condition(error) == "recipient-unavailable"
    assert "could not deliver" in "".join(error.itertext())


async def test_kills_of_either_lose_nothing_and_send_nothing_twice(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    await house.smsd.stop()
    write(alice, contact(phone), "first")
    await eventually(lambda: house.outbox(phone), "a row for smsd")
    id_ = write(alice, contact(phone), "second", RECEIPT)
    await eventually(lambda: "second" in kept(house.stage), "the second is kept")
    await house.stage.gateway.kill()
    await house.stage.restart_gateway()
    assert house.outbox(phone) == 1
    await house.smsd.restart()
    assert await house.reads(phone, 2) == "firstsecond"
    house.smsd.report(phone)
    house.smsd.report(phone)
    await receipt(alice, id_)
    await house.stage.gateway.kill()
    house.smsd.receive(phone, "while you were out")
    found = "SELECT 1 FROM inbox WHERE SenderNumber = ?"
    await eventually(lambda: house.smsd.rows(found, phone), "a text in the inbox")
    await house.stage.restart_gateway()
    await heard(alice, "while you were out", contact(phone))
    assert [one.findtext(BODY) for one in chatter(alice) if one.findtext(BODY) == "while you were out"] == []
    assert len(house.smsd.sent(phone)) == 2
