"""Random traffic, through restarts: a few runs of what ``python -m tests.fuzz.sms_receiving`` does for long."""

import pytest

from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.fuzz.sms_receiving import run


@pytest.mark.parametrize("seed", range(4))
async def test_random_traffic_is_shown_whoever_dies_meanwhile(
    services: Services, clock: ManualClock, seed: int
) -> None:
    await run(services, clock, seed)
