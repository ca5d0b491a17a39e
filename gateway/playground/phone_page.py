"""A telephone to type on, in a browser: what comes to it is shown, and what is typed goes out. Knows the carrier only."""

import base64
import binascii
import json
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from gateway.playground.carrier import NUMBERS, Carrier, Picture, Text
from gateway.playground.expect import Unmet

#: The phone that the page is at first.
NUMBER = "+13105550102"
_KEPT = 300  # texts that are shown
_PAGE = Path(__file__).with_name("phone.html")


class PhonePage:
    """``routes`` are served by the carrier. Whoever reaches it can be any phone: it is for one person at one machine."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._texts: deque[tuple[int, Text]] = deque(maxlen=_KEPT)
        self._count = 0
        self._page = _PAGE.read_text(encoding="utf-8").replace("NUMBER", NUMBER).replace("FIRST", NUMBERS[0])
        carrier.observe(self._keep)

    @property
    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return (web.get("/", self._shell), web.get("/texts", self._shown), web.post("/texts", self._sent))

    async def _shell(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._page, content_type="text/html")

    def _keep(self, text: Text) -> None:
        # A group's text comes once for each of its phones.
        if all(text is not kept for _, kept in self._texts):
            self._count += 1
            self._texts.append((self._count, text))

    async def _shown(self, request: web.Request) -> web.StreamResponse:
        phone = request.query.get("phone", "")
        return web.json_response(
            [
                {
                    "id": number,
                    "sender": text.sender,
                    "recipients": text.recipients,
                    "text": text.text,
                    "pictures": [_as_url(each) for each in text.pictures],
                }
                for number, text in self._texts
                if phone == text.sender or phone in text.recipients
            ]
        )

    async def _sent(self, request: web.Request) -> web.StreamResponse:
        # Other sites' pages cannot send this type without asking first (CORS), and are never answered that they may.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            asked = await request.json()
            text = Text(
                str(asked["sender"]),
                tuple(map(str, asked["recipients"])),
                str(asked["text"]),
                _pictures(str(asked["picture"])),
            )
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            raise web.HTTPBadRequest(text="This is not what the page sends.") from None
        # The carrier brings texts to one of the gateway's numbers, whoever is named first.
        ours = sorted(text.recipients, key=lambda each: each not in NUMBERS)
        if not ours or ours[0] not in NUMBERS:
            raise web.HTTPBadRequest(text=f"Text a number of the gateway: {NUMBERS[0]} to {NUMBERS[-1]}.")
        text = Text(text.sender, tuple(ours), text.text, text.pictures)
        try:
            await self._carrier.text(text)
        except Unmet as unmet:
            raise web.HTTPBadGateway(text=str(unmet)) from unmet
        self._keep(text)
        return web.Response(status=204)


def _as_url(picture: Picture) -> str:
    return f"data:{picture.type};base64,{base64.b64encode(picture.data).decode()}"


def _pictures(url: str) -> tuple[Picture, ...]:
    """Of a data URL; raises ``ValueError``."""
    if not url:
        return ()
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    if not kind.startswith("image/"):
        raise ValueError("no picture")
    try:
        return (Picture(base64.b64decode(data, validate=True), kind),)
    except binascii.Error as error:
        raise ValueError("no picture") from error
