"""A real process with the ledger in it, ended by a real SIGKILL wherever it happens to be, again and again.

Which lives end after how many of its deeds is drawn from a seed; what the process was doing in that microsecond is not.
"""

import multiprocessing
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.storage.database import opened
from gateway.xmpp.stanza import COMPONENT
from tests.rig.postgres import Postgres
from tests.unit.delivery.mortal import live
from tests.unit.delivery.world import World, parsed

LIVES = 12
MESSAGES = 40
SECONDS = 60.0


@dataclass
class Outside:
    """The network and the user's server, which live on."""

    taken: dict[str, str] = field(default_factory=dict)  # what the network has, by our references
    pushed: list[str] = field(default_factory=list)  # what the network keeps until we have it
    written: list[str] = field(default_factory=list)  # what the user has not written yet
    shown: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hear(self, kind: str, *what: str) -> tuple[str, str] | None:
        """What the process said; gives what it is answered."""
        if kind == "kept" and what[0] in self.pushed:
            self.pushed.remove(what[0])
        elif kind == "tell":
            self.taken[what[0]] = what[1]
            return "done", what[0]
        elif kind == "stanza":
            stanza = parsed(what[0])
            if stanza.tag.endswith("}iq"):
                answer = f"<iq type='result' id='{stanza.get('id')}' from='{stanza.get('to')}' to='{stanza.get('from')}'/>"
                return "stanza", answer
            if stanza.get("type") == "error":
                self.errors.append(stanza.get("id") or "")
            else:
                self.shown.append((stanza.get("id") or "", stanza.findtext(f"{{{COMPONENT}}}body") or ""))
        return None

    @property
    def satisfied(self) -> bool:
        return not self.pushed and not self.written


def one_life(outside: Outside, url: str, deeds: int | None, pause: float) -> None:
    """Run the process until it has said so many things; None: until nobody wants anything more of it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.unit.delivery.mortal"])
    ours, theirs = context.Pipe()
    process = context.Process(target=live, args=(url, theirs), daemon=True)
    process.start()
    theirs.close()
    deadline = time.monotonic() + SECONDS
    heard, flushing = 0, False
    try:
        while deeds is None or heard < deeds:
            assert ours.poll(max(0.0, deadline - time.monotonic())), "the process says nothing any more"
            said = ours.recv()
            heard += 1
            if said[0] == "flushed":
                break
            if said[0] == "ready":
                for id_ in outside.pushed:
                    ours.send(("push", id_))
            answer = outside.hear(*said)
            if answer is not None:
                ours.send(answer)
            if outside.written and said[0] != "stanza":
                ours.send(("write", outside.written.pop(0)))
            if deeds is None and outside.satisfied and not flushing:
                flushing = True
                ours.send(("flush", ""))
        time.sleep(pause)
    finally:
        process.kill()
        process.join()
        ours.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield await server.create("mortal")
    await server.drop("mortal")


async def test_a_killed_process_loses_nothing_that_it_was_responsible_for(url):
    async with opened(url, clock=SystemClock()) as database:
        await database.flush()
    rng = random.Random(3)
    outside = Outside(
        pushed=[f"f-{number}" for number in range(MESSAGES)],
        written=[f"m{number}" for number in range(MESSAGES)],
    )
    for _ in range(LIVES):
        one_life(outside, url, rng.randrange(2, 25), rng.random() * 0.01)
    one_life(outside, url, None, 0)
    rows = await World(url).rows()
    # Shown to the user: all of them, each under one id however often it was sent.
    assert dict(outside.shown) == {f"f-{number}": f"text of f-{number}" for number in range(MESSAGES)}
    assert len(set(outside.shown)) == MESSAGES
    # Given to the network: all that were written down, and nothing twice, as a network that knows our references sees it.
    kept = {row.stanza_id for row in rows if not row.inbound}
    assert Counter(outside.taken.values()) == Counter(f"text of {id_}" for id_ in kept)
    assert outside.errors == []
