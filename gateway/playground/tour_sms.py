"""The part of the tour about texts: alice, and dave and erin, who have telephones; bob and fred, where there is a Kannel."""

import asyncio
import base64
import urllib.request
from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from gateway.playground.carrier import Carrier, Picture, Text
from gateway.playground.cast import Cast, Step
from gateway.playground.expect import DEADLINE, Unmet
from gateway.playground.kannel_phones import KannelPhones
from gateway.playground.match import Pattern, error_condition, error_text, message

_BODY = "{jabber:client}body"
_RECEIPTS = "urn:xmpp:receipts"
_OOB = "jabber:x:oob"
_UPLOAD = "urn:xmpp:http:upload:0"
_INVITATION = "{jabber:x:conference}x"
_GATEWAY = "jabber:iq:gateway"
_PATIENCE = 20.0  # a text passes the provider, and its report comes back
_DAVE, _ERIN, _FRED, _OFF = "+13105550101", "+13105550103", "+13105550104", "+13105550109"
_AS_WRITTEN = "(310) 555-0101"

#: A red square, PNG.
_SQUARE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mO4oKCAFTEMLQkAvk5EAYUHFA8AAAAASUVORK5CYII="
)
_LONG = "".join(
    f"{each:03} sheep jump. " for each in range(1, 96)
)  # of ten segments with 153 characters each


class KannelTour:
    """bob's number is behind Kannel; what fred's phone gets, Kannel's own fakesmsc says."""

    def __init__(self, cast: Cast, phones: KannelPhones) -> None:
        self._cast = cast
        self._phones = phones
        self._jid = cast.gateway.sms_jid

    @property
    def steps(self) -> tuple[Step, ...]:
        return (("Both ways through Kannel, and fakesmsc on its other side", self._talk),)

    async def _talk(self) -> None:
        fred = self._cast.gateway.phone(_FRED)
        bob = await self._cast.rig.log_in("bob", "desk")
        try:
            await bob.iq(self._jid, "<query xmlns='jabber:iq:register'/>", type="set")
            self._cast.sends("bob", f"to {fred}: Cake? 🍰 (and asks for a receipt)")
            id = bob.new_id()
            bob.send(
                f"<message to={quoteattr(fred)} type='chat' id='{id}'><body>Cake? 🍰</body>"
                f"<request xmlns='{_RECEIPTS}'/></message>"
            )
            got = await self._phones.phone(_FRED).take(
                lambda one: one.text == "Cake? 🍰", "bob's text", _PATIENCE
            )
            self._cast.sees("fred", got.text)
            await bob.expect(_from(fred, lambda one: _received(one) == [id]), "a receipt", _PATIENCE)
            self._cast.sees("bob", "the receipt: the phone has it")
            self._cast.sends("fred", "to bob: Oh yes 😋")
            await self._phones.text(Text(_FRED, (got.sender,), "Oh yes 😋"))
            await bob.expect(
                _from(fred, lambda one: one.findtext(_BODY) == "Oh yes 😋"), "the answer", _PATIENCE
            )
            self._cast.sees("bob", f"from {fred}: Oh yes 😋")
        finally:
            await bob.close()


