"""The model's enrichments as ready XML. The room that an element speaks of is written as ``ROOM``, one character that no XML
can hold: clients may spell one room differently, and each is told its own spelling (``for_room``)."""

from collections.abc import Iterable, Sequence
from html import unescape
from urllib.parse import quote as percent

from gateway.chat.payloads import (
    ADDRESS,
    CHAT_STATES,
    CORRECT,
    FALLBACK,
    HINTS,
    MARKUP,
    MODERATE,
    REACTIONS,
    REFERENCE,
    REPLY,
    RETRACT,
)
from gateway.model import ChatState, Span, Style
from gateway.xmpp.text import attribute, escape

ROOM = "\x00"
_ROOM_URI = "\x01"
_STORE = f"<store xmlns='{HINTS}'/>"

_MARKUP_SPANS: dict[Style, str] = {
    Style.STRONG: "strong",
    Style.EMPHASIS: "emphasis",
    Style.STRUCK: "deleted",
    Style.CODE: "code",
}
_MARKUP_BLOCKS: dict[Style, str] = {Style.CODE_BLOCK: "bcode", Style.QUOTE: "bquote"}


def for_room(content: str, room_attr: str) -> str:
    """``content`` for a client that spells the room like that."""
    content = content.replace(ROOM, room_attr)
    if _ROOM_URI in content:
        content = content.replace(_ROOM_URI, percent(unescape(room_attr), safe="@"))
    return content


def reply(id_: str, to_attr: str, quoted: int) -> str:
    """XEP-0461; the first ``quoted`` code points of the body are the fallback (XEP-0428). ``to_attr`` may hold ``ROOM``."""
    to = f" to='{to_attr}'" if to_attr else ""
    fallback = (
        f"<fallback xmlns='{FALLBACK}' for='{REPLY}'><body start='0' end='{quoted}'/></fallback>"
        if quoted
        else ""
    )
    return f"<reply xmlns='{REPLY}' id='{attribute(id_)}'{to}/>{fallback}"


def replace(id_: str) -> str:
    return f"<replace xmlns='{CORRECT}' id='{attribute(id_)}'/>"


def reactions(id_: str, emojis: Sequence[str]) -> str:
    """XEP-0444, with the hint that it is worth keeping."""
    inside = "".join(f"<reaction>{escape(emoji)}</reaction>" for emoji in emojis)
    return f"<reactions xmlns='{REACTIONS}' id='{attribute(id_)}'>{inside}</reactions>{_STORE}"


def retract(id_: str) -> str:
    """XEP-0424 §3, with words for clients that do not know it."""
    return (
        f"<retract xmlns='{RETRACT}' id='{attribute(id_)}'/><fallback xmlns='{FALLBACK}' for='{RETRACT}'/>"
        f"<body>/me took back a message, which your client cannot show.</body>{_STORE}"
    )


def moderator(by_resource_attr: str, occupant_xml: str, reason: str) -> str:
    """XEP-0425 §4.1: whose hand it was. ``occupant_xml`` is the moderator's occupant-id, ready, or empty."""
    by = f" by='{ROOM}/{by_resource_attr}'" if by_resource_attr else ""
    why = f"<reason>{escape(reason)}</reason>" if reason else ""
    return f"<moderated xmlns='{MODERATE}'{by}>{occupant_xml}</moderated>{why}"


def moderated(id_: str, by: str) -> str:
    """XEP-0425 §4.1; ``by`` is what ``moderator`` made."""
    return f"<retract xmlns='{RETRACT}' id='{attribute(id_)}'>{by}</retract>{_STORE}"


def retracted(by_id: str, stamp: str, inside: str = "") -> str:
    """XEP-0424 §4, XEP-0425 §5: what stands in an archive in place of a message that was taken back; ``by_id`` is the id of
    the message that did it."""
    return f"<retracted xmlns='{RETRACT}' id='{attribute(by_id)}' stamp='{stamp}'>{inside}</retracted>"


def chat_state(state: ChatState) -> str:
    """XEP-0085, not to be kept (XEP-0334)."""
    return f"<{state} xmlns='{CHAT_STATES}'/><no-store xmlns='{HINTS}'/>"


def thread(name: str) -> str:
    return f"<thread>{escape(name)}</thread>"


def subject(text: str) -> str:
    return f"<subject>{escape(text)}</subject>"


def addresses(of: Iterable[tuple[str, str, str]]) -> str:
    """XEP-0033 §4: type, JID (escaped) and description of each. ``delivered``, for the network has seen to them all."""
    inside = ""
    for type_, jid_attr, text in of:
        description = f" desc='{attribute(text)}'" if text else ""
        inside += f"<address type='{type_}' jid='{jid_attr}' delivered='true'{description}/>"
    return f"<addresses xmlns='{ADDRESS}'>{inside}</addresses>" if inside else ""


def markup(spans: Iterable[Span]) -> str:
    """XEP-0394. Spans must not overlap there: of nested ones with the same range one element holds all."""
    inline: dict[tuple[int, int], list[str]] = {}
    blocks: list[str] = []
    for span in spans:
        block = _MARKUP_BLOCKS.get(span.style)
        if block is not None:
            blocks.append(f"<{block} start='{span.start}' end='{span.end}'/>")
        else:
            inline.setdefault((span.start, span.end), []).append(f"<{_MARKUP_SPANS[span.style]}/>")
    inside = "".join(
        f"<span start='{start}' end='{end}'>{''.join(styles)}</span>"
        for (start, end), styles in inline.items()
    )
    return f"<markup xmlns='{MARKUP}'>{''.join(blocks)}{inside}</markup>" if inside or blocks else ""


def mention(start: int, end: int, uri: str) -> str:
    """XEP-0372 §3.2; ``uri`` is one that ``occupant_uri`` or ``contact_uri`` made."""
    return f"<reference xmlns='{REFERENCE}' type='mention' begin='{start}' end='{end}' uri='xmpp:{uri}'/>"


def occupant_uri(resource: str) -> str:
    return f"{_ROOM_URI}/{percent(resource, safe='')}"


def contact_uri(jid: str) -> str:
    return percent(jid, safe="@")
