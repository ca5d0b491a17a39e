"""What is said about deliveries in XML: receipts (XEP-0184), displayed markers (XEP-0333), errors; written and read.

Pure functions. Which of them is due is decided elsewhere.
"""

from dataclasses import replace

from gateway.delivery.entry import Entry
from gateway.model import MessageKind
from gateway.texts import Readers, Text
from gateway.xmpp import render
from gateway.xmpp.errors import error_element
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.text import attribute, escape

RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
_REQUEST = f"<request xmlns='{RECEIPTS}'/>"
_MARKABLE = f"<markable xmlns='{MARKERS}'/>"
#: XEP-0334 §4.3: it is for all devices of the user, also those that come later.
_STORE = "<store xmlns='urn:xmpp:hints'/>"
#: A client's ids may be long; ids longer than this are not kept.
ID_LIMIT = 512
#: Bytes of a body: servers refuse stanzas of 256 KiB, or hang up.
_LONGEST_BODY = 180_000


def message(entry: Entry, *, stamp: bool, markable: bool, copy: tuple[str, str, str] | None = None) -> str:
    """An inbound message for its user, to whichever client reads it. The id is the entry's, at every attempt. ``copy``: from
    and to other addresses (escaped for attributes), with ready XML besides."""
    sender, to, besides = copy or (attribute(entry.jid), attribute(entry.owner), "")
    id_ = attribute(entry.stanza_id)
    text = f"/me {entry.body}" if entry.kind is MessageKind.ACTION else entry.body
    extra = f"{entry.extra}<origin-id xmlns='{render.STANZA_ID}' id='{id_}'/>"
    if entry.kind is not MessageKind.NOTICE:  # what is automatic needs no answer
        extra += _REQUEST + _MARKABLE if markable else _REQUEST
    if stamp:
        extra += render.delay(sender, entry.said_at)
    if copy is None:  # XEP-0313 §3.5: its id in the contact's archive, too
        extra += render.stanza_id(sender, id_)
    return render.chat(sender, to, id_, text, extra + besides)


def receipt(entry: Entry) -> str:
    return _about(entry, "r", f"<received xmlns='{RECEIPTS}' id='{attribute(entry.stanza_id)}'/>")


def displayed(entry: Entry) -> str:
    return _about(entry, "d", f"<displayed xmlns='{MARKERS}' id='{attribute(entry.stanza_id)}'/>")


def _about(entry: Entry, suffix: str, payload: str) -> str:
    # What came from an occupant's address concerns the one client that is in the room (XEP-0045 §7.5).
    to = entry.origin if "/" in entry.jid else entry.owner
    return (
        f"<message from='{attribute(entry.jid)}' to='{attribute(to)}' type='chat' "
        f"id='{attribute(entry.id)}-{suffix}'>{payload}{_STORE}</message>"
    )


def error(entry: Entry, readers: Readers) -> str:
    """The error that answers an outbound message, with its id, to the client that sent it (RFC 6120 §8.3.1; servers drop
    errors to bare JIDs, RFC 6121 §8.5.2.1.1)."""
    refused = replace(entry.refused, text=readers.say(entry.reason, entry.owner))
    identifier = f" id='{attribute(entry.stanza_id)}'" if entry.stanza_id else ""
    return (
        f"<message type='error'{identifier} from='{attribute(entry.jid)}' to='{attribute(entry.origin)}'>"
        f"{error_element(refused, language=readers.language(entry.owner))}</message>"
    )


def error_in_words(entry: Entry, from_jid: str, readers: Readers) -> str:
    """The same as a chat message, for a user whose client is gone since: any other of them shows it."""
    when = render.timestamp(entry.said_at)
    text = Text(
        "Your message to {contact} of {when} was not delivered: {reason}",
        contact=entry.peer,
        when=when,
        reason=entry.reason or entry.condition,
    )
    said = readers.say(text, entry.owner)
    return render.chat(attribute(from_jid), attribute(entry.owner), f"{attribute(entry.id)}-e", said)


def note(from_jid: str, owner: str, id_: str, text: str) -> str:
    return (
        f"<message from='{attribute(from_jid)}' to='{attribute(owner)}' type='chat' id='{attribute(id_)}'>"
        f"<body>{escape(text)}</body></message>"
    )


def wants_receipt(stanza: Stanza) -> bool:
    # XEP-0184 §5.3: not in rooms; §5.1: an id is needed
    return stanza.type != "groupchat" and bool(stanza.id) and stanza.child("request", RECEIPTS) is not None


def is_markable(stanza: Stanza) -> bool:
    return stanza.type != "groupchat" and bool(stanza.id) and stanza.child("markable", MARKERS) is not None


def marked(stanza: Stanza) -> tuple[str, bool] | None:
    """(id, read) of a message that a client says to have received or shown."""
    shown = stanza.child("displayed", MARKERS)
    found = shown if shown is not None else stanza.child("received", RECEIPTS)
    if found is None:
        found = stanza.child("received", MARKERS)
    id_ = found.get("id") if found is not None else None
    return (id_, shown is not None) if id_ and len(id_) <= ID_LIMIT else None


def bounded(text: str) -> str:
    """``text`` in what one stanza can carry."""
    if len(text) * 6 <= _LONGEST_BODY or len(escape(text).encode("utf-8", "replace")) <= _LONGEST_BODY:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(escape(text[:middle]).encode("utf-8", "replace")) <= _LONGEST_BODY:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low]}\n[… the rest of this message is too long for XMPP]"
