"""Composition windows: how long a mail may still be written to. Owns what is being written, in memory, and its timers.

The window of a mail ends after some seconds of silence, is kept open by who is typing, and ends in any case some minutes
after the mail was begun. The tables know all of this too, but who is typing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bridges.email.addresses import Mailbox
from bridges.email.composing.drafts import Draft, DraftState
from bridges.email.composing.places import Limits
from gateway.bridge import Cancellable, Clock
from gateway.model import ChatState

#: After a start: what the core hands to us again is to find its mail still open.
_GRACE = 10.0
_RETRY_FIRST, _RETRY_LAST = 30.0, 900.0


@dataclass(slots=True, eq=False)
class Window:
    """A mail that is being written. ``fetching`` are references of lines whose files are on their way; ``overdue``: it goes
    when they are here. ``due`` is monotonic."""

    id: str
    owner: str
    place: str
    recipients: tuple[Mailbox, ...]
    thread: str
    opened: float
    silence: float
    state: DraftState
    touched: float
    due: float = 0.0
    typing: bool = False
    overdue: bool = False
    failures: int = 0
    fetching: set[str] = field(default_factory=set)
    timer: Cancellable | None = None

    @classmethod
    def of(cls, draft: Draft) -> "Window":
        return cls(
            id=draft.id,
            owner=draft.owner,
            place=draft.place,
            recipients=draft.recipients,
            thread=draft.thread,
            opened=draft.opened,
            silence=draft.silence,
            state=draft.state,
            touched=draft.touched,
        )


class Windows:
    """``due`` is called with every window whose time has come."""

    def __init__(self, clock: Clock, limits: Callable[[], Limits], due: Callable[[Window], None]) -> None:
        self._clock = clock
        self._limits = limits
        self._due = due
        self._windows: dict[str, Window] = {}

    def get(self, id_: str) -> Window | None:
        return self._windows.get(id_)

    def of_place(self, owner: str, place: str) -> list[Window]:
        """All that wait in a chat, oldest first."""
        return [each for each in self.of(owner) if each.place == place]

    def of(self, owner: str) -> Iterator[Window]:
        return (each for each in self._windows.values() if each.owner == owner)

    def current(self, owner: str, place: str) -> Window | None:
        """The one that what is written next would belong to."""
        mine = [each for each in self.of_place(owner, place) if each.state is not DraftState.CLOSED]
        return mine[-1] if mine else None

    def add(self, window: Window) -> None:
        self._windows[window.id] = window
        self.arm(window)

    def restore(self, window: Window) -> None:
        """After a start."""
        self._windows[window.id] = window
        self.arm(window, least=min(window.silence, _GRACE))

    def drop(self, window: Window) -> None:
        self._windows.pop(window.id, None)
        self._stop(window)

    def touch(self, window: Window, state: DraftState) -> None:
        """Something was written, or decided."""
        window.state = state
        window.touched = self._clock.now()
        window.typing = window.overdue = False
        self.arm(window)

    def typed(self, window: Window, state: ChatState) -> None:
        """What the user is doing in the chat."""
        if window.state is not DraftState.OPEN:
            return
        if state is ChatState.GONE:
            self._at(window, self._clock.now())
            return
        window.typing = state is ChatState.COMPOSING
        window.touched = self._clock.now()
        window.overdue = False
        self.arm(window)

    def again(self, window: Window) -> None:
        """It could not go; later perhaps."""
        delay = min(_RETRY_FIRST * 2**window.failures, _RETRY_LAST)
        window.failures = min(window.failures + 1, 10)
        self._at(window, self._clock.now() + delay)

    def retry(self, owner: str) -> None:
        """What could not go is tried now."""
        for window in self.of(owner):
            if window.failures:
                window.failures = 0
                self._at(window, self._clock.now())

    def arm(self, window: Window, least: float = 0.0) -> None:
        """Set the timer for the end of the window."""
        now = self._clock.now()
        last = window.opened + self._limits().longest
        match window.state:
            case DraftState.CLOSED:
                self._at(window, now)
            case DraftState.HELD:
                self._at(window, min(window.touched, now) + self._limits().held)
            case DraftState.OPEN:
                end = last if window.typing else min(window.touched + window.silence, last)
                # A clock that was set back makes no window longer than windows are.
                self._at(window, min(max(end, now + least), now + self._limits().longest))

    def early(self, window: Window) -> bool:
        """Whether its timer was set anew since it ran out."""
        return window.due > self._clock.monotonic() + 0.001

    def _at(self, window: Window, due: float) -> None:
        self._stop(window)
        delay = max(0.0, due - self._clock.now())
        window.due = self._clock.monotonic() + delay
        window.timer = self._clock.call_later(delay, lambda: self._due(window))

    def _stop(self, window: Window) -> None:
        if window.timer is not None:
            window.timer.cancel()
            window.timer = None
