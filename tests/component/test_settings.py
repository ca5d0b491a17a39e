"""What users set, from the wire: at the gateway, for a network, for a room; rooms that they stay in; who is told what."""

from xml.etree.ElementTree import Element

import pytest

from gateway.bridge import SessionEnded
from gateway.clock import SystemClock
from gateway.doors.access import AccessPolicy
from gateway.model import Condition, Refused
from gateway.ops.desk import Reloaded
from gateway.storage.preferences import GATEWAY
from tests.component.doorstep import ADMIN, OPEN, ask, chat, fill, query, run, submission
from tests.component.stage import ALICE, BOB, JID, ROOM, C, condition, staged
from tests.fakes.desk import FakeDesk, nothing
from tests.loopback.adjusting import AdjustingBridge
from tests.waiting import eventually

OWNER = "http://jabber.org/protocol/muc#owner"
X = "{jabber:x:data}"
USER = "{http://jabber.org/protocol/muc#user}"


def values(form: Element) -> dict[str, list[str]]:
    return {
        each.get("var") or "": [value.text or "" for value in each.findall(f"{X}value")]
        for each in form.iter(f"{X}field")
    }


async def owner(stage, content: str = "", kind: str = "get", to: str = ROOM) -> Element:
    return await ask(stage, query(OWNER, content, kind=kind, to=to))


async def leave(stage, who: str = ALICE) -> Element:
    stage.send(f"<presence type='unavailable' from='{who}' to='{ROOM}/alice'/>")
    return await stage.expect("presence", to=who, type="unavailable")


async def members(stage) -> set[str]:
    """Who is in the room, once all that was asked for has happened."""
    await stage.silence()
    return set(stage.bridge.rooms["#room"].members)


@pytest.fixture
async def adjusting(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=AdjustingBridge(), access=OPEN) as stage:
        yield stage


async def test_a_room_is_configured_by_its_owners_form(stage):
    form = await owner(stage)
    assert values(form) == {
        "FORM_TYPE": ["http://jabber.org/protocol/muc#roomconfig"],
        "record_history": ["unset"],
        "persistent": ["false"],
    }
    answer = await owner(stage, submission(persistent="true"), "set")
    assert (answer.get("type"), len(answer)) == ("result", 0)
    assert values(await owner(stage))["persistent"] == ["true"]
    assert (await owner(stage, "<x xmlns='jabber:x:data' type='cancel'/>", "set")).get("type") == "result"
    # What clients send blindly after a room was made changes nothing (XEP-0045 §10.1.2).
    assert (await owner(stage, "<x xmlns='jabber:x:data' type='submit'/>", "set")).get("type") == "result"
    assert values(await owner(stage))["persistent"] == ["true"]
    assert (await owner(stage, submission(record_history="true"), "set")).get("type") == "result"
    assert values(await owner(stage))["persistent"] == ["false"], "what is left out is not set any more"


@pytest.mark.parametrize(
    ("to", "content", "expected"),
    [
        (ROOM, "<destroy/>", "not-allowed"),
        (ROOM, "", "bad-request"),
        (f"{ROOM}/bob", "", "service-unavailable"),
        (f"bob@{JID}", "", "service-unavailable"),
        (f"a%20b\\20c@{JID}", "", "jid-malformed"),
    ],
)
async def test_what_cannot_be_configured_is_refused(stage, to, content, expected):
    assert condition(await owner(stage, content, "set", to)) == expected


async def test_who_may_not_use_the_gateway_configures_no_room(tmp_path, server):
    policy = OPEN.__class__(allowed_domains=frozenset({"example.org"}))
    async with staged(tmp_path, server=server, access=policy) as stage:
        assert condition(await owner(stage)) == "forbidden"


