"""The doors to the gateway itself from the wire: chat bot, registration, prompts, access, one's own data."""

import asyncio
import json
from xml.etree.ElementTree import Element

import pytest

from gateway.doors.access import AccessPolicy, RegistrationMode
from gateway.storage.owned import Owner
from gateway.xmpp.forms import DATA
from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, C, Stage, codes, condition, staged
from tests.loopback import LoopbackSettings
from tests.loopback.registering import RegisteringBridge

X = f"{{{DATA}}}"
R = "{jabber:iq:register}"
ADMIN = "admin@localhost/desk"
OPEN = AccessPolicy(admins=frozenset({"admin@localhost"}))
COMMANDS = "http://jabber.org/protocol/commands"
CMD = f"{{{COMMANDS}}}"


@pytest.fixture
async def registering(tmp_path, server):
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge, access=OPEN) as stage:
        yield stage


async def chat(stage: Stage, text: str, who: str = ALICE, to: str = JID, extra: str = "") -> str:
    """Write to the bot, and what it answers to that client."""
    stage.send(f"<message type='chat' from='{who}' to='{to}'{extra}><body>{text}</body></message>")
    answer = await stage.expect("message", to=who, from_=to, type="chat")
    return answer.findtext(f"{C}body") or ""


def query(
    namespace: str, content: str = "", *, kind: str = "get", who: str = ALICE, to: str = JID, id_: str = "q1"
) -> str:
    return f"<iq type='{kind}' id='{id_}' from='{who}' to='{to}'><query xmlns='{namespace}'>{content}</query></iq>"


