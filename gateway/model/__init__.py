"""The neutral model in which foreign networks and XMPP meet.

Values only: frozen, slotted, no I/O, nothing of ours imported. Bridges translate their network into these
values and back; the core translates them into stanzas and back. Neither side sees the other's words.
Text is always ``str`` (any Unicode, not yet fit for XML: that is the edge's work); times are Unix seconds, UTC.
"""

from gateway.model.accounts import (
    AccountState,
    AccountStatus,
    Details,
    Field,
    FieldKind,
)
from gateway.model.addresses import (
    GATEWAY,
    Address,
    AddressKind,
)
from gateway.model.messages import (
    Attachment,
    ChatState,
    DeliveryState,
    Enrichment,
    Mention,
    Message,
    MessageKind,
    Part,
    Reaction,
    Recipient,
    Reply,
    Retraction,
    Span,
    Style,
)
from gateway.model.people import (
    Availability,
    Contact,
    Picture,
    Question,
)
from gateway.model.refusals import (
    Condition,
    ErrorType,
    Refused,
)
from gateway.model.rooms import (
    Affiliation,
    Catalog,
    Crowd,
    Departure,
    Exit,
    Hat,
    Listed,
    ListEntry,
    Occupant,
    Role,
    RoomList,
    RoomSetting,
    RoomTraits,
    StandingChange,
    Topic,
)

__all__ = [
    "GATEWAY",
    "AccountState",
    "AccountStatus",
    "Address",
    "AddressKind",
    "Affiliation",
    "Attachment",
    "Availability",
    "Catalog",
    "ChatState",
    "Condition",
    "Contact",
    "Crowd",
    "DeliveryState",
    "Departure",
    "Details",
    "Enrichment",
    "ErrorType",
    "Exit",
    "Field",
    "FieldKind",
    "Hat",
    "ListEntry",
    "Listed",
    "Mention",
    "Message",
    "MessageKind",
    "Occupant",
    "Part",
    "Picture",
    "Question",
    "Reaction",
    "Recipient",
    "Refused",
    "Reply",
    "Retraction",
    "Role",
    "RoomList",
    "RoomSetting",
    "RoomTraits",
    "Span",
    "StandingChange",
    "Style",
    "Topic",
]
