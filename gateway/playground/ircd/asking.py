"""Questions about who is where."""

from typing import TYPE_CHECKING

from gateway.playground.ircd.common import signs, users_of
from gateway.playground.ircd.state import Member

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


def who(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    mask = params[0] if params else "*"
    channel = ircd.channel(mask)
    one = ircd.find(mask)
    users = users_of(channel) if channel is not None else [one] if one is not None else []
    for user in users:
        letters = channel.members[ircd.settings.fold(user.nick)] if channel is not None else Member(user)
        flags = ("G" if user.away else "H") + signs(ircd, letters, every="multi-prefix" in client.caps)
        where = channel.name if channel is not None else "*"
        ircd.numeric(
            client,
            352,
            where,
            user.ident,
            user.host,
            ircd.settings.name,
            user.nick,
            flags,
            f"0 {user.realname}",
        )
    ircd.numeric(client, 315, mask, "End of /WHO list.")


def whois(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = ircd.find(params[-1]) if params else None
    if user is None:
        ircd.numeric(client, 401, params[-1] if params else "*", "No such nick/channel")
    else:
        ircd.numeric(client, 311, user.nick, user.ident, user.host, "*", user.realname)
        shared = [ircd.channels[key].name for key in user.channels]
        if shared:
            ircd.numeric(client, 319, user.nick, " ".join(shared))
        ircd.numeric(client, 312, user.nick, ircd.settings.name, "Scripted server")
        if user.away:
            ircd.numeric(client, 301, user.nick, user.away)
        if user.account:
            ircd.numeric(client, 330, user.nick, user.account, "is logged in as")
    ircd.numeric(client, 318, params[-1] if params else "*", "End of /WHOIS list.")


def list_command(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    # Biboumi asks for "*".
    named = params[0].split(",") if params and params[0] != "*" else []
    wanted = {ircd.settings.fold(name) for name in named}
    ircd.numeric(client, 321, "Channel", "Users Name")
    for key, channel in ircd.channels.items():
        if "s" not in channel.modes and (not wanted or key in wanted):
            ircd.numeric(client, 322, channel.name, str(len(channel.members)), channel.topic)
    ircd.numeric(client, 323, "End of /LIST")


def ison(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = [user.nick for word in " ".join(params).split() if (user := ircd.find(word)) is not None]
    ircd.numeric(client, 303, " ".join(found))


def userhost(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = [user for word in params if (user := ircd.find(word)) is not None]
    ircd.numeric(client, 302, " ".join(f"{one.nick}=+{one.ident}@{one.host}" for one in found))


def version(ircd: "Ircd", client: "Connection", _params: list[str]) -> None:
    ircd.numeric(client, 351, "scripted", ircd.settings.name, "Causeway playground")
