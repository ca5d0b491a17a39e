"""What moderators do to people: voices and ranks, kicks, bans; in whatever modes the network has for it.

Everything is looked at before anything is sent: one wish that cannot be, and nothing is done. What the network then
refuses is told to whoever asked, in its own words; the rest of the wishes are done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridges.irc.channels import Channel
from bridges.irc.commands import kick_line
from bridges.irc.common import Common
from bridges.irc.inquiries import Inquiries
from bridges.irc.mode_changes import Tally, change_modes
from bridges.irc.numerics import REFUSES_KICK, refused
from bridges.irc.protocol.line import Injection, Line, nick_of, serialise
from bridges.irc.protocol.masks import BadMask, Somebody, mask_for, read_mask
from bridges.irc.protocol.modes import ModeChange, ModeKind
from bridges.irc.ranks import CannotBe, to_affiliation, to_role
from bridges.irc.users import User
from gateway.bridge import BadAddress, Ticket
from gateway.model import Affiliation, Condition, Refused, Role, StandingChange

_USERHOST = 5  # nicks in one line (RFC 2812 §4.8)


class _Cannot(Exception):
    def __init__(self, why: Refused) -> None:
        super().__init__(why.text)
        self.why = why


@dataclass(slots=True)
class _Plan:
    """What is to be sent. Those in ``bans`` have no mask yet; they are sent away once it is set (``outcasts``)."""

    channel: Channel
    given: list[ModeChange] = field(default_factory=list)
    taken: list[ModeChange] = field(default_factory=list)
    bans: list[User] = field(default_factory=list)
    kicks: list[tuple[str, str]] = field(default_factory=list)  # nick and reason
    outcasts: list[tuple[str, str]] = field(default_factory=list)


class _Whereabouts:
    """``inquiries.Inquiry``: USERHOST, for networks that do not show everybody's address when we come in."""

    words = "the question where somebody comes from"

    def __init__(self, common: Common, nicks: Sequence[str], ended: Callable[[dict[str, str]], None]) -> None:
        self._fold = common.standing.casemapping.fold
        self._wanted = {self._fold(nick) for nick in nicks}
        self._found: dict[str, str] = {}
        self._ended = ended
        self.complete = False

    def hears(self, line: Line) -> bool:
        if line.command != "302":
            return False
        for word in line.params[-1].split():  # nick[*]=(+|-)user@host
            nick, equals, address = word.partition("=")
            folded = self._fold(nick.rstrip("*"))
            if equals and folded in self._wanted:
                self._found[folded] = address[1:]
        return True

    def refuses(self, line: Line) -> bool:
        return False

    def over(self, why: Refused | None) -> None:
        self._ended(self._found)


class _Kick:
    """``inquiries.Inquiry``: a KICK, in one line with the changes of modes around it, so that each has its own answer."""

    words = "the kick"

    def __init__(self, common: Common, channel: Channel, nick: str, ticket: Ticket) -> None:
        self._common = common
        self._channel = channel
        self._nick = common.standing.casemapping.fold(nick)
        self._ticket = ticket
        self._why: Refused | None = None
        self.complete = False

    def hears(self, line: Line) -> bool:
        if line.command != "KICK" or not self._common.standing.is_me(nick_of(line.source)):
            return False
        self.complete = self._about(line.params[:1]) and self._about(line.params[1:2])
        return self.complete

    def refuses(self, line: Line) -> bool:
        if line.command not in REFUSES_KICK or not self._about(line.params[1:3]):
            return False
        self._why = refused(line.command, line.params, self._common.network)
        self.complete = True
        return True

    def over(self, why: Refused | None) -> None:
        why = why or self._why
        if why is not None:
            self._ticket.refused(why)
        else:
            self._ticket.done()  # or gone already, by another hand

    def _about(self, words: Sequence[str]) -> bool:
        fold = self._common.standing.casemapping.fold
        return any(fold(word) in (self._channel.key, self._nick) for word in words)


