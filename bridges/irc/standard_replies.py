"""FAIL, WARN and NOTE (IRCv3 standard-replies) as values: what went wrong, and which request it was about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridges.irc.protocol.line import Line
from gateway.model import Condition, ErrorType, Refused

#: What codes mean to a person's client. All others: undefined; the server's words tell.
_CONDITIONS: dict[str, tuple[Condition, ErrorType | None]] = {
    "ACCOUNT_REQUIRED": (Condition.REGISTRATION_REQUIRED, None),
    "ACCOUNT_REQUIRED_TO_CONNECT": (Condition.REGISTRATION_REQUIRED, None),
    "NEED_REGISTRATION": (Condition.REGISTRATION_REQUIRED, None),
    "INVALID_UTF8": (Condition.NOT_ACCEPTABLE, None),
    "INVALID_PARAMS": (Condition.BAD_REQUEST, None),
    "NEED_MORE_PARAMS": (Condition.BAD_REQUEST, None),
    "UNKNOWN_COMMAND": (Condition.FEATURE_NOT_IMPLEMENTED, None),
    "UNKNOWN_TYPE": (Condition.FEATURE_NOT_IMPLEMENTED, None),
    "NO_SUCH_NICK": (Condition.ITEM_NOT_FOUND, None),
    "NO_SUCH_CHANNEL": (Condition.ITEM_NOT_FOUND, None),
    "INVALID_TARGET": (Condition.ITEM_NOT_FOUND, None),
    "UNKNOWN_MSGID": (Condition.ITEM_NOT_FOUND, None),
    "CANNOT_SEND": (Condition.FORBIDDEN, None),
    "FORBIDDEN": (Condition.FORBIDDEN, None),
    "REDACT_FORBIDDEN": (Condition.FORBIDDEN, None),
    "REDACT_WINDOW_EXPIRED": (Condition.NOT_ACCEPTABLE, ErrorType.CANCEL),
    "MULTILINE_MAX_BYTES": (Condition.NOT_ACCEPTABLE, None),
    "MULTILINE_MAX_LINES": (Condition.NOT_ACCEPTABLE, None),
    "MULTILINE_INVALID": (Condition.NOT_ACCEPTABLE, None),
    "MULTILINE_INVALID_TARGET": (Condition.NOT_ACCEPTABLE, None),
    "TIMEOUT": (Condition.REMOTE_SERVER_TIMEOUT, None),
    "RATE_LIMITED": (Condition.RESOURCE_CONSTRAINT, None),
    "TEMPORARILY_UNAVAILABLE": (Condition.SERVICE_UNAVAILABLE, ErrorType.WAIT),
    "INTERNAL_ERROR": (Condition.INTERNAL_SERVER_ERROR, ErrorType.WAIT),
}
_UNDEFINED = (Condition.UNDEFINED_CONDITION, None)


@dataclass(frozen=True, slots=True)
class StandardReply:
    """``command`` is upper-case, ``*`` where the server names none; ``context`` what it is about."""

    command: str
    code: str
    context: Sequence[str]
    why: Refused


def read(line: Line, where: str) -> StandardReply:
    """``TYPE command code [context ...] :words``. ``where`` is the network's name. Total: parameters may be missing."""
    params = line.params
    command = params[0].upper() if params else "*"
    code = params[1].upper() if len(params) > 1 else ""
    context = params[2:-1]
    said = params[-1].strip() if len(params) > 2 else ""
    text = f"{where}: {said or code.replace('_', ' ').lower() or 'the request failed'}"
    if not text.endswith((".", "!", "?")):
        text += "."
    condition, kind = _CONDITIONS.get(code, _UNDEFINED)
    return StandardReply(command, code, context, Refused(condition, text, kind))
