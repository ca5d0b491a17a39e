"""How users come into rooms: refusals, redirections, invitations, and people who knock."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, USER, C, Stage, codes, condition, staged
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback.inviting import InvitingBridge, InvitingSession

LAPTOP = "alice@localhost/laptop"
DATA = "{jabber:x:data}"


@pytest.fixture
async def stage(tmp_path: Path, server: FakeXmppServer) -> AsyncIterator[Stage]:
    async with staged(tmp_path, server=server, bridge=InvitingBridge()) as stage:
        yield stage


def invite(stanza: Element) -> Element:
    found = stanza.find(f"{USER}x/{USER}invite")
    assert found is not None
    return found


def session(stage: Stage, nick: str) -> InvitingSession:
    found = stage.bridge.people[nick]
    assert isinstance(found, InvitingSession)
    return found


def send_invitation(stage: Stage, to: str, reason: str = "") -> None:
    why = f"<reason>{reason}</reason>" if reason else ""
    stage.send(
        f"<message id='i1' from='{ALICE}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<invite to='{to}'>{why}</invite></x></message>"
    )


async def test_every_client_that_waits_is_told_that_the_join_failed(stage: Stage) -> None:
    for client, id_ in ((ALICE, "j1"), (LAPTOP, "j2")):
        stage.send(f"<presence from='{client}' to='#closed@{JID}/alice' id='{id_}'>{MUC}</presence>")
    for client, id_ in ((ALICE, "j1"), (LAPTOP, "j2")):
        error = await stage.expect("presence", type="error", to=client)
        assert (error.get("id"), condition(error)) == (id_, "forbidden")
    assert await stage.silence() == []


async def test_a_room_that_sends_people_elsewhere_is_a_redirection_and_an_invitation_there(
    stage: Stage,
) -> None:
    assert isinstance(stage.bridge, InvitingBridge)
    stage.bridge.moved["#old"] = "#new"
    stage.send(f"<presence from='{ALICE}' to='#old@{JID}/alice' id='j1'>{MUC}</presence>")
    error = await stage.expect("presence", type="error", to=ALICE)
    assert condition(error) == "redirect"
    assert error.find(f"{C}error")[0].text == f"xmpp:%23new@{JID}"
    invitation = await stage.expect("message", from_=f"#new@{JID}")
    assert invitation.get("to") in (ALICE, "alice@localhost")
    assert invite(invitation) is not None


async def test_being_put_into_a_room_is_an_invitation_to_every_client_and_following_it_is_a_join(
    stage: Stage,
) -> None:
    await stage.join()
    await stage.join(LAPTOP)
    await stage.silence()
    session(stage, "alice").join("#forced", "", "")
    for client in (ALICE, LAPTOP):
        await stage.expect("message", to=client, from_=f"#forced@{JID}")
    assert await stage.silence() == []
    await stage.join(ALICE, room=f"#forced@{JID}")


@pytest.mark.parametrize("to", [f"bob@{JID}", f"{ROOM}/bob", "bob"])
async def test_somebody_is_invited_by_address_by_occupant_or_by_nick(stage: Stage, to: str) -> None:
    await stage.join()
    await stage.join(BOB, room=f"#other@{JID}", nick="bob")
    await stage.silence()
    send_invitation(stage, to, "tea &amp; cake")
    invited = await stage.expect("message", to=BOB, from_=ROOM)
    assert invited.get("type") is None
    assert invite(invited).get("from") == f"{ROOM}/alice"
    assert invite(invited).findtext(f"{USER}reason") == "tea & cake"
    direct = invited.find("{jabber:x:conference}x")
    assert (direct.get("jid"), direct.get("reason")) == (ROOM, "tea & cake")
    assert await stage.silence() == []


async def test_a_direct_invitation_to_somebody_on_the_network_is_one_too(stage: Stage) -> None:
    await stage.join()
    await stage.join(BOB, room=f"#other@{JID}", nick="bob")
    await stage.silence()
    stage.send(
        f"<message id='d1' from='{ALICE}' to='bob@{JID}'><x xmlns='jabber:x:conference' jid='{ROOM}' reason='tea'/>"
        "</message>"
    )
    invited = await stage.expect("message", to=BOB, from_=ROOM)
    assert invite(invited).findtext(f"{USER}reason") == "tea"
    stage.send(
        f"<message id='d2' from='{ALICE}' to='bob@{JID}'><x xmlns='jabber:x:conference' jid='a@muc.example'/></message>"
    )
    assert condition(await stage.expect("message", type="error", id="d2")) == "not-acceptable"


async def test_somebody_on_xmpp_gets_an_invitation_from_the_room_with_its_password(stage: Stage) -> None:
    x = "<x xmlns='http://jabber.org/protocol/muc'><password>s3cret</password></x>"
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/alice' id='join'>{x}</presence>")
    await stage.expect("message", to=ALICE)
    send_invitation(stage, "dave@xmpp.example", "join us")
    passed = await stage.expect("message", to="dave@xmpp.example")
    assert (passed.get("from"), invite(passed).get("from")) == (ROOM, ALICE)
    assert passed.findtext(f"{USER}x/{USER}password") == "s3cret"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("nobody-here", "item-not-found"),
        (f"nobody@{JID}", "item-not-found"),
        ("#hash", "jid-malformed"),
        (f"#other@{JID}", "jid-malformed"),
        ("a@b@c/&lt;", "jid-malformed"),
        ("xmpp.example", "jid-malformed"),
        ("", "jid-malformed"),
    ],
)
async def test_an_invitation_that_fails_is_the_error_of_its_stanza(
    stage: Stage, to: str, expected: str
) -> None:
    await stage.join()
    await stage.silence()
    send_invitation(stage, to)
    assert condition(await stage.expect("message", type="error", id="i1", to=ALICE)) == expected


async def test_only_who_is_in_a_room_can_invite_to_it(stage: Stage) -> None:
    send_invitation(stage, "bob")
    assert condition(await stage.expect("message", type="error", id="i1")) == "not-acceptable"


async def test_an_invitation_declined_goes_nowhere(stage: Stage) -> None:
    await stage.join()
    await stage.silence()
    stage.send(
        f"<message id='i2' from='{ALICE}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<decline to='{ROOM}/bob'><reason>busy</reason></decline></x></message>"
    )
    assert await stage.silence() == []


async def test_a_knock_is_a_form_and_letting_in_is_an_invitation(stage: Stage) -> None:
    await stage.join()
    await stage.join(BOB, room=f"#other@{JID}", nick="bob")
    await stage.silence()
    session(stage, "alice").sink.knocked("#room", "bob", "bob@his.host")
    asked = await stage.expect("message", to=ALICE, from_=ROOM)
    assert "bob (bob@his.host) asks to be let into #room" in (asked.findtext(f"{C}body") or "")
    names = [field.get("var") for field in asked.iter(f"{DATA}field")]
    assert names == ["FORM_TYPE", "muc#role", "muc#roomnick", "muc#request_allow"]

    def answer(allow: str) -> str:
        return (
            f"<message from='{ALICE}' to='{ROOM}' id='a{allow}'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
            "<field var='muc#roomnick'><value>bob</value></field>"
            f"<field var='muc#request_allow'><value>{allow}</value></field></x></message>"
        )

    stage.send(answer("0"))
    assert await stage.silence() == []
    stage.send(answer("1"))
    assert invite(await stage.expect("message", to=BOB, from_=ROOM)).get("from") == f"{ROOM}/alice"


async def test_a_request_for_a_voice_is_answered_honestly(stage: Stage) -> None:
    await stage.join()
    stage.send(
        f"<message from='{ALICE}' to='{ROOM}' id='v1'><x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
        "<field var='muc#role'><value>participant</value></field></x></message>"
    )
    error = await stage.expect("message", type="error", id="v1")
    assert condition(error) == "feature-not-implemented"
    assert "operator" in "".join(error.itertext())


async def test_coming_again_shows_everything_again(stage: Stage) -> None:
    await stage.join(BOB, nick="bob")
    await stage.join()
    await stage.silence()
    stage.send(f"<presence from='{ALICE}' to='{ROOM}/somebody-else' id='again'>{MUC}</presence>")
    await stage.expect("presence", to=ALICE, from_=f"{ROOM}/bob")
    own = await stage.expect("presence", to=ALICE, from_=f"{ROOM}/alice")
    assert codes(own) == ["100", "210", "110"]
    await stage.expect("message", to=ALICE, type="groupchat")
    assert "alice" in stage.bridge.people, "no nick was changed"
    assert await stage.silence() == [], "and nobody else saw anything"


async def test_another_client_is_shown_the_room_under_the_nick_that_there_is(stage: Stage) -> None:
    await stage.join()
    await stage.silence()
    stage.send(f"<presence from='{LAPTOP}' to='{ROOM}/alicia' id='second'>{MUC}</presence>")
    own = await stage.expect("presence", to=LAPTOP, from_=f"{ROOM}/alice")
    assert codes(own) == ["100", "210", "110"]
    await stage.expect("message", to=LAPTOP, type="groupchat")
    assert await stage.silence() == []


@pytest.mark.parametrize("to", [ROOM, f"{ROOM}/alice", f"{ROOM}/not-my-nick"])
async def test_leaving_works_by_any_nick_and_by_none(stage: Stage, to: str) -> None:
    await stage.join()
    await stage.silence()
    stage.send(f"<presence type='unavailable' from='{ALICE}' to='{to}'/>")
    gone = await stage.expect("presence", type="unavailable", to=ALICE)
    assert (gone.get("from"), codes(gone)) == (f"{ROOM}/alice", ["110"])
    item = gone.find(f"{USER}x/{USER}item")
    assert item is not None
    assert item.get("role") == "none"


async def test_leaving_a_room_that_one_is_not_in_is_answered_with_silence(stage: Stage) -> None:
    stage.send(f"<presence type='unavailable' from='{ALICE}' to='{ROOM}/alice'/>")
    assert await stage.silence() == []


async def test_a_client_that_forgot_that_it_left_comes_in_anew(stage: Stage) -> None:
    """It went without a word, and its server told us so in an error."""
    await stage.join()
    await stage.silence()
    stage.send(
        f"<message type='error' from='{ALICE}' to='#nonsense@{JID}/alice'><error type='cancel'>"
        "<recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    stage.send(f"<iq type='get' id='p1' from='{ALICE}' to='{ROOM}/alice'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert condition(await stage.expect("iq", id="p1", type="error")) == "not-acceptable"
    await stage.join()
    stage.send(f"<iq type='get' id='p2' from='{ALICE}' to='{ROOM}/alice'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert (await stage.expect("iq", id="p2")).get("type") == "result"


async def test_each_client_learns_for_itself_whether_it_is_in(stage: Stage) -> None:
    await stage.join()
    await stage.silence()
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    for client, to, outcome in (
        (ALICE, f"{ROOM}/alice", "result"),
        (ALICE, f"{ROOM}/alice", "result"),  # the same id twice
        (ALICE, ROOM, "result"),
        (LAPTOP, f"{ROOM}/alice", "error"),
        (ALICE, f"#nil@{JID}/alice", "error"),
        (BOB, f"{ROOM}/alice", "error"),
    ):
        stage.send(f"<iq type='get' id='ping' from='{client}' to='{to}'>{ping}</iq>")
        answer = await stage.expect("iq", id="ping", to=client, from_=to)
        assert answer.get("type") == outcome
        if outcome == "error":
            assert condition(answer) == "not-acceptable"


async def test_a_taken_nick_is_a_conflict_with_the_old_code_too(stage: Stage) -> None:
    await stage.join()
    await stage.join(BOB, nick="bob")
    await stage.silence()
    stage.send(f"<presence from='{BOB}' to='{ROOM}/alice' id='n1'/>")
    error = await stage.expect("presence", type="error", to=BOB)
    assert (error.get("id"), error.get("from"), condition(error)) == ("n1", f"{ROOM}/alice", "conflict")
    assert error.find(f"{C}error").get("code") == "409"


async def test_who_said_it_is_known_in_archives_and_after_a_restart(
    tmp_path: Path, server: FakeXmppServer
) -> None:
    bridge = InvitingBridge()
    occupant_id = "{urn:xmpp:occupant-id:0}occupant-id"
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await stage.join()
        stage.send(
            f"<message type='groupchat' id='m1' from='{ALICE}' to='{ROOM}'><body>hello</body></message>"
        )
        said = await stage.expect("message", to=ALICE, type="groupchat")
        (before,) = [each.get("id") for each in said.iter(occupant_id)]
        stage.send(f"<iq type='set' id='q1' from='{ALICE}' to='{ROOM}'><query xmlns='urn:xmpp:mam:2'/></iq>")
        found = await stage.link.expect(lambda each: each.find("{urn:xmpp:mam:2}result") is not None)
        assert [each.get("id") for each in found.iter(occupant_id)] == [before]
    async with staged(tmp_path, server=server, bridge=InvitingBridge()) as stage:
        stage.send(f"<presence from='{LAPTOP}' to='{ROOM}/alice' id='again'>{MUC}</presence>")
        own = await stage.expect("presence", to=LAPTOP, from_=f"{ROOM}/alice")
        assert [each.get("id") for each in own.iter(occupant_id)] == [before]
        old = await stage.expect("message", to=LAPTOP, type="groupchat")
        assert old.findtext(f"{C}body") == "hello"
        assert [each.get("id") for each in old.iter(occupant_id)] == [before]
