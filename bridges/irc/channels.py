"""Who is where: the channels we are in and the people in them. Knows neither the sink nor the wire.

What is known of somebody is the same in all channels that they share with us. All keys are names folded by the server's
casemapping; only this file folds them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from sys import intern

from bridges.irc import users
from bridges.irc.protocol.lookalikes import taken_for
from bridges.irc.protocol.modes import highest_first
from bridges.irc.ranks import Rank, ranks
from bridges.irc.standing import Standing
from bridges.irc.users import User
from gateway.model import Hat, Message, Occupant, Topic

# What a server can make us remember, far above what real networks have.
MAX_USERS = 200_000  # in all channels together
MAX_CHANNELS = 2_000
COMPARED = 1000  # people of a channel whose nicks are compared when we come in; later each that comes is
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
        "ranked",
        "topic",
    )

    def __init__(self, key: str, name: str, deadline: float) -> None:
        self.key = key
        self.name = name  # as the network spells it
        self.live = False
        self.listed = False
        self.deadline = deadline
        self.members: dict[str, User] = {}  # by folded nick
        self.ranked: dict[str, str] = {}  # folded nick -> prefix modes, highest first, of those who have any
        self.modes: dict[str, str] = {}  # letter -> argument, without those of lists and of occupants
        self.modes_known = False
        self.topic: Topic | None = None
        self.held: list[Message | str] = []  # messages and notes, at most ``MAX_HELD``

    def modes_of(self, folded: str) -> str | None:
        """Somebody's prefix modes; None if they are not here."""
        return self.ranked.get(folded, "") if folded in self.members else None

    def rank(self, folded: str, modes: str) -> None:
        if modes:
            self.ranked[folded] = modes
        else:
            self.ranked.pop(folded, None)

    def hold(self, said: Message | str) -> None:
        """Keep a message or a note for when the channel is live; the first ones, if there are too many."""
        if len(self.held) < MAX_HELD:
            self.held.append(said)


