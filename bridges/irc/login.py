"""From an open connection to the welcome: capabilities, SASL, PASS, NICK, USER. Lines in, lines out; no clock, no socket.

CAP LS 302, PASS, NICK, USER  ->  CAP ... / SASL / 433: another nick  ->  001, or ``SessionEnded``
"""

import random
from collections.abc import Iterator

from bridges.irc.ending import sent_away
from bridges.irc.numerics import refused
from bridges.irc.profile import Profile
from bridges.irc.protocol.caps import CapNegotiator
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.mechanisms import Plain
from bridges.irc.protocol.sasl import Result, SaslEngine
from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

# Without echo-message (messages are told back by the core) and without what nobody here reads.
WANTED = ("message-tags", "server-time", "batch", "multi-prefix", "userhost-in-names", "chghost")

_SHORTEST_NICKLEN = 9  # RFC 1459 §1.2: what every network takes
_RANDOM_NICKS = 5
_SERVICES_DELAY = 60.0  # seconds before the next try when the network's login service is away
_NICK_REFUSED = frozenset(("432", "433", "436", "437"))


class Login:
    """One registration. ``welcome`` is the nick the network gave us, empty until 001."""

    def __init__(self, profile: Profile, rng: random.Random) -> None:
        self._profile = profile
        self._nicks = _candidates(profile.nick, rng)
        self.nick = next(self._nicks)
        self.welcome = ""
        sasl = SaslEngine([Plain(*profile.sasl)]) if profile.sasl else None
        self._caps = CapNegotiator(WANTED, sasl=sasl, require_sasl=sasl is not None)

    def start(self) -> list[str]:
        """What to send first."""
        profile = self._profile
        lines = self._caps.start()
        if profile.password:
            lines.append(serialise("PASS", profile.password))
        lines.append(serialise("NICK", self.nick))
        lines.append(serialise("USER", profile.username, "0", "*", profile.realname))
        return lines

    def feed(self, line: Line) -> list[str]:
        """What to send in answer. Raises ``SessionEnded`` when the login fails. To be fed with every line, after the welcome
        too: capabilities come and go."""
        lines = self._caps.feed(line)
        if self._caps.failed and not self.welcome:
            raise self._not_logged_in(line)
        if self.welcome:
            return lines
        if line.command == "001":
            self.welcome = (line.params[0] if line.params else "") or self.nick
        elif line.command in _NICK_REFUSED:
            lines.append(self._other_nick(line))
        elif line.command == "464":
            raise SessionEnded(
                refused(line.command, line.params, self._profile.network), retry=False, credentials=True
            )
        elif line.command == "465":
            raise sent_away(self._profile.network, f"banned: {line.params[-1] if line.params else ''}")
        return lines

    def _other_nick(self, line: Line) -> str:
        where = self._profile.network
        if line.command == "432" and self.nick == self._profile.nick:
            # Not taken but impossible: a variation of it would be as impossible, and the user should know.
            raise SessionEnded(refused(line.command, line.params, where), retry=False, credentials=True)
        nick = next(self._nicks, "")
        if not nick:
            raise SessionEnded(
                Refused(
                    Condition.CONFLICT,
                    f"{where} takes neither the nick {self._profile.nick} nor others like it "
                    f"({line.params[-1] if line.params else 'no reason given'}). Choose another nick.",
                    ErrorType.CANCEL,
                ),
                delay=_SERVICES_DELAY,
            )
        self.nick = nick
        return serialise("NICK", nick)

    def _not_logged_in(self, line: Line) -> SessionEnded:
        where, outcome = self._profile.network, self._caps.outcome
        words = outcome.text if outcome is not None else ""
        if outcome is not None and outcome.result is Result.FAILED:
            return SessionEnded(
                Refused(
                    Condition.NOT_AUTHORIZED,
                    f"{where} did not accept your account and password: {words or 'no reason given'}. "
                    "Correct them in the gateway's settings for this network.",
                ),
                retry=False,
                credentials=True,
            )
        return SessionEnded(
            Refused(
                Condition.SERVICE_UNAVAILABLE,
                f"{where} cannot log you in to your account now: {words or 'it offers no SASL'}. Try again later, or remove "
                "the SASL password from the gateway's settings.",
                ErrorType.WAIT,
            ),
            delay=_SERVICES_DELAY,
        )


def _candidates(nick: str, rng: random.Random) -> Iterator[str]:
    """``nick``, ``nick_``, ``nick__``, then random ones that every network finds short enough."""
    yield nick
    yield f"{nick}_"
    yield f"{nick}__"
    stem = nick[: _SHORTEST_NICKLEN - 4] if nick.isascii() else "user"
    for _ in range(_RANDOM_NICKS):
        yield f"{stem}{rng.randrange(1000, 10_000)}"
