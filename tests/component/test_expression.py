"""Replies, corrections, reactions, retractions, typing and styles from the wire: on networks that have them, and on those
that have lines of text."""

from contextlib import asynccontextmanager

import pytest

from gateway.chat import corrections
from gateway.model import Enrichment, Message, Part, Recipient, Reply, Retraction, Span, Style
from tests.component.stage import ALICE, BOB, JID, ROOM, C, condition, kind, staged
from tests.loopback.expressing import EVERYTHING, ExpressiveBridge

DESK = "alice@localhost/desk"
REPLY, REACTIONS = "{urn:xmpp:reply:0}reply", "{urn:xmpp:reactions:0}reactions"
REPLACE, RETRACT = "{urn:xmpp:message-correct:0}replace", "{urn:xmpp:message-retract:1}retract"
FALLBACK = "{urn:xmpp:fallback:0}fallback"
ADDRESS = "{http://jabber.org/protocol/address}"
SID = "{urn:xmpp:sid:0}stanza-id"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(corrections, "QUIET", 0.3)


@pytest.fixture
def on(tmp_path, server):
    @asynccontextmanager
    async def on(**can):
        """Alice with two clients, and bob, in a room."""
        async with staged(tmp_path, server=server, bridge=ExpressiveBridge(**can)) as stage:
            await stage.join()
            await stage.join(DESK)
            await stage.join(BOB, nick="bob")
            await stage.silence()
            yield stage

    return on


def groupchat(who, id_, body, payload="", to=ROOM):
    text = f"<body>{body}</body>" if body else ""
    return f"<message type='groupchat' id='{id_}' from='{who}' to='{to}'>{text}{payload}</message>"


def chat(who, id_, body, payload="", to=f"bob@{JID}"):
    return groupchat(who, id_, body, payload, to).replace("groupchat", "chat", 1)


async def heard(stage, who, **more):
    return await stage.expect("message", to=who, **more)


async def said(stage, who, id_, body, payload=""):
    """Say something in the room; its id there. What everybody gets of it is taken off the wire."""
    stage.send(groupchat(who, id_, body, payload))
    sids = {(await heard(stage, to)).find(SID).get("id") for to in (ALICE, DESK, BOB)}
    assert len(sids) == 1
    return sids.pop()


def body(stanza):
    return stanza.findtext(f"{C}body")


def reply_to(id_, quote=""):
    region = f"<body start='0' end='{len(quote)}'/>"
    fallback = (
        f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{region}</fallback>" if quote else ""
    )
    return f"<reply xmlns='urn:xmpp:reply:0' id='{id_}' to='{ROOM}/bob'/>{fallback}"


def correcting(id_):
    return f"<replace xmlns='urn:xmpp:message-correct:0' id='{id_}'/>"


def reacting(id_, *emojis):
    inside = "".join(f"<reaction>{each}</reaction>" for each in emojis)
    return f"<reactions xmlns='urn:xmpp:reactions:0' id='{id_}'>{inside}</reactions>"


def retracting(id_):
    return (
        f"<retract xmlns='urn:xmpp:message-retract:1' id='{id_}'/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>"
    )


# -- networks that have it all ---------------------------------------------------------------------------------


async def test_a_reply_reaches_the_other_user_with_the_rooms_id(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, BOB, "b1", "shall we bake a cake?")
        quote = "> bob: shall we bake a cake?\n"
        stage.send(groupchat(ALICE, "a1", f"&gt;{quote[1:]}yes", reply_to(sid, quote)))
        seen = await heard(stage, BOB)
        assert seen.find(REPLY).attrib == {"id": sid, "to": f"{ROOM}/bob"}
        region = seen.find(f"{FALLBACK}/{{urn:xmpp:fallback:0}}body")
        assert body(seen)[int(region.get("end")) :] == "yes"
        for mine in (await heard(stage, ALICE, id="a1"), await heard(stage, DESK, id="a1")):
            assert (body(mine), mine.find(REPLY).get("id")) == (f"{quote}yes", sid)
        assert stage.bridge.said[-1] == "yes"


