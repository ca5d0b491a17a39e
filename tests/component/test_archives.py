"""Archives as clients see them (XEP-0313): rooms, private chats, the gateway; as biboumi answers, to the letter."""

from contextlib import asynccontextmanager

import pytest

from gateway.history.service import ArchivePolicy
from gateway.limits import LimitPolicy
from gateway.model import Message, Retraction
from gateway.rooms.habits import Habits
from tests.component.archive import (
    BODY,
    DELAY,
    MAM,
    SID,
    UNLIMITED,
    ask,
    form,
    next_millisecond,
    parts,
    rsm,
    say,
    tell,
)
from tests.component.stage import ALICE, BOB, JID, MUC, ROOM, C, condition, kind, staged
from tests.loopback.expressing import EVERYTHING, ExpressiveBridge


@pytest.fixture
async def stage(tmp_path, server):
    async with staged(tmp_path, server=server, usage=UNLIMITED) as stage:
        await stage.join()
        yield stage


# -- as biboumi answers ----------------------------------------------------------------------------------------


async def test_simple_mam(stage):
    await say(stage, "coucou", "coucou 2")
    found = await ask(stage)
    assert found.bodies == ["coucou", "coucou 2"]
    assert found.complete
    assert (found.page("first"), found.page("last")) == (found.ids[0], found.ids[1])
    message = found.messages[0]
    assert (message.get("from"), message.get("type"), message.get("to")) == (
        f"{ROOM}/alice",
        "groupchat",
        None,
    )
    for none in (form(end="2000-06-07T00:00:00Z"), form(start="3016-06-07T00:00:00Z")):
        found = await ask(stage, none)
        assert (found.results, found.complete, found.page("first")) == ([], True, None)
    found = await ask(stage, rsm("<max>1</max>"))
    assert (found.bodies, found.complete) == (["coucou"], False)


async def test_mam_with_timestamps(stage):
    await say(stage, "coucou", "coucou 2")
    between = await next_millisecond()
    await next_millisecond()
    await say(stage, "coucou 3", "coucou 4")
    for hidden in ("", " type='hidden'"):
        asked = form(start=between).replace("'FORM_TYPE'", f"'FORM_TYPE'{hidden}")
        assert (await ask(stage, asked)).bodies == ["coucou 3", "coucou 4"]
    found = await ask(stage, form(start=between, end="3016-06-07T00:00:00Z"))
    assert (found.bodies, found.complete) == (["coucou 3", "coucou 4"], True)
    # The time that a result bears is that of the message, to the millisecond.
    stamp = found.results[0].find(DELAY).get("stamp")
    assert (await ask(stage, form(start=stamp, end=stamp))).bodies[:1] == ["coucou 3"]


async def test_default_mam_limit(stage):
    everything = [str(number) for number in range(150)]
    session = stage.bridge.people["alice"]
    for text in everything:
        session.sink.room_message("#room", Message("carol", text))
    found = await ask(stage)
    assert (found.bodies, found.complete, found.page("last")) == (everything[:100], False, found.ids[99])
    found = await ask(stage, rsm(f"<after>{found.page('last')}</after>"))
    assert (found.bodies, found.complete, found.page("last")) == (everything[100:], True, found.ids[-1])
    newest = found.page("last")
    assert (await ask(stage, rsm("<after>DUMMY_ID</after>"))).error == "item-not-found"
    found = await ask(stage, rsm("<before/>"))
    assert (found.bodies, found.complete, found.page("last")) == (everything[50:], False, newest)
    found = await ask(stage, rsm(f"<before>{newest}</before><max>2</max>"))
    assert (found.bodies, found.complete, found.page("last")) == (everything[147:149], False, found.ids[1])
    found = await ask(stage, rsm("<before/><max>0</max>"))
    assert (found.bodies, found.complete) == ([], False)
    # Beyond biboumi: true numbers, and any page.
    assert (found.page("count"), found.index) == ("150", None)
    found = await ask(stage, rsm("<max>3</max><index>140</index>"))
    assert (found.bodies, found.index, found.page("count")) == (everything[140:143], "140", "150")
    found = await ask(stage, rsm("<max>9999</max>"))
    assert len(found.bodies) == 100


# -- the extended protocol -------------------------------------------------------------------------------------


