"""Whose a message is: what receiving has to know of our users and numbers, of routes, and of who reads what it hands on.

Messages are taken for users whose session may not run. Whose they are is known without it; what is to be shown waits for it.
"""

from typing import Protocol

from bridges.sms.numbers import OurNumber
from bridges.sms.traffic import Alphabet
from gateway.bridge import Blob, Sink
from gateway.model import Attachment, Message


class Numbers(Protocol):
    """Our numbers; ``bridges.sms.numbers.Numbers`` is it."""

    def find(self, number: str) -> OurNumber | None:
        """A number as a provider names it."""

    def at(self, number: str, route: str) -> OurNumber | None:
        """The same for what came over a route; None if it cannot be for that number."""


class Residents(Protocol):
    """Our users (``Account.user``), and those who write to them."""

    def sink(self, owner: str) -> Sink | None:
        """Of the user's session; None while there is none."""

    def name(self, owner: str) -> str:
        """What other members of a team call a user."""

    async def heard(self, owner: str, party: str, number: str, name: str) -> None:
        """Somebody is about to be shown to a user as having written to that number of ours; ``name`` as the network shows
        alphanumeric senders, else empty. Raises ``NotStored``."""


class Decoding(Protocol):
    """``bridges.sms.text``: octets of a message to its text. Never fails; what cannot be read is U+FFFD."""

    def __call__(self, data: bytes, alphabet: Alphabet, locking: int, single: int) -> str: ...


class Files(Protocol):
    """Files that came with messages."""

    async def fetch(self, attachment: Attachment, owner: str, route: str) -> Blob:
        """The file behind ``attachment.url``, for which a route may have credentials. Raises ``MediaError``, in bounded
        time."""


class Groups(Protocol):
    """Conversations of several phones."""

    async def say(self, owner: str, ours: str, members: tuple[str, ...], message: Message) -> bool:
        """Show a message where a user has that group (``members``: all parties but ours); False: it is to be shown in the
        chat with its sender. Raises ``NotKept`` and ``NotStored``."""


class Trouble(Protocol):
    """Whoever tells the operator, the same once an hour."""

    def __call__(self, route: str, text: str) -> None: ...


class Answering(Protocol):
    """The way out, for the few words that are ours."""

    async def answer(self, ours: str, theirs: str, text: str, reference: str) -> None:
        """Send it; the same reference twice is one message. Returns once it is safe; raises ``NotStored``."""
