"""A house that is open."""

from collections.abc import AsyncIterator

import pytest

from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import House


@pytest.fixture
async def house(services: Services, clock: ManualClock) -> AsyncIterator[House]:
    made = House(services, clock)
    made.start()
    yield made
    await made.kill()
