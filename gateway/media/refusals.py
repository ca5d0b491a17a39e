"""Why a file is not carried: a sentence for whoever it is of, and one of a few causes for whoever counts."""

from enum import StrEnum

from gateway.bridge import MediaError
from gateway.model import Condition, Refused


class Cause(StrEnum):
    """Values of a label of metrics."""

    LINK = "link"  # no link that is followed
    PRIVATE = "private"  # it leads to where nothing is fetched from
    MISSING = "missing"  # the server has no such file
    UNREACHABLE = "unreachable"  # nobody answers there, or cannot be trusted
    BROKEN = "broken"  # it took too long, or the connection broke
    CONTENT = "content"  # empty, dangerous, or not what was announced
    TOO_LARGE = "too-large"
    TOO_MANY = "too-many"  # the user's limits, of bytes or of files at a time
    STORAGE = "storage"  # our disk or database
    NO_PLACE = "no-place"  # nobody takes it


_USUAL = {
    Condition.FORBIDDEN: Cause.PRIVATE,
    Condition.ITEM_NOT_FOUND: Cause.MISSING,
    Condition.REMOTE_SERVER_NOT_FOUND: Cause.UNREACHABLE,
    Condition.REMOTE_SERVER_TIMEOUT: Cause.BROKEN,
}


def refused(
    text: str, condition: Condition = Condition.NOT_ACCEPTABLE, cause: Cause | None = None
) -> MediaError:
    """``cause`` need not be said where ``condition`` does, or where it is the usual one of whoever counts."""
    return MediaError(Refused(condition, text), cause or "")


def cause_of(error: MediaError, otherwise: Cause) -> Cause:
    """``otherwise`` if it does not say."""
    known = error.cause in frozenset(Cause)
    return Cause(error.cause) if known else _USUAL.get(error.refused.condition, otherwise)
