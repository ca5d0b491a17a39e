"""The plugin surface: everything a bridge has to know of the core, and the core of a bridge.

A bridge package exports one ``Plugin`` under the entry-point group ``causeway.bridges``. From it the core builds one
``Bridge`` for every ``[bridges.NAME]`` of the configuration, and from that one ``Session`` for every user and network.
The core calls the session; the session calls its ``Sink``. Neither waits for the other: every call returns at once,
outcomes come back through a ``Ticket`` or the sink, in order. A bridge never sees a stanza or a JID; the core never
sees a line of the foreign protocol.

Rule for rooms: the core names a room by ``Session.fold(name)``, its *key*; every room argument of the sink is a key.
Rule for nicks: the sink is always given a nick as the network spells it, the same spelling for the same occupant
until ``renamed``.
"""

from gateway.bridge.abilities import (
    Adjusts,
    Asks,
    Detailed,
    Expressive,
    Governs,
    Invites,
    KnowsOneWay,
    ListsRooms,
    MarksRead,
    Moderates,
    Reacts,
    Retracts,
    SharesFiles,
    Types,
    Watching,
)
from gateway.bridge.capabilities import (
    NOT_SUPPORTED,
    Capabilities,
)
from gateway.bridge.commands import (
    Ask,
    AskAgain,
    BridgeCommand,
    Commanding,
    Finish,
    Invocation,
    NextStep,
)
from gateway.bridge.plugin import (
    Adjustable,
    BadAddress,
    Bridge,
    Crowded,
    Discreet,
    Forgets,
    Gathers,
    Hint,
    LookingUp,
    Plugin,
    Registering,
    Running,
    Traceable,
)
from gateway.bridge.services import (
    Account,
    Blob,
    Cancellable,
    Clock,
    ForgetfulMemory,
    Media,
    MediaError,
    Memory,
    NoMedia,
    Services,
    WebAnswer,
)
from gateway.bridge.session import (
    Answer,
    NotKept,
    Session,
    SessionEnded,
    Sink,
    Ticket,
)
from gateway.bridge.tables import (
    Migration,
    NoTables,
    NotStored,
    Schema,
    Tables,
    Values,
)
from gateway.bridge.web import (
    Serving,
    WebRequest,
    WebResponse,
)

__all__ = [
    "NOT_SUPPORTED",
    "Account",
    "Adjustable",
    "Adjusts",
    "Answer",
    "Ask",
    "AskAgain",
    "Asks",
    "BadAddress",
    "Blob",
    "Bridge",
    "BridgeCommand",
    "Cancellable",
    "Capabilities",
    "Clock",
    "Commanding",
    "Crowded",
    "Detailed",
    "Discreet",
    "Expressive",
    "Finish",
    "ForgetfulMemory",
    "Forgets",
    "Gathers",
    "Governs",
    "Hint",
    "Invites",
    "Invocation",
    "KnowsOneWay",
    "ListsRooms",
    "LookingUp",
    "MarksRead",
    "Media",
    "MediaError",
    "Memory",
    "Migration",
    "Moderates",
    "NextStep",
    "NoMedia",
    "NoTables",
    "NotKept",
    "NotStored",
    "Plugin",
    "Reacts",
    "Registering",
    "Retracts",
    "Running",
    "Schema",
    "Services",
    "Serving",
    "Session",
    "SessionEnded",
    "SharesFiles",
    "Sink",
    "Tables",
    "Ticket",
    "Traceable",
    "Types",
    "Values",
    "Watching",
    "WebAnswer",
    "WebRequest",
    "WebResponse",
]
