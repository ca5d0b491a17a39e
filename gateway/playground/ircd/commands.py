"""What the scripted IRC server does with each command: one function a command, one table for all."""

import base64
import binascii
import fnmatch
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.playground.ircd.state import Channel, Member, User

if TYPE_CHECKING:  # the server imports this table
    from gateway.playground.ircd.server import Connection, Ircd

Handler = Callable[["Ircd", "Connection", list[str]], None]

UNREGISTERED = frozenset({"CAP", "NICK", "USER", "PASS", "AUTHENTICATE", "PING", "PONG", "QUIT"})

_NICK_FORBIDDEN = set(" ,*?!@:#&+%~.$\x00")


# Registration


def _cap(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    offered = dict(ircd.settings.capabilities)
    if ircd.settings.accounts:
        offered["sasl"] = "PLAIN"
    command = params[0].upper() if params else ""
    head = f":{ircd.settings.name} CAP {client.name}"
    if command == "LS":
        client.negotiating = client.user is None
        valued = len(params) > 1 and params[1].isdecimal() and int(params[1]) >= 302
        shown = [f"{cap}={value}" if value and valued else cap for cap, value in sorted(offered.items())]
        client.send(f"{head} LS :{' '.join(shown)}")
    elif command == "LIST":
        client.send(f"{head} LIST :{' '.join(sorted(client.caps))}")
    elif command == "REQ":
        client.negotiating = client.user is None
        wanted = params[-1].split()
        known = all(cap.removeprefix("-") in offered for cap in wanted)
        if known:
            client.caps |= {cap for cap in wanted if not cap.startswith("-")}
            client.caps -= {cap[1:] for cap in wanted if cap.startswith("-")}
        client.send(f"{head} {'ACK' if known else 'NAK'} :{params[-1]}")
    elif command == "END":
        client.negotiating = False
        _register(ircd, client)
    else:
        ircd.numeric(client, 410, command or "*", "Invalid CAP command")


def _authenticate(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    word = params[0] if params else ""
    if not client.sasl:
        if word.upper() == "PLAIN":
            client.sasl = "PLAIN"
            client.send("AUTHENTICATE +")
        else:
            ircd.numeric(client, 908, "PLAIN", "are available SASL mechanisms")
            ircd.numeric(client, 904, "SASL authentication failed")
        return
    client.sasl = ""
    if word == "*":
        ircd.numeric(client, 906, "SASL authentication aborted")
        return
    try:
        _, account, password = base64.b64decode(word, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        account, password = "", ""
    if account and ircd.settings.accounts.get(account) == password:
        client.account = account
        ircd.numeric(client, 900, f"{client.name}!*@*", account, f"You are now logged in as {account}")
        ircd.numeric(client, 903, "SASL authentication successful")
    else:
        ircd.numeric(client, 904, "SASL authentication failed")


def _pass(_ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    client.password = params[0] if params else ""


def _nick(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    if not params or not params[0]:
        ircd.numeric(client, 431, "No nickname given")
        return
    nick = params[0][: ircd.settings.nick_length]
    if set(nick) & _NICK_FORBIDDEN or nick[0].isdigit() or nick[0] == "-":
        ircd.numeric(client, 432, nick, "Erroneous nickname")
        return
    holder = ircd.find(nick)
    if holder is not None and holder is not client.user:
        ircd.numeric(client, 433, nick, "Nickname is already in use")
        return
    if client.user is not None:
        ircd.rename(client.user, nick)
        return
    client.nick = nick
    _register(ircd, client)


def _user(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    if client.user is not None:
        ircd.numeric(client, 462, "You may not reregister")
    elif len(params) < 4:
        ircd.numeric(client, 461, "USER", "Not enough parameters")
    else:
        client.ident, client.realname = f"~{params[0][:10]}", params[3]
        _register(ircd, client)


def _register(ircd: "Ircd", client: "Connection") -> None:
    if client.user is not None or client.negotiating or not client.nick or not client.ident:
        return
    settings = ircd.settings
    if settings.password and client.password != settings.password:
        ircd.numeric(client, 464, "Password incorrect")
        client.close("Bad password")
        return
    if ircd.find(client.nick) is not None:  # taken while we negotiated
        ircd.numeric(client, 433, client.nick, "Nickname is already in use")
        client.nick = ""
        return
    user = User(client.nick, client.ident, client.host, client.realname, client.account)
    client.user = user
    ircd.users[settings.fold(user.nick)] = user
    ircd.connections[settings.fold(user.nick)] = client
    ircd.numeric(client, 1, f"Welcome to the {settings.network} network {user.mask}")
    ircd.numeric(client, 2, f"Your host is {settings.name}, running version scripted")
    ircd.numeric(client, 3, "This server was created for this test")
    client.send(f":{settings.name} 004 {user.nick} {settings.name} scripted iow biklmnopstv bklov")
    tokens = settings.tokens()
    for start in range(0, len(tokens), 13):
        ircd.numeric(client, 5, *tokens[start : start + 13], "are supported by this server")
    _motd(ircd, client, [])


def _motd(ircd: "Ircd", client: "Connection", _params: list[str]) -> None:
    if not ircd.settings.motd:
        ircd.numeric(client, 422, "MOTD File is missing")
        return
    ircd.numeric(client, 375, f"- {ircd.settings.name} Message of the day -")
    for text in ircd.settings.motd:
        ircd.numeric(client, 372, f"- {text}")
    ircd.numeric(client, 376, "End of /MOTD command.")


def _ping(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    client.send(f":{ircd.settings.name} PONG {ircd.settings.name} :{params[0] if params else ''}")


def _nothing(_ircd: "Ircd", _client: "Connection", _params: list[str]) -> None:
    """Commands that need no answer."""


def _quit(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    reason = f"Quit: {params[0]}" if params and params[0] else "Quit"
    ircd.remove(client, reason)
    client.close(reason)


# Channels


def _user_of(client: "Connection") -> User:
    if client.user is None:
        raise RuntimeError("commands other than those of UNREGISTERED come from registered users only")
    return client.user


def _join(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = _user_of(client)
    if not params:
        ircd.numeric(client, 461, "JOIN", "Not enough parameters")
        return
    if params[0] == "0":
        for key in tuple(user.channels):
            _part(ircd, client, [ircd.channels[key].name])
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
    extended = [one for one in everybody if "extended-join" in _caps(ircd, one)]
    plain = [one for one in everybody if "extended-join" not in _caps(ircd, one)]
    ircd.relay(user.mask, f"JOIN {channel.name} {user.account or '*'} :{user.realname}", extended)
    ircd.relay(user.mask, f"JOIN {channel.name}", plain)
    if channel.topic:
        _show_topic(ircd, client, channel)
    if ircd.names_delay:
        ircd.later(ircd.names_delay, lambda: _show_names(ircd, client, channel))
    else:
        _show_names(ircd, client, channel)


def _caps(ircd: "Ircd", user: User) -> set[str]:
    connection = ircd.connections.get(ircd.settings.fold(user.nick))
    return connection.caps if connection is not None else set()


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


def _signs(ircd: "Ircd", member: Member, *, every: bool) -> str:
    pairs = zip(ircd.settings.prefix_letters, ircd.settings.prefix_signs, strict=True)
    held = "".join(sign for letter, sign in pairs if letter in member.letters)
    return held if every else held[:1]


def _show_names(ircd: "Ircd", client: "Connection", channel: Channel) -> None:
    every, masks = "multi-prefix" in client.caps, "userhost-in-names" in client.caps
    words = [
        _signs(ircd, member, every=every) + (member.user.mask if masks else member.user.nick)
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


def _names(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    for name in params[0].split(",") if params else []:
        if (channel := ircd.channel(name)) is not None:
            _show_names(ircd, client, channel)
        else:
            ircd.numeric(client, 366, name, "End of /NAMES list.")


def _present(ircd: "Ircd", client: "Connection", name: str) -> tuple[Channel, Member] | None:
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


def _is_operator(ircd: "Ircd", client: "Connection", channel: Channel, member: Member) -> bool:
    if member.letters & set("qaoh"):
        return True
    ircd.numeric(client, 482, channel.name, "You're not channel operator")
    return False


def _users(channel: Channel) -> list[User]:
    return [member.user for member in channel.members.values()]


def _part(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    for name in params[0].split(",") if params else []:
        if (found := _present(ircd, client, name)) is not None:
            channel, member = found
            reason = f" :{params[1]}" if len(params) > 1 else ""
            ircd.relay(member.user.mask, f"PART {channel.name}{reason}", _users(channel))
            ircd.exit(member.user, channel)


def _kick(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    if len(params) < 2:
        ircd.numeric(client, 461, "KICK", "Not enough parameters")
        return
    found = _present(ircd, client, params[0])
    if found is None or not _is_operator(ircd, client, *found):
        return
    channel, member = found
    victim = channel.members.get(ircd.settings.fold(params[1]))
    if victim is None:
        ircd.numeric(client, 441, params[1], channel.name, "They aren't on that channel")
        return
    reason = params[2] if len(params) > 2 else client.nick
    ircd.relay(member.user.mask, f"KICK {channel.name} {victim.user.nick} :{reason}", _users(channel))
    ircd.exit(victim.user, channel)


def _topic(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = _present(ircd, client, params[0] if params else "")
    if found is None:
        return
    channel, member = found
    if len(params) == 1:
        _show_topic(ircd, client, channel)
        return
    if "t" in channel.modes and not _is_operator(ircd, client, channel, member):
        return
    channel.topic = params[1][: ircd.settings.topic_length]
    channel.topic_by, channel.topic_at = member.user.mask, int(time.time())
    ircd.relay(member.user.mask, f"TOPIC {channel.name} :{channel.topic}", _users(channel))


def _show_topic(ircd: "Ircd", client: "Connection", channel: Channel) -> None:
    if not channel.topic:
        ircd.numeric(client, 331, channel.name, "No topic is set")
        return
    ircd.numeric(client, 332, channel.name, channel.topic)
    ircd.numeric(client, 333, channel.name, channel.topic_by, str(channel.topic_at))


def _invite(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = _present(ircd, client, params[1] if len(params) > 1 else "")
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


# Modes


def _mode(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    target = params[0] if params else ""
    if target[:1] not in ircd.settings.channel_types or not target:
        _user_mode(ircd, client, params)
        return
    channel = ircd.channel(target)
    if channel is None:
        ircd.numeric(client, 403, target, "No such channel")
        return
    if len(params) == 1:
        client.send(
            f":{ircd.settings.name} 324 {client.name} {channel.name} {' '.join(channel.mode_words())}"
        )
        ircd.numeric(client, 329, channel.name, str(channel.created))
        return
    if params[1].lstrip("+-") == "b" and len(params) == 2:
        for mask in channel.bans:
            ircd.numeric(client, 367, channel.name, mask, client.nick, "0")
        ircd.numeric(client, 368, channel.name, "End of channel ban list")
        return
    found = _present(ircd, client, target)
    if found is not None and _is_operator(ircd, client, *found):
        _change_modes(ircd, client, channel, params[1], params[2:])


def _change_modes(
    ircd: "Ircd", client: "Connection", channel: Channel, letters: str, words: list[str]
) -> None:
    adding = True
    done: list[tuple[str, str]] = []
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
            continue
        sign = "+" if adding else "-"
        takes = letter in ircd.settings.prefix_letters + "bk" or (letter == "l" and adding)
        word = words.pop(0) if takes and words else ""
        if takes and not word and letter != "k":
            ircd.numeric(client, 461, "MODE", "Not enough parameters")
        elif (outcome := _change_mode(ircd, client, channel, letter, word, adding=adding)) is not None:
            done.append((f"{sign}{letter}", outcome))
    if done:
        text = " ".join(("".join(mode for mode, _ in done), *(word for _, word in done if word)))
        ircd.relay(_user_of(client).mask, f"MODE {channel.name} {text}", _users(channel))


def _change_mode(
    ircd: "Ircd", client: "Connection", channel: Channel, letter: str, word: str, *, adding: bool
) -> str | None:
    """Change one mode; gives the parameter to announce, None where nothing changed."""
    if letter in ircd.settings.prefix_letters:
        member = channel.members.get(ircd.settings.fold(word))
        if member is None:
            ircd.numeric(client, 441, word, channel.name, "They aren't on that channel")
            return None
        (member.letters.add if adding else member.letters.discard)(letter)
        return member.user.nick
    if letter == "k":
        channel.key = word if adding else ""
        return word or "*"
    if letter == "l":
        channel.limit = int(word) if adding and word.isdecimal() else 0
        return word
    if letter == "b":
        if adding:
            channel.bans.append(word)
        elif word in channel.bans:
            channel.bans.remove(word)
        return word
    if letter in ircd.settings.channel_modes.rpartition(",")[2]:
        (channel.modes.add if adding else channel.modes.discard)(letter)
        return ""
    ircd.numeric(client, 472, letter, "is unknown mode char to me")
    return None


def _user_mode(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = _user_of(client)
    if not params or ircd.find(params[0]) is not user:
        ircd.numeric(client, 502, "Cannot change mode for other users")
    elif len(params) > 1:
        adding = not params[1].startswith("-")
        letters = set(params[1].lstrip("+-"))
        user.modes = user.modes | letters if adding else user.modes - letters
        ircd.relay(user.mask, f"MODE {user.nick} :{params[1]}", [user])
    else:
        ircd.numeric(client, 221, f"+{''.join(sorted(user.modes))}")


# Talking


def _privmsg(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "PRIVMSG", params)


def _notice(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "NOTICE", params)


def _tagmsg(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    _talk(ircd, client, "TAGMSG", [*params[:1], ""])


def _talk(ircd: "Ircd", client: "Connection", command: str, params: list[str]) -> None:
    user = _user_of(client)
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
            to = _users(channel)
        elif person is not None:
            to = [person]
            if person.away and command == "PRIVMSG":
                ircd.numeric(client, 301, person.nick, person.away)
        else:
            ircd.numeric(client, 401, target, "No such nick/channel")
            continue
        if "echo-message" in client.caps and user not in to:
            to = [*to, user]
        ircd.relay(
            user.mask,
            f"{command} {target}" + (f" :{params[1]}" if command != "TAGMSG" else ""),
            to,
            but=None if "echo-message" in client.caps or person is user else user,
            tags=client.client_tags,
            account=user.account,
        )


def _may_speak(ircd: "Ircd", channel: Channel, user: User) -> bool:
    member = channel.members.get(ircd.settings.fold(user.nick))
    if member is None:
        return "n" not in channel.modes
    return "m" not in channel.modes or bool(member.letters)


def _away(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user = _user_of(client)
    user.away = params[0] if params else ""
    ircd.numeric(client, 306 if user.away else 305, "Your away status has changed")
    watchers = [one for one in ircd.neighbours(user) if "away-notify" in _caps(ircd, one)]
    ircd.relay(user.mask, f"AWAY :{user.away}" if user.away else "AWAY", watchers)


# Asking


def _who(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    mask = params[0] if params else "*"
    channel = ircd.channel(mask)
    one = ircd.find(mask)
    users = _users(channel) if channel is not None else [one] if one is not None else []
    for user in users:
        letters = channel.members[ircd.settings.fold(user.nick)] if channel is not None else Member(user)
        flags = ("G" if user.away else "H") + _signs(ircd, letters, every="multi-prefix" in client.caps)
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


def _whois(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
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


def _list(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    wanted = {ircd.settings.fold(name) for name in params[0].split(",")} if params else set()
    ircd.numeric(client, 321, "Channel", "Users Name")
    for key, channel in ircd.channels.items():
        if "s" not in channel.modes and (not wanted or key in wanted):
            ircd.numeric(client, 322, channel.name, str(len(channel.members)), channel.topic)
    ircd.numeric(client, 323, "End of /LIST")


def _ison(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = [user.nick for word in " ".join(params).split() if (user := ircd.find(word)) is not None]
    ircd.numeric(client, 303, " ".join(found))


def _userhost(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    found = [user for word in params if (user := ircd.find(word)) is not None]
    ircd.numeric(client, 302, " ".join(f"{one.nick}=+{one.ident}@{one.host}" for one in found))


def _version(ircd: "Ircd", client: "Connection", _params: list[str]) -> None:
    ircd.numeric(client, 351, "scripted", ircd.settings.name, "Causeway playground")


COMMANDS: Mapping[str, Handler] = {
    "AUTHENTICATE": _authenticate,
    "AWAY": _away,
    "CAP": _cap,
    "INVITE": _invite,
    "ISON": _ison,
    "JOIN": _join,
    "KICK": _kick,
    "LIST": _list,
    "MODE": _mode,
    "MOTD": _motd,
    "NAMES": _names,
    "NICK": _nick,
    "NOTICE": _notice,
    "PART": _part,
    "PASS": _pass,
    "PING": _ping,
    "PONG": _nothing,
    "PRIVMSG": _privmsg,
    "QUIT": _quit,
    "TAGMSG": _tagmsg,
    "TOPIC": _topic,
    "USER": _user,
    "USERHOST": _userhost,
    "VERSION": _version,
    "WHO": _who,
    "WHOIS": _whois,
}
