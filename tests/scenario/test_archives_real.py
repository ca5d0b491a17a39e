"""Archives between real servers: Prosody passes on what was asked and what was found, InspIRCd is where it was said."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, line, message
from gateway.playground.inspircd import InspIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "inspircd"
MAM, RSM = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm"
RESULT = f"{{{MAM}}}result"
MESSAGE = f"{RESULT}/{{urn:xmpp:forward:0}}forwarded/{{jabber:client}}message"
BODY = "{jabber:client}body"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path, inspircd: InspIRCd) -> AsyncIterator[Stage]:
    place = directory / "stage-archives"
    place.mkdir()
    running = await Stage.start(place, "prosody", Play({NET: Door(inspircd.host, inspircd.port)}))
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def scene(company: Company) -> Scene:
    return await meet(company, NET)


async def ask(
    client: XmppClient, archive: str, form: str = "", page: str = ""
) -> tuple[list[Element], Element]:
    """The messages found, and what is said at their end."""
    fields = f"<field var='FORM_TYPE'><value>{MAM}</value></field>{form}"
    answer = await client.iq(
        archive,
        f"<query xmlns='{MAM}' queryid='q'><x xmlns='jabber:x:data' type='submit'>{fields}</x>"
        f"<set xmlns='{RSM}'>{page}</set></query>",
        type="set",
        within=DEADLINE,
    )
    assert answer.get("type") == "result"
    results = client.inbox.waiting(lambda one: one.find(RESULT) is not None)
    client.inbox.clear()
    return results, answer[0]


def field(name: str, value: str) -> str:
    return f"<field var={quoteattr(name)}><value>{escape(value)}</value></field>"


def part(stanza: Element, path: str) -> Element:
    found = stanza.find(path)
    assert found is not None
    return found


def bodies(results: list[Element]) -> list[str]:
    return [result.findtext(f"{MESSAGE}/{BODY}") or "" for result in results]


async def said_after(client: XmppClient, room: str, after: str, words: str) -> list[str]:
    """What is in the archive after a message, once ``words`` are."""

    async def found() -> list[str]:
        results, _ = await ask(client, room, page=f"<after>{after}</after>")
        return bodies(results) if words in bodies(results) else []

    return await eventually(found, f"{words!r} in the archive")


async def test_what_was_said_while_nobody_looked_is_found_afterwards(scene: Scene, company: Company) -> None:
    alice, carol, stage = scene.alice, scene.carol, scene.stage
    await scene.talk("before")
    carol.say(scene.channel, "\x01ACTION thinks\x01")
    await scene.settle()
    found, end = await ask(alice, scene.room)
    assert bodies(found) == ["before, says alice", "before, says carol", "/me thinks"]
    assert end.get("complete") == "true"
    senders = [part(result, MESSAGE).get("from") for result in found]
    assert senders == [scene.from_occupant(nick) for nick in (scene.nick, carol.nick, carol.nick)]
    last = part(found[-1], RESULT).get("id") or ""
    # The gateway dies, and somebody else goes on talking: what it heard is there, under the ids it had.
    await stage.restart_gateway()
    await carol.expect(line("JOIN", scene.channel, sender=scene.nick), within=DEADLINE)
    carol.say(scene.channel, "after the restart")
    assert await said_after(alice, scene.room, last, "after the restart") == ["after the restart"]
    assert bodies((await ask(alice, scene.room, field("with", scene.from_occupant(scene.nick))))[0]) == [
        "before, says alice"
    ]
    # Nobody else reads it.
    bob = await company.user("bob")
    assert (await ask(bob, scene.room))[0] == []


async def test_private_chats_are_found_both_ways_and_passwords_are_not(scene: Scene) -> None:
    alice, carol, stage = scene.alice, scene.carol, scene.stage
    contact = stage.contact(carol.nick.lower(), scene.network)
    alice.say(contact, "only for you")
    await carol.expect(line("PRIVMSG", carol.nick, "only for you", sender=scene.nick))
    carol.say(scene.nick, "and for you")
    await alice.expect(message(body="and for you", type="chat"))
    alice.say(contact, "IDENTIFY hunter2")
    await carol.expect(line("PRIVMSG", carol.nick, "IDENTIFY hunter2", sender=scene.nick))
    for archive, form in ((contact, ""), ("irc.localhost", field("with", contact)), ("irc.localhost", "")):
        found, end = await ask(alice, archive, form)
        assert bodies(found) == ["only for you", "and for you"]
        assert end.findtext(f"{{{RSM}}}set/{{{RSM}}}count") == "2"
    with closing(sqlite3.connect(f"file:{stage.directory}/causeway.db?mode=ro", uri=True)) as database:

        def gone() -> bool:
            found = [
                database.execute(f"SELECT count(*) FROM {table} WHERE body LIKE '%hunter2%'").fetchone()[0]
                for table in ("archive", "deliveries")
            ]
            return found == [0, 0]

        await eventually(gone, "the password being gone")
