"""Dates and times as XMPP writes them (XEP-0082), read within bounds."""

from datetime import datetime

_LONGEST = 40  # characters


def moment(text: str | None) -> float | None:
    """A DateTime with a time zone as Unix seconds, else None. Total."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.timestamp() if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
