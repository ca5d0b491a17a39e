"""Files that users sent a link to, fetched for the foreign side.

The link is a stranger's: where it leads is judged before every request, nothing the server says is believed, and size,
time and number are bounded.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import structlog
from yarl import URL

from gateway.bridge import Blob, MediaError, WebAnswer
from gateway.media.dialling import Dialler
from gateway.media.names import name_of_path, safe_name
from gateway.media.pictures import Pictures
from gateway.media.refusals import Cause, refused
from gateway.media.sniff import sniff
from gateway.media.spool import Kept, Spool
from gateway.media.transfers import Transfers
from gateway.model import Attachment, Condition

_log = structlog.get_logger(__name__)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3
_ANSWER = 65_536  # octets of an answer to a form
_SHOWN = ("image", "audio", "video")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """``size`` in bytes, ``seconds`` for one transfer from beginning to end, its turn not counted."""

    size: int = 50_000_000
    seconds: float = 60.0


class Fetcher:
    """``gateway.bridge.Media``. ``limits`` can be exchanged."""

    def __init__(
        self, dialler: Dialler, spool: Spool, pictures: Pictures, transfers: Transfers, limits: FileLimits
    ) -> None:
        self._dialler = dialler
        self._spool = spool
        self._pictures = pictures
        self._transfers = transfers
        self.limits = limits

    async def fetch(
        self, attachment: Attachment, user: str, headers: Mapping[str, str] | None = None
    ) -> Blob:
        """See ``Media``."""
        url = self._dialler.targets.parse(attachment.url)
        if attachment.size is not None:
            self._check_size(attachment.size)
        async with self._transfers.turn(user):
            try:
                async with asyncio.timeout(self.limits.seconds):
                    kept, final, declared = await self._follow(url, headers or {})
            except TimeoutError:
                raise refused(
                    f"The file did not come from {url.raw_host} within {self.limits.seconds:g} seconds.",
                    Condition.REMOTE_SERVER_TIMEOUT,
                ) from None
            except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
                _log.info("a file was not fetched", host=url.raw_host, reason=type(error).__name__)
                raise _failed(url, error) from error
            return await self._examined(kept, attachment, final, declared)

    async def submit(self, url: str, fields: Mapping[str, str], user: str) -> None:
        """See ``Media``."""
        target = self._dialler.targets.parse(url)
        answer, reason = await self._posted(target, fields, user)
        if not 200 <= answer.status < 300:
            raise refused(f"{target.raw_host} answered {answer.status} {reason}.".replace(" .", "."))

    async def exchange(self, url: str, fields: Mapping[str, str], user: str) -> WebAnswer:
        """See ``Media``."""
        answer, _ = await self._posted(self._dialler.targets.parse(url), fields, user, _ANSWER)
        return answer

    async def _posted(
        self, target: URL, fields: Mapping[str, str], user: str, most: int = 0
    ) -> tuple[WebAnswer, str]:
        """The answer, with so many octets of its body, and the words behind its status."""
        async with self._transfers.turn(user):
            try:
                async with (
                    asyncio.timeout(self.limits.seconds),
                    self._dialler.session(target) as session,
                    session.post(target, data=dict(fields), allow_redirects=False) as response,
                ):
                    body = b""
                    while len(body) < most and (block := await response.content.read(most - len(body))):
                        body += block
                    return WebAnswer(response.status, body), response.reason or ""
            except TimeoutError:
                raise refused(
                    f"{target.raw_host} did not answer within {self.limits.seconds:g} seconds.",
                    Condition.REMOTE_SERVER_TIMEOUT,
                ) from None
            except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
                _log.info("a form was not sent", host=target.raw_host, reason=type(error).__name__)
                raise _failed(target, error, "the answer came") from error

    async def _follow(self, url: URL, headers: Mapping[str, str]) -> tuple[Kept, URL, str]:
        """The file, where it was in the end, and the type its server gave. ``headers`` go no further than to where ``url``
        leads, whoever sends us on."""
        origin = url.origin()
        for _ in range(_MOST_REDIRECTS + 1):
            async with (
                self._dialler.session(url) as session,
                session.get(url, allow_redirects=False, headers=headers) as response,
            ):
                if response.status not in _REDIRECTS:
                    return await self._receive(url, response), url, response.content_type
                location = response.headers.get("Location", "")
            try:
                url = self._dialler.targets.parse(str(url.join(URL(location))))
            except ValueError:
                raise refused(f"The link leads on from {url.raw_host} to no web address.") from None
            if url.origin() != origin:
                headers = {}
        raise refused(f"The link leads on more than {_MOST_REDIRECTS} times and is not followed further.")

    async def _receive(self, url: URL, response: aiohttp.ClientResponse) -> Kept:
        if response.status != 200:
            raise refused(
                f"{url.raw_host} answered {response.status} {response.reason or ''}".rstrip()
                + " when the gateway asked for the file.",
                Condition.ITEM_NOT_FOUND,
            )
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise refused(
                f"{url.raw_host} sends the file packed, which it was asked not to do.", cause=Cause.CONTENT
            )
        if response.content_length is not None:
            self._check_size(response.content_length)
        async with self._spool.incoming() as incoming:
            async for block in response.content.iter_any():
                self._check_size(incoming.size + len(block))
                await incoming.write(block)
            return await incoming.finish()

    def _check_size(self, size: int) -> None:
        limit = self.limits.size
        if size > limit:
            text = f"The file is larger than the {limit / 1e6:g} MB that this gateway carries."
            raise refused(text, cause=Cause.TOO_LARGE)

    async def _examined(self, kept: Kept, attachment: Attachment, url: URL, declared: str) -> Blob:
        try:
            if not kept.size:
                raise refused(f"The file at {url.raw_host} is empty.", cause=Cause.CONTENT)
            if attachment.sha256:
                fits = kept.sha256 == attachment.sha256.lower()
            else:
                fits = attachment.size is None or attachment.size == kept.size
            if not fits:
                raise refused(
                    f"What is at {url.raw_host} now is not the file that you sent: its size or hash is another.",
                    cause=Cause.CONTENT,
                )
            claimed = attachment.media_type or declared
            name = attachment.name or name_of_path(url.path)
            media_type = sniff(kept.head, name)
            if media_type == "text/html" and claimed.partition("/")[0] in _SHOWN:
                text = f"Where {claimed} was announced, {url.raw_host} has a web page."
                raise refused(text, cause=Cause.CONTENT)
            facts = await self._pictures.look(kept.path, media_type)
        except BaseException:
            kept.path.unlink(missing_ok=True)
            raise
        stem = media_type.partition("/")[0] if media_type.partition("/")[0] in _SHOWN else "file"
        return Blob(
            kept.path,
            safe_name(name, media_type, stem),
            media_type,
            kept.size,
            kept.sha256,
            facts.width,
            facts.height,
        )


def _failed(url: URL, error: Exception, end: str = "the file was complete") -> MediaError:
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return refused(
            f"{url.raw_host} has no certificate that this gateway can trust.",
            Condition.REMOTE_SERVER_NOT_FOUND,
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return refused(f"{url.raw_host} does not take connections.", Condition.REMOTE_SERVER_NOT_FOUND)
    return refused(
        f"The connection to {url.raw_host} broke before {end}.",
        Condition.REMOTE_SERVER_TIMEOUT,
    )