class SmsTour:
    """Needs the SMS bridge, and nobody of the other sides."""

    def __init__(self, cast: Cast, carrier: Carrier) -> None:
        self._cast = cast
        self._alice = cast.alice
        self._carrier = carrier
        self._jid = cast.gateway.sms_jid
        self._dave = cast.gateway.phone(_DAVE)
        self._both = cast.gateway.phone(_DAVE, _ERIN)
        self._number = ""  # alice's

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            ("alice registers, and can text phones", self._register),
            ("A text with emoji, its receipt, and the answer", self._talk),
            ("A text of ten segments is one message, with one receipt", self._long),
            ("Pictures, both ways", self._pictures),
            ("A phone that is off: the error comes to that message", self._fail),
            ("A number as people write it at home", self._national),
            ("A group text is one conversation of all, never copies", self._group),
            ("The same group as a room", self._room),
        )

    # -- steps -------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        self._cast.sends("alice", f"registers with {self._jid}")
        answer = await self._alice.iq(self._jid, "<query xmlns='jabber:iq:register'/>", type="set")
        if answer.get("type") != "result":
            raise Unmet(f"alice expected to be registered, but was told: {error_text(answer)}")
        self._cast.sees("alice", "one of the gateway's numbers is hers")

    async def _talk(self) -> None:
        id = self._write(self._dave, "Grüße! Tea? 🫖")
        self._number = (await self._reads(_DAVE, "Grüße! Tea? 🫖")).sender
        await self._receipt(id)
        await self._text(Text(_DAVE, (self._number,), "With pleasure 😀"))
        await self._hears(self._dave, "With pleasure 😀")

    async def _long(self) -> None:
        id = self._write(self._dave, _LONG, f"{_LONG[:31]}... ({len(_LONG)} characters)")
        await self._reads(_DAVE, _LONG, f"{_LONG[:31]}... in one piece")
        await self._receipt(id)

    async def _pictures(self) -> None:
        link = escape(await self._uploaded(_SQUARE))
        self._cast.sends("alice", f"to {self._dave}: a picture")
        self._alice.send(
            f"<message to={quoteattr(self._dave)} type='chat' id='{self._alice.new_id()}'>"
            f"<body>{link}</body><x xmlns='{_OOB}'><url>{link}</url></x></message>"
        )
        await self._carrier.phone(_DAVE).take(
            lambda got: (got.text, [each.data for each in got.pictures]) == ("", [_SQUARE]),
            "a picture",
            _PATIENCE,
        )
        self._cast.sees("dave", "the picture, no link")
        await self._text(Text(_DAVE, (self._number,), "", (Picture(_SQUARE),)))
        shown = _from(self._dave, lambda one: bool(_shared(one)))
        address = _shared(await self._alice.expect(shown, "a picture", _PATIENCE))
        if await asyncio.to_thread(_fetched, address) != _SQUARE:
            raise Unmet(f"alice expected dave's picture at {address}")
        self._cast.sees("alice", f"dave's picture, at {address.rpartition('/')[0]}/...")

    async def _fail(self) -> None:
        off = self._cast.gateway.phone(_OFF)
        id = self._write(off, "Are you awake?")
        told = message(type="error", id=id)
        error = await self._alice.expect(told, "an error", _PATIENCE)
        self._cast.sees("alice", f"{error_condition(error)}: {error_text(error)}")

    async def _national(self) -> None:
        self._cast.sends("alice", f"asks for the address of {_AS_WRITTEN}")
        prompt = f"<query xmlns='{_GATEWAY}'><prompt>{_AS_WRITTEN}</prompt></query>"
        answer = await self._alice.iq(self._jid, prompt, type="set")
        found = answer.findtext(f"{{{_GATEWAY}}}query/{{{_GATEWAY}}}jid") or ""
        self._cast.sees("alice", found)
        if found != self._dave:
            raise Unmet(f"alice expected {self._dave}")
        self._write(f"{_DAVE.removeprefix('+1')}@{self._jid}", "Still you?")
        await self._reads(_DAVE, "Still you?")

    async def _group(self) -> None:
        self._write(self._both, "Tea for three?")
        for phone in (_DAVE, _ERIN):
            text = await self._reads(phone, "Tea for three?")
            if set(text.recipients) != {_DAVE, _ERIN}:
                raise Unmet(f"{phone} expected to see who else has it, but it went to {text.recipients}")
        await self._text(Text(_ERIN, (self._number, _DAVE), "I bring cake"))
        await self._hears(self._both, "I bring cake")

    async def _room(self) -> None:
        self._write(self._both, ".room")
        invited = await self._alice.expect(
            message(has=(_INVITATION,)), "to be invited to the group", _PATIENCE
        )
        invitation = invited.find(_INVITATION)
        room = invitation.get("jid") or "" if invitation is not None else ""
        self._cast.sees("alice", f"an invitation to {room}")
        await self._alice.join(room, "alice")
        self._cast.sends("alice", "joins, and says: Lemon or milk?")
        self._alice.say(room, "Lemon or milk?", type="groupchat")
        for phone in (_DAVE, _ERIN):
            await self._reads(phone, "Lemon or milk?")
        await self._text(Text(_DAVE, (self._number, _ERIN), "Lemon"))
        said = message(f"{room}/{_DAVE}", "Lemon", type="groupchat")
        await self._cast.alice_sees(said, f"in the room: {_DAVE}: Lemon")
        self._alice.leave(room, "alice")

    # -- pieces ------------------------------------------------------------------------------------------------

    def _write(self, to: str, text: str, shown: str = "") -> str:
        """The message's id."""
        self._cast.sends("alice", f"to {to}: {shown or text}")
        id = self._alice.new_id()
        self._alice.send(
            f"<message to={quoteattr(to)} type='chat' id='{id}'><body>{escape(text)}</body>"
            f"<request xmlns='{_RECEIPTS}'/></message>"
        )
        return id

    async def _reads(self, phone: str, text: str, shown: str = "") -> Text:
        got = await self._carrier.phone(phone).take(lambda one: one.text == text, repr(text[:40]), _PATIENCE)
        self._cast.sees(_name(phone), shown or text)
        return got

    async def _receipt(self, id: str) -> None:
        await self._alice.expect(
            _from(self._dave, lambda one: _received(one) == [id]), "a receipt", _PATIENCE
        )
        self._cast.sees("alice", "the receipt: the phone has it")

    async def _text(self, text: Text) -> None:
        group = " and ".join(_name(each) for each in text.recipients[1:])
        pictures = "a picture" if text.pictures else ""
        self._cast.sends(
            _name(text.sender), f"to alice{f' and {group}' if group else ''}: {text.text or pictures}"
        )
        await self._carrier.text(text)

    async def _hears(self, sender: str, text: str) -> None:
        heard = _from(sender, lambda one: (one.findtext(_BODY) or "").endswith(text))
        got = await self._alice.expect(heard, f"to read {text!r}", _PATIENCE)
        self._cast.sees("alice", f"from {sender}: {got.findtext(_BODY)}")

    async def _uploaded(self, data: bytes) -> str:
        """To alice's own server (XEP-0363), as her client does."""
        slot = (
            f"<request xmlns='{_UPLOAD}' filename='square.png' size='{len(data)}' content-type='image/png'/>"
        )
        answer = await self._alice.iq(f"upload.{self._cast.rig.xmpp.domain}", slot)
        put = answer.find(f"{{{_UPLOAD}}}slot/{{{_UPLOAD}}}put")
        get = answer.find(f"{{{_UPLOAD}}}slot/{{{_UPLOAD}}}get")
        if put is None or get is None:
            raise Unmet(f"alice expected a place for her picture, but was told: {error_text(answer)}")
        headers = {each.get("name") or "": each.text or "" for each in put} | {"Content-Type": "image/png"}
        request = urllib.request.Request(put.get("url") or "", data, headers, method="PUT")
        await asyncio.to_thread(_fetched, request)
        return get.get("url") or ""


def _name(phone: str) -> str:
    return {_DAVE: "dave", _ERIN: "erin"}.get(phone, phone)


def _from(sender: str, also: Callable[[Element], bool]) -> Pattern:
    """From whatever resource."""
    return message(also=lambda one: (one.get("from") or "").partition("/")[0] == sender and also(one))


def _received(stanza: Element) -> list[str | None]:
    """Ids of messages that a stanza says were received (XEP-0184)."""
    return [each.get("id") for each in stanza.iter(f"{{{_RECEIPTS}}}received")]


def _shared(stanza: Element) -> str:
    return stanza.findtext(f"{{{_OOB}}}x/{{{_OOB}}}url") or ""


def _fetched(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        data: bytes = response.read()
    return data
