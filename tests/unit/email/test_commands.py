"""Commands at the gateway and words in a chat: each does what it says, or says why not."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.parts import Parts
from gateway.bridge import Ask, AskAgain, Finish, NoMedia, Services
from gateway.model import Condition, FieldKind, Refused
from tests.unit.email.whole import BOB, bridge_of, bring, run, session, told

INVITATION = """\
BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:lunch
DTSTART:20300101T120000Z
SUMMARY:Lunch
ORGANIZER:mailto:bob@far.example
ATTENDEE:mailto:ann@gw.example
END:VEVENT
END:VCALENDAR"""


@pytest.fixture
async def bridge(services: Services) -> AsyncIterator[EmailBridge]:
    async with bridge_of(services) as bridge:
        yield bridge


async def until(look: Callable[[], Awaitable[Sequence[object]]], count: int) -> None:
    """Rows say so; there is nothing else to wait for."""
    async with asyncio.timeout(20):
        while len(await look()) < count:
            await asyncio.sleep(0.01)


async def shown_for_good(parts: Parts) -> None:
    """The mail of bob's is known in its thread."""

    async def newest() -> Sequence[object]:
        found = await parts.threads.newest("ann", BOB, 0.0)
        return [found] if found is not None else []

    await until(newest, 1)


async def test_held_mail_is_listed_shown_and_dropped(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    async with session(bridge, first_contact="ask") as (_, sink):
        for text in ("one", "two"):
            assert await bring(parts, text, f"Subject: {text}") == 250
        await sink.wait("direct", lambda message: "for the first time" in message.text)
        await until(lambda: parts.quarantine.held("ann"), 2)
        asked = await run(bridge, "held-mail")
        assert isinstance(asked, Ask)
        (which, _) = asked.fields
        first = next(id_ for id_, label in which.options if "one" in label)
        released = await run(bridge, "held-mail", {"which": (first,), "what": ("show",)})
        assert isinstance(released, Finish)
        assert "1 mail on the way" in released.note
        await sink.wait("direct", lambda message: message.text.endswith("one"))
        rest = await run(bridge, "held-mail")
        assert isinstance(rest, Ask)
        (left,) = rest.fields[0].options
        dropped = await run(bridge, "held-mail", {"which": (left[0],), "what": ("drop",)})
        assert "1 mail dropped" in cast("Finish", dropped).note
        assert "Nothing" in cast("Finish", await run(bridge, "held-mail")).note


async def test_a_decision_is_made_by_command_and_by_a_word_in_the_chat(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    async with session(bridge) as (one, _):
        blocked = await run(bridge, "block", {"address": (BOB,)})
        assert "refused from now on" in cast("Finish", blocked).note
        assert await bring(parts, "no") == 550
        assert not isinstance(await told(one, BOB, ".allow"), Refused)
        assert await bring(parts, "yes") == 250
        assert isinstance(await run(bridge, "spam", {"address": ("nobody",)}), AskAgain)


async def test_lists_of_blocked_addresses_are_what_was_written_last(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    for node, owner in (("block-list", "ann"), ("block-for-all", "")):
        done = await run(bridge, node, {"patterns": ("far.example", "eve@x.example")})
        assert "2 entries" in cast("Finish", done).note
        assert await bring(parts, "blocked") == 550
        done = await run(bridge, node, {"patterns": ("eve@x.example",)})
        assert "1 entry" in cast("Finish", done).note
        assert parts.receiving.blocks.of(owner) == ["eve@x.example"]
        assert await bring(parts, f"free of {node}") == 250
        assert isinstance(await run(bridge, node, {"patterns": ("not an address",)}), AskAgain)


async def mailed_code(services: Services) -> str:
    """What stands in the mail that waits for the smarthost."""
    pattern = re.compile(r"The code for a@home.example is (\S+)\.")

    async def found() -> Sequence[object]:
        mails = [each.read_text() for each in (services.directory / "outbound").glob("*.eml")]
        return [match[1] for match in map(pattern.search, mails) if match is not None]

    await until(found, 1)
    return str((await found())[0])


async def test_addresses_are_chosen_confirmed_and_given_up(bridge: EmailBridge, services: Services) -> None:
    async with session(bridge):
        shown = await run(bridge, "mail-addresses")
        assert isinstance(shown, Ask)
        assert shown.fields[0].kind is FieldKind.FIXED
        assert shown.fields[0].default == "ann@gw.example"
        chosen = await run(bridge, "mail-addresses", {"what": ("choose",), "address": ("annie",)})
        assert "annie@gw.example is yours" in cast("Finish", chosen).note
        gone = await run(bridge, "mail-addresses", {"what": ("give-up",), "address": ("annie@gw.example",)})
        assert "given up" in cast("Finish", gone).note
        asked = await run(bridge, "mail-addresses", {"what": ("elsewhere",), "address": ("a@home.example",)})
        assert "A code is on its way to a@home.example" in cast("Finish", asked).note
        wrong = await run(bridge, "confirm-address", {"address": ("a@home.example",), "code": ("000",)})
        assert isinstance(wrong, AskAgain)
        code = await mailed_code(services)
        right = await run(bridge, "confirm-address", {"address": ("a@home.example",), "code": (code,)})
        assert "known as yours" in cast("Finish", right).note


async def test_words_about_a_mail_need_one(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    async with session(bridge) as (one, sink):
        for word in (".original", ".room", ".accept", ".unsubscribe"):
            refused = await told(one, BOB, word)
            assert isinstance(refused, Refused)
            assert refused.condition is Condition.ITEM_NOT_FOUND, word
        assert await bring(parts, "Hello", "Subject: tea") == 250
        await sink.wait("direct", lambda message: message.text.endswith("Hello"))
        await shown_for_good(parts)
        assert not isinstance(await told(one, BOB, ".original"), Refused)
        call = await sink.wait("direct", lambda message: bool(message.attachments))
        (file,) = call.arguments[0].attachments
        assert b"Subject: tea" in file.data
        for word in (".accept", ".unsubscribe"):
            assert isinstance(await told(one, BOB, word), Refused), word
        assert not isinstance(await told(one, BOB, ".help"), Refused)
        assert isinstance(await told(one, BOB, ".close"), Refused)


async def test_an_invitation_is_answered_by_a_word(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    async with session(bridge) as (one, sink):
        calendar = "Content-Type: text/calendar; method=REQUEST"
        assert await bring(parts, INVITATION.replace("\n", "\r\n"), calendar) == 250
        await sink.wait("direct", lambda message: "Lunch" in message.text)
        await shown_for_good(parts)
        assert not isinstance(await told(one, BOB, ".accept"), Refused)
        await sink.wait("direct", lambda message: f"Your answer goes to {BOB}" in message.text)


class Web(NoMedia):
    """Takes forms."""

    def __init__(self) -> None:
        self.forms: list[tuple[str, Mapping[str, str], str]] = []

    async def submit(self, url: str, fields: Mapping[str, str], user: str) -> None:
        self.forms.append((url, fields, user))


async def test_a_mailing_list_is_left_by_one_click_where_it_has_that(services: Services) -> None:
    web = Web()
    async with bridge_of(replace(services, media=web)) as bridge, session(bridge) as (one, sink):
        parts = await bridge.office.opened()
        fields = (
            "List-Unsubscribe: <https://far.example/leave?x=1>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        )
        assert await bring(parts, "News", *fields) == 250
        await sink.wait("direct", lambda message: "News" in message.text)
        await shown_for_good(parts)
        assert not isinstance(await told(one, BOB, ".unsubscribe"), Refused)
        assert web.forms == [
            ("https://far.example/leave?x=1", {"List-Unsubscribe": "One-Click"}, "ann"),
        ]
        await sink.wait("direct", lambda message: "was told that you want no more" in message.text)
