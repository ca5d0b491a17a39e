"""Registration from the wire: jabber:iq:register, forms, what follows of it, and who may."""

import pytest

from gateway.doors.access import AccessPolicy, RegistrationMode
from gateway.xmpp.forms import DATA
from tests.component.doorstep import (
    ADMIN,
    CMD,
    R,
    X,
    ask,
    chat,
    fill,
    query,
    register,
    submission,
    until_rows,
)
from tests.component.stage import ALICE, BOB, JID, C, codes, condition, staged
from tests.loopback import LoopbackSettings
from tests.loopback.registering import RegisteringBridge
from tests.waiting import eventually


async def test_what_to_fill_in_comes_as_plain_fields_and_as_a_form(registering):
    answer = (await ask(registering, query("jabber:iq:register")))[0]
    assert answer.find(f"{R}registered") is None
    assert answer.findtext(f"{R}instructions")
    assert [each.tag for each in answer if each.tag in (f"{R}username", f"{R}password")] == [
        f"{R}username",
        f"{R}password",
    ]
    assert [field.get("var") for field in answer.iter(f"{X}field")] == [
        "FORM_TYPE",
        "username",
        "password",
        "away",
    ]


async def test_registering_is_answered_then_the_gateway_subscribes_and_logs_in(registering):
    await register(registering)
    asked = await registering.expect("presence", type="subscribe")
    assert (asked.get("from"), asked.get("to")) == (JID, "alice@localhost")
    await eventually(lambda: "alice" in registering.bridge.people)
    again = (await ask(registering, query("jabber:iq:register")))[0]
    assert again.find(f"{R}registered") is not None
    assert again.findtext(f"{R}username") == "carol"
    assert "lorac" not in "".join(again.itertext()), "a password is never shown"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<username>not ok</username><password>x</password>", "not-acceptable"),
        ("<username>carol</username>", "not-acceptable"),
        ("", "not-acceptable"),
        ("<username>carol</username><password>wrong</password>", "not-authorized"),
        ("<username>down</username><password>nwod</password>", "remote-server-timeout"),
        ("<username>carol</username><remove/>", "bad-request"),
        ("<remove/>", "registration-required"),
        (submission(username="carol", password="lorac", away="perhaps"), "not-acceptable"),
        (f"<username>{'c' * 5000}</username><password>x</password>", "policy-violation"),
        (
            f"<x xmlns='{DATA}' type='submit'><field var='username'><value>a</value><value>b</value></field></x>",
            "not-acceptable",
        ),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(registering, content, expected):
    answer = await ask(registering, query("jabber:iq:register", content, kind="set"))
    assert (answer.get("type"), condition(answer)) == ("error", expected)
    assert registering.component.doors.registrations.of("alice@localhost") is None
    assert not registering.bridge.people


async def test_an_attempt_at_a_time_and_not_many(registering):
    slow = submission(username="slow", password="wols")
    registering.send(query("jabber:iq:register", slow, kind="set", id_="slow"))
    answer = await ask(registering, query("jabber:iq:register", slow, kind="set"))
    assert condition(answer) == "unexpected-request"
    for _ in range(21):
        answer = await ask(
            registering,
            query("jabber:iq:register", submission(username="carol", password="x"), kind="set", who=BOB),
        )
    assert condition(answer) == "resource-constraint"


async def test_a_blank_password_keeps_the_one_there_was(registering):
    await register(registering)
    answer = await ask(
        registering,
        query("jabber:iq:register", submission(username="carol", password="", away="1"), kind="set"),
    )
    assert answer.get("type") == "result"
    assert registering.bridge.validated[-1].settings == {
        "username": "carol",
        "password": "lorac",
        "away": "true",
    }


async def test_what_is_set_and_what_is_registered_leave_each_other_alone(registering):
    await register(registering)
    preferences, home = registering.component.host.preferences, ("alice@localhost", "loop")
    await preferences.set_network(*home, {"nick": ["swift"]})
    assert (await preferences.everything(*home)).network == {
        "nick": "swift",
        "username": "carol",
        "password": "lorac",
        "away": "",
    }
    await ask(
        registering,
        query("jabber:iq:register", submission(username="dave", password="evad", away="1"), kind="set"),
    )
    assert (await preferences.everything(*home)).network == {
        "nick": "swift",
        "username": "dave",
        "password": "evad",
        "away": "true",
    }


