"""Channels as the core sees them: what happens in them, told to the sink in an order that makes sense.

A channel is told once its occupants are known (366, or after a while without it). What happens before that is worked
into its state; what is said before that is kept and told right after.
"""

from typing import ClassVar

from bridges.irc.addresses import is_channel, valid_channel
from bridges.irc.backlog import Backlog
from bridges.irc.badges import flags_of
from bridges.irc.channels import Channel, live_keys
from bridges.irc.common import Common, Handlers
from bridges.irc.console import Console
from bridges.irc.expulsions import Expulsions
from bridges.irc.faces import Faces
from bridges.irc.inquiries import Inquiries
from bridges.irc.joining import Joining
from bridges.irc.protocol.formatting import strip
from bridges.irc.protocol.line import Line, mask_of, nick_of, serialise
from bridges.irc.protocol.modes import ModeKind, parse_modes, parse_names
from bridges.irc.regain import Regain
from bridges.irc.requests import Asked, Requests
from bridges.irc.room_modes import RoomModes
from bridges.irc.splits import Splits
from bridges.irc.text import one_line
from bridges.irc.users import User
from gateway.model import Departure, Exit, Message, Topic

MAX_REASON = 300  # bytes
PORTION = 2000  # occupants that are told in one go, of channels whose list does not end


