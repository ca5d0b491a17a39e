"""From the first line to the welcome, and the end: capabilities, SASL, names."""

import base64
import binascii
from typing import TYPE_CHECKING

from gateway.playground.ircd.scram import Scram
from gateway.playground.ircd.state import User

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd


_NICK_FORBIDDEN = set(" ,*?!@:#&+%~.$\x00")


def cap(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    offered = dict(ircd.settings.capabilities)
    if ircd.settings.accounts:
        offered["sasl"] = ",".join(ircd.settings.mechanisms)
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
        known = known and not ("sasl" in wanted and ircd.settings.sasl == "refusing")
        if known:
            client.caps |= {cap for cap in wanted if not cap.startswith("-")}
            client.caps -= {cap[1:] for cap in wanted if cap.startswith("-")}
        client.send(f"{head} {'ACK' if known else 'NAK'} :{params[-1]}")
    elif command == "END":
        client.negotiating = False
        register(ircd, client)
    else:
        ircd.numeric(client, 410, command or "*", "Invalid CAP command")


def authenticate(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    settings = ircd.settings
    word = params[0] if params else ""
    if settings.sasl == "silent":
        return
    if not client.sasl:
        if word.upper() in settings.mechanisms:
            client.sasl = word.upper()
            client.scram = Scram(settings.accounts, lying=settings.sasl == "lying")
            client.send("AUTHENTICATE +")
        else:
            ircd.numeric(client, 908, ",".join(settings.mechanisms), "are available SASL mechanisms")
            ircd.numeric(client, 904, "SASL authentication failed")
        return
    if word == "*":
        client.sasl = ""
        ircd.numeric(client, 906, "SASL authentication aborted")
        return
    try:
        said = b"" if word == "+" else base64.b64decode(word, validate=True)
        account = (_plain if client.sasl == "PLAIN" else _scram)(ircd, client, said)
    except (binascii.Error, ValueError):
        account = ""
    if account is None:
        return
    client.sasl = ""
    if account:
        client.account = account
        ircd.numeric(client, 900, f"{client.name}!*@*", account, f"You are now logged in as {account}")
        ircd.numeric(client, 903, "SASL authentication successful")
    else:
        ircd.numeric(client, 904, "SASL authentication failed")


def _plain(ircd: "Ircd", _client: "Connection", said: bytes) -> str | None:
    """The account, or "" for nobody."""
    _, account, password = said.decode().split("\0")
    return account if ircd.settings.accounts.get(account) == password else ""


def _scram(_ircd: "Ircd", client: "Connection", said: bytes) -> str | None:
    """The same; None while it goes on."""
    scram = client.scram
    if not said:  # the client has seen our signature
        return scram.account if scram.finished else ""
    answer = scram.final(said) if scram.begun else scram.first(said)
    if answer is None:
        return ""
    client.send(f"AUTHENTICATE {base64.b64encode(answer).decode()}")
    return None


def pass_command(_ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    client.password = params[0] if params else ""


def nick(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
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
    register(ircd, client)


def user(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    if client.user is not None:
        ircd.numeric(client, 462, "You may not reregister")
    elif len(params) < 4:
        ircd.numeric(client, 461, "USER", "Not enough parameters")
    else:
        client.ident, client.realname = f"~{params[0][:10]}", params[3]
        register(ircd, client)


def register(ircd: "Ircd", client: "Connection") -> None:
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
    motd(ircd, client, [])


def motd(ircd: "Ircd", client: "Connection", _params: list[str]) -> None:
    if not ircd.settings.motd:
        ircd.numeric(client, 422, "MOTD File is missing")
        return
    ircd.numeric(client, 375, f"- {ircd.settings.name} Message of the day -")
    for text in ircd.settings.motd:
        ircd.numeric(client, 372, f"- {text}")
    ircd.numeric(client, 376, "End of /MOTD command.")


def ping(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    client.send(f":{ircd.settings.name} PONG {ircd.settings.name} :{params[0] if params else ''}")


def nothing(_ircd: "Ircd", _client: "Connection", _params: list[str]) -> None:
    """Commands that need no answer."""


def quit(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    reason = f"Quit: {params[0]}" if params and params[0] else "Quit"
    ircd.remove(client, reason)
    client.close(reason)
