"""One SMPP session of ours (an ESME's), without input and output: octets and the time go in, events and octets come out.

::

    session = Session(Bind(...), Mode.TRANSCEIVER, Timing(), now)
    transport.write(session.take())            # the bind
    for event in session.receive(data, now):   # then session.take() again
    ...                                        # at session.deadline: session.passed(now)

What the peer may do is in ``_REQUESTS`` and ``_RESPONSES``; what is in neither is answered as SMPP 3.4 §4.3 wants it. Links
are kept alive here: the peer's enquire_link is answered as it comes. Knows no texts, receipts, or routes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from bridges.sms.smpp import tlv
from bridges.sms.smpp.commands import FIRST_SEQUENCE, LAST_SEQUENCE, RESPONSE, Command
from bridges.sms.smpp.events import Answered, BindRefused, Bound, Brought, Ended, Event, Odd, Unanswered
from bridges.sms.smpp.pdu import (
    Alert,
    Bare,
    Bind,
    BindReply,
    Body,
    Framer,
    Malformed,
    Message,
    Outbind,
    Pdu,
    Reply,
    Unframed,
    decode,
    encode,
)
from bridges.sms.smpp.tlv import Tag

_OK, _RINVCMDLEN, _RINVCMDID, _RINVBNDSTS = 0x00, 0x02, 0x03, 0x04
#: Answers to deliver_sm and data_sm (§5.1.3): try again later, and never again.
NOT_NOW: Final = 0x64
NEVER: Final = 0x66

_BARE: Final = Bare()
_NO_ID: Final = Reply()


class Mode(StrEnum):
    TRANSMITTER = "tx"
    RECEIVER = "rx"
    TRANSCEIVER = "trx"


_BINDS: Final[Mapping[Mode, Command]] = MappingProxyType(
    {
        Mode.TRANSMITTER: Command.BIND_TRANSMITTER,
        Mode.RECEIVER: Command.BIND_RECEIVER,
        Mode.TRANSCEIVER: Command.BIND_TRANSCEIVER,
    }
)


class State(Enum):
    BINDING = "binding"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``response`` is for an answer to a message; ``silence``: after so much of it the peer is asked whether it is
    there, and then has ``enquire`` to say anything at all."""

    bind: float = 15.0
    response: float = 30.0
    silence: float = 30.0
    enquire: float = 15.0
    unbind: float = 3.0


