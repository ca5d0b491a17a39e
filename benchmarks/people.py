"""``python -m benchmarks.people``: what contacts cost. Memory of 20,000 contacts with presence in 200 rosters, and the time
of one change of presence, of a user's change told to 500 contacts, of a drawn picture.

In one process, without a link: the stanzas go nowhere, the database is a real one.
"""

import asyncio
import gc
import os
import random
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import fromstring

from gateway.accounts.account import Account
from gateway.bridge import Capabilities
from gateway.clock import SystemClock
from gateway.contacts.people import People, Surroundings
from gateway.contacts.pictures import drawn
from gateway.ids import IdSource
from gateway.model import GATEWAY, Address, AddressKind, Availability, Contact
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.records import StoredSubscription, SubscriptionState
from gateway.storage.stores import Stores
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import COMPONENT

USERS, CONTACTS = 200, 100
NETWORK = "net"


class Names:
    """As much of a bridge as addresses need."""

    capabilities = Capabilities("bench", "Benchmark", contact_presence=True, contact_list=True)

    def address(self, text: str) -> Address:
        return Address(AddressKind.CONTACT, NETWORK, text) if text else GATEWAY

    def text(self, address: Address) -> str:
        return address.name

    def fold(self, name: str) -> str:
        return name


@dataclass
class Known:
    """As much of an account as contacts need."""

    owner: str
    network: str = NETWORK
    connected: bool = True
    session: object = None

    def fold(self, name: str) -> str:
        return name


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def timed(work: Callable[[], object], times: int) -> float:
    """Microseconds of one."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times * 1e6


async def main() -> None:
    clock, rng = SystemClock(), random.Random(1)
    sent = [0]

    def send(stanza: str, *, keep: bool = False) -> bool:
        sent[0] += 1
        return True

    with TemporaryDirectory() as directory:
        async with opened(f"sqlite:///{directory}/bench.db", clock=clock) as database:
            stores = Stores.of(database, SecretBox.create(Path(directory) / "key"), clock)
            book = AddressBook("gw.example.org", Names())
            accounts = {
                f"user{number}@example.org": Known(f"user{number}@example.org") for number in range(USERS)
            }
            people = People(
                Surroundings(
                    "bench", "Bench", Names(), book, stores, clock, IdSource(clock, rng),
                    IqTracker(send, clock), send, lambda work: None, lambda owner, network: accounts.get(owner),
                    lambda owner: [], lambda address: "<c xmlns='http://jabber.org/protocol/caps'/>",
                    lambda user: False, lambda user: True,
                )
            )  # fmt: skip
            gc.collect()
            before, resident_before = 0, resident()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            people.subscriptions.restore(
                StoredSubscription("bench", owner, f"+4930{number:04d}{index:04d}", SubscriptionState.BOTH)
                for number, owner in enumerate(accounts)
                for index in range(CONTACTS)
            )
            for number, account in enumerate(accounts.values()):
                for index in range(CONTACTS):
                    name = f"+4930{number:04d}{index:04d}"
                    people.contacts.stood(_account(account), name, Availability.AVAILABLE, "")
            gc.collect()
            traced = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            total = USERS * CONTACTS
            print(
                f"{total:,} contacts with presence: {traced / 1e6:.1f} MB ({traced / total:.0f} B each), {sent[0]:,} stanzas"
            )
            print(f"  resident: {(resident() - resident_before) / 1e6:.1f} MB more (with the tracing)")
            account = _account(accounts["user7@example.org"])
            states = [Availability.AWAY, Availability.AVAILABLE] * 5000
            one = timed(lambda: people.contacts.stood(account, "+493000070003", states.pop(), ""), 10_000)
            print(f"one change of one contact, to its stanza: {one:.1f} us")
            same = timed(
                lambda: people.contacts.stood(account, "+493000070003", Availability.AWAY, ""), 10_000
            )
            print(f"the same told again: {same:.1f} us")
            number = iter(range(1_000_000))
            print(f"a picture drawn: {timed(lambda: drawn(f'{next(number)}@x', 'Anna'), 2000):.1f} us")
            account_ = accounts["user8@example.org"]
            named = timed(
                lambda: people.contacts.described(
                    _account(account_), Contact(f"n{next(number)}", "Anna Smith")
                ),
                2000,
            )
            print(f"a contact described for the first time: {named:.1f} us")
            _flood(people)


def _flood(people: People) -> None:
    """What is done first with every stanza, for a user's change told to 500 contacts."""
    elements = [
        fromstring(
            f"<presence xmlns='{COMPONENT}' from='alice@example.org/phone' to='+49{number}@gw.example.org'>"
            "<show>away</show><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='x' ver='y'/></presence>"
        )
        for number in range(500)
    ]
    flood = timed(lambda: [people.unconcerned(each) for each in elements], 100)
    print(f"a user's change told to 500 contacts: {flood:.0f} us, nothing dispatched")


def _account(known: Known) -> Account:
    return known


if __name__ == "__main__":
    asyncio.run(main())
