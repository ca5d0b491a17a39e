"""Archives of private chats: both ways, and nothing that failed or must not be kept."""

import pytest

from gateway.chat import corrections
from tests.component.archive import SID, UNLIMITED, ask, form, parts, rsm, say, tell
from tests.component.stage import ALICE, BOB, JID, ROOM, staged
from tests.loopback.expressing import ExpressiveBridge


@pytest.fixture
async def stage(tmp_path, server):
    async with staged(tmp_path, server=server, usage=UNLIMITED) as stage:
        await stage.join()
        yield stage


async def test_a_private_chat_is_archived_both_ways_at_the_contact_and_at_the_gateway(stage):
    await stage.join(BOB, nick="bob")
    first = await tell(stage, "hello bob")
    await tell(stage, "hello alice", who=BOB, to=f"alice@{JID}")
    await tell(stage, "/me waves", to=f"{ROOM}/bob")
    await stage.join("carol@localhost/x", nick="carol")
    await tell(stage, "to carol", to=f"carol@{JID}")
    with_bob = ["hello bob", "hello alice", "/me waves"]
    found = await ask(stage, to=f"bob@{JID}")
    assert (found.bodies, found.complete, found.page("count")) == (with_bob, True, "3")
    ends = [(each.get("from"), each.get("to"), each.get("type")) for each in found.messages]
    mine, his = ("alice@localhost", f"bob@{JID}", "chat"), (f"bob@{JID}", "alice@localhost", "chat")
    assert ends == [mine, his, mine]
    assert found.messages[0].get("id") == "p-hello bob"
    for asked, bodies in {
        "": [*with_bob, "to carol"],
        form(with_=f"bob@{JID}"): with_bob,
        form(with_=f"BOB@{JID}"): with_bob,
        form(with_=f"{ROOM}/bob"): with_bob,
        form(with_=ROOM): [],
        form(with_=JID): [],
        form(with_="bob@localhost"): [],
    }.items():
        assert (await ask(stage, asked, to=JID)).bodies == bodies
    last = (await ask(stage, rsm("<before/><max>1</max>"), to=JID)).messages[0]
    assert last.get("to") == f"carol@{JID}"
    # Whom it went to has it under the id that came with it.
    theirs = await ask(stage, to=f"alice@{JID}", who=BOB)
    assert theirs.bodies == with_bob
    stanza_id = first.find(SID)
    assert (stanza_id.get("by"), stanza_id.get("id")) == (f"alice@{JID}", theirs.ids[0])
    found = await ask(stage, form(after_id=theirs.ids[0]), to=f"alice@{JID}", who=BOB)
    assert found.bodies == with_bob[1:]


async def test_what_failed_or_must_not_be_kept_is_in_no_archive(stage):
    await stage.join(BOB, nick="bob")
    hint = "<no-store xmlns='urn:xmpp:hints'/>"
    stage.send(f"<message type='chat' id='x' from='{ALICE}' to='nobody@{JID}'><body>lost</body></message>")
    await stage.expect("message", type="error", id="x")
    await tell(stage, "burn this", payload=hint)
    await tell(stage, "keep this")
    await say(stage, "burn that", payload=hint.replace("no-store", "no-permanent-store"))
    await say(stage, "keep that")
    assert (await ask(stage, to=JID)).bodies == ["keep this"]
    assert (await ask(stage)).bodies == ["keep that"]


async def test_a_correction_in_words_is_one_in_the_archive_or_not_kept_either(tmp_path, server, monkeypatch):
    monkeypatch.setattr(corrections, "QUIET", 0.1)
    async with staged(tmp_path, server=server, bridge=ExpressiveBridge()) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        fix = "<replace xmlns='urn:xmpp:message-correct:0' id='{}'/>".format
        hint = "<no-store xmlns='urn:xmpp:hints'/>"
        for id_, text, more in (
            ("p1", "see you at teh pub", ""),
            ("p2", "see you at the pub", fix("p1")),
            ("p3", "burn tihs", hint),
            ("p4", "burn this", fix("p3") + hint),
        ):
            stage.send(
                f"<message type='chat' id='{id_}' from='{ALICE}' to='bob@{JID}'><body>{text}</body>{more}</message>"
            )
            await stage.expect("message", to="bob@localhost")
        found = await ask(stage, to=f"bob@{JID}")
        assert found.bodies == ["see you at teh pub", "see you at the pub"]
        assert parts(found.messages[1], "replace")[0].get("id") == found.messages[0].get("id") == "p1"

        say_there = (
            f"<message type='groupchat' id='{{}}' from='{ALICE}' to='{ROOM}'><body>{{}}</body>{{}}</message>"
        )
        stage.send(say_there.format("r1", "burn taht", hint))
        stage.send(say_there.format("r2", "burn that", fix("r1") + hint))
        await stage.expect("message", to=BOB, type="groupchat")
        await stage.expect("message", to=BOB, type="groupchat")
        assert (await ask(stage)).bodies == []


async def test_a_password_told_to_services_is_in_no_archive(tmp_path, server):
    class Discreet(ExpressiveBridge):
        def confidential(self, address, text):
            return address.name == "bob" and text.startswith("identify ")

    async with staged(tmp_path, server=server, bridge=Discreet(confidences=True)) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await tell(stage, "identify hunter2")
        await tell(stage, "help")
        assert (await ask(stage, to=f"bob@{JID}")).bodies == ["help"]