async def test_the_last_client_leaves_a_persistent_room_and_nobody_there_sees_it(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await owner(stage, submission(persistent="true"), "set")
    await stage.silence()
    gone = await leave(stage)
    item = gone.find(f"{USER}x/{USER}item")
    assert item is not None
    assert item.get("role") == "participant", "its user is still in"
    assert await members(stage) == {"alice", "bob"}
    stage.send(f"<message type='groupchat' from='{BOB}' to='{ROOM}'><body>alone?</body></message>")
    heard = await stage.expect("message", type="groupchat")
    assert heard.get("to") == BOB
    assert not [each for each in await stage.silence() if each.get("to") == ALICE]
    await stage.join(nick="alice")  # without a word to the network, and with what was said meanwhile
    assert await members(stage) == {"alice", "bob"}


async def test_a_room_is_left_when_it_is_not_persistent_any_more(stage):
    await owner(stage, submission(persistent="true"), "set")
    await stage.join()
    await leave(stage)
    assert await members(stage) == {"alice"}
    await owner(stage, submission(persistent="false"), "set")
    await eventually(lambda: not stage.bridge.rooms["#room"].members)


async def test_persistent_rooms_are_entered_again_after_a_restart(tmp_path, server):
    async with staged(tmp_path, server=server, linger=0.1) as stage:
        await fill(stage, "configure", ALICE, persistent="true")
        await stage.join()
        await leave(stage)
    async with staged(tmp_path, server=server, linger=0.1) as stage:
        await eventually(
            lambda: "#room" in stage.bridge.rooms and "alice" in stage.bridge.rooms["#room"].members
        )
        await stage.component.accounts._context.clock.sleep(0.3)
        assert await members(stage) == {"alice"}


async def test_the_operator_can_make_rooms_persistent_and_a_user_not(tmp_path, server):
    async with staged(tmp_path, server=server, persistent=True) as stage:
        assert values(await owner(stage))["persistent"] == ["true"]
        await stage.join()
        await leave(stage)
        assert await members(stage) == {"alice"}
        await fill(stage, "configure", ALICE, persistent="false")
        await eventually(lambda: not stage.bridge.rooms["#room"].members)


async def test_what_is_said_is_recorded_as_the_user_wants_it_for_all_rooms_or_one(stage):
    async def said(text: str) -> None:
        stage.send(f"<message type='groupchat' from='{ALICE}' to='{ROOM}'><body>{text}</body></message>")
        await stage.expect("message", to=ALICE, type="groupchat")

    await fill(stage, "configure", ALICE, record_history="false")
    await stage.join()
    await said("one")
    await owner(stage, submission(record_history="true"), "set")
    await said("two")
    await owner(stage, submission(record_history="unset"), "set")
    await said("three")
    kept = await stage.component.stores.archive.recent(
        "loopback", "alice@localhost", "loop", "#room", limit=9
    )
    assert [each.body for each in kept] == ["two"]


async def test_as_much_history_is_shown_as_the_user_wants(stage):
    await stage.join(BOB, nick="bob")
    await stage.join()
    for number in range(5):
        stage.send(f"<message type='groupchat' from='{BOB}' to='{ROOM}'><body>{number}</body></message>")
        await stage.expect("message", to=ALICE, type="groupchat")
    await fill(stage, "configure", ALICE, max_history_length="2")
    await stage.silence()
    stage.send(
        f"<presence from='alice@localhost/laptop' to='{ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    shown = [each.findtext(f"{C}body") for each in await stage.silence()]
    assert [body for body in shown if body] == ["3", "4"]


async def test_numbers_that_are_none_fall_back_and_secrets_stay_sealed(stage):
    done = await fill(stage, "configure", ALICE, max_history_length="bleh", record_history="0")
    assert "successfully applied" in "".join(done.itertext())
    shown = values(await run(stage, "configure", ALICE))
    assert (shown["max_history_length"], shown["record_history"]) == (["20"], ["false"])
    stored = await stage.component.stores.preferences.read("loopback", "alice@localhost", GATEWAY)
    assert stored == {GATEWAY: {"record_history": "false"}}, "what is as usual goes on being as usual"


async def test_what_is_set_reaches_the_bridge_and_its_live_session(adjusting):
    bridge = adjusting.bridge
    await fill(adjusting, "configure", ALICE, colour="red")
    await owner(adjusting, submission(colour="blue"), "set")
    await adjusting.join()
    assert (bridge.told[-1].common, bridge.told[-1].rooms) == (
        {"colour": "red"},
        {"#room": {"colour": "blue"}},
    )
    assert bridge.told[-1].address == "alice@localhost"
    assert bridge.adjusted == []
    await owner(adjusting, submission(colour="green"), "set")
    await owner(adjusting, submission(persistent="true"), "set")
    assert bridge.adjusted == [("#room", {"colour": "green"}), ("#room", {"persistent": "true"})]
    refused = await owner(adjusting, submission(colour="none"), "set")
    assert condition(refused) == "not-acceptable"
    assert "None is no colour." in "".join(refused.itertext())


async def test_a_room_follows_its_network_until_it_is_set_itself(adjusting):
    adjusting.send(
        f"<iq type='set' id='c' from='{ALICE}' to='loop@{JID}'>"
        "<command xmlns='http://jabber.org/protocol/commands' node='configure'/></iq>"
    )
    session = (await adjusting.expect("iq", id="c"))[0].get("sessionid")
    adjusting.send(
        f"<iq type='set' id='c' from='{ALICE}' to='loop@{JID}'>"
        f"<command xmlns='http://jabber.org/protocol/commands' node='configure' sessionid='{session}'>"
        f"{submission(nick='Dora', max_history_length='7')}</command></iq>"
    )
    assert (await adjusting.expect("iq", id="c"))[0].get("status") == "completed"
    form = await owner(adjusting)
    assert values(form)["colour"] == ["Dora"]
    assert form[0][0].findtext(f"{X}title") == "Configure the loop room #room on network loop"


async def test_the_bot_configures_rooms_and_tells_of_connections(adjusting):
    assert "Which room?" in await chat(adjusting, "configure-room")
    assert "not the address of a room" in await chat(adjusting, "loop")
    assert "Record history" in await chat(adjusting, "#room")
    for answer in ("true", "keep", "yes", "keep"):
        await chat(adjusting, answer)
    assert "successfully applied" in await chat(adjusting, "keep")
    assert values(await owner(adjusting))["persistent"] == ["true"]
    assert "not connected to the loop network loop" in await told_of(adjusting)
    await adjusting.join()
    text = await told_of(adjusting)
    assert text.startswith("Connected to loop network loop by a wire since ")
    assert text.endswith("#room from 1 resource: phone\nIt is short.")
    await leave(adjusting)
    assert "#room, without any of your clients" in await told_of(adjusting)


async def told_of(stage) -> str:
    await chat(stage, "get-loop-connection-info-network")
    return await chat(stage, "loop")


async def test_users_leave_networks_by_command_and_admins_make_them(adjusting):
    await adjusting.join()
    await adjusting.join(BOB, nick="bob")
    first = await run(adjusting, "disconnect-from-loop-network", ALICE)
    form = submission(**{"loop-networks": "loop", "quit-message": "bye"})
    done = await run(
        adjusting, "disconnect-from-loop-network", ALICE, form, first.get("sessionid") or "", "complete"
    )
    assert "alice@localhost/phone was disconnected from 1 loop network." in "".join(done.itertext())
    gone = await adjusting.expect("presence", to=ALICE, type="unavailable")
    assert gone.findtext(f"{C}status") == "bye"
    again = await run(adjusting, "disconnect-from-loop-network", ALICE)
    assert "User alice@localhost/phone is not connected to any loop network." in "".join(again.itertext())
    first = await run(adjusting, "disconnect-from-loop-network", ADMIN)
    session = first.get("sessionid") or ""
    await run(
        adjusting,
        "disconnect-from-loop-network",
        ADMIN,
        submission(jid="bob@localhost"),
        session,
        "next",
    )
    done = await run(adjusting, "disconnect-from-loop-network", ADMIN, form, session, "next")
    assert "bob@localhost was disconnected from 1 loop network." in "".join(done.itertext())
    await eventually(lambda: not adjusting.bridge.people)


@pytest.mark.parametrize(
    ("became", "told"),
    [
        (Reloaded(), "Configuration reloaded."),
        (Reloaded(changed=("access: deny.",)), "access: deny."),
        (Reloaded(restart=("bridges.irc.jid",)), "These need a restart: bridges.irc.jid"),
        (Reloaded("line 3 is odd"), "the old one holds: line 3 is odd"),
        (Reloaded(failed=("bridges.irc could not be put in force.",)), "bridges.irc could not"),
    ],
)
async def test_the_configuration_is_read_again_at_an_admins_word(tmp_path, server, became, told):
    desk = FakeDesk(SystemClock(), nothing(), reloaded=became)
    async with staged(
        tmp_path, server=server, desk=desk, access=AccessPolicy(frozenset({"admin@localhost"}))
    ) as stage:
        done = await run(stage, "reload", ADMIN)
        assert told in "".join(done.itertext())
        assert condition(await run(stage, "reload", ALICE)) == "forbidden"
    assert desk.done == [("reload", "admin@localhost")]


async def test_where_there_is_nothing_to_read_nobody_is_offered_to(adjusting):
    assert "reload" not in await chat(adjusting, "help", ADMIN)


async def test_a_room_that_its_user_stays_in_outlives_a_stop_of_the_account(tmp_path, server):
    stop = SessionEnded(Refused(Condition.NOT_AUTHORIZED, "Wrong password."), retry=False)
    async with staged(tmp_path, server=server) as stage:
        await owner(stage, submission(persistent="true"), "set")
        await stage.join()
        await leave(stage)
        stage.bridge.people["alice"]._over.set_exception(stop)
        await eventually(lambda: not stage.bridge.people)
        await stage.join(room=f"#other@{JID}")
        # It is entered after the one that was asked for.
        await eventually(lambda: "#room" in stage.bridge.rooms and stage.bridge.rooms["#room"].members)
        assert await members(stage) == {"alice"}
        stage.bridge.people["alice"]._over.set_exception(stop)
        await eventually(lambda: not stage.bridge.people)
    async with staged(tmp_path, server=server) as stage:
        assert not await stage.silence()
        assert not stage.bridge.people, "a restart does not try again"
        await stage.join(room=f"#other@{JID}")
        await eventually(lambda: "#room" in stage.bridge.rooms and stage.bridge.rooms["#room"].members)
        assert await members(stage) == {"alice"}


async def test_nothing_of_a_stopped_account_comes_back_after_its_user_had_it_erased(tmp_path, server):
    stop = SessionEnded(Refused(Condition.NOT_AUTHORIZED, "Wrong password."), retry=False)
    async with staged(tmp_path, server=server) as stage:
        await owner(stage, submission(persistent="true"), "set")
        await stage.join()
        await leave(stage)
        stage.bridge.people["alice"]._over.set_exception(stop)
        await eventually(lambda: not stage.bridge.people)
        await fill(stage, "erase-my-data", ALICE, sure="true")
        await stage.join(room=f"#other@{JID}")
        assert set(stage.bridge.rooms["#other"].members) == {"alice"}
        assert await members(stage) == set()


async def test_users_choose_to_see_only_who_speaks_and_all_others_are_there_all_the_same(adjusting):
    for user, nick in ((ALICE, "alice"), (BOB, "bob"), ("carol@localhost/c", "carol")):
        await adjusting.join(user, nick=nick)
    await adjusting.silence()
    form = values(await owner(adjusting))
    assert (form["occupants"], form["speakers_above"]) == (["all"], ["1"])
    await owner(adjusting, submission(occupants="speakers"), "set")
    gone = [each.get("from") for each in await adjusting.silence() if each.get("type") == "unavailable"]
    assert sorted(gone) == [f"{ROOM}/bob", f"{ROOM}/carol"]

    adjusting.send(f"<message type='groupchat' from='{BOB}' to='{ROOM}'><body>hello</body></message>")
    to_alice = [each for each in await adjusting.silence() if each.get("to") == ALICE]
    assert [each.tag.rpartition("}")[2] for each in to_alice] == ["presence", "message"]
    assert {each.get("from") for each in to_alice} == {f"{ROOM}/bob"}

    items = await ask(adjusting, query("http://jabber.org/protocol/disco#items", kind="get", to=ROOM))
    assert [each.get("jid") for each in items.iter() if each.get("jid")] == [
        f"{ROOM}/{nick}" for nick in ("alice", "bob", "carol")
    ]
    # Whom the user writes to is shown, to where the answer will come from.
    adjusting.send(
        f"<message type='chat' id='w' from='{ALICE}' to='{ROOM}/carol'><body>psst</body></message>"
    )
    shown = await adjusting.expect("presence", to=ALICE)
    assert shown.get("from") == f"{ROOM}/carol"

    await owner(adjusting, submission(record_history="unset"), "set")
    back = [each for each in await adjusting.silence() if each.tag.endswith("presence")]
    assert back == [], "both have been shown again meanwhile"
    assert values(await owner(adjusting))["occupants"] == ["all"]
