"""Who is in the middle of which command in the chat: bounded in number and time.

A talk belongs to one client (full JID) and one address of ours. Does not know what is said in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.bridge import Cancellable, Clock
from gateway.model import Field
from gateway.xmpp.command_sessions import Stage
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Command

Place = tuple[str, str]
"""Full JID of the client, bare JID of ours."""


@dataclass(slots=True, eq=False)
class Talk:
    """One run of a command. The page that is being filled in is the last stage's; ``answers`` are those given on it so far,
    ``at`` the number of the field that is asked now, ``lines`` what a longer answer consists of up to now."""

    requester: Jid
    target: Jid
    command: Command
    language: str
    thread: str = ""
    stages: list[Stage] = field(default_factory=list)
    fields: tuple[Field, ...] = ()
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    at: int = 0
    lines: list[str] = field(default_factory=list)
    ahead: str = ""  # the answer to the first question, where it came with the command
    busy: bool = False
    ended: bool = False
    deadline: float = 0.0

    @property
    def place(self) -> Place:
        return (self.requester.full, self.target.bare)

    @property
    def field(self) -> Field:
        return self.fields[self.at]


class Talks:
    """All of them, the one unused for longest first. One ends ``lifetime`` seconds after its last use, and ``forgotten`` is
    told; above ``total`` the oldest gives way."""

    def __init__(
        self,
        clock: Clock,
        forgotten: Callable[[Talk], None],
        *,
        lifetime: float = 600.0,
        total: int = 2_000,
    ) -> None:
        self._clock = clock
        self._forgotten = forgotten
        self._lifetime = lifetime
        self._total = total
        self._talks: dict[Place, Talk] = {}
        self._timer: Cancellable | None = None

    def __len__(self) -> int:
        return len(self._talks)

    def find(self, place: Place) -> Talk | None:
        """The talk of that client; its lifetime begins anew."""
        talk = self._talks.pop(place, None)
        if talk is not None:
            self._enter(talk)
        return talk

    def open(self, talk: Talk) -> None:
        if len(self._talks) >= self._total:
            oldest = next(iter(self._talks.values()))
            self.end(oldest)
            self._forgotten(oldest)
        self._enter(talk)
        if self._timer is None:
            self._timer = self._clock.call_later(self._lifetime, self._expire)

    def end(self, talk: Talk) -> None:
        talk.ended = True
        if self._talks.get(talk.place) is talk:
            del self._talks[talk.place]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for talk in list(self._talks.values()):
            self.end(talk)

    def _enter(self, talk: Talk) -> None:
        talk.deadline = self._clock.monotonic() + self._lifetime
        self._talks[talk.place] = talk

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        while self._talks:
            talk = next(iter(self._talks.values()))
            if talk.deadline > now:
                self._timer = self._clock.call_later(talk.deadline - now, self._expire)
                return
            self.end(talk)
            self._forgotten(talk)
