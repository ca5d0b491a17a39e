"""What the user says: text into PRIVMSG and NOTICE lines that fit, and what became of them.

A ticket is done when the last of its lines was handed to the connection. An error that arrives earlier refuses it and
takes back the lines that still wait; one that arrives later becomes a note in the room, or, about a person, a message
of the network: the ticket is closed by then, and what the user reads must not seem to come from the person he wrote to.
"""

from bridges.irc.addresses import check_nick
from bridges.irc.common import Common
from bridges.irc.numerics import REFUSES_MESSAGE
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.split import pieces, room_for
from bridges.irc.sendqueue import full
from gateway.bridge import BadAddress, Ticket
from gateway.model import Condition, MessageKind, Refused

_MAX_CORRESPONDENTS = 1000
_ACTION = ("\x01ACTION ", "\x01")
_PLAIN = ("", "")

_BROKEN = Refused(
    Condition.NOT_ACCEPTABLE,
    "The text holds a carriage return or a NUL, which IRC cannot carry. Remove it and send the text again.",
)
_EMPTY = Refused(Condition.NOT_ACCEPTABLE, "There is nothing to send in that message.")


class Utterance:
    """The lines of one message, when they cannot all go at once. A ``sendqueue.Parcel``."""

    __slots__ = ("left", "of", "started", "target", "ticket", "withdrawn")

    def __init__(self, of: "Speaking", target: str, lines: int, ticket: Ticket) -> None:
        self.of = of
        self.target = target
        self.left = lines
        self.started = False
        self.ticket = ticket
        self.withdrawn = False

    def written(self) -> None:
        self.started = True
        self.left -= 1
        if not self.left:
            self.of.finish(self)
            self.ticket.done()

    def lost(self, why: Refused) -> None:
        self.fail(why)

    def fail(self, why: Refused) -> None:
        if not self.withdrawn:
            self.withdrawn = True
            self.of.finish(self)
            self.ticket.refused(why)


class Speaking:
    """The sending half of all conversations."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._unfinished: dict[str, list[Utterance]] = {}  # folded target -> oldest first
        self._correspondents: dict[str, None] = {}  # folded nicks, the latest last

    def knows(self, folded: str) -> bool:
        """Whether the user has written to that nick."""
        return folded in self._correspondents

    def say(self, room: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        channel = self._common.channels.get(room)
        if channel is None:
            ticket.refused(
                Refused(
                    Condition.NOT_ACCEPTABLE,
                    f"You are not in {room} on {self._common.network} (any more). Join it again.",
                )
            )
            return
        self._send(channel.name, channel.key, text, kind, ticket)

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        try:
            check_nick(contact)
        except BadAddress as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        key = self._common.standing.casemapping.fold(contact)
        self._correspondents.pop(key, None)
        self._correspondents[key] = None
        if len(self._correspondents) > _MAX_CORRESPONDENTS:
            del self._correspondents[next(iter(self._correspondents))]
        self._send(contact, key, text, kind, ticket)

    def refuse(self, line: Line, why: Refused) -> bool:
        """An error numeric: whether it is about a message that is being sent."""
        if line.command not in REFUSES_MESSAGE or len(line.params) < 2:
            return False
        key = self._common.standing.casemapping.fold(line.params[1])
        for utterance in self._unfinished.get(key, ()):
            if utterance.started:
                utterance.fail(why)
                return True
        return False

    def finish(self, utterance: Utterance) -> None:
        """It needs no watching any more."""
        watched = self._unfinished.get(utterance.target)
        if watched is not None and utterance in watched:
            watched.remove(utterance)
            if not watched:
                del self._unfinished[utterance.target]

    def _send(self, target: str, key: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        if "\r" in text or "\0" in text:
            ticket.refused(_BROKEN)
            return
        standing, queue = self._common.standing, self._common.queue
        command = "NOTICE" if kind is MessageKind.NOTICE else "PRIVMSG"
        before, after = _ACTION if kind is MessageKind.ACTION else _PLAIN
        limit = room_for(standing.mask, target, standing.support.linelen, command) - len(before) - len(after)
        # Most messages are one short line: nothing to part, nothing to watch.
        if text and "\n" not in text and (len(text) * 4 <= limit or (len(text) <= limit and text.isascii())):
            if queue.now(f"{command} {target} :{before}{text}{after}"):
                ticket.done()
                return
            parts = [text]
        else:
            parts = pieces(text, limit_bytes=max(limit, 16))
        if not parts:
            ticket.refused(_EMPTY)
        elif len(parts) > queue.free:
            ticket.refused(full(self._common.network))
        else:
            utterance = Utterance(self, key, len(parts), ticket)
            self._unfinished.setdefault(key, []).append(utterance)
            for part in parts:
                queue.put(serialise(command, target, f"{before}{part}{after}"), utterance)
