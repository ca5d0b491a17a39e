"""Sessions of ad-hoc commands: who is on which page of which command, bounded in number and time.

Does not know what pages mean.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.bridge import Cancellable, Clock
from gateway.model import Condition, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Values
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Page, problem

_TOKEN_BYTES = 16
_TOKEN_SHAPE = re.compile("[A-Za-z0-9_-]{22}")

_FULL = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "Too many commands are running on this gateway. Please try again in a few minutes.",
)


@dataclass(slots=True)
class Stage:
    """A page, and what was filled in on it once it was."""

    page: Page
    values: Values | None = None


@dataclass(slots=True, eq=False)
class Session:
    """One run of a command that is not at its end."""

    id: str
    requester: Jid
    target: Jid
    node: str
    stages: list[Stage] = field(default_factory=list)
    deadline: float = 0.0
    busy: bool = False  # a step is running
    ended: bool = False


class Sessions:
    """All running commands. A session ends ``lifetime`` seconds after its last use; a user with more than
    ``per_user`` loses the one unused for longest, which is most often a dialogue closed without a word;
    above ``total`` none is opened. ``token`` makes text that nobody can guess from a number of random
    bytes, in the alphabet of base64url."""

    def __init__(
        self,
        clock: Clock,
        *,
        lifetime: float = 3600.0,
        per_user: int = 20,
        total: int = 10_000,
        token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._per_user = per_user
        self._total = total
        self._token = token
        self._sessions: dict[str, Session] = {}  # the one unused for longest first
        self._of_user: dict[str, dict[str, Session]] = {}  # by bare JID, in the same order
        self._timer: Cancellable | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def new_id(self) -> str:
        return self._token(_TOKEN_BYTES)

    def open(self, requester: Jid, target: Jid, node: str) -> Session:
        """A new session, or ``RefusedError`` (``resource-constraint``)."""
        of_user = self._of_user.get(requester.bare)
        if of_user is not None and len(of_user) >= self._per_user:
            self.end(next(iter(of_user.values())))
        elif len(self._sessions) >= self._total:
            raise RefusedError(_FULL)
        session = Session(self.new_id(), requester, target, node)
        self._enter(session)
        if self._timer is None:
            self._timer = self._clock.call_later(self._lifetime, self._expire)
        return session

    def find(self, identifier: str, requester: Jid, target: Jid, node: str) -> Session:
        """The session of that id, if it is this requester's run of this command; its lifetime begins anew.
        Otherwise ``RefusedError`` with ``bad-sessionid`` or ``session-expired``."""
        session = self._sessions.get(identifier)
        if session is None or session.requester.full != requester.full:
            # An id that looks like one of ours was one: of a session that is over, perhaps before a
            # restart. Somebody else's is not told apart, so that nobody can find out which ids are in use.
            if _TOKEN_SHAPE.fullmatch(identifier):
                raise problem(
                    "session-expired", "This command is over or was idle for too long. Please start it again."
                )
            raise problem("bad-sessionid", "There is no such run of this command. Please start it again.")
        if session.node != node or session.target.full != target.full:
            raise problem("bad-sessionid", "This run belongs to another command. Please start this one anew.")
        self._leave(session)
        self._enter(session)
        return session

    def end(self, session: Session) -> None:
        """Forget a session. Harmless if it has ended."""
        if not session.ended:
            session.ended = True
            self._leave(session)

    def close(self) -> None:
        """Forget everything."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for session in list(self._sessions.values()):
            self.end(session)

    def _enter(self, session: Session) -> None:
        session.deadline = self._clock.monotonic() + self._lifetime
        self._sessions[session.id] = session
        self._of_user.setdefault(session.requester.bare, {})[session.id] = session

    def _leave(self, session: Session) -> None:
        del self._sessions[session.id]
        of_user = self._of_user[session.requester.bare]
        del of_user[session.id]
        if not of_user:
            del self._of_user[session.requester.bare]

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._sessions:
            session = next(iter(self._sessions.values()))
            if session.deadline > now:
                self._timer = self._clock.call_later(session.deadline - now, self._expire)
                return
            self.end(session)
