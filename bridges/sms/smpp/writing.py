"""How a text is submitted: the bodies of submit_sm, one for each segment, as one provider wants them.

Every segment asks for a receipt: with one that asks for all, nobody knows which of them was lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bridges.sms.smpp.bodies import Message
from bridges.sms.smpp.coding import DEFAULT, UCS2
from bridges.sms.smpp.commands import EsmClass, Npi, Registered, Ton
from bridges.sms.smpp.tlv import Tag, Tlvs
from bridges.sms.text import udh
from bridges.sms.text.segments import MOST, Joining, Segments, segments
from bridges.sms.traffic import Alphabet, Submission, Unfit
from gateway.model import Condition, ErrorType, Refused

_SHORTEST_NUMBER: Final = 9  # digits; below that it is a short code, unless it has a plus
_LONGEST_ADDRESS: Final = 20  # octets (SMPP 3.4 §4.4.1)
_LONGEST_NAME: Final = 11  # characters (3GPP TS 23.040 §9.1.2.5)
_HEADER: Final = int(EsmClass.HEADER)
_DAY: Final = 86_400
_LONGEST_VALIDITY: Final = 30 * _DAY


class Long(StrEnum):
    """How texts of several segments are sent (sms.md: never two of them in one message)."""

    UDH = "udh"  # a header before the text of each, with a reference of 8 bits
    UDH16 = "udh16"  # the same with 16 bits
    SAR = "sar"  # parameters that say the same to the message centre (SMPP 3.4 §5.3.2.22)
    PAYLOAD = "payload"  # the whole text in one PDU, which the message centre splits (§5.3.2.32)


_JOINING: Final = {
    Long.UDH: Joining.WIDTH_8,
    Long.UDH16: Joining.WIDTH_16,
    Long.SAR: Joining.WIDTH_16,  # the message centre may make a header of 16 bits of it
    Long.PAYLOAD: Joining.WIDTH_8,
}


@dataclass(frozen=True, slots=True)
class Manner:
    """The ways of a provider. ``alphabet`` is what data_coding 0 means there (GSM, LATIN1, ASCII); ``national`` are the
    languages whose tables may be used. ``most`` segments of a message are sent. TON and NPI are by the kind of number where
    they are None; ``short_code`` is what short codes have then. ``validity`` is in seconds, 0 for the provider's own."""

    alphabet: Alphabet = Alphabet.GSM
    national: tuple[int, ...] = ()
    long: Long = Long.UDH
    most: int = 10
    receipts: bool = True
    service_type: str = ""
    validity: float = 0.0
    plus: bool = False
    source_ton: int | None = None
    source_npi: int | None = None
    destination_ton: int | None = None
    destination_npi: int | None = None
    short_code: tuple[int, int] = (Ton.NETWORK, Npi.UNKNOWN)


