"""``[media]`` for ``causeway check``: a directory to keep files in, a way to make them public, links that others can follow.

Uploads nothing and keeps nothing.
"""

import asyncio
import ipaddress
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.bridge import Finding, MediaError, Verdict
from gateway.clock import SystemClock
from gateway.settings import MediaSettings
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.stream import ComponentStream, tcp
from gateway.xmpp.upload import ComponentSlots, UploadServices

#: Finds the upload service: jid, secret, host, port, the service's address or empty.
Search = Callable[[str, str, str, int, str], Awaitable[Finding]]

_SECONDS = 15.0


def places(media: MediaSettings) -> Iterator[Finding]:
    """What can be seen without a link."""
    yield _directory(media.directory)
    if media.public_url:
        yield _link(media.public_url)
    elif not media.upload:
        yield Finding(
            Verdict.NOTE,
            "Files from the other networks cannot be passed on: set media.upload, or [web] and media.give_out.",
            "files",
        )


def _directory(directory: Path) -> Finding:
    problem = writable(directory, "media.directory")
    if problem:
        return Finding(Verdict.FAIL, problem, "media directory")
    made = "" if directory.exists() else " will be made at the first start"
    return Finding(Verdict.OK, f"media directory {directory}{made}", "media directory")


def writable(directory: Path, key: str) -> str:
    """Empty if files can be kept in a directory that is there or can be made; else why not. ``key`` is where it was set."""
    there = next((each for each in (directory, *directory.parents) if each.exists()), Path("/"))
    if not there.is_dir():
        return f"{there} is no directory: move it away, or correct {key}."
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            f"Files cannot be kept in {directory}: give the user that runs Causeway write access to {there}."
        )
    return ""


def _link(url: str) -> Finding:
    """Whether people elsewhere can follow links that begin with ``url``, as far as one can tell from here."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _public(host):
        return Finding(
            Verdict.NOTE,
            f"Links to files begin with {url}, which only this machine or network can reach: set web.public_url to what "
            "the rest of the world sees.",
            "files",
        )
    if parts.scheme != "https":
        return Finding(
            Verdict.NOTE,
            f"Links to files begin with {url}, and many clients show no pictures without https: give your web server a "
            "certificate.",
            "files",
        )
    return Finding(Verdict.OK, f"links to files begin with {url}", "files")


def _public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal"))


async def search(jid: str, secret: str, host: str, port: int, named: str) -> Finding:
    """Link up as the component and ask for the upload service. Call it for a link that works."""
    clock = SystemClock()
    up = asyncio.Event()
    stream = ComponentStream(
        jid,
        secret,
        monotonic=time.monotonic,
        on_up=up.set,
        on_stanza=lambda element: iq.accept(Stanza(element)),
        on_writable=lambda writable: None,
    )

    def send(stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        stream.write(stanza.encode())
        return True

    iq = IqTracker(send, clock)
    try:
        async with asyncio.timeout(_SECONDS):
            await tcp(lambda: stream, host, port)
            await up.wait()
            return await _service(UploadServices(jid, iq, clock), iq, clock, jid, named)
    except TimeoutError:
        return Finding(Verdict.FAIL, "The XMPP server did not answer when asked for its upload service.")
    except (OSError, UnicodeError) as error:
        return Finding(Verdict.FAIL, f"The XMPP server could not be asked for its upload service: {error}.")
    finally:
        if stream.transport is not None:
            stream.write(stream.stream_footer.encode())
            await asyncio.wait({stream.ended}, timeout=1.0)
            stream.abort()
            await stream.ended


async def _service(
    services: UploadServices, iq: IqTracker, clock: SystemClock, jid: str, named: str
) -> Finding:
    if named:
        found = await services.examine(named)
        if found is None:
            return Finding(
                Verdict.FAIL,
                f"{named} does not answer as an upload service: correct media.upload_service, or leave it empty to have "
                "the service looked for.",
            )
    else:
        try:
            found = await ComponentSlots(jid, services, iq, clock).service()
        except MediaError as error:
            return Finding(
                Verdict.NOTE,
                f"Files from the other networks cannot be put on the XMPP server: {error.refused.text} Turn on its "
                "mod_http_file_share or mod_http_upload, or set [web] and media.give_out.",
            )
    most = f", files up to {found.most / 1e6:g} MB" if found.most is not None else ""
    return Finding(Verdict.OK, f"upload service {found.jid}{most}")
