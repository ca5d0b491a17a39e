"""What users, operators and logs hear of one another."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridges.sms.http import library
from bridges.sms.http.signatures import Scheme
from bridges.sms.traffic import Ways
from gateway.bridge import Ask, Finish
from gateway.model import Address, AddressKind, Attachment, MessageKind
from gateway.testing import RecordingTicket
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.stage import ALICE, BOB, CAROL, OTHER, OURS, POOL, TEAM, THEM, whole

_SIGNED = {name for name in library.names() if library.preset(name).signature.scheme is not Scheme.NONE}
PICTURE = Attachment("cat.png", "image/png", 1000, "https://files.example.org/cat.png")
ACCOUNT = {"value-profile": "", "secret-key": "KEY1", "secret-public_key": "x", "number": "+13105550100"}


async def test_whoever_stops_a_pool_is_known_to_those_who_know_them(tmp_path: Path) -> None:
    numbers = [{"number": POOL, "routes": ["one"], "mode": "pool", "inbox": CAROL}]
    async with whole(tmp_path, numbers=numbers) as stage:
        alice, bob = await stage.user(), await stage.user(BOB)
        await alice.sent(THEM, "it is Alice")
        await bob.sent(OTHER, "it is Bob")
        await stage.text("STOP", to=POOL)
        await alice.shown("no more texts")
        assert "555-0100" in await stage.done("opted-out", ALICE)
        assert await stage.done("opted-out", BOB) == "Nobody."


async def test_what_is_wrong_with_an_own_account_is_its_users_business(tmp_path: Path) -> None:
    async with whole(tmp_path, own_accounts=("telnyx",), operator=ALICE) as stage:
        await stage.command("own-account", BOB, 2, preset="telnyx", **ACCOUNT)
        [name] = [each for each in stage.routes if each.startswith("own-")]
        alice, bob = await stage.user(), await stage.user(BOB)
        (await stage.routes[name].running()).trouble(name, "it refuses the credentials")
        (await stage.one.running()).trouble("one", "it has no credit")
        assert (await bob.shown("credentials")).text.startswith("[Your account at a provider]")
        await alice.shown("no credit")
        assert len(alice.sink.named("direct")) == len(bob.sink.named("direct")) == 1


async def test_logs_have_no_whole_numbers(tmp_path: Path) -> None:
    async with whole(tmp_path, operator=ALICE) as stage:
        alice = await stage.user()
        with capture_logs() as logs:
            await stage.text("hello?", to="+12125559999")
            # The operator has to know which number it was.
            await alice.shown("+1 212-555-9999")
            (await stage.one.running()).trouble(
                "one", f"no number of ours: {OURS}, (212) 555-0188, code 30007"
            )
            await alice.shown("30007")
        said = repr(logs)
        assert "...999" in said
        assert "...188" in said
        assert "30007" in said  # codes are wanted
        assert not [each for each in ("555-9999", "5559999", "555-0188", OURS, THEM) if each in said]


async def test_colleagues_see_files_and_answers_to_groups_in_a_chat_of_theirs(tmp_path: Path) -> None:
    numbers = [{"number": TEAM, "routes": ["one"], "mode": "team", "users": [ALICE, BOB]}]
    ways = Ways(groups=True, media=True)
    async with whole(tmp_path, FakeRoute("one", ways), numbers=numbers) as stage:
        alice, bob = await stage.user(), await stage.user(BOB)
        await stage.done("group", people=f"{THEM}\n{OTHER}")
        [group] = stage.bridge.office.groups.of(ALICE)
        address, ticket = Address(AddressKind.ROOM, "phone", group.room), RecordingTicket()
        alice.session.share(address, "", (PICTURE,), MessageKind.CHAT, ticket)
        assert (await ticket.outcome()).name == "done"
        shown = await bob.shown(PICTURE.url)
        assert shown.sender == f"{THEM},{OTHER}"
        assert shown.text.startswith("[alice answered")


async def test_files_are_fetched_where_the_provider_keeps_them_and_nowhere_else(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await stage.text("look", media=(PICTURE,))
        shown = await alice.shown("cat.png")
        assert "`media_hosts`" in shown.text
        stage.one.headers = {}
        await stage.text("and here", media=(PICTURE,))
        assert "`media_hosts`" not in (await alice.shown("and here")).text


@pytest.mark.parametrize("preset", sorted(_SIGNED))
async def test_users_with_own_accounts_are_not_asked_where_to_connect_to(tmp_path: Path, preset: str) -> None:
    async with whole(tmp_path, own_accounts=(preset,)) as stage:
        page = await stage.command("own-account", BOB, preset=preset)
        assert isinstance(page, Ask)
        assert not [each.name for each in page.fields if each.name.endswith("base")]


async def test_users_with_own_accounts_do_not_say_where_to_connect_to(tmp_path: Path) -> None:
    said = {"value-account": "AC1", "secret-token": "t", "number": "+13105550100"}
    there = dict.fromkeys(("value-base", "value-conversations_base"), "http://10.0.0.1")
    async with whole(tmp_path, own_accounts=("twilio",)) as stage:
        # Heeded, it would be refused, for it is without TLS.
        assert isinstance(
            await stage.command("own-account", BOB, 2, preset="twilio", **said, **there), Finish
        )
