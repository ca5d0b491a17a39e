"""A component from the wire: what XMPP clients send, what they get, with the loopback network behind it."""

import pytest

from gateway.doors.access import AccessPolicy
from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, C, codes, condition, kind, staged


async def test_two_users_talk_in_a_room(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    arrived = await stage.expect("presence", to=ALICE, from_=f"{ROOM}/bob")
    assert codes(arrived) == []
    stage.send(
        f"<message type='groupchat' id='m1' from='{ALICE}' to='{ROOM}'><body>hello</body>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>"
    )
    reflected = await stage.expect("message", to=ALICE, type="groupchat")
    assert reflected.get("id") == "m1"
    assert reflected.find("{urn:xmpp:sid:0}origin-id") is not None
    heard = await stage.expect("message", to=BOB, type="groupchat")
    assert (heard.get("from"), heard.findtext(f"{C}body")) == (f"{ROOM}/alice", "hello")
    ids = {each.find("{urn:xmpp:sid:0}stanza-id").get("id") for each in (reflected, heard)}
    assert len(ids) == 1, "both users know the message by the network's id"


async def test_a_join_makes_no_chat_message(stage):
    await stage.join()
    assert [each for each in await stage.silence() if each.find(f"{C}body") is not None] == []


async def test_a_refused_join_is_one_presence_error_with_the_networks_text(stage):
    stage.send(f"<presence from='{ALICE}' to='#closed@{JID}/alice' id='j9'>{MUC}</presence>")
    error = await stage.expect("presence", type="error")
    assert (error.get("id"), error.get("from"), condition(error)) == (
        "j9",
        f"#closed@{JID}/alice",
        "forbidden",
    )
    assert "lets nobody in" in "".join(error.itertext())
    assert error.find("{http://jabber.org/protocol/muc}x") is not None
    assert await stage.silence() == []


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (f"#room@{JID}", "jid-malformed"),
        (f"#room@{JID}/#nick", "not-acceptable"),
        (f"two\\20words@{JID}/alice", "jid-malformed"),
    ],
)
async def test_a_join_that_makes_no_sense_is_explained(stage, to, expected):
    stage.send(f"<presence from='{ALICE}' to='{to}' id='j'>{MUC}</presence>")
    error = await stage.expect("presence", type="error")
    assert condition(error) == expected
    assert error.find(f"{C}error/{{urn:ietf:params:xml:ns:xmpp-stanzas}}text").text


