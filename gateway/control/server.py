"""The gateway's end of the control socket: requests in, what the desk says out.

Whoever is connected is the gateway's own user or root: the socket's mode says so, and the kernel is asked again for every
request. So nothing here guards against slow or many connections.
"""

import asyncio
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import TypeAdapter, ValidationError

from gateway.control import shapes
from gateway.control.place import Occupied, listening, remove
from gateway.ops.desk import Desk, DeskError
from gateway.ops.exposition import CONTENT_TYPE
from gateway.ops.status import Span
from gateway.web.server import CannotServe

_log = structlog.get_logger(__name__)

_T = TypeVar("_T")

AILMENT = "control socket"

_BODY = 64 * 1024  # bytes of a request
_FAREWELL = 1.0  # seconds for requests at the end
_SESSIONS = 10_000  # of each bridge, at most
_LEVELS = ("debug", "info", "warning", "error")
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


@asynccontextmanager
async def serving(path: Path, desk: Desk, trusted: Set[int] | None = None) -> AsyncIterator[None]:
    """Serve for as long as the block lasts. ``trusted`` are the ids of users who may use it: root and our own.

    Raises ``CannotServe`` if another process serves there. If there can be no socket for other reasons, the gateway is
    to run without: the block is entered all the same, and ``desk.health`` says it.
    """
    try:
        made, inode = listening(path)
    except Occupied:
        raise CannotServe(
            f"Another process answers on {path}: is this gateway running twice? End the other one, or give each a "
            "socket of its own (operator.socket)."
        ) from None
    except OSError as error:
        desk.health.report(
            AILMENT,
            f"`causeway status` and the like cannot reach this gateway, for the socket {path} cannot be made: "
            f"{error.strerror or error}. Make its directory writable for the gateway's user, or correct operator.socket.",
            hard=False,
        )
        yield
        return
    try:
        async with _answering(made, desk, trusted if trusted is not None else {0, os.geteuid()}):
            _log.info("control socket ready", path=str(path))
            yield
    finally:
        remove(path, inode)


@asynccontextmanager
async def _answering(made: socket.socket, desk: Desk, trusted: Set[int]) -> AsyncIterator[None]:
    application = web.Application(middlewares=[_plainly, _guard(trusted)], client_max_size=_BODY)
    application.add_routes(_Answers(desk).routes())
    ours = version("causeway")

    async def signed(_: web.Request, response: web.StreamResponse) -> None:
        response.headers[shapes.VERSION_HEADER] = ours

    application.on_response_prepare.append(signed)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_FAREWELL)
    await runner.setup()
    handlers = runner.server
    if handlers is None:
        raise CannotServe("The control socket did not start.")
    try:
        server = await asyncio.get_running_loop().create_unix_server(handlers, sock=made)
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()
        made.close()


