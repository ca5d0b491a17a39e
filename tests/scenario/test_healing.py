"""A server or the gateway is killed with -9 in the middle of a conversation, and everything heals by itself."""

import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app import START_AGAIN
from gateway.playground.clients import (
    Line,
    Pattern,
    Unmet,
    XmppClient,
    error_condition,
    error_text,
    line,
    message,
    presence,
)
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, chatter, join_presence, meet
from tests.waiting import DEADLINE, eventually

NET = "ngircd"
SLOW = "slow"  # the same server, at one line a second
LINGER = 4
BODY = "{jabber:client}body"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["prosody", "ejabberd"])
async def stage(request: pytest.FixtureRequest, directory: Path, ngircd: NgIRCd) -> AsyncIterator[Stage]:
    play = Play(
        {
            NET: Door(ngircd.host, ngircd.port),
            SLOW: Door(ngircd.host, ngircd.port, {"throttle_rate": "0.5", "throttle_burst": "5"}),
        },
        limits={"linger_seconds": str(LINGER)},
    )
    place = directory / f"stage-{request.param}"
    place.mkdir()
    running = await Stage.start(place, request.param, play)
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, NET)


def moved(nick: str) -> Callable[[Line], bool]:
    return lambda one: one.sender == nick and one.command in {"QUIT", "PART", "JOIN", "NICK"}


def bodies(client: XmppClient) -> list[str]:
    return [one.findtext(BODY) or "" for one in chatter(client)]


def ours(scene: Scene) -> Pattern:
    return presence(scene.from_occupant(scene.nick), type="available", status=(110,))


async def joined_again(client: XmppClient, scene: Scene) -> None:
    """As clients do after a reconnection: until the gateway is linked again, the server answers for it."""
    while True:
        answer = await client.try_join(scene.room, scene.nick, history=None, within=DEADLINE)
        if error_condition(answer) is None:
            return


async def written_down(stage: Stage, *clients: XmppClient, words: str = "") -> None:
    """What the gateway was asked to keep is committed a moment after; a kill before that costs it."""
    with closing(sqlite3.connect(f"file:{stage.directory}/causeway.db?mode=ro", uri=True)) as database:

        def kept() -> bool:
            found = {row[0] for row in database.execute("SELECT jid FROM joined_resources")}
            said = database.execute("SELECT count(*) FROM archive WHERE body = ?", (words,)).fetchone()[0]
            return {client.jid for client in clients} <= found and (said == len(clients) or not words)

        await eventually(kept, "everything being written down")


def idle(stage: Stage, owner: str) -> bool:
    return any(one.get("user") == owner and one.get("state") == "idle" for one in stage.events("account"))


async def refused_by_the_server(client: XmppClient, room: str) -> None:
    """What is sent before the server has noticed the gateway's death is lost: XEP-0114 acknowledges nothing."""
    while True:
        id_ = client.say(room, "into the void", type="groupchat")
        try:
            await client.expect(message(type="error", id=id_), within=0.5)
        except Unmet:
            continue
        return


async def test_the_irc_session_outlives_the_xmpp_server(scene: Scene, company: Company) -> None:
    stage, carol = scene.stage, scene.carol
    await scene.talk("before")
    await stage.xmpp.kill()
    said = [f"meanwhile {number}" for number in range(3)]
    for words in said:
        carol.say(scene.channel, words)
    await carol.settle()
    links = len(list(stage.events("link up")))
    await stage.xmpp.restart()
    await stage.linked(links + 1)
    await company.reassure(scene.alice.bare)
    scene.alice = await company.device(scene.alice.bare, "desk")
    await joined_again(scene.alice, scene)
    await scene.alice.iq(scene.room, "<ping xmlns='urn:xmpp:ping'/>", within=DEADLINE)
    heard = [words for words in bodies(scene.alice) if words.startswith("meanwhile")]
    assert heard == said
    for stanza in chatter(scene.alice):
        assert stanza.find("{urn:xmpp:delay}delay") is not None
    scene.alice.inbox.clear()
    await scene.talk("after")
    # On IRC nothing happened at all: it is the same connection.
    assert not carol.inbox.waiting(moved(scene.nick))


