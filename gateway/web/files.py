"""Files by their links: ``GET /file/TOKEN/NAME``. Who has the link may have the file, until it expires; nobody else learns
that it exists.

What is served came from strangers, so a browser must never run it as a page of this host.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import structlog
from aiohttp import web

from gateway.bridge import Clock
from gateway.storage.errors import StorageError
from gateway.storage.records import StoredFile
from gateway.web.tally import FILES, about

_log = structlog.get_logger(__name__)

#: Types that show nothing but themselves; all else is downloaded. No SVG, HTML, XML or PDF: those can hold scripts.
_INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/heic")
_INLINE_KINDS = ("audio/", "video/")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    # Web clients show pictures, and fetch files, from the page of another host.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}


class Files(Protocol):
    """``gateway.media.store.OwnStore``."""

    async def find(self, token: str) -> tuple[StoredFile, Path] | None: ...


def file_routes(files: Files, clock: Clock) -> list[web.RouteDef]:
    """The routes under which ``files`` are given out; GET takes ranges, HEAD works too."""
    return [web.get("/file/{token}/{name}", _handler(files, clock), allow_head=True)]


def _handler(files: Files, clock: Clock) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def give(request: web.Request) -> web.StreamResponse:
        about(request, FILES)
        try:
            found = await files.find(request.match_info["token"])
        except StorageError as error:
            _log.error("a file was not looked up", reason=str(error))
            raise web.HTTPServiceUnavailable(headers=_HEADERS, text="Try again later.") from error
        # The name is for show: whoever has the token may spell it as he likes.
        if found is None or not await asyncio.to_thread(found[1].is_file):
            raise web.HTTPNotFound(headers=_HEADERS, text="There is no such file, or not any more.")
        file, path = found
        age = max(0, int(file.expires - clock.now()))
        headers = {
            **_HEADERS,
            "Content-Type": _type(file.media_type),
            "Content-Disposition": f"{_disposition(file.media_type)}; {_name(file.name)}",
            "Cache-Control": f"private, max-age={age}, immutable",
        }
        return web.FileResponse(path, headers=headers)

    return give


def _disposition(media_type: str) -> str:
    shown = media_type in _INLINE or media_type.startswith(_INLINE_KINDS) or media_type == "text/plain"
    return "inline" if shown else "attachment"


def _type(media_type: str) -> str:
    return "text/plain; charset=utf-8" if media_type == "text/plain" else media_type


def _name(name: str) -> str:
    """RFC 6266 §4.3 and Appendix D: a plain form for old readers, then the real one."""
    plain = "".join(
        each if each.isascii() and each.isprintable() and each not in '"\\%' else "_" for each in name
    )
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
