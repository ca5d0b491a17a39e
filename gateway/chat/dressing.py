"""What the network tells, as clients of the user are shown it: an enriched message becomes a body and payloads."""

import re
from dataclasses import replace

from gateway.chat import rendering, styling
from gateway.chat.degrade import own_words, shortened
from gateway.chat.places import Place, Target
from gateway.chat.ranges import Moved, cut, unmoved
from gateway.model import Enrichment, Message, MessageKind, Reply, Span
from gateway.xmpp.text import strip_forbidden

#: What XML cannot hold is left out of a body: places must be counted without it. CR and LF stay as they are.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_QUOTED = 160
#: Characters that the body begins with by the kind of a message (see ``Room``).
_PREFIX: dict[MessageKind, int] = {MessageKind.CHAT: 0, MessageKind.ACTION: 4, MessageKind.NOTICE: 9}


def dress(message: Message, enrichment: Enrichment, place: Place) -> tuple[str, str]:
    """The text to show, and ready XML to go with it (for ``rendering.for_room``)."""
    moved: Moved = unmoved
    text = strip_forbidden(message.text)
    if text != message.text:
        text, moved = cut(message.text, (match.span() for match in _FORBIDDEN.finditer(message.text)))
    spans = [replace(span, start=moved(span.start), end=moved(span.end)) for span in enrichment.spans]
    mentions = [(moved(each.start), moved(each.end), each.name) for each in enrichment.mentions]
    length = len(text)
    text, spans_there, moved = _styled(text, spans)
    mentions = [
        (moved(start), moved(end - 1) + 1, name)
        for start, end, name in mentions
        if 0 <= start < end <= length
    ]
    extra = ""
    quoted = 0
    reply = enrichment.reply
    if reply is not None and reply.id:
        target = place.told(reply.id)
        line = _quoted(reply, target) if message.kind is MessageKind.CHAT else ""
        text = line + text
        quoted = len(line)
        author = target.author if target is not None else reply.author
        own = target.own if target is not None else False
        to = place.address_attr(author, own=own) if author or own else ""
        extra += rendering.reply(target.id if target is not None else reply.id, to, quoted)
    if enrichment.replaces:
        extra += rendering.replace(_first_id(enrichment.replaces, place))
    if enrichment.thread:
        extra += rendering.thread(enrichment.thread)
    shift = quoted + _PREFIX[message.kind]
    shown = [Span(span.start + shift, span.end + shift, span.style) for span in spans_there]
    extra += rendering.markup(shown)
    for start, end, name in mentions:
        uri = place.uri(name)
        if uri:
            extra += rendering.mention(start + shift, end + shift, uri)
    return text, extra


def _styled(text: str, spans: list[Span]) -> tuple[str, tuple[Span, ...], Moved]:
    """With marks, which most clients read, unless they would be mixed up with what the sender has written: then the spans
    alone tell of the styles (XEP-0394)."""
    written, there, moved = styling.write(text, spans)
    if written != text and styling.marked(text) and styling.read(written)[0] != text:
        return text, tuple(span for span in spans if 0 <= span.start < span.end <= len(text)), unmoved
    return written, there, moved


def _quoted(reply: Reply, target: Target | None) -> str:
    """What clients show that do not know replies, or not this message."""
    author = target.author if target is not None else reply.author
    said = target.text if target is not None else reply.text
    if not said.strip():
        return ""
    who = f"{author}: " if author else ""
    return _FORBIDDEN.sub("", f"> {who}{shortened(own_words(said), _QUOTED)}").replace("\r", " ") + "\n"


def _first_id(foreign_id: str, place: Place) -> str:
    """XEP-0308 refers to the id that the sender's client gave the message; others' have the network's."""
    target = place.told(foreign_id)
    return target.sent_id if target is not None and target.sent_id else foreign_id
