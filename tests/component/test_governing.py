"""Moderation in XEP-0045's words: standings, lists, settings of rooms and what is said of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addressing import stable_local
from gateway.model import Affiliation, ListEntry, Role
from gateway.rooms.masks import mask_jid, mask_of
from tests.component.stage import ALICE, BOB, JID, ROOM, USER, C, Stage, codes, condition, kind, staged
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback.governing import GoverningBridge, GoverningSession, Rules

ADMIN = "http://jabber.org/protocol/muc#admin"
OWNER = "http://jabber.org/protocol/muc#owner"
INFO = "http://jabber.org/protocol/disco#info"
COMMANDS = "http://jabber.org/protocol/commands"
DATA = "{jabber:x:data}"
CONFIG = "muc#roomconfig_"


@pytest.fixture
async def stage(tmp_path: Path, server: FakeXmppServer) -> AsyncIterator[Stage]:
    async with staged(tmp_path, server=server, bridge=GoverningBridge()) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await stage.silence()
        yield stage


def rules(stage: Stage) -> Rules:
    assert isinstance(stage.bridge, GoverningBridge)
    return stage.bridge.rules.setdefault("#room", Rules())


def session(stage: Stage, nick: str) -> GoverningSession:
    found = stage.bridge.people[nick]
    assert isinstance(found, GoverningSession)
    return found


async def ask(stage: Stage, payload: str, type_: str = "get", *, who: str = ALICE, to: str = ROOM) -> Element:
    stage.send(f"<iq type='{type_}' id='q1' from='{who}' to='{to}'>{payload}</iq>")
    return await stage.expect("iq", id="q1", to=who)


async def change(stage: Stage, *items: str, who: str = ALICE) -> Element:
    inner = "".join(f"<item {each}" + ("" if each.endswith(">") else "/>") for each in items)
    return await ask(stage, f"<query xmlns='{ADMIN}'>{inner}</query>", "set", who=who)


async def listed(stage: Stage, wanted: str) -> list[dict[str, str]]:
    answer = await ask(stage, f"<query xmlns='{ADMIN}'><item {wanted}/></query>")
    assert answer.get("type") == "result"
    return [dict(item.attrib) for item in answer.iter(f"{{{ADMIN}}}item")]


# -- standings -----------------------------------------------------------------------------------------------------


async def test_a_standing_is_changed_and_everybody_sees_it(stage: Stage) -> None:
    answer = await change(stage, "nick='bob' affiliation='admin'")
    assert answer.get("type") == "result"
    presence = await stage.expect("presence", from_=f"{ROOM}/bob", to=ALICE)
    item = presence.find(f"{USER}x/{USER}item")
    assert item is not None
    assert (item.get("affiliation"), item.get("role")) == ("admin", "participant")


async def test_several_people_are_changed_at_once_or_not_at_all(stage: Stage) -> None:
    error = await change(stage, "nick='bob' role='visitor'", "nick='carol' role='visitor'")
    assert condition(error) == "item-not-found"
    assert rules(stage).standings == {}
    answer = await change(stage, "nick='bob' role='visitor'", "nick='alice' role='moderator'")
    assert answer.get("type") == "result"
    roles = {nick: role for nick, (_, role) in rules(stage).standings.items()}
    assert roles == {"bob": Role.VISITOR, "alice": Role.MODERATOR}


async def test_where_role_and_affiliation_are_named_the_affiliation_counts(stage: Stage) -> None:
    await change(stage, "nick='bob' affiliation='member' role='visitor'")
    assert rules(stage).standings["bob"] == (Affiliation.MEMBER, Role.PARTICIPANT)


async def test_people_are_named_by_the_address_that_the_room_shows(stage: Stage) -> None:
    shown = (await listed(stage, "role='participant'"))[1]["jid"]
    assert shown == f"bob@{JID}/bob@loopback"
    for jid in (shown, f"bob@{JID}", f"{ROOM}/bob"):
        rules(stage).standings.clear()
        answer = await change(stage, f"jid='{jid}' affiliation='member'")
        assert answer.get("type") == "result"
        assert rules(stage).standings["bob"][0] is Affiliation.MEMBER
    await change(stage, f"jid='{ALICE}' affiliation='owner'")
    assert rules(stage).standings["alice"][0] is Affiliation.OWNER


async def test_a_refusal_of_the_network_is_the_answer(stage: Stage) -> None:
    error = await change(stage, "nick='alice' affiliation='admin'", who=BOB)
    assert condition(error) == "forbidden"
    assert "not yours" in "".join(error.itertext())


@pytest.mark.parametrize(
    "items",
    [
        (),
        ("nick='bob'",),
        ("nick='bob' role='king'",),
        ("affiliation='admin'",),
        (f"jid='{JID}' affiliation='admin'",),
        ("nick='bob' role='visitor'",) * 101,
    ],
)
async def test_what_makes_no_sense_is_a_bad_request(stage: Stage, items: tuple[str, ...]) -> None:
    assert condition(await change(stage, *items)) == "bad-request"


async def test_only_who_is_in_the_room_governs_it(stage: Stage) -> None:
    error = await change(stage, "nick='bob' role='none'", who="carol@localhost/x")
    assert condition(error) == "not-acceptable"
    error = await ask(
        stage, f"<query xmlns='{ADMIN}'><item role='visitor'/></query>", who="carol@localhost/x"
    )
    assert condition(error) == "not-acceptable"


async def test_those_present_are_listed_by_role_and_affiliation(stage: Stage) -> None:
    await change(stage, "nick='bob' affiliation='member'")
    members = await listed(stage, "affiliation='member'")
    assert members == [{"affiliation": "member", "nick": "bob"}]  # no role: see Governing
    assert [each["nick"] for each in await listed(stage, "role='participant'")] == ["alice", "bob"]
    assert await listed(stage, "role='moderator'") == []
    assert condition(await ask(stage, f"<query xmlns='{ADMIN}'/>")) == "bad-request"


# -- bans ----------------------------------------------------------------------------------------------------------


async def test_a_ban_sends_away_is_listed_and_can_be_lifted_as_listed(stage: Stage) -> None:
    answer = await change(stage, "nick='bob' affiliation='outcast'><reason>spam</reason></item>")
    assert answer.get("type") == "result"
    gone = await stage.expect("presence", type="unavailable", to=BOB)
    assert "301" in codes(gone)
    asked = await ask(stage, f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>")
    item = next(asked.iter(f"{{{ADMIN}}}item"))
    assert item.findtext(f"{{{ADMIN}}}reason") == "set by alice on 2023-11-14 22:13 UTC"
    jid = item.get("jid") or ""
    assert jid == f"bob!*\\40*@{JID}"
    answer = await change(stage, f"jid={quoteattr(jid)} affiliation='none'")
    assert answer.get("type") == "result"
    assert rules(stage).lists["ban"] == []


async def test_somebody_who_is_here_is_banned_also_by_a_nick_in_place_of_an_address(stage: Stage) -> None:
    answer = await change(stage, "jid='BOB' affiliation='outcast'")
    assert answer.get("type") == "result"
    gone = await stage.expect("presence", type="unavailable", to=ALICE, from_=f"{ROOM}/bob")
    assert "301" in codes(gone)


async def test_masks_are_banned_as_people_write_them(stage: Stage) -> None:
    for mask in ("*!*@host.example", "$a:Robert", "ident@host"):
        await change(stage, f"jid='{mask}' affiliation='outcast'")
    assert [each.mask for each in rules(stage).lists["ban"]] == [
        "*!*@host.example",
        "$a:Robert",
        "ident@host",
    ]
    jids = [each["jid"] for each in await listed(stage, "affiliation='outcast'")]
    await change(stage, *(f"jid={quoteattr(jid)} affiliation='none'" for jid in jids))
    assert rules(stage).lists["ban"] == []


async def test_a_list_that_is_not_shown_is_an_error(stage: Stage) -> None:
    session(stage, "alice").closed_lists = True
    error = await ask(stage, f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>")
    assert condition(error) == "forbidden"


async def test_a_very_long_list_fits_into_a_stanza(stage: Stage) -> None:
    rules(stage).lists["ban"] = [ListEntry(f"*!*@{number}.{'x' * 150}") for number in range(2000)]
    answer = await ask(stage, f"<query xmlns='{ADMIN}'><item affiliation='outcast'/></query>")
    assert 300 < len(list(answer.iter(f"{{{ADMIN}}}item"))) < 1000


@given(st.text(min_size=1, max_size=60).filter(lambda text: text == text.strip(" ")))
def test_a_mask_survives_the_way_through_an_address(mask: str) -> None:
    local, _, domain = mask_jid(mask, JID).rpartition("@")
    assert domain == JID
    assert mask_of(local) == mask
    assert len(local) > 1023 or not mask.isascii() or stable_local(local)


# -- settings ------------------------------------------------------------------------------------------------------


async def form(stage: Stage) -> dict[str, tuple[str, str]]:
    """The fields of the form of the room: type and value."""
    answer = await ask(stage, f"<query xmlns='{OWNER}'/>")
    assert answer.get("type") == "result"
    return {
        each.get("var") or "": (each.get("type") or "", each.findtext(f"{DATA}value") or "")
        for each in answer.iter(f"{DATA}field")
    }


async def submit(stage: Stage, **values: str) -> Element:
    fields = "".join(
        f"<field var='{CONFIG + name if name != 'colour' else name}'><value>{escape(value)}</value></field>"
        for name, value in values.items()
    )
    filled = f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"
    return await ask(stage, f"<query xmlns='{OWNER}'>{filled}</query>", "set")


async def test_the_form_of_a_room_has_the_networks_settings(stage: Stage) -> None:
    rules(stage).password = "sesame"
    shown = await form(stage)
    assert shown[f"{CONFIG}passwordprotectedroom"] == ("boolean", "true")
    assert shown[f"{CONFIG}roomsecret"] == ("text-private", "sesame")
    assert shown[f"{CONFIG}moderatedroom"] == ("boolean", "false")
    assert shown["colour"] == ("text-single", "green")


async def test_what_is_submitted_is_set_and_everybody_hears_of_it(stage: Stage) -> None:
    answer = await submit(stage, passwordprotectedroom="1", roomsecret="sesame", moderatedroom="true")
    assert answer.get("type") == "result"
    assert (rules(stage).password, rules(stage).moderated, rules(stage).colour) == ("sesame", True, "green")
    news = [each for each in await stage.silence() if codes(each) == ["104"]]
    assert {(each.get("to"), each.get("type")) for each in news} == {(ALICE, "groupchat"), (BOB, "groupchat")}


async def test_a_password_is_kept_taken_away_or_missed(stage: Stage) -> None:
    rules(stage).password = "sesame"
    await submit(stage, passwordprotectedroom="1", roomsecret="")
    assert rules(stage).password == "sesame"
    await submit(stage, passwordprotectedroom="0", roomsecret="sesame")
    assert rules(stage).password == ""
    error = await submit(stage, passwordprotectedroom="1", roomsecret="")
    assert condition(error) == "not-acceptable"


async def test_what_the_network_refuses_is_the_answer_to_the_form(stage: Stage) -> None:
    error = await submit(stage, colour="octarine")
    assert condition(error) == "not-acceptable"
    assert "octarine" in "".join(error.itertext())


async def test_settings_that_are_not_shown_leave_the_rest_of_the_form(stage: Stage) -> None:
    session(stage, "alice").hidden = True
    shown = await form(stage)
    assert not any(name.startswith(CONFIG) for name in shown)
    assert any(kind_ == "fixed" and "not yours" in text for kind_, text in shown.values())


async def test_discovery_says_what_kind_of_room_it_is(stage: Stage) -> None:
    async def features() -> set[str]:
        answer = await ask(stage, f"<query xmlns='{INFO}'/>")
        return {
            each.get("var") or ""
            for each in answer.iter(f"{{{INFO}}}feature")
            if "muc_" in each.get("var", "")
        }

    before = await features()
    assert {"muc_unsecured", "muc_unmoderated", "muc_open", "muc_public"} <= before
    await submit(stage, passwordprotectedroom="1", roomsecret="sesame", moderatedroom="true")
    after = await features()
    assert {"muc_passwordprotected", "muc_moderated"} <= after
    assert not {"muc_unsecured", "muc_unmoderated"} & after


# -- orders and lists ----------------------------------------------------------------------------------------------


async def test_an_order_is_carried_out_and_shown_to_nobody(stage: Stage) -> None:
    stage.send(
        f"<message from='{ALICE}' to='{ROOM}' type='groupchat' id='m1'><body>/paint red</body></message>"
    )
    rest = await stage.silence()
    assert rules(stage).colour == "red"
    assert not [each for each in rest if each.find(f"{C}body") is not None]
    stage.send(
        f"<message from='{ALICE}' to='{ROOM}' type='groupchat' id='m2'><body>/paint octarine</body></message>"
    )
    error = await stage.expect("message", type="error", to=ALICE)
    assert (error.get("id"), condition(error)) == ("m2", "not-acceptable")
    stage.send(
        f"<message from='{ALICE}' to='{ROOM}' type='groupchat' id='m3'><body>/painting is fun</body></message>"
    )
    said = await stage.link.expect(
        lambda each: kind("message", to=BOB)(each) and each.find(f"{C}body") is not None
    )
    assert said.findtext(f"{C}body") == "/painting is fun"


async def command(stage: Stage, fields: str = "", session_id: str = "", action: str = "next") -> Element:
    filled = f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>" if fields else ""
    asked = f" sessionid='{session_id}' action='{action}'" if session_id else " action='execute'"
    node = f"<command xmlns='{COMMANDS}' node='room-lists'{asked}>{filled}</command>"
    answer = await ask(stage, node, "set")
    assert answer.get("type") == "result", condition(answer)
    return answer[0]


async def test_every_list_is_shown_and_changed_by_a_command(stage: Stage) -> None:
    rules(stage).lists["quiet"] = [ListEntry("*!*@a", "alice", 1_700_000_000.0), ListEntry("*!*@b")]
    page = await command(stage)
    id_ = page.get("sessionid") or ""
    page = await command(stage, "<field var='list'><value>quiet</value></field>", id_)
    options = [each.findtext(f"{DATA}value") for each in page.iter(f"{DATA}option")]
    assert options == ["*!*@a", "*!*@b"]
    fields = "<field var='add'><value>*!*@c</value></field><field var='remove'><value>*!*@a</value></field>"
    done = await command(stage, fields, id_, "complete")
    assert done.get("status") == "completed"
    assert [each.mask for each in rules(stage).lists["quiet"]] == ["*!*@b", "*!*@c"]
