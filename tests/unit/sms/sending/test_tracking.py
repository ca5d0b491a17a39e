"""Where a text is, by our id and by the provider's."""

import random

from bridges.sms.receiving.tables import INBOUND
from bridges.sms.sending.states import MessageState
from bridges.sms.tracking import passages
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


async def test_a_text_from_outside_is_found_by_our_id(tables: BridgeTables, clock: ManualClock) -> None:
    services = Services(clock, random.Random(1), "1", name="sms", tables=tables)
    row = {"bridge": "sms", "id": "t1", "again": "x", "received": 5.0, "waits": 1, "content": "{}"}
    await tables.write((INBOUND.insert(), row))
    assert await passages(services, "t1") == [Passage(5.0, "taken from the network", "waits to be shown")]
    assert await passages(services, "x") == []
