"""A route of a provider with all around it: the provider, what takes its messages, the callbacks' addresses."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from bridges.sms.http.route import HttpWay
from bridges.sms.http.settings import HttpRoute
from bridges.sms.http.webhooks import Webhooks
from bridges.sms.traffic import Inbound, OptOut, Outcome, Report, Submission
from gateway.bridge import Clock, ForgetfulMemory, Services, WebRequest, WebResponse
from gateway.clock import SystemClock
from tests.fakes.sms_providers import FAMILIES, OURS, TEXT, THEIRS, Family, Provider
from tests.fakes.sms_signing import Post, login

BASE = "https://gw.example/bridge/sms"
LOGIN = {"webhook_user": "u", "webhook_password": "w"}
REFERENCE = "ref0123456789"


@dataclass
class Kept:
    """``traffic.Intake``: all that came; raises what ``refusals`` has, and waits while ``gate`` is closed."""

    def __init__(self) -> None:
        self.news: list[Inbound | Report | OptOut] = []
        self.troubles: list[str] = []
        self.refusals: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def _keep(self, each: Inbound | Report | OptOut) -> None:
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.news.append(each)

    async def received(self, inbound: Inbound) -> None:
        await self._keep(inbound)

    async def reported(self, report: Report) -> None:
        await self._keep(report)

    async def opted(self, optout: OptOut) -> None:
        await self._keep(optout)

    def trouble(self, route: str, text: str) -> None:
        self.troubles.append(text)


def settings(name: str, **more: object) -> HttpRoute:
    family = FAMILIES[name]
    values = {**family.values, **more.pop("values", {})}
    return HttpRoute.model_validate(
        {"kind": "http", "preset": name, "values": values, "secrets": family.secrets, **LOGIN, **more}
    )


def submission(**more: object) -> Submission:
    return replace(Submission(REFERENCE, OURS, (THEIRS,), TEXT), **more)


@dataclass
class House:
    """``call`` brings a callback; ``provider`` is at the other end."""

    family: Family
    way: HttpWay
    provider: Provider
    intake: Kept
    webhooks: Webhooks
    clock: Clock

    async def send(self, given: Submission | None = None) -> Outcome:
        async with self.way.turn() as turn:
            return await turn.send(given or submission(), 0)

    @property
    def url(self) -> str:
        return self.way.address

    async def call(self, post: Post, once: str = "once", sign: bool = True, **headers: str) -> WebResponse:
        return await self.webhooks.answer(self.request(post, once, sign, **headers))

    def request(self, post: Post, once: str = "once", sign: bool = True, **headers: str) -> WebRequest:
        now = self.clock.now()
        post = self.family.prepare(post, now) if sign else post
        signed = self.family.sign(post, now, once) if sign else {}
        known = {} if "Authorization" in signed or not sign else login("u", "w")
        return post.request(BASE, **{**known, **signed, **headers})


@asynccontextmanager
async def house(
    name: str,
    clock: Clock | None = None,
    *,
    web: str = BASE,
    more_values: Mapping[str, str] | None = None,
    **given: object,
) -> AsyncIterator[House]:
    """``given`` goes into the settings. Providers that sign with the Authorization header get no login of their own."""
    family = FAMILIES[name]
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(Provider(family))
        services = Services(
            clock or SystemClock(), random.Random(1), "1.0", memory=ForgetfulMemory(), web=web
        )
        webhooks = Webhooks(services)
        values = {"base": provider.base, **(more_values or {})}
        if name == "twilio":
            values["conversations_base"] = provider.base
        if name == "vonage-messages":
            given = {"webhook_user": "", "webhook_password": None, **given}
        way = HttpWay("main", settings(name, values=values, **given), services, webhooks)
        intake = Kept()
        running = asyncio.create_task(way.run(intake))
        stack.push_async_callback(_ended, running)
        async with asyncio.timeout(10):
            while not (way.address or intake.troubles):
                await asyncio.sleep(0)
        yield House(family, way, provider, intake, webhooks, services.clock)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