async def test_private_messages_come_from_the_contacts_own_address(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    stage.send(f"<message type='chat' id='p1' from='{ALICE}' to='bob@{JID}'><body>psst</body></message>")
    heard = await stage.expect("message", type="chat")
    assert (heard.get("from"), heard.get("to")) == (f"alice@{JID}", "bob@localhost")
    stage.send(f"<message type='chat' id='p2' from='{BOB}' to='alice@{JID}'><body>/me nods</body></message>")
    answer = await stage.expect("message", type="chat", to="alice@localhost")
    assert (answer.get("from"), answer.findtext(f"{C}body")) == (f"bob@{JID}", "/me nods")


async def test_only_what_was_written_to_an_impossible_address_is_refused(stage):
    there, state = f"two\\20words@{JID}", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    stage.send(f"<message type='chat' id='p1' from='{ALICE}' to='{there}'>{state}</message>")
    stage.send(f"<message type='chat' id='p2' from='{ALICE}' to='{there}'>{state}<body>hi</body></message>")
    error = await stage.expect("message", type="error")
    assert (error.get("id"), condition(error)) == ("p2", "jid-malformed")


async def test_a_message_to_nobody_comes_back_with_its_id(stage):
    await stage.join()
    stage.send(f"<message type='chat' id='p3' from='{ALICE}' to='ghost@{JID}'><body>hi</body></message>")
    error = await stage.expect("message", type="error")
    assert (error.get("id"), condition(error)) == ("p3", "item-not-found")


async def test_a_message_without_a_connection_says_so(stage):
    stage.send(f"<message type='chat' id='p4' from='{ALICE}' to='bob@{JID}'><body>hi</body></message>")
    assert condition(await stage.expect("message", type="error")) == "recipient-unavailable"


async def test_a_room_message_of_somebody_outside_is_refused(stage):
    stage.send(f"<message type='groupchat' id='m2' from='{ALICE}' to='{ROOM}'><body>hi</body></message>")
    assert condition(await stage.expect("message", type="error")) == "not-acceptable"


async def test_a_groupchat_message_to_one_occupant_is_refused(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(f"<message type='groupchat' id='m4' from='{ALICE}' to='{ROOM}/bob'><body>hi</body></message>")
    assert condition(await stage.expect("message", type="error", id="m4")) == "bad-request"
    assert await stage.silence() == []


async def test_an_invitation_is_not_swallowed(stage):
    await stage.join()
    stage.send(
        f"<message id='i1' from='{ALICE}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        "<invite to='bob'/></x></message>"
    )
    assert condition(await stage.expect("message", type="error", id="i1")) == "feature-not-implemented"


async def test_encrypted_messages_are_answered_not_leaked(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(
        f"<message type='groupchat' id='m3' from='{ALICE}' to='{ROOM}'><body>this is encrypted</body>"
        "<encrypted xmlns='eu.siacs.conversations.axolotl'/></message>"
    )
    error = await stage.expect("message", type="error")
    assert "encryption" in "".join(error.itertext())
    assert await stage.silence() == []


async def test_a_nick_change_is_seen_by_both_and_a_taken_one_is_a_conflict(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/alicia'/>")
    assert codes(await stage.expect("presence", to=BOB, type="unavailable")) == ["303"]
    assert codes(await stage.expect("presence", to=ALICE, from_=f"{ROOM}/alicia")) == ["110"]
    stage.send(f"<presence from='{BOB}' to='{ROOM}/alicia' id='n1'/>")
    error = await stage.expect("presence", type="error", to=BOB)
    assert (error.get("id"), condition(error)) == ("n1", "conflict")
    # After a restart she is who she wants to be, not who she was when she came.
    await stage.component.stores.archive.settled()
    stored = {
        each.account.owner: each.account.nick
        for each in await stage.component.stores.accounts.all("loopback")
    }
    assert stored == {"alice@localhost": "alicia", "bob@localhost": "bob"}


async def test_a_status_change_is_no_nick_change(stage):
    await stage.join()
    await stage.silence()
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice'><show>away</show></presence>")
    assert await stage.silence() == []


async def test_the_subject_goes_round(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(
        f"<message type='groupchat' from='{ALICE}' to='{ROOM}'><subject>tea &amp; cake</subject></message>"
    )
    for who in (ALICE, BOB):
        subject = await stage.expect("message", to=who)
        assert (subject.get("from"), subject.findtext(f"{C}subject")) == (f"{ROOM}/alice", "tea & cake")


async def test_a_kick_answers_the_iq_and_shows_everybody(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(
        f"<iq type='set' id='k1' from='{ALICE}' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>"
        "<item nick='bob' role='none'><reason>spam</reason></item></query></iq>"
    )
    assert codes(await stage.expect("presence", to=BOB, type="unavailable")) == ["307", "110"]
    assert codes(await stage.expect("presence", to=ALICE, type="unavailable")) == ["307"]
    await stage.expect("iq", id="k1", type="result")


async def test_kicking_nobody_is_an_error_of_the_iq(stage):
    await stage.join()
    stage.send(
        f"<iq type='set' id='k2' from='{ALICE}' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>"
        "<item nick='ghost' role='none'/></query></iq>"
    )
    assert condition(await stage.expect("iq", id="k2", type="error")) == "item-not-found"


async def test_self_ping_tells_who_is_in(stage):
    await stage.join()
    ping = "<iq type='get' id='{id}' from='{who}' to='" + ROOM + "/alice'><ping xmlns='urn:xmpp:ping'/></iq>"
    stage.send(ping.format(id="s1", who=ALICE))
    assert (await stage.expect("iq", id="s1")).get("type") == "result"
    stage.send(ping.format(id="s2", who=BOB))
    assert condition(await stage.expect("iq", id="s2")) == "not-acceptable"


async def test_a_second_client_joins_without_anybody_noticing(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    await stage.join("alice@localhost/desk", nick="other")
    assert {each.get("to") for each in await stage.silence()} <= {"alice@localhost/desk"}
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice' type='unavailable'/>")
    assert codes(await stage.expect("presence", to=ALICE, type="unavailable")) == ["110"]
    assert await stage.silence() == []


async def test_the_last_client_leaving_leaves(stage):
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(
        f"<presence from='{ALICE}' to='{ROOM}/alice' type='unavailable'><status>bye</status></presence>"
    )
    left = await stage.expect("presence", to=BOB, type="unavailable")
    assert (left.get("from"), left.findtext(f"{C}status")) == (f"{ROOM}/alice", "bye")


async def test_an_error_from_a_client_takes_it_out(stage):
    await stage.join()
    await stage.join("alice@localhost/desk")
    stage.send(
        f"<message type='error' from='{ALICE}' to='{ROOM}/bob'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    await stage.silence()
    account = stage.component.accounts.find("alice@localhost", "loop")
    assert list(account.rooms["#room"].attendees) == ["alice@localhost/desk"]


async def test_text_to_the_network_is_an_instruction(stage):
    await stage.join()
    stage.send(f"<message type='chat' from='{ALICE}' to='loop@{JID}'><body>do it</body></message>")
    answer = await stage.expect("message", from_=f"loop@{JID}")
    assert (answer.get("to"), answer.findtext(f"{C}body")) == (ALICE, "You said: do it")


async def test_subscribing_to_the_gateway_is_answered_in_order(stage):
    stage.send(f"<presence type='subscribe' id='s' from='alice@localhost' to='{JID}'/>")
    types = [(await stage.expect("presence", to="alice@localhost")).get("type") for _ in range(3)]
    assert types == ["subscribed", None, "subscribe"]
    stage.send(f"<presence type='subscribed' from='alice@localhost' to='{JID}'/>")
    stage.send(f"<presence type='subscribe' from='alice@localhost' to='{JID}'/>")
    types = [each.get("type") for each in await stage.silence()]
    assert types == ["subscribed", None], "asked once, never again"
    stage.send(f"<presence type='unsubscribe' from='alice@localhost' to='{JID}'/>")
    types = [(await stage.expect("presence")).get("type") for _ in range(3)]
    assert types == ["unavailable", "unsubscribed", "unsubscribe"]


async def test_a_network_is_online_while_the_user_is_connected(stage):
    stage.send(f"<presence type='subscribe' from='alice@localhost' to='loop@{JID}'/>")
    await stage.expect("presence", type="subscribed")
    await stage.expect("presence", type="subscribe")
    await stage.join()
    online = await stage.expect("presence", from_=f"loop@{JID}/gateway")
    assert online.get("type") is None
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice' type='unavailable'/>")
    await stage.expect("presence", from_=f"loop@{JID}/gateway", type="unavailable")


async def test_a_probe_is_answered_with_what_may_be_seen(stage):
    stage.send(f"<presence type='probe' from='alice@localhost' to='{JID}'/>")
    await stage.expect("presence", type="unsubscribed")
    stage.send(f"<presence type='subscribe' from='alice@localhost' to='{JID}'/>")
    await stage.silence()
    stage.send(f"<presence type='probe' from='alice@localhost' to='{JID}'/>")
    shown = await stage.expect("presence")
    assert shown.find("{http://jabber.org/protocol/caps}c") is not None


async def disco(stage, to: str, what: str = "info", node: str = "") -> object:
    node_attr = f" node='{node}'" if node else ""
    stage.send(
        f"<iq type='get' id='d' from='{ALICE}' to='{to}'><query xmlns='http://jabber.org/protocol/disco#{what}'"
        f"{node_attr}/></iq>"
    )
    return (await stage.expect("iq", id="d"))[0]


async def test_discovery_says_what_is_there(stage):
    info = await disco(stage, JID)
    identities = {(each.get("category"), each.get("type")) for each in info if each.tag.endswith("identity")}
    assert ("gateway", "loopback") in identities
    features = {each.get("var") for each in info if each.tag.endswith("feature")}
    assert {"urn:xmpp:ping", "jabber:iq:version", "http://jabber.org/protocol/commands"} <= features
    await stage.join()
    room = await disco(stage, ROOM)
    assert {each.get("category") for each in room if each.tag.endswith("identity")} == {"conference"}
    rooms = await disco(stage, JID, "items")
    assert [each.get("jid") for each in rooms] == [ROOM]


async def test_caps_in_the_presence_are_those_discovery_confirms(stage):
    stage.send(f"<presence type='subscribe' from='alice@localhost' to='{JID}'/>")
    await stage.expect("presence", type="subscribed")
    caps = (await stage.expect("presence", to="alice@localhost")).find("{http://jabber.org/protocol/caps}c")
    info = await disco(stage, JID, node=f"{caps.get('node')}#{caps.get('ver')}")
    assert info.tag.endswith("query")


async def test_the_command_list_is_readable_and_a_connection_can_be_configured(stage):
    items = await disco(stage, f"loop@{JID}", "items", "http://jabber.org/protocol/commands")
    assert [each.get("node") for each in items] == ["configure", "connection-info", "reconnect"]
    commands = "http://jabber.org/protocol/commands"
    execute = (
        f"<iq type='set' id='c1' from='{ALICE}' to='loop@{JID}'><command xmlns='{commands}' node='configure'"
    )
    stage.send(f"{execute}/></iq>")
    command = (await stage.expect("iq", id="c1"))[0]
    session = command.get("sessionid")
    stage.send(
        f"{execute.replace('c1', 'c2')} sessionid='{session}' action='complete'><x xmlns='jabber:x:data' type='submit'>"
        "<field var='nick'><value>Queen</value></field></x></command></iq>"
    )
    assert (await stage.expect("iq", id="c2"))[0].get("status") == "completed"
    await stage.join()
    assert "Queen" in stage.bridge.people


async def test_only_allowed_domains_may_join(tmp_path, server):
    async with staged(
        tmp_path, server=server, access=AccessPolicy(allowed_domains=frozenset({"example.org"}))
    ) as stage:
        stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice'>{MUC}</presence>")
        assert condition(await stage.expect("presence", type="error")) == "forbidden"


@pytest.mark.parametrize("verb", ["get", "set"])
async def test_where_nobody_registers_a_client_that_asks_is_told_so(stage, verb):
    stage.send(f"<iq type='{verb}' id='r' from='{ALICE}' to='{JID}'><query xmlns='jabber:iq:register'/></iq>")
    answer = await stage.expect("iq", id="r")
    assert condition(answer) == "service-unavailable"
    assert "Nobody has to register" in "".join(answer.itertext())


async def test_unknown_requests_are_refused_and_floods_of_them_too(stage):
    for number in range(1_000):
        stage.send(
            f"<iq type='get' id='u{number}' from='{ALICE}' to='{JID}'><query xmlns='urn:unknown'/></iq>"
        )
    for number in range(1_000):
        assert condition(await stage.expect("iq", id=f"u{number}")) == "service-unavailable"


@pytest.mark.parametrize("local", ["abc\\4", "\\20", "\\c", "a%b%c", "😀", "x" * 1000])
async def test_odd_addresses_are_answered_and_disturb_nobody(stage, local):
    stage.send(f"<message type='chat' id='odd' from='{ALICE}' to='{local}@{JID}'><body>hi</body></message>")
    assert (await stage.expect("message", type="error")).get("id") == "odd"
    await stage.silence()


async def test_a_client_with_an_emoji_for_a_resource_is_a_client(stage):
    await stage.join("alice@localhost/😀phone")
    stage.send(
        f"<message type='groupchat' id='e' from='alice@localhost/😀phone' to='{ROOM}'><body>hi</body></message>"
    )
    assert (await stage.expect("message", type="groupchat")).get("to") == "alice@localhost/😀phone"


async def test_stopping_tells_the_clients_and_keeps_what_was_wanted(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        link = stage.link
    gone = await link.expect(kind("presence", type="unavailable"))
    assert codes(gone) == ["332", "110"]
    async with staged(tmp_path, server=server) as again:
        ping = await again.expect("iq", to=ALICE, type="get")
        assert ping.get("from") == ROOM
        again.send(f"<iq type='result' id='{ping.get('id')}' from='{ALICE}' to='{ROOM}'/>")
        back = await again.expect("presence", to=ALICE)
        assert (back.get("from"), codes(back)) == (f"{ROOM}/alice", ["100", "110"])


async def test_a_client_that_is_gone_after_a_restart_is_forgotten(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
    async with staged(tmp_path, server=server, linger=0.2) as again:
        ping = await again.expect("iq", to=ALICE, type="get")
        again.send(
            f"<iq type='error' id='{ping.get('id')}' from='{ALICE}' to='{ROOM}'><error type='cancel'>"
            "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
        await again.silence()
        account = again.component.accounts.find("alice@localhost", "loop")
        assert account is None or not any(room.attendees for room in account.rooms.values())


async def test_history_outlives_a_restart(tmp_path, server):
    bridge = None
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        stage.send(
            f"<message type='groupchat' id='h' from='{BOB}' to='{ROOM}'><body>remember me</body></message>"
        )
        await stage.expect("message", to=ALICE, type="groupchat")
        bridge = stage.bridge
    async with staged(tmp_path, server=server, bridge=bridge) as again:
        again.send(f"<presence from='alice@localhost/new' to='{ROOM}/alice'>{MUC}</presence>")
        old = await again.expect("message", to="alice@localhost/new", type="groupchat")
        assert old.findtext(f"{C}body") == "remember me"
        assert old.find("{urn:xmpp:delay}delay") is not None


async def test_after_a_lost_link_clients_are_shown_their_rooms_again(stage):
    await stage.join()
    stage.link.kill()
    stage.link = await stage.server.accepted.get()
    ping = await stage.expect("iq", to=ALICE, type="get")
    stage.send(f"<iq type='result' id='{ping.get('id')}' from='{ALICE}' to='{ROOM}'/>")
    assert codes(await stage.expect("presence", to=ALICE)) == ["100", "110"]
    assert "alice" in stage.bridge.people, "the foreign session stood all the while"


async def test_a_lost_foreign_connection_heals(stage):
    await stage.join()
    session = stage.bridge.people["alice"]
    session.lose("cable cut")
    note = await stage.expect("message", to=ALICE, type="groupchat")
    assert "cable cut" in note.findtext(f"{C}body")
    again = await stage.expect("message", to=ALICE, type="groupchat")
    assert "again" in again.findtext(f"{C}body")
    assert stage.bridge.people["alice"] is not session
