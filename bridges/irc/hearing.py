"""What people say to us: PRIVMSG and NOTICE into messages of rooms and persons.

Hot path: for a plain line to a channel one look-up of the channel, one value, one call of the sink. Formatting codes become
spans, or nothing where the operator wants none.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from bridges.irc import secrecy
from bridges.irc.addresses import check_nick
from bridges.irc.backlog import Backlog
from bridges.irc.badges import FLAG_TAGS, flags_of
from bridges.irc.channels import Channel
from bridges.irc.common import Common, Handlers
from bridges.irc.composing import Composing
from bridges.irc.console import Console
from bridges.irc.protocol import ctcp
from bridges.irc.protocol.formatting import parse, strip
from bridges.irc.protocol.line import Line, mask_of, nick_of
from bridges.irc.questions import Questions
from bridges.irc.speaking import Speaking
from gateway.bridge import BadAddress
from gateway.model import Enrichment, Message, MessageKind, Reply, Span

_NOTHING = Enrichment()
MAX_ID = 255  # characters of a message's id: a claim of whoever answers it


class Hearing:
    """The receiving half of all conversations. ``speaking`` tells whom the user has written to, and what was only an echo.
    ``replaying`` is set while the server repeats what was said before, ``counterpart`` to the channel or person with whom it
    was said, if that is known."""

    __slots__ = (
        "_backlog",
        "_channels",
        "_common",
        "_composing",
        "_console",
        "_formatting",
        "_questions",
        "_second",
        "_sink",
        "_speaking",
        "_typists",
        "_unconfirmed",
        "_verbosity",
        "counterpart",
        "replaying",
    )

    def __init__(
        self,
        common: Common,
        console: Console,
        speaking: Speaking,
        questions: Questions,
        composing: Composing,
        backlog: Backlog,
        *,
        formatting: bool = True,
    ) -> None:
        self._common = common
        self._formatting = formatting
        self._sink = common.sink
        self._channels = common.channels
        self._console = console
        self._speaking = speaking
        self._unconfirmed = speaking.echoes.open
        self._questions = questions
        self._composing = composing
        self._typists = composing.others
        self._backlog = backlog
        self._verbosity = common.verbosity
        self.replaying = False
        self.counterpart = ""
        self._second = ("", 0.0)  # the last second that server-time told, read

    def _privmsg(self, line: Line) -> None:
        _, source, _, params = line
        text = params[1]
        if not text.isprintable():  # formatting, CTCP: everything but plain words
            self._coloured(line)
            return
        channel = self._channels.get(params[0])
        if channel is None or not channel.listed or line.tags or not text or self._unconfirmed:
            self._said(line, params[0], text, MessageKind.CHAT)
            return
        sender = nick_of(source)
        if sender:
            self._sink.room_message(channel.key, Message(sender, text))

    def _coloured(self, line: Line) -> None:
        target, text = line.params[0], line.params[1]
        question = ctcp.parse(text)
        if question is None:
            self._said(line, target, text, MessageKind.CHAT)
        elif question.command == "ACTION":
            self._said(line, target, question.argument, MessageKind.ACTION)
        elif nick_of(line.source) != self._common.standing.nick:  # our own question comes back as an echo
            self._questions.asked(line, question)

    def _said(self, line: Line, target: str, text: str, kind: MessageKind) -> None:
        sender = nick_of(line.source)
        spans: tuple[Span, ...] = ()
        if not text.isprintable():
            if self._formatting:
                text, spans = parse(text)
            else:
                text = strip(text)
        if not sender or not text:
            return
        own = sender == self._common.standing.nick
        if own and not self.replaying and self._speaking.echoed(line):
            return
        message = self._tagged(line.tags, sender, text, kind) if line.tags else Message(sender, text, kind)
        if spans:
            message = replace(message, enrichment=replace(message.enrichment or _NOTHING, spans=spans))
        if message.foreign_id and self._verbosity.debug:
            common = self._common
            self._verbosity.tell(
                "message heard",
                message.foreign_id,
                common.bridge,
                network=common.network,
                replayed=self.replaying,
            )
        channel = self._channels.get(target)
        if self._typists:
            self._composing.spoke(channel.key if channel is not None else "", sender)
        if channel is None:
            self._elsewhere(target, message, own=own)
        elif channel.live:
            if not channel.listed or not FLAG_TAGS.isdisjoint(line.tags):
                self._met(channel, line)
            self._sink.room_message(channel.key, message)
        else:
            channel.hold(message)

    def _met(self, channel: Channel, line: Line) -> None:
        """Whoever speaks is there, if we do not know for sure that they are not; and messages tell something of them."""
        nick, user, host = mask_of(line.source)
        if not user or not host:
            return  # a server
        there = len(channel.members)
        if not channel.listed and self._channels.add(channel, nick, None, f"{user}@{host}") is None:
            return
        news = self._channels.describe(nick, line.tags.get("account"), flags_of(line.tags) or None)
        known = self._channels.user(nick)
        if (
            known is not None
            and (news is not None or len(channel.members) > there)
            and self._channels.is_member(channel, nick)
        ):
            self._sink.arrived(channel.key, self._channels.occupant(channel, known))

    def _tagged(self, tags: Mapping[str, str], sender: str, text: str, kind: MessageKind) -> Message:
        id_, time = tags.get("msgid", ""), self._time(tags.get("time", ""))
        if len(tags) == 2 and id_ and time is not None and not self.replaying:  # hot: nothing but these
            return Message(sender, text, kind, id_, time)
        replied = tags.get("+reply") or tags.get("+draft/reply")
        reply = Enrichment(Reply(replied)) if replied and len(replied) <= MAX_ID else None
        return Message(sender, text, kind, id_, time, (), reply, tags.get("account", ""), self.replaying)

    def _elsewhere(self, target: str, message: Message, *, own: bool) -> None:
        """To something that is not the plain name of a channel we are in."""
        support = self._common.standing.support
        status, name = support.split_status(target)
        if status:
            channel = self._channels.get(name)
            if channel is not None and channel.live:
                self._sink.room_message(channel.key, _marked(message, status))
            elif channel is not None:
                channel.hold(_marked(message, status))
        elif support.is_channel(target):
            return
        elif message.replayed and self.counterpart and not support.is_channel(self.counterpart):
            self._repeated(message)
        elif not own or self._common.standing.is_me(target):
            self._sink.direct(message)
        elif not secrecy.to_person(target, message.text) and _is_nick(target):
            # The user wrote it elsewhere: with another client of a bouncer, or as a line to the server.
            self._sink.direct_sent(target, message)

    def _repeated(self, message: Message) -> None:
        """Of a private conversation. Either of the two may have been called otherwise then."""
        fold, since = self._common.standing.casemapping.fold, self._backlog.since
        if fold(message.sender) == fold(self.counterpart):
            self._sink.direct(message)
        elif since is not None and message.time is not None and message.time <= since:
            return  # the user's own, from here
        elif not secrecy.to_person(self.counterpart, message.text) and _is_nick(self.counterpart):
            self._sink.direct_sent(self.counterpart, message)

    def _notice(self, line: Line) -> None:
        target, text = line.params[0], line.params[1]
        sender = nick_of(line.source)
        if text.startswith("\x01") and ctcp.parse(text) is not None:
            if sender != self._common.standing.nick:
                self._questions.answer(line)
            return
        support = self._common.standing.support
        if support.is_channel(target) or support.split_status(target)[0]:
            self._said(line, target, text, MessageKind.NOTICE)
        elif not self._from_person(line.source, sender):
            self._console.announced(line)
        else:
            self._said(line, self._meant_for(text) or target, text, MessageKind.NOTICE)

    def _from_person(self, source: str, sender: str) -> bool:
        """Servers have no user@host; services of small ircds neither, but those the user has written to."""
        return "!" in source or (
            sender != "" and self._speaking.knows(self._common.standing.casemapping.fold(sender))
        )

    def _meant_for(self, text: str) -> str:
        """A private notice that starts with ``[#channel]`` belongs there (ChanServ's welcome, for instance)."""
        if text.startswith("["):
            name, bracket, _ = text[1:].partition("]")
            if bracket and " " not in name and self._channels.get(name) is not None:
                return name
        return ""

    def _time(self, stamp: str) -> float | None:
        """IRCv3 server-time: ``2026-01-02T03:04:05.678Z``. The last second is remembered: lines come in bursts."""
        if not stamp:
            return None
        second, fraction = stamp[:19], stamp[19:24]
        if second != self._second[0]:
            try:
                when = datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()
            except ValueError:
                return None
            self._second = (second, when)
        milliseconds = fraction[1:4] if fraction.endswith("Z") else ""
        if milliseconds.isascii() and milliseconds.isdecimal():
            return self._second[1] + int(milliseconds) / 1000
        return self._second[1]

    HANDLERS: ClassVar[Handlers["Hearing"]] = {"PRIVMSG": (_privmsg, 2), "NOTICE": (_notice, 2)}


def _is_nick(target: str) -> bool:
    try:
        check_nick(target)
    except BadAddress:
        return False
    return True


def _marked(message: Message, status: str) -> Message:
    """A message to those of a certain rank only (STATUSMSG): readers should know before they answer."""
    mark = f"[{status}] "
    enrichment = message.enrichment
    if enrichment is not None and enrichment.spans:
        spans = (
            replace(each, start=each.start + len(mark), end=each.end + len(mark)) for each in enrichment.spans
        )
        enrichment = replace(enrichment, spans=tuple(spans))
    return replace(message, text=mark + message.text, enrichment=enrichment)
