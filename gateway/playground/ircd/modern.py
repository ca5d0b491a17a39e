"""What few servers have yet: answers that bear the label of their request, messages taken back, messages in batches."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.playground.ircd.common import caps_of, user_of, users_of
from gateway.playground.ircd.state import User

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd

LABELS, MULTILINE, REDACTION = "labeled-response", "draft/multiline", "draft/message-redaction"
#: For ``IrcdSettings.capabilities``: those that go beyond the usual ones.
CAPABILITIES = {"batch": "", LABELS: "", REDACTION: "", MULTILINE: "max-bytes=4096,max-lines=20"}
_REMEMBERED = 1000


class Memory:
    """Who said what with which id, so that it can be taken back."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, tuple[User, str]] = OrderedDict()

    def add(self, id_: str, author: User, target: str) -> None:
        self._said[id_] = author, target
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)

    def author(self, id_: str, target: str) -> User | None:
        author, where = self._said.get(id_, (None, ""))
        return author if where == target else None

    def forget(self, id_: str) -> None:
        self._said.pop(id_, None)


def labelled(server: str, label: str, lines: Sequence[str]) -> list[str]:
    """The one answer to a request (labeled-response, "Tags")."""
    if not lines:
        return [f"@label={label} :{server} ACK"]
    if len(lines) == 1:
        return [_tagged(lines[0], f"label={label}")]
    reference = f"l{label}"
    inner = [_tagged(line, f"batch={reference}") for line in lines]
    return [
        f"@label={label} :{server} BATCH +{reference} labeled-response",
        *inner,
        f":{server} BATCH -{reference}",
    ]


def _tagged(line: str, tag: str) -> str:
    return f"@{tag};{line[1:]}" if line.startswith("@") else f"@{tag} {line}"


def redact(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    """REDACT target id [reason]: one's own messages, and as an operator those of others."""
    user = user_of(client)
    if REDACTION not in client.caps:
        ircd.numeric(client, 421, "REDACT", "Unknown command")
        return
    if len(params) < 2:
        ircd.numeric(client, 461, "REDACT", "Not enough parameters")
        return
    target, id_ = params[0], params[1]
    author = ircd.memory.author(id_, ircd.settings.fold(target))
    channel, person = ircd.channel(target), ircd.find(target)
    member = channel.members.get(ircd.settings.fold(user.nick)) if channel is not None else None
    fail = f":{ircd.settings.name} FAIL REDACT"
    if author is None:
        client.send(f"{fail} UNKNOWN_MSGID {target} {id_} :This message does not exist or is too old")
    elif author is not user and (member is None or not member.letters & set("qaoh")):
        client.send(f"{fail} REDACT_FORBIDDEN {target} {id_} :You are not authorised to delete this message")
    else:
        ircd.memory.forget(id_)
        to = users_of(channel) if channel is not None else [user, *([person] if person is not None else [])]
        reason = f" :{params[2]}" if len(params) > 2 else ""
        knowing = [one for one in to if REDACTION in caps_of(ircd, one)]
        ircd.relay(user.mask, f"REDACT {target} {id_}{reason}", knowing)


def batch(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    """A message of several lines, from its beginning to its end."""
    word = params[0] if params else ""
    if word.startswith("+") and len(params) > 2 and params[1] == MULTILINE and MULTILINE in client.caps:
        client.batch = (word[1:], params[2], client.client_tags, [])
    elif word.startswith("-") and client.batch is not None and client.batch[0] == word[1:]:
        _, target, tags, lines = client.batch
        client.batch = None
        _say(ircd, client, target, tags, lines)
    else:
        client.send(f":{ircd.settings.name} FAIL BATCH MULTILINE_INVALID :Invalid multiline batch")


def _say(
    ircd: "Ircd",
    client: "Connection",
    target: str,
    tags: Sequence[str],
    lines: Sequence[tuple[bool, str, str]],
) -> None:
    user, channel, person = user_of(client), ircd.channel(target), ircd.find(target)
    if len(lines) > 20:
        client.send(f":{ircd.settings.name} FAIL BATCH MULTILINE_MAX_LINES 20 :Multiline batch too long")
        return
    if channel is None and person is None:
        ircd.numeric(client, 401, target, "No such nick/channel")
        return
    to: Iterable[User] = users_of(channel) if channel is not None else [person] if person is not None else []
    everybody = [*(one for one in to if one is not user), *([user] if "echo-message" in client.caps else [])]
    id_ = ircd.next_id()
    ircd.memory.add(id_, user, ircd.settings.fold(target))
    for one in everybody:
        connection = ircd.connections.get(ircd.settings.fold(one.nick))
        if connection is None:
            continue
        head = ";".join([f"msgid={id_}", *tags])
        if MULTILINE in connection.caps:
            connection.send(f"@{head} :{user.mask} BATCH +{id_} {MULTILINE} {target}")
            for concat, command, text in lines:
                more = ";draft/multiline-concat" if concat else ""
                connection.send(f"@batch={id_}{more} :{user.mask} {command} {target} :{text}")
            connection.send(f":{user.mask} BATCH -{id_}")
        else:
            for number, (_, command, text) in enumerate(lines):
                first = f"@{head} " if not number and "message-tags" in connection.caps else ""
                if text:
                    connection.send(f"{first}:{user.mask} {command} {target} :{text}")
