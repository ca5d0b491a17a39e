"""One HTTP listener for all that the gateway serves. Knows routes by what hands them in, not what they are for.

Speaks plain HTTP and belongs behind the operator's web server, which has the certificate. Who is connected and says nothing
is not waited for: aiohttp bounds how long a connection is idle between requests, but not how long the first one may take.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.web.tally import OTHER, Cut, WebTally

_log = structlog.get_logger(__name__)

#: Seconds a connection may be idle, that the head of its first request may take, that a client may take nothing of what is
#: written, and that requests get at the end.
_IDLE = 30.0
_HEAD = 15.0
_STALLED = 30.0
_FAREWELL = 3.0
_CONNECTIONS = 1_000  # at a time; those beyond are closed at once
WHO = "/.well-known/causeway"
"""Says a word that only this listener says, so that whoever asks elsewhere too knows whether the answers are of one."""


class CannotServe(Exception):
    """Something that the operator wants served cannot be: no address to listen on, no directory. The text is for the
    operator."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """``stalled_seconds``: how long a client may take nothing of what is written to it."""

    head_seconds: float = _HEAD
    stalled_seconds: float = _STALLED
    connections: int = _CONNECTIONS
    farewell_seconds: float = _FAREWELL


USUAL = Bounds()


@asynccontextmanager
async def serving(
    host: str,
    port: int,
    routes: Iterable[web.RouteDef],
    bounds: Bounds = USUAL,
    tally: WebTally | None = None,
) -> AsyncIterator[int]:
    """Serve for as long as the block lasts; gives the port, which matters where ``port`` is 0. Raises ``CannotServe``."""
    app = web.Application()
    word = secrets.token_hex(16)

    async def who(_: web.Request) -> web.Response:
        return web.Response(text=word, headers={"Cache-Control": "no-store"})

    app.add_routes([*routes, web.get(WHO, who)])
    async with hosting(host, port, app, bounds, tally or WebTally(OTHER)) as chosen:
        yield chosen


@asynccontextmanager
async def hosting(
    host: str, port: int, app: web.Application, bounds: Bounds, tally: WebTally
) -> AsyncIterator[int]:
    """The same for a whole application."""
    watch = _Watch(bounds, tally)
    app.middlewares.insert(0, watch.begun)
    runner = web.AppRunner(
        app,
        # Nothing is written to it, but without one aiohttp tells of no answers.
        access_log=logging.getLogger(__name__),
        access_log_class=tally.counter(),
        keepalive_timeout=_IDLE,
        shutdown_timeout=bounds.farewell_seconds,
        lingering_time=bounds.farewell_seconds,  # for the rest of a body that nobody reads
        auto_decompress=False,  # nobody needs it, and signatures are those of what was sent
    )
    await runner.setup()
    handlers = runner.server
    if handlers is None:
        raise CannotServe("The web server did not start.")
    try:
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(handlers, watch), host, port
            )
        except OSError as error:
            raise CannotServe(f"Cannot listen on {host}:{port}: {error.strerror or error}") from error
        try:
            chosen = int(server.sockets[0].getsockname()[1])
            _log.info("serving HTTP", host=host, port=chosen)
            yield chosen
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _Watch:
    """All connections of one listener."""

    def __init__(self, bounds: Bounds, tally: WebTally) -> None:
        self.bounds = bounds
        self.tally = tally
        self.open: dict[web.RequestHandler, _Connection] = {}

    @web.middleware
    async def begun(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The head of a request is there."""
        connection = self.open.get(request.protocol)
        if connection is not None:
            connection.heard()
        return await handler(request)


class _Connection(asyncio.Protocol):
    """A connection that is closed unless a request begins in time, and what it is answered is taken. One too many costs no
    more than being accepted."""

    def __init__(self, handlers: Callable[[], web.RequestHandler], watch: _Watch) -> None:
        self._handlers = handlers
        self._watch = watch
        self._handler: web.RequestHandler | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        bounds = self._watch.bounds
        if len(self._watch.open) >= bounds.connections:
            self._cut(Cut.TOO_MANY)
            return
        self._handler = self._handlers()
        self._watch.open[self._handler] = self
        self._watch.tally.open += 1
        self._handler.connection_made(transport)
        self._within(bounds.head_seconds, Cut.SILENT)

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard()
        if self._handler is not None:
            if self._watch.open.pop(self._handler, None) is not None:
                self._watch.tally.open -= 1
            self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._handler is not None:
            self._handler.data_received(data)

    def eof_received(self) -> None:
        if self._handler is not None:
            self._handler.eof_received()

    def pause_writing(self) -> None:
        if self._handler is not None:
            self._handler.pause_writing()
            self._within(self._watch.bounds.stalled_seconds, Cut.STALLED)

    def resume_writing(self) -> None:
        self.heard()
        if self._handler is not None:
            self._handler.resume_writing()

    def _within(self, seconds: float, otherwise: Cut) -> None:
        self.heard()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._cut, otherwise)

    def _cut(self, why: Cut) -> None:
        if self._transport is not None:
            self._watch.tally.cut[why] += 1
            self._transport.abort()  # not closed, for that waits until all is written
