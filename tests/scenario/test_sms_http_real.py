"""Texts, pictures and groups between XMPP clients on Prosody and phones, over a provider's HTTP interface."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from gateway.playground.clients import XmppClient, message
from gateway.playground.match import MUC_USER, error_condition
from gateway.playground.process import free_ports
from tests.fakes import sms_signing as signing
from tests.fakes.sms_providers import FAMILIES, Asked, Provider, Said
from tests.fakes.sms_signing import TELNYX_PUBLIC, document
from tests.scenario.phone_house import SMS, contact, resident
from tests.scenario.post_house import BODY, get, heard, receipt, upload, write
from tests.scenario.stage import Company, Play, Stage, chatter
from tests.unit.media.conftest import png
from tests.waiting import DEADLINE, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBERS = tuple(f"+1212555{each:04}" for each in range(1, 21))
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"
OOB = "{jabber:x:oob}x/{jabber:x:oob}url"
PICTURE = png(64, 48)

_MORE = """\
[web]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[bridges.sms.routes.telnyx]
kind = "http"
preset = "telnyx"
values = {{ base = "{provider}" }}
secrets = {{ key = "KEY1", public_key = "{key}" }}
media_hosts = ["127.0.0.1"]

[media]
directory = "{media}"
trusted_hosts = ["127.0.0.1"]