def counted(text: str, manner: Manner) -> Segments:
    """How a text is cut for that provider. Raises ``Unfit`` if that makes too many segments."""
    most = min(manner.most, MOST)
    if len(text) > most * 160:
        # No segment has more characters: it need not be cut to know.
        raise _too_long(-(-len(text) // 153), most)
    cut = segments(text, manner.alphabet, national=manner.national, joining=_JOINING[manner.long])
    if len(cut.data) > most:
        raise _too_long(len(cut.data), most)
    return cut


def submissions(submission: Submission, manner: Manner) -> list[Message]:
    """The bodies, in order. The same submission makes the same ones at every attempt. Raises ``Unfit``."""
    if len(submission.recipients) != 1:
        raise _unfit(
            Condition.NOT_ACCEPTABLE, "This route sends to one number at a time; write to each of them."
        )
    if submission.media:
        raise _unfit(Condition.FEATURE_NOT_IMPLEMENTED, "This route carries no files.")
    cut = counted(submission.text, manner)
    body = _frame(submission, manner)._replace(data_coding=UCS2 if cut.alphabet is Alphabet.UCS2 else DEFAULT)
    if len(cut.data) == 1:
        return [_with(body, udh.shifts(cut.locking, cut.single), cut.data[0])]
    if manner.long is Long.PAYLOAD:
        return [_whole(body, cut)]
    return list(_segments(body, cut, submission.concatenation, manner.long))


def _segments(body: Message, cut: Segments, reference: int, long: Long) -> Iterator[Message]:
    total = len(cut.data)
    shifts = udh.shifts(cut.locking, cut.single)
    width = 16 if long is Long.UDH16 else 8
    for piece, data in enumerate(cut.data, 1):
        if long is Long.SAR:
            sar = _sar(reference, total, piece)
            yield _with(body, shifts, data)._replace(tlvs=sar)
        else:
            element = udh.concatenated(reference, total, piece, width=width)
            yield _with(body, (element, *shifts), data)


def _sar(reference: int, total: int, piece: int) -> Tlvs:
    return (
        (Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
        (Tag.SAR_TOTAL_SEGMENTS, bytes([total])),
        (Tag.SAR_SEGMENT_SEQNUM, bytes([piece])),
    )


def _with(body: Message, elements: tuple[bytes, ...], data: bytes) -> Message:
    """A body with a header of these elements, and the text."""
    if not elements:
        return body._replace(short_message=data)
    return body._replace(short_message=udh.write(*elements) + data, esm_class=body.esm_class | _HEADER)


def _whole(body: Message, cut: Segments) -> Message:
    """§4.4.1: with message_payload, short_message is empty."""
    shifts = udh.shifts(cut.locking, cut.single)
    header = _HEADER if shifts else 0
    payload = udh.write(*shifts) + b"".join(cut.data)
    return body._replace(tlvs=((Tag.MESSAGE_PAYLOAD, payload),), esm_class=body.esm_class | header)


def _frame(submission: Submission, manner: Manner) -> Message:
    """All but the text."""
    source, ton, npi = _address(submission.sender, manner)
    destination, to_ton, to_npi = _address(submission.recipients[0], manner)
    if to_ton == Ton.ALPHANUMERIC:
        raise _unfit(
            Condition.ITEM_NOT_FOUND, "The recipient is a name, not a number: nobody can write to it."
        )
    return Message(
        service_type=manner.service_type,
        source=source,
        source_ton=ton if manner.source_ton is None else manner.source_ton,
        source_npi=npi if manner.source_npi is None else manner.source_npi,
        destination=destination,
        destination_ton=to_ton if manner.destination_ton is None else manner.destination_ton,
        destination_npi=to_npi if manner.destination_npi is None else manner.destination_npi,
        validity=_relative(submission.validity or manner.validity),
        registered_delivery=int(Registered.FINAL) if manner.receipts else 0,
    )


def _address(party: str, manner: Manner) -> tuple[str, int, int]:
    """An address of ``traffic``, as it is written here, with its type and plan."""
    digits = party.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        if not party:
            return "", Ton.UNKNOWN, Npi.UNKNOWN
        if len(party) > _LONGEST_NAME or not party.isascii() or "\0" in party:
            raise _unfit(
                Condition.NOT_ACCEPTABLE,
                "The sender's name has more than 11 characters, or such as are not ASCII.",
            )
        return party, Ton.ALPHANUMERIC, Npi.UNKNOWN
    if len(digits) >= _LONGEST_ADDRESS:
        raise _unfit(Condition.ITEM_NOT_FOUND, "A number of 20 digits or more is none; check it.")
    if party[0] == "+" or len(digits) >= _SHORTEST_NUMBER:
        return f"+{digits}" if manner.plus else digits, Ton.INTERNATIONAL, Npi.ISDN
    return digits, *manner.short_code


def _relative(seconds: float) -> str:
    """A time span (§7.1.1.2): years, months, days, hours, minutes, seconds, at most 30 days; empty for none."""
    if seconds <= 0:
        return ""
    left = int(min(max(seconds, 1), _LONGEST_VALIDITY))
    days, left = divmod(left, _DAY)
    hours, left = divmod(left, 3600)
    minutes, left = divmod(left, 60)
    return f"0000{days:02}{hours:02}{minutes:02}{left:02}000R"


def _too_long(number: int, most: int) -> Unfit:
    return _unfit(
        Condition.NOT_ACCEPTABLE,
        f"This text needs about {number} SMS, and at most {most} are sent for one message. Write it shorter, or in several "
        "messages.",
    )


def _unfit(condition: Condition, text: str) -> Unfit:
    return Unfit(
        Refused(condition, text, ErrorType.MODIFY if condition is Condition.NOT_ACCEPTABLE else None)
    )
