"""What the user does other than talk: another nick, a topic, a kick, and lines of his own to the server."""

from collections.abc import Sequence

from bridges.irc.addresses import check_nick
from bridges.irc.common import Common
from bridges.irc.console import Console
from bridges.irc.protocol.isupport import UNLIMITED
from bridges.irc.protocol.line import Injection, Malformed, parse, serialise
from bridges.irc.requests import Asked, Requests
from bridges.irc.sendqueue import full
from bridges.irc.text import one_line
from gateway.bridge import BadAddress, Ticket
from gateway.model import Condition, Refused

MAX_RAW_LINES = 20  # in one message to the server
_MAX_TOPIC = 390  # bytes, where the server tells no limit of its own: what fits beside the longest names
_MAX_REASON = 300


class Commands:
    """The acting half of one session."""

    __slots__ = ("_common", "_console", "_requests", "quitting")

    def __init__(self, common: Common, requests: Requests, console: Console) -> None:
        self._common = common
        self._requests = requests
        self._console = console
        self.quitting = False  # the user has sent a QUIT himself

    def rename(self, nick: str, ticket: Ticket) -> None:
        if nick == self._common.standing.nick:
            ticket.done()
            return
        try:
            line = serialise("NICK", check_nick(nick))
        except (BadAddress, Injection) as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        self._requests.ask(Asked.NICK, "", line, ticket)

    def set_topic(self, room: str, text: str, ticket: Ticket) -> None:
        channel = self._common.channels.get(room)
        if channel is None:
            ticket.refused(self._not_in(room))
            return
        limit = min(self._common.standing.support.topiclen, _MAX_TOPIC, _room_beside("TOPIC", channel.name))
        why = _unfit(text)
        text = one_line(text, UNLIMITED)
        size = len(text.encode("utf-8", "replace"))
        if why is None and size > limit:
            # Cut, it would say something else, in everybody's name.
            words = f"A topic of {channel.name} has room for {limit} bytes; this one has {size}. Shorten it."
            why = Refused(Condition.NOT_ACCEPTABLE, words)
        if why is not None:
            ticket.refused(why)
            return
        self._requests.ask(Asked.TOPIC, channel.key, serialise("TOPIC", channel.name, text), ticket)

    def kick(self, room: str, nick: str, reason: str, ticket: Ticket) -> None:
        channel = self._common.channels.get(room)
        if channel is None:
            ticket.refused(self._not_in(room))
            return
        why = _unfit(reason)
        if why is not None:
            ticket.refused(why)
            return
        try:
            line = kick_line(self._common, channel.name, nick, reason)
        except (BadAddress, Injection) as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        about = self._common.standing.casemapping.fold(nick)
        self._requests.ask(Asked.KICK, channel.key, line, ticket, about)

    def instruct(self, text: str, ticket: Ticket) -> None:
        """Raw lines. The network's answers are shown as messages of its own; the ticket only says that they are sent."""
        lines = [line.strip(" ") for line in text.split("\n") if line.strip(" ")]
        why = self._objection(lines)
        if why is None and len(lines) > self._common.queue.free:
            why = full(self._common.network)
        if why is not None:
            ticket.refused(why)
            return
        self._console.ask()
        for line in lines:
            self._raw(line)
        ticket.done()

    def prelude(self, lines: Sequence[str]) -> None:
        """Send the raw lines that the user wants sent after connecting; tell of those that cannot be."""
        for line in lines:
            objection = self.valid(line)
            if objection:
                self._common.sink.service(
                    f"A command that you want sent after connecting was not sent. {objection}"
                )
            else:
                self._raw(line)

    def _raw(self, line: str) -> None:
        if parse(line).command == "QUIT":
            self.quitting = True
        self._common.queue.put(line)

    def valid(self, line: str) -> str:
        """Why ``line`` cannot be sent as it is, in a sentence; empty if it can."""
        if any(char in line for char in "\r\n\0"):
            return "A line to the server cannot hold a carriage return, a line break or a NUL."
        limit = self._common.standing.support.linelen - 2
        if len(line.encode("utf-8", "replace")) > limit:
            return f"A line to {self._common.network} has room for {limit} bytes; this one is longer."
        try:
            if not parse(line).command.isalnum() or line[0] in "@:":
                return "A line to the server starts with a command, for instance WHOIS nick."
        except Malformed:
            return "A line to the server starts with a command, for instance WHOIS nick."
        return ""

    def _objection(self, lines: list[str]) -> Refused | None:
        if not lines:
            return Refused(Condition.NOT_ACCEPTABLE, "There is no command in that message.")
        if len(lines) > MAX_RAW_LINES:
            return Refused(
                Condition.NOT_ACCEPTABLE, f"Send at most {MAX_RAW_LINES} lines to the server at once."
            )
        for line in lines:
            objection = self.valid(line)
            if objection:
                return Refused(Condition.NOT_ACCEPTABLE, objection)
        return None

    def _not_in(self, room: str) -> Refused:
        return Refused(
            Condition.NOT_ACCEPTABLE,
            f"You are not in {room} on {self._common.network} (any more). Join it again.",
        )


def _unfit(text: str) -> Refused | None:
    """Why ``text`` cannot be on a line, if it cannot. Line breaks become spaces; a carriage return nobody types."""
    if "\r" not in text and "\0" not in text:
        return None
    words = "The text holds a carriage return or a NUL, which IRC cannot carry. Remove it and send the text again."
    return Refused(Condition.NOT_ACCEPTABLE, words)


def kick_line(common: Common, channel: str, nick: str, reason: str) -> str:
    """A KICK whose reason fits. Raises ``BadAddress`` or ``Injection``."""
    check_nick(nick)
    limit = min(common.standing.support.kicklen, _MAX_REASON)
    reason = one_line(reason, min(limit, _room_beside("KICK", channel, nick)))
    return serialise("KICK", channel, nick, *([reason] if reason else []))


def _room_beside(*words: str) -> int:
    """Bytes that are left for a last parameter behind these words, in a line of RFC 1459 §2.3 (512 with its end)."""
    return max(0, 510 - len(" :") - len(" ".join(words).encode("utf-8", "replace")))
