"""The playground's telephones: a provider that behaves as ours expect, and a page to type on."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.playground.carrier import NUMBERS, Carrier, Picture, Text
from gateway.playground.expect import Inbox, Unmet
from gateway.playground.phone_page import PhonePage
from gateway.playground.process import free_ports

DAVE, OFF, OURS = "+13105550101", "+13105550109", NUMBERS[0]


@dataclass
class World:
    """The carrier, and what a gateway behind it is told."""

    carrier: Carrier
    http: aiohttp.ClientSession
    callbacks: str = ""
    answers: list[int] = field(default_factory=list)  # 200 if there are none
    told: Inbox[dict[str, Any]] = field(default_factory=lambda: Inbox("the gateway", json.dumps))

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = f"{request.headers['Telnyx-Timestamp']}|".encode() + body
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.carrier.public_key))
        key.verify(base64.b64decode(request.headers["Telnyx-Signature-Ed25519"]), signed)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.told.put(json.loads(body)["data"])
        return web.Response(status=status)

    async def send(self, to: str | list[str], text: str, once: str = "", **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.carrier.key}"} | (
            {"Idempotency-Key": once} if once else {}
        )
        asked = {"from": OURS, "to": to, "text": text, "webhook_url": f"{self.callbacks}/r1", **more}
        async with self.http.post(f"{self.carrier.url}/v2/messages", json=asked, headers=headers) as response:
            return response.status, await response.json()

    async def final(self) -> dict[str, Any]:
        event = await self.told.take(lambda one: one["event_type"] == "message.finalized", "an outcome")
        payload: dict[str, Any] = event["payload"]
        return payload


@pytest.fixture
async def world() -> AsyncIterator[World]:
    carrier = Carrier()
    await carrier.start(PhonePage(carrier).routes)
    async with aiohttp.ClientSession() as http:
        one = World(carrier, http)
        app = web.Application()
        app.add_routes([web.post("/{rest:.*}", one.take)])
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        [port] = free_ports(1)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        one.callbacks = carrier.callbacks = f"http://127.0.0.1:{port}/in"
        yield one
        await carrier.stop()
        await runner.cleanup()


async def test_a_text_comes_to_the_phone_and_is_reported(world: World) -> None:
    status, answer = await world.send(DAVE, "hello 😀")
    assert status == 200
    assert (await world.carrier.phone(DAVE).take(lambda _: True)).text == "hello 😀"
    payload = await world.final()
    assert payload["id"] == answer["data"]["id"]
    assert [each["status"] for each in payload["to"]] == ["delivered"]


async def test_the_same_request_again_is_the_same_text(world: World) -> None:
    first, again = [(await world.send(DAVE, "once", "key-1"))[1]["data"]["id"] for _ in range(2)]
    assert first == again
    await world.send(DAVE, "then")
    phone = world.carrier.phone(DAVE)
    assert [(await phone.take(lambda _: True)).text for _ in range(2)] == ["once", "then"]


async def test_a_phone_that_is_off_gets_nothing_and_fails_late(world: World) -> None:
    assert (await world.send([DAVE, OFF], "hello"))[0] == 200
    payload = await world.final()
    assert [each["status"] for each in payload["to"]] == ["delivered", "delivery_failed"]
    assert payload["errors"]
    assert not world.carrier.phone(OFF).waiting()


async def test_a_picture_that_cannot_be_fetched_fails(world: World) -> None:
    await world.send(DAVE, "look", media_urls=[f"{world.carrier.url}/media/none"])
    assert [each["status"] for each in (await world.final())["to"]] == ["delivery_failed"]


async def test_nobody_sends_without_the_key_or_to_what_is_no_number(world: World) -> None:
    assert (await world.send("dave", "hello"))[0] == 400
    world.carrier.key = "another"
    async with world.http.post(f"{world.carrier.url}/v2/messages", json={}) as response:
        assert response.status == 401


async def test_a_text_to_the_gateway_is_brought_again_until_it_is_taken(world: World) -> None:
    world.answers = [503, 503]
    await world.carrier.text(Text(DAVE, (OURS, OFF), "hi", (Picture(b"dot"),)))
    event = await world.told.take(lambda _: True)
    payload = event["payload"]
    assert (event["event_type"], payload["from"]["phone_number"], payload["text"]) == (
        "message.received",
        DAVE,
        "hi",
    )
    assert [each["phone_number"] for each in (*payload["to"], *payload["cc"])] == [OURS, OFF]
    async with world.http.get(payload["media"][0]["url"]) as response:
        assert (await response.read(), response.content_type) == (b"dot", "image/png")


async def test_whoever_texts_hears_that_the_gateway_does_not_take_it(world: World) -> None:
    world.answers = [503] * 3
    with pytest.raises(Unmet, match="503"):
        await world.carrier.text(Text(DAVE, (OURS,), "hi"))


async def typed(world: World, **fields: Any) -> int:
    body = {"sender": DAVE, "recipients": [OURS], "text": "hi", "picture": "", **fields}
    async with world.http.post(f"{world.carrier.url}/texts", json=body) as response:
        return response.status


async def shown(world: World, phone: str) -> list[dict[str, Any]]:
    async with world.http.get(f"{world.carrier.url}/texts", params={"phone": phone}) as response:
        texts: list[dict[str, Any]] = await response.json()
        return texts


async def test_the_page_shows_what_a_phone_sent_and_got(world: World) -> None:
    async with world.http.get(world.carrier.url) as response:
        assert OURS in await response.text()
    picture = f"data:image/png;base64,{base64.b64encode(b'dot').decode()}"
    assert await typed(world, picture=picture) == 204
    await world.send([DAVE, "+13105550104"], "hello both")
    await world.final()
    assert [each["text"] for each in await shown(world, DAVE)] == ["hi", "hello both"]
    assert (await shown(world, DAVE))[0]["pictures"] == [picture]
    assert [each["text"] for each in await shown(world, "+13105550104")] == ["hello both"]
    assert await shown(world, OFF) == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"recipients": [DAVE]}, 400),
        ({"recipients": []}, 400),
        ({"recipients": 5}, 400),
        ({"picture": "data:text/html;base64,eA=="}, 400),
        ({"picture": "data:image/png;base64,?"}, 400),
    ],
)
async def test_the_page_says_what_cannot_be_sent(world: World, fields: dict[str, Any], status: int) -> None:
    assert await typed(world, **fields) == status
    assert await shown(world, DAVE) == []


async def test_other_sites_cannot_type(world: World) -> None:
    async with world.http.post(f"{world.carrier.url}/texts", data="{}") as response:
        assert response.status == 415
