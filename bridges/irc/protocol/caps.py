"""IRCv3 capability negotiation (capability-negotiation, version 302) as a state machine.

Before registration::

    CAP LS 302 -> LS (several lines) -> REQ in groups -> every group ACKed or NAKed -> SASL -> END

and after it, for as long as the connection lives: NEW -> REQ -> ACK, and DEL. Every way ends: a refused group is asked for
again one by one, a server that does not know CAP says so with 410, 421 or 451 or just welcomes us. Knows no clock: when one
falls silent in the middle, ``overdue`` goes on without what it did not answer.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from bridges.irc.protocol.line import Line, serialise
from bridges.irc.protocol.mechanisms import Derivation
from bridges.irc.protocol.sasl import Outcome, Result, SaslEngine

#: Bytes of names in one REQ: far enough from 512 for the longest nick that the ACK has to name.
GROUP = 450

#: Capabilities remembered of one server; real ones have about 40.
MAX_OFFERED = 512

#: Words whose reading is remembered, over all connections: every session of a network is offered the same.
_SHARED = 1024


# An empty set of its own would cost every session 200 bytes.
_NONE: frozenset[str] = frozenset()


class CapNegotiator:
    """Feed it every CAP, AUTHENTICATE, 001, 410, 421, 451 and 900-908 line (all others are ignored); send what it returns.

    ``offered`` holds the server's capabilities with their values, ``enabled`` those that are on, now. ``finished`` is True
    when nothing of ours holds up registration any more; ``failed`` when a required login did not succeed, in which case END
    is never sent: close the connection (``outcome`` says why).
    """

    __slots__ = (
        "_listed",
        "_pending",
        "_require_sasl",
        "_sasl",
        "_wanted",
        "enabled",
        "failed",
        "finished",
        "offered",
    )

    def __init__(
        self, wanted: Iterable[str], *, sasl: SaslEngine | None = None, require_sasl: bool = False
    ) -> None:
        self._wanted = _with_sasl(tuple(wanted)) if sasl is not None else _without_sasl(tuple(wanted))
        self._sasl = sasl
        self._require_sasl = require_sasl and sasl is not None
        self._pending: list[list[str]] = []  # groups asked for, oldest first; what is answered is taken out
        self._listed = False
        self.offered: dict[str, str] = {}
        self.enabled = _NONE
        self.finished = False
        self.failed = False

    @property
    def outcome(self) -> Outcome | None:
        """How the login ended; None as long as none has: before, while it goes on, or without SASL at all."""
        return None if self._sasl is None else self._sasl.outcome

    @property
    def waiting(self) -> bool:
        """Whether the server owes us an answer."""
        return not self._listed or bool(self._pending) or (self._sasl is not None and self._sasl.running)

    @property
    def work(self) -> Derivation | None:
        """See ``SaslEngine.work``."""
        return None if self._sasl is None else self._sasl.work

    def worked(self, work: Derivation, key: bytes) -> list[str]:
        return [] if self._sasl is None else self._sasl.worked(work, key) + self._proceed()

    def overdue(self) -> list[str]:
        """The server owes us an answer for too long: what to send to go on without it."""
        if not self._listed:
            self._listed = True
            self._no_sasl("The server did not say what it can do (capabilities).")
        elif self._pending:
            self._pending.clear()
        elif self._sasl is not None:
            return self._sasl.overdue() + self._proceed()
        return self._proceed()

    def start(self) -> list[str]:
        """The first lines, to be sent before NICK and USER."""
        return [serialise("CAP", "LS", "302")]

    def feed(self, line: Line) -> list[str]:
        """The lines to send in answer."""
        if line.command == "CAP":
            # The first parameter is our nick or "*", except where it is not: InspIRCd's DEL carries somebody else's.
            subcommand = line.params[1].upper() if len(line.params) > 1 else ""
            answer = _SUBCOMMANDS.get(subcommand)
            return [] if answer is None else answer(self, line.params[2:])
        if line.command == "001":
            return self._welcomed()
        if line.command in _NO_CAP:
            return self._unknown(line) + self._feed_sasl(line)
        return self._feed_sasl(line)

    def _feed_sasl(self, line: Line) -> list[str]:
        if self._sasl is None or not self._sasl.running:
            return []
        return self._sasl.feed(line) + self._proceed()

    # -- what the server says ---------------------------------------------------------------------------------------

    def _list(self, params: list[str]) -> list[str]:
        more = len(params) > 1 and params[0] == "*"
        self._offer(params[1:] if more else params)
        if more or self._listed:
            return []
        self._listed = True
        return self._request(self.offered) + self._proceed()

    def _new(self, params: list[str]) -> list[str]:
        names = self._offer(params)
        if not self._listed:
            return []
        if "sasl" in names and self._sasl is not None:
            self._sasl.again()  # sasl-3.2: the services are back
        return self._request(names) + self._proceed()

    def _delete(self, params: list[str]) -> list[str]:
        for name in _words(params):
            self.offered.pop(name, None)
            self.enabled -= {name}
            if name == "sasl" and self._sasl is not None and self._sasl.running:
                self._sasl.unavailable("The login service (SASL) went away while we were logging in.")
        return self._proceed()

    def _acknowledge(self, params: list[str]) -> list[str]:
        oldest = self._pending[0] if self._pending else []
        for word in _words(params) or list(oldest):
            name = word.lstrip("-~=")  # modifiers of version 3.1
            if word[0] == "-":
                self.enabled -= {name}
            elif name in self._wanted:
                self.enabled |= {name}
            for group in self._pending:
                if name in group:
                    group.remove(name)
        self._pending = [group for group in self._pending if group]
        return self._proceed()

    def _refuse(self, params: list[str]) -> list[str]:
        """A group is refused as a whole. The refusal may be cut short, so one name of it tells which; without any it is the
        oldest (answers come in order)."""
        names = set(_words(params))
        refused = next((group for group in self._pending if names & set(group)), None)
        if refused is None and self._pending:
            refused = self._pending[0]
        lines = []
        if refused is not None:
            self._pending.remove(refused)
            if len(refused) > 1:
                self._pending += [[name] for name in refused]
                lines = [serialise("CAP", "REQ", name) for name in refused]
        return lines + self._proceed()

    def _welcomed(self) -> list[str]:
        """Registration is over whatever we think: a server without CAP, or one that did not wait."""
        if not self._listed:
            self._no_sasl("The server does not know how to log us in (no capabilities).")
        self._listed = True
        self.finished = True
        return []

    def _unknown(self, line: Line) -> list[str]:
        """410, 421, 451: a server that does not know CAP, or not this much of it."""
        about = line.params[1].upper() if len(line.params) > 1 else ""
        if self._listed or self.finished or (line.command == "421" and about != "CAP"):
            return []
        self._listed = True
        self._no_sasl("The server does not know how to log us in (no capabilities).")
        if line.command == "410":  # it does know CAP, and waits
            return self._proceed()
        self.finished = not self.failed
        return []

    # -- what follows -----------------------------------------------------------------------------------------------

    def _offer(self, params: list[str]) -> list[str]:
        names = []
        for word in _words(params):
            name, value = _read(word)
            if name and (name in self.offered or len(self.offered) < MAX_OFFERED):
                self.offered[name] = value
                names.append(name)
        return names

    def _request(self, names: Iterable[str]) -> list[str]:
        """Ask for those of ``names`` that are wanted and not on, in as few lines as hold them."""
        among = set(names)
        groups: list[list[str]] = []
        size = GROUP
        for name in self._wanted:
            if name not in among or name in self.enabled or (name == "sasl" and not self._sasl_open()):
                continue
            if size + 1 + len(name) > GROUP:
                groups.append([])
                size = 0
            groups[-1].append(name)
            size += 1 + len(name)
        self._pending += [list(group) for group in groups]
        return [serialise("CAP", "REQ", " ".join(group)) for group in groups]

    def _proceed(self) -> list[str]:
        """Whatever is next: nothing while something is unanswered, then the login, then END, once."""
        if self._pending or not self._listed:
            return []
        lines = []
        if self._sasl is not None and self._sasl.outcome is None:
            if "sasl" in self.enabled and not self._sasl.running:
                lines = self._sasl.start(self.offered.get("sasl", ""))
            elif "sasl" not in self.enabled and not self.finished:
                self._no_sasl("The server has no login service (SASL) at the moment.")
            if self._sasl.running:
                return lines
        self._check_login()
        if self.finished or self.failed:
            return lines
        self.finished = True
        return [*lines, serialise("CAP", "END")]

    def _sasl_open(self) -> bool:
        """Whether a login is still to be had: not yet tried, or the services were away when we tried."""
        return self._sasl is not None and not self._sasl.running and self._sasl.outcome is None

    def _no_sasl(self, text: str) -> None:
        if self._sasl is not None and self._sasl.outcome is None:
            self._sasl.unavailable(text)
        self._check_login()

    def _check_login(self) -> None:
        outcome = self.outcome
        if (
            self._require_sasl
            and outcome is not None
            and outcome.result is not Result.SUCCESS
            and not self.finished
        ):
            self.failed = True


@lru_cache(maxsize=_SHARED)
def _read(word: str) -> tuple[str, str]:
    """The name and the value of a capability that is offered."""
    name, _, value = word.partition("=")
    return name, value


@lru_cache(maxsize=8)
def _with_sasl(wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*wanted, "sasl")))


@lru_cache(maxsize=8)
def _without_sasl(wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(wanted) if name != "sasl")


def _words(params: list[str]) -> list[str]:
    """A list of names, whether the server marked it with a colon or not; spaces at its end do not count."""
    return " ".join(params).split()


_SUBCOMMANDS: dict[str, Callable[[CapNegotiator, list[str]], list[str]]] = {
    "LS": CapNegotiator._list,
    "NEW": CapNegotiator._new,
    "DEL": CapNegotiator._delete,
    "ACK": CapNegotiator._acknowledge,
    "NAK": CapNegotiator._refuse,
}

_NO_CAP = frozenset(("410", "421", "451"))
