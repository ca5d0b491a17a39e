"""A knock at the component port: what the server takes in one piece, and which server it may be, without logging in.

A stanza over the server's limit ends the stream it comes on, so the limit is found out on a stream of its own, with a
handshake that is wrong and of the size in question: the server says either that it is wrong or that it is too big. The
gateway's own link is not touched, and no secret is needed.
"""

import asyncio
import re
from dataclasses import dataclass

from gateway.doctor.servers import SERVERS, Met
from gateway.xmpp.text import attribute

#: What the gateway may send in one piece (``gateway.xmpp.outbox.OutboxLimits``).
LARGEST = 256 * 1024
#: Smaller sizes that are tried if that does not fit.
_SMALLER = (128 * 1024, 64 * 1024, 32 * 1024, 10_000)
_SECONDS = 5.0
_ANSWER_LIMIT = 8192
#: How the servers number their streams, and in which words they refuse; only for guessing whose lines to show.
_IDS = {"prosody": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ejabberd": r"[0-9]{12,}"}
_WORDS = {"prosody": "does not match any configured external components"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the stream's id, the condition of the stream error, and all of it as text."""

    stream: str = ""
    condition: str = ""
    text: str = ""

    @property
    def judged(self) -> bool:
        """Whether the server has read the handshake, and says that it is wrong."""
        return self.condition in ("not-authorized", "host-unknown")

    @property
    def guess(self) -> Met:
        """Which server it may be."""
        for key, pattern in _IDS.items():
            if re.fullmatch(pattern, self.stream):
                return Met(SERVERS[key])
        for key, words in _WORDS.items():
            if words in self.text:
                return Met(SERVERS[key])
        return Met()


async def knock(jid: str, host: str, port: int, size: int = 40, *, seconds: float = _SECONDS) -> Answer:
    """Say a handshake of ``size`` bytes that cannot be right. Raises ``OSError`` and ``TimeoutError``."""
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                f"xmlns:stream='http://etherx.jabber.org/streams' to='{attribute(jid)}'>".encode()
            )
            heard = b""
            while b"<stream:stream" not in heard or not heard.rstrip().endswith(b">"):
                heard += await _more(reader, heard)
            if b"<stream:error" not in heard:
                heard += await _said(reader, writer, size)
        finally:
            writer.transport.abort()
    return _read(heard)


async def _said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> bytes:
    """The answer to the handshake. Servers answer, and hang up, before they have read all that is too big."""
    writer.write(b"<handshake>" + b"0" * (size - 23) + b"</handshake>")
    heard = b""
    try:
        while b"</stream:error>" not in heard:
            heard += await _more(reader, heard)
    except ConnectionError:
        return heard or b"<stream:error><reset/>"
    return heard


async def _more(reader: asyncio.StreamReader, heard: bytes) -> bytes:
    data = await reader.read(_ANSWER_LIMIT)
    if not data or len(heard) > _ANSWER_LIMIT:
        raise ConnectionResetError("the server hung up")
    return data


def _read(heard: bytes) -> Answer:
    text = heard.decode("utf-8", "replace")
    stream = re.search(r"<stream:stream[^>]*?\sid=['\"]([^'\"]{1,100})['\"]", text)
    condition = re.search(r"<stream:error>\s*<([a-z-]{1,50})[\s/>]", text)
    return Answer(stream[1] if stream else "", condition[1] if condition else "", text)


async def fitting(jid: str, host: str, port: int) -> int | None:
    """The largest stanza that certainly fits, at most ``LARGEST``; 0 if not even a small one does, None if it cannot be
    found out. Raises ``OSError`` and ``TimeoutError``."""
    if not (await knock(jid, host, port)).judged:
        return None  # it speaks of something else
    for size in (LARGEST, *_SMALLER):
        if (await knock(jid, host, port, size)).judged:
            return size
    return 0