async def test_a_killed_gateway_comes_back_into_the_room_and_shows_it_to_who_stayed(
    company: Company,
) -> None:
    scene = await meet(company, NET)
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    bob, nick = await company.user("bob"), stage.new("Bob")
    words = stage.new("before")  # and nobody else's: they are looked for in the archive
    carol.send(f"MODE {scene.channel} +k sesame")
    await carol.settle()
    await bob.join(scene.room, nick, password="sesame", within=DEADLINE)
    await carol.expect(line("JOIN", scene.channel, sender=nick))
    await scene.talk(words)
    await written_down(stage, alice, bob, words=f"{words}, says carol")
    await stage.gateway.kill()
    await carol.expect(line("QUIT", sender=nick), within=DEADLINE)
    await refused_by_the_server(alice, scene.room)
    await stage.restart_gateway()
    # Nobody does anything but wait. Bob gave the key; Alice was in before there was one, and it was remembered for her.
    for user, their in ((bob, nick), (alice, scene.nick)):
        await carol.expect(line("JOIN", scene.channel, sender=their), within=DEADLINE)
        await user.expect(presence(f"{scene.room}/{their}", type="available", status=(110,)), within=DEADLINE)
    id_ = bob.say(scene.room, "I am still here", type="groupchat")
    await carol.expect(line("PRIVMSG", scene.channel, "I am still here", sender=nick), within=DEADLINE)
    await bob.expect(message(f"{scene.room}/{nick}", "I am still here", id=id_), within=DEADLINE)
    await alice.expect(message(f"{scene.room}/{nick}", "I am still here"), within=DEADLINE)
    # Who comes without it is refused, and is shown what was said before the fall once let in.
    alice.leave(scene.room, scene.nick)
    await carol.expect(line("PART", scene.channel, sender=scene.nick), within=DEADLINE)
    alice.send(join_presence(scene.room, scene.nick))
    refused = await alice.expect(presence(type="error"), within=DEADLINE)
    assert "+k" in "".join(refused.itertext())
    await alice.join(scene.room, scene.nick, password="sesame", history=None, within=DEADLINE)
    await alice.expect(message(body=f"{words}, says alice", has=("{urn:xmpp:delay}delay",)), within=DEADLINE)
    await alice.expect(message(body=f"{words}, says carol", has=("{urn:xmpp:delay}delay",)), within=DEADLINE)


async def test_a_conversation_goes_on_over_a_killed_and_over_a_stopped_gateway(scene: Scene) -> None:
    stage, alice, carol = scene.stage, scene.alice, scene.carol
    await scene.talk("before")
    await written_down(stage, alice)
    await stage.gateway.kill()
    await carol.expect(line("QUIT", sender=scene.nick), within=DEADLINE)
    await stage.restart_gateway()
    await carol.expect(line("JOIN", scene.channel, sender=scene.nick), within=DEADLINE)
    await alice.expect(ours(scene), within=DEADLINE)
    await alice.expect(message(scene.room, type="groupchat", subject=""), within=DEADLINE)
    await scene.talk("after the kill")
    await stage.gateway.stop(grace=10.0)
    await alice.expect(
        presence(scene.from_occupant(scene.nick), type="unavailable", status=(110, 332)), within=DEADLINE
    )
    await stage.restart_gateway()
    await alice.expect(ours(scene), within=DEADLINE)
    await scene.talk("after the stop")
    alice.inbox.clear()
    stage.gateway.signal(signal.SIGUSR1)  # to be started again: nobody is told
    assert await stage.gateway.wait_ended(DEADLINE) == START_AGAIN
    await stage.restart_gateway()
    back = await alice.expect(presence(scene.from_occupant(scene.nick)), within=DEADLINE)
    assert back.get("type") is None
    await scene.talk("after the restart")
    assert not alice.inbox.waiting(presence(type="error"))


