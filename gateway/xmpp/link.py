"""The link to the XMPP server: one component, connected for as long as the program runs (XEP-0114).

``Link`` connects, proves the secret, hands every stanza on, writes what the outbox holds, notices a dead server and a second
gateway, and comes back after every loss. What was refused is explained by ``diagnosis``, what is written is bounded by
``outbox``, what is read by ``stream``. Knows no stanza but its own pings.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Cancellable, Clock
from gateway.xmpp.diagnosis import LinkState, LinkStatus, Patience, diagnose, probe
from gateway.xmpp.heartbeat import Heartbeat
from gateway.xmpp.outbox import Counters, Outbox, OutboxLimits
from gateway.xmpp.stream import ComponentStream, Connector, Symptom, Trouble, tcp, trouble_of

__all__ = ["Counters", "Link", "LinkState", "LinkStatus", "OutboxLimits", "probe"]

#: Seconds for TCP (name resolution included), and again for the handshake.
DEADLINE = 15.0
#: Seconds up after which a loss is a new one and not the same trouble again.
STABLE = 60.0
#: Seconds for the last stanzas to leave, and for the server to hang up after us.
FAREWELL = 3.0
GOODBYE = 1.0

logger = structlog.stdlib.get_logger(__name__)


def _cancel(future: asyncio.Future[object]) -> None:
    future.cancel()


def _nobody(_: object) -> None:
    """Nobody asked to be told."""


class Link:
    """One component's link. ``run`` it in a task of yours; everything else is called from the same loop.

    ``on_stanza`` gets every message, presence and iq as parsed, in order; ``on_status`` every change of state;
    ``on_twin`` a sentence when another gateway shares this JID; ``on_dropped`` how many stanzas that were to be kept have
    been given up; ``on_written`` see ``Outbox``. None of them may raise; what ``on_stanza`` raises all the same is logged
    and costs that stanza only.
    """

    def __init__(
        self,
        *,
        jid: str,
        secret: str,
        host: str,
        port: int,
        clock: Clock,
        random: random.Random,
        on_stanza: Callable[[Element], None],
        on_status: Callable[[LinkStatus], None],
        on_twin: Callable[[str], None] = _nobody,
        on_dropped: Callable[[int], None] = _nobody,
        on_written: Callable[[float], None] = _nobody,
        limits: OutboxLimits | None = None,
        connect: Connector = tcp,
    ) -> None:
        self._jid = jid
        self._secret = secret
        self._host = host
        self._port = port
        self._clock = clock
        self._random = random
        self._on_stanza = on_stanza
        self._on_status = on_status
        self._on_twin = on_twin
        self._connector = connect
        self._counters = Counters()
        self._read_before = 0  # bytes, on earlier connections
        self._outbox = Outbox(
            jid,
            clock=clock,
            counters=self._counters,
            limits=limits or OutboxLimits(),
            on_dropped=on_dropped,
            on_written=on_written,
        )
        self._heartbeat = Heartbeat(
            jid,
            clock=clock,
            rng=random,
            send=self._outbox.send,
            activity=self._activity,
            keep_alive=self._keep_alive,
            on_dead=self._dead,
            on_twin=self._twin,
        )
        self._status = LinkStatus(LinkState.DOWN)
        self.since = clock.now()  # when the state became what it is
        self._stream: ComponentStream | None = None
        self._work: asyncio.Future[object] | None = None  # what ``_within`` bounds in ``run``
        self._wake: asyncio.Future[None] | None = None  # ends a back-off
        self._handshake: Cancellable | None = None
        self._running = False
        self._closing = False
        self._over = asyncio.Event()
        self._up_since: float | None = None
        self._failures = 0
        self._patience: Patience | None = None
        self._log = logger.bind(jid=jid, host=host, port=port)

        #: Queue a stanza, given as text; never waits, never raises. See ``Outbox.send``.
        self.send = self._outbox.send
        #: Wait while too much is queued; returns at once while the link is down. See ``Outbox.drain``.
        self.drain = self._outbox.drain

    @property
    def status(self) -> LinkStatus:
        return self._status

    @property
    def congested(self) -> bool:
        """Whether more is queued than the high-water mark."""
        return self._outbox.congested

    @property
    def pending(self) -> tuple[int, int]:
        """(stanzas, bytes) waiting to be written."""
        return self._outbox.pending

    @property
    def counters(self) -> Counters:
        """Since the start; live, not to be changed."""
        here = self._stream.bytes_received if self._stream is not None else 0
        self._counters.received_bytes = self._read_before + here
        return self._counters

    # --- life

    async def run(self) -> None:
        """Connect, serve and reconnect for ever; returns after ``close``. To be called once."""
        self._running = True
        try:
            while not self._closing:
                trouble = await self._connection()
                if not self._closing:
                    await self._back_off(trouble)
        finally:
            self._closing = True
            self._outbox.close()
            self._set(LinkStatus(LinkState.CLOSED))
            self._over.set()

    async def close(self, farewell: Sequence[str] = ()) -> None:
        """Send ``farewell``, close the stream politely and end ``run``: a few seconds at most, whatever the server
        does."""
        if not self._closing:
            self._closing = True
            stream = self._stream
            try:
                if stream is not None and stream.up and not stream.ended.done():
                    await self._take_leave(stream, farewell)
            finally:
                self._let_go()
        if self._running:
            await self._over.wait()

    async def _take_leave(self, stream: ComponentStream, farewell: Sequence[str]) -> None:
        self._heartbeat.stop()
        try:
            await self._within(FAREWELL, self._say(farewell))
        except TimeoutError:
            self._log.warning(
                "the server does not read: some last stanzas were not sent", pending=self.pending[0]
            )
        stream.write(stream.stream_footer.encode())
        try:
            await self._within(GOODBYE, asyncio.shield(stream.ended))
        except TimeoutError:
            self._log.debug("the server did not close its stream in time")

    async def _say(self, farewell: Sequence[str]) -> None:
        for stanza in farewell:
            self.send(stanza)
            await self.drain()
        await self._outbox.flushed()

    def _let_go(self) -> None:
        """Make ``run`` come to its end from wherever it is."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        if self._work is not None:
            self._work.cancel()
        if self._stream is not None:
            self._stream.fail(Trouble(Symptom.LOST))

    # --- one connection

    async def _connection(self) -> Trouble:
        """From the first packet to the last; how it ended."""
        self._set(LinkStatus(LinkState.CONNECTING, self._status.reason))
        stream = self._stream = ComponentStream(
            self._jid,
            self._secret,
            monotonic=self._clock.monotonic,
            on_up=self._up,
            on_stanza=self._received,
            on_writable=self._outbox.writable,
        )
        try:
            try:
                await self._connect(stream)
            except TimeoutError:
                return Trouble(Symptom.CONNECT_TIMEOUT)
            except (OSError, UnicodeError) as error:
                return trouble_of(error)
            if self._closing:
                stream.fail(Trouble(Symptom.LOST))
            elif not stream.up:
                self._handshake = self._clock.call_later(
                    DEADLINE, lambda: stream.fail(Trouble(Symptom.HANDSHAKE_TIMEOUT))
                )
            return await stream.ended
        finally:
            if self._handshake is not None:
                self._handshake.cancel()
                self._handshake = None
            stream.abort()
            self._heartbeat.stop()
            self._outbox.detach()
            self._read_before += stream.bytes_received
            self._stream = None

    async def _connect(self, stream: ComponentStream) -> None:
        try:
            self._work = asyncio.ensure_future(self._connector(lambda: stream, self._host, self._port))
            await self._within(DEADLINE, self._work)
        finally:
            self._work = None

    async def _within(self, seconds: float, work: Awaitable[object]) -> None:
        """Await ``work``; TimeoutError when it takes longer, by our own clock, or was cancelled by ``close``."""
        future = asyncio.ensure_future(work)
        timer = self._clock.call_later(seconds, lambda: _cancel(future))
        try:
            await future
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise TimeoutError from None
        finally:
            timer.cancel()

    def _up(self) -> None:
        stream = self._stream
        if stream is None or self._closing:
            return
        if self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None
        if self._up_since is not None:
            self._counters.reconnects += 1
        self._up_since = self._clock.monotonic()
        self._log.info("link up", kept=self.pending[0])
        self._outbox.attach(stream)
        self._set(LinkStatus(LinkState.UP))
        self._heartbeat.start()

    def _received(self, element: Element) -> None:
        self._counters.received += 1
        if element.tag.endswith("}iq") and self._heartbeat.recognise(element):
            return
        try:
            self._on_stanza(element)
        except Exception:
            # One stanza's handling must not cost everybody the link.
            logger.exception(
                "handling a stanza failed", jid=self._jid, stanza=element.tag, type=element.get("type")
            )

    # --- between two connections

    async def _back_off(self, trouble: Trouble) -> None:
        diagnosis = diagnose(trouble, jid=self._jid, host=self._host, port=self._port)
        now = self._clock.monotonic()
        stable = trouble.up and self._up_since is not None and now - self._up_since >= STABLE
        if stable or diagnosis.patience is not self._patience:
            self._failures = 0
        self._patience = diagnosis.patience
        self._failures += 1
        at_once = trouble.up and self._failures == 1 and diagnosis.state is LinkState.DOWN
        delay = 0.0 if at_once else diagnosis.patience.delay(self._failures, self._random)
        known = diagnosis.reason == self._status.reason
        log = self._log.info if known else self._log.warning
        log("link " + diagnosis.state, reason=diagnosis.reason, retry_in=round(delay, 1))
        self._set(LinkStatus(diagnosis.state, diagnosis.reason, self._clock.now() + delay))
        self._wake = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(delay, self._awake)
        try:
            await self._wake
        finally:
            timer.cancel()
            self._wake = None

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _set(self, status: LinkStatus) -> None:
        if status != self._status:
            if status.state is not self._status.state:
                self.since = self._clock.now()
            self._status = status
            self._on_status(status)

    # --- what the heartbeat asks and says

    def _activity(self) -> tuple[float, int]:
        heard = self._stream.last_heard if self._stream is not None else 0.0
        return heard, self._counters.sent_bytes

    def _keep_alive(self) -> None:
        if self._stream is not None:
            self._stream.write(b" ")

    def _dead(self) -> None:
        if self._stream is not None:
            self._stream.fail(Trouble(Symptom.SILENT, up=True))

    def _twin(self) -> None:
        reason = (
            f"Another gateway is connected as {self._jid} and the server shares the traffic between the two, so each loses a"
            " part of it: stop one of them, or give each its own jid and secret."
        )
        self._log.error("a second gateway has the same jid", reason=reason)
        self._status = LinkStatus(LinkState.UP, reason)  # no change of state, so nothing for ``on_status``
        self._on_twin(reason)
