"""A house that is open, with an operator who answers STOP."""

from collections.abc import AsyncIterator

import pytest

from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.receiving.receiving import Terms
from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import House

STOPPED, STARTED = "You will get no more texts.", "You will get texts again."


@pytest.fixture
async def house(services: Services, clock: ManualClock) -> AsyncIterator[House]:
    settings = ConsentSettings(
        stop_answer=STOPPED, start_answer=STARTED, stop_words=("Basta",), ordinary_words=("END",)
    )
    made = House(services, clock, Terms("US", consent=settings))
    made.start()
    yield made
    await made.kill()
