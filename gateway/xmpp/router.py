"""Where an inbound stanza goes: one table by (kind, payload namespace, type), and one answer for every
request.

Holds what is under way for requests, within bounds. Does not know what any payload means, nor what an
address names.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, Literal, overload
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Cancellable, Clock
from gateway.model import Condition, ErrorType, Refused
from gateway.texts import Languages
from gateway.xmpp.errors import RefusedError, error_stanza
from gateway.xmpp.stanza import Jid, Stanza, namespace_of
from gateway.xmpp.text import attribute

logger = structlog.stdlib.get_logger(__name__)

#: Handles a message, a presence, or an iq result or error. ``RefusedError`` becomes an error stanza where
#: one may be sent.
StanzaHandler = Callable[[Stanza], None]

#: Children of a message or presence that are looked at for a namespace with a handler.
_CHILDREN_LIMIT = 32

_NOT_ONE_PAYLOAD = Refused(
    Condition.BAD_REQUEST, "This request does not have exactly one child element, as RFC 6120 §8.2.3 wants."
)
_NO_ID = Refused(
    Condition.BAD_REQUEST, "This request has no id, so that no answer could be told from another."
)
_BAD_TYPE = Refused(Condition.BAD_REQUEST, "The type of an iq is get, set, result or error.")
_UNKNOWN = Refused(Condition.SERVICE_UNAVAILABLE, "This address does not offer what was asked for.")
_OVERLOADED = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "Too many requests are being worked on. Please wait for their answers and try again.",
)
_BARRED = Refused(
    Condition.FORBIDDEN, "The operator of this gateway has shut you out. Ask there what to do about it."
)
_BROKEN = Refused(
    Condition.INTERNAL_SERVER_ERROR, "The gateway failed at this. Its operator finds the reason in the log."
)
_LATE = Refused(Condition.REMOTE_SERVER_TIMEOUT, "What was asked for took too long. Please try again later.")
_STOPPING = Refused(
    Condition.SERVICE_UNAVAILABLE,
    "The gateway is shutting down. Please try again when it is back.",
    ErrorType.WAIT,
)


class AlreadyAnsweredError(RuntimeError):
    """A handler answered one request twice: a bug of ours."""


class Reply:
    """The one answer to an iq request. Either call may come from the handler or later, from whoever it was
    handed to."""

    __slots__ = ("_answered", "_languages", "_release", "_send", "expired", "stanza")

    def __init__(
        self,
        stanza: Stanza,
        send: Callable[[str], bool],
        release: Callable[["Reply"], None],
        languages: Languages | None = None,
    ) -> None:
        self.stanza = stanza
        self.expired = False  # the router answered in place of a handler that took too long
        self._answered = False
        self._send = send
        self._release = release
        self._languages = languages

    @property
    def answered(self) -> bool:
        return self._answered

    def result(self, payload: str = "") -> None:
        """Answer with a result; ``payload`` is ready XML. Raises ``AlreadyAnsweredError`` the second time."""
        stanza = self.stanza
        head = (
            f"<iq type='result' id='{attribute(stanza.id)}' from='{attribute(stanza.to.full)}' "
            f"to='{attribute(stanza.sender.full)}'"
        )
        self._answer(f"{head}>{payload}</iq>" if payload else f"{head}/>")

    def error(
        self, refused: Refused, *, redirect: str | None = None, detail: str = "", payload: str = ""
    ) -> None:
        """Answer with an error; the arguments are those of ``error_stanza``, ``payload`` its ``extra``."""
        self._answer(
            error_stanza(
                self.stanza,
                refused,
                redirect=redirect,
                detail=detail,
                extra=payload,
                languages=self._languages,
            )
        )

    def _answer(self, text: str | None) -> None:
        if self.expired:
            logger.debug("an answer came after its deadline", sender=self.stanza.sender.full)
            return
        if self._answered:
            raise AlreadyAnsweredError(f"request {self.stanza.id!r} was answered twice")
        self._answered = True
        if text is not None:
            self._send(text)
        self._release(self)


#: Handles an iq request: it answers, keeps the reply for later, or returns an awaitable that will have
#: answered when done.
RequestHandler = Callable[[Stanza, Reply], Awaitable[None] | None]

_Key = tuple[str, str, str]


class Router:
    """Dispatches stanzas to handlers and sees to it that every request is answered exactly once.

    ``send`` takes a ready stanza. At most ``per_sender`` requests of one bare JID and ``total`` of all are
    under way at a time; one that is not done after ``deadline`` seconds is answered with
    ``remote-server-timeout`` and its task cancelled. Of senders that are ``barred`` nothing is handled,
    and nothing that ``admit`` does not let in; that has been dealt with. ``refused`` hears of every error that
    is no answer to a request.
    """

    def __init__(
        self,
        send: Callable[[str], bool],
        clock: Clock,
        *,
        per_sender: int = 50,
        total: int = 1_000,
        deadline: float = 30.0,
        barred: Callable[[Jid], bool] | None = None,
        admit: Callable[[Stanza], bool] | None = None,
        languages: Languages | None = None,
        refused: Callable[[Stanza, Refused], None] | None = None,
    ) -> None:
        self._send = send
        self._refused = refused
        self._languages = languages
        self._barred = barred
        self._admit = admit
        self._clock = clock
        self._per_sender = per_sender
        self._total = total
        self._deadline = deadline
        self._handlers: dict[_Key, Callable[..., Any]] = {}
        self._by_child: set[str] = set()  # kinds of which a child can decide; hot: none does for messages
        self._open: dict[Reply, float] = {}  # to its deadline; in order, since all wait equally long
        self._tasks: dict[Reply, asyncio.Future[None]] = {}
        self._load: dict[str, int] = {}
        self._timer: Cancellable | None = None

    @overload
    def on(
        self, kind: Literal["message", "presence"], namespace: str, type: str, handler: StanzaHandler
    ) -> None: ...
    @overload
    def on(
        self, kind: Literal["iq"], namespace: str, type: Literal["get", "set", "*"], handler: RequestHandler
    ) -> None: ...
    @overload
    def on(
        self,
        kind: Literal["iq"],
        namespace: Literal[""],
        type: Literal["result", "error"],
        handler: StanzaHandler,
    ) -> None: ...
    def on(self, kind: str, namespace: str, type: str, handler: Callable[..., Any]) -> None:
        """Register ``handler``. Looked up in this order: (kind, namespace of a child, type), (kind, "",
        type), (kind, "*", "*"). Of a message's or presence's children the first whose namespace has a
        handler decides; a request has one child. Raises ``ValueError`` if the place is taken."""
        key = (kind, namespace, type)
        if key in self._handlers:
            raise ValueError(f"there is a handler for {key} already")
        self._handlers[key] = handler
        if namespace not in {"", "*"}:
            self._by_child.add(kind)

    def dispatch(self, element: Element) -> None:
        """Handle one stanza. Never raises; what is no stanza, or lacks an address, is dropped."""
        try:
            stanza = Stanza(element)
            if not stanza.sender.full or not stanza.to.full:
                # Whoever reads it could neither judge nor answer it; a server stamps both (RFC 6120 §8.1.2).
                logger.debug("dropped a stanza without an address", kind=stanza.kind)
            elif self._barred is not None and self._barred(stanza.sender):
                self._refuse(stanza, RefusedError(_BARRED))
            elif self._admit is not None and not self._admit(stanza):
                return
            elif stanza.kind == "iq":
                self._dispatch_iq(stanza)
            else:
                self._dispatch_other(stanza)
        except Exception:
            logger.exception("a stanza could not be dispatched")

    async def close(self) -> None:
        """Answer what is under way with ``service-unavailable``, and end its tasks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tasks = list(self._tasks.values())
        for reply in list(self._open):
            self._give_up(reply, _STOPPING)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _dispatch_other(self, stanza: Stanza) -> None:
        kind, type_ = stanza.kind, stanza.type
        handlers = self._handlers
        handler = None
        if kind in self._by_child and not stanza.bare:
            for child in islice(stanza.element, _CHILDREN_LIMIT):
                handler = handlers.get((kind, namespace_of(child), type_))
                if handler is not None:
                    break
        if handler is None:
            handler = handlers.get((kind, "", type_)) or handlers.get((kind, "*", "*"))
        if handler is None:
            # RFC 6121 §8.5.2: presence that nobody wants is dropped, and so are headlines
            if kind == "message" and type_ != "headline":
                self._refuse(stanza, RefusedError(_UNKNOWN))
            return
        try:
            handler(stanza)
        except RefusedError as refusal:
            self._refuse(stanza, refusal)
        except Exception:
            logger.exception("a handler failed", **_traits(stanza))
            self._refuse(stanza, RefusedError(_BROKEN))

    def _dispatch_iq(self, stanza: Stanza) -> None:
        type_ = stanza.type
        if type_ in {"get", "set"}:
            self._dispatch_request(stanza)
        elif type_ in {"result", "error"}:
            handler = self._handlers.get(("iq", "", type_))
            if handler is not None:
                handler(stanza)
        else:
            self._refuse(stanza, RefusedError(_BAD_TYPE))

    def _dispatch_request(self, stanza: Stanza) -> None:
        payload = stanza.payload
        reply = Reply(stanza, self._send, self._answered, self._languages)
        if payload is None or len(stanza.element) != 1:
            reply.error(_NOT_ONE_PAYLOAD)
        elif not stanza.id:
            reply.error(_NO_ID)
        elif (handler := self._request_handler(namespace_of(payload), stanza.type)) is None:
            reply.error(_UNKNOWN)
        elif len(self._open) >= self._total or self._load.get(stanza.sender.bare, 0) >= self._per_sender:
            reply.error(_OVERLOADED)
        else:
            self._work(handler, reply)

    def _request_handler(self, namespace: str, type: str) -> RequestHandler | None:
        handlers = self._handlers
        return (
            handlers.get(("iq", namespace, type))
            or handlers.get(("iq", "", type))
            or handlers.get(("iq", "*", "*"))
        )

    def _work(self, handler: RequestHandler, reply: Reply) -> None:
        try:
            work = handler(reply.stanza, reply)
        except RefusedError as refusal:
            self._decline(reply, refusal)
            return
        except Exception:
            logger.exception("a handler failed", **_traits(reply.stanza))
            if not reply.answered:
                reply.error(_BROKEN)
            return
        if work is not None:
            self._hold(reply)
            task = asyncio.ensure_future(work)
            self._tasks[reply] = task
            task.add_done_callback(lambda done: self._settled(reply, done))
        elif not reply.answered:
            self._hold(reply)

    def _refuse(self, stanza: Stanza, refusal: RefusedError) -> None:
        text = error_stanza(
            stanza,
            refusal.refused,
            detail=refusal.detail,
            extra=refusal.payload,
            languages=self._languages,
        )
        if text is not None:
            if self._refused is not None:
                self._refused(stanza, refusal.refused)
            self._send(text)

    def _decline(self, reply: Reply, refusal: RefusedError) -> None:
        if not reply.answered:
            reply.error(refusal.refused, detail=refusal.detail, payload=refusal.payload)
        elif not reply.expired:
            logger.error(
                "a request was refused after its answer",
                condition=refusal.refused.condition.value,
                **_traits(reply.stanza),
            )

    def _settled(self, reply: Reply, task: asyncio.Future[None]) -> None:
        self._tasks.pop(reply, None)
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, RefusedError):
            self._decline(reply, failure)
        elif failure is not None:
            logger.error("a handler failed", exc_info=failure, **_traits(reply.stanza))
        if not reply.answered:
            if failure is None:
                logger.error("a handler ended without an answer", **_traits(reply.stanza))
            reply.error(_BROKEN)
        self._answered(reply)

    # Requests under way: those with a running task, and those whose answer comes later

    def _hold(self, reply: Reply) -> None:
        self._open[reply] = self._clock.monotonic() + self._deadline
        bare = reply.stanza.sender.bare
        self._load[bare] = self._load.get(bare, 0) + 1
        if self._timer is None:
            self._timer = self._clock.call_later(self._deadline, self._expire)

    def _answered(self, reply: Reply) -> None:
        if reply in self._tasks or self._open.pop(reply, None) is None:
            return
        bare = reply.stanza.sender.bare
        left = self._load[bare] - 1
        if left:
            self._load[bare] = left
        else:
            del self._load[bare]

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        for reply, deadline in list(self._open.items()):
            if deadline > now:
                self._timer = self._clock.call_later(deadline - now, self._expire)
                return
            logger.warning("a request took too long", **_traits(reply.stanza))
            self._give_up(reply, _LATE)

    def _give_up(self, reply: Reply, refused: Refused) -> None:
        if not reply.answered:
            reply.error(refused)
        reply.expired = True
        task = self._tasks.get(reply)
        if task is not None:
            task.cancel()


def _traits(stanza: Stanza) -> dict[str, str]:
    """What the log may say of a stanza: nothing of its content, and not its addressee, who may be a phone
    number."""
    payload = stanza.payload
    return {
        "kind": stanza.kind,
        "type": stanza.type,
        "payload": payload.tag[:200] if payload is not None else "",
        "sender": stanza.sender.full,
    }
