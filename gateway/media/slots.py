"""A place for one file on somebody's web server, as XEP-0363 hands it out: where to put it, and where others get it."""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.bridge import Blob, MediaError


@dataclass(frozen=True, slots=True)
class Slot:
    """``headers`` go with the PUT, in order; they are secrets."""

    put: str = field(repr=False)
    get: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class NotOpen(MediaError):
    """This way was never open for this user: no reason to tell of, where another way fails too."""


class Slots(Protocol):
    """Who asks for slots: the component in its own name, or in the user's where the user's server lets it (XEP-0356)."""

    async def slot(self, file: Blob, user: str) -> Slot:
        """Raises ``MediaError``, within a bounded time; ``NotOpen`` at once."""