async def test_whoever_comes_later_sees_replies_and_corrections_too(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, BOB, "b1", "hello")
        await said(stage, ALICE, "a1", "helo bob", reply_to(sid))
        await said(stage, ALICE, "a2", "hello bob", correcting("a1"))
        stage.send(
            f"<presence from='alice@localhost/new' to='{ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        history = [await heard(stage, "alice@localhost/new") for _ in range(3)]
        assert history[1].get("id") == "a1"
        assert history[1].find(REPLY).get("id") == sid
        assert history[2].find(REPLACE).get("id") == "a1"


async def test_a_correction_refers_to_what_each_client_knows(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, ALICE, "a1", "helo")
        stage.send(groupchat(ALICE, "a2", "hello", correcting("a1")))
        assert (await heard(stage, BOB)).find(REPLACE).get("id") == sid, "others know it by the network's id"
        assert (await heard(stage, DESK)).find(REPLACE).get("id") == "a1"


async def test_reactions_go_both_ways_and_nobody_gets_text(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, BOB, "b1", "cake!")
        stage.send(groupchat(ALICE, "r1", "", reacting(sid, "👍", "🍰")))
        for who in (ALICE, DESK, BOB):
            seen = await heard(stage, who)
            assert seen.get("from") == f"{ROOM}/alice"
            assert seen.find(REACTIONS).get("id") == sid
            assert [each.text for each in seen.find(REACTIONS)] == ["👍", "🍰"]
            assert body(seen) is None
        stage.send(groupchat(ALICE, "r2", "", reacting(sid)))
        assert len((await heard(stage, BOB)).find(REACTIONS)) == 0


async def test_a_retraction_takes_the_message_out_of_the_history(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, ALICE, "a1", "oops")
        stage.send(groupchat(ALICE, "x1", "/me retracted", retracting(sid)))
        for who in (ALICE, DESK, BOB):
            assert (await heard(stage, who)).find(RETRACT).get("id") == sid
        assert stage.bridge.said == ["oops"], "the words for old clients are not for the network"
        stage.send(
            f"<presence from='bob@localhost/new' to='{ROOM}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        first = await heard(stage, "bob@localhost/new")
        assert first.find(f"{C}subject") is not None, "no history before the subject"


async def test_only_ones_own_messages_can_be_taken_back(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, BOB, "b1", "mine")
        stage.send(groupchat(ALICE, "x1", "", retracting(sid)))
        assert condition(await heard(stage, ALICE, type="error")) == "forbidden"


async def test_a_moderator_takes_back_somebodys_message(on):
    async with on(**EVERYTHING) as stage:
        sid = await said(stage, BOB, "b1", "buy my pills")
        moderate = (
            f"<iq type='set' id='m1' from='{{}}' to='{ROOM}'><moderate xmlns='urn:xmpp:message-moderate:1' id='{sid}'>"
            "<retract xmlns='urn:xmpp:message-retract:1'/><reason>spam</reason></moderate></iq>"
        )
        stage.send(moderate.format(BOB))
        assert condition(await stage.expect("iq", to=BOB, id="m1")) == "forbidden"
        stage.send(moderate.format(ALICE))
        assert (await stage.expect("iq", to=ALICE, id="m1")).get("type") == "result"
        seen = await heard(stage, BOB)
        assert seen.get("from") == ROOM
        moderated = seen.find(f"{RETRACT}/{{urn:xmpp:message-moderate:1}}moderated")
        assert moderated.get("by") == f"{ROOM}/alice"
        assert seen.findtext(f"{RETRACT}/{{urn:xmpp:message-retract:1}}reason") == "spam"


async def test_typing_is_told_once_per_change_and_not_kept(on):
    async with on(**EVERYTHING) as stage:
        state = "<{} xmlns='http://jabber.org/protocol/chatstates'/>"
        for each in ("composing", "composing", "paused", "inactive", "gone"):
            stage.send(groupchat(ALICE, "t", "", state.format(each)))
        seen = [each[0].tag.partition("}")[2] for each in await stage.silence()]
        assert seen == ["composing", "paused", "inactive"]


async def test_styles_survive_both_ways(on):
    async with on(**EVERYTHING) as stage:
        stage.send(groupchat(ALICE, "a1", "so *bold*"))
        seen = await heard(stage, BOB)
        assert (body(seen), stage.bridge.said) == ("so *bold*", ["so bold"])
        assert seen.find("{urn:xmpp:markup:0}markup/{urn:xmpp:markup:0}span").attrib == {
            "start": "4",
            "end": "8",
        }


async def test_private_chats_have_it_all_too(on):
    async with on(**EVERYTHING) as stage:
        stage.send(chat(BOB, "b1", "cake?", to=f"alice@{JID}"))
        first = await heard(stage, "alice@localhost", type="chat")
        stage.send(chat(ALICE, "a1", "ye", reply_to(first.get("id"))))
        seen = await heard(stage, "bob@localhost", type="chat")
        assert seen.find(REPLY).attrib == {"id": "b1", "to": "bob@localhost"}
        stage.send(chat(ALICE, "a2", "yes", correcting("a1")))
        corrected = await heard(stage, "bob@localhost", type="chat")
        assert corrected.find(REPLACE).get("id") == seen.get("id")
        stage.send(chat(BOB, "r1", "", reacting(seen.get("id"), "🍰"), to=f"alice@{JID}"))
        assert (await heard(stage, "alice@localhost", type="chat")).find(REACTIONS).get("id") == "a1"
        stage.send(chat(ALICE, "x1", "", retracting("a1")))
        assert (await heard(stage, "bob@localhost", type="chat")).find(RETRACT).get("id") == seen.get("id")
        stage.send(
            chat(BOB, "t1", "", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", f"alice@{JID}")
        )
        assert (await heard(stage, "alice@localhost", type="chat"))[0].tag.endswith("}composing")


async def test_discovery_says_what_the_network_can_do(on):
    info = "<iq type='get' id='d' from='{}' to='{}'><query xmlns='http://jabber.org/protocol/disco#info'{}/></iq>"
    features = "{http://jabber.org/protocol/disco#info}query/{http://jabber.org/protocol/disco#info}feature"

    async def asked(stage, to, node=""):
        stage.send(info.format(ALICE, to, f" node='{node}'" if node else ""))
        result = await stage.expect("iq", id="d")
        return {each.get("var") for each in result.iterfind(features)}, result

    async with on(**EVERYTHING, reactions_max=1, reactions_allowed=("👍", "👎")) as stage:
        for to in (ROOM, f"bob@{JID}"):
            found, result = await asked(stage, to)
            assert {
                "urn:xmpp:reply:0",
                "urn:xmpp:reactions:0",
                "urn:xmpp:message-correct:0",
                "urn:xmpp:message-retract:1",
                "http://jabber.org/protocol/chatstates",
                "urn:xmpp:styling:0",
            } <= found
            values = [each.text for each in result.iter("{jabber:x:data}value")]
            assert values[values.index("urn:xmpp:reactions:0:restrictions") + 1 :] == ["1", "👍", "👎"]
        traffic, _ = await asked(stage, ROOM, "http://jabber.org/protocol/muc#traffic")
        assert "urn:xmpp:reactions:0" in traffic


async def test_discovery_says_nothing_of_what_it_cannot_do(on):
    async with on() as stage:
        stage.send(
            f"<iq type='get' id='d' from='{ALICE}' to='{ROOM}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
        found = {each.get("var") for each in (await stage.expect("iq", id="d")).iter() if each.get("var")}
        assert not {
            each
            for each in found
            if "react" in each or "reply" in each or "correct" in each or "retract" in each
        }


async def test_reactions_that_are_not_allowed_are_refused_with_the_rules(on):
    async with on(**EVERYTHING, reactions_allowed=("👍", "👎")) as stage:
        sid = await said(stage, BOB, "b1", "cake!")
        stage.send(groupchat(ALICE, "r1", "", reacting(sid, "🍰")))
        error = await heard(stage, ALICE, type="error")
        assert condition(error) == "not-acceptable"
        assert "👍 👎" in "".join(error.itertext())


# -- what networks tell ----------------------------------------------------------------------------------------


async def test_a_reply_to_something_forgotten_brings_its_own_quote(on):
    async with on(**EVERYTHING) as stage:
        sink = stage.bridge.people["alice"].sink
        enrichment = Enrichment(Reply("ancient", "carl", "who is there?"), spans=(Span(0, 2, Style.STRONG),))
        sink.room_message("#room", Message("bob", "me too", foreign_id="n1", enrichment=enrichment))
        seen = await heard(stage, ALICE)
        assert body(seen) == "> carl: who is there?\n*me* too"
        assert seen.find(REPLY).get("id") == "ancient"


async def test_a_message_taken_back_before_anybody_saw_it_does_no_harm(on):
    async with on() as stage:
        stage.bridge.people["alice"].sink.retracted("#room", Retraction("bob", "never-seen"))
        stage.bridge.people["alice"].sink.retracted("#nowhere", Retraction("bob", "never-seen"))
        assert (await heard(stage, ALICE)).find(RETRACT).get("id") == "never-seen"


# -- networks of lines -----------------------------------------------------------------------------------------


async def test_a_reply_in_words_is_what_all_clients_see(on):
    async with on() as stage:
        sid = await said(stage, BOB, "b1", "shall we bake a cake?")
        quote = "> bob: shall we bake a cake?\n"
        stage.send(groupchat(ALICE, "a1", f"&gt;{quote[1:]}yes", reply_to(sid, quote)))
        for who in (ALICE, DESK, BOB):
            seen = await heard(stage, who)
            assert (body(seen), seen.find(REPLY), seen.find(FALLBACK)) == ("bob: yes", None, None)


async def test_a_correction_in_words_is_one_short_line_however_often_one_corrects(on):
    async with on() as stage:
        await said(stage, ALICE, "a1", "see you at teh pub tonight")
        stage.send(groupchat(ALICE, "a2", "see you at the pbu tonight", correcting("a1")))
        stage.send(groupchat(ALICE, "a3", "see you at the pub tonight", correcting("a1")))
        echo = await heard(stage, ALICE, id="a2")
        assert echo.find(REPLACE).get("id") == "a1", "the client that sent it is not left waiting"
        for who in (ALICE, DESK):
            assert body(await heard(stage, who, id="a3")) == "*the"
        assert body(await heard(stage, BOB)) == "*the"
        assert await stage.silence() == []


async def test_a_correction_that_changes_nothing_says_nothing(on):
    async with on() as stage:
        await said(stage, ALICE, "a1", "fine")
        stage.send(groupchat(ALICE, "a2", "fine", correcting("a1")))
        await heard(stage, ALICE, id="a2")
        # What waits to be said is said before what comes after it.
        stage.send(groupchat(ALICE, "a3", "next"))
        for who in (ALICE, DESK, BOB):
            assert body(await heard(stage, who)) == "next"
        assert (await stage.silence(), stage.bridge.said) == ([], ["fine", "next"])


async def test_a_correction_is_said_before_what_comes_after_it(on, monkeypatch):
    monkeypatch.setattr(corrections, "QUIET", 60)
    async with on() as stage:
        await said(stage, ALICE, "a1", "one too three four")
        stage.send(groupchat(ALICE, "a2", "one two three four", correcting("a1")))
        stage.send(groupchat(ALICE, "a3", "five"))
        await heard(stage, ALICE, id="a3")
        assert stage.bridge.said == ["one too three four", "*two", "five"]


async def test_a_correction_of_a_reply_compares_what_was_typed(on):
    async with on() as stage:
        sid = await said(stage, BOB, "b1", "when?")
        await said(stage, ALICE, "a1", "i will be there at nien", reply_to(sid))
        stage.send(groupchat(ALICE, "a2", "i will be there at nine", reply_to(sid) + correcting("a1")))
        assert body(await heard(stage, BOB)) == "*nine"


async def test_what_waits_to_be_said_is_said_when_the_gateway_stops(on, monkeypatch):
    monkeypatch.setattr(corrections, "QUIET", 60)
    async with on() as stage:
        await said(stage, ALICE, "a1", "one too three four")
        stage.send(groupchat(ALICE, "a2", "one two three four", correcting("a1")))
        await stage.silence()
        await stage.component.close("Bye.")
        assert stage.bridge.said[-1] == "*two"


async def test_reactions_and_retractions_are_refused_clearly(on):
    async with on() as stage:
        sid = await said(stage, ALICE, "a1", "oops")
        stage.send(groupchat(ALICE, "r1", "👍", reacting(sid, "👍")))
        error = await heard(stage, ALICE, type="error", id="r1")
        assert condition(error) == "not-acceptable"
        stage.send(groupchat(ALICE, "x1", "/me retracted", retracting(sid)))
        error = await heard(stage, ALICE, type="error", id="x1")
        assert condition(error) == "feature-not-implemented"
        assert "taken back" in "".join(error.itertext())
        stage.send(groupchat(ALICE, "r2", "", reacting(sid)))
        await heard(stage, ALICE, id="r2")
        assert stage.bridge.said == ["oops"]


async def test_reactions_in_lines_where_they_are_wanted(on):
    async with on(reaction_lines=True, retraction_lines=True) as stage:
        sid = await said(stage, BOB, "b1", "cake!")
        stage.send(groupchat(ALICE, "r1", "", reacting(sid, "👍")))
        assert body(await heard(stage, BOB)) == "bob: 👍 (“cake!”)"
        mine = await heard(stage, DESK, id="r1")
        assert mine.find(REACTIONS).get("id") == sid
        assert mine.find(FALLBACK).get("for") == "urn:xmpp:reactions:0"
        await stage.silence()
        own = await said(stage, ALICE, "a1", "oops")
        stage.send(groupchat(ALICE, "x1", "", retracting(own)))
        assert body(await heard(stage, BOB)) == "(I take back my last message.)"


async def test_private_chats_of_lines(on):
    async with on() as stage:
        stage.send(chat(BOB, "b1", "cake?", to=f"alice@{JID}"))
        first = await heard(stage, "alice@localhost", type="chat")
        stage.send(chat(ALICE, "a1", "yes plese bob", reply_to(first.get("id"))))
        assert body(await heard(stage, "bob@localhost", type="chat")) == "yes plese bob"
        stage.send(chat(ALICE, "a2", "yes please bob", correcting("a1")))
        assert body(await heard(stage, "bob@localhost", type="chat")) == "*please"
        stage.send(chat(ALICE, "r1", "", reacting(first.get("id"), "👍")))
        assert condition(await heard(stage, ALICE, type="error")) == "not-acceptable"
        stage.send(chat(ALICE, "t1", "", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"))
        assert [each for each in await stage.silence() if kind("message")(each)] == []


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ("<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>", "OMEMO"),
        ("<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", "OpenPGP"),
        ("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:otr:0'/><body>?OTR:x</body>", "OTR"),
    ],
)
@pytest.mark.parametrize("to", [ROOM, f"bob@{JID}", f"{ROOM}/bob", JID])
async def test_encryption_is_answered_once_by_name_everywhere(on, payload, name, to):
    async with on() as stage:
        sent = groupchat if to == ROOM else chat
        text = "this is secret" if "<body>" not in payload else ""
        stage.send(sent(ALICE, "e1", text, payload, to))
        error = await heard(stage, ALICE, type="error", id="e1")
        assert name in "".join(error.itertext())
        assert stage.bridge.said == []


async def test_keys_that_omemo_clients_exchange_are_let_go(on):
    async with on() as stage:
        keys = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>"
        stage.send(groupchat(ALICE, "e1", "", keys))
        stage.send(chat(ALICE, "e2", "", keys))
        assert await stage.silence() == []


# -- what mail has besides ---------------------------------------------------------------------------------------


async def test_subjects_and_threads_of_private_messages_go_both_ways(on):
    async with on(**EVERYTHING) as stage:
        head = "<subject>Tea &amp;  cake\n</subject><thread>t1</thread>"
        stage.send(chat(ALICE, "m1", "at five", head))
        heard_by_bob = await heard(stage, "bob@localhost", type="chat")
        assert heard_by_bob.findtext(f"{C}body") == "at five"
        assert heard_by_bob.findtext(f"{C}subject") == "Tea & cake"
        assert heard_by_bob.findtext(f"{C}thread") == "t1"


async def test_who_else_was_written_to_is_told_by_xep_0033(on):
    async with on(**EVERYTHING) as stage:
        recipients = (Recipient(Part.TO, "bob", "Bob <the builder>"), Recipient(Part.CC, "carol"))
        enrichment = Enrichment(subject="Tea", recipients=recipients)
        session = stage.bridge.people["alice"]
        session.sink.direct(Message("dave", "at five", enrichment=enrichment))
        stanza = await heard(stage, "alice@localhost", type="chat")
        found = stanza.find(f"{ADDRESS}addresses")
        assert [(each.get("type"), each.get("jid"), each.get("desc")) for each in found] == [
            ("to", f"bob@{JID}", "Bob <the builder>"),
            ("cc", f"carol@{JID}", None),
        ]
        assert stanza.findtext(f"{C}subject") == "Tea"


async def test_the_gateway_can_speak_for_the_network(on):
    async with on(**EVERYTHING) as stage:
        stage.bridge.people["alice"].sink.direct(Message("", "Mail for you is held back."))
        stanza = await heard(stage, "alice@localhost", type="chat")
        assert stanza.get("from") == JID
        assert stanza.findtext(f"{C}body") == "Mail for you is held back."
