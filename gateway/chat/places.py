"""Where something is said, as far as its meaning depends on it: what messages refer to, and what they mean by names."""

from dataclasses import dataclass
from typing import Protocol

from gateway.chat.payloads import MentionOf
from gateway.model import Address

#: A message is recent for so many seconds, and among so many last ones: nobody needs to be told which one is meant.
RECENT_SECONDS, RECENT_COUNT = 300.0, 20


@dataclass(frozen=True, slots=True)
class Target:
    """A message that another one refers to. ``author`` is a nick, or the name of a contact. ``id`` is the one by which
    clients refer to it here; ``foreign_id`` is empty where the network gave it none, or will not tell."""

    author: str
    text: str
    id: str
    foreign_id: str
    own: bool
    sent_id: str = ""  # what the user's client called it, if it is the user's
    recent: bool = False
    last: bool = False  # the latest of its author


class Place(Protocol):
    """A room or a private chat of one user."""

    @property
    def address(self) -> Address: ...

    def meant(self, id_: str) -> Target | None:
        """The message that clients refer to by ``id_`` in replies, reactions and retractions."""

    def sent(self, id_: str) -> Target | None:
        """The user's message that a client sent with the id ``id_``; corrections refer to that."""

    def told(self, foreign_id: str) -> Target | None:
        """The message that the network refers to by ``foreign_id``."""

    def foreign(self, id_: str) -> str:
        """What the network may call a message that is not remembered; empty if there is no way to know."""

    def name(self, mention: MentionOf) -> str:
        """Whom a mention means; empty for nobody here."""

    def address_attr(self, name: str, *, own: bool) -> str:
        """The address under which clients know somebody here, escaped; may hold ``rendering.ROOM``."""

    def uri(self, name: str) -> str:
        """The same for the URI of a mention; empty for nobody here."""
