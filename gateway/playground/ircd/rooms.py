"""Channels of the scripted server: coming in, going, topics, kicks, modes."""

import fnmatch
import time
from typing import TYPE_CHECKING

from gateway.playground.ircd.common import caps_of, is_operator, present, signs, user_of, users_of
from gateway.playground.ircd.state import Channel, User

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


def join(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = user_of(client)
    if not params:
        ircd.numeric(client, 461, "JOIN", "Not enough parameters")
        return
    if params[0] == "0":
        for key in tuple(user.channels):
            part(ircd, client, [ircd.channels[key].name])
        return
    keys = params[1].split(",") if len(params) > 1 else []
    for index, name in enumerate(params[0].split(",")):
        _join_one(ircd, client, user, name, keys[index] if index < len(keys) else "")


def _join_one(ircd: "Ircd", client: "Connection", user: User, name: str, given: str) -> None:
    settings = ircd.settings
    if (
        name[:1] not in settings.channel_types
        or len(name.encode()) > settings.channel_length
        or "\x07" in name
    ):
        ircd.numeric(client, 403 if name[:1] not in settings.channel_types else 479, name, "No such channel")
        return
    channel = ircd.channel(name)
    if channel is not None:
        if settings.fold(user.nick) in channel.members:
            return
        if refusal := _refusal(ircd, channel, user, given):
            ircd.numeric(client, refusal[0], channel.name, refusal[1])
            return
    channel = ircd.enter(user, name)
    channel.invited.discard(settings.fold(user.nick))
    everybody = [member.user for member in channel.members.values()]
    extended = [one for one in everybody if "extended-join" in caps_of(ircd, one)]
    plain = [one for one in everybody if "extended-join" not in caps_of(ircd, one)]
    ircd.relay(user.mask, f"JOIN {channel.name} {user.account or '*'} :{user.realname}", extended)
    ircd.relay(user.mask, f"JOIN {channel.name}", plain)
    if channel.topic:
        _show_topic(ircd, client, channel)
    if ircd.names_delay:
        ircd.later(ircd.names_delay, lambda: _show_names(ircd, client, channel))
    else:
        _show_names(ircd, client, channel)


def _refusal(ircd: "Ircd", channel: Channel, user: User, given: str) -> tuple[int, str] | None:
    folded = ircd.settings.fold(user.nick)
    if folded in channel.invited:
        return None
    if channel.key and given != channel.key:
        return 475, "Cannot join channel (+k)"
    if "i" in channel.modes:
        return 473, "Cannot join channel (+i)"
    if channel.limit and len(channel.members) >= channel.limit:
        return 471, "Cannot join channel (+l)"
    if any(_mask_matches(ircd, mask, user) for mask in channel.bans):
        return 474, "Cannot join channel (+b)"
    return None


def _mask_matches(ircd: "Ircd", mask: str, user: User) -> bool:
    pattern = ircd.settings.fold(mask).replace("[", "[[]")
    return fnmatch.fnmatchcase(ircd.settings.fold(user.mask), pattern)


def _show_names(ircd: "Ircd", client: "Connection", channel: Channel) -> None:
    every, masks = "multi-prefix" in client.caps, "userhost-in-names" in client.caps
    words = [
        signs(ircd, member, every=every) + (member.user.mask if masks else member.user.nick)
        for member in channel.members.values()
    ]
    row: list[str] = []
    size = 0
    for word in words:
        if size + len(word) > 380:
            ircd.numeric(client, 353, "=", channel.name, " ".join(row))
            row, size = [], 0
        row.append(word)
        size += len(word.encode()) + 1
    if row:
        ircd.numeric(client, 353, "=", channel.name, " ".join(row))
    ircd.numeric(client, 366, channel.name, "End of /NAMES list.")


def names(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    for name in params[0].split(",") if params else []:
        if (channel := ircd.channel(name)) is not None:
            _show_names(ircd, client, channel)
        else:
            ircd.numeric(client, 366, name, "End of /NAMES list.")


def part(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    for name in params[0].split(",") if params else []:
        if (found := present(ircd, client, name)) is not None:
            channel, member = found
            reason = f" :{params[1]}" if len(params) > 1 else ""
            ircd.relay(member.user.mask, f"PART {channel.name}{reason}", users_of(channel))
            ircd.exit(member.user, channel)


def kick(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    if len(params) < 2:
        ircd.numeric(client, 461, "KICK", "Not enough parameters")
        return
    found = present(ircd, client, params[0])
    if found is None or not is_operator(ircd, client, *found):
        return
    channel, member = found
    victim = channel.members.get(ircd.settings.fold(params[1]))
    if victim is None:
        ircd.numeric(client, 441, params[1], channel.name, "They aren't on that channel")
        return
    reason = params[2] if len(params) > 2 else client.nick
    ircd.relay(member.user.mask, f"KICK {channel.name} {victim.user.nick} :{reason}", users_of(channel))
    ircd.exit(victim.user, channel)


def topic(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = present(ircd, client, params[0] if params else "")
    if found is None:
        return
    channel, member = found
    if len(params) == 1:
        _show_topic(ircd, client, channel)
        return
    if "t" in channel.modes and not is_operator(ircd, client, channel, member):
        return
    channel.topic = params[1][: ircd.settings.topic_length]
    channel.topic_by, channel.topic_at = member.user.mask, int(time.time())
    ircd.relay(member.user.mask, f"TOPIC {channel.name} :{channel.topic}", users_of(channel))


def _show_topic(ircd: "Ircd", client: "Connection", channel: Channel) -> None:
    if not channel.topic:
        ircd.numeric(client, 331, channel.name, "No topic is set")
        return
    ircd.numeric(client, 332, channel.name, channel.topic)
    ircd.numeric(client, 333, channel.name, channel.topic_by, str(channel.topic_at))


def invite(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = present(ircd, client, params[1] if len(params) > 1 else "")
    if found is None:
        return
    guest = ircd.find(params[0])
    if guest is None:
        ircd.numeric(client, 401, params[0], "No such nick/channel")
        return
    channel, member = found
    channel.invited.add(ircd.settings.fold(guest.nick))
    ircd.numeric(client, 341, guest.nick, channel.name)
    ircd.relay(member.user.mask, f"INVITE {guest.nick} :{channel.name}", [guest])
