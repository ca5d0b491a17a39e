"""The whole SMS bridge, over routes that tests write into."""

from pathlib import Path
from typing import Any

import pytest

from bridges.sms.traffic import Failing, Inbound, OptOut, Rejected, Stage, Unknown, Ways
from gateway.bridge import Account, Ask, AskAgain, Finish, ForgetfulMemory
from gateway.model import Attachment, Availability, Condition, DeliveryState, MessageKind, Refused
from gateway.testing import RecordingTicket
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.stage import ALICE, BOB, CAROL, NUMBERS, OTHER, OURS, POOL, TEAM, THEM, whole

PICTURE = Attachment("cat.png", "image/png", 1000, "https://files.example.org/cat.png")


async def test_a_text_goes_out_from_the_users_number_and_its_receipt_comes_back(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        id_ = await alice.sent(THEM, "hello")
        written = await stage.one.until(1)
        assert (written.submission.sender, written.submission.recipients) == (OURS, (THEM,))
        await stage.one.tell(stage.one.report(written, Stage.DELIVERED))
        told = await alice.sink.wait("delivery")
        assert told.arguments == (id_, DeliveryState.DELIVERED, None)


async def test_the_same_reference_twice_is_one_text(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        tickets = [RecordingTicket(), RecordingTicket()]
        for ticket in tickets:
            ticket.reference = "r1"
            alice.session.tell(THEM, "once", MessageKind.CHAT, ticket)
        ids = [(await ticket.outcome()).arguments[0] for ticket in tickets]
        assert ids[0] == ids[1]
        await alice.sent(THEM, "then")
        await stage.one.until(2)
        assert [text for text, _ in stage.one.texts] == ["once", "then"]


async def test_texts_of_one_chat_go_out_in_the_order_they_were_written(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        tickets = [RecordingTicket() for _ in range(20)]
        for number, ticket in enumerate(tickets):
            alice.session.tell(THEM, f"line {number}", MessageKind.CHAT, ticket)
        await stage.one.until(20)
        assert [text for text, _ in stage.one.texts] == [f"line {number}" for number in range(20)]


async def test_another_route_is_asked_only_after_a_definite_refusal(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        stage.one.steps.append(Rejected(Failing.ROUTE, Refused(Condition.FORBIDDEN, "not from here")))
        await alice.sent(THEM, "by another way")
        await stage.two.until(1)
        stage.one.steps.append(Unknown("the line went dead"))
        await alice.sent(OTHER, "perhaps")
        await stage.one.until(2)
        await alice.sent(OTHER, "never twice")
        assert [text for text, _ in stage.two.texts] == ["by another way"]


async def test_a_refusal_comes_back_as_an_error_in_the_providers_words(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        why = Refused(Condition.ITEM_NOT_FOUND, "one: 21614 is not a mobile number")
        stage.one.steps.append(Rejected(Failing.MESSAGE, why, "21614"))
        id_ = await alice.sent(THEM, "hello")
        told = await alice.sink.wait("delivery")
        assert told.arguments[:2] == (id_, DeliveryState.FAILED)
        assert told.arguments[2].text == why.text


async def test_an_answer_goes_out_from_the_number_that_was_written_to(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await stage.text("help me", to=TEAM)
        assert (await alice.shown("help me")).sender == THEM
        await alice.sent(THEM, "gladly")
        written = await stage.one.until(1)
        assert written.submission.sender == TEAM


async def test_a_team_sees_what_comes_and_what_each_answers_until_one_claims_it(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice, bob = await stage.user(), await stage.user(BOB)
        await stage.text("my bill is wrong", to=TEAM)
        for each in (alice, bob):
            assert (await each.shown("my bill is wrong")).sender == THEM
        await alice.sent(THEM, "let me look")
        seen = await bob.shown("let me look")
        assert (seen.sender, seen.kind) == (THEM, MessageKind.NOTICE)
        assert (await (await alice.write(THEM, ".claim")).outcome()).name == "done"
        await bob.shown("alice")
        assert "alice sees to this conversation" in await bob.refused(THEM, "I can too")
        await alice.write(THEM, ".release")
        await bob.sent(THEM, "I can too")
        await stage.one.until(2)
        assert [text for text, _ in stage.one.texts] == ["let me look", "I can too"]


async def test_a_pool_gives_each_conversation_to_one_user(tmp_path: Path) -> None:
    numbers = [{"number": POOL, "routes": ["one"], "mode": "pool", "inbox": CAROL}]
    async with whole(tmp_path, numbers=numbers) as stage:
        alice, bob, carol = await stage.user(), await stage.user(BOB), await stage.user(CAROL)
        await alice.sent(THEM, "it is Alice")
        assert "shared numbers" in await bob.refused(THEM, "it is Bob")
        await bob.sent(OTHER, "it is Bob")
        await stage.text("hi Alice", to=POOL)
        await stage.text("hi Bob", OTHER, to=POOL)
        await stage.text("who are you?", "+12125550199", to=POOL)
        await alice.shown("hi Alice")
        await bob.shown("hi Bob")
        await carol.shown("who are you?")
        assert len(alice.sink.named("direct")) == 1


async def test_whoever_says_stop_is_texted_no_more_until_start(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await alice.sent(THEM, "buy now")
        await stage.text("STOP")
        await alice.shown("no more texts")
        assert (await alice.refused(THEM, "are you sure?")).startswith("not-allowed: ")
        assert THEM.removeprefix("+1")[:3] in await stage.done("opted-out")
        await stage.text("start")
        await alice.shown("are sent again")
        await alice.sent(THEM, "welcome back")


async def test_what_came_while_nobody_was_there_is_shown_later_and_once(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        await stage.text("are you asleep?")
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await alice.shown("are you asleep?")
        await alice.leave()
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await stage.text("good morning")
        await alice.shown("good morning")
        assert len(alice.sink.named("direct")) == 1


async def test_files_go_where_the_route_carries_them_and_as_links_elsewhere(tmp_path: Path) -> None:
    async with whole(tmp_path, FakeRoute("one", Ways(media=True))) as stage:
        alice = await stage.user()
        address, ticket = stage.bridge.address(THEM), RecordingTicket()
        alice.session.share(address, "look", (PICTURE,), MessageKind.CHAT, ticket)
        written = await stage.one.until(1)
        assert (written.submission.text, written.submission.media) == ("look", (PICTURE,))
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        alice.session.share(address, "look", (PICTURE,), MessageKind.CHAT, RecordingTicket())
        written = await stage.one.until(1)
        assert written.submission.text == f"look\n{PICTURE.url}"


async def test_groups_are_never_sent_one_by_one(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        assert "cannot send to groups" in await alice.refused(f"{THEM},{OTHER}", "hello all")
    async with whole(tmp_path, two=FakeRoute("two", Ways(groups=True, group_size=3))) as stage:
        alice = await stage.user()
        await alice.sent(f"{OTHER},{THEM}", "hello all")  # as Cheogram writes them, in any order
        written = await stage.two.until(1)
        assert written.submission.recipients == (THEM, OTHER)
        said = await stage.done("group", people=f"{THEM}\n{OTHER}", name="Family")
        room = said.partition("(")[2].partition(")")[0]
        ticket = RecordingTicket()
        alice.session.say(room, "in the room", MessageKind.CHAT, ticket)
        assert (await ticket.outcome()).name == "done"
        assert (await stage.two.until(2)).submission.recipients == (THEM, OTHER)


async def test_people_can_be_called_by_names(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await stage.done("name-number", who="(212) 555-0100", name="Granny")
        call = await alice.sink.wait("contact", lambda contact: contact.display_name == "Granny")
        assert call.arguments[0].name == THEM
        alice.session.watch(THEM)
        shown = await alice.sink.wait("contact_presence")
        assert shown.arguments[1] is Availability.AVAILABLE


async def test_a_text_is_counted_before_it_is_sent(tmp_path: Path) -> None:
    prices = [{"destination": "US", "price": 0.01}]
    async with whole(tmp_path, prices=prices, currency="USD") as stage:
        said = await stage.done("segments", text="x" * 150 + "😀", who=THEM)
        assert "3 SMS, because of 😀." in said
        assert "from +1 212-555-0001" in said
        assert "0.03 USD" in said


@pytest.mark.parametrize("mode", ["free", "assigned"])
async def test_who_registers_is_given_a_free_number_or_told_whom_to_ask(tmp_path: Path, mode: str) -> None:
    numbers = [{"number": OURS, "routes": ["one"]}]
    async with whole(tmp_path, numbers=numbers, registration=mode) as stage:
        refused = await stage.bridge.validate(Account(BOB, "phone", "", {}, address=BOB))
        if mode == "assigned":
            assert refused is not None
            assert refused.condition is Condition.NOT_ALLOWED
            said = await stage.done("sms-numbers", what="give", number=OURS, user=BOB)
            assert "can do so now" in said
            assert await stage.bridge.validate(Account(BOB, "phone", "", {}, address=BOB)) is None
        else:
            assert refused is None
            again = await stage.bridge.validate(Account(CAROL, "phone", "", {}, address=CAROL))
            assert again is not None
            assert again.condition is Condition.RESOURCE_CONSTRAINT
        bob = await stage.user(BOB)
        await bob.sent(THEM, "hello")


async def test_a_code_that_is_texted_proves_a_telephone(tmp_path: Path) -> None:
    numbers = [{"number": OURS, "routes": ["one"]}]
    async with whole(tmp_path, numbers=numbers, registration="code") as stage:

        async def register(**values: str) -> str:
            refused = await stage.bridge.validate(Account(BOB, "phone", "", values, address=BOB))
            return refused.text if refused is not None else ""

        assert "was texted to +1 212-555-0100" in await register(phone="(212) 555-0100")
        code = (await stage.one.until(1)).submission.text[:6]
        wrong = "000000" if code != "000000" else "111111"
        assert "not the code" in await register(phone=THEM, code=wrong)
        assert "texted to you already" in await register(phone=THEM)
        assert await register(phone=THEM, code=code) == ""
        await stage.user(BOB)


async def test_admins_see_routes_and_what_waits(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        await alice.sent(THEM, "hello")
        await stage.one.until(1)
        said = await stage.done("sms-routes")
        assert "one: connected" in said
        assert "https://" not in said
        stage.one.callbacks = "https://gateway.example.org/bridge/sms/one/secret"
        assert f"nobody else: {stage.one.callbacks}" in await stage.done("sms-routes")
        assert isinstance(await stage.command("sms-numbers", what="take", number=OURS, user=ALICE), AskAgain)
        assert await stage.done("sms-breaker") == "Nothing is stopped."


@pytest.mark.parametrize("numbers", [(), NUMBERS])
async def test_a_check_finds_that_there_is_no_number(tmp_path: Path, numbers: Any) -> None:
    async with whole(tmp_path, numbers=numbers) as stage:
        found = [str(each) for each in await stage.bridge.trial()]
        assert [each.partition(":")[0] for each in found] == (
            [] if numbers else ["There is no number to text from"]
        )


async def test_a_user_brings_an_account_of_their_own_which_outlives_a_restart(tmp_path: Path) -> None:
    theirs = {"value-profile": "", "secret-key": "KEY1", "secret-public_key": "x", "number": "+13105550100"}
    own = {"numbers": [], "own_accounts": ("telnyx",), "memory": ForgetfulMemory()}
    async with whole(tmp_path, **own) as stage:
        refused = await stage.bridge.validate(Account(BOB, "phone", "", {}, address=BOB))
        assert refused is not None
        assert "own-account" in refused.text
        page = await stage.command("own-account", BOB, preset="telnyx")
        assert isinstance(page, Ask)
        assert "value-base" not in [
            each.name for each in page.fields
        ]  # where to connect to is not the user's to say
        assert isinstance(await stage.command("own-account", BOB, 2, preset="voipms", **theirs), AskAgain)
        said = await stage.command("own-account", BOB, 2, preset="telnyx", **theirs)
        assert isinstance(said, Finish), said
        assert await stage.bridge.validate(Account(BOB, "phone", "", {}, address=BOB)) is None
    async with whole(tmp_path, **own) as stage:
        bob = await stage.user(BOB)
        await bob.sent(THEM, "hello")
        [name] = [each for each in stage.routes if each.startswith("own-")]
        written = await stage.routes[name].until(1)
        assert written.submission.sender == "+13105550100"
        await stage.routes[name].received(Inbound(name, THEM, "+13105550100", "i1", "hi"))
        await bob.shown("hi")
        taken = await stage.command("own-account", CAROL, 2, preset="telnyx", **theirs)
        assert isinstance(taken, AskAgain)
        assert "is given up" in await stage.done("give-up-number", BOB, number="+13105550100")
        assert await bob.refused(THEM, "again?")


async def test_an_own_account_says_nothing_of_other_peoples_numbers(tmp_path: Path) -> None:
    theirs = {"value-profile": "", "secret-key": "KEY1", "secret-public_key": "x", "number": "+13105550100"}
    async with whole(tmp_path, own_accounts=("telnyx",)) as stage:
        await stage.command("own-account", BOB, 2, preset="telnyx", **theirs)
        [name] = [each for each in stage.routes if each.startswith("own-")]
        alice, bob, route = await stage.user(), await stage.user(BOB), stage.routes[name]
        # Bob can sign whatever he likes.
        await route.received(Inbound(name, THEM, OURS, "i1", "STOP"))
        await (await route.running()).opted(OptOut(name, OURS, THEM))
        await (await route.running()).opted(OptOut(name, "", THEM))
        await alice.sent(THEM, "hello")
        # And have any number that he says is his.
        await stage.text("for somebody else", to="+13105550100")
        await route.received(Inbound(name, THEM, "+13105550100", "i2", "for Bob"))
        await bob.shown("for Bob")
        await stage.text("for Alice")
        await alice.shown("for Alice")
        shown = [[call.arguments[0].text for call in each.sink.named("direct")] for each in (alice, bob)]
        assert shown == [["for Alice"], ["for Bob"]]


async def test_people_and_groups_are_called_as_on_telephones(tmp_path: Path) -> None:
    async with whole(tmp_path) as stage:
        alice = await stage.user()
        assert stage.bridge.label(ALICE, stage.bridge.address("+12125550123")) == "+1 212-555-0123"
        group = await stage.bridge.office.groups.open(ALICE, OURS, (THEM, OTHER), "Family")
        assert not isinstance(group, Refused)
        room = stage.bridge.address(group.room)
        assert (stage.bridge.label(ALICE, room), stage.bridge.label(BOB, room)) == ("Family", "")
        # Not a number: Converse.js shows nothing of a room where its own name begins with a plus.
        assert [call.arguments for call in alice.sink.named("online")] == [("alice",)]
