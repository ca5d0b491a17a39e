"""What a session says to whoever holds its connection."""

from dataclasses import dataclass
from typing import NamedTuple

from bridges.sms.smpp.bodies import Message


@dataclass(frozen=True, slots=True)
class Bound:
    """The bind is good. ``version`` is the peer's interface_version, 0 where it says none."""

    system_id: str
    version: int


@dataclass(frozen=True, slots=True)
class BindRefused:
    """With this command_status; nothing else follows."""

    status: int


class Answered(NamedTuple):
    """The answer to a message of ours; ``token`` is what ``submit`` was given. ``congestion``: 0..100 where the peer says it
    (SMPP 5.0 §4.8.4.18). ``nacked``: it was a generic_nack. ``late``: the message was ``Unanswered`` before."""

    token: object
    status: int
    message_id: str
    congestion: int | None = None
    nacked: bool = False
    late: bool = False


class Unanswered(NamedTuple):
    """No answer in time, or one that cannot be read: the peer may have the message."""

    token: object


class Brought(NamedTuple):
    """A deliver_sm or data_sm, which waits for ``Session.answer``."""

    command: int
    sequence: int
    message: Message


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that should not be, and that was dealt with; ``text`` holds nothing of any message."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over: the connection is to be closed. ``text`` says why; ``kind`` is empty where we wanted it."""

    text: str
    kind: str  # "", "unbound", "dead", "broken", "bind"


Event = Bound | BindRefused | Answered | Unanswered | Brought | Odd | Ended