class Session:
    """Times are those of a clock that never goes back."""

    def __init__(self, bind: Bind, mode: Mode, timing: Timing, now: float) -> None:
        self._mode = mode
        self._timing = timing
        self._framer = Framer()
        self._outgoing: list[bytes] = []
        self._sequence = FIRST_SEQUENCE - 1
        self._unanswered: dict[
            int, tuple[object, float]
        ] = {}  # by sequence, oldest first: token and deadline
        self._overdue: dict[int, object] = {}  # the last of those whose deadline has passed
        self._heard = now
        self._asked: float | None = None  # when we asked whether the peer is there
        self._until = now + timing.bind  # of the bind, or the unbind
        self._bind_sequence = self._request(_BINDS[mode], bind)
        self.state = State.BINDING

    # -- what is asked of it -------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """Messages of ours without an answer."""
        return len(self._unanswered)

    @property
    def transmits(self) -> bool:
        """Whether messages can be submitted now."""
        return self.state is State.BOUND and self._mode is not Mode.RECEIVER

    @property
    def deadline(self) -> float:
        """When ``passed`` is due at the latest; infinite for a session that is over."""
        if self.state is State.CLOSED:
            return float("inf")
        if self.state is not State.BOUND:
            return self._until
        alive = (
            self._heard + self._timing.silence if self._asked is None else self._asked + self._timing.enquire
        )
        if not self._unanswered:
            return alive
        _, due = next(iter(self._unanswered.values()))
        return min(alive, due)

    def take(self) -> bytes:
        """The octets to write now, in order; empty if there are none."""
        if not self._outgoing:
            return b""
        octets = b"".join(self._outgoing)
        self._outgoing.clear()
        return octets

    def submit(self, message: Message, token: object, now: float) -> None:
        """Only while it ``transmits``. Raises ``Unwritable`` (then nothing is written)."""
        sequence = self._request(Command.SUBMIT_SM, message)
        self._unanswered[sequence] = (token, now + self._timing.response)

    def answer(self, brought: Brought, status: int) -> bool:
        """Once for each ``Brought``; without effect where the session has ended meanwhile, which it says."""
        if self.state is State.CLOSED:
            return False
        # §4.6.2: message_id is unused, and there all the same, in refusals too.
        self._say(brought.command | RESPONSE, status, brought.sequence, _NO_ID)
        return True

    def unbind(self, now: float) -> None:
        """Say goodbye; ``Ended`` follows."""
        if self.state is State.BOUND:
            self.state = State.UNBINDING
            self._until = now + self._timing.unbind
            self._request(Command.UNBIND, _BARE)

    def lost(self) -> list[object]:
        """The connection has ended. The tokens of the messages whose outcome nobody knows."""
        self.state = State.CLOSED
        tokens = [token for token, _ in self._unanswered.values()]
        self._unanswered.clear()
        return tokens

    # -- what happens --------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> Iterator[Event]:
        """What these octets mean. To be exhausted."""
        try:
            for frame in self._framer.feed(data):
                if self.state is State.CLOSED:
                    return
                self._heard = now
                self._asked = None
                yield from self._framed(frame)
        except Unframed as error:
            self._say(Command.GENERIC_NACK, _RINVCMDLEN, error.sequence, _BARE)
            yield self._end("broken", f"it sent what is no SMPP: {error}")

    def passed(self, now: float) -> Iterator[Event]:
        """The ``deadline`` may have passed. To be exhausted."""
        if self.state is State.CLOSED:
            return
        if self.state is not State.BOUND:
            if now >= self._until:
                binding = self.state is State.BINDING
                yield (
                    self._end("bind", "it did not answer the login in time")
                    if binding
                    else self._end("", "unbound")
                )
            return
        while self._unanswered:
            sequence, (token, due) = next(iter(self._unanswered.items()))
            if due > now:
                break
            del self._unanswered[sequence]
            self._forget(sequence, token)
            yield Unanswered(token)
        if self._asked is None:
            if now >= self._heard + self._timing.silence:
                self._asked = now
                self._request(Command.ENQUIRE_LINK, _BARE)
        elif now >= self._asked + self._timing.enquire:
            yield self._end("dead", "it has not said a word for too long")

    def _framed(self, frame: bytes) -> Iterator[Event]:
        try:
            pdu = decode(frame)
        except Malformed as error:
            yield from self._malformed(error)
            return
        command = pdu.command
        if command >= RESPONSE:
            handle = _RESPONSES.get(command)
            if handle is None:
                yield Odd(f"a response that nothing of ours asks for, 0x{command:08x}")
            else:
                yield from handle(self, pdu)
            return
        request = _REQUESTS.get(command)
        if request is not None:
            yield from request(self, pdu)
        elif command in _NOT_OURS:
            self._say(command | RESPONSE, _RINVBNDSTS, pdu.sequence, _BARE)
            yield Odd(f"a request that is for a message centre, 0x{command:08x}")
        else:
            # §4.3: of an unknown command nobody knows the response.
            self._say(Command.GENERIC_NACK, _RINVCMDID, pdu.sequence, _BARE)
            yield Odd(f"an unknown request, 0x{command:08x}")

    # -- requests of the peer ------------------------------------------------------------------------------------------

    def _enquired(self, pdu: Pdu) -> Iterator[Event]:
        self._say(Command.ENQUIRE_LINK_RESP, _OK, pdu.sequence, _BARE)
        return iter(())

    def _brings(self, pdu: Pdu) -> Iterator[Event]:
        if not isinstance(pdu.body, Message):
            return
        if self.state is not State.BOUND:
            # Between two states: it shall keep the message, not lose it.
            self._say(pdu.command | RESPONSE, NOT_NOW, pdu.sequence, _NO_ID)
            return
        yield Brought(pdu.command, pdu.sequence, pdu.body)

    def _unbinds(self, pdu: Pdu) -> Iterator[Event]:
        self._say(Command.UNBIND_RESP, _OK, pdu.sequence, _BARE)
        yield self._end("unbound", "it has ended the session")

    def _alerts(self, pdu: Pdu) -> Iterator[Event]:
        # §4.12: has no response, and says nothing that we need.
        if not isinstance(pdu.body, Alert):
            yield Odd("an alert_notification that cannot be read")

    def _outbinds(self, pdu: Pdu) -> Iterator[Event]:
        # §4.1.7: an invitation to bind, for who listens; we bind by ourselves.
        yield Odd("an outbind" if isinstance(pdu.body, Outbind) else "an outbind that cannot be read")

    def _malformed(self, error: Malformed) -> Iterator[Event]:
        yield Odd(f"a PDU 0x{error.command:08x} that cannot be read: {error}")
        if error.command >= RESPONSE:
            waiting = self._unanswered.pop(error.sequence, None)
            if waiting is not None:
                yield Unanswered(waiting[0])
        elif error.command in _MESSAGES:
            # A generic_nack would make many peers try the same for ever.
            self._say(error.command | RESPONSE, NEVER, error.sequence, _NO_ID)
        else:
            self._say(Command.GENERIC_NACK, error.status, error.sequence, _BARE)

    # -- responses -----------------------------------------------------------------------------------------------------

    def _bind_answered(self, pdu: Pdu) -> Iterator[Event]:
        if self.state is not State.BINDING or pdu.sequence != self._bind_sequence:
            yield Odd("an answer to a login that nobody waits for")
        elif pdu.status != _OK:
            self.state = State.CLOSED
            yield BindRefused(pdu.status)
        else:
            self.state = State.BOUND
            reply = pdu.body if isinstance(pdu.body, BindReply) else BindReply()
            yield Bound(reply.system_id, tlv.number(reply.tlvs, Tag.SC_INTERFACE_VERSION) or 0)

    def _submit_answered(self, pdu: Pdu) -> Iterator[Event]:
        waiting = self._unanswered.pop(pdu.sequence, None)
        reply = pdu.body if isinstance(pdu.body, Reply) else _NO_ID
        congestion = tlv.number(reply.tlvs, Tag.CONGESTION_STATE) if reply.tlvs else None
        if waiting is not None:
            yield Answered(waiting[0], pdu.status, reply.message_id, congestion)
        elif pdu.sequence in self._overdue:
            token = self._overdue.pop(pdu.sequence)
            yield Answered(token, pdu.status, reply.message_id, congestion, late=True)
        else:
            yield Odd("an answer to a message that nobody waits for")

    def _nacked(self, pdu: Pdu) -> Iterator[Event]:
        # Never answered, whatever it is about (§4.3).
        if pdu.sequence in self._unanswered:
            token, _ = self._unanswered.pop(pdu.sequence)
            yield Answered(token, pdu.status, "", nacked=True)
        elif self.state is State.BINDING and pdu.sequence in (0, self._bind_sequence):
            self.state = State.CLOSED
            yield BindRefused(pdu.status)
        else:
            yield Odd(f"a generic_nack with status 0x{pdu.status:08x} for nothing that waits")

    def _enquire_answered(self, pdu: Pdu) -> Iterator[Event]:
        return iter(())  # whatever came has proven that the peer is there

    def _unbind_answered(self, pdu: Pdu) -> Iterator[Event]:
        if self.state is State.UNBINDING:
            yield self._end("", "unbound")

    # -- writing -------------------------------------------------------------------------------------------------------

    def _request(self, command: Command, body: Body) -> int:
        sequence = self._sequence
        while True:
            sequence = sequence + 1 if sequence < LAST_SEQUENCE else FIRST_SEQUENCE
            if sequence not in self._unanswered:
                break
        self._outgoing.append(encode(Pdu(command, _OK, sequence, body)))
        self._sequence = sequence
        return sequence

    def _say(self, command: int, status: int, sequence: int, body: Body) -> None:
        self._outgoing.append(encode(Pdu(command, status, sequence, body)))

    def _end(self, kind: str, text: str) -> Ended:
        self.state = State.CLOSED
        return Ended(text, kind)

    def _forget(self, sequence: int, token: object) -> None:
        self._overdue[sequence] = token
        if len(self._overdue) > _OVERDUE_KEPT:
            del self._overdue[next(iter(self._overdue))]


