"""Providers of text messages: one HTTP server that is any of them. It checks what we send as they would, keeps it, answers
as they do, or as a test says, and makes their callbacks. How they sign is in ``sms_signing``.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes import sms_signing as signing
from tests.fakes.sms_signing import TELNYX_PUBLIC, TOKEN, Post, Sign, document, form

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
OURS, THEIRS = "+15550001111", "+15551112222"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of ours. ``fields`` are those of the form, the query or the document."""

    method: str
    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, Any]

    @property
    def basic(self) -> str:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(encoded).decode() if scheme == "Basic" else ""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; ``body`` is written as JSON unless it is text."""

    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """A provider. ``let_in`` says whether a request shows who we are, ``right`` whether it is one that would be taken;
    ``message`` and ``report`` make callbacks for an external address."""

    values: Mapping[str, str]
    secrets: Mapping[str, str]
    let_in: Callable[[Asked], bool]
    right: Callable[[Asked], bool]
    taken: Said
    id: str
    refused: Said
    message: Callable[[str], Post]
    report: Callable[[str, str, str], Post] | None  # address, our reference, "delivered" or "failed"
    sign: Sign = signing.unsigned
    prepare: Callable[[Post, float], Post] = lambda post, now: post


def _is(asked: Asked, path: str, **fields: object) -> bool:
    wanted = {name.rstrip("_").replace("__", "-"): each for name, each in fields.items()}
    return asked.path == path and {name: asked.fields.get(name) for name in wanted} == wanted


def _rs256(asked: Asked) -> bool:
    head, claims, signature = asked.headers.get("Authorization", "").partition(" ")[2].split(".")
    try:
        raw = base64.urlsafe_b64decode(signature + "==")
        KEY.public_key().verify(raw, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return bool(said["application_id"] == "app-1" and said["jti"] and said["exp"] > said["iat"])


def _telnyx(kind: str, **payload: object) -> dict[str, object]:
    return {
        "data": {"event_type": kind, "id": "ev-1", "occurred_at": "2026-11-21T12:00:00Z", "payload": payload}
    }


def _number(number: str, **more: str) -> dict[str, str]:
    return {"phone_number": number, **more}


TEXT = "Grüße 😀 & more = ok"

FAMILIES: dict[str, Family] = {
    "twilio": Family(
        {"account": "AC1"},
        {"token": TOKEN},
        lambda asked: asked.basic == f"AC1:{TOKEN}",
        lambda asked: _is(asked, "/2010-04-01/Accounts/AC1/Messages.json", To=THEIRS, From=OURS, Body=TEXT),
        Said(201, {"sid": "SM1", "status": "queued", "error_code": None}),
        "SM1",
        Said(400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400}),
        lambda url: form(
            url, MessageSid="SM9", From=THEIRS, To=OURS, Body=TEXT, NumMedia="0", SmsStatus="received"
        ),
        lambda url, reference, status: form(
            f"{url}/{reference}",
            MessageSid="SM1",
            To=THEIRS,
            From=OURS,
            MessageStatus="delivered" if status == "delivered" else "undelivered",
            ErrorCode="" if status == "delivered" else "30003",
        ),
        signing.twilio,
    ),
    "vonage-messages": Family(
        {"application": "app-1", "account": "abcd1234"},
        {"private_key": PEM, "signature": TOKEN},
        _rs256,
        lambda asked: _is(
            asked,
            "/v1/messages",
            channel="sms",
            message_type="text",
            to="15551112222",
            from_="15550001111",
            text=TEXT,
        ),
        Said(202, {"message_uuid": "uuid-1"}),
        "uuid-1",
        Said(422, {"title": "Invalid params", "detail": "The value of one or more parameters is invalid."}),
        lambda url: document(
            url,
            {
                "channel": "sms",
                "message_uuid": "uuid-9",
                "to": "15550001111",
                "from": "15551112222",
                "timestamp": "2026-11-21T12:00:00Z",
                "text": TEXT,
                "message_type": "text",
            },
        ),
        lambda url, reference, status: document(
            url,
            {
                "message_uuid": "uuid-1",
                "to": "15551112222",
                "from": "15550001111",
                "timestamp": "2026-11-21T12:00:01Z",
                "status": "delivered" if status == "delivered" else "undeliverable",
                "client_ref": reference,
            },
        ),
        signing.vonage,
    ),
    "vonage-sms": Family(
        {"key": "abcd"},
        {"secret": "s3cret", "signature": TOKEN},
        lambda asked: asked.fields.get("api_secret") == "s3cret",
        lambda asked: _is(
            asked,
            "/sms/json",
            to="15551112222",
            from_="15550001111",
            text=TEXT,
            type="unicode",
            api_key="abcd",
        ),
        Said(200, {"message-count": "1", "messages": [{"status": "0", "message-id": "0A1"}]}),
        "0A1",
        Said(200, {"message-count": "1", "messages": [{"status": "29", "error-text": "Non-whitelisted"}]}),
        lambda url: form(
            url,
            msisdn="15551112222",
            to="15550001111",
            messageId="0B9",
            text=TEXT,
            type="unicode",
            **{"message-timestamp": "2026-11-21 12:00:00"},
        ),
        lambda url, reference, status: form(
            f"{url}/{reference}",
            msisdn="15551112222",
            to="15550001111",
            messageId="0A1",
            status=status,
            scts="2611211200",
            **{"err-code": "0" if status == "delivered" else "2", "client-ref": reference},
        ),
        signing.unsigned,
        signing.vonage_sms,
    ),
    "telnyx": Family(
        {},
        {"key": "KEY1", "public_key": TELNYX_PUBLIC},
        lambda asked: asked.headers.get("Authorization") == "Bearer KEY1",
        lambda asked: (
            _is(asked, "/v2/messages", to=THEIRS, from_=OURS, text=TEXT)
            and bool(asked.headers.get("Idempotency-Key"))
        ),
        Said(200, {"data": {"id": "t-1", "record_type": "message"}}),
        "t-1",
        Said(400, {"errors": [{"code": "40300", "title": "Blocked", "detail": "opted out"}]}),
        lambda url: document(
            url,
            _telnyx(
                "message.received",
                id="t-9",
                **{"from": _number(THEIRS), "to": [_number(OURS, status="webhook_delivered")], "text": TEXT},
            ),
        ),
        lambda url, reference, status: document(
            f"{url}/{reference}",
            _telnyx(
                "message.finalized",
                id="t-1",
                to=[_number(THEIRS, status="delivered" if status == "delivered" else "delivery_failed")],
                errors=[] if status == "delivered" else [{"code": "40006", "title": "Unavailable"}],
            ),
        ),
        signing.telnyx,
    ),
    "bandwidth": Family(
        {"account": "990", "application": "app-1", "user": "u"},
        {"password": "p"},
        lambda asked: asked.basic == "u:p",
        lambda asked: _is(
            asked, "/api/v2/users/990/messages", to=[THEIRS], from_=OURS, text=TEXT, applicationId="app-1"
        ),
        Said(202, {"id": "b-1", "direction": "out"}),
        "b-1",
        Said(400, {"type": "request-validation", "description": "Your request could not be accepted"}),
        lambda url: document(
            url,
            [
                {
                    "type": "message-received",
                    "time": "2026-11-21T12:00:00.000Z",
                    "to": OURS,
                    "message": {"id": "b-9", "from": THEIRS, "to": [OURS], "owner": OURS, "text": TEXT},
                }
            ],
        ),
        lambda url, reference, status: document(
            url,
            [
                {
                    "type": "message-delivered" if status == "delivered" else "message-failed",
                    "time": "2026-11-21T12:00:00.000Z",
                    "to": THEIRS,
                    "description": "x",
                    **({} if status == "delivered" else {"errorCode": 4720}),
                    "message": {"id": "b-1", "tag": reference},
                }
            ],
        ),
    ),
    "plivo": Family(
        {"account": "MA1"},
        {"token": TOKEN},
        lambda asked: asked.basic == f"MA1:{TOKEN}",
        lambda asked: _is(
            asked, "/v1/Account/MA1/Message/", dst="15551112222", src="15550001111", text=TEXT, type="sms"
        ),
        Said(202, {"message": "message(s) queued", "message_uuid": ["p-1"], "api_id": "x"}),
        "p-1",
        Said(400, {"error": "dst is invalid"}),
        lambda url: form(url, From="15551112222", To="15550001111", Text=TEXT, MessageUUID="p-9", Type="sms"),
        lambda url, reference, status: form(
            f"{url}/{reference}",
            From="15550001111",
            To="15551112222",
            Status="delivered" if status == "delivered" else "undelivered",
            MessageUUID="p-1",
            ErrorCode="000" if status == "delivered" else "80",
        ),
        signing.plivo,
    ),
    "sinch": Family(
        {"plan": "plan1"},
        {"token": "T1", "hmac": TOKEN},
        lambda asked: asked.headers.get("Authorization") == "Bearer T1",
        lambda asked: _is(asked, "/xms/v1/plan1/batches", to=["15551112222"], from_="15550001111", body=TEXT),
        Said(201, {"id": "s-1", "to": ["15551112222"]}),
        "s-1",
        Said(400, {"code": "syntax_invalid_parameter_format", "text": "Invalid number"}),
        lambda url: document(
            url,
            {
                "type": "mo_text",
                "from": "15551112222",
                "to": "15550001111",
                "id": "s-9",
                "body": TEXT,
                "received_at": "2026-11-21T12:00:00.123Z",
            },
        ),
        lambda url, reference, status: document(
            f"{url}/{reference}",
            {
                "type": "recipient_delivery_report_sms",
                "batch_id": "s-1",
                "recipient": "15551112222",
                "code": 0 if status == "delivered" else 408,
                "status": "Delivered" if status == "delivered" else "Expired",
                "at": "2026-11-21T12:00:00.123Z",
                "client_reference": reference,
            },
        ),
        signing.sinch,
    ),
    "messagebird": Family(
        {},
        {"key": "K1", "signing": TOKEN},
        lambda asked: asked.headers.get("Authorization") == "AccessKey K1",
        lambda asked: _is(
            asked,
            "/messages",
            originator="15550001111",
            recipients=["15551112222"],
            body=TEXT,
            datacoding="auto",
        ),
        Said(201, {"id": "m-1", "recipients": {"totalCount": 1}}),
        "m-1",
        Said(422, {"errors": [{"code": 25, "description": "Not enough balance"}]}),
        lambda url: document(
            url,
            {
                "id": "m-9",
                "originator": "15551112222",
                "recipient": "15550001111",
                "body": TEXT,
                "createdDatetime": "2026-11-21T12:00:00+00:00",
            },
        ),
        lambda url, reference, status: Post(
            f"{url}/{reference}?id=m-1&recipient=15551112222&reference={reference}"
            f"&status={'delivered' if status == 'delivered' else 'delivery_failed'}"
            f"&statusErrorCode={'' if status == 'delivered' else '31'}",
            method="GET",
        ),
        signing.messagebird,
    ),
    "voipms": Family(
        {"user": "u@example.org"},
        {"password": "p"},
        lambda asked: asked.fields.get("api_password") == "p",
        lambda asked: _is(
            asked, "/api/v1/rest.php", method="sendSMS", did="5550001111", dst="5551112222", message=TEXT
        ),
        Said(200, {"status": "success", "sms": 4321}),
        "",
        Said(200, {"status": "limit_reached", "message": "100 a day"}),
        lambda url: document(
            url,
            _telnyx(
                "message.received",
                id=77,
                **{"from": _number("5551112222"), "to": [_number("5550001111")], "text": TEXT, "media": []},
            ),
        ),
        None,
    ),
    "46elks": Family(
        {"user": "u"},
        {"password": "p"},
        lambda asked: asked.basic == "u:p",
        lambda asked: _is(asked, "/a1/sms", to=THEIRS, from_=OURS, message=TEXT),
        Said(200, {"id": "e-1", "status": "created", "to": THEIRS}),
        "e-1",
        Said(403, "Not enough credits"),
        lambda url: form(
            url,
            id="e-9",
            to=OURS,
            message=TEXT,
            direction="incoming",
            created="2026-11-21 12:00:00.5",
            **{"from": THEIRS},
        ),
        lambda url, reference, status: form(f"{url}/{reference}", id="e-1", status=status),
    ),
    "kannel": Family(
        {"username": "gw"},
        {"password": "p"},
        lambda asked: asked.fields.get("password") == "p" and asked.fields.get("username") == "gw",
        lambda asked: _is(
            asked, "/cgi-bin/sendsms", to=THEIRS, from_=OURS, text=TEXT, coding="2", charset="UTF-8"
        ),
        Said(202, "0: Accepted for delivery"),
        "ref0123456789.1",
        Said(403, "Authorization failed for sendsms"),
        lambda url: Post(
            f"{url}?from=%2B15551112222&to=%2B15550001111&id=k-9&ts=1795262400&coding=2&charset=UTF-16BE&udh="
            f"&text={''.join(f'%{each:02x}' for each in TEXT.encode('utf-16-be'))}",
            method="GET",
        ),
        lambda url, reference, status: Post(
            f"{url}/{reference}?part={reference}.1&st={1 if status == 'delivered' else 2}&fid=77&reply=id%3A77",
            method="GET",
        ),
    ),
}

Trick = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Provider:
    """A server that is ``family``. ``next`` are answers, or what to do instead, before it answers as usual."""

    family: Family
    asked: list[Asked] = field(default_factory=list)
    wrong: list[Asked] = field(default_factory=list)
    next: list[Said | Trick] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Provider":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def until(self, asked: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(30):
            while len(self.asked) < asked:
                self.news.clear()
                await self.news.wait()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        fields: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            fields = await request.json()
        elif request.method == "POST":
            posted = await request.post()
            fields |= {
                name: values[0] if len(values := posted.getall(name)) == 1 else values for name in posted
            }
        asked = Asked(request.method, request.path, dict(request.headers), fields)
        self.asked.append(asked)
        self.news.set()
        if self.next:
            said = self.next.pop(0)
            if not isinstance(said, Said):
                return await said(request)
        elif not self.family.let_in(asked):
            said = Said(401, {"error": "unauthorized", "status": "invalid_credentials"})
        else:
            if not self.family.right(asked):
                self.wrong.append(asked)
            said = self.family.taken
        body = said.body if isinstance(said.body, str) else json.dumps(said.body)
        return web.Response(status=said.status, text=body, headers=said.headers)


async def reset(request: web.Request) -> web.StreamResponse:
    """Ends the connection when the request is there."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
