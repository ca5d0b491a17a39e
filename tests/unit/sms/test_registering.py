"""Proofs of telephones: who is texted a code, and for how long that is remembered."""

from collections.abc import Mapping

from sqlalchemy import select

from bridges.sms.addresses import Place
from bridges.sms.config import SmsSettings
from bridges.sms.numbers import Numbers
from bridges.sms.policy import Policy
from bridges.sms.registering import PHONES, Registrar
from bridges.sms.sending.messages import Outgoing
from gateway.bridge import Services
from gateway.model import Condition, Refused
from tests.fakes.clock import ManualClock

OURS, THEM = "+12125550001", "+12125550100"
DAY = 86_400.0


class House:
    """``Sending``."""

    def __init__(self, services: Services) -> None:
        self.sent: list[Outgoing] = []
        self.stopped: set[str] = set()
        smpp = {"kind": "smpp", "host": "127.0.0.1", "system_id": "x"}
        settings = SmsSettings.model_validate(
            {
                "region": "US",
                "registration": "code",
                "routes": {"one": smpp},
                "numbers": [{"number": OURS, "routes": ["one"]}],
            }
        )
        numbers = Numbers(settings.numbers, services)
        policy = Policy(settings, services, lambda text: None)
        self.registrar = Registrar(settings, services, numbers, policy, Place("US"))

    async def submit(self, outgoing: Outgoing) -> str:
        self.sent.append(outgoing)
        return "id"

    async def refusal(self, ours: str, theirs: str) -> Refused | None:
        return Refused(Condition.NOT_ALLOWED, "STOP") if theirs in self.stopped else None

    async def register(self, owner: str, values: Mapping[str, str]) -> str:
        refused = await self.registrar.welcome(owner, values, self)
        return refused.text if refused is not None else ""


async def test_who_has_said_stop_is_texted_no_code(services: Services) -> None:
    house = House(services)
    house.stopped.add(THEM)
    assert "has said STOP" in await house.register("a@x", {"phone": THEM})
    assert not house.sent
    house.stopped.clear()
    assert "was texted" in await house.register("a@x", {"phone": THEM})


async def test_nobody_keeps_a_telephone_from_its_owner_for_long(
    services: Services, clock: ManualClock
) -> None:
    house = House(services)
    for owner in ("a@x", "b@x", "c@x"):
        assert "was texted" in await house.register(owner, {"phone": THEM})
    assert "Too many users" in await house.register("d@x", {"phone": THEM})
    await clock.advance(DAY + 1)
    assert "was texted" in await house.register("d@x", {"phone": THEM})
    assert [row.owner for row in await services.tables.read(select(PHONES))] == ["d@x"]
    assert await house.register("d@x", {"phone": THEM, "code": house.sent[-1].text[:6]}) == ""
    await clock.advance(DAY + 1)
    assert "was texted" in await house.register("e@x", {"phone": THEM})
    assert len(await services.tables.read(select(PHONES))) == 2  # what was proven is kept
