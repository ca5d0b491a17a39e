"""SASL over IRC (IRCv3 sasl-3.1, sasl-3.2): the exchange around the mechanisms.

Does not know when to log in (``caps`` does), whether the connection is safe enough for a mechanism (the session chooses
which to give), or how long to wait (whoever gives it the lines says when it was too long).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.mechanisms import Derivation, Mechanism, MechanismFailed

#: Bytes of base64 in one AUTHENTICATE; a chunk of exactly this length is followed by another.
CHUNK = 400

#: A challenge longer than this is no challenge.
MAX_CHALLENGE = 64 * 1024


class Result(StrEnum):
    """How a login ended."""

    SUCCESS = "success"
    FAILED = "failed"  # the server refused our credentials, or the mechanism the server
    UNAVAILABLE = "unavailable"  # no SASL, no mechanism in common, or the services are away: try again later


@dataclass(frozen=True, slots=True)
class Outcome:
    """``text`` is for people, in the server's words where it gave any; ``account`` is who we are now, if it told."""

    result: Result
    text: str = ""
    account: str = ""


class SaslEngine:
    """One login on one connection: tries the mechanisms in the order given. ``outcome`` is None until it is over."""

    def __init__(self, mechanisms: Sequence[Mechanism]) -> None:
        self._all = tuple(mechanisms)
        self._left = list(mechanisms)
        self._current: Mechanism | None = None
        self._challenge: list[str] = []
        self._challenge_size = 0
        self._account = ""
        self._refusal: str | None = None  # why the last mechanism failed
        self._stale_refusal = False  # the next 904 may still be about the mechanism before
        self.outcome: Outcome | None = None
        #: What has to be derived, off the loop, before we can answer: give it to ``worked``.
        self.work: Derivation | None = None

    @property
    def running(self) -> bool:
        return self._current is not None and self.outcome is None

    def start(self, offered: str = "") -> list[str]:
        """Begin; ``offered`` is the value of the ``sasl`` capability (``PLAIN,EXTERNAL``), empty if none was told."""
        self._keep(offered)
        return self._next()

    def unavailable(self, text: str) -> None:
        """End it without a try: the server has no SASL."""
        self._end(Result.UNAVAILABLE, text)

    def again(self) -> None:
        """The services are back: what was unavailable is to be tried once more."""
        if self.outcome is not None and self.outcome.result is Result.UNAVAILABLE:
            self._left = list(self._all)
            self._refusal = None
            self.outcome = None

    def overdue(self) -> list[str]:
        """The server has not answered for too long."""
        if not self.running:
            return []
        self._end(Result.UNAVAILABLE, "The login service did not answer.")
        return [serialise("AUTHENTICATE", "*")]

    def worked(self, work: Derivation, key: bytes) -> list[str]:
        """What was derived for ``work``; nothing if it is not waited for any more."""
        if self.work is not work or not self.running:
            return []
        self.work = None
        try:
            return chunked(work.then(key))
        except MechanismFailed as failed:
            return self._abort(str(failed))

    def feed(self, line: Line) -> list[str]:
        """The lines to send in answer to AUTHENTICATE, 421, 451 and 900-908; other lines are ignored."""
        answer = _ANSWERS.get(line.command)
        return answer(self, line) if answer is not None and self.running else []

    def _keep(self, offered: str) -> None:
        """Leave out mechanisms that the server does not have."""
        names = _names(offered)
        if names:
            self._left = [mechanism for mechanism in self._left if mechanism.name in names]

    def _next(self) -> list[str]:
        if self._left:
            self._current = self._left.pop(0)
            self._current.begin()
            self.work = None
            self._challenge.clear()
            self._challenge_size = 0
            return [serialise("AUTHENTICATE", self._current.name)]
        if self._refusal is not None:
            self._end(Result.FAILED, self._refusal)
        else:
            self._end(Result.UNAVAILABLE, "The server offers no login mechanism that we have.")
        return []

    def _end(self, result: Result, text: str) -> None:
        self._current = None
        self.work = None
        self._left.clear()
        self.outcome = Outcome(result, text, self._account)

    def _abort(self, text: str) -> list[str]:
        self._end(Result.FAILED, text)
        return [serialise("AUTHENTICATE", "*")]

    def _authenticate(self, line: Line) -> list[str]:
        """One chunk of a challenge, and after the last one our answer."""
        chunk = line.params[0] if line.params else "+"
        if chunk != "+":
            self._challenge_size += len(chunk)
            if self._challenge_size > MAX_CHALLENGE:
                return self._abort("The server's login challenge has no end.")
            self._challenge.append(chunk)
            if len(chunk) == CHUNK:
                return []
        self._stale_refusal = False
        encoded = "".join(self._challenge)
        self._challenge.clear()
        self._challenge_size = 0
        if self._current is None:
            return []
        try:
            response = self._current.respond(base64.b64decode(encoded, validate=True))
            if isinstance(response, Derivation):
                self.work = response
                return []
        except (binascii.Error, ValueError):
            return self._abort("The server's login challenge is not base64.")
        except MechanismFailed as failed:
            return self._abort(str(failed))
        return chunked(response)

    def _logged_in(self, line: Line) -> list[str]:
        self._account = line.params[2] if len(line.params) > 3 else ""
        return []

    def _succeeded(self, line: Line) -> list[str]:
        if self._current is not None and not self._current.satisfied and line.command != "907":
            return self._abort("The server let us in without a proof that it knows your password.")
        self._end(Result.SUCCESS, _words(line))
        return []

    def _refused(self, line: Line) -> list[str]:
        """904 also answers an unknown mechanism, so whatever is left gets its turn."""
        if self._stale_refusal:
            self._stale_refusal = False
            return []
        self._refusal = _words(line) or "The server refused our login."
        return self._next()

    def _locked(self, line: Line) -> list[str]:
        self._end(Result.FAILED, _words(line))
        return []

    def _aborted(self, line: Line) -> list[str]:
        """Not by us, or it would be over already: the services did not answer in time."""
        self._end(Result.UNAVAILABLE, _words(line))
        return []

    def _mechanisms(self, line: Line) -> list[str]:
        """908 tells what the server has, before a 904 or in place of it. If our mechanism is on the list, 904 decides; else
        the next one starts now, and a 904 that comes before the server's answer to that one is about the old one."""
        offered = line.params[1] if len(line.params) > 1 else ""
        self._keep(offered)
        if self._current is None or self._current.name in _names(offered):
            return []
        self._stale_refusal = True
        return self._next()

    def _unknown(self, line: Line) -> list[str]:
        if len(line.params) > 1 and line.params[1].upper() == "AUTHENTICATE":
            self._end(Result.UNAVAILABLE, "The server does not know how to log us in (SASL).")
        return []


