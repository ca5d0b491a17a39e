"""Invitations: INVITE both ways, and the knocks of people who stand before a closed channel (KNOCK, 710).

Modern ircds and the old ones agree on INVITE and 341; 710 comes in the words of Hybrid's family and of InspIRCd.
"""

from typing import ClassVar

from bridges.irc.addresses import check_nick, valid_channel
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Injection, Line, mask_of, nick_of, serialise
from bridges.irc.requests import Asked, Requests
from gateway.bridge import BadAddress, Ticket
from gateway.model import Condition, Refused

AGAIN = 60.0  # seconds in which the same person is not heard about the same channel again
MAX_HEARD = 20  # such pairs in that time, and so invitations


class Inviting:
    """The invitations of one session."""

    __slots__ = ("_common", "_console", "_heard", "_requests")

    def __init__(self, common: Common, requests: Requests, console: Console) -> None:
        self._common = common
        self._requests = requests
        self._console = console
        self._heard: dict[
            tuple[str, str, str], float
        ] = {}  # what, who and channel -> when it may be heard again

    def invite(self, room: str, nick: str, ticket: Ticket) -> None:
        """IRC has no reasons for it."""
        channel = self._common.channels.get(room)
        name = channel.name if channel is not None else room
        try:
            line = serialise("INVITE", check_nick(nick), name)
        except (BadAddress, Injection) as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        about = self._common.standing.casemapping.fold(nick)
        self._requests.ask(Asked.INVITE, self._common.standing.fold(name), line, ticket, about)

    def _invited(self, line: Line) -> None:
        """Ourselves, or, where the network tells (IRCv3 invite-notify), somebody else by somebody in the channel."""
        actor, (whom, name) = nick_of(line.source), line.params[:2]
        if not actor or not self._common.standing.support.is_channel(name) or not valid_channel(name):
            return
        if self._common.standing.is_me(whom):
            if self._new("invite", actor, name):
                self._common.sink.invited(name, actor)
            return
        channel = self._common.channels.get(name)
        if channel is not None and channel.live and self._new("invite", f"{actor} {whom}", name):
            self._common.sink.room_note(channel.key, f"{actor} invites {whom} to {channel.name}.")

    def _inviting(self, line: Line) -> None:
        """341: ``nick #channel``; RFC 1459 has them the other way round."""
        whom, name = line.params[1], line.params[2]
        if self._common.standing.support.is_channel(whom):
            whom, name = name, whom
        if self._requests.done(Asked.INVITE, self._common.standing.fold(name)):
            self._console.progress(f"{whom} has been invited to {name}")
        else:
            self._console.other(line)

    def _knocked(self, line: Line) -> None:
        """710: ``#channel nick!user@host :has asked for an invite.``"""
        channel = self._common.channels.get(line.params[1])
        nick, user, host = mask_of(line.params[2])
        if channel is None or not channel.live or not nick or not self._new("knock", nick, channel.name):
            return
        identity = f"{user}@{host}" if user and host else ""
        words = strip(line.params[3]) if len(line.params) > 3 else ""
        _, _, reason = words.partition("KNOCKing: ")
        self._common.sink.knocked(channel.key, nick, ": ".join(filter(None, (identity, reason))))

    def _new(self, what: str, who: str, name: str) -> bool:
        """Whether this was not heard just now: people can send these as often as they like."""
        now = self._common.clock.monotonic()
        standing = self._common.standing
        key = what, standing.casemapping.fold(who), standing.fold(name)
        if len(self._heard) >= MAX_HEARD:
            self._heard = {each: until for each, until in self._heard.items() if until > now}
        if self._heard.get(key, 0.0) > now or len(self._heard) >= MAX_HEARD:
            return False
        self._heard[key] = now + AGAIN
        return True

    HANDLERS: ClassVar[Handlers["Inviting"]] = {
        "INVITE": (_invited, 2),
        "341": (_inviting, 3),
        "710": (_knocked, 3),
    }
