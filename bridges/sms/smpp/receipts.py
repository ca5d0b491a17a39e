"""Delivery receipts (SMPP 3.4 Appendix B, §5.3.2): from the text that people agreed on, and from parameters, which win
over it.

The text is not specified, so everything in it may be missing, in another order, or in other letters. Nothing here raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bridges.sms.smpp import tlv
from bridges.sms.smpp.tlv import Tag, Tlvs
from bridges.sms.traffic import Stage
from gateway.model import Condition, ErrorType, Refused

#: Characters that are looked at. Receipts have about 120.
LONGEST: Final = 1_000

_LONGEST_VALUE: Final = 100
_GSM_NETWORK: Final = 3  # network_error_code, first octet


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says; ``id`` is as it came, empty where there is none. ``state`` is the word for it, ``error`` the
    network's code. ``stage`` is None where nothing was said that is known. Dates are not read: nobody says
    whose time it is."""

    id: str = ""
    stage: Stage | None = None
    state: str = ""
    error: str = ""
    why: Refused | None = None


# message_state (§5.2.28; 0 and 9 in SMPP 5.0 §4.7.15): the word that stands for it in texts, and what it means.
_STATES: Final = (
    ("SCHEDULED", Stage.BUFFERED),
    ("ENROUTE", Stage.BUFFERED),
    ("DELIVRD", Stage.DELIVERED),
    ("EXPIRED", Stage.FAILED),
    ("DELETED", Stage.FAILED),
    ("UNDELIV", Stage.FAILED),
    ("ACCEPTD", Stage.BUFFERED),
    ("UNKNOWN", Stage.LOST),
    ("REJECTD", Stage.FAILED),
    ("SKIPPED", Stage.FAILED),
)

# Words in texts are known by their beginning: DELIVRD, DELIVERED, delivered.
_WORDS: Final = (
    ("DELIV", 2),
    ("UNDEL", 5),
    ("FAIL", 5),
    ("EXPI", 3),
    ("DELET", 4),
    ("ACCE", 6),
    ("BUFF", 1),
    ("ENRO", 1),
    ("SENT", 1),
    ("SCHED", 0),
    ("UNKN", 7),
    ("REJE", 8),
    ("SKIP", 9),
)

_WAIT = (Condition.RECIPIENT_UNAVAILABLE, ErrorType.WAIT)
_REASONS: Final[Mapping[str, tuple[Condition, ErrorType, str]]] = MappingProxyType(
    {
        "EXPIRED": (*_WAIT, "the phone could not be reached in time"),
        "UNDELIV": (*_WAIT, "the network could not deliver it"),
        "DELETED": (Condition.SERVICE_UNAVAILABLE, ErrorType.CANCEL, "the network deleted it"),
        "REJECTD": (Condition.POLICY_VIOLATION, ErrorType.MODIFY, "the network refused it"),
        "SKIPPED": (Condition.SERVICE_UNAVAILABLE, ErrorType.CANCEL, "the network passed over it"),
    }
)

# Of GSM networks (3GPP TS 29.002, MAP user errors): what is known better than "could not deliver".
_MAP_ERRORS: Final[Mapping[int, tuple[Condition, ErrorType, str]]] = MappingProxyType(
    {
        1: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "nobody has this number"),
        5: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "nobody has this number"),
        9: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "the phone may not use this network"),
        11: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "this number cannot receive text messages"),
        12: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "the phone may not use this network"),
        13: (Condition.FORBIDDEN, ErrorType.AUTH, "messages to this number are barred"),
        21: (Condition.ITEM_NOT_FOUND, ErrorType.CANCEL, "this number cannot receive text messages"),
        27: (*_WAIT, "the phone is off, or without coverage"),
        31: (*_WAIT, "the phone is busy"),
        32: (*_WAIT, "the phone has no room for it"),
    }
)

_KEY = re.compile(
    r"(?<![^\W_])(?:(?P<id>(?:message[ _]?)?id)|(?P<sub>sub)|(?P<dlvrd>dlvrd)|(?P<submitted>submit[ _]?date)"
    r"|(?P<done>done[ _]?date)|(?P<stat>stat(?:us)?)|(?P<err>err(?:or)?(?:[ _]?code)?)|(?P<text>te?xt))[ ]?:",
    re.IGNORECASE,
)


def fields_of(text: str) -> dict[str, str]:
    """The fields of a text: ``id``, ``sub``, ``dlvrd``, ``submitted``, ``done``, ``stat``, ``err``, ``text``. The first
    one of a name counts; what comes after ``text`` only where it did not come before, since there stand words of the
    message itself."""
    text = text[:LONGEST]
    keys = list(_KEY.finditer(text))
    found: dict[str, str] = {}
    for number, key in enumerate(keys):
        end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
        found.setdefault(key.lastgroup or "", text[key.end() : end].strip(" \t\r\n\0,;")[:_LONGEST_VALUE])
    return found


def is_receipt(text: str) -> bool:
    """Whether a text without any mark is one: an id, a state that is known, and a date or a count."""
    found = fields_of(text)
    known = _state_of(found.get("stat", "")) is not None
    return bool(found.get("id")) and known and not found.keys().isdisjoint(("dlvrd", "done", "submitted"))


def read(text: str, tlvs: Tlvs = ()) -> Receipt:
    """What text and parameters say together."""
    found = fields_of(text)
    number = tlv.number(tlvs, Tag.MESSAGE_STATE)
    if number is None or number >= len(_STATES):
        number = _state_of(found.get("stat", ""))
    word, stage = _STATES[number] if number is not None else (found.get("stat", "").upper(), None)
    network = tlv.first(tlvs, Tag.NETWORK_ERROR_CODE)
    error = _network_error(network) if network else found.get("err", "")
    return Receipt(
        id=tlv.string(tlvs, Tag.RECEIPTED_MESSAGE_ID).strip() or found.get("id", ""),
        stage=stage,
        state=word,
        error=error,
        why=_why(word, error, network) if stage is Stage.FAILED else None,
    )


def _state_of(word: str) -> int | None:
    word = word.upper()
    if len(word) == 1 and word in "0123456789":
        return int(word)  # some put the number there
    return next((number for beginning, number in _WORDS if word.startswith(beginning)), None)


def _network_error(value: bytes) -> str:
    """§5.3.2.31: the type of network, and its code."""
    return f"{value[0]}:{int.from_bytes(value[1:3], 'big')}"


def _why(word: str, error: str, network: bytes | None) -> Refused:
    condition, kind, reason = _REASONS[word]
    if network and network[0] == _GSM_NETWORK:
        condition, kind, reason = _MAP_ERRORS.get(
            int.from_bytes(network[1:3], "big"), (condition, kind, reason)
        )
    said = f"{word}, error {error}" if error.strip("0:") else word
    advice = "Try again later." if kind is ErrorType.WAIT else "The same message will probably fail again."
    return Refused(condition, f"The message did not arrive: {reason} ({said}). {advice}", kind)
