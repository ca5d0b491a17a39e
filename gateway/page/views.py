"""The pages that show something."""

from aiohttp import web

from gateway.ops.desk import Desk
from gateway.page.entry import Visitor
from gateway.page.rendering import Renderer


class Views:
    """``seen`` are the handlers by their paths."""

    def __init__(self, desk: Desk, renderer: Renderer) -> None:
        self._desk = desk
        self._renderer = renderer
        self.seen = {"/": self.overview}

    async def overview(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        view = self._desk.status()
        text = self._renderer.page("overview", {"view": view, "visitor": visitor})
        return web.Response(text=text, content_type="text/html")
