"""Everything that receives mail, on tables of its own, with users who are only names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from bridges.email.addresses import Mailbox
from bridges.email.receiving import replies
from bridges.email.receiving.arrivals import Arrival, Arrivals
from bridges.email.receiving.heading import Heading
from bridges.email.receiving.intake import Intake, IntakeLimits, Waiting
from bridges.email.receiving.originals import Originals
from bridges.email.receiving.replies import Reply
from bridges.email.receiving.residents import FirstContact, Resident
from bridges.email.receiving.trust import Believed
from gateway.bridge import Clock, NotStored, Sink, Tables
from tests.fakes.clock import ManualClock


@dataclass
class People:
    """``Residents`` by the local part, all at ``gw.example``."""

    users: dict[str, str] = field(
        default_factory=lambda: {"alice": "user-a", "bob": "user-b", "carol": "user-c"}
    )
    sinks: dict[str, Sink] = field(default_factory=dict)
    policies: dict[str, FirstContact] = field(default_factory=dict)
    providers: dict[str, Believed] = field(default_factory=dict)
    broken: bool = False
    asked: list[str] = field(default_factory=list)  # whose session

    async def owner_of(self, mailbox: Mailbox) -> Resident | None:
        if self.broken:
            raise NotStored("The database is away.")
        owner = self.users.get(mailbox.base.local.lower())
        return Resident(owner, mailbox.tag) if owner is not None else None

    def addresses(self, owner: str) -> frozenset[str]:
        return frozenset(f"{local}@gw.example" for local, whose in self.users.items() if whose == owner)

    def sink(self, owner: str) -> Sink | None:
        self.asked.append(owner)
        return self.sinks.get(owner)

    def policy(self, owner: str) -> FirstContact:
        return self.policies.get(owner, FirstContact.OPEN)

    def provider(self, owner: str, mailbox: Mailbox) -> Believed | None:
        return self.providers.get(owner) if mailbox.domain != "gw.example" else None


@dataclass
class OpenGate:
    """Refuses what it was told to, by the local part of the sender."""

    blocked: set[str] = field(default_factory=set)
    refusals: dict[str, Reply] = field(default_factory=dict)

    async def refuses_sender(self, owner: str, sender: Mailbox) -> Reply | None:
        return replies.BLOCKED if sender.local in self.blocked else None

    async def refuses_mail(self, owner: str, mail: Heading) -> Reply | None:
        return self.refusals.get(owner)


@dataclass
class Border:
    """An ``Intake`` and what it stands on."""

    intake: Intake
    arrivals: Arrivals
    originals: Originals
    people: People
    gate: OpenGate
    taken: list[Sequence[Arrival]]
    directory: Path


@pytest.fixture
def people() -> People:
    return People()


def make_border(
    tables: Tables, directory: Path, clock: Clock, people: People, limits: IntakeLimits | None = None
) -> Border:
    arrivals = Arrivals(tables, "email")
    originals = Originals(directory / "inbound", arrivals)
    gate = OpenGate()
    taken: list[Sequence[Arrival]] = []
    intake = Intake(
        arrivals,
        originals,
        people,
        gate,
        clock,
        Random(1),
        domains=["gw.example"],
        hostname="gw.example",
        returns=lambda mailbox: mailbox.local.startswith("b+"),
        taken=taken.append,
        waiting=Waiting(),
        limits=limits or IntakeLimits(),
    )
    return Border(intake, arrivals, originals, people, gate, taken, directory / "inbound")


@pytest.fixture
def border(tables: Tables, tmp_path: Path, clock: ManualClock, people: People) -> Border:
    return make_border(tables, tmp_path, clock, people)
