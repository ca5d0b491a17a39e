"""What stands in smsd's tables, and what it means: texts cut into parts for it, its received parts read, and what became of
sent ones. Without I/O.

smsd has all texts in hexadecimal UTF-16BE, whatever alphabet they have on the air, and user data headers in hexadecimal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bridges.sms.text import udh
from bridges.sms.text.decoding import decode
from bridges.sms.text.segments import segments
from bridges.sms.traffic import Alphabet, Inbound, Nature, Stage, Submission, Unfit
from gateway.model import Condition, ErrorType, Refused

GSM: Final = "Default_No_Compression"
UCS2: Final = "Unicode_No_Compression"
BINARY: Final = "8bit"

_LONGEST_NUMBER = 19  # columns have 20 characters, one for the plus
_LONGEST_TEXT = 4096  # hexadecimal digits of a part; the longest has 640
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Part:
    """One of a text, as it is written. ``header`` and ``data`` are hexadecimal."""

    data: str
    text: str
    coding: str
    header: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row of the inbox."""

    id: int
    time: str
    sender: str
    data: str
    text: str
    coding: str
    header: str
    class_: int


@dataclass(frozen=True, slots=True)
class Sent:
    """One part of a text of ours that smsd has dealt with. ``failure`` is the network's code for a part that was not taken
    (3GPP TS 27.005 §3.2.5), ``arrival`` that of the report (TS 23.040 §9.2.3.15); -1 where there is none."""

    id: int
    reference: str
    number: int
    recipient: str
    status: str
    header: str
    failure: int = -1
    arrival: int = -1


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a whole text. ``final``: nothing more will be heard."""

    stage: Stage
    final: bool
    code: str = ""
    why: Refused | None = None


def cut(submission: Submission, most: int) -> list[Part]:
    """The parts of a text. Raises ``Unfit``."""
    if submission.media:
        raise Unfit(Refused(Condition.FEATURE_NOT_IMPLEMENTED, "A modem carries no files here."))
    recipient = submission.recipients[0].removeprefix("+")
    if not (recipient.isascii() and recipient.isdigit()) or len(recipient) > _LONGEST_NUMBER:
        raise Unfit(Refused(Condition.ITEM_NOT_FOUND, "This is no number that can be texted; check it."))
    text = submission.text
    if len(text) <= most * 160:  # no part has more characters: it need not be cut to know
        found = segments(text)
        total = len(found.data)
        if total <= most:
            coding = GSM if found.alphabet is Alphabet.GSM else UCS2
            said = [decode(each, found.alphabet) for each in found.data]
            return [
                Part(hexadecimal(each), each, coding, _header(submission.concatenation, total, number))
                for number, each in enumerate(said, 1)
            ]
    words = f"The text is longer than {most} segments, which is the most that is sent here; shorten it."
    raise Unfit(Refused(Condition.NOT_ACCEPTABLE, words, ErrorType.MODIFY))


def hexadecimal(text: str) -> str:
    return text.encode("utf-16-be", "surrogatepass").hex().upper()


def _header(reference: int, total: int, number: int) -> str:
    return udh.write(udh.concatenated(reference, total, number)).hex().upper() if total > 1 else ""


def validity(seconds: float) -> int:
    """A relative validity period, one octet (3GPP TS 23.040 §9.2.3.12.1), rounded up; -1 for the network's own."""
    if seconds <= 0:
        return -1
    for start, step, first, last in (
        (0.0, 5 * _MINUTE, 0, 143),
        (12 * _HOUR, 30 * _MINUTE, 144, 167),
        (_DAY, _DAY, 168, 196),
        (28 * _DAY, 7 * _DAY, 197, 255),
    ):
        octet = first + max(0, -int(-(seconds - start) // step) - 1)
        if octet <= last:
            return octet
    return 255


def read(row: Arrival, route: str, number: str) -> Inbound:
    """``number`` is that of the SIM. smsd joins the text of all parts in the first one's row; we take every part by itself,
    for what is missing is then seen."""
    header, _ = udh.read(_octets(row.header) + b"\0")  # a header alone would be longer than its data
    data = _octets(row.data)
    binary = row.coding == BINARY
    nature = Nature.MESSAGE
    if binary or header.port is not None:
        nature = Nature.BINARY
    elif header.lamp is not None:
        nature = Nature.WAITING
    elif row.class_ == 0:
        nature = Nature.FLASH
    known = binary or bool(data) or not row.text
    return Inbound(
        route,
        row.sender.strip(),
        number,
        # Numbers of rows begin anew when somebody makes the tables anew.
        id=f"{row.id} {row.time}",
        text="" if known else row.text[:_LONGEST_TEXT],
        data=data if known else b"",
        alphabet=(Alphabet.BINARY if binary else Alphabet.UCS2) if known else Alphabet.TEXT,
        concatenation=header.concatenation,
        nature=nature,
        lamp=header.lamp,
        port=header.port,
    )


def _octets(text: str) -> bytes:
    """Nothing where it is not hexadecimal."""
    try:
        return bytes.fromhex(text[:_LONGEST_TEXT])
    except ValueError:
        return b""


# -- what became of it ------------------------------------------------------------------------------------------------

_STAGES: Final[Mapping[str, Stage]] = MappingProxyType(
    {
        "SendingOK": Stage.BUFFERED,
        "SendingOKNoReport": Stage.CARRIER,
        "SendingError": Stage.FAILED,
        "DeliveryOK": Stage.DELIVERED,
        "DeliveryFailed": Stage.FAILED,
        "DeliveryPending": Stage.BUFFERED,
        "DeliveryUnknown": Stage.LOST,
        "Error": Stage.FAILED,
    }
)

# 3GPP TS 24.011 Annex E, as CMS errors of modems: the ones that say whose fault it is.
_NOT_TAKEN: Final[Mapping[int, tuple[Condition, str]]] = MappingProxyType(
    {
        1: (Condition.ITEM_NOT_FOUND, "the number is not assigned to anybody"),
        8: (Condition.FORBIDDEN, "the operator of the SIM bars it"),
        10: (Condition.FORBIDDEN, "calls of the SIM are barred"),
        28: (Condition.ITEM_NOT_FOUND, "the subscriber is not known"),
        30: (Condition.ITEM_NOT_FOUND, "the subscriber is not known"),
        50: (Condition.FORBIDDEN, "the SIM has no subscription for texts"),
    }
)


def fate(parts: Sequence[Sent], *, waiting: bool) -> Fate:
    """What became of a text. ``waiting``: smsd still has it in the outbox, and sends, or tries again."""
    stages = [_stage(each) for each in parts]
    for part, stage in zip(parts, stages, strict=True):
        if stage is Stage.FAILED and not waiting:
            return Fate(Stage.FAILED, True, _code(part), _why(part))
    if not waiting and any(map(_is_uncertain, parts)):
        return Fate(Stage.LOST, True)  # smsd sends none of the parts after it
    missing = waiting or len(parts) < max(map(_total, parts))
    if Stage.LOST in stages and not missing and Stage.BUFFERED not in stages:
        return Fate(Stage.LOST, True)
    if missing or Stage.BUFFERED in stages:
        return Fate(Stage.BUFFERED, False)
    if Stage.CARRIER in stages:
        return Fate(Stage.CARRIER, True)
    return Fate(Stage.DELIVERED, True)


def _stage(part: Sent) -> Stage:
    return Stage.LOST if _is_uncertain(part) else _STAGES.get(part.status, Stage.BUFFERED)


def _is_uncertain(part: Sent) -> bool:
    """The modem was silent, or went away: nobody knows whether it had sent it."""
    return part.status == "SendingError" and part.failure < 0


def _total(part: Sent) -> int:
    header, _ = udh.read(_octets(part.header) + b"\0")
    return header.concatenation.total if header.concatenation is not None else 1


def _code(part: Sent) -> str:
    return (
        f"CMS {part.failure}"
        if part.failure >= 0
        else f"TP-Status {part.arrival}"
        if part.arrival > 0
        else ""
    )


def _why(part: Sent) -> Refused:
    if part.status.startswith("Delivery"):
        code = f" (status {part.arrival} of its report)" if part.arrival > 0 else ""
        words = f"The network could not deliver it{code}."
        return Refused(Condition.RECIPIENT_UNAVAILABLE, words, ErrorType.WAIT)
    condition, words = _NOT_TAKEN.get(
        part.failure, (Condition.SERVICE_UNAVAILABLE, "the modem could not send it")
    )
    code = f" (CMS error {part.failure})" if part.failure >= 0 else ""
    return Refused(condition, f"It was not sent: {words}{code}.", ErrorType.CANCEL)
