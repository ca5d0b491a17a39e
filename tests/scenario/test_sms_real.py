"""Texts both ways between XMPP clients on Prosody and phones behind npm's SMSC; what kills nothing, loses nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from gateway.playground.clients import message
from gateway.playground.match import error_condition
from tests.scenario.phone_house import SMS, TEAM, House, contact, number_of, opened, resident
from tests.scenario.post_house import BODY, heard, receipt, write
from tests.scenario.stage import Company, chatter
from tests.waiting import DEADLINE

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISCO = "{http://jabber.org/protocol/disco#info}"
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    async with opened(directory, "prosody") as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await house.smsc.reset()
        await people.goodbye()
    house.stage.assert_calm()


async def test_a_conversation_with_emoji_and_receipts_goes_both_ways(house: House, company: Company) -> None:
    alice = await resident(company)
    phone = house.phone()
    id_ = write(alice, contact(phone), "Grüße 😀", RECEIPT)
    [text] = await house.texts(phone)
    assert await house.reads(phone) == "Grüße 😀"
    await receipt(alice, id_)
    assert await house.text(phone, text["source_addr"], "hi yourself") == 0
    answer = await heard(alice, "hi yourself")
    assert answer.get("from", "").partition("/")[0] == contact(phone)


async def test_a_text_of_ten_segments_has_one_receipt(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    long = "".join(f"{each:04} sheep, " for each in range(1, 120))[:1500]
    id_ = write(alice, contact(phone), long, RECEIPT)
    assert len(await house.texts(phone, 10)) == 10
    assert await house.reads(phone, 10) == long
    await receipt(alice, id_)
    assert not [one for one in chatter(alice) if one.get("type") == "error"]


async def test_what_a_network_cannot_deliver_is_an_error_to_that_message(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone(last=9)
    id_ = write(alice, contact(phone), "are you there?", RECEIPT)

    def refused(one: Element) -> bool:
        return one.get("type") == "error" and one.get("id") == id_

    error = await alice.expect(message(also=refused), "an error", DEADLINE)
    assert error_condition(error) in {"recipient-unavailable", "item-not-found"}


async def test_long_texts_of_phones_are_one_message(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    ours = await number_of(house, alice)
    words = ("one 😀 two " * 12).encode("utf-16-be")
    pieces = [words[at : at + 133] for at in range(0, len(words), 133)]  # an odd length: characters are cut
    for number, piece in reversed(list(enumerate(pieces, 1))):
        header = bytes([5, 0, 3, 77, len(pieces), number])
        assert await house.text(phone, ours, header + piece, esm_class=0x40, data_coding=8) == 0
    said = await heard(alice, "one 😀 two")
    assert said.findtext(BODY) == ("one 😀 two " * 12).strip() or said.findtext(BODY) == "one 😀 two " * 12


async def test_an_unregistered_user_is_told_so_and_nothing_is_sent(house: House, company: Company) -> None:
    carol, phone = await company.user("carol"), house.phone()
    id_ = write(carol, contact(phone), "free texts?")
    error = await carol.expect(message(also=lambda one: one.get("id") == id_), "an error", DEADLINE)
    assert error_condition(error) == "registration-required"


@pytest.mark.parametrize("number", ["911", "112"])
async def test_emergency_numbers_are_refused_with_words(house: House, company: Company, number: str) -> None:
    alice = await resident(company)
    id_ = write(alice, f"{number}@{SMS}", "help")
    error = await alice.expect(message(also=lambda one: one.get("id") == id_), "an error", DEADLINE)
    assert "call it from a telephone" in "".join(error.itertext())


async def test_a_phone_has_the_identity_and_the_card_of_one(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    info = await alice.iq(
        contact(phone), "<query xmlns='http://jabber.org/protocol/disco#info'/>", within=DEADLINE
    )
    kinds = {(each.get("category"), each.get("type")) for each in info.iter(f"{DISCO}identity")}
    assert {("client", "sms"), ("client", "phone")} <= kinds
    card = await alice.iq(contact(phone), "<vCard xmlns='vcard-temp'/>", within=DEADLINE)
    assert card.findtext("{vcard-temp}vCard/{vcard-temp}TEL/{vcard-temp}NUMBER") == phone
    newer = await alice.iq(
        contact(phone), "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>", within=DEADLINE
    )
    assert f"tel:{phone}" in "".join(newer.itertext())


async def test_people_write_numbers_as_they_are_used_to(house: House, company: Company) -> None:
    alice = await resident(company)
    prompt = "<query xmlns='jabber:iq:gateway'><prompt>(310) 555-0123</prompt></query>"
    answer = await alice.iq(SMS, prompt, type="set", within=DEADLINE)
    assert "".join(answer.itertext()).strip() == contact("+13105550123")
    refused = await alice.iq(SMS, prompt.replace("(310) 555-0123", "12"), type="set", within=DEADLINE)
    assert refused.get("type") == "error"


async def test_a_national_number_in_the_address_is_texted_and_the_right_address_told(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    national = phone.removeprefix("+1")
    write(alice, f"{national}@{SMS}", "hello")
    assert await house.reads(phone) == "hello"
    [text] = await house.texts(phone)
    assert await house.text(phone, text["source_addr"], "who is this?") == 0
    said = await heard(alice, "who is this?")
    assert said.get("from", "").partition("/")[0] == contact(phone)
    hint = await heard(alice, "Answers come from there.", SMS)
    assert contact(phone) in (hint.findtext(BODY) or "")


async def test_groups_are_refused_where_no_route_carries_them(house: House, company: Company) -> None:
    alice = await resident(company)
    several = f"{house.phone()},{house.phone()}@{SMS}"
    id_ = write(alice, several, "hello all")
    error = await alice.expect(message(also=lambda one: one.get("id") == id_), "an error", DEADLINE)
    assert error_condition(error) == "not-allowed"


async def test_colleagues_share_a_number_and_see_what_each_answers(house: House, company: Company) -> None:
    tina, tom = [await resident(company, each, exactly=True) for each in ("tina", "tom")]
    phone = house.phone()
    assert await house.text(phone, TEAM, "my bill is wrong") == 0
    for each in (tina, tom):
        await heard(each, "my bill is wrong", contact(phone))
    write(tina, contact(phone), "let me look")
    assert await house.reads(phone) == "let me look"
    assert (await house.texts(phone))[0]["source_addr"] == TEAM.removeprefix("+")
    await heard(tom, "let me look", contact(phone))


async def test_a_name_without_a_number_can_be_read_and_not_answered(house: House, company: Company) -> None:
    alice = await resident(company)
    ours = await number_of(house, alice)
    words = {
        "source_addr": "MyBank",
        "source_addr_ton": 5,
        "source_addr_npi": 0,
        "destination_addr": ours[1:],
    }
    assert await house.smsc.deliver("Your code is 123456", **words) == 0
    said = await heard(alice, "Your code is 123456")
    bank = said.get("from", "").partition("/")[0]
    assert bank == f"mybank;sender=alpha@{SMS}"
    info = await alice.iq(bank, "<query xmlns='http://jabber.org/protocol/disco#info'/>", within=DEADLINE)
    assert "urn:xmpp:noreply:0" in {each.get("var") for each in info.iter(f"{DISCO}feature")}
    id_ = write(alice, bank, "thanks")
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert "cannot be answered" in "".join(error.itertext())


async def test_stop_is_heard_and_kept(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    write(alice, contact(phone), "buy now")
    [text] = await house.texts(phone)
    assert await house.text(phone, text["source_addr"], "Stop") == 0
    await heard(alice, "wants no more texts")
    id_ = write(alice, contact(phone), "sure?")
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert error_condition(error) == "not-allowed"
