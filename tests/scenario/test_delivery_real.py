"""kill -9 in a flood of messages, with real servers: every message is there exactly once, known by its id."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from gateway.playground.clients import XmppClient, error_condition, line, message
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Door, Play, Scene, Stage, meet
from tests.waiting import DEADLINE, eventually

NET = "ngircd"
BODY = "{jabber:client}body"
SID = "{urn:xmpp:sid:0}stanza-id"
FLOOD = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["prosody", "ejabberd"])
async def stage(request: pytest.FixtureRequest, directory: Path, ngircd: NgIRCd) -> AsyncIterator[Stage]:
    limits = {"foreign_messages_per_minute": "0"}
    play = Play({NET: Door(ngircd.host, ngircd.port)}, limits=limits)
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


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger says of one message."""

    id: str
    state: str
    active: bool


def ledger(stage: Stage, owner: str, *, inbound: bool) -> list[Row]:
    with closing(sqlite3.connect(f"file:{stage.directory}/causeway.db?mode=ro", uri=True)) as database:
        query = "SELECT stanza_id, state, active FROM deliveries WHERE owner = ? AND inbound = ?"
        return [Row(*row) for row in database.execute(query, (owner, inbound))]


class Reader:
    """Everything that the clients of one user were ever shown."""

    def __init__(self) -> None:
        self.seen: list[Element] = []

    def watch(self, client: XmppClient) -> None:
        self.seen.extend(client.inbox.waiting(lambda one: one.tag == "{jabber:client}message"))
        client.observe(lambda _, one: self.seen.append(one))

    def texts(self, start: str, type_: str = "chat") -> Counter[str]:
        """The texts that begin so, each counted once for every id it came with."""
        found = {}
        for one in self.seen:
            text = one.findtext(BODY) or ""
            if text.startswith(start) and one.get("type") == type_:
                sid = one.find(SID) if type_ == "groupchat" else None
                found[sid.get("id") if sid is not None else one.get("id")] = text
        return Counter(found.values())

    def answered(self, id_: str) -> bool:
        return any(one.get("type") == "error" and one.get("id") == id_ for one in self.seen)


async def flood(
    scene: Scene, target: str, start: str, count: int, halfway: asyncio.Event | None = None
) -> None:
    """carol says so many lines, as fast as an IRC server lets her."""
    for number in range(count):
        scene.carol.say(target, f"{start} {number}")
        if number == count // 2 and halfway is not None:
            halfway.set()
        await asyncio.sleep(0.004)
    await scene.carol.settle()


async def back(scene: Scene, reader: Reader) -> None:
    """alice logs in again after the server was away."""
    await scene.company.reassure(scene.alice.bare)
    scene.alice = await scene.company.device(scene.alice.bare, "desk")
    reader.watch(scene.alice)


async def test_a_server_killed_in_a_flood_of_private_messages_loses_and_repeats_none(scene: Scene) -> None:
    stage, reader, halfway = scene.stage, Reader(), asyncio.Event()
    reader.watch(scene.alice)
    start = stage.new("flood")
    flooding = asyncio.create_task(flood(scene, scene.nick, start, FLOOD, halfway))
    await halfway.wait()
    links = len(list(stage.events("link up")))
    await stage.xmpp.kill()
    await flooding
    await stage.xmpp.restart()
    await back(scene, reader)
    await stage.linked(links + 1)
    await eventually(lambda: len(reader.texts(start)) >= FLOOD, "every message")
    assert reader.texts(start) == Counter(f"{start} {number}" for number in range(FLOOD))


async def test_a_gateway_killed_in_a_flood_forgets_nothing_that_it_had_written_down(scene: Scene) -> None:
    stage, reader, halfway = scene.stage, Reader(), asyncio.Event()
    owner = scene.alice.bare
    reader.watch(scene.alice)
    start = stage.new("flood")
    flooding = asyncio.create_task(flood(scene, scene.nick, start, FLOOD, halfway))
    await halfway.wait()
    await stage.gateway.kill()
    await flooding
    kept = {row.id for row in ledger(stage, owner, inbound=True)}
    assert len(kept) > 10, "the flood was under way"
    await stage.restart_gateway()
    await eventually(
        lambda: kept <= {one.get("id") for one in reader.seen}, "everything that was written down"
    )
    texts = reader.texts(start)
    assert set(texts.values()) == {1}
    numbers = sorted(int(text.rpartition(" ")[2]) for text in texts)
    assert numbers == list(range(len(numbers))), "no gap before the end"


async def test_a_gateway_killed_while_a_user_writes_leaves_no_message_without_a_word(scene: Scene) -> None:
    stage, alice, reader = scene.stage, scene.alice, Reader()
    reader.watch(alice)
    start = stage.new("private")
    contact = stage.contact(scene.carol.nick, NET)
    ids = {}
    for number in range(120):
        ids[alice.say(contact, f"{start} {number}")] = f"{start} {number}"
        if number == 60:
            await scene.carol.expect(line("PRIVMSG", scene.carol.nick, f"{start} 30"), within=DEADLINE)
            await stage.gateway.kill()
        await asyncio.sleep(0.002)
    rows = ledger(stage, alice.bare, inbound=False)
    assert rows
    await stage.restart_gateway()
    heard = Counter(
        text
        for one in scene.carol.inbox.waiting(line("PRIVMSG"))
        if (text := one.params[1]).startswith(start)
    )
    heard[f"{start} 30"] += 1  # that was taken out above
    accepted = {row.id for row in rows if row.state == "accepted"}
    for row in rows:
        if row.id not in accepted:
            await alice.expect(message(type="error", id=row.id), within=DEADLINE)
    for row in rows:
        assert heard[ids[row.id]] or row.id not in accepted
    assert max(heard.values()) == 1


async def test_a_room_is_shown_without_gaps_when_the_server_is_killed_in_a_flood(
    scene: Scene, company: Company
) -> None:
    """Of a room, a client that comes back is shown the history it asks for: all of it here, each message once by its id."""
    stage, reader, halfway = scene.stage, Reader(), asyncio.Event()
    reader.watch(scene.alice)
    start, count = stage.new("room"), 80  # less than a room remembers
    flooding = asyncio.create_task(flood(scene, scene.channel, start, count, halfway))
    await halfway.wait()
    links = len(list(stage.events("link up")))
    await stage.xmpp.kill()
    await flooding
    await stage.xmpp.restart()
    await stage.linked(links + 1)
    await back(scene, reader)
    while error_condition(await scene.alice.try_join(scene.room, scene.nick, history=200, within=DEADLINE)):
        continue
    await eventually(lambda: len(reader.texts(start, "groupchat")) >= count, "every message of the room")
    assert reader.texts(start, "groupchat") == Counter(f"{start} {number}" for number in range(count))
