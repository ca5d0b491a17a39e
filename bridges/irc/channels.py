"""Who is where: the channels we are in and the people in them. Knows neither the sink nor the wire.

People are kept once, with the channels they share with us, so that a QUIT or NICK finds its channels without a search
(a netsplit of thousands stays linear). All keys are names folded by the server's casemapping; only this file folds them.
"""

from collections.abc import Iterable, Iterator, Mapping
from sys import intern

from bridges.irc.badges import hats
from bridges.irc.protocol.modes import highest_first
from bridges.irc.ranks import Rank, rank, ranks
from bridges.irc.standing import Standing
from gateway.model import Message, Occupant, Topic

# What a server can make us remember, far above what real networks have.
MAX_USERS = 200_000
MAX_CHANNELS = 2_000
MAX_HELD = 500  # messages kept while a channel's occupants are still being listed


class User:
    """Somebody we share channels with. ``identity`` is ``user@host``, or empty; ``account`` is empty where there is none or
    the network has not told; ``flags`` are of ``badges``."""

    __slots__ = ("account", "channels", "flags", "identity", "nick")

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.identity = ""
        self.account = ""
        self.flags = ""
        self.channels: tuple[Channel, ...] = ()


class Channel:
    """A channel we are in. ``live`` once its occupants are known and told; until then messages are ``held``. Only when they
    are ``listed`` are they all there are. Its ``modes`` are complete once they are ``modes_known``."""

    __slots__ = (
        "alone",
        "deadline",
        "held",
        "key",
        "listed",
        "live",
        "members",
        "modes",
        "modes_known",
        "name",
        "topic",
    )

    def __init__(self, key: str, name: str, deadline: float) -> None:
        self.key = key
        self.name = name  # as the network spells it
        self.live = False
        self.listed = False
        self.deadline = deadline
        self.members: dict[str, str] = {}  # folded nick -> prefix modes, highest first
        self.modes: dict[str, str] = {}  # letter -> argument, without those of lists and of occupants
        self.modes_known = False
        self.topic: Topic | None = None
        self.held: list[Message | str] = []  # messages and notes, at most ``MAX_HELD``
        self.alone: tuple[Channel, ...] = (self,)  # shared by all who are in no other channel with us

    def hold(self, said: Message | str) -> None:
        """Keep a message or a note for when the channel is live; the first ones, if there are too many."""
        if len(self.held) < MAX_HELD:
            self.held.append(said)


