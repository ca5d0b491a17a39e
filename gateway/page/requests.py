"""What comes with a request, bounded before it is read: forms and query strings, as texts that can be shown."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

BODY_LIMIT = 16_384  # bytes of a form
BODY_SECONDS = 10.0  # for it to arrive
_FIELDS = 200
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: web.Request, seconds: float) -> Mapping[str, str]:
    """The fields of a form; of several with one name, the last. Raises an ``HTTPException`` that says what is wrong."""
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType(text="Only forms of this page are taken.")
    if (request.content_length or 0) > BODY_LIMIT:
        raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, request.content_length or 0)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for block in request.content.iter_any():
                body += block
                if len(body) > BODY_LIMIT:
                    raise web.HTTPRequestEntityTooLarge(BODY_LIMIT, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout(headers={"Connection": "close"}) from None
    return _fields(body.decode("ascii", "replace"))


def query(request: web.Request) -> Mapping[str, str]:
    """The fields of the query string, likewise."""
    return _fields(request.rel_url.raw_query_string)


def _fields(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="replace")
    except ValueError:
        raise web.HTTPBadRequest(text="There are too many fields.") from None
    return {_plain(name): _plain(value) for name, value in pairs}


def _plain(text: str) -> str:
    """On one line, and nothing that cannot be written as UTF-8."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(" " if ord(each) < 32 or ord(each) == 127 else each for each in text).strip()


def number(text: str, least: int, most: int) -> int:
    """A number in its bounds, whatever was said."""
    if not (text.isascii() and text.isdigit()):
        return least
    return max(least, min(most, int(text[:9])))
