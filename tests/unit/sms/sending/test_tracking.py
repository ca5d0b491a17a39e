"""Where a text is, by our id and by the provider's."""

import random

from sqlalchemy import select

from bridges.sms.receiving.rows import Taken
from bridges.sms.receiving.store import Outcome, Store
from bridges.sms.receiving.tables import INBOUND
from bridges.sms.sending.states import MessageState
from bridges.sms.tracking import passages
from bridges.sms.traffic import Inbound
from gateway.bridge import Passage, Services
from gateway.storage.bridge_tables import BridgeTables
from tests.fakes.clock import ManualClock
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.sending.office import Office, Routes


async def test_a_text_is_found_by_our_id_and_by_the_providers(
    office: Office, tables: BridgeTables, clock: ManualClock
) -> None:
    office.routes = Routes(FakeRoute("a", ids=lambda n: f"PROV-{n}"))
    services = Services(clock, random.Random(1), "1", name="sms", tables=tables)
    async with office.open():
        id_ = await office.send()
        await office.until(id_, MessageState.SENT)
    found = await passages(services, id_)
    assert [each.step for each in found] == ["written down to be sent", "piece 1 of 1: accepted", "text sent"]
    assert "their id PROV-1" in found[1].detail
    assert await passages(services, "PROV-1") == found
    assert await passages(services, "PROV-2") == []
    assert not any(character in str(found) for character in ("+49", "+1"))


async def test_a_text_from_outside_is_found_by_our_id_and_by_the_providers_until_it_is_forgotten(
    tables: BridgeTables, clock: ManualClock
) -> None:
    services = Services(clock, random.Random(1), "1", name="sms", tables=tables)
    store = Store(tables, "sms")
    text = Taken("t1", "x", 5.0, Inbound("a", "+491701", "+15550100", id='P"1%', text='"i":"P2" and P3'))
    await store.keep([text])
    waits = [Passage(5.0, "taken from the network", "text t1, waits to be shown", "t1")]
    assert [await passages(services, each) for each in ("t1", 'P"1%')] == [waits, waits]
    for other in ("x", "P2", "P3", "%", "t1%"):
        assert await passages(services, other) == []
    assert await store.waiting("", 9) == [text]
    await store.settle(Outcome(done=[text]))
    seen_to = [Passage(5.0, "taken from the network", "text t1, seen to", "t1")]
    assert [await passages(services, each) for each in ("t1", 'P"1%')] == [seen_to, seen_to]
    (row,) = await tables.read(select(INBOUND.c.content))
    assert row.content == 'P"1%'
    await store.sweep(6.0, 0.0, 0.0)
    assert await passages(services, 'P"1%') == []
