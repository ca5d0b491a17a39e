"""From an open connection to the welcome: capabilities, SASL, PASS, NICK, USER. Lines in, lines out; no clock, no socket.

CAP LS 302, PASS, NICK, USER  ->  CAP ... / SASL / 433: another nick  ->  001, or ``SessionEnded``
"""

import base64
import random
from collections.abc import Mapping, Set
from contextlib import suppress

from bridges.irc.ending import sent_away
from bridges.irc.extras import CHATHISTORY, MULTILINE, REDACTION
from bridges.irc.numerics import refused
from bridges.irc.profile import Profile
from bridges.irc.protocol.caps import CapNegotiator
from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.mechanisms import Derivation, External, Mechanism, Plain, Scram
from bridges.irc.protocol.sasl import Result, SaslEngine
from gateway.bridge import SessionEnded
from gateway.model import Condition, ErrorType, Refused

# Without what nobody here reads.
WANTED = (
    "message-tags",
    "server-time",
    "batch",
    "labeled-response",
    "echo-message",
    "standard-replies",
    "account-tag",
    "account-notify",
    "extended-join",
    "multi-prefix",
    "userhost-in-names",
    "chghost",
    MULTILINE,
    REDACTION,
    CHATHISTORY,
)

_SHORTEST_NICKLEN = 9  # RFC 1459 §1.2: what every network takes
_VARIATIONS = 3  # the nick itself among them
_RANDOM_NICKS = 5
_SERVICES_DELAY = 60.0  # seconds before the next try when the network's login service is away
_NICK_REFUSED = frozenset(("432", "433", "436", "437"))


class Login:
    """One registration. ``welcome`` is the nick the network gave us, empty until 001. ``encrypted`` is what the connection
    is; ``certificate``: it was made with the user's; ``official``: it goes where the operator's secrets may go."""

    __slots__ = ("_caps", "_encrypted", "_official", "_profile", "_random", "_tried", "nick", "welcome")

    def __init__(
        self,
        profile: Profile,
        rng: random.Random,
        *,
        encrypted: bool = True,
        certificate: bool = False,
        official: bool = False,
    ) -> None:
        self._profile = profile
        self._encrypted = encrypted
        self._official = official
        self._random = rng
        self._tried = 0  # nicks that were refused
        self.nick = profile.nick
        self.welcome = ""
        sasl = None
        if profile.sasl is not None or certificate:
            sasl = SaslEngine(_mechanisms(profile, rng, encrypted=encrypted, certificate=certificate))
        # With a certificate alone we go on: the network has to be told of it first, by somebody who is there.
        required = profile.sasl is not None and profile.sasl_required
        self._caps = CapNegotiator(WANTED, sasl=sasl, require_sasl=required)

    @property
    def enabled(self) -> Set[str]:
        """The capabilities that are on now."""
        return self._caps.enabled

    @property
    def offered(self) -> Mapping[str, str]:
        """The server's capabilities with their values."""
        return self._caps.offered

    @property
    def transport_policy(self) -> str:
        """What the server says of encryption (IRCv3 sts); empty if nothing."""
        return self._caps.offered.get("sts", "")

    @property
    def waiting(self) -> bool:
        """Whether the server owes us an answer about capabilities or SASL."""
        return self._caps.waiting

    @property
    def work(self) -> Derivation | None:
        """A key to be derived off the loop, and given to ``worked``."""
        return self._caps.work

    @property
    def account(self) -> str:
        """The account we logged in to; our own name for it where the server does not tell."""
        outcome = self._caps.outcome
        if outcome is None or outcome.result is not Result.SUCCESS:
            return ""
        return outcome.account or (self._profile.sasl[0] if self._profile.sasl else self.welcome)

    @property
    def shortcoming(self) -> str:
        """Why we are in without being logged in to the user's account, in a sentence; empty if that is not so."""
        outcome = self._caps.outcome
        if outcome is None or outcome.result is Result.SUCCESS:
            return ""
        return (
            f"You are connected to {self._profile.network}, but not logged in to your account there: "
            f"{outcome.text.rstrip('.') or 'no reason given'}."
        )

    def worked(self, work: Derivation, key: bytes) -> list[str]:
        """What to send now that ``work`` is done. Raises ``SessionEnded``."""
        return self._go_on(self._caps.worked(work, key))

    def overdue(self) -> list[str]:
        """What to send to go on without the answer that the server owes us. Raises ``SessionEnded``."""
        return self._go_on(self._caps.overdue())

    def _go_on(self, lines: list[str]) -> list[str]:
        if self._caps.failed and not self.welcome:
            raise self._not_logged_in()
        return lines

    def start(self) -> list[str]:
        """What to send first."""
        profile = self._profile
        lines = []
        if self._official and profile.webirc:
            # Before all else. "secure" is about the way to the server too, which we know; that to the user is XMPP's.
            options = ("secure",) if self._encrypted else ()
            lines.append(serialise("WEBIRC", *profile.webirc, *options))
        lines += self._caps.start()
        password = profile.password or (profile.common_password if self._official else "")
        if password:
            lines.append(serialise("PASS", password))
        lines.append(serialise("NICK", self.nick))
        lines.append(serialise("USER", profile.username, "0", "*", profile.realname))
        return lines

    @property
    def rejected(self) -> bool:
        """Whether the server did not accept the account with its password or certificate."""
        outcome = self._caps.outcome
        return outcome is not None and outcome.result is Result.FAILED

    def feed(self, line: Line) -> list[str]:
        """What to send in answer. Raises ``SessionEnded`` when the login fails. To be fed with every line, after the welcome
        too: capabilities come and go."""
        lines = self._go_on(self._caps.feed(line))
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
        self._tried += 1
        nick = _candidate(self._profile.nick, self._tried, self._random)
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

    def _not_logged_in(self) -> SessionEnded:
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


def _mechanisms(
    profile: Profile, rng: random.Random, *, encrypted: bool, certificate: bool
) -> list[Mechanism]:
    """The ways to log in, the best first; a password never leaves us unencrypted unless the operator allows it."""
    found: list[Mechanism] = [External()] if certificate else []
    if profile.sasl is None:
        return found
    user, password = profile.sasl

    def nonce() -> str:
        return base64.b64encode(rng.getrandbits(192).to_bytes(24, "big")).decode("ascii")

    with suppress(ValueError):  # names and passwords that SASLprep does not know are left to PLAIN
        found += [Scram(name, user, password, nonce) for name in ("SCRAM-SHA-512", "SCRAM-SHA-256")]
    if encrypted or profile.settings.allow_plaintext_login:
        found.append(Plain(user, password))
    return found


def _candidate(nick: str, tried: int, rng: random.Random) -> str:
    """What to be called when so many nicks were refused: ``nick_``, ``nick__``, then random ones that every network finds
    short enough; empty when there have been enough of them."""
    if tried < _VARIATIONS:
        return nick + "_" * tried
    stem = nick[: _SHORTEST_NICKLEN - 4] if nick.isascii() else "user"
    return f"{stem}{rng.randrange(1000, 10_000)}" if tried < _VARIATIONS + _RANDOM_NICKS else ""
