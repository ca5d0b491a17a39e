"""A server that keeps what was said (IRCv3 draft/chathistory): LATEST and TARGETS, all that clients who come back need."""

import datetime
import itertools
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from gateway.playground.ircd.common import user_of

if TYPE_CHECKING:  # the server imports the commands
    from gateway.playground.ircd.server import Connection, Ircd

CHATHISTORY = "draft/chathistory"
_KEPT = 500
_MOST = 100


class Said(NamedTuple):
    time: str
    id: str
    mask: str
    command: str
    target: str
    text: str


class History:
    """What was said, by channel or by the two who talked, all folded."""

    def __init__(self) -> None:
        self._said: dict[frozenset[str], deque[Said]] = {}
        self._batches = itertools.count(1)

    def add(self, places: frozenset[str], id_: str, mask: str, command: str, target: str, text: str) -> None:
        line = Said(now(), id_, mask, command, target, text)
        self._said.setdefault(places, deque(maxlen=_KEPT)).append(line)

    def latest(self, places: frozenset[str], after: str, limit: int) -> list[Said]:
        return [one for one in self._said.get(places, ()) if one.time > after][-limit:]

    def news(self, nick: str, after: str) -> list[tuple[str, str]]:
        """Whom ``nick`` talked with since, and when last."""
        found = []
        for places, said in self._said.items():
            others = places - {nick}
            if nick in places and others and said[-1].time > after:
                found.append((next(iter(others)), said[-1].time))
        return found

    def reference(self) -> str:
        return f"h{next(self._batches)}"


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def places(ircd: "Ircd", nick: str, target: str) -> frozenset[str]:
    fold = ircd.settings.fold
    return frozenset((fold(target),) if ircd.channel(target) is not None else (fold(nick), fold(target)))


def chathistory(ircd: "Ircd", client: "Connection", params: list[str]) -> None:
    user, history = user_of(client), ircd.history
    word = params[0].upper() if params else ""
    references = [each.removeprefix("timestamp=") for each in params[1:-1]]
    if CHATHISTORY not in client.caps:
        ircd.numeric(client, 421, "CHATHISTORY", "Unknown command")
        return
    if word not in ("LATEST", "TARGETS") or len(params) != 4 or not params[3].isdecimal():
        client.send(
            f":{ircd.settings.name} FAIL CHATHISTORY INVALID_PARAMS {word or '*'} :Invalid parameters"
        )
        return
    limit, reference = min(int(params[3]), _MOST), history.reference()
    if word == "TARGETS":
        client.send(f":{ircd.settings.name} BATCH +{reference} draft/chathistory-targets")
        for name, time in history.news(ircd.settings.fold(user.nick), min(references))[:limit]:
            client.send(f"@batch={reference} :{ircd.settings.name} CHATHISTORY TARGETS {name} {time}")
    else:
        after = "" if references[1] == "*" else references[1]
        client.send(f":{ircd.settings.name} BATCH +{reference} chathistory {params[1]}")
        for said in history.latest(places(ircd, user.nick, params[1]), after, limit):
            head = f"@batch={reference};msgid={said.id};time={said.time}"
            client.send(f"{head} :{said.mask} {said.command} {said.target} :{said.text}")
    client.send(f":{ircd.settings.name} BATCH -{reference}")