"""


@dataclass
class House:
    stage: Stage
    provider: Provider
    _phones: "itertools.count[int]" = field(default_factory=itertools.count)

    def phone(self) -> str:
        """A number that no other test knows."""
        return f"+1310555{next(self._phones):04}"

    async def sent(self, to: str | list[str], count: int = 1) -> Asked:
        """The last of ``count`` requests of ours to send to a phone, or a group."""

        def found() -> list[Asked]:
            return [each for each in self.provider.asked if each.fields.get("to") == to]

        await eventually(lambda: len(found()) >= count, f"{count} x a text to {to}")
        return found()[count - 1]

    async def call(self, url: str, kind: str, *, signed: bool = True, **payload: Any) -> int:
        """A callback; the status of the answer."""
        data = {"event_type": kind, "id": f"ev-{time.monotonic_ns()}", "payload": payload}
        post = document(url, {"data": {**data, "occurred_at": "2026-11-21T12:00:00Z"}})
        headers = {"Content-Type": "application/json"}
        headers |= signing.telnyx(post, time.time(), "") if signed else {}
        async with (
            aiohttp.ClientSession() as session,
            session.post(post.url, data=post.body, headers=headers) as answer,
        ):
            return answer.status

    async def text(self, asked: Asked, sender: str, words: str, id_: str = "", **more: Any) -> int:
        """Somebody's phone to the number that has sent ``asked``."""
        url = str(asked.fields["webhook_url"]).rpartition("/")[0]
        to = [{"phone_number": each} for each in (asked.fields["from"], *more.pop("others", ()))]
        return await self.call(
            url,
            "message.received",
            id=id_ or f"t-{time.monotonic_ns()}",
            **{"from": {"phone_number": sender}},
            to=to,
            text=words,
            **more,
        )

    async def report(self, asked: Asked, to: str, status: str) -> int:
        return await self.call(
            str(asked.fields["webhook_url"]),
            "message.finalized",
            id="t-1",
            to=[{"phone_number": to, "status": status}],
            errors=[] if status == "delivered" else [{"code": "40006", "title": "Unavailable"}],
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(directory: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(Provider(FAMILIES["telnyx"]))
        (port,) = free_ports(1)
        more = _MORE.format(port=port, provider=provider.base, key=TELNYX_PUBLIC, media=directory / "media")
        more += "".join(
            f'[[bridges.sms.numbers]]\nnumber = "{each}"\nroutes = ["telnyx"]\n' for each in NUMBERS
        )
        keys = {"region": '"US"', "registration": '"free"'}
        stage = await Stage.start(
            directory, "prosody", Play({}, {"sms": keys}, kinds={"sms": "sms"}, more=more)
        )
        stack.push_async_callback(stage.stop)
        yield House(stage, provider)


@pytest_asyncio.fixture(loop_scope="module")
async def company(house: House) -> AsyncIterator[Company]:
    people = Company(house.stage)
    try:
        yield people
    finally:
        await people.goodbye()
    house.stage.assert_calm()


async def acquainted(house: House, company: Company) -> tuple[XmppClient, str, Asked]:
    """A user, a phone, and the text that the phone has had of the user."""
    alice, phone = await resident(company), house.phone()
    write(alice, contact(phone), "it is me")
    return alice, phone, await house.sent(phone)


async def test_a_conversation_goes_both_ways_with_a_receipt(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "Grüße 😀", RECEIPT)
    asked = await house.sent(phone)
    assert asked.fields["text"] == "Grüße 😀"
    assert await house.report(asked, phone, "delivered") == 200
    await receipt(alice, id_)
    assert await house.text(asked, phone, "hi 😀 yourself") == 200
    await heard(alice, "hi 😀 yourself", contact(phone))


async def test_what_is_told_twice_is_shown_once_and_what_is_forged_never(
    house: House, company: Company
) -> None:
    alice, phone, asked = await acquainted(house, company)
    for _ in range(2):
        assert await house.text(asked, phone, "once", id_="t-same") == 200
    url = str(asked.fields["webhook_url"]).rpartition("/")[0]
    forged = {
        "from": {"phone_number": phone},
        "to": [{"phone_number": asked.fields["from"]}],
        "text": "forged",
    }
    assert await house.call(url, "message.received", signed=False, id="t-forged", **forged) == 401
    assert await house.call(f"{url[:-4]}beef", "message.received", id="t-guess", **forged) == 404
    assert await house.text(asked, phone, "the end") == 200
    await heard(alice, "the end", contact(phone))
    assert [one.findtext(BODY) for one in chatter(alice)] == ["once"]


async def test_a_failed_text_is_an_error_in_the_providers_words(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    id_ = write(alice, contact(phone), "are you there?", RECEIPT)
    assert await house.report(await house.sent(phone), phone, "delivery_failed") == 200
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert error_condition(error) == "recipient-unavailable"
    assert "Unavailable" in "".join(error.itertext())


async def test_a_definite_refusal_is_told_at_once(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    house.provider.next.append(Said(400, {"errors": [{"code": "40300", "detail": "opted out"}]}))
    id_ = write(alice, contact(phone), "hello?", RECEIPT)
    error = await alice.expect(
        message(also=lambda one: one.get("id") == id_ and one.get("type") == "error"), "an error", DEADLINE
    )
    assert error_condition(error) == "not-allowed"


async def test_pictures_go_both_ways(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()
    url = await upload(alice, "cat.png", PICTURE, "image/png")
    write(alice, contact(phone), url, f"<x xmlns='jabber:x:oob'><url>{url}</url></x>")
    asked = await house.sent(phone)
    assert asked.fields["media_urls"] == [url]
    assert await get(asked.fields["media_urls"][0]) == PICTURE

    async def picture(request: web.Request) -> web.StreamResponse:
        return web.Response(body=PICTURE, content_type="image/png")

    house.provider.next.append(picture)
    media = [{"url": f"{house.provider.base}/media/1.png", "content_type": "image/png"}]
    assert await house.text(asked, phone, "and mine", media=media) == 200
    shown = await alice.expect(message(also=lambda one: one.findtext(OOB) is not None), "a picture", DEADLINE)
    assert shown.get("from", "").partition("/")[0] == contact(phone)
    assert await get(shown.findtext(OOB) or "") == PICTURE


async def test_a_group_text_is_a_room_whose_members_are_phones(house: House, company: Company) -> None:
    alice, phone, asked = await acquainted(house, company)
    other = house.phone()
    members = sorted((phone, other))
    assert await house.text(asked, phone, "hello all", others=(other,)) == 200
    invitation = await alice.expect(
        message(
            also=lambda one: (
                one.find("{jabber:x:conference}x") is not None
                or one.find(f"{{{MUC_USER}}}x/{{{MUC_USER}}}invite") is not None
            )
        ),
        "an invitation",
        DEADLINE,
    )
    first = await heard(alice, "hello all")
    assert first.get("from", "").partition("/")[0] == f"{','.join(members)}@{SMS}"
    direct = invitation.find("{jabber:x:conference}x")
    room = direct.get("jid", "") if direct is not None else invitation.get("from", "")
    await alice.join(room, "alice", within=DEADLINE)
    assert await house.text(asked, other, "and from me", others=(phone,)) == 200
    said = await alice.expect(
        message(type="groupchat", body="and from me"), "a message in the room", DEADLINE
    )
    assert said.get("from") == f"{room}/{other}"
    alice.say(room, "hello both", type="groupchat")
    group = await house.sent(members)
    assert (group.path, group.fields["text"]) == ("/v2/messages/group_mms", "hello both")
    assert not [each for each in house.provider.asked if each.fields.get("text") == "hello both"][1:]


async def test_the_comma_joined_addresses_of_cheogram_are_a_group(house: House, company: Company) -> None:
    alice = await resident(company)
    members = sorted((house.phone(), house.phone()))
    write(alice, f"{members[1]},{members[0]}@{SMS}", "hi you two")
    assert (await house.sent(members)).fields["text"] == "hi you two"


async def test_a_message_that_names_its_recipients_is_a_group_text(house: House, company: Company) -> None:
    alice = await resident(company)
    members = sorted((house.phone(), house.phone()))
    info = await alice.iq(SMS, "<query xmlns='http://jabber.org/protocol/disco#info'/>", within=DEADLINE)
    address = "http://jabber.org/protocol/address"
    assert address in {
        each.get("var") for each in info.iter("{http://jabber.org/protocol/disco#info}feature")
    }
    named = "".join(f"<address type='to' jid='{contact(each)}'/>" for each in members)
    write(alice, SMS, "hi all of you", f"<addresses xmlns='{address}'>{named}</addresses>")
    assert (await house.sent(members)).fields["text"] == "hi all of you"
    blind = named.replace("type='to'", "type='bcc'", 1)
    for wrong in (blind, named.replace(SMS, "example.org", 1)):
        id_ = write(alice, SMS, "hi", f"<addresses xmlns='{address}'>{wrong}</addresses>")
        error = await alice.expect(
            message(also=lambda one, id_=id_: one.get("id") == id_ and one.get("type") == "error"),
            "an error",
            DEADLINE,
        )
        assert error_condition(error) in {"not-acceptable", "forbidden"}


async def test_while_the_provider_is_away_texts_wait_and_keep_their_order(
    house: House, company: Company
) -> None:
    alice, phone = await resident(company), house.phone()
    house.provider.next += [Said(429, "", {"Retry-After": "1"}), Said(429, "", {"Retry-After": "1"})]
    for number in range(3):
        write(alice, contact(phone), f"line {number}")
    await eventually(
        lambda: (
            "line 2"
            in [each.fields.get("text") for each in house.provider.asked if each.fields.get("to") == phone]
        ),
        "the last line",
    )
    texts = [each.fields["text"] for each in house.provider.asked if each.fields.get("to") == phone]
    assert [text for text, _ in itertools.groupby(texts)] == ["line 0", "line 1", "line 2"]


async def test_a_kill_between_request_and_answer_sends_nothing_twice(house: House, company: Company) -> None:
    alice, phone = await resident(company), house.phone()

    async def never(request: web.Request) -> web.StreamResponse:
        house.stage.gateway.signal(9)
        return web.Response(status=200)

    house.provider.next.append(never)
    write(alice, contact(phone), "perhaps")
    first = await house.sent(phone)
    await house.stage.gateway.kill()
    await house.stage.restart_gateway()
    # Telnyx takes the same Idempotency-Key twice for one message, so it may be asked again.
    again = await house.sent(phone, 2)
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
