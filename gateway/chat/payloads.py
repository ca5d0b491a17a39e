"""What a message stanza carries besides its body, as it stands there: ids are still XMPP's, ranges count the body as sent.

One pass over the children with two look-ups for each: what every client sends with every message (origin-id, requests for
receipts and markers, ``<active/>``) costs next to nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from gateway.bridge import Capabilities
from gateway.chat.xhtml import XHTML_IM
from gateway.model import ChatState, Span, Style
from gateway.xmpp.stanza import CLIENT, COMPONENT, Jid, parse_jid
from gateway.xmpp.text import attribute, escape

ADDRESS = "http://jabber.org/protocol/address"
REPLY = "urn:xmpp:reply:0"
REACTIONS = "urn:xmpp:reactions:0"
CORRECT = "urn:xmpp:message-correct:0"
RETRACT = "urn:xmpp:message-retract:1"
MODERATE = "urn:xmpp:message-moderate:1"
FALLBACK = "urn:xmpp:fallback:0"
CHAT_STATES = "http://jabber.org/protocol/chatstates"
MARKERS = "urn:xmpp:chat-markers:0"
HINTS = "urn:xmpp:hints"
STYLING = "urn:xmpp:styling:0"
MARKUP = "urn:xmpp:markup:0"
REFERENCE = "urn:xmpp:reference:0"
MENTIONS = "urn:xmpp:mentions:0"
ENCRYPTION = "urn:xmpp:eme:0"
SID = "urn:xmpp:sid:0"

#: Children looked at, and items within one: nobody sends more in earnest.
_CHILDREN, _ITEMS = 50, 50
_MAX_ID = 512  # characters
_MAX_EMOJI = 64  # characters: the longest sequence of Unicode has 10
_MAX_THREAD = 512
_MAX_SUBJECT = 1000


@dataclass(slots=True)
class Fallback:
    """Part of the body that only says what the element of namespace ``of`` says. ``start`` None: all of it."""

    of: str
    start: int | None
    end: int


@dataclass(slots=True)
class MentionOf:
    start: int
    end: int
    jid: Jid
    occupant_id: str


@dataclass(slots=True)
class Payloads:
    """What was found. ``reactions`` None: none were sent; empty: all are taken back."""

    encryption: str | None = None  # its name; empty where only we cannot tell
    keys_only: bool = False  # an OMEMO message without content, which clients send each other by themselves
    reply: str = ""
    reply_to: str = ""
    replaces: str = ""
    retracts: str = ""
    reacts_to: str = ""
    reactions: tuple[str, ...] | None = None
    thread: str = ""
    subject: str = ""
    unstyled: bool = False
    unkept: bool = False  # XEP-0334: no archive is to have it
    spans: list[Span] = field(default_factory=list)
    html: Element | None = None  # XEP-0071, to be read together with the body
    mentions: list[MentionOf] = field(default_factory=list)
    fallbacks: list[Fallback] = field(default_factory=list)


Reader = Callable[[Payloads, Element], None]


def _id(element: Element, name: str = "id") -> str:
    value = element.get(name) or ""
    return value if len(value) <= _MAX_ID else ""


def _number(element: Element, name: str) -> int | None:
    """An unsigned decimal, else None."""
    value = element.get(name) or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None


def _range(element: Element, start: str = "start") -> tuple[int, int] | None:
    first, last = _number(element, start), _number(element, "end")
    return (first, last) if first is not None and last is not None and first < last else None


def _reply(found: Payloads, element: Element) -> None:
    found.reply = _id(element)
    found.reply_to = (element.get("to") or "")[:3071]


def _replace(found: Payloads, element: Element) -> None:
    found.replaces = _id(element)


def _retract(found: Payloads, element: Element) -> None:
    found.retracts = _id(element)


def _reactions(found: Payloads, element: Element) -> None:
    found.reacts_to = _id(element)
    emojis: dict[str, None] = {}
    for child in islice(element, _ITEMS):
        text = (child.text or "").strip()
        if child.tag == f"{{{REACTIONS}}}reaction" and text and len(text) <= _MAX_EMOJI:
            emojis[" ".join(text.split())] = None  # XEP-0444 §4: each once
    found.reactions = tuple(emojis)


def _thread(found: Payloads, element: Element) -> None:
    found.thread = (element.text or "")[:_MAX_THREAD]


def _subject(found: Payloads, element: Element) -> None:
    found.subject = " ".join((element.text or "")[:_MAX_SUBJECT].split())


def _fallback(found: Payloads, element: Element) -> None:
    of = element.get("for") or ""
    bodies = [child for child in islice(element, _ITEMS) if child.tag == f"{{{FALLBACK}}}body"]
    for body in bodies:
        if body.get("start") is None and body.get("end") is None:
            found.fallbacks.append(Fallback(of, None, 0))
        elif (place := _range(body)) is not None:
            found.fallbacks.append(Fallback(of, *place))
    if not len(element):
        found.fallbacks.append(Fallback(of, None, 0))


def _unkept(found: Payloads, element: Element) -> None:
    found.unkept = True


def _unstyled(found: Payloads, element: Element) -> None:
    found.unstyled = True


_STYLE_OF: Mapping[str, Style] = {
    f"{{{MARKUP}}}emphasis": Style.EMPHASIS,
    f"{{{MARKUP}}}strong": Style.STRONG,
    f"{{{MARKUP}}}code": Style.CODE,
    f"{{{MARKUP}}}deleted": Style.STRUCK,
}
_BLOCK_OF: Mapping[str, Style] = {
    f"{{{MARKUP}}}bcode": Style.CODE_BLOCK,
    f"{{{MARKUP}}}bquote": Style.QUOTE,
}


def _markup(found: Payloads, element: Element) -> None:
    for child in islice(element, _ITEMS):
        place = _range(child)
        if place is None:
            continue
        block = _BLOCK_OF.get(child.tag)
        if block is not None:
            found.spans.append(Span(*place, block))
        elif child.tag == f"{{{MARKUP}}}span":
            found.spans += (
                Span(*place, _STYLE_OF[each.tag]) for each in islice(child, 4) if each.tag in _STYLE_OF
            )


def _html(found: Payloads, element: Element) -> None:
    found.html = element


def _reference(found: Payloads, element: Element) -> None:
    """XEP-0372 §3.2. The URI of an occupant is that of the room with the nick as its resource."""
    uri = element.get("uri") or ""
    place = _range(element, "begin")
    if element.get("type") == "mention" and place is not None and uri.startswith("xmpp:"):
        jid = unquote(uri[5:3076].partition("?")[0])
        if len(found.mentions) < _ITEMS:
            found.mentions.append(MentionOf(*place, parse_jid(jid), ""))


def _mention(found: Payloads, element: Element) -> None:
    """XEP-0513 §3.1."""
    place = _range(element, "begin")
    if place is not None and not element.get("mentions") and len(found.mentions) < _ITEMS:
        jid = (element.get("jid") or "")[:3071]
        found.mentions.append(MentionOf(*place, parse_jid(jid), _id(element, "occupantid")))


#: XEP-0380 §5 and what clients call them.
_ENCRYPTIONS: Mapping[str, str] = {
    "eu.siacs.conversations.axolotl": "OMEMO",
    "urn:xmpp:omemo:0": "OMEMO",
    "urn:xmpp:omemo:1": "OMEMO",
    "urn:xmpp:omemo:2": "OMEMO",
    "urn:xmpp:openpgp:0": "OpenPGP",
    "jabber:x:encrypted": "OpenPGP",
    "urn:xmpp:otr:0": "OTR",
}


def _encryption(found: Payloads, element: Element) -> None:
    """XEP-0380: says what a body that cannot be read would be."""
    name = _ENCRYPTIONS.get(element.get("namespace") or "") or (element.get("name") or "")[:40]
    found.encryption = found.encryption or name


def _encrypted(found: Payloads, element: Element) -> None:
    namespace = element.tag[1:].partition("}")[0]
    found.encryption = found.encryption or _ENCRYPTIONS.get(namespace, "")
    # XEP-0384 §5.6: without a payload it only moves keys.
    found.keys_only = namespace in _OMEMO and element.find(f"{{{namespace}}}payload") is None


_OMEMO = frozenset(namespace for namespace, name in _ENCRYPTIONS.items() if name == "OMEMO")
_ALWAYS: Mapping[str, Reader] = {
    f"{{{REPLY}}}reply": _reply,
    f"{{{CORRECT}}}replace": _replace,
    f"{{{RETRACT}}}retract": _retract,
    f"{{{REACTIONS}}}reactions": _reactions,
    f"{{{FALLBACK}}}fallback": _fallback,
    f"{{{ENCRYPTION}}}encryption": _encryption,
    **{f"{{{namespace}}}encrypted": _encrypted for namespace in _OMEMO},
    "{urn:xmpp:openpgp:0}openpgp": _encrypted,
    "{jabber:x:encrypted}x": _encrypted,
    f"{{{HINTS}}}no-store": _unkept,
    f"{{{HINTS}}}no-permanent-store": _unkept,
}
_STYLED: Mapping[str, Reader] = {
    f"{{{STYLING}}}unstyled": _unstyled,
    f"{{{MARKUP}}}markup": _markup,
    f"{{{XHTML_IM}}}html": _html,
}
_MENTIONING: Mapping[str, Reader] = {
    f"{{{REFERENCE}}}reference": _reference,
    f"{{{MENTIONS}}}mention": _mention,
}
_THREADED: Mapping[str, Reader] = {f"{{{stream}}}thread": _thread for stream in (COMPONENT, CLIENT)}

_TITLED: Mapping[str, Reader] = {f"{{{stream}}}subject": _subject for stream in (COMPONENT, CLIENT)}


def readers(can: Capabilities) -> Mapping[str, Reader]:
    """The payloads worth a look where the network can do that much."""
    return {
        **_ALWAYS,
        **(_STYLED if can.styling else {}),
        **(_MENTIONING if can.mentions else {}),
        **(_THREADED if can.threads else {}),
        **(_TITLED if can.subjects else {}),
    }


# -- what travels with a reflection ----------------------------------------------------------------------------


def _origin_id(element: Element, room_attr: str) -> str:
    return f"<origin-id xmlns='{SID}' id='{attribute((element.get('id') or '')[:_MAX_ID])}'/>"


def _stanza_id(element: Element, room_attr: str) -> str:
    """Those of others stay, one that claims to be the room's is dropped (XEP-0359 §3.1)."""
    by = attribute((element.get("by") or "")[:3071])
    if by == room_attr:
        return ""
    return f"<stanza-id xmlns='{SID}' id='{attribute((element.get('id') or '')[:_MAX_ID])}' by='{by}'/>"


