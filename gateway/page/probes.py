"""What machines ask: whether the process lives, whether messages are carried, and the numbers."""

from aiohttp import web

from gateway.ops.desk import Desk, DeskError
from gateway.ops.exposition import CONTENT_TYPE
from gateway.page.entry import Entry

_JSON = "application/json"


class Probes:
    """``open_metrics``: they are for everybody who asks by a name of ours."""

    def __init__(self, desk: Desk, entry: Entry, *, open_metrics: bool) -> None:
        self._desk = desk
        self._entry = entry
        self._open_metrics = open_metrics

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def alive(self, request: web.Request) -> web.Response:
        """That there is an answer says all: the loop turns."""
        return web.Response(text="alive\n")

    async def ready(self, request: web.Request) -> web.Response:
        """503 while messages are not carried; why, only those learn who may."""
        health = self._desk.health
        status = 200 if health.ready else 503
        told = self._may_know(request)
        if _JSON in request.headers.get("Accept", ""):
            answer: dict[str, object] = {"ready": health.ready}
            if told:
                answer["ailments"] = [
                    {
                        "key": each.key,
                        "text": each.text,
                        "bridge": each.bridge,
                        "hard": each.hard,
                        "since": each.since,
                    }
                    for each in health
                ]
            return web.json_response(answer, status=status)
        lines = ["ready" if health.ready else "not ready"]
        if told:
            lines += [f"{each.key}: {each.text}" for each in health]
        return web.Response(status=status, text="\n".join(lines) + "\n")

    def _may_know(self, request: web.Request) -> bool:
        if not self._entry.is_ours(request):
            return self._entry.shows_token(request)
        return self._entry.visitor(request) is not None or self._entry.shows_token(request)

    async def metrics(self, request: web.Request) -> web.Response:
        entry = self._entry
        if self._open_metrics and not entry.is_ours(request):
            raise web.HTTPMisdirectedRequest(
                text="The gateway is not known by this name; if it is yours, put it into operator.hosts."
            )
        if not self._open_metrics and not self._may_know(request):
            challenge = {"WWW-Authenticate": 'Basic realm="causeway", charset="UTF-8"'}
            raise web.HTTPUnauthorized(
                text="The metrics need operator.token, as Bearer or as the password of anybody.\n",
                headers=challenge,
            )
        try:
            exposition = self._desk.metrics()
        except DeskError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        return web.Response(body=exposition, headers={"Content-Type": CONTENT_TYPE})
