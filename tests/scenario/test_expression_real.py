"""What people on IRC read when somebody on XMPP replies, corrects, reacts or takes back: Prosody with InspIRCd, which relays
client tags, ejabberd with ngIRCd, which has none. Which payloads an XMPP server lets through is only known by trying."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import error_condition, line, message
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet

SID = "{urn:xmpp:sid:0}stanza-id"


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[("prosody", "inspircd"), ("ejabberd", "ngircd")],
    ids="-".join,
)
async def stage(
    request: pytest.FixtureRequest, directory: Path, inspircd: InspIRCd, ngircd: NgIRCd
) -> AsyncIterator[Stage]:
    xmpp, irc = request.param
    server = inspircd if irc == "inspircd" else ngircd
    place = directory / f"stage-{xmpp}"
    place.mkdir()
    running = await Stage.start(place, xmpp, Play({irc: Door(server.host, server.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company, stage: Stage) -> Scene:
    return await meet(company, next(iter(stage.play.networks)))


def send(scene: Scene, body: str, payload: str) -> str:
    """A message of alice's to the room, with what else is in it; its id."""
    id_ = scene.alice.new_id()
    text = f"<body>{escape(body)}</body>" if body else ""
    scene.alice.send(
        f"<message to={quoteattr(scene.room)} type='groupchat' id='{id_}'>{text}{payload}</message>"
    )
    return id_


async def said_by_carol(scene: Scene, words: str) -> str:
    """Its id in the room."""
    scene.carol.say(scene.channel, words)
    got = await scene.alice.expect(message(scene.from_occupant(scene.carol.nick), words))
    ids = {each.get("by"): each.get("id") or "" for each in got.iterfind(SID)}
    return ids[scene.room]


async def test_a_reply_is_read_as_people_on_irc_write_it(scene: Scene) -> None:
    id_ = await said_by_carol(scene, "shall we bake a cake? 🍰")
    quote = f"> {scene.carol.nick}: shall we bake a cake? 🍰\n"
    reply = (
        f"<reply xmlns='urn:xmpp:reply:0' id={quoteattr(id_)} to={quoteattr(scene.from_occupant(scene.carol.nick))}/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
        f"<body start='0' end='{len(quote)}'/></fallback>"
    )
    sent = send(scene, f"{quote}yes", reply)
    tagged = scene.network == "inspircd"
    words = "yes" if tagged else f"{scene.carol.nick}: yes"
    shown = f"{quote}yes" if tagged else words
    await scene.carol.expect(line("PRIVMSG", scene.channel, words, sender=scene.nick))
    await scene.alice.expect(message(scene.from_occupant(scene.nick), shown, id=sent))
    sent = send(scene, f"{quote}still yes", reply.replace(id_, "nobody-knows-this"))
    if not tagged:
        await scene.carol.expect(
            line("PRIVMSG", scene.channel, f"> <{scene.carol.nick}> shall we bake a cake? 🍰")
        )
    await scene.carol.expect(line("PRIVMSG", scene.channel, "still yes"))


async def test_a_correction_is_one_line_however_often_one_corrects(scene: Scene) -> None:
    first = send(scene, "see you at teh pub tonight", "")
    await scene.carol.expect(line("PRIVMSG", scene.channel, "see you at teh pub tonight"))
    replace = f"<replace xmlns='urn:xmpp:message-correct:0' id='{first}'/>"
    echoed = send(scene, "see you at the pbu tonight", replace)
    last = send(scene, "see you at the pub tonight", replace)
    await scene.alice.expect(message(scene.from_occupant(scene.nick), id=echoed))
    await scene.carol.inbox.take_next(line("PRIVMSG", scene.channel, "*the", sender=scene.nick))
    await scene.alice.expect(message(scene.from_occupant(scene.nick), "*the", id=last))


async def test_reactions_without_tags_and_retractions_are_refused_and_nobody_on_irc_sees_them(
    scene: Scene,
) -> None:
    id_ = await said_by_carol(scene, "cake!")
    reaction = (
        f"<reactions xmlns='urn:xmpp:reactions:0' id={quoteattr(id_)}><reaction>👍</reaction></reactions>"
        "<store xmlns='urn:xmpp:hints'/>"
    )
    sent = send(scene, "", reaction)
    if scene.network != "inspircd":
        error = await scene.alice.expect(message(type="error", id=sent))
        assert error_condition(error) == "not-acceptable"
    mine = send(scene, "oops", "")
    got = await scene.alice.expect(message(scene.from_occupant(scene.nick), "oops", id=mine))
    sid = got.find(SID)
    assert sid is not None
    sent = send(
        scene,
        "/me retracted a previous message, but it's unsupported by your client.",
        f"<retract xmlns='urn:xmpp:message-retract:1' id={quoteattr(sid.get('id') or '')}/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>",
    )
    error = await scene.alice.expect(message(type="error", id=sent))
    assert error_condition(error) == "feature-not-implemented"
    await scene.carol.expect(line("PRIVMSG", scene.channel, "oops"))
    await scene.settle()
    assert not scene.carol.inbox.waiting(lambda one: one.command == "PRIVMSG")


async def test_encrypted_messages_do_not_reach_irc(scene: Scene) -> None:
    secret = (
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>c2VjcmV0</payload></encrypted>"
        "<encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='eu.siacs.conversations.axolotl'/>"
        "<store xmlns='urn:xmpp:hints'/>"
    )
    for body in ("I sent you an OMEMO encrypted message", ""):
        sent = send(scene, body, secret)
        error = await scene.alice.expect(message(type="error", id=sent))
        assert "OMEMO" in "".join(error.itertext())
    await scene.settle()
    assert not scene.carol.inbox.waiting(lambda one: one.command == "PRIVMSG")
