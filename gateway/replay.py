"""``causeway webhook-replay``: a callback of a provider that somebody has written down, as HTTP has it, and what the gateway
makes of it. Runs beside the gateway, and touches nothing of it.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, cast

from gateway import logs
from gateway.bridge import Replays, WebRequest
from gateway.bridge.examining import printable
from gateway.bridge.web import BODY_LIMIT, path
from gateway.check import built
from gateway.config import ConfigError, Plugins, load

_HEAD_LIMIT = 65_536
_BLANK = re.compile(rb"\r?\n\r?\n")
_HOST = re.compile(r"https?://[^/?]*", re.IGNORECASE)


class NoRequest(ValueError):
    """A file that holds none; the text says why."""


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("error")
    return replay(arguments.config, os.environ, arguments.file, sys.stdout)


def replay(
    config: Path, environ: Mapping[str, str], file: Path, out: TextIO, plugins: Plugins | None = None
) -> int:
    """Print what the request in ``file`` would have come to; 0 unless there is nothing to look at."""
    try:
        settings = load(config, environ, plugins)
        with file.open("rb") as opened:
            target, request = read(opened.read(_HEAD_LIMIT + BODY_LIMIT + 1))
    except (ConfigError, NoRequest) as error:
        print(error, file=out)
        return 1
    except OSError as error:
        print(f"{file} cannot be read: {error.strerror}.", file=out)
        return 1
    for each in settings.bridges:
        inside = target.removeprefix(f"{path(each.name)}/")
        if inside == target:
            continue
        bridge = built(each, settings.web.of_bridge(each.name))
        if not bridge.capabilities.replays:
            break
        asked = WebRequest(request.method, inside, request.query, request.headers, request.body)
        for line in cast("Replays", bridge).replay(asked):  # the capability says that it can
            print(printable(line), file=out)
        return 0
    names = ", ".join(path(each.name) for each in settings.bridges)
    print(f"It is for {target[:200]!r}, where no bridge takes callbacks; there is {names}.", file=out)
    return 1


def read(octets: bytes) -> tuple[str, WebRequest]:
    """The path of a request as it was on the wire (RFC 9112), and all of it. Lines may end without a carriage return, as
    editors leave them. Raises ``NoRequest``."""
    head, *rest = _BLANK.split(octets, maxsplit=1)
    body = rest[0] if rest else b""
    first, *lines = head.decode("utf-8", "surrogateescape").splitlines() or [""]
    words = first.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[2].startswith("HTTP/"):
        raise NoRequest(
            "The file has to begin with the line of a request, as in `POST /bridge/sms/main/SECRET HTTP/1.1`, then its "
            "headers, an empty line and the body, as they were sent."
        )
    if len(body) > BODY_LIMIT:
        raise NoRequest(f"The body has more than {BODY_LIMIT} octets, which nobody would have looked at.")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise NoRequest(f"A header has no colon in it: {line[:60]!r}.")
        headers.append((name.strip(), value.strip()))
    length = next((value for name, value in headers if name.lower() == "content-length"), "")
    if length.isdigit():
        body = body[: int(length)]  # editors end files with a line break
    target, _, query = _HOST.sub("", words[1], count=1).partition("?")
    return target, WebRequest(words[0].upper(), target, query, tuple(headers), body)
