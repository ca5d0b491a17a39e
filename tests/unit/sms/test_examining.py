"""What the doctor says of texts as a whole: routes one by one, and what does not go together."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridges.sms.config import SmsSettings
from bridges.sms.examining import examine
from bridges.sms.office import Office
from gateway.bridge import Finding, Services, Verdict
from gateway.clock import SystemClock
from tests.fakes.sms_route import FakeRoute
from tests.unit.sms.stage import ALICE, NUMBERS, OURS, whole

ROUTE = {"kind": "gammu", "database": "/nowhere/smsd.db", "number": OURS}


async def told(**settings: Any) -> Mapping[str, Finding]:
    values = {"region": "US", "operator": ALICE, **settings}
    ways = {name: FakeRoute(name) for name in values.get("routes", {})}
    office = Office(
        SmsSettings.model_validate(values),
        Services(SystemClock(), random.Random(1), "1", name="sms"),
        lambda name, *_: ways[name],
    )
    found = [each async for each in examine(office)]
    return {each.subject: each for each in found}


async def test_routes_answer_for_themselves(tmp_path: Path) -> None:
    async with whole(tmp_path, numbers=NUMBERS) as stage:
        assert stage.bridge.capabilities.examined
        stage.one.trouble = ["It refuses the credentials."]
        found = {each.subject: each async for each in stage.bridge.examine()}
        assert found["route one"].verdict is Verdict.FAIL
        assert found["route two"].verdict is Verdict.OK
        assert found["numbers"].verdict is Verdict.OK


async def test_without_routes_there_is_nothing_else_to_say() -> None:
    found = await told()
    assert {each.subject: each.verdict for each in found.values()} == {"routes": Verdict.FAIL}


async def test_without_numbers_nothing_can_be_sent() -> None:
    assert (await told(routes={"one": ROUTE}))["numbers"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("more", "subject", "verdict"),
    [
        ({}, "numbers", Verdict.OK),
        ({"numbers": [{"number": "+12125550199", "routes": ["one"]}]}, "number +12125550199", Verdict.FAIL),
        ({"routes": {"one": ROUTE, "idle": ROUTE}}, "numbers of route idle", Verdict.NOTE),
        (
            {"numbers": [{"number": OURS, "routes": ["one"], "mode": "pool"}]},
            f"number {OURS}",
            Verdict.NOTE,
        ),
        ({"limits": {"spend_per_day": 5}}, "prices of texts", Verdict.FAIL),
        (
            {"limits": {"spend_per_day": 5}, "prices": [{"destination": "DE", "price": 1}]},
            "prices of texts",
            Verdict.NOTE,
        ),
        (
            {"limits": {"segments_per_minute": 700, "segments_per_message": 10}},
            "limits of texts",
            Verdict.NOTE,
        ),
        (
            {"limits": {"segments_per_minute": 5, "segments_per_message": 10}},
            "limits of texts",
            Verdict.NOTE,
        ),
        ({"consent": {"stop": "off"}}, "STOP", Verdict.NOTE),
        ({}, "STOP", Verdict.OK),
        ({"operator": ""}, "operator of texts", Verdict.NOTE),
    ],
)
async def test_what_does_not_go_together_is_said(
    more: dict[str, Any], subject: str, verdict: Verdict
) -> None:
    usual = {"routes": {"one": ROUTE}, "numbers": [{"number": OURS, "routes": ["one"]}]}
    assert (await told(**usual | more))[subject].verdict is verdict


async def test_what_was_stopped_is_a_failure(tmp_path: Path) -> None:
    limits = {"breaker_per_minute": 1}
    async with whole(tmp_path, numbers=NUMBERS, limits=limits) as stage:
        alice = await stage.user()
        await alice.write("+12125550100", "hello")
        await alice.write("+12125550100", "x" * 200)
        found = {each.subject: each async for each in stage.bridge.examine()}
        assert found["breaker of texts"].verdict is Verdict.FAIL
        assert "sms-breaker" in found["breaker of texts"].text
