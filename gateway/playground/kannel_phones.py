"""Telephones behind a Kannel, by its own fakesmsc: what comes to them is read from its log, and they can answer."""

import asyncio
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from gateway.playground.carrier import Text
from gateway.playground.expect import Inbox
from gateway.playground.kannel import Kannel
from gateway.playground.process import Child

_CAME = re.compile(r"Got message \d+: <(\S+) (\S+) (\S+) (.*)>$", re.MULTILINE)
_LOOK = 0.1  # seconds


class KannelPhones:
    """``stop`` ends it, and Kannel too."""

    def __init__(self, kannel: Kannel) -> None:
        self._kannel = kannel
        self._line: Child | None = None
        self._read = 0  # messages of its log
        self._phones: dict[str, Inbox[Text]] = {}
        self._observers: list[Callable[[Text], None]] = []
        self._looking: asyncio.Task[None] | None = None
        self._calling = asyncio.Lock()

    async def start(self, callbacks: str) -> None:
        """``callbacks``: where the gateway's operator wants texts to be brought. Raises ``Missing`` and ``NotReady``."""
        await self._kannel.start(callbacks)
        self._pick_up()
        self._looking = asyncio.create_task(self._look(), name="phones behind Kannel")

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._line is not None:
            await self._line.stop()
        await self._kannel.stop()

    def phone(self, number: str) -> Inbox[Text]:
        """What comes to somebody's phone."""
        return self._phones.setdefault(number, Inbox(number, str))

    def observe(self, observer: Callable[[Text], None]) -> None:
        """Show every text that comes to a phone to ``observer``."""
        self._observers.append(observer)

    async def text(self, text: Text) -> None:
        """Somebody's phone sends a text to the gateway; returns when Kannel has it. Raises ``NotReady``."""
        async with self._calling:
            if self._line is not None:
                self._arrived()
                await self._line.stop()
            try:
                await self._kannel.text(text.sender, text.recipients[0], text.text)
            finally:
                self._pick_up()

    def _pick_up(self) -> None:
        self._line, self._read = self._kannel.line(), 0
        self._line.start()

    async def _look(self) -> None:
        while True:
            self._arrived()
            await asyncio.sleep(_LOOK)

    def _arrived(self) -> None:
        """Read on in the log."""
        found = came(self._line.output()) if self._line is not None else []
        for text in found[self._read :]:
            self.phone(text.recipients[0]).put(text)
            for observer in self._observers:
                observer(text)
        self._read = len(found)


def came(log: str) -> list[Text]:
    """All texts in a log of fakesmsc."""
    return [
        Text(sender, (recipient,), _words(alphabet, written))
        for sender, recipient, alphabet, written in _CAME.findall(log)
    ]


def _words(alphabet: str, written: str) -> str:
    """As fakesmsc logs them; a piece of a long text (``data``) has its header before it."""
    if alphabet == "text":
        return written
    octets = unquote_to_bytes(written.replace("+", " "))
    if alphabet == "data" and octets:
        octets = octets[octets[0] + 1 :]
    wide = alphabet == "ucs-2" or (alphabet == "data" and b"\0" in octets)
    return octets.decode("utf-16-be" if wide else "utf-8", "replace")
