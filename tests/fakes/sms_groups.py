"""Providers whose group texts are more than one request: what they check, and the conversations that phones would show."""

import json
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.sms_providers import Said
from tests.fakes.sms_signing import Post, document, form

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


@dataclass
class TwilioConversations:
    """Conversations of Twilio: made with all of their participants, found by a name, written to by who is in them.
    ``phones`` has what was shown to each. ``refused`` are numbers that cannot be in one."""

    phones: Phones = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    participants: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.StreamResponse:
        base, _, rest = request.path.partition("/v1/Services/IS1/")
        if base or not request.headers["Authorization"].startswith("Basic "):
            return self._no(401, 20003)
        parts = rest.split("/")
        if parts == ["ConversationWithParticipants"]:
            return await self._make(request)
        sid = self.names.get(parts[1], parts[1])
        known = self.participants.get(sid)
        if known is None:
            return self._no(404, 20404)
        if parts[2:] == ["Messages"]:
            return await self._write(request, sid, known)
        if parts[2:] == ["Participants"]:
            people = [{"sid": each, "messaging_binding": binding} for each, binding in known.items()]
            return _said(Said(200, {"participants": people}))
        return _said(Said(200, {"sid": sid, "state": "active"}))

    async def _make(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        name = str(form["UniqueName"])
        if name in self.names:
            return self._no(409, 50353)
        bindings = [json.loads(str(each))["messaging_binding"] for each in form.getall("Participant")]
        alone = all(len(each) == 1 for each in bindings)
        if form["MessagingServiceSid"] != "MG1" or not alone or len(bindings) > 10:
            return self._no(400, 50407)
        if any(each.get("address") in self.refused for each in bindings):
            return self._no(400, 50407)
        sid = self.names[name] = f"CH{len(self.names) + 1}"
        self.participants[sid] = {f"MB{sid}{n}": each for n, each in enumerate(bindings)}
        return _said(Said(201, {"sid": sid}))

    async def _write(
        self, request: web.Request, sid: str, known: dict[str, dict[str, str]]
    ) -> web.StreamResponse:
        form = await request.post()
        if not any(each.get("projected_address") == form["Author"] for each in known.values()):
            return self._no(400, 50513)
        members = [each["address"] for each in known.values() if "address" in each]
        shown = self.phones.setdefault(frozenset(members), [])
        shown += [(each, str(form["Body"])) for each in members]
        return _said(Said(201, {"sid": f"IM{len(shown) // len(members)}"}))

    def _no(self, status: int, code: int) -> web.Response:
        return _said(Said(status, {"code": code, "message": "refused", "status": status}))

    def report(self, url: str, member: str, message: str, status: str, code: str = "") -> Post:
        """How far a message came to somebody; ``member`` is the phone."""
        sid, participant = next(
            (sid, participant)
            for sid, known in self.participants.items()
            for participant, binding in known.items()
            if binding.get("address") == member
        )
        return form(
            url,
            EventType="onDeliveryUpdated",
            AccountSid="AC1",
            ConversationSid=sid,
            MessageSid=message,
            ChannelMessageSid=f"SM{participant}",
            ParticipantSid=participant,
            Status=status,
            ErrorCode=code,
        )


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
