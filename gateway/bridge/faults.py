"""Where a defect ends: at the border of one user's, one route's, one message's work, so that it is nobody else's trouble."""

from types import TracebackType
from typing import Protocol


class Log(Protocol):
    """Of structlog's loggers, what is needed here."""

    def error(self, event: str, **details: object) -> object: ...


class Contained:
    """``with Contained(log, "what failed", which=one) as work:`` ends whatever error the block has not handled itself.

    It goes to the log with its traceback, and to ``work.fault`` for those who have somebody to tell. Being cancelled is no
    error, and what is no ``Exception`` is nobody's to hold."""

    __slots__ = ("_details", "_event", "_log", "fault")

    def __init__(self, log: Log, event: str, **details: object) -> None:
        self._log = log
        self._event = event
        self._details = details
        self.fault: Exception | None = None

    def __enter__(self) -> "Contained":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.fault = error
        self._log.error(self._event, exc_info=error, **self._details)
        return True