@web.middleware
async def _plainly(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals are sentences too."""
    try:
        return await handler(request)
    except DeskError as error:
        return _refused(409, str(error))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return _refused(400, f"The request is not understood: {first['msg']}.")
    except web.HTTPException as error:
        return _refused(error.status, f"{request.method} {request.path}: {error.reason}.")


def _guard(trusted: Set[int]) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _uid(request) not in trusted:
            return _refused(403, "Only the gateway's own user and root may use this socket.")
        return await handler(request)

    return guard


def _uid(request: web.Request) -> int:
    """Whose process is at the other end, as the kernel says; -1 if it is gone."""
    transport = request.transport
    ours = transport.get_extra_info("socket") if transport is not None else None
    if ours is None or ours.fileno() < 0:
        return -1
    # A copy, for event loops lend sockets that cannot be asked.
    with socket.socket(fileno=os.dup(ours.fileno())) as copy:
        credentials = copy.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(credentials)[1]
    return uid


def _author(request: web.Request) -> str:
    uid = _uid(request)
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    return f"{name} on the console"


def _refused(status: int, text: str) -> web.Response:
    return _json(shapes.TROUBLE, shapes.Trouble(text), status)


def _json(shape: TypeAdapter[_T], value: _T, status: int = 200) -> web.Response:
    return web.Response(body=shape.dump_json(value), status=status, content_type="application/json")


def _done() -> web.Response:
    return web.Response(status=204)


class _Answers:
    """One method a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[web.RouteDef]:
        return (
            web.get("/status", self._status),
            web.get("/metrics", self._metrics),
            web.get("/healthz", self._alive),
            web.get("/readyz", self._ready),
            web.get("/history/{bridge}", self._history),
            web.get("/failures", self._failures),
            web.get("/trace/{id}", self._trace),
            web.get("/limits/{bridge}", self._limits),
            web.post("/limits/{bridge}", self._change_limits),
            web.get("/rules", self._rules),
            web.post("/rules", self._decide),
            web.post("/log-level", self._log_level),
            web.post("/restart/{bridge}", self._restart),
            web.post("/reload", self._reload),
            web.post("/doctor", self._doctor),
        )

    async def _status(self, request: web.Request) -> web.Response:
        asked = request.query.get("sessions", "0")
        sessions = (
            min(int(asked), _SESSIONS) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        )
        return _json(shapes.STATUS, self._desk.status(sessions))

    async def _metrics(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=self._desk.metrics(), headers=headers)

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        health = self._desk.health
        readiness = shapes.Readiness(health.ready, tuple(health))
        return _json(shapes.READINESS, readiness, 200 if health.ready else 503)

    async def _history(self, request: web.Request) -> web.Response:
        asked = request.query.get("span", Span.HOUR)
        if asked not in tuple(Span):
            return _refused(400, f"span is one of {', '.join(Span)}.")
        points = self._desk.history(request.match_info["bridge"], Span(asked))
        return _json(shapes.HISTORY, tuple(points))

    async def _failures(self, _: web.Request) -> web.Response:
        return _json(shapes.FAILURES, tuple(self._desk.failures()))

    async def _trace(self, request: web.Request) -> web.Response:
        return _json(shapes.TRACES, tuple(await self._desk.trace(request.match_info["id"])))

    async def _limits(self, request: web.Request) -> web.Response:
        return _json(shapes.LIMITS, tuple(self._desk.limits(request.match_info["bridge"])))

    async def _change_limits(self, request: web.Request) -> web.Response:
        wanted = shapes.NEW_LIMITS.validate_json(await request.read())
        await self._desk.change_limits(request.match_info["bridge"], wanted.values, _author(request))
        return _done()

    async def _rules(self, _: web.Request) -> web.Response:
        return _json(shapes.RULES, tuple(self._desk.rules()))

    async def _decide(self, request: web.Request) -> web.Response:
        wanted = shapes.DECISION.validate_json(await request.read())
        author = _author(request)
        if wanted.allow is None:
            await self._desk.lift(wanted.bridge, wanted.subject, author)
        else:
            await self._desk.decide(wanted.bridge, wanted.subject, wanted.allow, wanted.reason, author)
        return _done()

    async def _log_level(self, request: web.Request) -> web.Response:
        wanted = shapes.LEVEL.validate_json(await request.read())
        if wanted.level not in _LEVELS:
            return _refused(400, f"The log level is one of {', '.join(_LEVELS)}.")
        self._desk.set_log_level(wanted.level, _author(request))
        return _done()

    async def _restart(self, request: web.Request) -> web.Response:
        await self._desk.restart(request.match_info["bridge"], _author(request))
        return _done()

    async def _reload(self, request: web.Request) -> web.Response:
        return _json(shapes.RELOADED, await self._desk.reload(_author(request)))

    async def _doctor(self, request: web.Request) -> web.StreamResponse:
        """A line of JSON for each finding, as soon as it is there."""
        body = await request.read()
        login = shapes.EXAMINE.validate_json(body).login if body else None
        findings = self._desk.doctor(request.query.get("bridge", ""), login)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        begun = False
        async for finding in findings:
            if not begun:  # so that what cannot be done at all can still be refused
                await response.prepare(request)
                begun = True
            await response.write(shapes.FINDING.dump_json(finding) + b"\n")
        if not begun:
            await response.prepare(request)
        await response.write_eof()
        return response
