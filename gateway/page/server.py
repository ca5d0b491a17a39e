"""The listener of ``[operator]``: puts the page, what machines ask and who may come in together, and bounds all of it.

It speaks plain HTTP, to this machine or to the operator's web server in front.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.bridge import Clock
from gateway.ops.desk import Desk, DeskError
from gateway.ops.settings import OperatorSettings
from gateway.page.acts import Acts
from gateway.page.entry import Entry, Visitor, is_genuine
from gateway.page.live import Broadcast
from gateway.page.notices import Notices
from gateway.page.probes import Probes
from gateway.page.rendering import Renderer
from gateway.page.requests import BODY_SECONDS, read_form
from gateway.page.streams import HEARTBEAT, Streams
from gateway.page.views import Views
from gateway.web.clients import Clients
from gateway.web.server import Bounds, hosting
from gateway.web.tally import PAGE, WebTally

_log = structlog.get_logger(__name__)

_CONNECTIONS = 200
_HEAD_SECONDS = 10.0
_STALLED_SECONDS = 20.0
BOUNDS = Bounds(_HEAD_SECONDS, _STALLED_SECONDS, _CONNECTIONS)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers then do not say of forms either where they come from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOR_EVER = "public, max-age=31536000, immutable"

Seen = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]
Done = Callable[[web.Request, Visitor, Mapping[str, str]], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    settings: OperatorSettings,
    clients: Clients,
    desk: Desk,
    clock: Clock,
    tally: WebTally | None = None,
    *,
    bounds: Bounds = BOUNDS,
    body_seconds: float = BODY_SECONDS,
    heartbeat: float = HEARTBEAT,
    renderer: Renderer | None = None,
) -> AsyncIterator[int]:
    """Serve the page, the metrics and the health endpoints for as long as the block lasts; gives the port. ``settings``
    have an address to listen on; ``renderer`` spares compiling all templates. Raises ``CannotServe``."""
    renderer = renderer or Renderer()
    entry = Entry(settings, clients, clock)
    house = _House(entry, renderer, body_seconds)
    notices = Notices(clock)
    views = Views(desk, renderer, notices, clock)
    acts = Acts(desk, views, notices)
    broadcast = Broadcast(views.parts, clock)
    streams = Streams(desk, views, renderer, broadcast, entry, heartbeat)
    app = web.Application(middlewares=[house.answered])
    app.on_response_prepare.append(_protect)
    app.add_routes(Probes(desk, entry, open_metrics=settings.open_metrics).routes())
    app.add_routes(
        [
            web.get("/assets/{name}", house.asset),
            web.get("/login", house.door),
            web.post("/login", house.sign_in),
            web.post("/logout", house.acting(house.sign_out)),
            web.get("/events", house.seeing(streams.events)),
            web.post("/doctor", house.acting(streams.examine)),
            *(web.get(path, house.seeing(handler)) for path, handler in views.seen.items()),
            *(web.post(path, house.acting(handler)) for path, handler in acts.done.items()),
        ]
    )

    async def let_go(_: web.Application) -> None:
        broadcast.close()

    app.on_shutdown.append(let_go)
    host, port = settings.address
    async with _held(broadcast.run()), hosting(host, port, app, bounds, tally or WebTally(PAGE)) as chosen:
        yield chosen


@asynccontextmanager
async def _held(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do ``work`` for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Causeway"
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


async def _sound(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Faults of ours are logged, and told as no more than that."""
    try:
        return await handler(request)
    except (web.HTTPException, DeskError, ConnectionError):
        raise
    except Exception as error:
        _log.exception("the operator's page failed", path=request.path)
        text = "Something went wrong in the gateway; its log says what."
        raise web.HTTPInternalServerError(text=text) from error


def _kept(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What of an error is for the client."""
    return {name: headers[name] for name in ("Retry-After", "WWW-Authenticate", "Allow") if name in headers}


class _House:
    """The way into every room: who asks is let in, or told why not."""

    def __init__(self, entry: Entry, renderer: Renderer, body_seconds: float) -> None:
        self._entry = entry
        self._body_seconds = body_seconds
        self._renderer = renderer

    @web.middleware
    async def answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong is answered as a page with a sentence."""
        try:
            return await _sound(request, handler)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            return self._problem(request, error.status, error.text or error.reason, error.headers)
        except DeskError as error:
            return self._problem(request, 503, str(error), {})

    def _problem(
        self, request: web.Request, status: int, text: str, headers: Mapping[str, str]
    ) -> web.Response:
        kept = _kept(headers)
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(status=status, text=text.rstrip("\n") + "\n", headers=kept)
        up = "../" * min(10, request.path.count("/") - 1)
        return self._html("problem", {"text": text, "up": up}, status, kept)

    def _html(
        self,
        page: str,
        values: Mapping[str, object],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        text = self._renderer.page(page, values)
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    def seeing(self, handler: Seen) -> Handler:
        """``handler`` for those who may see it; others are sent to the door."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self._by_our_name(request)
            visitor = self._entry.visitor(request)
            if visitor is None:
                self._send_to_door(request)
            return await handler(request, visitor)

        return handle

    def acting(self, handler: Done) -> Handler:
        """``handler`` for forms that a page of ours made for whoever sends them."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self._by_our_name(request)
            self._from_us(request)
            visitor = self._entry.visitor(request)
            if visitor is None:
                self._send_to_door(request)
            form = await read_form(request, self._body_seconds)
            if not is_genuine(form, visitor):
                raise web.HTTPForbidden(
                    text="This form is not valid any more, and nothing was changed. Load the page again and repeat."
                )
            return await handler(request, visitor, form)

        return handle

    def _by_our_name(self, request: web.Request) -> None:
        if not self._entry.is_ours(request):
            raise web.HTTPMisdirectedRequest(
                text="The page is not known by this name; if it is yours, put it into operator.hosts."
            )

    def _from_us(self, request: web.Request) -> None:
        if not self._entry.is_from_us(request):
            raise web.HTTPForbidden(text="This form was sent from another site, so nothing was done.")

    def _send_to_door(self, request: web.Request) -> NoReturn:
        if not self._entry.takes_token:
            raise web.HTTPForbidden(
                text="Your web server did not say who you are (operator.proxy_user_header), or is not one of "
                "web.trusted_proxies."
            )
        raise web.HTTPSeeOther("login")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._renderer.assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        headers = {"Content-Type": asset.media_type, "Cache-Control": _FOR_EVER}
        return web.Response(body=asset.content, headers=headers)

    async def door(self, request: web.Request) -> web.StreamResponse:
        self._by_our_name(request)
        if self._entry.visitor(request) is not None:
            raise web.HTTPSeeOther("./")
        if not self._entry.takes_token:
            self._send_to_door(request)
        return self._html("login", {"problem": ""})

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        self._by_our_name(request)
        self._from_us(request)
        form = await read_form(request, self._body_seconds)
        try:
            right = self._entry.try_token(request, form.get("token", ""))
        except web.HTTPTooManyRequests as error:
            return self._html("login", {"problem": error.text}, error.status, _kept(error.headers))
        if not right:
            return self._html("login", {"problem": "That is not the token."}, 403)
        response = web.Response(status=303, headers={"Location": "./"})
        self._entry.sign_in(request, response)
        return response

    async def sign_out(
        self, request: web.Request, visitor: Visitor, form: Mapping[str, str]
    ) -> web.StreamResponse:
        response = web.Response(status=303, headers={"Location": "login"})
        self._entry.sign_out(request, response)
        return response
