"""The gateway, the SMSC or the XMPP server is killed with -9 while texts are on their way: none is lost, none is sent twice,
and what nobody can know is told as that.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.clients import message
from gateway.playground.match import error_condition
from tests.scenario.phone_house import House, contact, number_of, opened, resident
from tests.scenario.post_house import heard, receipt, rows, write
from tests.scenario.stage import Company, chatter
from tests.waiting import DEADLINE, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"
BODY = "{jabber:client}body"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    async with opened(directory, "prosody", sending="{ unknown_wait_minutes = 0.02 }") as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await people.goodbye()
        await house.smsc.reset()
    house.stage.assert_calm()


async def killed(house: House) -> None:
    await house.stage.gateway.kill()
    await house.stage.restart_gateway()
    await house.smsc.session()


async def test_texts_that_wait_for_the_smsc_outlive_the_gateway_and_go_out_once_in_order(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    await number_of(house, alice)
    await house.smsc.kill()
    before = rows(house, "sms_messages")
    ids = [write(alice, contact(phone), f"line {number}", RECEIPT) for number in range(5)]
    # XEP-0114 has no acknowledgements: what is not written down yet dies with the gateway.
    await eventually(lambda: rows(house, "sms_messages") == before + 5, "the texts are written down")
    await house.stage.gateway.kill()
    await house.smsc.restart()
    await house.stage.restart_gateway()
    texts = await house.texts(phone, 5)
    assert [each["short_message"]["message"] for each in texts] == [f"line {number}" for number in range(5)]
    for each in ids:
        await receipt(alice, each)
    assert len(await house.texts(phone, 5)) == 5


async def test_a_text_whose_answer_nobody_heard_is_told_as_that_and_never_sent_again(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    await house.smsc.set(submit="silent", style="none")
    id_ = write(alice, contact(phone), "perhaps", RECEIPT)
    await house.texts(phone)
    await killed(house)
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "the truth", DEADLINE
    )
    assert error_condition(error) == "remote-server-timeout"
    assert "may or may not" in "".join(error.itertext())
    await house.smsc.reset()
    again = write(alice, contact(phone), "and this", RECEIPT)
    await receipt(alice, again)
    assert (
        await house.reads(phone) == "and this"
    )  # the SMSC has forgotten what it saw before; nothing came again


async def test_a_receipt_that_comes_after_a_kill_finds_its_text(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    await house.smsc.set(style="none")
    id_ = write(alice, contact(phone), "late", RECEIPT)
    [text] = await house.texts(phone)
    answered = "sms_pieces where state = 'accepted'"
    await eventually(lambda: rows(house, answered), "the answer is written down")
    await killed(house)
    known = await house.smsc.control.ask("last")
    words = (
        f"id:{known} sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:"
    )
    assert await house.text(phone, text["source_addr"], words, esm_class=4) == 0
    await receipt(alice, id_)


async def test_a_text_that_was_answered_for_is_shown_once_after_a_kill(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    ours = await number_of(house, alice)
    for number in range(3):
        assert await house.text(phone, ours, f"Number {number}.") == 0
    await killed(house)
    seen = {(await heard(alice, f"Number {number}.", contact(phone))).get("id") for number in range(3)}
    assert await house.text(phone, ours, "The end.") == 0
    await heard(alice, "The end.", contact(phone))
    assert len(seen) == 3
    # What was on its way when the gateway died comes once more as the same message.
    assert not [one for one in chatter(alice) if one.get("id") not in seen]


async def test_half_a_long_text_outlives_a_kill(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    ours = await number_of(house, alice)
    assert await house.text(phone, ours, bytes([5, 0, 3, 9, 2, 1]) + b"once upon ", esm_class=0x40) == 0
    await killed(house)
    assert await house.text(phone, ours, bytes([5, 0, 3, 9, 2, 2]) + b"a time", esm_class=0x40) == 0
    said = await heard(alice, "once upon", contact(phone))
    assert said.findtext(BODY) == "once upon a time"


async def test_texts_come_while_the_xmpp_server_is_away(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    ours = await number_of(house, alice)
    await house.stage.xmpp.kill()
    for number in range(3):
        assert await house.text(phone, ours, f"Line {number}.") == 0
    await house.stage.xmpp.restart()
    await house.stage.linked(2)
    alice = await company.device(alice.bare, "phone")
    for number in range(3):
        await heard(alice, f"Line {number}.", contact(phone))
