"""Which function handles which command of the scripted server."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.playground.ircd import asking, history, modern, modes, registration, rooms, talking

if TYPE_CHECKING:  # the server imports this table
    from gateway.playground.ircd.server import Connection, Ircd

Handler = Callable[["Ircd", "Connection", list[str]], None]

UNREGISTERED = frozenset({"CAP", "NICK", "USER", "PASS", "AUTHENTICATE", "PING", "PONG", "QUIT"})

COMMANDS: Mapping[str, Handler] = {
    "AUTHENTICATE": registration.authenticate,
    "AWAY": talking.away,
    "BATCH": modern.batch,
    "CAP": registration.cap,
    "CHATHISTORY": history.chathistory,
    "INVITE": rooms.invite,
    "ISON": asking.ison,
    "JOIN": rooms.join,
    "KICK": rooms.kick,
    "LIST": asking.list_command,
    "MODE": modes.mode,
    "MOTD": registration.motd,
    "NAMES": rooms.names,
    "NICK": registration.nick,
    "NOTICE": talking.notice,
    "PART": rooms.part,
    "PASS": registration.pass_command,
    "PING": registration.ping,
    "PONG": registration.nothing,
    "PRIVMSG": talking.privmsg,
    "QUIT": registration.quit,
    "REDACT": modern.redact,
    "TAGMSG": talking.tagmsg,
    "TOPIC": rooms.topic,
    "USER": registration.user,
    "USERHOST": asking.userhost,
    "VERSION": asking.version,
    "WHO": asking.who,
    "WHOIS": asking.whois,
}
