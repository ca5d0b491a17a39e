"""Who is where: the channels we are in and the people in them. Knows neither the sink nor the wire.

People are kept once for all channels that they share with us. All keys are names folded by the server's casemapping; only
this file folds them.
"""

from collections.abc import Iterable, Iterator, Mapping
from sys import intern

from bridges.irc import users
from bridges.irc.protocol.modes import highest_first
from bridges.irc.ranks import Rank, ranks
from bridges.irc.standing import Standing
from bridges.irc.users import User
from gateway.model import Message, Occupant, Topic

# What a server can make us remember, far above what real networks have.
MAX_USERS = 200_000
MAX_CHANNELS = 2_000
MAX_HELD = 500  # messages kept while a channel's occupants are still being listed


class Channel:
    """A channel we are in. ``live`` once its occupants are known and told; until then messages are ``held``. Only when they
    are ``listed`` are they all there are. Its ``modes`` are complete once they are ``modes_known``."""

    __slots__ = (
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

    def shared_with(self, nick: str) -> list[Channel]:
        """Those that somebody is in."""
        folded = self._standing.casemapping.fold(nick)
        return [channel for channel in self._channels.values() if folded in channel.members]

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
                self._forget(folded)
        return channel

    def add(self, channel: Channel, nick: str, modes: str | None = None, identity: str = "") -> User | None:
        """``nick`` is in the channel. ``modes`` None and an empty ``identity`` leave what is known. None, and nothing done,
        if there are too many already."""
        folded = self._standing.casemapping.fold(nick)
        user = self._users.get(folded)
        if user is None:
            if len(self._users) >= self._max_users:
                return None
            user = users.user(nick, identity)
            # One string for a name, in these tables and for all who see the same people.
            folded = user.nick if folded == nick else intern(folded)
            self._users[folded] = user
        elif identity and identity != user.identity:
            user = self._users[folded] = users.user(user.nick, identity, user.account, user.flags)
        if modes is not None or folded not in channel.members:
            channel.members[folded] = modes or ""
        return user

    def describe(
        self, nick: str, account: str | None = None, flags: str | None = None, identity: str | None = None
    ) -> User | None:
        """What the network tells of somebody; None leaves what is known. The user if that is news, else None."""
        folded = self._standing.casemapping.fold(nick)
        user = self._users.get(folded)
        if user is None:
            return None
        account = user.account if account is None else account
        flags = user.flags if flags is None else flags
        identity = user.identity if identity is None else identity
        if account == user.account and flags == user.flags and identity == user.identity:
            return None
        known = self._users[folded] = users.user(user.nick, identity, account, flags)
        return known

    def remove(self, channel: Channel, nick: str) -> User | None:
        """``nick`` left the channel; None if it was not in it."""
        folded = self._standing.casemapping.fold(nick)
        if channel.members.pop(folded, None) is None:
            return None
        return self._forget(folded)

    def is_member(self, channel: Channel, nick: str) -> bool:
        return self._standing.casemapping.fold(nick) in channel.members

    def quit(self, nick: str) -> tuple[User | None, dict[Channel, str]]:
        """``nick`` left the network; also the channels where they were, with the prefix modes that they had there."""
        folded = self._standing.casemapping.fold(nick)
        user = self._users.pop(folded, None)
        modes: dict[Channel, str] = {}
        if user is not None:
            for channel in self._channels.values():
                held = channel.members.pop(folded, None)
                if held is not None:
                    modes[channel] = held
        return user, modes

    def rename(self, old: str, new: str) -> User | None:
        """``old`` is called ``new`` now; None if nobody of that name is known. Nobody else may be called ``new`` any more:
        ``quit`` such a ghost first."""
        fold = self._standing.casemapping.fold
        before, after = fold(old), fold(new)
        user = self._users.pop(before, None)
        if user is None:
            return None
        user = users.user(new, user.identity, user.account, user.flags)
        after = user.nick if after == new else intern(after)
        self._users[after] = user
        for channel in self._channels.values():
            if before in channel.members:
                channel.members[after] = channel.members.pop(before)
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
        table, moderated = self._ranking(channel)
        return user.occupant(modes, table, moderated=moderated)

    def occupants(self, channel: Channel) -> list[Occupant]:
        known = self._users
        table, moderated = self._ranking(channel)
        return [
            known[folded].occupant(modes, table, moderated=moderated)
            for folded, modes in channel.members.items()
        ]

    def _ranking(self, channel: Channel) -> tuple[Mapping[str, Rank], bool]:
        return ranks(self._standing.support.prefix_modes), "m" in channel.modes

    def refold(self) -> None:
        """Key everything anew under the casemapping that now holds. Names that fall together become one."""
        fold = self._standing.casemapping.fold
        channels, self._channels = self._channels, {}
        known = self._users
        anew = {folded: fold(user.nick) for folded, user in known.items()}
        self._users = {anew[folded]: user for folded, user in known.items()}
        for channel in channels.values():
            channel.key = fold(channel.name)
            channel.members = {anew[folded]: modes for folded, modes in channel.members.items()}
            self._channels[channel.key] = channel
        there = {folded for channel in self._channels.values() for folded in channel.members}
        for folded in self._users.keys() - there:
            del self._users[folded]

    def _forget(self, folded: str) -> User | None:
        """Somebody is not in a channel any more, and maybe in none."""
        for channel in self._channels.values():
            if folded in channel.members:
                return self._users.get(folded)
        return self._users.pop(folded, None)


def live_keys(channels: Iterable[Channel]) -> list[str]:
    return [channel.key for channel in channels if channel.live]