_OVERDUE_KEPT: Final = 1000

_Handler = Callable[[Session, Pdu], Iterator[Event]]

_MESSAGES: Final = frozenset({Command.DELIVER_SM, Command.DATA_SM})

_REQUESTS: Final[Mapping[int, _Handler]] = MappingProxyType(
    {
        Command.ENQUIRE_LINK: Session._enquired,
        Command.DELIVER_SM: Session._brings,
        Command.DATA_SM: Session._brings,
        Command.UNBIND: Session._unbinds,
        Command.ALERT_NOTIFICATION: Session._alerts,
        Command.OUTBIND: Session._outbinds,
    }
)

#: Requests that have a response, and that only message centres are asked (§2.3).
_NOT_OURS: Final = frozenset(
    {
        Command.BIND_RECEIVER,
        Command.BIND_TRANSMITTER,
        Command.BIND_TRANSCEIVER,
        Command.SUBMIT_SM,
        Command.SUBMIT_MULTI,
        Command.QUERY_SM,
        Command.CANCEL_SM,
        Command.REPLACE_SM,
    }
)

_RESPONSES: Final[Mapping[int, _Handler]] = MappingProxyType(
    {
        Command.SUBMIT_SM_RESP: Session._submit_answered,
        Command.DATA_SM_RESP: Session._submit_answered,
        Command.ENQUIRE_LINK_RESP: Session._enquire_answered,
        Command.BIND_RECEIVER_RESP: Session._bind_answered,
        Command.BIND_TRANSMITTER_RESP: Session._bind_answered,
        Command.BIND_TRANSCEIVER_RESP: Session._bind_answered,
        Command.UNBIND_RESP: Session._unbind_answered,
        Command.GENERIC_NACK: Session._nacked,
    }
)
