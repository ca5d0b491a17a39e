"""What is counted of those who come over HTTP: requests by what they were for and how they were answered, and connections.

What a request was for is said by who answers it (``about``), out of few words: never a path, an address or a user.
"""

from enum import StrEnum

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from gateway.ops.traffic import Latency

_PART = web.RequestKey("part", str)
FILES, PAGE, OTHER = "files", "page", "other"
CLASSES = ("2xx", "3xx", "4xx", "5xx")


class Cut(StrEnum):
    """Why a connection was cut."""

    TOO_MANY = "too-many"
    SILENT = "silent"  # no request came
    STALLED = "stalled"  # nothing of an answer was taken


def about(request: web.Request, part: str) -> None:
    """Say what a request is for: ``FILES``, or a kind of bridge."""
    request[_PART] = part


class WebTally:
    """Of one listener, since the start. ``usual`` is what requests are for of which nobody says it."""

    def __init__(self, usual: str) -> None:
        self.usual = usual
        self.answered: dict[tuple[str, str], int] = {}  # by part and class of status
        self.took: dict[str, Latency] = {}  # by part, from the head of the request to the end of the answer
        self.octets: dict[str, int] = {}  # by part, of answers
        self.open = 0  # connections, now
        self.cut = dict.fromkeys(Cut, 0)
        self.know(usual)

    def know(self, part: str) -> None:
        """There will be requests for that."""
        if part not in self.took:
            self.took[part], self.octets[part] = Latency(), 0
            self.answered |= {(part, each): 0 for each in CLASSES}

    def answer(self, part: str, status: int, seconds: float, octets: int) -> None:
        self.know(part)
        key = part, f"{status // 100}xx"
        self.answered[key] = self.answered.get(key, 0) + 1
        self.took[part].add(seconds)
        self.octets[part] += octets

    def counter(self) -> type[AbstractAccessLogger]:
        """What aiohttp tells of every answer, those to what is no HTTP too."""
        tally = self

        class Counter(AbstractAccessLogger):
            def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
                sent = response.content_length if request.method != "HEAD" else 0
                tally.answer(request.get(_PART, tally.usual), response.status, time, sent or 0)

        return Counter


class Listeners:
    """``web`` is for the rest of the world, ``page`` for the operator."""

    def __init__(self) -> None:
        self.web = WebTally(OTHER)
        self.page = WebTally(PAGE)
        self.web.know(FILES)
