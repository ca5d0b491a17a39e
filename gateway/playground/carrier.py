"""Telephones around the gateway: people's phones, and the provider between them and us, in this process.

The provider speaks and signs as Telnyx does, as far as our preset for it goes. Whoever has a number that ends in 9 gets
nothing: their texts are taken, and fail a moment later. Knows nothing of the gateway but the address that its operator gave.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.playground.expect import Inbox, Unmet
from gateway.playground.peers import LOOPBACK, new_secret
from gateway.playground.process import free_ports

#: What the gateway's operator has bought, so that each user can have one.
NUMBERS = tuple(f"+120255501{each:02}" for each in range(1, 9))

_ATTEMPTS = 3  # at a callback
_AGAIN = 0.5  # seconds between them
_FAILS_AFTER = 1.0
_LARGEST = 5_000_000

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Picture:
    """``type`` is its media type."""

    data: bytes
    type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Text:
    """What phones send and get. In a group there are several ``recipients``, and each of them has all of it."""

    sender: str
    recipients: tuple[str, ...]
    text: str
    pictures: tuple[Picture, ...] = ()

    def __str__(self) -> str:
        pictures = f" and {len(self.pictures)} pictures" if self.pictures else ""
        return f"{self.sender} to {', '.join(self.recipients)}: {self.text[:60]!r}{pictures}"


class Carrier:
    """``stop`` ends it. ``callbacks`` is where the operator of the gateway wants texts to be brought; until it is set, none
    can be."""

    name = "a simulated carrier"

    def __init__(self) -> None:
        self.host, self.port = LOOPBACK, free_ports(1)[0]
        self.callbacks = ""
        self.key = f"KEY{new_secret()}"
        self._signing = Ed25519PrivateKey.generate()
        self._phones: dict[str, Inbox[Text]] = {}
        self._observers: list[Callable[[Text], None]] = []
        self._taken: dict[str, str] = {}  # by idempotency key: the id that was given
        self._media: dict[str, Picture] = {}
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def public_key(self) -> str:
        """What callbacks are to be verified with, as its portal shows it."""
        return base64.b64encode(self._signing.public_key().public_bytes_raw()).decode()

    @property
    def route(self) -> Mapping[str, str]:
        """``[bridges.sms.routes.NAME]`` of the gateway, with values as TOML writes them."""
        return {
            "kind": '"http"',
            "preset": '"telnyx"',
            "values": f'{{ base = "{self.url}" }}',
            "secrets": f'{{ key = "{self.key}", public_key = "{self.public_key}" }}',
            "media_hosts": f'["{self.host}"]',
        }

    async def start(self, further: Sequence[web.AbstractRouteDef] = ()) -> None:
        """``further``: what else is to be served, such as a page to type on."""
        app = web.Application(client_max_size=_LARGEST)
        app.add_routes(
            [
                web.post("/v2/messages", self._let_in(self._take)),
                web.post("/v2/messages/group_mms", self._let_in(self._take)),
                web.get("/v2/messaging_profiles", self._let_in(_profiles)),
                web.get("/media/{id}", self._file),
                *further,
            ]
        )
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def observe(self, observer: Callable[[Text], None]) -> None:
        """Show every text that comes to a phone to ``observer``: of a group once for each."""
        self._observers.append(observer)

    # -- phones ------------------------------------------------------------------------------------------------

    def phone(self, number: str) -> Inbox[Text]:
        """What comes to somebody's phone."""
        return self._phones.setdefault(number, Inbox(number, str))

    async def text(self, text: Text) -> None:
        """Somebody's phone sends a text, to one of the gateway's numbers first. Raises ``Unmet`` if the gateway does not
        take it."""
        first, *others = text.recipients
        media = []
        for picture in text.pictures:
            name = f"{next(self._ids):08x}"
            self._media[name] = picture
            media.append({"url": f"{self.url}/media/{name}", "content_type": picture.type})
        payload = {
            "id": self._id(),
            "from": {"phone_number": text.sender},
            "to": [{"phone_number": first}],
            "cc": [{"phone_number": each} for each in others],
            "text": text.text,
            "media": media,
            "received_at": _now(),
        }
        status = await self._tell(self.callbacks, "message.received", payload)
        if not 200 <= status < 300:
            raise Unmet(f"{text.sender} expected that the gateway takes a text, but it answered {status}.")
        for each in others:
            self._arrive(each, text)

    def _arrive(self, number: str, text: Text) -> None:
        self.phone(number).put(text)
        for observer in self._observers:
            observer(text)

    # -- what the gateway asks ---------------------------------------------------------------------------------

    def _let_in(self, respond: Respond) -> Respond:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != f"Bearer {self.key}":
                return _refused(401, "10009", "Authentication failed")
            return await respond(request)

        return guarded

    async def _take(self, request: web.Request) -> web.StreamResponse:
        asked: dict[str, Any] = await request.json()
        to = asked["to"] if isinstance(asked["to"], list) else [asked["to"]]
        if not all(each.startswith("+") and each[1:].isdigit() for each in to):
            return _refused(400, "40001", "Not a number that can be texted")
        once = request.headers.get("Idempotency-Key", "")
        id = self._taken.get(once)
        if id is None:
            id = self._id()
            if once:
                self._taken[once] = id
            self._spawn(self._deliver(id, asked, to))
        return web.json_response({"data": {"id": id, "to": [_to(each, "queued") for each in to]}})

    async def _deliver(self, id: str, asked: Mapping[str, Any], to: Sequence[str]) -> None:
        """Bring it to the phones, and tell the gateway what became of it."""
        report = asked.get("webhook_url", "")
        await self._tell(report, "message.sent", {"id": id, "to": [_to(each, "sent") for each in to]})
        failed, why = [each for each in to if _fails(each)], "The phone is switched off"
        try:
            pictures = [await self._fetched(each) for each in asked.get("media_urls", ())]
        except (aiohttp.ClientError, TimeoutError, ValueError):
            failed, why, pictures = list(to), "The picture cannot be fetched", []
        text = Text(asked["from"], tuple(to), asked.get("text", ""), tuple(pictures))
        for each in to:
            if each not in failed:
                self._arrive(each, text)
        if failed:
            await asyncio.sleep(_FAILS_AFTER)
        states = [_to(each, "delivery_failed" if each in failed else "delivered") for each in to]
        errors = [{"code": "40006", "title": why}] if failed else []
        await self._tell(report, "message.finalized", {"id": id, "to": states, "errors": errors})

    async def _fetched(self, url: str) -> Picture:
        async with self._session().get(url) as response:
            response.raise_for_status()
            return Picture(await response.read(), response.content_type)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        picture = self._media.get(request.match_info["id"])
        if picture is None:
            raise web.HTTPNotFound
        return web.Response(body=picture.data, content_type=picture.type)

    # -- what it tells the gateway -----------------------------------------------------------------------------

    async def _tell(self, url: str, event: str, payload: Mapping[str, Any]) -> int:
        """A callback, signed, and repeated where it was not taken; the last answer's status, 0 for none."""
        if not url:
            return 0
        status = 0
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_AGAIN)
            status = await self._called(url, event, payload)
            if 200 <= status < 300:
                break
        return status

    async def _called(self, url: str, event: str, payload: Mapping[str, Any]) -> int:
        data = {"id": self._id(), "event_type": event, "occurred_at": _now(), "payload": payload}
        body = json.dumps({"data": data}).encode()
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Telnyx-Timestamp": stamp,
            "Telnyx-Signature-Ed25519": base64.b64encode(
                self._signing.sign(f"{stamp}|".encode() + body)
            ).decode(),
        }
        try:
            async with self._session().post(url, data=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0  # it is not there just now

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("The carrier is not started.")
        return self._http

    def _id(self) -> str:
        return hashlib.sha256(f"{self.key}{next(self._ids)}".encode()).hexdigest()[:32]

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _profiles(request: web.Request) -> web.StreamResponse:
    return web.json_response({"data": []})


def _refused(status: int, code: str, detail: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "title": detail, "detail": detail}]}, status=status)


def _to(number: str, status: str) -> dict[str, str]:
    return {"phone_number": number, "status": status}


def _fails(number: str) -> bool:
    return number.endswith("9")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
