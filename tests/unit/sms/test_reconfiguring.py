"""Other settings while the bridge runs: what may be sent is judged by them at once; what needs a restart is named."""

from pathlib import Path
from typing import Any

from bridges.sms.config import SmsSettings
from tests.unit.sms.stage import Whole, whole
from tests.waiting import eventually

GERMAN = "+491711234567"


def changed(house: Whole, **values: Any) -> SmsSettings:
    """What is in force, with other values."""
    dumped = house.bridge.office.settings.model_dump(mode="json", exclude={"routes"})
    return SmsSettings.model_validate(dumped | {"routes": house.bridge.office.settings.routes, **values})


async def test_countries_limits_and_prices_hold_at_once(tmp_path: Path) -> None:
    async with whole(tmp_path) as house:
        alice = await house.user()
        assert "not allowed" in await alice.refused(GERMAN, "no")
        prices = [{"destination": "DE", "price": 2.0}]
        new = changed(house, countries=["DE"], prices=prices, currency="EUR", limits={"spend_per_day": 3.0})
        assert house.bridge.reconfigure(new) == []
        await alice.sent(GERMAN, "yes")
        ways = [{"destination": "DE", "routes": ["two"], "only": True}]
        assert house.bridge.reconfigure(changed(house, ways=ways, limits={"spend_per_day": 5.0})) == []
        await alice.sent(GERMAN, "the other way")
        await eventually(lambda: len(house.two.written) == 1, "it to go by the other route")
        assert "more than the 5 EUR" in await alice.refused(GERMAN, "too dear")


async def test_what_needs_a_restart_is_named_each_time_and_stays_as_it_was(tmp_path: Path) -> None:
    async with whole(tmp_path) as house:
        limits, sending = {"segments_per_day": 7}, {"give_up_hours": 3}
        new = changed(house, region="DE", pool_days=1, costly=True, limits=limits, sending=sending)
        for _ in range(2):
            assert house.bridge.reconfigure(new) == ["region", "pool_days", "sending.give_up_hours"]
        now = house.bridge.office.settings
        assert (now.region, now.costly, now.limits.segments_per_day) == ("US", True, 7)