class Moderation:
    """The moderating half of one session."""

    __slots__ = ("_common", "_inquiries")

    def __init__(self, common: Common, inquiries: Inquiries) -> None:
        self._common = common
        self._inquiries = inquiries

    def govern(self, channel: Channel, changes: Sequence[StandingChange], ticket: Ticket) -> None:
        plan = _Plan(channel)
        try:
            for change in changes:
                self._add(plan, change)
        except _Cannot as cannot:
            ticket.refused(cannot.why)
            return
        unknown = [user.nick for user in plan.bans if not user.identity][:_USERHOST]
        if unknown:
            line = serialise("USERHOST", *unknown)
            self._inquiries.ask(
                [line],
                _Whereabouts(self._common, unknown, lambda found: self._carry_out(plan, found, ticket)),
            )
        else:
            self._carry_out(plan, {}, ticket)

    # -- what is wished -----------------------------------------------------------------------------------------

    def _add(self, plan: _Plan, change: StandingChange) -> None:
        user = self._occupant(plan.channel, change.nick) if change.nick else None
        if user is None:
            self._add_mask(plan, change)
        elif change.role is Role.NONE:
            plan.kicks.append((user.nick, change.reason))
        elif change.affiliation is Affiliation.OUTCAST:
            if self._common.standing.is_me(user.nick):
                raise _Cannot(Refused(Condition.NOT_ALLOWED, "You cannot ban yourself."))
            plan.bans.append(user)
            plan.outcasts.append((user.nick, change.reason))
        else:
            self._add_rank(plan, user, change)

    def _add_rank(self, plan: _Plan, user: User, change: StandingChange) -> None:
        support, channel = self._common.standing.support, plan.channel
        held = channel.ranked.get(self._common.standing.casemapping.fold(user.nick), "")
        try:
            if change.affiliation is not None:
                give, take = to_affiliation(change.affiliation, held, support)
            elif change.role is not None:
                give, take = to_role(change.role, held, support, moderated="m" in channel.modes)
            else:
                return
        except CannotBe as error:
            text = f"{self._common.network}: {user.nick} in {channel.name}: {error}"
            raise _Cannot(Refused(Condition.NOT_ALLOWED, text)) from error
        plan.given += [ModeChange(True, letter, user.nick, ModeKind.PREFIX) for letter in give]
        plan.taken += [ModeChange(False, letter, user.nick, ModeKind.PREFIX) for letter in take]

    def _add_mask(self, plan: _Plan, change: StandingChange) -> None:
        """About nobody who is there: only bans can be."""
        text = change.mask or change.nick
        if change.affiliation is Affiliation.OUTCAST and not change.role:
            try:
                plan.given.append(ModeChange(True, "b", read_mask(text), ModeKind.LIST))
            except BadMask as error:
                raise _Cannot(Refused(Condition.ITEM_NOT_FOUND, str(error))) from error
        elif change.affiliation is Affiliation.NONE and any(char in text for char in "!@*:$~"):
            if any(char in text for char in " ,\0\r\n"):
                raise _Cannot(Refused(Condition.ITEM_NOT_FOUND, f'"{text[:60]}" is on no list.'))
            plan.taken.append(ModeChange(False, "b", text, ModeKind.LIST))
        else:
            raise _Cannot(
                Refused(
                    Condition.ITEM_NOT_FOUND,
                    f"There is no {text[:60]} in {plan.channel.name} on {self._common.network}.",
                )
            )

    def _occupant(self, channel: Channel, nick: str) -> User | None:
        folded = self._common.standing.casemapping.fold(nick)
        return channel.members.get(folded)

    # -- what is done -------------------------------------------------------------------------------------------

    def _carry_out(self, plan: _Plan, found: dict[str, str], ticket: Ticket) -> None:
        try:
            bans = [self._ban(user, found) for user in plan.bans]
        except BadMask as error:
            ticket.refused(Refused(Condition.NOT_ALLOWED, str(error)))
            return
        tally = Tally(ticket)
        if bans:
            banned = _Banned(self, plan, tally)
            change_modes(self._common, self._inquiries, plan.channel, bans, banned)
        change_modes(self._common, self._inquiries, plan.channel, [*plan.given, *plan.taken], tally.part())
        for nick, reason in plan.kicks:
            self._kick(plan.channel, nick, reason, tally.part())
        tally.seal()

    def banned(self, plan: _Plan, tally: Tally) -> None:
        """The bans stand: who is still there is sent away."""
        for nick, reason in plan.outcasts:
            if self._occupant(plan.channel, nick) is not None:
                self._kick(plan.channel, nick, reason, tally.part())

    def _kick(self, channel: Channel, nick: str, reason: str, ticket: Ticket) -> None:
        try:
            line = kick_line(self._common, channel.name, nick, reason)
        except (BadAddress, Injection) as error:
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, str(error)))
            return
        self._inquiries.ask([line], _Kick(self._common, channel, nick, ticket))

    def _ban(self, user: User, found: dict[str, str]) -> ModeChange:
        standing = self._common.standing
        identity = user.identity or found.get(standing.casemapping.fold(user.nick), "")
        me = self._common.channels.user(standing.nick)
        own = Somebody(standing.nick, *_parts(standing.identity), me.account if me is not None else "")
        who = Somebody(user.nick, *_parts(identity), user.account)
        return ModeChange(True, "b", mask_for(who, standing.support, own), ModeKind.LIST)


class _Banned:
    """``gateway.bridge.Ticket`` of the bans: what comes after them, if they were set."""

    reference = ""

    def __init__(self, of: Moderation, plan: _Plan, tally: Tally) -> None:
        self._of = of
        self._plan = plan
        self._tally = tally
        self._part = tally.part()

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        self._of.banned(self._plan, self._tally)
        self._part.done()

    def refused(self, why: Refused) -> None:
        self._part.refused(why)


def _parts(identity: str) -> tuple[str, str]:
    """``user@host`` in its parts."""
    user, _, host = identity.rpartition("@")
    return user, host
