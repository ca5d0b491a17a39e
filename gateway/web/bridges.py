"""Requests for bridges: ``/bridge/NAME/...`` goes to the bridge of that name, bounded in size, time and number.

Knows no bridge; what a request is for, and whether it is genuine, is the bridge's to find out.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from aiohttp import web

from gateway.bridge.web import BODY_LIMIT, Serving, WebRequest, WebResponse, path
from gateway.web.clients import Clients
from gateway.web.tally import about

_log = structlog.get_logger(__name__)

_NAME = "{name:[A-Za-z0-9_-]{1,64}}"
_METHODS = ("GET", "HEAD", "POST", "PUT")
_AT_ONCE = 64  # requests of one bridge; those beyond are asked to come again
_BODY_SECONDS = 10.0  # for a body to arrive
_ANSWER_SECONDS = 15.0  # longer than any provider waits
_CLOSED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def bridge_routes(
    bridges: Mapping[str, Serving],
    clients: Clients,
    kind_of: Callable[[str], str] = str,
    *,
    at_once: int = _AT_ONCE,
    body_seconds: float = _BODY_SECONDS,
    answer_seconds: float = _ANSWER_SECONDS,
) -> list[web.RouteDef]:
    """One route for all of ``bridges``, by name: those that are there when a request comes. ``kind_of`` says what kind they
    are, for whoever counts."""
    mounts: dict[str, _Mount] = {}

    async def handle(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in bridges:
            mounts.pop(name, None)
            raise web.HTTPNotFound(headers=_CLOSED)
        about(request, kind_of(name))
        if name not in mounts:
            mounts[name] = _Mount(name, bridges, clients, at_once, body_seconds, answer_seconds)
        return await mounts[name].handle(request)

    return [web.route("*", f"{path(_NAME)}/{{rest:.*}}", handle)]


class _Mount:
    """One bridge's part of the listener."""

    def __init__(
        self,
        name: str,
        bridges: Mapping[str, Serving],
        clients: Clients,
        at_once: int,
        body: float,
        answer: float,
    ) -> None:
        self._name = name
        self._bridges = bridges
        self._clients = clients
        self._at_once = at_once
        self._body_seconds = body
        self._answer_seconds = answer
        self._busy = 0
        self._start = len(path(name)) + 1

    async def handle(self, request: web.Request) -> web.Response:
        if request.method not in _METHODS:
            raise web.HTTPMethodNotAllowed(request.method, _METHODS, headers=_CLOSED)
        if self._busy >= self._at_once:
            _log.warning("too many requests at once", bridge=self._name)
            raise web.HTTPServiceUnavailable(headers={**_CLOSED, "Retry-After": "1"}, text="Try again later.")
        self._busy += 1
        try:
            return await self._answered(request)
        finally:
            self._busy -= 1

    async def _answered(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        given = WebRequest(
            request.method,
            request.rel_url.raw_path[self._start :],
            request.rel_url.raw_query_string,
            tuple(request.headers.items()),
            body,
            self._clients.address(request.remote or "", request.headers.getall("X-Forwarded-For", ())),
        )
        try:
            async with asyncio.timeout(self._answer_seconds):
                return _response(await self._bridges[self._name].answer(given))
        except TimeoutError:
            _log.warning("a request was not answered in time", bridge=self._name)
            raise web.HTTPServiceUnavailable(headers=_CLOSED, text="Try again later.") from None
        except Exception as error:
            # Whatever it is, it concerns this request only, and whoever sent it may try again.
            _log.exception("a request was not answered", bridge=self._name)
            raise web.HTTPInternalServerError(headers=_CLOSED, text="Try again later.") from error

    async def _body(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, request.content_length or 0, headers=_CLOSED)
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                async for block in request.content.iter_any():
                    body += block
                    if len(body) > BODY_LIMIT:
                        raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, len(body), headers=_CLOSED)
        except TimeoutError:
            raise web.HTTPRequestTimeout(headers={**_CLOSED, "Connection": "close"}) from None
        return bytes(body)


def _response(answer: WebResponse) -> web.Response:
    headers = {**_CLOSED, **answer.headers, "Content-Type": answer.media_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