async def test_unregistering_is_answered_first_and_leaves_nothing(registering):
    await register(registering)
    registering.send(f"<presence type='subscribe' from='alice@localhost' to='{JID}'/>")
    await registering.expect("presence", type="subscribed")
    await registering.join()
    await registering.silence()
    registering.send(query("jabber:iq:register", "<remove/>", kind="set"))
    first = await registering.link.expect(lambda each: True)
    assert (first.get("id"), first.get("type")) == ("q1", "result")
    out = await registering.expect("presence", to=ALICE, type="unavailable")
    assert sorted(codes(out)) == ["110", "307"]
    kinds = [
        (await registering.expect("presence", from_=JID, to="alice@localhost")).get("type") for _ in range(3)
    ]
    assert sorted(kinds) == ["unavailable", "unsubscribe", "unsubscribed"]
    await eventually(lambda: not registering.bridge.people)
    stores = registering.component.stores
    await until_rows(stores, 0)
    answer = await ask(registering, query("jabber:iq:register", "<remove/>", kind="set"))
    assert condition(answer) == "registration-required"


async def test_taking_the_gateway_out_of_the_roster_is_unregistering(registering):
    await register(registering)
    registering.send(f"<presence type='unsubscribe' from='alice@localhost' to='{JID}'/>")
    await eventually(lambda: registering.component.doors.registrations.of("alice@localhost") is None)
    await eventually(lambda: not registering.bridge.people)


async def test_presence_logs_in_and_out_of_whoever_prefers_so(registering):
    await register(registering)
    await eventually(lambda: "alice" in registering.bridge.people)
    await fill(registering, "preferences", ALICE, **{"stay-online": "false"})
    registering.send(f"<presence type='unavailable' from='{ALICE}' to='{JID}'/>")
    await eventually(lambda: not registering.bridge.people)
    registering.send(f"<presence from='{ALICE}' to='{JID}'/>")
    await eventually(lambda: "alice" in registering.bridge.people)


async def test_after_a_start_every_registered_user_is_probed_once_and_bouncers_are_logged_in(
    tmp_path, server
):
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await register(stage)
        await register(stage, BOB, "dave")
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        probed = [(await stage.expect("presence", type="probe", from_=JID)).get("to") for _ in range(2)]
        assert sorted(probed) == ["alice@localhost", "bob@localhost"]
        await eventually(lambda: {"alice", "bob"} <= set(bridge.people))
        assert [each for each in await stage.silence() if each.get("type") == "probe"] == []


async def test_registrations_wait_for_an_admin_where_the_operator_wants_that(tmp_path, server):
    policy = AccessPolicy(admins=frozenset({"admin@localhost"}), registration=RegistrationMode.APPROVAL)
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge, access=policy) as stage:
        await register(stage)
        told = await stage.expect("message", to="admin@localhost")
        assert f"xmpp:{JID}?command;node=registrations;action=execute" in (told.findtext(f"{C}body") or "")
        assert not bridge.people
        done = await fill(stage, "registrations", ADMIN, users="alice@localhost", verdict="approve")
        assert "alice@localhost" in (done.findtext(f"{CMD}note") or "")
        await eventually(lambda: "alice" in bridge.people)


async def test_no_new_registrations_where_the_operator_wants_none(tmp_path, server):
    policy = AccessPolicy(registration=RegistrationMode.CLOSED)
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge, access=policy) as stage:
        answer = await ask(
            stage, query("jabber:iq:register", submission(username="carol", password="lorac"), kind="set")
        )
        assert condition(answer) == "not-allowed"


async def test_registering_in_the_chat_never_repeats_the_password(registering):
    await chat(registering, "register")
    warned = await chat(registering, "carol")
    assert "stays in the history" in warned
    asked = await chat(registering, "lorac")
    done = await chat(registering, "no")
    assert "You are registered" in done
    assert "lorac" not in warned + asked + done


async def test_without_registration_nothing_of_it_is_offered(stage):
    answer = await ask(stage, query("jabber:iq:register"))
    assert condition(answer) == "service-unavailable"
    answer = await ask(stage, query("http://jabber.org/protocol/disco#info"))
    features = {each.get("var") for each in answer[0] if each.tag.endswith("feature")}
    assert "jabber:iq:register" not in features
    assert {"jabber:iq:gateway", "jabber:iq:search"} <= features
    assert "register" not in await chat(stage, "help")
