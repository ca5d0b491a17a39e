"""HTTP requests from outside that a bridge answers: callbacks of providers, below a path of the bridge's own.

Nothing here knows an HTTP library. The core has bounded the request before a bridge sees it, and has verified nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


def path(bridge: str) -> str:
    """Where requests for the bridge of this name come, on whatever host."""
    return f"/bridge/{bridge}"


BODY_LIMIT = 262_144
"""Octets of a request's body; longer ones are refused before they are read."""


@dataclass(frozen=True, slots=True)
class WebRequest:
    """``path`` is what follows the bridge's own path, without a slash before it, ``query`` what follows the question mark;
    both as they were on the wire, percent-encoded. ``headers`` are in the order of the wire; what is no UTF-8 in them
    are lone surrogates. ``remote`` is the address of the client, as the operator's own proxies tell it."""

    method: str
    path: str = ""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    remote: str = ""

    def header(self, name: str) -> str:
        """The first header of that name, in any case; empty where there is none."""
        folded = name.lower()
        return next((value for key, value in self.headers if key.lower() == folded), "")

    def all(self, name: str) -> tuple[str, ...]:
        """All headers of that name, in any case."""
        folded = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == folded)


@dataclass(frozen=True, slots=True)
class WebResponse:
    """``media_type`` may have parameters."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


class Serving(Protocol):
    """What a bridge with ``Capabilities.web`` has besides: it answers requests below ``Services.web``."""

    async def answer(self, request: WebRequest) -> WebResponse:
        """Of any method. Is cancelled when it takes longer than clients wait; what it raises is our own fault to the client
        (500), which may try again."""


class Replays(Protocol):
    """What a bridge with ``Capabilities.replays`` has besides."""

    def replay(self, request: WebRequest) -> Sequence[str]:
        """What a request that was written down would have come to, in sentences for the operator. Nothing comes of it."""
