"""Receipts of reading: what they say, who gets one, and that nobody gets two."""

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Executable

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.outgoing import Finished
from bridges.email.composing.places import Letterhead
from bridges.email.composing.seals import Seals
from bridges.email.mime import reading
from bridges.email.mime.letter import AutoKind, Automatic, Letter, Person
from bridges.email.people import People
from bridges.email.receipts import Receipt, Receipts, write
from bridges.email.receiving.actions import Actions
from bridges.email.receiving.arrivals import Arrival, Kind, State
from bridges.email.receiving.contacts import Contacts, Decision
from gateway.bridge import Services, Values
from gateway.storage.bridge_tables import BridgeTables

ME, BOB = parse("me@gw.example"), parse("bob@far.example")


@dataclass
class Desk:
    """``People``, ``Actions`` and ``Postbox``, as far as receipts ask them: one user, and one mail that was read."""

    tables: BridgeTables
    letter: Letter
    arrival: Arrival
    sent: list[tuple[str, Finished]] = field(default_factory=list)

    mailing = None

    @dataclass
    class _Personal:
        name: str = "Me"
        gives_receipts: bool = True

    personal = _Personal()

    def session(self, owner: str) -> "Desk":
        return self

    def addresses(self, owner: str) -> frozenset[str]:
        return frozenset({ME.folded})

    async def shown(self, owner: str, mail: str) -> tuple[Arrival, Letter] | None:
        return self.arrival, self.letter

    async def put(self, name: str, finished: Finished, *also: tuple[Executable, Values]) -> None:
        await self.tables.write(*also)
        self.sent.append((name, finished))


@pytest.fixture
def desk(tables: BridgeTables) -> Desk:
    raw = (
        b"From: bob@far.example\r\nTo: me@gw.example\r\nMessage-ID: <1@far.example>\r\nSubject: tea\r\n"
        b"Disposition-Notification-To: Bob <bob@far.example>\r\n\r\nhello\r\n"
    )
    arrival = Arrival("m1", "me", Kind.USER, ME.exact, "r1", BOB.exact, "a", 0.0, 10, state=State.SHOWN)
    return Desk(tables, reading.read(raw), arrival)


def made(desk: Desk, services: Services) -> tuple[Receipts, Contacts]:
    contacts = Contacts(desk.tables, "mail")
    people, actions = cast("People", cast("Any", desk)), cast("Actions", cast("Any", desk))
    letterhead = Letterhead("gw.example", Seals(b"0123456789abcdef"))
    receipts = Receipts(
        desk.tables,
        "mail",
        people,
        actions,
        contacts,
        desk,
        letterhead,
        services.directory / "outbound",
        lambda mailbox: mailbox.domain == "gw.example",
        services.clock,
        random.Random(1),
        "Causeway 1.0",
    )
    return receipts, contacts


async def wanted(contacts: Contacts, who: Mailbox = BOB) -> None:
    contact = await contacts.find("me", who.folded)
    await contacts.save(replace(contact, exact=who.exact, decision=Decision.ALLOW))


async def test_a_sender_who_asks_is_told_once_for_ever(desk: Desk, services: Services) -> None:
    receipts, contacts = made(desk, services)
    await wanted(contacts)
    await receipts.read("me", "m1")
    await receipts.read("me", "m1")
    again, _ = made(desk, services)
    await again.read("me", "m1")
    ((lane, finished),) = desk.sent
    assert lane == "<>"
    assert (finished.recipients, finished.line_ids) == ((BOB,), ())
    letter = reading.read(finished.path.read_bytes())
    assert letter.mdn is not None
    assert (letter.mdn.message_id, letter.mdn.kind) == ("<1@far.example>", "displayed")
    assert letter.automatic is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"wants_mdn": ""},
        {"wants_mdn": "list@far.example"},
        {"message_id": ""},
        {"automatic": Automatic(AutoKind.BULK, ())},
    ],
)
async def test_nobody_else_is_told(desk: Desk, services: Services, changes: Mapping[str, Any]) -> None:
    receipts, contacts = made(desk, services)
    await wanted(contacts)
    desk.letter = replace(desk.letter, **changes)
    await receipts.read("me", "m1")
    assert not desk.sent


async def test_strangers_and_mail_to_addresses_elsewhere_get_none(desk: Desk, services: Services) -> None:
    receipts, contacts = made(desk, services)
    await receipts.read("me", "m1")
    await wanted(contacts)
    desk.arrival = replace(desk.arrival, recipient="me@elsewhere.example")
    await receipts.read("me", "m1")
    assert not desk.sent


def test_what_a_mail_says_cannot_add_fields(tmp_path: Path) -> None:
    out = io.BytesIO()
    receipt = Receipt(
        Person("Me\r\nBcc: x@y.example", ME.exact),
        ME,
        BOB,
        "<1@far.example>",
        "tea\r\nBcc: x@y.example\r\n\r\nbody",
        "<2@gw.example>",
        "b" * 20,
        0.0,
        "gw.example; Causeway",
    )
    write(receipt, out)
    head = out.getvalue().partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in head + b"\r\n"
    assert b"multipart/report" in head
