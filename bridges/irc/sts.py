"""Strict Transport Security (IRCv3 sts): servers that want encryption only, and remembering which they are.

Knows no connection: it is told what a server said on what kind of connection, and says where to connect.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridges.irc.dial import Endpoint, TlsSettings
from bridges.irc.errands import Errands
from gateway.bridge import Clock, Memory

#: A policy of a hundred years is one of ten: somebody who guessed wrong gets the server back some day.
LONGEST = 10 * 365 * 86_400
_HOSTS_KEPT = 1000
_DAY = 86_400.0
_NAME = "sts"


@dataclass(frozen=True, slots=True)
class Policy:
    """``until`` is when it expires, in Unix seconds; ``duration`` what the server said last, in seconds."""

    port: int
    until: float
    duration: int


def tokens(value: str) -> dict[str, str]:
    """The value of the capability: ``port=6697,duration=86400,preload``. A key that is there twice counts as absent."""
    found: dict[str, str] = {}
    twice = set()
    for token in value.split(","):
        key, _, word = token.partition("=")
        if key in found:
            twice.add(key)
        found[key] = word
    return {key: word for key, word in found.items() if key not in twice}


def upgrade(value: str) -> int | None:
    """The port to connect to instead of the unencrypted one; None if the value does not say."""
    port = _number(tokens(value).get("port", ""), 65_535)
    return port or None


def duration(value: str) -> int | None:
    """How many seconds only encrypted connections are to be made from now on; None if the value does not say."""
    seconds = _number(tokens(value).get("duration", ""), 10**18)
    return None if seconds is None else min(seconds, LONGEST)


def enforced(
    policy: Policy | None, endpoints: Sequence[Endpoint], usual: TlsSettings
) -> tuple[Endpoint, ...]:
    """``endpoints`` as the policy leaves them: encrypted and verified, whatever anybody set, with its own port first.
    ``usual`` is how to trust the server where no endpoint says so."""
    if policy is None or not endpoints:
        return tuple(endpoints)
    secure = [replace(each, tls=replace(each.tls, verify=True)) for each in endpoints if each.tls is not None]
    kept = next((each for each in secure if each.port == policy.port), None)
    model = secure[0] if secure else replace(endpoints[0], tls=replace(usual, verify=True))
    first = kept or replace(model, port=policy.port)
    return (first, *(each for each in secure if each is not kept))


class Policies:
    """The policies of all hosts, in memory and beyond it."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._known: dict[str, Policy | None] = {}
        self._written: dict[str, Policy] = {}
        self._errands = Errands("sts policy")

    async def find(self, host: str) -> Policy | None:
        """The policy for a host, if one is in force."""
        host = host.lower()
        if host not in self._known:
            policy = _read((await self._memory.recall("", host)).get(_NAME, ""))
            if len(self._known) >= _HOSTS_KEPT:
                self._known.clear()
                self._written.clear()
            if policy is not None:
                self._written.setdefault(host, policy)
            self._known.setdefault(host, policy)
        policy = self._known[host]
        return policy if policy is not None and policy.until > self._clock.now() else None

    def said(self, host: str, port: int, seconds: int) -> None:
        """A server said on an encrypted, verified connection how long its policy lasts; 0 ends it. To be told again when
        such a connection ends ("Rescheduling expiry on disconnect")."""
        host = host.lower()
        policy = Policy(port, self._clock.now() + seconds, seconds) if seconds else None
        self._known[host] = policy
        written = self._written.get(host)
        if policy is None:
            if self._written.pop(host, None) is not None:
                self._errands.run(self._memory.forget("", host, _NAME))
        elif not _about_the_same(policy, written):
            self._written[host] = policy
            self._errands.run(self._memory.remember("", host, _NAME, _text(policy)))


def _about_the_same(policy: Policy, written: Policy | None) -> bool:
    """Whether a row saves nothing: a thousand logins a minute move the end by as little."""
    if written is None or (policy.port, policy.duration) != (written.port, written.duration):
        return False
    return policy.until - written.until < min(_DAY, policy.duration / 10)


def _text(policy: Policy) -> str:
    return json.dumps({"port": policy.port, "until": policy.until, "duration": policy.duration})


def _read(text: str) -> Policy | None:
    if not text:
        return None
    values = json.loads(text)
    return Policy(values["port"], values["until"], values["duration"])


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20) or int(text) > most:
        return None
    return int(text)
