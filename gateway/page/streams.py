"""What is answered bit by bit: events for pages that are looked at, and the doctor's findings as they come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from aiohttp import web

from gateway.bridge import Finding, Verdict
from gateway.ops.desk import Desk, DeskError
from gateway.page.entry import Entry, Visitor
from gateway.page.live import Broadcast, TooManyViewers, Topic, events
from gateway.page.rendering import Renderer
from gateway.page.requests import query
from gateway.page.views import PAGES, Views

HEARTBEAT = 15.0
_PATIENCE = 10.0  # seconds that a viewer may take nothing
_DOCTOR_SECONDS = 300.0
_FIELDS = ("span", "bridge", "state", "q", "page")
_HERE = "<!-- findings -->"
#: Web servers in between are to pass on at once what they get (nginx).
_UNBUFFERED = {"X-Accel-Buffering": "no"}


class Streams:
    def __init__(
        self,
        desk: Desk,
        views: Views,
        renderer: Renderer,
        broadcast: Broadcast,
        entry: Entry,
        heartbeat: float,
    ) -> None:
        self._desk = desk
        self._views = views
        self._renderer = renderer
        self._broadcast = broadcast
        self._entry = entry
        self._heartbeat = heartbeat
        self._examining = False

    async def events(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Until the viewer goes, is signed out, or takes nothing of it any more."""
        fields = query(request)
        page = fields.get("of", "")
        topic = Topic(
            page if page in PAGES else "", tuple((name, fields[name]) for name in _FIELDS if name in fields)
        )
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **_UNBUFFERED})
        try:
            with self._broadcast.watching(topic) as viewer:
                await response.prepare(request)
                async for event in events(viewer, self._heartbeat):
                    gone = request.transport is None or request.transport.is_closing()
                    if gone or self._entry.visitor(request) is None:
                        break
                    if not event:
                        continue
                    async with asyncio.timeout(_PATIENCE):
                        await response.write(event)
        except TooManyViewers:
            raise web.HTTPServiceUnavailable(
                text="Too many are watching.", headers={"Retry-After": "30"}
            ) from None
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the viewer has gone, as all do
        return response

    async def examine(
        self, request: web.Request, visitor: Visitor, form: Mapping[str, str]
    ) -> web.StreamResponse:
        """The doctor's page with findings as they come; one at a time."""
        if self._examining:
            raise DeskError("The doctor is at work for somebody already; try again in a minute.")
        chosen = form.get("bridge", "")
        text = self._views.page("doctor", request, visitor, {"running": True, "chosen": chosen})
        head, tail = text.split(_HERE)
        response = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8", **_UNBUFFERED})
        self._examining = True
        try:
            await response.prepare(request)
            await response.write(head.encode())
            numbers = dict.fromkeys(Verdict, 0)
            async for text in self._findings(chosen, numbers):
                await response.write(text.encode("utf-8", "replace"))
            summary = self._renderer.page("part_summary", {"numbers": numbers, "verdicts": Verdict})
            await response.write((summary + tail).encode())
        except ConnectionError:
            pass  # the reader has gone
        finally:
            self._examining = False
        return response

    async def _findings(self, bridge: str, numbers: dict[Verdict, int]) -> AsyncIterator[str]:
        """Each as HTML, counted in ``numbers``. What stops the doctor is the last of them."""
        try:
            async with (
                asyncio.timeout(_DOCTOR_SECONDS),
                aclosing(_closing(self._desk.doctor(bridge))) as found,
            ):
                async for finding in found:
                    numbers[finding.verdict] += 1
                    yield self._renderer.page("part_finding", {"finding": finding})
        except DeskError as error:
            text = str(error)
        except TimeoutError:
            text = f"The doctor was stopped after {_DOCTOR_SECONDS:.0f} seconds."
        else:
            return
        numbers[Verdict.UNKNOWN] += 1
        stopped = Finding(Verdict.UNKNOWN, text, "doctor")
        yield self._renderer.page("part_finding", {"finding": stopped})


async def _closing(findings: AsyncIterator[Finding]) -> AsyncGenerator[Finding, None]:
    """The seam promises an iterator; here it can be closed."""
    async for finding in findings:
        yield finding