class Rooms:
    """The channels of one session."""

    __slots__ = (
        "_backlog",
        "_common",
        "_console",
        "_expulsions",
        "_faces",
        "_joining",
        "_modes",
        "_names_time",
        "_parting",
        "_regain",
        "_requests",
        "_server_modes",
        "splits",
    )

    def __init__(
        self,
        common: Common,
        joining: Joining,
        requests: Requests,
        console: Console,
        modes: RoomModes,
        regain: Regain,
        backlog: Backlog,
        inquiries: Inquiries,
        *,
        server_modes: bool,
        names_time: float,
    ) -> None:
        """``names_time``: seconds to wait for the end of the list of occupants."""
        self._common = common
        self._joining = joining
        self._requests = requests
        self._console = console
        self._modes = modes
        self._regain = regain
        self._backlog = backlog
        self._server_modes = server_modes
        self._names_time = names_time
        self._expulsions = Expulsions(common.standing)
        self._faces = Faces(common, inquiries, self._described)
        self.splits = Splits(common, self.note, self._changed)
        self._parting: dict[str, int] = {}  # PARTs of ours that the network has yet to confirm

    # what the core asks for

    def join(self, name: str, password: str) -> None:
        channel = self._common.channels.get(name)
        if channel is None:
            self._joining.join(name, password)
        elif channel.live:
            self._announce(channel)  # we are in already: say so again

    def leave(self, name: str, reason: str) -> None:
        """Outcome: silence. The channel is gone for us at once; the network's confirmation is waited for in secret."""
        channel = self._common.channels.leave(name)
        if not self._joining.forget(name) and channel is None:
            return
        reason = one_line(reason, MAX_REASON)
        line = serialise("PART", name, reason) if reason else serialise("PART", name)
        key = self._common.standing.fold(name)
        self._parting[key] = self._parting.get(key, 0) + 1
        if not self._common.queue.put(line):
            self._common.queue.urgent(line)

    def expire(self, now: float) -> float:
        """Tell the channels whose list of occupants does not end, and what splits are over; when to look again."""
        following = self.splits.expire(now)
        told = 0
        for channel in list(self._common.channels):
            if channel.live:
                continue
            if channel.deadline > now:
                following = min(following, channel.deadline)
            elif told >= PORTION:
                return now  # others have their turn before the rest
            else:
                told += len(channel.members)
                self._announce(channel)
        return following

    def refold(self) -> None:
        self._parting.clear()
        self.splits.clear()

    def not_in(self, name: str) -> bool:
        """442 or 403 about a channel: whether it answers a PART of ours."""
        return self._parted(self._common.standing.fold(name))

    def gone(self, departure: Departure) -> None:
        """We are in no channel any more."""
        keys = live_keys(self._common.channels)
        for channel in list(self._common.channels):
            self._common.channels.leave(channel.name)
        self.splits.clear()
        if keys:
            self._common.sink.departed(keys, self._common.standing.nick, departure)

    def note(self, channel: Channel, text: str) -> None:
        """The room itself has something to say."""
        if channel.live:
            self._common.sink.room_note(channel.key, text)
        else:
            channel.hold(text)

    # what the network tells

    def _join(self, line: Line) -> None:
        nick, user, host = mask_of(line.source)
        if not nick:
            return
        identity = f"{user}@{host}" if user and host else ""
        channels = self._common.channels
        # IRCv3 extended-join: ``JOIN #channel account :real name``; "*" is nobody's account.
        account = _account(line.params[1]) if len(line.params) > 2 else None
        for name in line.params[0].split(","):
            if self._common.standing.is_me(nick):
                self._we_join(name, nick, identity)
                channels.describe(nick, account)
                continue
            channel = channels.get(name)
            if channel is not None:
                arrived = channels.add(channel, nick, "", identity)
                if line.tags or account is not None:
                    arrived = channels.describe(nick, account, flags_of(line.tags) or None) or arrived
                if not (self.splits and arrived is not None and self.splits.came(channel, arrived)):
                    self._changed(channel, arrived)

    def _we_join(self, name: str, nick: str, identity: str) -> None:
        common = self._common
        if not is_channel(name) or not valid_channel(name):
            return  # no name that we could ever use in a line of our own
        if common.standing.fold(name) in self._parting:
            return  # an older join, which a PART under way will undo
        self._joining.entered(name)
        if identity:
            common.standing.show(identity)
        channel = common.channels.enter(name, common.clock.monotonic() + self._names_time)
        if channel is None:
            return
        common.channels.add(channel, nick, "", identity)
        common.alarm.need(channel.deadline)
        self._backlog.entered(channel.name)

    def _part(self, line: Line) -> None:
        nick = nick_of(line.source)
        reason = strip(line.params[1]) if len(line.params) > 1 else ""
        for name in line.params[0].split(","):
            if self._common.standing.is_me(nick) and self._parted(self._common.standing.fold(name)):
                continue
            self._out(name, nick, Departure(Exit.LEFT, reason))

    def _kick(self, line: Line) -> None:
        name, nick = line.params[0], line.params[1]
        actor = nick_of(line.source)
        reason = strip(line.params[2]) if len(line.params) > 2 else ""
        common = self._common
        key = common.standing.fold(name)
        if common.standing.is_me(actor):
            self._requests.done(Asked.KICK, key)
            self._modes.kicked(line)
        banned = self._expulsions.is_ban(key, nick, common.channels.user(nick), common.clock.monotonic())
        self._out(name, nick, Departure(Exit.BANNED if banned else Exit.KICKED, reason, actor))

    def _out(self, name: str, nick: str, departure: Departure) -> None:
        common = self._common
        channel = common.channels.get(name)
        if channel is None or not nick:
            return
        if common.standing.is_me(nick):
            common.channels.leave(name)
            # The core may believe that we are in although the list of occupants had not ended, so it is told in any case.
            common.sink.departed([channel.key], common.standing.nick, departure)
            return
        user = common.channels.remove(channel, nick)
        if user is not None and channel.live:
            common.sink.departed([channel.key], user.nick, departure)

    def _quit(self, line: Line) -> None:
        nick = nick_of(line.source)
        reason = strip(line.params[0]) if line.params else ""
        if self._common.standing.is_me(nick):
            self.gone(Departure(Exit.QUIT, reason))
            return
        user, modes = self._common.channels.quit(nick)
        if user is not None and not self.splits.quit(user, modes, reason):
            keys = live_keys(modes)
            if keys:
                self._common.sink.departed(keys, user.nick, Departure(Exit.QUIT, reason))

    def _nick(self, line: Line) -> None:
        common = self._common
        old, new = nick_of(line.source), line.params[0]
        if not old or not new or " " in new:
            return
        self.splits.renamed(old, new)
        known = common.channels.user(old)
        ghost = common.channels.user(new)
        if ghost is not None and ghost is not known:
            # Two people cannot have one nick: our picture of the second is out of date.
            _, modes = common.channels.quit(new)
            common.sink.departed(live_keys(modes), ghost.nick, Departure(Exit.LEFT))
        before = known.nick if known is not None else old
        user = common.channels.rename(old, new)
        me = common.standing.is_me(old)
        if me:
            common.standing.call_me(new)
            asked = self._requests.done(Asked.NICK, "") or self._requests.answering
            common.sink.own_nick(new)
        keys = live_keys(common.channels.shared_with(new)) if user is not None else []
        if keys and before != new:
            common.sink.renamed(keys, before, new)
        if me:
            self._regain.called(by_user=asked)

    def _mode(self, line: Line) -> None:
        common = self._common
        channel = common.channels.get(line.params[0])
        if channel is None:
            if not common.standing.support.is_channel(line.params[0]):
                self._console.other(line)  # our own user modes
            return
        actor, user, _ = mask_of(line.source)
        if user or self._server_modes:  # servers restore modes after a netsplit: nobody needs to read that
            self.note(channel, f"Mode {channel.name} [{' '.join(line.params[1:])}] by {actor or line.source}")
        affected: dict[User, None] = {}
        changes = parse_modes(line.params[1:], common.standing.support)
        for change in changes:
            if change.kind is ModeKind.PREFIX and change.argument:
                whom = common.channels.change_mode(channel, change.argument, change.letter, change.adding)
                if whom is not None:
                    affected[whom] = None
            elif change.letter == "b" and change.kind is ModeKind.LIST and change.adding and change.argument:
                self._expulsions.banned(channel.key, change.argument, common.clock.monotonic())
        for whom in affected:
            self._changed(channel, whom)
        self._modes.heard(line, channel, changes)

    def _chghost(self, line: Line) -> None:
        nick = nick_of(line.source)
        identity = f"{line.params[0]}@{line.params[1]}"
        if self._common.standing.is_me(nick):
            self._common.standing.show(identity)
        self._described(self._common.channels.describe(nick, identity=identity))

    def _logged_in(self, line: Line) -> None:
        """IRCv3 account-notify."""
        account = _account(line.params[0])
        self._described(self._common.channels.describe(nick_of(line.source), account))

    def _described(self, user: User | None) -> None:
        if user is not None:
            for channel in self._common.channels.shared_with(user.nick):
                self._changed(channel, user)

    def _changed(self, channel: Channel, user: User | None) -> None:
        if channel.live and user is not None and not self.splits.holds(channel, user):
            self._common.sink.arrived(channel.key, self._common.channels.occupant(channel, user))

    # topics

    def _topic(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[0])
        if channel is None:
            return
        setter = nick_of(line.source)
        if self._common.standing.is_me(setter):
            self._requests.done(Asked.TOPIC, channel.key)
        channel.topic = Topic(strip(line.params[1]), setter, self._common.clock.now())
        if channel.live:
            self._common.sink.topic(channel.key, channel.topic)

    def _no_topic(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[1])
        if channel is not None:
            channel.topic = None
        self._console.answer(line)

    def _topic_is(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[1])
        if channel is not None and not channel.live:
            channel.topic = Topic(strip(line.params[2]))
        else:
            self._console.answer(line)

    def _topic_by(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[1])
        if channel is None or channel.live or channel.topic is None:
            self._console.answer(line)
            return
        stamp = line.params[3]
        when = float(stamp) if stamp.isdecimal() and stamp.isascii() and len(stamp) < 12 else None
        channel.topic = Topic(channel.topic.text, nick_of(line.params[2]), when)

    # occupants

    def _names(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[2])
        if channel is None or channel.listed:
            self._console.answer(line)
            return
        add = self._common.channels.add
        for modes, nick, user, host in parse_names(line.params[3], self._common.standing.support):
            add(channel, nick, modes, f"{user}@{host}" if user and host else "")

    def _names_end(self, line: Line) -> None:
        channel = self._common.channels.get(line.params[1])
        if channel is None or channel.listed:
            self._console.answer(line)
        else:
            channel.listed = True
            if not self._faces.ask(channel, self._known):
                self._announce(channel)

    def _known(self, channel: Channel) -> None:
        """Who is there is known, or will not be."""
        if not channel.live and self._common.channels.get(channel.name) is channel:
            self._announce(channel)

    def _announce(self, channel: Channel) -> None:
        common = self._common
        channel.live = True
        common.sink.room_joined(
            channel.key, common.standing.nick, common.channels.occupants(channel), channel.topic
        )
        held, channel.held = channel.held, []
        for said in held:
            if isinstance(said, Message):
                common.sink.room_message(channel.key, said)
            else:
                common.sink.room_note(channel.key, said)
        self._modes.entered(channel)

    def _parted(self, key: str) -> bool:
        left = self._parting.get(key, 0)
        if left > 1:
            self._parting[key] = left - 1
        elif left:
            del self._parting[key]
        return left > 0

    HANDLERS: ClassVar[Handlers["Rooms"]] = {
        "JOIN": (_join, 1),
        "PART": (_part, 1),
        "KICK": (_kick, 2),
        "QUIT": (_quit, 0),
        "NICK": (_nick, 1),
        "MODE": (_mode, 2),
        "TOPIC": (_topic, 2),
        "ACCOUNT": (_logged_in, 1),
        "CHGHOST": (_chghost, 2),
        "331": (_no_topic, 2),
        "332": (_topic_is, 3),
        "333": (_topic_by, 4),
        "353": (_names, 4),
        "366": (_names_end, 2),
    }


def _account(word: str) -> str:
    """An account as the network writes it; ``*`` stands for none (and ``0`` in the answers to WHO)."""
    return "" if word in ("*", "0") else word
