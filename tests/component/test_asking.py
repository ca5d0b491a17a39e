"""What users ask of a network: which rooms it has, and what the software of its people is. And what people ask of users."""

import pytest

from gateway.model import Question
from tests.component.stage import ALICE, BOB, JID, ROOM, condition, staged
from tests.loopback.asking import AskingBridge

NETWORK = f"loop@{JID}"
ITEMS, RSM = "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/rsm"


@pytest.fixture
def bridge():
    return AskingBridge()


@pytest.fixture
async def stage(tmp_path, server, bridge):
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await stage.silence()
        yield stage


async def ask(stage, to, payload, who=ALICE, id_="q"):
    stage.send(f"<iq type='get' id='{id_}' from='{who}' to='{to}'>{payload}</iq>")
    return await stage.expect("iq", id=id_, to=who)


async def items(stage, rsm="", **more):
    answer = await ask(stage, NETWORK, f"<query xmlns='{ITEMS}'>{rsm}</query>", **more)
    if answer.get("type") == "error":
        return answer
    query = answer.find(f"{{{ITEMS}}}query")
    return [
        (item.get("jid"), item.get("name")) for item in query.findall(f"{{{ITEMS}}}item")
    ], query.findtext(f"{{{RSM}}}set/{{{RSM}}}count")


def page(**values):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<set xmlns='{RSM}'>{inner}</set>"


async def test_the_rooms_of_a_network_are_its_items_with_people_and_topic(stage, bridge):
    await stage.join(BOB, room=f"#zoo@{JID}", nick="bob")
    stage.send(f"<message type='groupchat' from='{BOB}' to='#zoo@{JID}'><subject>Bears</subject></message>")
    await stage.silence()
    assert await items(stage) == (
        [(ROOM, f"{ROOM.partition('@')[0]} (2)"), (f"#zoo@{JID}", "#zoo (1): Bears")],
        "2",
    )


async def test_pages_come_from_one_list_and_without_a_count_until_it_is_whole(stage, bridge):
    for name in ("a", "b", "c"):
        await stage.join(room=f"#{name}@{JID}")
    await stage.silence()
    bridge.complete = False
    first, count = await items(stage, page(max=2))
    assert len(first) == 2
    assert count is None
    bridge.complete = True
    rest, count = await items(stage, page(max=5, after=first[-1][0]))
    assert len(rest) == 2
    assert count == "4"
    assert not set(first) & set(rest)
    assert bridge.asked_anew == [True, False]
    gone = await items(stage, page(after=f"#nowhere@{JID}"))
    assert condition(gone) == "item-not-found"


async def test_who_is_not_connected_is_told_so(stage):
    answer = await items(stage, who="carol@localhost/x")
    assert condition(answer) == "recipient-unavailable"


@pytest.mark.parametrize("to", [f"bob@{JID}", f"{ROOM}/bob"])
async def test_a_users_client_answers_for_its_software(stage, to):
    stage.send(f"<iq type='get' id='v' from='{ALICE}' to='{to}'><query xmlns='jabber:iq:version'/></iq>")
    asked = await stage.expect("iq", type="get", to=BOB)
    assert asked.get("from") == f"alice@{JID}"
    stage.send(
        f"<iq type='result' id='{asked.get('id')}' from='{BOB}' to='{asked.get('from')}'>"
        "<query xmlns='jabber:iq:version'><name>e2e test</name><version>1.0</version><os>Fedora</os></query></iq>"
    )
    answer = await stage.expect("iq", id="v", type="result", to=ALICE)
    assert answer.get("from") == to
    name = answer.findtext("{jabber:iq:version}query/{jabber:iq:version}name")
    assert name.startswith("e2e test (through the ")
    assert name.endswith(") 1.0 Fedora")


async def test_a_client_that_says_nothing_of_itself_leaves_the_answer_to_the_bridge(stage, bridge):
    stage.send(f"<iq type='get' id='v' from='{ALICE}' to='bob@{JID}'><query xmlns='jabber:iq:version'/></iq>")
    asked = await stage.expect("iq", type="get", to=BOB)
    stage.send(
        f"<iq type='error' id='{asked.get('id')}' from='{BOB}' to='{asked.get('from')}'>"
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )
    answer = await stage.expect("iq", id="v", type="result", to=ALICE)
    assert answer.findtext("{jabber:iq:version}query/{jabber:iq:version}name") == ""


async def test_pings_go_through_to_others_and_stop_here_for_oneself(stage):
    stage.send(f"<iq type='get' id='p' from='{ALICE}' to='{ROOM}/bob'><ping xmlns='urn:xmpp:ping'/></iq>")
    asked = await stage.expect("iq", type="get", to=BOB)
    assert asked.find("{urn:xmpp:ping}ping") is not None
    stage.send(f"<iq type='result' id='{asked.get('id')}' from='{BOB}' to='{asked.get('from')}'/>")
    assert (await stage.expect("iq", id="p", to=ALICE)).get("type") == "result"
    own = await ask(stage, f"{ROOM}/alice", "<ping xmlns='urn:xmpp:ping'/>")
    assert own.get("type") == "result"
    for to, why in ((f"{ROOM}/nobody", "item-not-found"), (f"nobody@{JID}", "item-not-found")):
        assert condition(await ask(stage, to, "<ping xmlns='urn:xmpp:ping'/>")) == why
    assert await stage.silence() == []


@pytest.mark.parametrize(
    ("words", "utc", "tzo"),
    [
        ("Sat, 21 Nov 2026 08:18:12 +0100", "2026-11-21T07:18:12Z", "+01:00"),
        ("Sat Nov 21 06:18:12 2026", "2026-11-21T06:18:12Z", "+00:00"),
        ("2026-11-21T01:18:12-05:30", "2026-11-21T06:48:12Z", "-05:30"),
        ("half past nine", None, None),
        ("", None, None),
    ],
)
async def test_times_are_read_out_of_words(stage, bridge, words, utc, tzo):
    bridge.words[Question.TIME] = words
    answer = await ask(stage, f"bob@{JID}", "<time xmlns='urn:xmpp:time'/>")
    if utc is None:
        assert condition(answer) == "undefined-condition"
        return
    told = answer.find("{urn:xmpp:time}time")
    assert (told.findtext("{urn:xmpp:time}utc"), told.findtext("{urn:xmpp:time}tzo")) == (utc, tzo)


@pytest.mark.parametrize(
    ("utc", "tzo", "words"),
    [
        ("2026-11-21T06:18:12Z", "+01:00", "Sat, 21 Nov 2026 07:18:12 +0100"),
        ("2026-11-21T06:18:12Z", "Z", "Sat, 21 Nov 2026 06:18:12 +0000"),
        ("yesterday", "+01:00", ""),
        ("2026-11-21T06:18:12Z", "+99:99", ""),
    ],
)
async def test_a_users_time_is_told_as_people_write_it(stage, bridge, utc, tzo, words):
    told = []
    bridge.people["bob"].sink.asked("alice", Question.TIME, told.append)
    asked = await stage.expect("iq", type="get", to=BOB)
    stage.send(
        f"<iq type='result' id='{asked.get('id')}' from='{BOB}' to='{asked.get('from')}'>"
        f"<time xmlns='urn:xmpp:time'><tzo>{tzo}</tzo><utc>{utc}</utc></time></iq>"
    )
    await stage.silence()
    assert told == [words]
