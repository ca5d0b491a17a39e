"""What was said to persons where the server confirms nothing: done when it was written, and yet an error may follow.

Such an error names a nick and no message. It is taken for one about the latest line to that nick: who is not there now may
have been there for an earlier one.
"""

from gateway.bridge import Clock

_SECONDS = 30.0  # after which an error is about something else
_MOST = 100  # lines of one session


class Unproven:
    """Of one session."""

    __slots__ = ("_clock", "_lines")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[tuple[str, str, float]] = []  # folded nick, reference, when; the latest last

    def said(self, key: str, reference: str, lines: int = 1) -> None:
        """So many lines of a message were written to ``key``, a folded nick."""
        if reference:
            self._lines += [(key, reference, self._clock.monotonic())] * lines
            del self._lines[:-_MOST]

    def since(self, reference: str) -> float | None:
        """When a message was written (monotonic seconds) of which an error may still come; None of all others."""
        after = self._clock.monotonic() - _SECONDS
        times = [time for _, each, time in self._lines if each == reference and time >= after]
        return times[0] if times else None

    def latest(self, key: str) -> str:
        """The reference of what an error about ``key`` is about; empty if there is nothing. Each line fails once."""
        since = self._clock.monotonic() - _SECONDS
        for number in range(len(self._lines) - 1, -1, -1):
            of, reference, time = self._lines[number]
            if time < since:
                break
            if of == key:
                del self._lines[number]
                return reference
        return ""