class Channels:
    """All channels and users of one connection."""

    __slots__ = ("_channels", "_max_channels", "_max_users", "_seats", "_standing")

    def __init__(
        self, standing: Standing, *, max_users: int = MAX_USERS, max_channels: int = MAX_CHANNELS
    ) -> None:
        self._standing = standing
        self._max_users = max_users
        self._max_channels = max_channels
        self._channels: dict[str, Channel] = {}
        self._seats = 0  # members of all channels

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def __len__(self) -> int:
        return len(self._channels)

    def get(self, name: str) -> Channel | None:
        # Hot, and most names are folded already.
        return self._channels.get(name) or self._channels.get(self._standing.fold(name))

    def user(self, nick: str) -> User | None:
        return self._find(self._standing.fold_nick(nick))

    def shared_with(self, nick: str) -> list[Channel]:
        """Those that somebody is in."""
        folded = self._standing.fold_nick(nick)
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
            self._seats -= len(channel.members)
        return channel

    def add(self, channel: Channel, nick: str, modes: str | None = None, identity: str = "") -> User | None:
        """``nick`` is in the channel. ``modes`` None and an empty ``identity`` leave what is known. None, and nothing done,
        if there are too many already."""
        folded = self._standing.fold_nick(nick)
        members = channel.members
        user = members.get(folded)
        if user is None:
            if self._seats >= self._max_users:
                return None
            user = self._find(folded) or users.user(nick, identity)
            # One string for a name, in these tables and for all who see the same people.
            folded = user.nick if folded == user.nick else intern(folded)
            members[folded] = user
            self._seats += 1
        if identity and identity != user.identity:
            user = self._become(folded, users.user(user.nick, identity, user.account, user.flags))
        if modes:
            channel.ranked[folded] = modes
        elif modes is not None and channel.ranked:
            channel.ranked.pop(folded, None)
        return user

    def describe(
        self, nick: str, account: str | None = None, flags: str | None = None, identity: str | None = None
    ) -> User | None:
        """What the network tells of somebody; None leaves what is known. The user if that is news, else None."""
        folded = self._standing.fold_nick(nick)
        user = self._find(folded)
        if user is None:
            return None
        account = user.account if account is None else account
        flags = user.flags if flags is None else flags
        identity = user.identity if identity is None else identity
        if account == user.account and flags == user.flags and identity == user.identity:
            return None
        return self._become(folded, users.user(user.nick, identity, account, flags))

    def remove(self, channel: Channel, nick: str) -> User | None:
        """``nick`` left the channel; None if it was not in it."""
        folded = self._standing.fold_nick(nick)
        user = channel.members.pop(folded, None)
        if user is not None:
            self._seats -= 1
            channel.ranked.pop(folded, None)
        return user

    def is_member(self, channel: Channel, nick: str) -> bool:
        return self._standing.fold_nick(nick) in channel.members

    def quit(self, nick: str) -> tuple[User | None, dict[Channel, str]]:
        """``nick`` left the network; also the channels where they were, with the prefix modes that they had there."""
        folded = self._standing.fold_nick(nick)
        user: User | None = None
        modes: dict[Channel, str] = {}
        for channel in self._channels.values():
            here = channel.members.pop(folded, None)
            if here is not None:
                user = here
                modes[channel] = channel.ranked.pop(folded, "")
        self._seats -= len(modes)
        return user, modes

    def rename(self, old: str, new: str) -> User | None:
        """``old`` is called ``new`` now; None if nobody of that name is known. Nobody else may be called ``new`` any more:
        ``quit`` such a ghost first."""
        after = self._standing.casemapping.fold(new)
        user, modes = self.quit(old)
        if user is None:
            return None
        user = users.user(new, user.identity, user.account, user.flags)
        after = user.nick if after == new else intern(after)
        for channel, held in modes.items():
            channel.members[after] = user
            channel.rank(after, held)
        self._seats += len(modes)
        return user

    def change_mode(self, channel: Channel, nick: str, letter: str, adding: bool) -> User | None:
        """A prefix mode given or taken; the user, or None if nothing changed."""
        folded = self._standing.fold_nick(nick)
        modes = channel.modes_of(folded)
        if modes is None or (letter in modes) == adding:
            return None
        modes = modes + letter if adding else modes.replace(letter, "")
        channel.rank(folded, highest_first(modes, self._standing.support))
        return channel.members[folded]

    def occupant(self, channel: Channel, user: User) -> Occupant:
        modes = channel.ranked.get(self._standing.fold_nick(user.nick), "")
        table, moderated = self._ranking(channel)
        return self._marked(channel, user.occupant(modes, table, moderated=moderated))

    def occupants(self, channel: Channel) -> list[Occupant]:
        ranked = channel.ranked
        table, moderated = self._ranking(channel)
        found = [
            user.occupant(ranked.get(folded, ""), table, moderated=moderated)
            for folded, user in channel.members.items()
        ]
        if len(found) > COMPARED:
            return found
        return [self._marked(channel, occupant) for occupant in found]

    def _marked(self, channel: Channel, occupant: Occupant) -> Occupant:
        """With a warning to others if the nick is easily taken for that of somebody else who is there."""
        name = taken_for(occupant.nick)
        if not name:
            return occupant
        fold = self._standing.casemapping.fold
        other = channel.members.get(fold(name))
        if other is None or fold(name) == fold(occupant.nick):
            return occupant
        return replace(occupant, hats=(*occupant.hats, Hat("lookalike", f"Not {other.nick}")))

    def _ranking(self, channel: Channel) -> tuple[Mapping[str, Rank], bool]:
        return ranks(self._standing.support.prefix_modes), "m" in channel.modes

    def refold(self) -> None:
        """Key everything anew under the casemapping that now holds. Names that fall together become one."""
        fold = self._standing.casemapping.fold
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            members, ranked = channel.members, channel.ranked
            channel.key = fold(channel.name)
            channel.members = {fold(user.nick): user for user in members.values()}
            channel.ranked = {fold(members[folded].nick): modes for folded, modes in ranked.items()}
            self._channels[channel.key] = channel
        self._seats = sum(len(channel.members) for channel in self._channels.values())
        for channel in self._channels.values():  # of those who fell together, one stays
            channel.members = {folded: self._find(folded) or user for folded, user in channel.members.items()}

    def _find(self, folded: str) -> User | None:
        for channel in self._channels.values():
            user = channel.members.get(folded)
            if user is not None:
                return user
        return None

    def _become(self, folded: str, user: User) -> User:
        for channel in self._channels.values():
            if folded in channel.members:
                channel.members[folded] = user
        return user


def live_keys(channels: Iterable[Channel]) -> list[str]:
    return [channel.key for channel in channels if channel.live]
