"""The pages that show something, and the parts of them that change while they are looked at. Changes nothing."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from gateway.bridge import Clock
from gateway.ops.desk import Desk, DeskError, LimitView
from gateway.ops.status import ABSENT, BridgeView, GatewayView, Span
from gateway.page import phrases, plots
from gateway.page.accounts import Search, find
from gateway.page.entry import Visitor
from gateway.page.live import Parts, Topic
from gateway.page.notices import Notices
from gateway.page.rendering import Renderer
from gateway.page.requests import number, query

PAGES: Mapping[str, str] = {
    "overview": "Overview",
    "accounts": "Accounts",
    "messages": "Messages",
    "failures": "Failures",
    "limits": "Limits",
    "access": "Access",
    "doctor": "Doctor",
    "gateway": "Gateway",
}
LEVELS = ("debug", "info", "warning", "error")
_SESSIONS = 20_000  # of each bridge are searched
_FRESH = 5.0  # seconds that all sessions are remembered: collecting thousands takes a while
_TRACE_SECONDS = 10.0
_LONGEST_ID = 1_000
_RULES = 100  # on a page


class Views:
    """See the module's text."""

    def __init__(self, desk: Desk, renderer: Renderer, notices: Notices, clock: Clock) -> None:
        self._desk = desk
        self._renderer = renderer
        self._notices = notices
        self._clock = clock
        self._all: tuple[float, GatewayView] | None = None
        self._rendered: tuple[GatewayView | None, dict[Search, str]] = (None, {})
        self.seen = {
            "/": self.overview,
            "/accounts": self.accounts,
            "/messages": self.messages,
            "/failures": self.failures,
            "/limits": self.limits,
            "/access": self.access,
            "/doctor": self.doctor,
            "/gateway": self.gateway,
            "/restart": self.restart,
        }

    def page(
        self,
        name: str,
        request: web.Request,
        visitor: Visitor,
        values: Mapping[str, object],
        *,
        live: Topic | None = None,
        view: GatewayView | None = None,
    ) -> str:
        """A whole page; its parts are kept up to date by the events of ``live``."""
        topic = live or Topic(name)
        return self._renderer.page(
            name,
            {
                "view": view or self._desk.status(),
                "visitor": visitor,
                "pages": PAGES,
                "page": name,
                "notice": self._notices.find(query(request).get("notice", "")),
                "events": "events?" + urlencode({"of": topic.page, **dict(topic.fields)}),
                **values,
            },
        )

    def parts(self, topic: Topic) -> Parts:
        """What has changed, perhaps, of a page."""
        try:
            view = self._desk.status()
            parts = {each: self._part(each, {"view": view}) for each in ("state", "shown")}
            fields = dict(topic.fields)
            if topic.page == "overview":
                parts["ailments"] = self._part("ailments", {"view": view})
                for bridge in view.bridges:
                    values = {"view": view, **self._drawn(bridge, _span(fields))}
                    for part in ("link", "facts", "plots"):
                        parts[f"{part}-{bridge.name}"] = self._part(part, values)
            elif topic.page == "accounts":
                parts["rows"] = self._rows(Search.read(fields))
        except DeskError as error:
            return {"state": self._part("trouble", {"text": str(error)})}
        return parts

    def _part(self, name: str, values: Mapping[str, object]) -> str:
        return self._renderer.page(f"part_{name}", values)

    # -- one page each ---------------------------------------------------------------------------------------------

    async def overview(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        span = _span(query(request))
        view = self._desk.status()
        values = {"span": span, "spans": Span, "bands": [self._drawn(each, span) for each in view.bridges]}
        topic = Topic("overview", (("span", span),))
        return _html(self.page("overview", request, visitor, values, live=topic, view=view))

    def _drawn(self, bridge: BridgeView, span: Span) -> dict[str, object]:
        points = self._desk.history(bridge.name, span)
        return {
            "bridge": bridge,
            "plots": {
                "traffic": plots.traffic(points, span),
                "latency": plots.latency(points, span),
            },
            "shares": plots.shares(
                [(phrases.session_tone(state), number) for state, number in phrases.in_order(bridge.states)]
            ),
        }

    async def accounts(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        search = Search.read(query(request))
        topic = Topic("accounts", tuple(search.fields().items()))
        self._all = None  # who asks is shown what is so now
        return _html(self.page("accounts", request, visitor, self._found(search), live=topic))

    def _found(self, search: Search) -> dict[str, object]:
        view = self._everybody()
        return {"all": view, "search": search, "found": find(view, search), "urlencode": urlencode}

    def _rows(self, search: Search) -> str:
        """Rendered once for each look at all sessions: searching thousands takes its time, too."""
        everybody = self._everybody()
        if self._rendered[0] is not everybody:
            self._rendered = (everybody, {})
        known = self._rendered[1]
        if search not in known:
            known[search] = self._part("rows", self._found(search))
        return known[search]

    def _everybody(self) -> GatewayView:
        now = self._clock.monotonic()
        if self._all is None or not self._all[0] <= now < self._all[0] + _FRESH:
            self._all = (now, self._desk.status(_SESSIONS))
        return self._all[1]

    async def messages(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        id_ = query(request).get("id", "")[:_LONGEST_ID]
        traces = None
        if id_:
            try:
                async with asyncio.timeout(_TRACE_SECONDS):
                    traces = await self._desk.trace(id_)
            except TimeoutError:
                raise DeskError(
                    "The message was not found in time: the database is slow to answer. Try again later."
                ) from None
        return _html(self.page("messages", request, visitor, {"id": id_, "traces": traces}))

    async def failures(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return _html(self.page("failures", request, visitor, {"groups": self._desk.failures()}))

    async def limits(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return self.limits_of(request, visitor, query(request).get("bridge", ""))

    def limits_of(
        self,
        request: web.Request,
        visitor: Visitor,
        bridge: str,
        given: Mapping[str, str] | None = None,
        wrong: Mapping[str, str] | None = None,
    ) -> web.StreamResponse:
        """``given`` is what was typed, where it cannot be taken; ``wrong`` says why, by limit."""
        view = self._desk.status()
        names = [each.name for each in view.bridges]
        there = [each.name for each in view.bridges if each.link.state not in ABSENT]
        chosen = bridge if bridge in names else (there or names or [""])[0]
        limits: list[LimitView] = list(self._desk.limits(chosen)) if chosen else []
        values = {"chosen": chosen, "limits": limits, "given": given or {}, "wrong": wrong or {}}
        return _html(self.page("limits", request, visitor, values, view=view), 422 if wrong else 200)

    async def access(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        fields = query(request)
        words = fields.get("q", "")[:200]
        rules = [
            each
            for each in sorted(self._desk.rules(), key=lambda rule: -rule.time)
            if all(word in f"{each.subject} {each.reason}".casefold() for word in words.casefold().split())
        ]
        pages = max(1, -(-len(rules) // _RULES))
        page = number(fields.get("page", ""), 1, pages)
        shown = rules[(page - 1) * _RULES : page * _RULES]
        values = {"rules": shown, "total": len(rules), "words": words, "number": page, "last": pages}
        return _html(self.page("access", request, visitor, values))

    async def doctor(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return _html(self.page("doctor", request, visitor, {"running": False, "chosen": ""}))

    async def gateway(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return _html(self.page("gateway", request, visitor, {"levels": LEVELS}))

    async def restart(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        view = self._desk.status()
        name = query(request).get("bridge", "")
        bridge = next((each for each in view.bridges if each.name == name), None)
        if bridge is None:
            raise web.HTTPNotFound(text="There is no bridge of this name.")
        return _html(self.page("restart", request, visitor, {"bridge": bridge}, view=view))


def _span(fields: Mapping[str, str]) -> Span:
    return Span.DAY if fields.get("span") == Span.DAY else Span.HOUR


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html")
