"""What may still be replaced waits in the ledger: it goes out once, or its sender is told."""

from gateway.delivery.outgoing import Outgoing
from gateway.model import Address, AddressKind
from gateway.xmpp.stanza import Stanza
from tests.unit.delivery.world import (
    CAROL,
    CAROLS,
    FORWARDING,
    NETWORK,
    PHONE,
    Gateway,
    World,
    living,
    parsed,
)


def draft(gateway: Gateway, text: str, id_: str):
    stanza = Stanza(
        parsed(f"<message type='chat' id='{id_}' from='{PHONE}' to='{CAROLS}'><body>{text}</body></message>")
    )
    address = Address(AddressKind.CONTACT, NETWORK, CAROL)
    return gateway.deliveries.draft(stanza, address, Outgoing(f"* {text}"))


def said(world: World) -> list[str]:
    return [text for _, text in world.network.taken]


async def test_it_goes_out_as_it_is_sent_and_not_before(world):
    async with living(world) as gateway:
        waiting = draft(gateway, "hello", "m1")
        await gateway.rest(2)
        assert said(world) == []
        waiting.send("*hello")
        await gateway.rest(1)
        assert said(world) == ["*hello"]
    (row,) = await world.rows()
    assert (row.state, row.active) == ("accepted", False)


async def test_it_can_be_sent_before_it_is_written_down(world):
    async with living(world) as gateway:
        draft(gateway, "hello", "m1").send("*hello")
        await gateway.rest(1)
    assert said(world) == ["*hello"]


async def test_what_is_dropped_never_goes_out_and_is_no_error(world):
    async with living(world) as gateway:
        early, late = draft(gateway, "one", "m1"), draft(gateway, "two", "m2")
        early.drop()
        await gateway.rest(1)
        late.drop()
        await gateway.rest(1)
    async with living(world) as gateway:
        await gateway.rest(2)
    assert (said(world), world.server.errors()) == ([], [])
    assert {row.active for row in await world.rows()} == {False}


async def test_after_a_crash_the_sender_is_told(world):
    async with living(world) as gateway:
        draft(gateway, "hello", "m1")
        await gateway.rest(1)
        gateway.dead = True
    async with living(world) as gateway:
        await gateway.rest(2)
    assert said(world) == []
    assert len(world.server.errors("m1")) == 1


async def test_after_a_crash_it_is_sent_where_messages_may_wait(world):
    async with living(world, FORWARDING) as gateway:
        draft(gateway, "hello", "m1")
        await gateway.rest(1)
        gateway.dead = True
    async with living(world, FORWARDING) as gateway:
        gateway.come_online()
        await gateway.rest(2)
    assert said(world) == ["* hello"]


async def test_without_a_connection_it_is_refused_at_once(world):
    async with living(world) as gateway:
        gateway.go_offline()
        assert draft(gateway, "hello", "m1") is None
        assert len(gateway.refusals) == 1


async def test_what_cannot_be_written_down_is_refused_and_not_sent(world):
    async with living(world) as gateway:
        gateway.store.full = True
        waiting = draft(gateway, "hello", "m1")
        await gateway.rest(1)
        gateway.store.full = False
        waiting.send("*hello")
        await gateway.rest(1)
        assert len(gateway.refusals) == 1
    assert said(world) == []


async def test_settling_ends_when_all_is_written_or_after_a_while(world):
    async with living(world) as gateway:
        draft(gateway, "hello", "m1").send("*hello")
        await gateway.deliveries.settle()
        assert said(world) == ["*hello"]
