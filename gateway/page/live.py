"""Pages that change while they are looked at: one look at the gateway a second for all who watch, none while nobody does.

A page is made of parts; what changed of them is sent as it would stand in the page (Server-Sent Events), so there is one
renderer. Who reads too slowly gets the newest of each part, later.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from gateway.bridge import Clock

_log = structlog.get_logger(__name__)

Parts = Mapping[str, str]  # HTML by the id of its element
_MOST = 20  # viewers; everybody has a connection of the few
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Topic:
    """What is looked at: a page, and how it was asked for."""

    page: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False, slots=True)
class Viewer:
    topic: Topic
    news: dict[str, str] = field(default_factory=dict)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def offer(self, parts: Parts) -> None:
        if parts:
            self.news.update(parts)
            self.told.set()

    def take(self) -> Parts:
        news, self.news = self.news, {}
        self.told.clear()
        return news

    def dismiss(self) -> None:
        self.over = True
        self.told.set()


class TooManyViewers(Exception):
    """As many watch as may."""


class _NotRendered(Exception):
    """A fault of ours, which must cost no more than this page."""


class Broadcast:
    """``render`` makes the parts of a topic."""

    def __init__(self, render: Callable[[Topic], Parts], clock: Clock, *, most: int = _MOST) -> None:
        self._render = render
        self._clock = clock
        self._most = most
        self._viewers: set[Viewer] = set()
        self._somebody = asyncio.Event()
        self._shown: dict[Topic, Parts] = {}
        self._closed = False

    def close(self) -> None:
        """Let everybody go."""
        self._closed = True
        for viewer in self._viewers:
            viewer.dismiss()

    @contextmanager
    def watching(self, topic: Topic) -> Iterator[Viewer]:
        """Raises ``TooManyViewers``."""
        if self._closed or len(self._viewers) >= self._most:
            raise TooManyViewers
        viewer = Viewer(topic)
        viewer.offer(self._shown.get(topic, {}))
        self._viewers.add(viewer)
        self._somebody.set()
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    async def run(self) -> None:
        while True:
            if not self._viewers:
                self._somebody.clear()
                self._shown.clear()
                await self._somebody.wait()
            self._look()
            await self._clock.sleep(_PAUSE)

    def _rendered(self, topic: Topic) -> Parts:
        try:
            return self._render(topic)
        except Exception as error:
            raise _NotRendered(topic.page) from error

    def _look(self) -> None:
        shown: dict[Topic, Parts] = {}
        for topic in {viewer.topic for viewer in self._viewers}:
            viewers = [viewer for viewer in self._viewers if viewer.topic == topic]
            try:
                parts = self._rendered(topic)
            except _NotRendered:
                _log.exception("the operator's page could not be brought up to date", page=topic.page)
                for viewer in viewers:
                    viewer.dismiss()
                continue
            before = self._shown.get(topic, {})
            changed = {id_: text for id_, text in parts.items() if before.get(id_) != text}
            for viewer in viewers:
                viewer.offer(changed)
            shown[topic] = parts
        self._shown = shown


async def events(viewer: Viewer, heartbeat: float, *, pause: float = _PAUSE) -> AsyncIterator[bytes]:
    """What is written to one viewer; after so many seconds without anything, a line that means nothing. Nothing at all
    comes in between, so that who has gone can be noticed."""
    quiet = 0.0
    while not viewer.over:
        try:
            async with asyncio.timeout(pause):
                await viewer.told.wait()
        except TimeoutError:
            quiet += pause
            yield b": still here\n\n" if quiet >= heartbeat else b""
            quiet %= heartbeat
            continue
        parts = viewer.take()
        if parts:
            quiet = 0.0
            yield b"data: " + json.dumps(parts, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"
