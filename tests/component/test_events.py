"""What a room itself has to say reaches clients that read events of rooms only (XEP-0316)."""

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from gateway.rooms.events import CONFERENCE, EVENT, WANTED
from tests.component.stage import ALICE, JID, ROOM, USER, C, Stage, staged
from tests.component.test_coming import send_invitation, session, stage
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback.inviting import InvitingBridge

__all__ = ["stage"]

LAPTOP = "alice@localhost/laptop"
INFO = "{http://jabber.org/protocol/disco#info}"
TEXT = "{http://jabber.org/protocol/activity}text"


def join(stage: Stage, who: str, room: str = ROOM, ver: str = "one") -> None:
    stage.send(
        f"<presence from='{who}' to='{room}/alice'><x xmlns='http://jabber.org/protocol/muc'/>"
        f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:client' ver='{ver}'/></presence>"
    )


async def told(stage: Stage, who: str, *features: str) -> None:
    """The client is asked what it wants, and says it."""
    asked = await stage.link.expect(lambda each: each.tag == f"{C}iq" and each.get("to") == who)
    query = asked.find(f"{INFO}query")
    assert query is not None
    assert query.get("node", "").startswith("urn:client#")
    inside = "".join(f"<feature var='{each}'/>" for each in features)
    stage.send(
        f"<iq type='result' id='{asked.get('id')}' from='{who}' to='{JID}'>"
        f"<query xmlns='http://jabber.org/protocol/disco#info'>{inside}</query></iq>"
    )
    await shown(stage, who)


async def shown(stage: Stage, who: str, room: str = ROOM) -> None:
    """The client has come into the room."""
    await stage.link.expect(
        lambda each: (
            each.get("from") == room and each.get("to") == who and each.find(f"{C}subject") is not None
        )
    )
    await stage.silence()


async def until_shown(stage: Stage, room: str) -> list[Element]:
    """All that is sent until alice is in a room."""
    seen: list[Element] = []
    while not any(each.get("from") == room and each.find(f"{C}subject") is not None for each in seen):
        seen += await stage.silence()
    return seen


def events(stanzas: list[Element], to: str) -> list[str]:
    found = [each for each in stanzas if each.get("to") == to and each.find(f"{{{EVENT}}}event") is not None]
    assert all(each.find(f"{C}body") is None and each.get("from") == ROOM for each in found)
    assert all(items.get("node") == CONFERENCE for each in found for items in each.iter(f"{{{EVENT}}}items"))
    return [text.text or "" for each in found for text in each.iter(TEXT)]


def words(stanzas: list[Element], to: str) -> list[str]:
    return [
        each.findtext(f"{C}body") or ""
        for each in stanzas
        if each.get("to") == to and each.find(f"{C}body") is not None
    ]


async def test_who_wants_events_gets_what_the_room_says_in_both_forms_and_others_in_words_alone(
    stage: Stage,
) -> None:
    join(stage, ALICE)
    await told(stage, ALICE, "urn:xmpp:ping", WANTED)
    join(stage, LAPTOP, ver="two")
    await told(stage, LAPTOP, "urn:xmpp:ping")
    session(stage, "alice").sink.room_note("#room", "Mode #room [+i] by <bob>")
    rest = await stage.silence()
    assert words(rest, ALICE) == words(rest, LAPTOP) == ["Mode #room [+i] by <bob>"]
    assert events(rest, ALICE) == ["Mode #room [+i] by <bob>"]
    assert events(rest, LAPTOP) == []


async def test_a_version_is_asked_once_however_many_rooms_it_comes_into(stage: Stage) -> None:
    join(stage, ALICE)
    join(stage, ALICE, room=f"#other@{JID}")
    await told(stage, ALICE, WANTED)
    join(stage, ALICE, room=f"#third@{JID}")
    assert not any(each.tag == f"{C}iq" for each in await until_shown(stage, f"#third@{JID}"))
    session(stage, "alice").sink.room_note("#other", "hear, hear")
    session(stage, "alice").sink.room_note("#third", "hear, hear")
    rest = await stage.silence()
    assert len([each for each in rest if each.find(f"{{{EVENT}}}event") is not None]) == 2


@pytest.mark.parametrize(
    "caps",
    ["", "<c xmlns='http://jabber.org/protocol/caps' node='{}' ver='x'/>".format("n" * 500)],
)
async def test_who_says_nothing_of_itself_is_not_asked(stage: Stage, caps: str) -> None:
    stage.send(
        f"<presence from='{ALICE}' to='{ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/>{caps}</presence>"
    )
    assert [each for each in await stage.silence() if each.tag == f"{C}iq"] == []


async def test_a_client_that_gives_no_answer_is_asked_again_another_time(stage: Stage) -> None:
    join(stage, ALICE)
    asked = await stage.link.expect(lambda each: each.tag == f"{C}iq" and each.get("to") == ALICE)
    stage.send(f"<iq type='error' id='{asked.get('id')}' from='{ALICE}' to='{JID}'/>")
    await stage.silence()
    join(stage, ALICE)
    await told(stage, ALICE, WANTED)


async def test_a_knock_and_a_failed_invitation_are_events_too(stage: Stage) -> None:
    join(stage, ALICE)
    await told(stage, ALICE, WANTED)
    session(stage, "alice").sink.knocked("#room", "bob", "bob@his.host")
    rest = await stage.silence()
    assert events(rest, ALICE) == words(rest, ALICE)
    assert "asks to be let into #room" in events(rest, ALICE)[0]
    send_invitation(stage, f"nobody@{JID}")
    rest = await stage.silence()
    assert [each.get("type") for each in rest if each.get("type") == "error"] == ["error"]
    assert [text.startswith("Nobody was invited. ") for text in events(rest, ALICE)] == [True]


async def test_after_a_restart_a_client_is_asked_once_it_has_answered(
    tmp_path: Path, server: FakeXmppServer
) -> None:
    async with staged(tmp_path, server=server, bridge=InvitingBridge()) as before:
        join(before, ALICE)
        await told(before, ALICE, WANTED)
    async with staged(tmp_path, server=server, bridge=InvitingBridge()) as again:
        ping = await again.expect("iq", to=ALICE, type="get")
        again.send(f"<iq type='result' id='{ping.get('id')}' from='{ALICE}' to='{ROOM}'/>")
        asked = await again.expect("iq", to=ALICE, type="get")
        query = asked.find(f"{INFO}query")
        assert query is not None
        assert query.get("node") is None
        again.send(
            f"<iq type='result' id='{asked.get('id')}' from='{ALICE}' to='{JID}'>"
            f"<query xmlns='http://jabber.org/protocol/disco#info'><feature var='{WANTED}'/></query></iq>"
        )
        await again.silence()
        session(again, "alice").sink.room_note("#room", "hear, hear")
        assert events(await again.silence(), ALICE) == ["hear, hear"]


async def test_what_every_client_gets_is_not_copied_to_the_others(stage: Stage) -> None:
    await stage.join()
    session(stage, "alice").sink.knocked("#room", "bob")
    session(stage, "alice").sink.invited("#other", "bob")
    asked = await stage.silence()
    assert len(asked) == 2
    assert asked[1].find(f"{USER}x") is not None
    for each in asked:
        assert each.find("{urn:xmpp:carbons:2}private") is not None
