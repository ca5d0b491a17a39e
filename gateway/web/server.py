"""One HTTP listener for all that the gateway serves. Knows routes by what hands them in, not what they are for.

Speaks plain HTTP and belongs behind the operator's web server, which has the certificate.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

_log = structlog.get_logger(__name__)

#: Seconds a connection may be idle, and that requests under way get at the end.
_IDLE = 30.0
_FAREWELL = 3.0


class CannotServe(Exception):
    """Something that the operator wants served cannot be: no address to listen on, no directory. The text is for the
    operator."""


@asynccontextmanager
async def serving(host: str, port: int, routes: Iterable[web.RouteDef]) -> AsyncIterator[int]:
    """Serve for as long as the block lasts; gives the port, which matters where ``port`` is 0. Raises ``CannotServe``."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=_IDLE, shutdown_timeout=_FAREWELL)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise CannotServe(f"Cannot listen on {host}:{port}: {error.strerror or error}") from error
        chosen = int(runner.addresses[0][1])
        _log.info("serving HTTP", host=host, port=chosen)
        yield chosen
    finally:
        await runner.cleanup()