def _carried_thread(element: Element, room_attr: str) -> str:
    return f"<thread>{escape(element.text[:_MAX_THREAD])}</thread>" if element.text else ""


_CARRIED: Mapping[str, Callable[[Element, str], str]] = {
    f"{{{SID}}}origin-id": _origin_id,
    f"{{{SID}}}stanza-id": _stanza_id,
    **dict.fromkeys(_THREADED, _carried_thread),
}


def read(element: Element, room_attr: str, table: Mapping[str, Reader]) -> tuple[str, Payloads | None]:
    """What of the payloads goes along with a reflection as it is, ready XML; and what else there is, None for nothing.
    ``table`` comes from ``readers``; ``room_attr`` is empty in a private chat."""
    carried = ""
    found: Payloads | None = None
    for child in islice(element, _CHILDREN):
        tag = child.tag
        carry = _CARRIED.get(tag)
        if carry is not None:
            carried += carry(child, room_attr)
        reader = table.get(tag)
        if reader is not None:
            if found is None:
                found = Payloads()
            reader(found, child)
    return carried, found


_STATES: Mapping[str, ChatState] = {f"{{{CHAT_STATES}}}{state}": state for state in ChatState}


def chat_state(element: Element) -> ChatState | None:
    """Of a message without a body: with one it is always ``active``, and says nothing new."""
    for child in islice(element, _CHILDREN):
        state = _STATES.get(child.tag)
        if state is not None:
            return state
    return None
