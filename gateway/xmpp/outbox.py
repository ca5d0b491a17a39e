"""What waits to be written to the server: ordered, bounded, joined into one write for every turn of the loop.

A stanza given with ``keep`` is a message for a user: it survives a lost connection and is delivered, in order, after the
next handshake, with a note of the delay (XEP-0203). Everything else is dropped and counted while the server is away or
does not read. Knows bytes and a writer; knows no stanza beyond its size, its end and its name.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog

from gateway.bridge import Clock
from gateway.xmpp.text import attribute

logger = structlog.stdlib.get_logger(__name__)

#: Bytes handed to the transport in one turn of the loop.
CHUNK = 256 * 1024
#: Seconds a stanza may wait before its delay is noted.
DELAY_NOTED = 5.0

_HAS_DELAY = re.compile(rb"<delay\s[^>]*urn:xmpp:delay")
_NAME = re.compile(rb"<(message|presence)[\s/>]")
_ADDRESSEE = re.compile(r"\sto=(?:'([^']*)'|\"([^\"]*)\")")


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """Sizes are UTF-8 bytes, ages seconds."""

    stanza_bytes: int = 256 * 1024  # Prosody ends the whole link at about 512 KiB
    pending_bytes: int = 8 * 1024 * 1024  # beyond it, what need not be kept is dropped
    pending_count: int = 50_000
    kept_bytes: int = 16 * 1024 * 1024  # beyond it, the oldest goes
    kept_count: int = 100_000
    kept_age: float = 24 * 3600.0
    high_water: int = 1024 * 1024  # ``drain`` waits above it ...
    low_water: int = 256 * 1024  # ... until this


@dataclass(slots=True)
class Counters:
    """Since the start. ``dropped`` counts stanzas by reason: ``too-large``, ``not-text``, ``link-down``, ``overflow``,
    and of those that were to be kept ``kept-overflow`` and ``kept-too-old``."""

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0
    reconnects: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, count: int = 1) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count


def _nobody(_: float) -> None:
    """Nobody wants to know."""


class Writer(Protocol):
    @property
    def closing(self) -> bool:
        """Whether what is written now would go nowhere."""

    def write(self, data: bytes) -> None: ...


class Outbox:
    """The outgoing queue of one link, through all its connections. Owned by the event loop."""

    def __init__(
        self,
        jid: str,
        *,
        clock: Clock,
        counters: Counters,
        limits: OutboxLimits,
        on_dropped: Callable[[int], None],
        on_written: Callable[[float], None] = _nobody,
    ) -> None:
        """``on_written``: something was written, the oldest of which had waited for so many seconds."""
        self._jid = jid
        self._clock = clock
        self._counters = counters
        self._limits = limits
        self._on_dropped = on_dropped
        self._on_written = on_written
        self._writer: Writer | None = None
        self._writable = False
        self._pending: deque[bytes] = deque()
        self._bytes = 0
        # ``keep`` stanzas by their number in the queue's whole life, and since when (monotonic) they wait
        self._kept: deque[tuple[int, float]] = deque()
        self._first = 0  # the number of the first pending stanza
        self._flush_soon: asyncio.Handle | None = None
        self._since = (
            0.0  # monotonic; when what is queued now begins to wait: one look at the clock for each turn
        )
        self._oldest = 0.0  # monotonic; since when the oldest of what is queued waits
        self._waiting: list[asyncio.Future[None]] = []
        self._burst: dict[str, int] = {}  # dropped since the outbox was last well
        self._lost = 0  # kept stanzas dropped and not yet told to ``on_dropped``
        self._told: asyncio.Handle | None = None

    # --- in

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        """Queue one whole stanza. Never waits, never raises. False: it has been refused, and counted.

        ``keep``: it survives a lost connection. ``owned``: it does not, but whoever sends it knows that and sends it again
        (see ``Barrier``), so that only its loss while the connection lives would be one."""
        try:
            data = stanza.encode()
        except UnicodeEncodeError:
            return self._refuse("not-text", stanza, len(stanza))
        size = len(data)
        if size > self._limits.stanza_bytes:
            return self._refuse("too-large", stanza, size)
        if self._flush_soon is None:
            self._since = self._clock.monotonic()
            if not self._pending:
                self._oldest = self._since
        if keep:
            self._kept.append((self._first + len(self._pending), self._since))
        elif self._writer is None:
            return self._drop("link-down")
        elif not owned and (
            self._bytes >= self._limits.pending_bytes or len(self._pending) >= self._limits.pending_count
        ):
            return self._drop("overflow")
        self._pending.append(data)
        self._bytes += size
        if self._flush_soon is None:
            if keep:
                self._bound()
            if self._writable:
                self._flush_later()
        elif self._bytes > self._limits.kept_bytes:
            self._bound()
        return True

    async def drain(self) -> None:
        """Wait, if more is queued than the high-water mark, for the low one; returns at once while the link is down."""
        if self.congested:
            while self._writer is not None and self._bytes > self._limits.low_water:
                await self._change()

    async def flushed(self) -> None:
        """Wait until all is handed to the transport and that has room again, or the link is down."""
        while self._writer is not None and (self._pending or not self._writable):
            await self._change()

    @property
    def congested(self) -> bool:
        return self._writer is not None and self._bytes > self._limits.high_water

    @property
    def pending(self) -> tuple[int, int]:
        """(stanzas, bytes) waiting."""
        return len(self._pending), self._bytes

    # --- the connection's side

    def attach(self, writer: Writer) -> None:
        """A handshake was accepted: what has been kept goes out, in order."""
        self._writer = writer
        self._writable = True
        self._bound()
        if not self._pending:
            self._recovered()
        if self._pending and self._flush_soon is None:
            self._flush_later()

    def writable(self, writable: bool) -> None:
        """The transport's pause and resume."""
        if self._writer is None:
            return
        self._writable = writable
        if not writable:
            return
        if self._pending and self._flush_soon is None:
            self._flush_later()
        self._wake()

    def detach(self) -> None:
        """The connection is gone: only what is to be kept stays."""
        self._writer = None
        self._writable = False
        if self._flush_soon is not None:
            self._flush_soon.cancel()
            self._flush_soon = None
        pending = list(self._pending)
        kept = [pending[number - self._first] for number, _ in self._kept]
        if len(kept) < len(pending):
            self._drop("link-down", len(pending) - len(kept))
        self._pending = deque(kept)
        self._bytes = sum(map(len, kept))
        self._kept = deque((number, since) for number, (_, since) in enumerate(self._kept))
        self._first = 0
        self._bound()
        self._wake()

    def close(self) -> None:
        """The end: count what was still to be kept, tell what was not yet told."""
        if self._writer is not None:
            self.detach()
        if self._pending:
            self._drop_kept("link-down", len(self._pending))
            self._pending.clear()
            self._kept.clear()
            self._bytes = 0
        if self._told is not None:
            self._told.cancel()
            self._tell()
        self._recovered()

    # --- out

    def _flush_later(self) -> None:
        self._since = self._clock.monotonic()
        self._flush_soon = asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_soon = None
        writer, pending = self._writer, self._pending
        if writer is None or not self._writable or not pending or writer.closing:
            return
        if self._bytes <= CHUNK and not (
            self._kept and self._clock.monotonic() - self._kept[0][1] > DELAY_NOTED
        ):
            count = len(pending)
            data = b"".join(pending)
            pending.clear()
            self._bytes = 0
        else:
            batch = self._take()
            count = len(batch)
            data = b"".join(batch)
        self._first += count
        while self._kept and self._kept[0][0] < self._first:
            self._kept.popleft()
        self._counters.sent += count
        self._counters.sent_bytes += len(data)
        writer.write(data)
        self._on_written(self._clock.monotonic() - self._oldest)
        if pending and self._writable:
            self._flush_later()
        if self._burst and self._bytes <= self._limits.low_water:
            self._recovered()
        if self._waiting:
            self._wake()

    def _take(self) -> list[bytes]:
        """About a chunk from the front, with delays noted."""
        now = self._clock.monotonic()
        kept = iter(self._kept)
        number, since = next(kept, (-1, 0.0))
        batch: list[bytes] = []
        size = 0
        while self._pending and size < CHUNK:
            data = self._pending.popleft()
            self._bytes -= len(data)
            if number == self._first + len(batch):
                if now - since > DELAY_NOTED:
                    data = note_delay(data, self._jid, self._clock.now() - (now - since))
                number, since = next(kept, (-1, 0.0))
            size += len(data)
            batch.append(data)
        return batch

    # --- bounds

    def _bound(self) -> None:
        """Let the oldest go until what is left fits."""
        limits = self._limits
        while self._bytes > limits.kept_bytes or len(self._pending) > limits.kept_count:
            self._evict("kept-overflow")
        horizon = self._clock.monotonic() - limits.kept_age
        while self._kept and self._kept[0][0] == self._first and self._kept[0][1] < horizon:
            self._evict("kept-too-old")

    def _evict(self, reason: str) -> None:
        self._bytes -= len(self._pending.popleft())
        if self._kept and self._kept[0][0] == self._first:
            self._kept.popleft()
            self._drop_kept(reason)
        else:
            self._drop("overflow")
        self._first += 1

    def _drop(self, reason: str, count: int = 1) -> bool:
        self._counters.drop(reason, count)
        if not self._burst:
            logger.warning("dropping stanzas", reason=reason, pending=len(self._pending), bytes=self._bytes)
        self._burst[reason] = self._burst.get(reason, 0) + count
        return False

    def _drop_kept(self, reason: str, count: int = 1) -> None:
        self._drop(reason, count)
        self._lost += count
        if self._told is None:
            self._told = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._told = None
        lost, self._lost = self._lost, 0
        self._on_dropped(lost)

    def _refuse(self, reason: str, stanza: str, size: int) -> bool:
        self._counters.drop(reason)
        head = stanza[:512]
        to = _ADDRESSEE.search(head[: head.find(">") + 1])
        logger.error("refused a stanza", reason=reason, size=size, to=(to[1] or to[2]) if to else "")
        return False

    def _recovered(self) -> None:
        """Say once what a burst of drops has cost."""
        burst, self._burst = self._burst, {}
        if burst:
            logger.warning("dropped stanzas", **{reason.replace("-", "_"): n for reason, n in burst.items()})

    # --- waiting for change

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def note_delay(stanza: bytes, sender: str, since: float) -> bytes:
    """``stanza`` with a delay note (XEP-0203 §2) of ``sender`` and the Unix time ``since``, unless it has one. Only
    messages and presences can carry one."""
    name = _NAME.match(stanza)
    if name is None or _HAS_DELAY.search(stanza):
        return stanza
    # XEP-0082 §3.2: UTC, "Z"
    stamp = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    note = f"<delay xmlns='urn:xmpp:delay' from='{attribute(sender)}' stamp='{stamp}'/>".encode()
    if stanza.endswith(b"/>"):
        return b"%s>%s</%s>" % (stanza[:-2], note, name[1])
    at = stanza.rfind(b"</")
    return stanza[:at] + note + stanza[at:]
