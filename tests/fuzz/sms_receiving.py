"""Random traffic through all that receives: ``python -m tests.fuzz.sms_receiving --runs 200 --seed 1``.

Texts, pieces of long ones in every order, twice, too few, with headers that make no sense, of any alphabet; the process
is killed, the database breaks and users come and go. What was taken is shown, what has an id is shown once, and in the end
nothing waits.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bridges.sms.migrations import SCHEMA
from bridges.sms.receiving.tables import DELIVERIES, INBOUND
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Nature
from gateway import logs
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import OURS, POOL, TEAM, Deadline, House

_USER = {OURS: "romeo@x", TEAM: "juliet@x", POOL: "nurse@x"}
_FOR_EVER = 60.0  # seconds in which all has to be shown
_MESSAGES = 40


@dataclass
class Plan:
    """What the network brings, in order, and what has to be shown of it: by the chat, text to how often at most."""

    brought: list[Inbound] = field(default_factory=list)
    wanted: list[tuple[str, str, bool]] = field(default_factory=list)  # chat, token, exactly once


def plan(chance: random.Random) -> Plan:
    made = Plan()
    for number in range(_MESSAGES):
        ours = chance.choice([OURS, OURS, TEAM, POOL])
        sender = f"+1212555{chance.randrange(4):04}"
        token = f"<{number}>"
        kinds = [_text, _text, _long, _long, _partial, _nonsense]
        chance.choice(kinds)(made, chance, sender, ours, number, token)
    return made


def _text(made: Plan, chance: random.Random, sender: str, ours: str, number: int, token: str) -> None:
    id_ = f"id{number}" if chance.random() < 0.6 else ""
    inbound = Inbound("main", sender, ours, id=id_, text=f"{token} hello")
    made.brought += [inbound] * (chance.choice([1, 1, 2, 3]) if id_ else 1)
    made.wanted.append((_USER[ours], token, bool(id_)))


def _pieces(chance: random.Random, sender: str, ours: str, number: int, text: str) -> list[Inbound]:
    data = text.encode("utf-16-be")
    size = chance.choice([21, 60, 133])  # the first piece has the token whole
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    width = chance.choice([8, 16])
    return [
        Inbound(
            "main",
            sender,
            ours,
            data=each,
            alphabet=Alphabet.UCS2,
            concatenation=Concatenation(str(number), len(cut), at, width),
        )
        for at, each in enumerate(cut, 1)
    ]


def _long(made: Plan, chance: random.Random, sender: str, ours: str, number: int, token: str) -> None:
    """All of it comes, in any order, some of it twice; amid whatever else comes."""
    pieces = _pieces(chance, sender, ours, number, f"{token} " + "\U0001f600 word " * chance.randrange(1, 12))
    pieces += chance.choices(pieces, k=chance.randrange(3))
    chance.shuffle(pieces)
    for piece in pieces:
        made.brought.insert(chance.randrange(max(0, len(made.brought) - 5), len(made.brought) + 1), piece)
    made.wanted.append((_USER[ours], token, False))


def _partial(made: Plan, chance: random.Random, sender: str, ours: str, number: int, token: str) -> None:
    """The first piece comes, and has the token; others never do."""
    first, *others = _pieces(chance, sender, ours, number, f"{token[:3]} and then" * 9)
    made.brought += [first, *chance.sample(others, k=min(len(others), chance.randrange(4)))]


def _nonsense(made: Plan, chance: random.Random, sender: str, ours: str, number: int, token: str) -> None:
    reference = chance.choice(["", "7", "\0", "x" * 200, "\ud800"])
    part = Concatenation(
        reference, chance.choice([0, 1, 2, 255, 256, -3]), chance.choice([0, 1, 2, 255, 999, -1])
    )
    made.brought.append(
        Inbound(
            "main",
            chance.choice([sender, "", "\0", "MyBank", "0" * 40, "\ud800"]),
            ours,
            data=chance.randbytes(chance.randrange(200)),
            alphabet=chance.choice(list(Alphabet)),
            locking=chance.randrange(20),
            single=chance.randrange(300),
            nature=chance.choice(list(Nature)),
            port=chance.choice([None, 0, 65_535]),
            concatenation=chance.choice([None, part]),
            time=chance.choice([None, -1.0, 1e18, 0.0]),
        )
    )


async def run(services: Services, clock: ManualClock, seed: int) -> None:
    """Raises ``AssertionError`` with what was lost, or shown twice."""
    chance = random.Random(seed)
    wanted = plan(chance)
    house = House(services, clock)
    house.start(Deadline(chance.randrange(1, 60), chance.random() < 0.5))
    for inbound in wanted.brought:
        await _brought(house, inbound, chance)
    await house.kill()
    house.people.away.clear()
    house.start()
    await _settled(house, wanted)
    failed = house.receiving.sorting.counts.unreadable + house.receiving.delivering.counts.failed
    await house.kill()
    assert not failed, f"seed {seed}: {failed} texts could not be read or shown"
    for owner, token, once in wanted.wanted:
        times = sum(token in text for text in house.chat(owner).texts)
        assert times == 1 if once else times >= 1, f"seed {seed}: {token} was shown {times} times to {owner}"


async def _brought(house: House, inbound: Inbound, chance: random.Random) -> None:
    """Until it is taken, by whichever process lives then."""
    if chance.random() < 0.1:
        owner = chance.choice(sorted(_USER.values()))
        if owner in house.people.away:
            house.people.away.discard(owner)
            house.receiving.wake(owner)
        else:
            house.people.away.add(owner)
    if chance.random() < 0.05:
        await house.clock.advance(chance.choice([1, 60, 301]))
    while True:
        house.tables.broken = chance.random() < 0.05
        bringing = asyncio.create_task(house.insist(inbound))
        dying = asyncio.create_task(house.deadline.dead.wait())
        if house.tables.broken:
            await asyncio.sleep(0)
            house.tables.broken = False
        await asyncio.wait([bringing, dying], return_when=asyncio.FIRST_COMPLETED)
        taken = bringing.done()
        for task in (bringing, dying):
            task.cancel()
        await asyncio.wait([bringing, dying])
        if house.deadline.dead.is_set():
            await house.kill()
            house.start(Deadline(chance.randrange(1, 200), chance.random() < 0.5))
        if taken:
            return


async def _settled(house: House, wanted: Plan) -> None:
    """The time comes for all that waits."""
    until = time.monotonic() + _FOR_EVER
    while True:
        await house.clock.advance(30)
        waiting = await house.services.tables.read(select(INBOUND.c.id).where(INBOUND.c.waits == 1))
        owed = await house.services.tables.read(select(DELIVERIES.c.id).where(DELIVERIES.c.owner != ""))
        if not waiting and not owed:
            return
        assert time.monotonic() < until, f"{len(waiting)} pieces and {len(owed)} texts wait for ever"


async def once(directory: Path, seed: int) -> None:
    async with opened(f"sqlite:///{directory / f'{seed}.db'}", clock=SystemClock()) as database:
        await database.adopt("sms", SCHEMA, SystemClock())
        clock = ManualClock()
        tables = BridgeTables(database)
        services = Services(
            clock, random.Random(seed), "fuzz", name="sms", tables=tables, directory=directory
        )
        await run(services, clock, seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sms_receiving", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    given = parser.parse_args()
    logs.set_up("critical")
    found = 0
    for seed in range(given.seed, given.seed + given.runs):
        with tempfile.TemporaryDirectory() as directory:
            try:
                asyncio.run(once(Path(directory), seed))
            except AssertionError as error:
                found += 1
                print(error, flush=True)
    print(f"{given.runs} runs of {_MESSAGES} messages, {found} with defects")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
