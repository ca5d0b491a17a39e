"""Requests of ours that wait for an answer: one table by id, one timer for all deadlines.

Nothing here costs more when more requests are pending. Does not know what is asked or why.
"""

import asyncio
import heapq
import secrets
from collections.abc import Callable
from typing import Literal
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Cancellable, Clock
from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError, read_error
from gateway.xmpp.stanza import Jid, Stanza, parse_jid
from gateway.xmpp.text import attribute

logger = structlog.stdlib.get_logger(__name__)

Outcome = Element | Refused
Callback = Callable[[Outcome], None]

_OVERLOADED = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "The gateway is waiting for too many answers already. Please try again in a minute.",
)
_NOT_SENT = Refused(
    Condition.REMOTE_SERVER_TIMEOUT,
    "The gateway has no link to the XMPP server just now. Please try again in a minute.",
)


class _Pending:
    __slots__ = ("callback", "deadline", "peer")

    def __init__(self, peer: Jid, deadline: float, callback: Callback) -> None:
        self.peer = peer
        self.deadline = deadline
        self.callback = callback


class IqTracker:
    """Sends iq requests and hands every answer to whoever asked.

    ``send`` takes a ready stanza and says whether it was accepted for sending. ``token`` makes text that
    nobody can guess from a number of random bytes. ``limit`` bounds how many requests wait at a time.
    """

    def __init__(
        self,
        send: Callable[[str], bool],
        clock: Clock,
        *,
        limit: int = 10_000,
        token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        self._send = send
        self._clock = clock
        self._limit = limit
        self._token = token
        self._pending: dict[str, _Pending] = {}
        self._deadlines: list[
            tuple[float, str]
        ] = []  # a heap; answered ones stay in it until compacted or due
        self._timer: Cancellable | None = None
        self._timer_due = 0.0

    def __len__(self) -> int:
        return len(self._pending)

    async def request(
        self,
        to: str,
        payload: str,
        *,
        sender: str,
        timeout: float = 30.0,
        type: Literal["get", "set"] = "get",
    ) -> Element:
        """The result iq. Raises ``RefusedError`` with what the peer said, or with ``remote-server-timeout``
        after ``timeout`` seconds and when the link is lost, or ``resource-constraint`` when too many
        requests are pending."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        identifier = self.request_cb(to, payload, settle, sender=sender, timeout=timeout, type=type)
        try:
            outcome = await future
        finally:
            self._pending.pop(identifier, None)
        if isinstance(outcome, Refused):
            raise RefusedError(outcome)
        return outcome

    def request_cb(
        self,
        to: str,
        payload: str,
        callback: Callback,
        *,
        sender: str,
        timeout: float = 30.0,
        type: Literal["get", "set"] = "get",
    ) -> str:
        """The same without a future. ``callback`` is called exactly once, with the result iq or with a
        ``Refused``; before this returns, if the request cannot be sent. The id of the request is
        returned."""
        identifier = self._token(12)
        if len(self._pending) >= self._limit:
            self._report(callback, _OVERLOADED)
            return identifier
        deadline = self._clock.monotonic() + timeout
        # Before sending, so that an answer cannot come too early.
        self._pending[identifier] = _Pending(parse_jid(to), deadline, callback)
        stanza = f"<iq type='{type}' id='{identifier}' from='{attribute(sender)}' to='{attribute(to)}'>{payload}</iq>"
        if not self._send(stanza):
            self._settle(identifier, _NOT_SENT)
            return identifier
        heapq.heappush(self._deadlines, (deadline, identifier))
        if len(self._deadlines) > 64 + 2 * len(self._pending):
            self._compact()
        self._arm(deadline)
        return identifier

    def accept(self, stanza: Stanza) -> None:
        """Take an iq of type result or error. One that answers nothing of ours is ignored, and so is one
        from somebody who was not asked (RFC 6120 §8.1.2.1 and §8.2.3; otherwise anybody who learns an id
        could answer)."""
        pending = self._pending.get(stanza.id)
        if pending is None:
            return
        if not _speaks_for(stanza.sender, pending.peer):
            logger.warning(
                "answer from somebody who was not asked", sender=stanza.sender.full, asked=pending.peer.domain
            )
            return
        self._settle(stanza.id, stanza.element if stanza.type == "result" else read_error(stanza.element))

    def fail_all(self, reason: str) -> None:
        """Give up everything that is pending: the link is lost. ``reason`` is one sentence for people."""
        refused = Refused(Condition.REMOTE_SERVER_TIMEOUT, reason)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._deadlines.clear()
        for identifier in list(self._pending):
            self._settle(identifier, refused)

    def _settle(self, identifier: str, outcome: Outcome) -> None:
        pending = self._pending.pop(identifier, None)
        if pending is not None:
            self._report(pending.callback, outcome)

    def _report(self, callback: Callback, outcome: Outcome) -> None:
        try:
            callback(outcome)
        except Exception:
            logger.exception("an answer could not be used")

    def _compact(self) -> None:
        # Rare enough that a request pays a constant share of it: the heap doubles between two of these.
        self._deadlines = [entry for entry in self._deadlines if entry[1] in self._pending]
        heapq.heapify(self._deadlines)

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            if self._timer_due <= deadline:
                return
            self._timer.cancel()
        self._timer_due = deadline
        self._timer = self._clock.call_later(max(0.0, deadline - self._clock.monotonic()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        due = []
        while self._deadlines and (
            self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._pending
        ):
            due.append(heapq.heappop(self._deadlines)[1])
        if self._deadlines:
            self._arm(self._deadlines[0][0])
        for identifier in due:
            pending = self._pending.get(identifier)
            if pending is not None:
                self._settle(identifier, _no_answer(pending.peer))


def _no_answer(peer: Jid) -> Refused:
    return Refused(
        Condition.REMOTE_SERVER_TIMEOUT, f"{peer.domain} did not answer in time. Please try again later."
    )


def _speaks_for(sender: Jid, peer: Jid) -> bool:
    """Whether an answer of ``sender`` counts for ``peer``: itself, its account, or its server. Servers
    normalise case on the way (RFC 7622 §3.2, §3.3), resources keep theirs."""
    if sender.full == peer.full:
        return True
    if sender.resource and sender.resource != peer.resource:
        return False
    asked = peer.bare.casefold()
    bare = sender.bare.casefold()
    return bare == asked or (not sender.resource and bare == peer.domain.casefold())
