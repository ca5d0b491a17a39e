"""A callback to ourselves, by the way that the provider's take: through the public address and whatever web server is in
front. What arrives is told back, so that whoever sent it sees what was lost or changed on the way.

Only requests that bear a word which somebody here has just made up are answered so, each once; they bring nothing.
"""

import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.bridge import WebRequest, WebResponse

HEADER = "Causeway-Echo"
_BITS = 128
_MOST = 20  # that are under way
_LONGEST = 4096  # octets of an answer that are looked at


@dataclass(frozen=True, slots=True)
class Heard:
    """A request as it arrived. ``signature`` is the header that was asked for, ``body`` the SHA-256 of the body."""

    method: str
    path: str
    query: str
    body: str
    signature: str
    remote: str


class Echoes:
    """Those of one route."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._expected: dict[str, str] = {}  # words, and the header that is to be told with them

    def expect(self, header: str) -> str:
        """The word for one request. ``header`` is the one that signatures come in."""
        word = f"{self._random.getrandbits(_BITS):032x}"
        self._expected[word] = header
        if len(self._expected) > _MOST:
            del self._expected[next(iter(self._expected))]
        return word

    def answer(self, request: WebRequest) -> WebResponse | None:
        """None for all requests but those that are expected."""
        given = request.header(HEADER)
        if not given:
            return None
        for word, header in self._expected.items():
            if hmac.compare_digest(word.encode(), given.encode("utf-8", "replace")):
                del self._expected[word]
                heard = Heard(
                    request.method,
                    request.path,
                    request.query,
                    hashlib.sha256(request.body).hexdigest(),
                    request.header(header).encode("utf-8", "replace").decode() if header else "",
                    request.remote,
                )
                told = {name: getattr(heard, name) for name in Heard.__dataclass_fields__}
                return WebResponse(200, json.dumps({"causeway": word, **told}).encode(), "application/json")
        return None


def heard(word: str, body: bytes) -> Heard | None:
    """What an answer says that arrived; None if it is none of ours."""
    try:
        value: Any = json.loads(body[:_LONGEST])
    except ValueError:
        return None
    if not isinstance(value, Mapping) or value.get("causeway") != word:
        return None
    names = Heard.__dataclass_fields__
    return Heard(**{name: str(value.get(name, "")) for name in names})