class Channels:
    """All channels and users of one connection."""

    __slots__ = ("_channels", "_max_channels", "_max_users", "_standing", "_users")

    def __init__(
        self, standing: Standing, *, max_users: int = MAX_USERS, max_channels: int = MAX_CHANNELS
    ) -> None:
        self._standing = standing
        self._max_users = max_users
        self._max_channels = max_channels
        self._channels: dict[str, Channel] = {}
        self._users: dict[str, User] = {}

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def __len__(self) -> int:
        return len(self._channels)

    def get(self, name: str) -> Channel | None:
        return self._channels.get(self._standing.fold(name))

    def user(self, nick: str) -> User | None:
        return self._users.get(self._standing.casemapping.fold(nick))

    def enter(self, name: str, deadline: float) -> Channel | None:
        """We have joined; what was known of the channel is forgotten. None if these are more than anybody can be in."""
        self.leave(name)
        if len(self._channels) >= self._max_channels:
            return None
        key = self._standing.fold(name)
        channel = self._channels[key] = Channel(key, name, deadline)
        return channel

    def leave(self, name: str) -> Channel | None:
        """We are out."""
        channel = self._channels.pop(self._standing.fold(name), None)
        if channel is not None:
            for folded in channel.members:
                self._forget(folded, channel)
        return channel

    def add(self, channel: Channel, nick: str, modes: str | None = None, identity: str = "") -> User | None:
        """``nick`` is in the channel. ``modes`` None and an empty ``identity`` leave what is known. None, and nothing done,
        if there are too many already."""
        folded = self._standing.casemapping.fold(nick)
        user = self._users.get(folded)
        if user is None:
            if len(self._users) >= self._max_users:
                return None
            # One string for a name, in this table and for all of our users that see the same people: rooms have many.
            nick = intern(nick)
            folded = nick if folded == nick else intern(folded)
            user = self._users[folded] = User(nick)
        if folded not in channel.members:
            channel.members[folded] = modes or ""
            user.channels = (*user.channels, channel) if user.channels else channel.alone
        elif modes is not None:
            channel.members[folded] = modes
        if identity:
            user.identity = intern(identity)
        return user

    def describe(self, nick: str, account: str | None = None, flags: str | None = None) -> User | None:
        """What the network tells of somebody; None leaves what is known. The user if that is news, else None."""
        user = self._users.get(self._standing.casemapping.fold(nick))
        if user is None:
            return None
        news = False
        if account is not None and account != user.account:
            user.account, news = intern(account), True
        if flags is not None and flags != user.flags:
            user.flags, news = intern(flags), True
        return user if news else None

    def remove(self, channel: Channel, nick: str) -> User | None:
        """``nick`` left the channel; None if it was not in it."""
        folded = self._standing.casemapping.fold(nick)
        if channel.members.pop(folded, None) is None:
            return None
        return self._forget(folded, channel)

    def is_member(self, channel: Channel, nick: str) -> bool:
        return self._standing.casemapping.fold(nick) in channel.members

    def quit(self, nick: str) -> User | None:
        """``nick`` left the network; its ``channels`` stay set, for the caller to tell them."""
        return self.quit_with(nick)[0]

    def quit_with(self, nick: str) -> tuple[User | None, dict[str, str]]:
        """As ``quit``; also the prefix modes that they had, by the keys of the channels where they had any."""
        folded = self._standing.casemapping.fold(nick)
        user = self._users.pop(folded, None)
        modes: dict[str, str] = {}
        for channel in user.channels if user is not None else ():
            held = channel.members.pop(folded, "")
            if held:
                modes[channel.key] = held
        return user, modes

    def rename(self, old: str, new: str) -> User | None:
        """``old`` is called ``new`` now; None if nobody of that name is known. Nobody else may be called ``new`` any more:
        ``quit`` such a ghost first."""
        fold = self._standing.casemapping.fold
        before, after = fold(old), fold(new)
        user = self._users.pop(before, None)
        if user is None:
            return None
        user.nick = new
        self._users[after] = user
        for channel in user.channels:
            channel.members[after] = channel.members.pop(before, "")
        return user

    def change_mode(self, channel: Channel, nick: str, letter: str, adding: bool) -> User | None:
        """A prefix mode given or taken; the user, or None if nothing changed."""
        folded = self._standing.casemapping.fold(nick)
        modes = channel.members.get(folded)
        if modes is None or (letter in modes) == adding:
            return None
        modes = modes + letter if adding else modes.replace(letter, "")
        channel.members[folded] = highest_first(modes, self._standing.support)
        return self._users.get(folded)

    def occupant(self, channel: Channel, user: User) -> Occupant:
        modes = channel.members.get(self._standing.casemapping.fold(user.nick), "")
        return self._occupant(user, modes, *self._ranking(channel))

    def occupants(self, channel: Channel) -> list[Occupant]:
        users = self._users
        ranking = self._ranking(channel)
        return [self._occupant(users[folded], modes, *ranking) for folded, modes in channel.members.items()]

    def _ranking(self, channel: Channel) -> tuple[Mapping[str, Rank], bool]:
        return ranks(self._standing.support.prefix_modes), "m" in channel.modes

    @staticmethod
    def _occupant(user: User, modes: str, table: Mapping[str, Rank], moderated: bool) -> Occupant:
        affiliation, role = rank(modes, table, moderated=moderated)
        worn = hats(modes, user.account, user.flags)
        return Occupant(user.nick, affiliation, role, user.identity, user.account, worn)

    def refold(self) -> None:
        """Key everything anew under the casemapping that now holds. Names that fall together become one."""
        fold = self._standing.casemapping.fold
        channels, self._channels = self._channels, {}
        users, self._users = self._users, {}
        anew = {folded: fold(user.nick) for folded, user in users.items()}
        for folded, user in users.items():
            twin = self._users.get(anew[folded])
            if twin is not None:
                user.channels = tuple(dict.fromkeys((*twin.channels, *user.channels)))
            self._users[anew[folded]] = user
        for channel in channels.values():
            channel.key = fold(channel.name)
            channel.members = {anew[folded]: modes for folded, modes in channel.members.items()}
            self._channels[channel.key] = channel
        for user in self._users.values():
            user.channels = tuple(held for held in user.channels if self._channels.get(held.key) is held)

    def _forget(self, folded: str, channel: Channel) -> User | None:
        user = self._users.get(folded)
        if user is None:
            return None
        if len(user.channels) == 1:
            del self._users[folded]
            user.channels = ()
        else:
            user.channels = tuple(other for other in user.channels if other is not channel)
            if not user.channels:
                del self._users[folded]
        return user


def live_keys(channels: Iterable[Channel]) -> list[str]:
    return [channel.key for channel in channels if channel.live]