async def test_pages_between_messages_flipped_and_messages_by_their_ids(stage):
    ids = await say(stage, *"abcdef")
    found = await ask(stage, form(after_id=ids[0], before_id=ids[4]))
    assert (found.bodies, found.complete, found.page("count")) == (["b", "c", "d"], True, "3")
    found = await ask(stage, form(after_id=ids[0]) + rsm("<before/><max>2</max>") + "<flip-page/>")
    assert found.bodies == ["f", "e"]
    assert (found.page("first"), found.page("last"), found.index) == (ids[4], ids[5], "3")
    assert (await ask(stage, form(ids=[ids[3], ids[1]]))).bodies == ["b", "d"]
    for unknown in (form(ids=[ids[0], "DUMMY"]), form(before_id="DUMMY"), form(after_id="DUMMY")):
        assert (await ask(stage, unknown)).error == "item-not-found"


async def test_what_an_archive_can_be_asked_is_announced_and_described(stage):
    ids = await say(stage, "first", "last")
    for to in (JID, ROOM, f"bob@{JID}"):
        stage.send(
            f"<iq type='get' id='d' from='{ALICE}' to='{to}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        info = await stage.expect("iq", id="d", from_=to)
        assert {MAM, f"{MAM}#extended"} <= {each.get("var") for each in info[0]}
        stage.send(f"<iq type='get' id='f' from='{ALICE}' to='{to}'><query xmlns='{MAM}'/></iq>")
        fields = (await stage.expect("iq", id="f", from_=to)).iter("{jabber:x:data}field")
        assert {"with", "start", "end", "before-id", "after-id", "ids"} < {each.get("var") for each in fields}
    stage.send(f"<iq type='get' id='m' from='{ALICE}' to='{ROOM}'><metadata xmlns='{MAM}'/></iq>")
    start, end = (await stage.expect("iq", id="m"))[0]
    assert (start.get("id"), end.get("id")) == tuple(ids)
    stage.send(f"<iq type='get' id='m2' from='{ALICE}' to='#empty@{JID}'><metadata xmlns='{MAM}'/></iq>")
    assert len((await stage.expect("iq", id="m2"))[0]) == 0


async def test_a_room_can_be_searched_for_one_sender(stage):
    await stage.join(BOB, nick="bob")
    await say(stage, "mine")
    await say(stage, "his", who=BOB)
    for asked, bodies in {
        f"{ROOM}/bob": ["his"],
        "bob": ["his"],
        f"bob@{JID}": ["his"],
        ROOM: ["mine", "his"],
        "alice@localhost": ["mine"],
        "stranger@localhost": [],
        f"#other@{JID}/bob": [],
        f"\u2028@{JID}": [],
    }.items():
        found = await ask(stage, form(with_=asked))
        assert (found.bodies, found.page("count"), found.complete) == (bodies, str(len(bodies)), True)


async def test_nonsense_is_answered(stage):
    await say(stage, "a")
    assert (await ask(stage, form(mood="lonely"))).error == "feature-not-implemented"
    assert (await ask(stage, form(start="soon"))).error == "bad-request"
    assert (await ask(stage, rsm("<max>-1</max>"))).error == "bad-request"
    assert (await ask(stage, to=f"{ROOM}/alice")).error == "service-unavailable"
    assert (await ask(stage, to=f"loop@{JID}")).error == "service-unavailable"
    stage.send(
        f"<iq type='set' id='p' from='{ALICE}' to='{ROOM}'><prefs xmlns='{MAM}' default='always'/></iq>"
    )
    assert condition(await stage.expect("iq", id="p")) == "feature-not-implemented"


# -- whose it is -----------------------------------------------------------------------------------------------


async def test_everybody_has_their_own_archive_also_of_a_room_they_have_left(stage):
    await stage.join(BOB, nick="bob")
    await say(stage, "for both")
    assert (await ask(stage, who="mallory@localhost/x")).bodies == []
    assert (await ask(stage, who=BOB)).bodies == ["for both"]
    stage.send(f"<presence type='unavailable' from='{BOB}' to='{ROOM}/bob'/>")
    await stage.expect("presence", type="unavailable", to=BOB)
    await say(stage, "after bob")
    assert (await ask(stage, who=BOB)).bodies == ["for both"]
    assert (await ask(stage)).bodies == ["for both", "after bob"]


async def test_an_archive_outlives_a_restart_with_its_ids(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        await stage.join()
        before = await say(stage, "one", "two")
    async with staged(tmp_path, server=server) as stage:
        found = await ask(stage)
        assert (found.bodies, found.ids) == (["one", "two"], before)
        assert found.messages[0].get("id") == "own-one-0"


async def test_where_nothing_is_archived_nothing_is_announced(tmp_path, server):
    async with staged(tmp_path, server=server, archive=ArchivePolicy(kept=False)) as stage:
        await stage.join()
        await say(stage, "gone with the wind")
        assert (await ask(stage)).error == "service-unavailable"
        stage.send(
            f"<iq type='get' id='d' from='{ALICE}' to='{ROOM}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        assert MAM not in {each.get("var") for each in (await stage.expect("iq", id="d"))[0]}


async def test_what_its_user_does_not_want_recorded_is_not(tmp_path, server):
    async with staged(tmp_path, server=server, archive=ArchivePolicy(recorded=False)) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await say(stage, "not kept")
        await tell(stage, "nor this")
        account = stage.component.accounts.find("alice@localhost", "loop")
        account.rooms["#room"].habits = Habits(record=True)
        await say(stage, "but this is")
        assert (await ask(stage)).bodies == ["but this is"]
        assert (await ask(stage, to=JID)).bodies == []


async def test_whoever_asks_too_much_is_told_so(tmp_path, server):
    usage = LimitPolicy(archive_queries_per_minute=1, archive_queries_burst=2)
    async with staged(tmp_path, server=server, usage=usage) as stage:
        await stage.join()
        assert [(await ask(stage)).error for _ in range(3)] == ["", "", "resource-constraint"]


# -- more than text --------------------------------------------------------------------------------------------


@pytest.fixture
def on(tmp_path, server):
    @asynccontextmanager
    async def on(**can):
        async with staged(tmp_path, server=server, bridge=ExpressiveBridge(**can), usage=UNLIMITED) as stage:
            await stage.join()
            await stage.join(BOB, nick="bob")
            yield stage

    return on


async def test_replies_corrections_and_reactions_are_in_the_archive_and_refer_to_what_is_there(on):
    async with on(**EVERYTHING) as stage:
        (sid,) = await say(stage, "cake?", who=BOB)
        (mine,) = await say(
            stage, "yse", payload=f"<reply xmlns='urn:xmpp:reply:0' id='{sid}' to='{ROOM}/bob'/>"
        )
        fix = "<replace xmlns='urn:xmpp:message-correct:0' id='own-yse-0'/>"
        await say(stage, "yes", payload=fix)
        stage.send(
            f"<message type='groupchat' id='r' from='{ALICE}' to='{ROOM}'>"
            f"<reactions xmlns='urn:xmpp:reactions:0' id='{sid}'><reaction>🍰</reaction></reactions></message>"
        )
        live = await stage.expect("message", to=ALICE, id="r")
        found = await ask(stage)
        assert found.bodies == ["cake?", "yse", "yes", None]
        assert found.ids == [sid, mine, found.ids[2], live.find(SID).get("id")]
        reply, corrected, reaction = found.messages[1:]
        assert parts(reply, "reply")[0].attrib == {"id": sid, "to": f"{ROOM}/bob"}
        assert parts(corrected, "replace")[0].get("id") == reply.get("id")
        assert parts(reaction, "reactions")[0].get("id") == sid
        assert (reaction.get("from"), reaction.get("id")) == (f"{ROOM}/alice", "r")
        assert [each.get("id") for each in parts(reply, "stanza-id")] == [mine]
        # Whoever asks for what came after a reaction need not know that it was one.
        assert (await ask(stage, rsm(f"<after>{found.ids[3]}</after>"))).complete


async def test_what_was_taken_back_leaves_a_tombstone_and_the_word_of_it(on):
    async with on(**EVERYTHING) as stage:
        (regret,) = await say(stage, "regrettable")
        (rude,) = await say(stage, "rude", who=BOB)
        stage.send(
            f"<message type='groupchat' id='undo' from='{ALICE}' to='{ROOM}'>"
            f"<retract xmlns='urn:xmpp:message-retract:1' id='{regret}'/></message>"
        )
        await stage.expect("message", to=ALICE, id="undo")
        stage.bridge.people["alice"].sink.retracted(
            "#room", Retraction("bob", rude, moderated=True, reason="no")
        )
        found = await ask(stage)
        assert found.ids[:2] == [regret, rude]
        assert found.bodies[:2] == [None, None]
        stage.send(
            f"<iq type='get' id='d' from='{ALICE}' to='{ROOM}'>"
            "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        features = {each.get("var") for each in (await stage.expect("iq", id="d"))[0]}
        assert "urn:xmpp:message-retract:1#tombstone" in features
        mine, his, undo, moderation = found.messages
        assert parts(mine, "retracted")[0].get("id") == "undo"
        assert parts(undo, "retract")[0].get("id") == regret
        assert len(parts(his, "retracted")[0]) == 2, "by whom, and why"
        assert parts(moderation, "retract")[0].get("id") == rude
        assert moderation.get("from") == ROOM
        stage.send(f"<presence from='alice@localhost/new' to='{ROOM}/alice'>{MUC}</presence>")
        await stage.link.expect(
            lambda each: (
                kind("message", to="alice@localhost/new")(each) and each.find(f"{C}subject") is not None
            )
        )


async def test_links_to_files_stay_files_in_the_archive_and_for_those_who_come_later(stage):
    link = "https://upload.example.org/cat.jpg"
    oob = f"<x xmlns='jabber:x:oob'><url>{link}</url></x>"
    await say(stage, link, payload=oob)
    (message,) = (await ask(stage)).messages
    assert parts(message, "x")[0].findtext("{jabber:x:oob}url") == link
    stage.send(f"<presence from='alice@localhost/new' to='{ROOM}/alice'>{MUC}</presence>")
    shown = await stage.expect("message", to="alice@localhost/new", type="groupchat")
    assert shown.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == link


async def test_what_is_done_in_private_is_in_the_archive_of_both(on):
    async with on(**EVERYTHING) as stage:
        sent = await tell(stage, "regrettable")
        await tell(stage, "fine", who=BOB, to=f"alice@{JID}")
        theirs = sent.get("id")
        stage.send(
            f"<message type='chat' id='r' from='{BOB}' to='alice@{JID}'>"
            f"<reactions xmlns='urn:xmpp:reactions:0' id='{theirs}'><reaction>😬</reaction></reactions></message>"
        )
        reaction = await stage.link.expect(
            lambda each: each.get("to") == "alice@localhost" and bool(parts(each, "reactions"))
        )
        stage.send(
            f"<message type='chat' id='undo' from='{ALICE}' to='bob@{JID}'>"
            "<retract xmlns='urn:xmpp:message-retract:1' id='p-regrettable'/></message>"
        )
        undo = await stage.link.expect(
            lambda each: each.get("to") == "bob@localhost" and bool(parts(each, "retract"))
        )
        mine = await ask(stage, to=f"bob@{JID}")
        assert mine.bodies[:2] == [None, "fine"]
        tombstone, _, reacted, retraction = mine.messages
        assert parts(tombstone, "retracted")[0].get("id") == "undo"
        assert parts(reacted, "reactions")[0].get("id") == "p-regrettable"
        assert reacted.get("id") == reaction.get("id")
        assert parts(retraction, "retract")[0].get("id") == "p-regrettable"
        his = await ask(stage, to=f"alice@{JID}", who=BOB)
        assert his.ids[0] == theirs
        assert parts(his.messages[0], "retracted")[0].get("id") == undo.get("id")
        assert parts(his.messages[3], "retract")[0].get("id") == theirs


async def test_what_was_sent_with_another_client_of_the_network_is_in_the_archive(stage):
    stage.bridge.people["alice"].wrote_elsewhere("bob", "from the other phone")
    found = await ask(stage, to=f"bob@{JID}")
    assert [(each.get("from"), each.findtext(BODY)) for each in found.messages] == [
        ("alice@localhost", "from the other phone")
    ]


async def test_messages_of_rooms_have_the_occupant_ids_that_they_had(on):
    async with on() as stage:
        stage.send(f"<message type='groupchat' id='o1' from='{BOB}' to='{ROOM}'><body>hello</body></message>")
        live = await stage.expect("message", to=ALICE, type="groupchat")
        (kept,) = (await ask(stage)).messages
        ids = [parts(each, "occupant-id")[0].get("id") for each in (live, kept)]
        assert ids[0] == ids[1] != ""
