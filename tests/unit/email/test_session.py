"""What users of the whole bridge can and cannot do, as the core sees it: no server is behind it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.receiving.contacts import Decision
from gateway.bridge import Services
from gateway.model import Address, AddressKind, Condition, Refused
from gateway.testing import RecordingTicket
from tests.unit.email.whole import BOB, bridge_of, session, told


@pytest.fixture
async def bridge(services: Services) -> AsyncIterator[EmailBridge]:
    async with bridge_of(services, window=60) as bridge:
        yield bridge


@pytest.mark.parametrize(
    ("address", "unread"),
    [
        ("noreply@shop.example", True),
        ("No-Reply@shop.example", True),
        ("do.not.reply@shop.example", True),
        ("orders+noreply@shop.example", True),
        ("noreply-orders@shop.example", True),
        ("tenoreply@shop.example", False),
        ("reply@noreply.example", False),
        ("bob@shop.example", False),
    ],
)
async def test_who_reads_nothing_is_not_written_to_before_the_user_says_so(
    bridge: EmailBridge, address: str, unread: bool
) -> None:
    async with session(bridge) as (one, _):
        assert one.one_way(address) is unread
        refused = await told(one, address, "Hello")
        assert isinstance(refused, Refused) is unread
        if not isinstance(refused, Refused):
            return
        assert refused.condition is Condition.NOT_ACCEPTABLE
        assert f"allow {address}" in refused.text
        parts = await bridge.office.opened()
        known = await parts.receiving.contacts.find("ann", address.lower())
        await parts.receiving.contacts.save(replace(known, decision=Decision.ALLOW))
        await one.look_again(address.lower())
        assert not one.one_way(address)
        assert not isinstance(await told(one, address, "Hello"), Refused)


@pytest.mark.parametrize("decision", [Decision.BLOCK, Decision.SPAM])
async def test_who_is_kept_away_is_not_written_to_and_stays_away(
    bridge: EmailBridge, decision: Decision
) -> None:
    parts = await bridge.office.opened()
    contacts = parts.receiving.contacts
    async with session(bridge) as (one, _):
        await contacts.save(replace(await contacts.find("ann", BOB), decision=decision))
        await one.look_again(BOB)
        refused = await told(one, BOB, "Hello")
        assert isinstance(refused, Refused)
        assert f"allow {BOB}" in refused.text
        await contacts.save(replace(await contacts.find("ann", BOB), decision=Decision.ALLOW))
        await one.look_again(BOB)
        assert not isinstance(await told(one, BOB, "Hello"), Refused)


async def test_who_is_on_a_list_of_blocked_addresses_is_not_written_to(bridge: EmailBridge) -> None:
    parts = await bridge.office.opened()
    async with session(bridge) as (one, _):
        for owner, words in (("ann", "command “block-list”"), ("", "operator of this gateway")):
            await parts.receiving.blocks.add(owner, "far.example", 1.0)
            refused = await told(one, BOB, "Hello")
            assert isinstance(refused, Refused)
            assert words in refused.text
            await parts.receiving.blocks.remove(owner, "far.example")
        assert not isinstance(await told(one, BOB, "Hello"), Refused)


async def test_what_was_taken_back_ends_as_that_and_no_error_is_told(bridge: EmailBridge) -> None:
    async with session(bridge) as (one, sink):
        (line,) = cast("tuple[str]", await told(one, BOB, "Hello"))
        ticket = RecordingTicket()
        one.retract(Address(AddressKind.CONTACT, "", BOB), line, ticket)
        assert (await ticket.outcome()).name == "done"
        assert (await sink.wait("withdrawn")).arguments == (line,)
        assert not sink.named("delivery")
