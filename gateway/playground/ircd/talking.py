"""Messages and away."""

from typing import TYPE_CHECKING

from gateway.playground.ircd import history
from gateway.playground.ircd.common import caps_of, user_of, users_of
from gateway.playground.ircd.state import Channel, User

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


def privmsg(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "PRIVMSG", params)


def notice(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "NOTICE", params)


def tagmsg(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "TAGMSG", [*params[:1], ""])


def _talk(ircd: "Ircd", client: "Connection", command: str, params: list[str]) -> None:
    user = user_of(client)
    if len(params) < 2 or (command == "PRIVMSG" and not params[1]):
        ircd.numeric(client, 412, "No text to send")
        return
    for target in params[0].split(","):
        name = (
            target.lstrip(ircd.settings.prefix_signs) if target[:1] in ircd.settings.prefix_signs else target
        )
        channel, person = ircd.channel(name), ircd.find(target)
        if channel is not None:
            if not _may_speak(ircd, channel, user):
                ircd.numeric(client, 404, channel.name, "Cannot send to channel")
                continue
            to = users_of(channel)
        elif person is not None:
            to = [person]
            if person.away and command == "PRIVMSG":
                ircd.numeric(client, 301, person.nick, person.away)
        else:
            ircd.numeric(client, 401, target, "No such nick/channel")
            continue
        if "echo-message" in client.caps and user not in to:
            to = [*to, user]
        id_ = ircd.relay(
            user.mask,
            f"{command} {target}" + (f" :{params[1]}" if command != "TAGMSG" else ""),
            to,
            but=None if "echo-message" in client.caps or person is user else user,
            tags=client.client_tags,
            account=user.account,
        )
        ircd.memory.add(id_, user, ircd.settings.fold(target))
        if command != "TAGMSG":
            between = history.places(ircd, user.nick, target)
            ircd.history.add(between, id_, user.mask, command, target, params[1])


def _may_speak(ircd: "Ircd", channel: Channel, user: User) -> bool:
    member = channel.members.get(ircd.settings.fold(user.nick))
    if member is None:
        return "n" not in channel.modes
    return "m" not in channel.modes or bool(member.letters)


def away(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = user_of(client)
    user.away = params[0] if params else ""
    ircd.numeric(client, 306 if user.away else 305, "Your away status has changed")
    watchers = [one for one in ircd.neighbours(user) if "away-notify" in caps_of(ircd, one)]
    ircd.relay(user.mask, f"AWAY :{user.away}" if user.away else "AWAY", watchers)