def chunked(response: bytes) -> list[str]:
    """``response`` as AUTHENTICATE lines: base64 in chunks of 400, a lone ``+`` for nothing and after a full last chunk."""
    encoded = base64.b64encode(response).decode("ascii")
    lines = [serialise("AUTHENTICATE", encoded[at : at + CHUNK]) for at in range(0, len(encoded), CHUNK)]
    if len(encoded) % CHUNK == 0:
        lines.append(serialise("AUTHENTICATE", "+"))
    return lines


def _names(offered: str) -> set[str]:
    return {name.upper() for name in offered.split(",") if name}


def _words(line: Line) -> str:
    return line.params[-1] if len(line.params) > 1 else ""


_ANSWERS: dict[str, Callable[[SaslEngine, Line], list[str]]] = {
    "AUTHENTICATE": SaslEngine._authenticate,
    "421": SaslEngine._unknown,
    "451": SaslEngine._unknown,
    "900": SaslEngine._logged_in,
    "902": SaslEngine._locked,
    "903": SaslEngine._succeeded,
    "904": SaslEngine._refused,
    "905": SaslEngine._refused,
    "906": SaslEngine._aborted,
    "907": SaslEngine._succeeded,  # "already authenticated": what we wanted
    "908": SaslEngine._mechanisms,
}
