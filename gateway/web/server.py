"""One HTTP listener for all that the gateway serves. Knows routes by what hands them in, not what they are for.

Speaks plain HTTP and belongs behind the operator's web server, which has the certificate. Who is connected and says nothing
is not waited for: aiohttp bounds how long a connection is idle between requests, but not how long the first one may take.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

_log = structlog.get_logger(__name__)

#: Seconds a connection may be idle, that the head of its first request may take, and that requests get at the end.
_IDLE = 30.0
_HEAD = 15.0
_FAREWELL = 3.0
_CONNECTIONS = 1_000  # at a time; those beyond are closed at once


class CannotServe(Exception):
    """Something that the operator wants served cannot be: no address to listen on, no directory. The text is for the
    operator."""


@asynccontextmanager
async def serving(
    host: str,
    port: int,
    routes: Iterable[web.RouteDef],
    *,
    head_seconds: float = _HEAD,
    connections: int = _CONNECTIONS,
) -> AsyncIterator[int]:
    """Serve for as long as the block lasts; gives the port, which matters where ``port`` is 0. Raises ``CannotServe``."""
    watch = _Watch(head_seconds, connections)
    app = web.Application(middlewares=[watch.begun])
    app.add_routes(routes)
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=_IDLE,
        shutdown_timeout=_FAREWELL,
        lingering_time=_FAREWELL,  # for the rest of a body that nobody reads
        auto_decompress=False,  # nobody needs it, and signatures are those of what was sent
    )
    await runner.setup()
    handlers = runner.server
    if handlers is None:
        raise CannotServe("The web server did not start.")
    try:
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(handlers(), watch), host, port
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

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds = seconds
        self.most = most
        self.open: dict[web.RequestHandler, _Connection] = {}

    @web.middleware
    async def begun(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The head of a request is there."""
        connection = self.open.get(request.protocol)
        if connection is not None:
            connection.heard()
        return await handler(request)


class _Connection(asyncio.Protocol):
    """A connection that is closed unless a request begins in time."""

    def __init__(self, handler: web.RequestHandler, watch: _Watch) -> None:
        self._handler = handler
        self._watch = watch
        self._deadline: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._handler.connection_made(transport)
        self._watch.open[self._handler] = self
        if len(self._watch.open) > self._watch.most:
            self._handler.force_close()
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._watch.seconds, self._handler.force_close)

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard()
        self._watch.open.pop(self._handler, None)
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)

    def eof_received(self) -> None:
        self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()
