"""command_status (SMPP 3.4 §5.1.3, SMPP 5.0 §4.7.6): every number with its name, what it means, and what that is to a
message.

What is not in the table is the provider's own (0x400 to 0x4FF), or wrong; both are refusals all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bridges.sms.traffic import Failing, Rejected
from gateway.model import Condition, ErrorType, Refused

OK: Final = 0x00
RINVMSGLEN: Final = 0x01
RINVCMDLEN: Final = 0x02
RMSGQFUL: Final = 0x14
RTHROTTLED: Final = 0x58
RINVPARLEN: Final = 0xC2

#: "Not so fast": the same message is taken later, in its place.
THROTTLES: Final = frozenset({RTHROTTLED, RMSGQFUL})


@dataclass(frozen=True, slots=True)
class Status:
    """One number. ``meaning`` completes "The provider refused the message: ..."; ``remedy`` is a sentence on what to do."""

    code: int
    name: str
    meaning: str
    failing: Failing
    condition: Condition
    type: ErrorType
    remedy: str
    operator: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """What statuses have in common."""

    failing: Failing
    condition: Condition
    type: ErrorType
    remedy: str
    operator: bool = False


_CONFIGURATION = _Kind(
    Failing.ROUTE,
    Condition.INTERNAL_SERVER_ERROR,
    ErrorType.WAIT,
    "The operator of the gateway has to correct the configuration of this route.",
    operator=True,
)
_OURS = _Kind(
    Failing.ROUTE,
    Condition.INTERNAL_SERVER_ERROR,
    ErrorType.WAIT,
    "Another route may take it; the operator of the gateway should look at this.",
    operator=True,
)
_NOBODY = _Kind(
    Failing.MESSAGE, Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "Check the number that you wrote to."
)
_TOO_LONG = _Kind(Failing.MESSAGE, Condition.NOT_ACCEPTABLE, ErrorType.MODIFY, "Send it in shorter messages.")
_PASSING = _Kind(Failing.PASSING, Condition.SERVICE_UNAVAILABLE, ErrorType.WAIT, "Try again later.")
_THROTTLED = _Kind(Failing.PASSING, Condition.REMOTE_SERVER_TIMEOUT, ErrorType.WAIT, "Try again later.")
_FORBIDDEN = _Kind(
    Failing.ROUTE,
    Condition.FORBIDDEN,
    ErrorType.AUTH,
    "Ask the operator of the gateway whether this can be permitted.",
)
_REJECTED = _Kind(
    Failing.MESSAGE, Condition.POLICY_VIOLATION, ErrorType.MODIFY, "The same message will be refused again."
)
_FOREIGN = _Kind(
    Failing.ROUTE,
    Condition.SERVICE_UNAVAILABLE,
    ErrorType.CANCEL,
    "The provider's documentation says what this code means.",
)

_ROWS: Final = (
    (0x01, "RINVMSGLEN", "its length is not allowed", _TOO_LONG),
    (0x02, "RINVCMDLEN", "the request had a wrong length", _OURS),
    (0x03, "RINVCMDID", "it does not know the request", _OURS),
    (0x04, "RINVBNDSTS", "the connection may not be used for this", _OURS),
    (0x05, "RALYBND", "the account is connected already", _CONFIGURATION),
    (0x06, "RINVPRTFLG", "the priority is not allowed", _CONFIGURATION),
    (0x07, "RINVREGDLVFLG", "receipts cannot be asked for in this way", _CONFIGURATION),
    (0x08, "RSYSERR", "it has a fault of its own", _PASSING),
    (0x0A, "RINVSRCADR", "it does not permit the sender's number", _CONFIGURATION),
    (0x0B, "RINVDSTADR", "the recipient's number is not one that it can send to", _NOBODY),
    (0x0C, "RINVMSGID", "it does not know the message", _OURS),
    (0x0D, "RBINDFAIL", "the account could not be connected", _PASSING),
    (0x0E, "RINVPASWD", "the password of the account is wrong", _CONFIGURATION),
    (0x0F, "RINVSYSID", "it does not know the account", _CONFIGURATION),
    (0x11, "RCANCELFAIL", "the message could not be cancelled", _OURS),
    (0x13, "RREPLACEFAIL", "the message could not be replaced", _OURS),
    (0x14, "RMSGQFUL", "its queue is full", _THROTTLED),
    (0x15, "RINVSERTYP", "the service type is not allowed", _CONFIGURATION),
    (0x33, "RINVNUMDESTS", "the number of recipients is not allowed", _OURS),
    (0x34, "RINVDLNAME", "it does not know the distribution list", _OURS),
    (0x40, "RINVDESTFLAG", "the kind of recipient is not allowed", _OURS),
    (0x42, "RINVSUBREP", "it does not replace messages", _OURS),
    (0x43, "RINVESMCLASS", "messages of this kind are not allowed (esm_class)", _CONFIGURATION),
    (0x44, "RCNTSUBDL", "it does not send to distribution lists", _OURS),
    (0x45, "RSUBMITFAIL", "it could not take it", _PASSING),
    (0x48, "RINVSRCTON", "the sender's type of number is not allowed", _CONFIGURATION),
    (0x49, "RINVSRCNPI", "the sender's numbering plan is not allowed", _CONFIGURATION),
    (0x50, "RINVDSTTON", "the recipient's type of number is not allowed", _CONFIGURATION),
    (0x51, "RINVDSTNPI", "the recipient's numbering plan is not allowed", _CONFIGURATION),
    (0x53, "RINVSYSTYP", "the system type of the account is wrong", _CONFIGURATION),
    (0x54, "RINVREPFLAG", "it does not replace messages", _CONFIGURATION),
    (0x55, "RINVNUMMSGS", "the number of messages is not allowed", _OURS),
    (0x58, "RTHROTTLED", "too many messages came at once", _THROTTLED),
    (0x61, "RINVSCHED", "the time of sending is not allowed", _CONFIGURATION),
    (0x62, "RINVEXPIRY", "the time for which it may be kept is not allowed", _CONFIGURATION),
    (0x63, "RINVDFTMSGID", "it does not know the prepared text", _OURS),
    (0x64, "RX_T_APPN", "the receiver cannot take it now", _PASSING),
    (0x65, "RX_P_APPN", "the receiver cannot take it", _REJECTED),
    (0x66, "RX_R_APPN", "the receiver does not want it", _REJECTED),
    (0x67, "RQUERYFAIL", "it could not look for the message", _OURS),
    (0xC0, "RINVOPTPARSTREAM", "the optional parameters could not be read", _CONFIGURATION),
    (0xC1, "ROPTPARNOTALLWD", "an optional parameter is not allowed", _CONFIGURATION),
    (0xC2, "RINVPARLEN", "a parameter has a wrong length", _CONFIGURATION),
    (0xC3, "RMISSINGOPTPARAM", "an optional parameter that it wants is missing", _CONFIGURATION),
    (0xC4, "RINVOPTPARAMVAL", "an optional parameter has a value that is not allowed", _CONFIGURATION),
    (0xFE, "RDELIVERYFAILURE", "it could not be delivered", _PASSING),
    (0xFF, "RUNKNOWNERR", "it does not say why", _PASSING),
    (0x100, "RSERTYPUNAUTH", "the account may not use this service type", _CONFIGURATION),
    (0x101, "RPROHIBITED", "the account may not do this", _FORBIDDEN),
    (0x102, "RSERTYPUNAVAIL", "the service type is not available now", _PASSING),
    (0x103, "RSERTYPDENIED", "the service type is refused", _FORBIDDEN),
    (0x104, "RINVDCS", "the alphabet is not allowed", _CONFIGURATION),
    (0x105, "RINVSRCADDRSUBUNIT", "the sender's subunit is not allowed", _OURS),
    (0x106, "RINVDSTADDRSUBUNIT", "the recipient's subunit is not allowed", _OURS),
    (0x107, "RINVBCASTFREQINT", "the interval of the broadcast is not allowed", _OURS),
    (0x108, "RINVBCASTALIAS_NAME", "the name of the broadcast is not allowed", _OURS),
    (0x109, "RINVBCASTAREAFMT", "the area of the broadcast could not be read", _OURS),
    (0x10A, "RINVNUMBCAST_AREAS", "the number of areas is not allowed", _OURS),
    (0x10B, "RINVBCASTCNTTYPE", "the content of the broadcast is not allowed", _OURS),
    (0x10C, "RINVBCASTMSGCLASS", "the class of the broadcast is not allowed", _OURS),
    (0x10D, "RBCASTFAIL", "it could not take the broadcast", _OURS),
    (0x10E, "RBCASTQUERYFAIL", "it could not look for the broadcast", _OURS),
    (0x10F, "RBCASTCANCELFAIL", "the broadcast could not be cancelled", _OURS),
    (0x110, "RINVBCAST_REP", "the number of repetitions is not allowed", _OURS),
    (0x111, "RINVBCASTSRVGRP", "the service group of the broadcast is not allowed", _OURS),
    (0x112, "RINVBCASTCHANIND", "the channel of the broadcast is not allowed", _OURS),
)


def _status(code: int, name: str, meaning: str, kind: _Kind) -> Status:
    return Status(code, name, meaning, kind.failing, kind.condition, kind.type, kind.remedy, kind.operator)


#: By number; 0 (no error) is not in it.
STATUSES: Final[Mapping[int, Status]] = MappingProxyType(
    {code: _status(code, f"ESME_{name}", meaning, kind) for code, name, meaning, kind in _ROWS}
)


def status_of(code: int) -> Status:
    """What is known of a number that is not 0; of unknown ones, that they are a refusal."""
    known = STATUSES.get(code)
    return known or _status(code, f"0x{code:08X}", "it gives a code of its own", _FOREIGN)


def name_of(code: int) -> str:
    """As the specification spells it, or the number."""
    return "ESME_ROK" if code == OK else status_of(code).name


def rejected(code: int, words: str = "") -> Rejected:
    """A refusal of a message, for whoever wrote it. ``words`` are the provider's own, if it gave any
    (additional_status_info_text)."""
    status = status_of(code)
    said = f", {words}" if words else ""
    number = "" if status.name.startswith("0x") else f", 0x{code:02X}"
    text = (
        f"The provider refused the message: {status.meaning} ({status.name}{number}{said}). {status.remedy}"
    )
    return Rejected(
        status.failing,
        Refused(status.condition, text, status.type),
        code=status.name,
        operator=status.operator,
    )