def submission(**values: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='{DATA}' type='submit'>{fields}</x>"


async def ask(stage: Stage, xml: str) -> Element:
    stage.send(xml)
    return await stage.expect("iq", id="q1")


async def register(stage: Stage, who: str = ALICE, name: str = "carol") -> None:
    form = submission(username=name, password=name[::-1])
    answer = await ask(stage, query("jabber:iq:register", form, kind="set", who=who))
    assert answer.get("type") == "result", "".join(answer.itertext())


async def run(
    stage: Stage, node: str, who: str, content: str = "", session: str = "", action: str = "execute"
) -> Element:
    attributes = f"node='{node}' action='{action}'" + (f" sessionid='{session}'" if session else "")
    stage.send(
        f"<iq type='set' id='q1' from='{who}' to='{JID}'><command xmlns='{COMMANDS}' {attributes}>{content}</command></iq>"
    )
    answer = await stage.expect("iq", id="q1")
    return answer if answer.get("type") == "error" else answer[0]


async def fill(stage: Stage, node: str, who: str, **values: str) -> Element:
    first = await run(stage, node, who)
    return await run(stage, node, who, submission(**values), first.get("sessionid") or "", "complete")


# The chat bot


async def test_help_lists_the_commands_with_numbers_and_nodes(stage):
    text = await chat(stage, "help")
    assert "1. Do a ping (ping)" in text
    assert "export-my-data" in text
    assert "Administration" not in text


async def test_a_command_is_run_by_its_number_its_node_or_its_title(stage):
    assert [await chat(stage, word) for word in ("1", "PING", "Do a ping")] == ["Pong"] * 3


async def test_what_is_no_command_gets_one_line_and_a_link(stage):
    text = await chat(stage, "what is this?")
    assert "\n" not in text
    assert f"xmpp:{JID}?message;body=help" in text
    assert "what is this" not in text


async def test_the_thread_is_kept_and_the_answer_goes_to_the_client_that_wrote(stage):
    stage.send(
        f"<message type='chat' from='{ALICE}' to='{JID}'><body>ping</body><thread>t-1</thread></message>"
    )
    answer = await stage.expect("message", to=ALICE)
    assert (answer.findtext(f"{C}thread"), answer.get("type")) == ("t-1", "chat")


async def test_a_form_is_asked_field_by_field(stage):
    text = await chat(stage, "configure-network")
    assert "Which network?" in text
    text = await chat(stage, "loop")
    assert "Nick to use instead of the one asked for" in text
    assert await chat(stage, "dora") == "Configuration successfully applied."
    assert await stage.component._stores.accounts.settings("loopback", "alice@localhost", "loop") == {
        "nick": "dora"
    }


async def test_a_wrong_answer_is_asked_again_and_back_and_cancel_work(stage):
    await chat(stage, "configure-network")
    assert "not the name of a network" in await chat(stage, "#room")
    await chat(stage, "loop")
    assert "“back” goes back" in await chat(stage, "help")
    assert "Network" in await chat(stage, "back")
    assert "cancelled" in await chat(stage, "cancel")
    assert "nothing to cancel" in await chat(stage, "cancel")


async def test_two_clients_of_one_user_have_two_talks(stage):
    await chat(stage, "configure-network")
    assert await chat(stage, "ping", who="alice@localhost/laptop") == "Pong"


async def test_it_speaks_the_language_of_the_message(stage):
    text = await chat(stage, "hilfe", extra=" xml:lang='de-AT'")
    assert "Ping ausführen (ping)" in text


async def test_floods_are_answered_with_an_error_and_no_more(stage):
    for number in range(160):
        stage.send(
            f"<message type='chat' id='f{number}' from='{ALICE}' to='{JID}'><body>ping</body></message>"
        )
    rest = await stage.silence()
    errors = [each for each in rest if each.get("type") == "error"]
    assert len(rest) == 160
    assert len(errors) >= 35
    assert {condition(each) for each in errors} == {"resource-constraint"}


async def test_an_error_is_never_answered(stage):
    stage.send(
        f"<message type='error' from='{ALICE}' to='{JID}'><body>help</body><error type='cancel'/></message>"
    )
    assert await stage.silence() == []


async def test_text_to_a_network_that_takes_instructions_is_not_the_bots(stage):
    await stage.join()
    stage.send(f"<message type='chat' from='{ALICE}' to='loop@{JID}'><body>help</body></message>")
    answer = await stage.expect("message", from_=f"loop@{JID}")
    assert answer.findtext(f"{C}body") == "You said: help"


async def test_a_network_without_instructions_has_the_bot_for_its_own_commands(registering):
    text = await chat(registering, "help", to=f"loop@{JID}")
    assert "Configure loop (configure)" in text
    assert "export-my-data" not in text


# Registration


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
    await _until(lambda: "alice" in registering.bridge.people)
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
    await _until(lambda: not registering.bridge.people)
    stores = registering.component._stores
    await _until_rows(stores, 0)
    answer = await ask(registering, query("jabber:iq:register", "<remove/>", kind="set"))
    assert condition(answer) == "registration-required"


async def test_taking_the_gateway_out_of_the_roster_is_unregistering(registering):
    await register(registering)
    registering.send(f"<presence type='unsubscribe' from='alice@localhost' to='{JID}'/>")
    await _until(lambda: registering.component.doors.registrations.of("alice@localhost") is None)
    await _until(lambda: not registering.bridge.people)


async def test_presence_logs_in_and_out_of_whoever_prefers_so(registering):
    await register(registering)
    await _until(lambda: "alice" in registering.bridge.people)
    await fill(registering, "preferences", ALICE, **{"stay-online": "false"})
    registering.send(f"<presence type='unavailable' from='{ALICE}' to='{JID}'/>")
    await _until(lambda: not registering.bridge.people)
    registering.send(f"<presence from='{ALICE}' to='{JID}'/>")
    await _until(lambda: "alice" in registering.bridge.people)


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
        await _until(lambda: {"alice", "bob"} <= set(bridge.people))
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
        await _until(lambda: "alice" in bridge.people)


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


# Prompts


async def test_the_prompt_gives_the_address_or_says_why_not(registering):
    prompt = (await ask(registering, query("jabber:iq:gateway")))[0]
    assert [each.text for each in prompt] == [
        "Write a name, or a room with its number sign.",
        "Name on the loopback network",
    ]
    answer = await ask(registering, query("jabber:iq:gateway", "<prompt>loop:Dora</prompt>", kind="set"))
    assert answer[0][0].text == f"dora@{JID}"
    answer = await ask(
        registering, query("jabber:iq:gateway", "<prompt>dora@example.org</prompt>", kind="set")
    )
    assert condition(answer) == "not-acceptable"
    assert "no at sign" in "".join(answer.itertext())


async def test_search_finds_one_address_or_none(registering):
    assert (await ask(registering, query("jabber:iq:search")))[0].find(f"{X}x") is not None
    found = await ask(registering, query("jabber:iq:search", submission(address="Dora"), kind="set"))
    assert f"dora@{JID}" in list(found.itertext())
    plain = await ask(registering, query("jabber:iq:search", "<nick>dora</nick>", kind="set"))
    assert plain[0][0].get("jid") == f"dora@{JID}"
    nothing = await ask(registering, query("jabber:iq:search", submission(address="a@b"), kind="set"))
    assert len(nothing[0]) == 0


async def test_an_address_is_found_in_the_chat_with_a_link(stage):
    await chat(stage, "find-address")
    assert await chat(stage, "#room") == f"{ROOM}\nxmpp:%23room@{JID}?join"


async def test_the_gateways_card_says_what_it_is_and_where_help_is(stage):
    for card in ("<vCard xmlns='vcard-temp'/>", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>"):
        answer = await ask(stage, f"<iq type='get' id='q1' from='{ALICE}' to='{JID}'>{card}</iq>")
        text = list(answer.itertext())
        assert "Loopback" in text
        assert f"xmpp:{JID}?message;body=help" in text


async def test_the_operator_can_be_found(tmp_path, server):
    policy = AccessPolicy(contact=("xmpp:ann@localhost", "mailto:ann@localhost"))
    async with staged(tmp_path, server=server, access=policy) as stage:
        answer = await ask(stage, query("http://jabber.org/protocol/disco#info"))
        form = answer[0].find(f"{X}x")
        fields = {field.get("var"): [value.text for value in field] for field in form}
        assert fields["FORM_TYPE"] == ["http://jabber.org/network/serverinfo"]
        assert fields["abuse-addresses"] == ["xmpp:ann@localhost", "mailto:ann@localhost"]


# Access


async def test_admins_shut_out_and_let_in(registering):
    await registering.join()
    done = await fill(registering, "block", ADMIN, subject="alice@localhost", reason="tests")
    assert "shut out" in (done.findtext(f"{CMD}note") or "")
    await registering.expect("presence", to=ALICE, type="unavailable")
    await _until(lambda: not registering.bridge.people)
    registering.send(f"<presence from='{ALICE}' to='{ROOM}/alice' id='j'>{MUC}</presence>")
    assert condition(await registering.expect("presence", to=ALICE, type="error")) == "forbidden"
    assert condition(await ask(registering, query("jabber:iq:register"))) == "forbidden"
    registering.send(f"<message type='chat' from='{ALICE}' to='{JID}'><body>help</body></message>")
    assert condition(await registering.expect("message", to=ALICE, type="error")) == "forbidden"
    assert condition(await run(registering, "ping", ALICE)) == "forbidden"
    await fill(registering, "access", ADMIN, lift="alice@localhost")
    await registering.join()


async def test_rules_outlive_a_restart(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await fill(stage, "block", ADMIN, subject="localhost")
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        assert condition(await run(stage, "ping", ALICE)) == "forbidden"
        assert (await run(stage, "ping", ADMIN)).findtext(f"{CMD}note") == "Pong"
        await fill(stage, "allow", ADMIN, subject="alice@localhost")
        assert (await run(stage, "ping", ALICE)).findtext(f"{CMD}note") == "Pong"


async def test_limits_are_changed_at_run_time_and_kept(tmp_path, server):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        await fill(stage, "limits", ADMIN, **{"rooms_per_account": "1"})
        await stage.join()
        stage.send(f"<presence from='{ALICE}' to='#two@{JID}/alice' id='j'>{MUC}</presence>")
        assert condition(await stage.expect("presence", type="error")) == "resource-constraint"
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        form = await run(stage, "limits", ADMIN)
        shown = {field.get("var"): field.findtext(f"{X}value") for field in form.iter(f"{X}field")}
        assert shown["rooms_per_account"] == "1"


@pytest.mark.parametrize("value", ["-1", "0", "many", "1" * 30, "１"])
async def test_a_limit_is_a_number(tmp_path, server, value):
    async with staged(tmp_path, server=server, access=OPEN) as stage:
        answer = await fill(stage, "limits", ADMIN, max_accounts_total=value)
        assert answer.get("status") == "executing"
        assert answer.find(f"{CMD}note").get("type") == "error"


async def test_admins_commands_are_for_admins_only(registering):
    for node in ("block", "allow", "access", "limits", "registrations", "disconnect-user", "all-connections"):
        assert condition(await run(registering, node, ALICE)) == "forbidden"
        assert "I do not know that" in await chat(registering, node)


async def test_an_admin_ends_the_connections_of_a_user(registering):
    await registering.join()
    await fill(registering, "disconnect-user", ADMIN, user="alice@localhost", reason="Enough.")
    gone = await registering.expect("presence", to=ALICE, type="unavailable")
    assert "Enough." in "".join(gone.itertext())
    await _until(lambda: not registering.bridge.people)


# One's own data


async def test_a_user_sees_everything_and_only_their_own(registering):
    await register(registering)
    await registering.join()
    await registering.join(BOB, nick="bob")
    registering.send(
        f"<message type='groupchat' id='m' from='{ALICE}' to='{ROOM}'><body>remember</body></message>"
    )
    await registering.expect("message", to=BOB, type="groupchat")
    done = await run(registering, "export-my-data", ALICE)
    lines = [json.loads(value.text) for value in done.iter(f"{X}value")]
    assert lines[0] == {"gateway": "loopback", "user": "alice@localhost"}
    tables = {line["table"] for line in lines[1:]}
    assert {"accounts", "rooms", "joined_resources", "registrations", "account_settings", "archive"} <= tables
    assert "bob@localhost" not in "".join(done.itertext())
    assert any(line.get("body") == "remember" for line in lines)
    assert "lorac" not in "".join(done.itertext())
    assert not any(str(line.get("value", "")).startswith("v1.") for line in lines), "no sealed secrets either"


async def test_an_export_that_is_too_much_for_one_page_comes_in_parts(stage):
    await stage.join()
    head = f"<message type='groupchat' from='{ALICE}' to='{ROOM}'"
    for number in range(60):
        stage.send(f"{head} id='m{number}'><body>{number} {'x' * 2000}</body></message>")
    page = await run(stage, "export-my-data", ALICE)
    texts = []
    while page.get("status") == "executing":
        texts += [value.text or "" for value in page.iter(f"{X}value")]
        page = await run(stage, "export-my-data", ALICE, "", page.get("sessionid") or "", "next")
    texts += [value.text or "" for value in page.iter(f"{X}value")]
    bodies = [json.loads(text)["body"].split()[0] for text in texts if '"table": "archive"' in text]
    assert bodies == [str(number) for number in range(60)]


async def test_erasing_leaves_everything_and_deletes_everything(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    first = await run(stage, "erase-my-data", ALICE)
    session = first.get("sessionid") or ""
    done = await run(stage, "erase-my-data", ALICE, submission(sure="1"), session, "complete")
    assert "erased" in (done.findtext(f"{CMD}note") or "")
    again = await run(stage, "erase-my-data", ALICE, submission(sure="1"), session, "complete")
    assert again.get("type") == "error", "a client that answers twice"
    await stage.expect("presence", to=ALICE, type="unavailable")
    await _until(lambda: set(stage.bridge.people) == {"bob"})
    await _until_rows(stage.component._stores, 0)
    assert await rows(stage.component._stores, "bob@localhost") > 0


async def test_erasing_has_to_be_meant(stage):
    await stage.join()
    done = await fill(stage, "erase-my-data", ALICE, sure="0")
    assert done.findtext(f"{CMD}note") == "Nothing was erased."
    assert await rows(stage.component._stores) > 0


async def rows(stores, owner: str = "alice@localhost") -> int:
    whose = Owner("loopback", owner)
    tables = await stores.owned.read(whose)
    return sum(map(len, tables.values())) + len(await stores.owned.messages(whose, 0, 100))


async def _until_rows(stores, number: int) -> None:
    async with asyncio.timeout(20):
        while await rows(stores) != number:
            await asyncio.sleep(0.02)


async def _until(fact) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.01)
