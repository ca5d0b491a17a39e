"""What the doctor finds out about providers: credentials, clocks, and the way that callbacks take through a web server."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from bridges.sms.http.webhooks import Webhooks
from gateway.bridge import Finding, Verdict, WebRequest
from gateway.playground.process import free_ports
from tests.fakes.sms_providers import Said
from tests.unit.sms.http.house import House, house

PATH = "/bridge/sms/"
ALL = ("twilio", "telnyx", "plivo", "messagebird", "voipms", "46elks", "sinch", "vonage-sms", "bandwidth")


@dataclass
class Front:
    """A web server in front of the gateway, which passes on what is for it, as ``change`` leaves it."""

    port: int = 0
    behind: Webhooks | None = None
    change: Callable[[WebRequest], WebRequest] = lambda request: request
    passed: list[WebRequest] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH.rstrip('/')}"

    async def answer(self, request: web.Request) -> web.Response:
        raw = request.raw_path.partition("?")
        if self.behind is None or not raw[0].startswith(PATH):
            return web.Response(status=404, text="no such page")
        headers = tuple(request.headers.items())
        body = await request.read()
        given = WebRequest(
            request.method, raw[0].removeprefix(PATH), raw[2], headers, body, request.remote or ""
        )
        self.passed.append(self.change(given))
        said = await self.behind.answer(self.passed[-1])
        return web.Response(status=said.status, body=said.body, headers=dict(said.headers))


@asynccontextmanager
async def fronted(name: str, **given: object) -> AsyncIterator[tuple[House, Front]]:
    front = Front()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        front.port = runner.addresses[0][1]
        async with house(name, web=front.base, **given) as h:
            front.behind = h.webhooks
            yield h, front
    finally:
        await runner.cleanup()


async def told(h: House) -> Mapping[str, Finding]:
    found = await h.way.examined()
    assert len({each.subject for each in found}) == len(found)
    return {each.subject: each for each in found}


def without(request: WebRequest, name: str) -> WebRequest:
    kept = tuple(each for each in request.headers if each[0].lower() != name.lower())
    return replace(request, headers=kept)


# -- the provider --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
async def test_credentials_are_tried_without_a_text(name: str) -> None:
    async with fronted(name) as (h, _):
        found = await told(h)
        assert found["route main"].verdict is Verdict.OK
        assert {each.method for each in h.provider.asked} == {"GET"}
        assert "clock of route main" not in found
        h.provider.next = [Said(200, {"status": "ip_not_enabled"}) if name == "voipms" else Said(401, {})]
        found = await told(h)
        assert found["route main"].verdict is Verdict.FAIL
        assert "refuses the credentials" in found["route main"].text
        h.provider.next = [Said(503, "")]
        assert (await told(h))["route main"].verdict is Verdict.NOTE
        await h.provider.__aexit__(None, None, None)
        found = await told(h)
        assert "cannot be reached at 127.0.0.1" in found["route main"].text


async def test_a_provider_that_has_no_harmless_request_is_left_alone() -> None:
    async with fronted("vonage-messages") as (h, _):
        found = await told(h)
        assert found["route main"].verdict is Verdict.UNKNOWN
        assert h.provider.asked == []
        assert found["callbacks of route main"].verdict is Verdict.OK


@pytest.mark.parametrize(("year", "verdict"), [("2001", Verdict.FAIL), ("", None)])
async def test_clocks_that_are_apart_are_told(year: str, verdict: Verdict | None) -> None:
    async with fronted("telnyx") as (h, _):
        date = f"Wed, 21 Nov {year} 12:00:00 GMT" if year else "no date at all"
        h.provider.next = [Said(200, {}, {"Date": date})]
        found = (await told(h)).get("clock of route main")
        assert (found.verdict if found is not None else None) is verdict


# -- callbacks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ALL, "vonage-messages"])
async def test_callbacks_that_come_as_they_were_sent_are_well_and_bring_nothing(name: str) -> None:
    async with fronted(name) as (h, front):
        found = await told(h)
        assert found["callbacks of route main"].verdict is Verdict.OK, found
        assert len(front.passed) == 1
        assert h.intake.news == []
        assert h.intake.troubles == []
        assert h.way.seen().counts == {}
        for each in found.values():
            assert h.url.rpartition("/")[2] not in each.text + each.fix, "the address is a secret"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda request: replace(request, query="causeway=echo a b/c"), "the query"),
        (lambda request: replace(request, body=b"{}"), "the body"),
        (lambda request: without(request, "X-Twilio-Signature"), "the header X-Twilio-Signature"),
        (lambda request: replace(request, method="GET"), "the method"),
    ],
)
async def test_a_web_server_that_changes_what_is_signed_is_found_out(change, what: str) -> None:
    async with fronted("twilio") as (h, front):
        front.change = change
        finding = (await told(h))["callbacks of route main"]
        assert finding.verdict is Verdict.FAIL
        assert f"changes {what}" in finding.text


async def test_somebody_else_at_our_address_comes_with_what_to_write_into_its_configuration() -> None:
    async with fronted("twilio") as (h, front):
        front.behind = None
        finding = (await told(h))["callbacks of route main"]
        assert finding.verdict is Verdict.FAIL
        assert "answers at 127.0.0.1" in finding.text
        assert finding.fix.startswith("location /bridge/ {")


async def test_an_address_where_nobody_answers_is_a_failure() -> None:
    (port,) = free_ports(1)
    async with house("twilio", web=f"http://127.0.0.1:{port}/bridge/sms") as h:
        finding = (await told(h))["callbacks of route main"]
        assert finding.verdict is Verdict.FAIL
        assert "web.public_url" in finding.text


async def test_without_a_public_address_nothing_can_come() -> None:
    async with house("twilio", web="") as h:
        finding = (await told(h))["callbacks of route main"]
        assert finding.verdict is Verdict.FAIL
        assert "web.listen" in finding.text


async def test_a_word_is_good_for_one_request() -> None:
    async with fronted("twilio") as (h, front):
        await told(h)
        again = await h.webhooks.answer(front.passed[0])
        assert again.status in (401, 403)
        assert b"causeway" not in again.body


async def test_of_a_route_that_does_not_run_callbacks_are_unknown() -> None:
    async with fronted("twilio") as (h, _):
        pass
    finding = (await told(h))["callbacks of route main"]
    assert finding.verdict is Verdict.UNKNOWN
    assert "while the gateway runs" in finding.text
