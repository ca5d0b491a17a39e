"""Texts between XMPP clients on Prosody and phones through Debian's Kannel: its HTTP interface on our side, fakesmsc and
npm's SMSC on the other."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, message
from gateway.playground.kannel import PASSWORD, SMPP, USERNAME, Kannel, Way
from gateway.playground.match import error_condition
from gateway.playground.process import free_ports
from tests.rig.smsc import NodeSmsc
from tests.scenario.phone_house import SMS, contact, resident
from tests.scenario.phone_house import House as Phones
from tests.scenario.post_house import BODY, heard, receipt, write
from tests.scenario.stage import Company, Play, Stage, chatter
from tests.waiting import DEADLINE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = tuple(f"+1212555{each:04}" for each in range(1, 21))
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"
RECEIVED = "{urn:xmpp:receipts}received"
OPERATOR = "olga@localhost"

_MORE = """\
[web]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[bridges.sms.routes.kannel]
kind = "kannel"
url = "{kannel.url}"
username = "{user}"
password = "{password}"
smsc = "{smsc}"
config_file = "{kannel.config}"

"""


@dataclass
class House(Phones):
    """``phones`` beyond Kannel are those of the SMSC; what they write comes through fakesmsc."""

    kannel: Kannel | None = None

    async def says(self, phone: str, ours: str, words: str) -> None:
        assert self.kannel is not None
        await self.kannel.text(phone, ours, words)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    places = {name: directory / name for name in ("smsc", "kannel")}
    for place in places.values():
        place.mkdir()
    async with AsyncExitStack() as stack:
        smsc = await NodeSmsc.start(places["smsc"])
        stack.push_async_callback(smsc.stop)
        (port,) = free_ports(1)
        kannel = Kannel(places["kannel"], Way(port, smsc.port))
        more = _MORE.format(port=port, kannel=kannel, user=USERNAME, password=PASSWORD, smsc=SMPP)
        more += "".join(
            f'[[bridges.sms.numbers]]\nnumber = "{each}"\nroutes = ["kannel"]\n' for each in NUMBERS
        )
        keys = {"region": '"US"', "registration": '"free"'}
        play = Play({}, {"sms": keys}, kinds={"sms": "sms"}, more=more, access={"admins": f'["{OPERATOR}"]'})
        stage = await Stage.start(directory, "prosody", play)
        stack.push_async_callback(stage.stop)
        stack.push_async_callback(kannel.stop)
        await kannel.start(await told(stage))
        await smsc.session()
        yield House(stage, smsc, kannel=kannel)


async def told(stage: Stage) -> str:
    """The address that the operator is told to give to Kannel."""
    people = Company(stage)
    try:
        olga = await people.user(OPERATOR.partition("@")[0], exactly=True)
        command = "<command xmlns='http://jabber.org/protocol/commands' node='sms-routes' action='execute'/>"
        answer = await olga.iq(SMS, command, type="set", within=DEADLINE)
    finally:
        await people.goodbye()
    found = re.search(r"http://\S+", "\n".join(answer.itertext()))
    assert found is not None
    return found[0]


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await house.smsc.reset()
        await people.goodbye()
    house.stage.assert_calm()


async def acquainted(house: House, company: Company) -> tuple[XmppClient, str, str]:
    """A user, a phone, and the number that the phone has had a text from."""
    alice, phone = await resident(company), house.phone()
    write(alice, contact(phone), "it is me")
    [text] = await house.texts(phone)
    return alice, phone, f"+{text['source_addr']}"


async def test_a_conversation_goes_both_ways_with_a_receipt(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "Grüße für 5 € {ok}", RECEIPT)
    [text] = await house.texts(phone)
    assert (text["data_coding"], await house.reads(phone)) == (0, "Grüße für 5 € {ok}")
    await receipt(alice, id_)
    await house.says(phone, f"+{text['source_addr']}", "hi 😀 yourself, für 5 €")
    await heard(alice, "hi 😀 yourself, für 5 €", contact(phone))


async def test_what_only_unicode_has_is_sent_in_it(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "tea? 😀 да", RECEIPT)
    [text] = await house.texts(phone)
    assert (text["data_coding"], await house.reads(phone)) == (8, "tea? 😀 да")
    await receipt(alice, id_)


@pytest.mark.parametrize(
    ("text", "segments"), [("0123456789 sheep. " * 70, 9), ("emoji 😀 " * 30, 5)], ids=["gsm", "emoji"]
)
async def test_long_texts_are_linked_segments_and_have_one_receipt(
    house: House, company: Company, text: str, segments: int
) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), text, RECEIPT)
    said = await house.reads(phone, segments)
    # Kannel cuts emoji in two, which phones put together again.
    assert said.encode("utf-16", "surrogatepass").decode("utf-16") == text
    headers = {each["short_message"]["udh"][0]["hex"][:-2] for each in await house.texts(phone)}
    assert len(headers) == 1
    await receipt(alice, id_)


async def test_taken_by_the_network_is_no_receipt_yet(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    await house.smsc.set(style="none")
    write(alice, contact(phone), "on its way", RECEIPT)
    [text] = await house.texts(phone)
    await house.says(phone, f"+{text['source_addr']}", "the end")
    await heard(alice, "the end", contact(phone))
    assert not alice.inbox.waiting(lambda one: one.find(RECEIVED) is not None)


async def test_what_a_network_cannot_deliver_is_an_error_to_that_message(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone(last=9)
    id_ = write(alice, contact(phone), "are you there?", RECEIPT)
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert error_condition(error) in {"recipient-unavailable", "item-not-found"}
    assert "UNDELIV" in "".join(error.itertext())


async def test_what_comes_while_the_gateway_is_down_is_brought_again_and_shown_once(
    house: House, company: Company
) -> None:
    alice, phone, ours = await acquainted(house, company)
    await house.stage.gateway.kill()
    await house.says(phone, ours, "while you were out 😀")
    await house.stage.restart_gateway()
    await heard(alice, "while you were out 😀", contact(phone))
    await house.says(phone, ours, "and now")
    await heard(alice, "and now", contact(phone))
    again = [one.findtext(BODY) for one in chatter(alice)]
    assert "while you were out 😀" not in again


async def test_check_finds_what_makes_kannel_lose_texts(house: House, company: Company) -> None:
    assert house.kannel is not None
    config = house.kannel.config
    whole = config.read_text(encoding="utf-8")
    assert await checked(house.stage) == ["keeps reports in memory"]
    broken = re.sub(
        r"http-request-retry.*\n|http-queue-delay.*\n|max-messages = 0\n|omit-empty.*\n", "", whole
    )
    broken = broken.replace("allowed-smsc-id = smpp\n", "").replace(
        "mo-recode = true", "smsbox-id = lonely\nmo-recode = true"
    )
    try:
        config.write_text(broken, encoding="utf-8")
        found = await checked(house.stage)
    finally:
        config.write_text(whole, encoding="utf-8")
    assert set(found) == set(_FAULTS)


_FAULTS = (
    "http-request-retry",
    "smsbox-id",
    "max-messages = 0",
    "omit-empty",
    "allowed-smsc-id",
    "keeps reports in memory",
)


async def checked(stage: Stage) -> list[str]:
    """Those of ``_FAULTS`` that ``causeway check`` tells, one a line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "check",
        "-c",
        str(stage.config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    lines = [line for line in said.decode().splitlines() if "Route kannel: " in line]
    return [next((fault for fault in _FAULTS if fault in line), line) for line in lines]
