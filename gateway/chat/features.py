"""What service discovery says of the things messages can be: exactly as far as the network can do them now."""

from gateway.bridge import Capabilities
from gateway.chat.payloads import (
    CHAT_STATES,
    CORRECT,
    FALLBACK,
    HINTS,
    MARKERS,
    MARKUP,
    MODERATE,
    REACTIONS,
    REFERENCE,
    REPLY,
    RETRACT,
    SID,
    STYLING,
)
from gateway.chat.xhtml import XHTML_IM
from gateway.delivery.words import RECEIPTS
from gateway.xmpp.forms import DataSet, Datum

#: By the name of the capability, for rooms and contacts alike.
_BY_CAPABILITY: tuple[tuple[str, frozenset[str]], ...] = (
    ("replies", frozenset({REPLY, FALLBACK})),
    ("corrections", frozenset({CORRECT})),
    ("styling", frozenset({STYLING, MARKUP, XHTML_IM})),
    ("mentions", frozenset({REFERENCE})),
    ("reactions", frozenset({REACTIONS})),
    ("reaction_lines", frozenset({REACTIONS})),
    ("retractions", frozenset({RETRACT})),
    ("typing", frozenset({CHAT_STATES})),
)


def _shared(can: Capabilities) -> frozenset[str]:
    return frozenset().union(*(features for name, features in _BY_CAPABILITY if getattr(can, name)))


#: XEP-0506: of whom nothing can be written to.
NO_REPLY = "urn:xmpp:noreply:0"


def of_rooms(can: Capabilities) -> frozenset[str]:
    return _shared(can) | {MODERATE} if can.moderation else _shared(can)


def of_contacts(can: Capabilities) -> frozenset[str]:
    marked = {MARKERS} if can.read_marks else set[str]()
    received = {RECEIPTS} if can.delivery_reports else set[str]()
    return _shared(can) | marked | received


def archived(can: Capabilities) -> frozenset[str]:
    """XEP-0424 §4: of places with an archive."""
    return frozenset({f"{RETRACT}#tombstone"}) if can.retractions or can.moderation else frozenset()


def surviving(can: Capabilities) -> frozenset[str]:
    """Namespaces of payloads that come through a room (XEP-0045 §15.5.4, ``muc#traffic``)."""
    return _shared(can) | {SID, HINTS} if _shared(can) else frozenset({SID})


def restrictions(can: Capabilities) -> tuple[DataSet, ...]:
    """XEP-0444 §2.2: how many reactions, and which."""
    most = can.reactions_max if can.reactions else 1 if can.reaction_lines else 0
    data: list[Datum] = []
    if most:
        data.append(Datum("max_reactions_per_user", (str(most),)))
    if can.reactions and can.reactions_allowed:
        data.append(Datum("allowlist", can.reactions_allowed, type="text-multi"))
    return (DataSet(f"{REACTIONS}:restrictions", tuple(data)),) if data else ()