async def test_who_went_offline_while_the_gateway_was_dead_is_forgotten(
    scene: Scene, company: Company
) -> None:
    stage, carol = scene.stage, scene.carol
    bob, nick = await company.user("bob"), stage.new("Bob")
    await bob.join(scene.room, nick, within=DEADLINE)
    await written_down(stage, scene.alice, bob)
    await stage.gateway.kill()
    await carol.expect(line("QUIT", sender=scene.nick), within=DEADLINE)
    await scene.alice.close()
    await stage.restart_gateway()
    # Her server says that she is gone, perhaps before her IRC session is in the channel, perhaps after.
    await eventually(lambda: idle(stage, scene.alice.bare), "alice's session to be ended")
    carol.inbox.clear()
    carol.send(f"NAMES {scene.channel}")
    names = await carol.expect(line("353"), within=DEADLINE)
    present = names.params[-1].split()
    assert nick in present
    assert scene.nick not in present
    id_ = bob.say(scene.room, "and I am here", type="groupchat")
    await bob.expect(message(f"{scene.room}/{nick}", "and I am here", id=id_), within=DEADLINE)
    await carol.expect(line("PRIVMSG", scene.channel, "and I am here", sender=nick))


async def test_a_killed_irc_server_is_told_once_and_entered_again(
    scene: Scene, company: Company, ngircd: NgIRCd
) -> None:
    stage, alice = scene.stage, scene.alice
    await scene.talk("before")
    await ngircd.kill()
    lost = await alice.expect(
        lambda one: one.get("from") == scene.room and "was lost" in (one.findtext(BODY) or ""),
        "to be told of the loss",
        within=DEADLINE,
    )
    assert "Reconnecting" in (lost.findtext(BODY) or "")
    id_ = alice.say(scene.room, "into the void", type="groupchat")
    refused = await alice.expect(message(type="error", id=id_), within=DEADLINE)
    assert error_condition(refused) == "remote-server-timeout"
    assert "not sent" in error_text(refused)
    tries = [record for record in stage.events("account") if record.get("state") == "transient-disconnect"]
    assert tries
    await ngircd.restart()
    await alice.expect(
        lambda one: one.get("from") == scene.room and "again" in (one.findtext(BODY) or ""),
        "to be told that all is well",
        within=DEADLINE,
    )
    scene.carol = await company.irc(NET)
    await scene.carol.join(scene.channel)
    await alice.expect(presence(scene.from_occupant(scene.carol.nick), type="available"), within=DEADLINE)
    await scene.talk("after")
    assert not bodies(alice)
    assert not alice.inbox.waiting(presence(scene.from_occupant(scene.nick), type="unavailable"))


async def test_every_message_is_either_reflected_or_refused_when_the_irc_server_dies(
    company: Company, ngircd: NgIRCd
) -> None:
    scene = await meet(company, SLOW)
    alice = scene.alice
    ids = {alice.say(scene.room, f"line {number}", type="groupchat") for number in range(30)}
    await scene.carol.expect(line("PRIVMSG", scene.channel, "line 2"), within=DEADLINE)
    await ngircd.kill()

    def fate(type_: str) -> list[str]:
        return [
            one.get("id") or "" for one in alice.inbox.waiting(message(type=type_)) if one.get("id") in ids
        ]

    try:
        await eventually(
            lambda: len(fate("groupchat")) + len(fate("error")) >= len(ids), "an answer to every message"
        )
    finally:
        await ngircd.restart()
    assert sorted(fate("groupchat") + fate("error")) == sorted(ids)
    assert fate("error")


async def test_a_neighbour_on_another_network_notices_nothing(scene: Scene, company: Company) -> None:
    """Dead networks are tried in the background, whoever else talks."""
    stranger = await company.user("stranger")
    refused = await stranger.try_join(scene.stage.room("#x", "nowhere.invalid"), "S", within=DEADLINE)
    assert error_condition(refused) is not None
    await scene.talk("as ever")
