"""What several commands of the scripted server need: who asks, and what he may."""

from typing import TYPE_CHECKING

from gateway.playground.ircd.state import Channel, Member, User

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


def user_of(client: "Connection") -> User:
    if client.user is None:
        raise RuntimeError("commands other than those of UNREGISTERED come from registered users only")
    return client.user


def caps_of(ircd: "Ircd", user: User) -> set[str]:
    connection = ircd.connections.get(ircd.settings.fold(user.nick))
    return connection.caps if connection is not None else set()


def signs(ircd: "Ircd", member: Member, *, every: bool) -> str:
    pairs = zip(ircd.settings.prefix_letters, ircd.settings.prefix_signs, strict=True)
    held = "".join(sign for letter, sign in pairs if letter in member.letters)
    return held if every else held[:1]


def present(ircd: "Ircd", client: "Connection", name: str) -> tuple[Channel, Member] | None:
    """The channel and our place in it, or None after telling what is wrong."""
    channel = ircd.channel(name)
    if channel is None:
        ircd.numeric(client, 403, name, "No such channel")
        return None
    member = channel.members.get(ircd.settings.fold(client.nick))
    if member is None:
        ircd.numeric(client, 442, name, "You're not on that channel")
        return None
    return channel, member


def is_operator(ircd: "Ircd", client: "Connection", channel: Channel, member: Member) -> bool:
    if member.letters & set("qaoh"):
        return True
    ircd.numeric(client, 482, channel.name, "You're not channel operator")
    return False


def users_of(channel: Channel) -> list[User]:
    return [member.user for member in channel.members.values()]
