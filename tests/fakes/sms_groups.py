"""Providers whose group texts are more than one request: what they check, and the conversations that phones would show."""

from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.sms_providers import Said
from tests.fakes.sms_signing import Post, document

Phones = dict[frozenset[str], list[tuple[str, str]]]


@dataclass
class VonageGroups:
    """Vonage's group MMS: one request for each member, that names the others. ``phones`` has, for each conversation (all but
    our number), what each member was shown, as (member, text). ``refused`` are numbers that it sends nothing to."""

    phones: Phones = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"]
        asked = await request.json()
        members = [asked["to"], *asked["mms"]["participants"]]
        right = asked["channel"] == "mms" and len(set(members)) == len(members) > 1
        if not right or token in self.tokens or any(not each.isdigit() for each in members):
            return _said(Said(422, {"title": "Invalid params", "detail": "The value is invalid."}))
        self.tokens.add(token)
        if asked["to"] in self.refused:
            return _said(Said(422, {"title": "1240", "detail": "Illegal number"}))
        words = asked["text"] if asked["message_type"] == "text" else asked["image"]["caption"]
        self.phones.setdefault(frozenset(members), []).append((asked["to"], words))
        return _said(Said(202, {"message_uuid": f"uuid-{asked['to']}"}))


def vonage_report(url: str, member: str, reference: str, status: str) -> Post:
    return document(
        url,
        {
            "message_uuid": f"uuid-{member}",
            "to": member,
            "from": "15550001111",
            "timestamp": "2026-11-21T12:00:01Z",
            "status": status,
            "client_ref": reference,
        },
    )


def vonage_message(url: str, sender: str, others: list[str], **more: object) -> Post:
    """To our number and others."""
    return document(
        url,
        {
            "channel": "mms",
            "message_type": "text",
            "message_uuid": "uuid-in-1",
            "to": "15550001111",
            "from": sender,
            "mms": {"participants": others},
            "timestamp": "2026-11-21T12:00:00Z",
            **more,
        },
    )


def _said(said: Said) -> web.Response:
    return web.json_response(said.body, status=said.status)
