"""What a message centre brings (deliver_sm, data_sm): a message, a piece of one, or news of a message that we sent.

Every message that the codec could read means something here; nothing raises, so nothing has to be refused for its content.
"""

from typing import Final

from bridges.sms.smpp import receipts, tlv
from bridges.sms.smpp.bodies import Message
from bridges.sms.smpp.coding import CODINGS, Coding
from bridges.sms.smpp.commands import EsmClass, Ton
from bridges.sms.smpp.tlv import Tag, Tlvs
from bridges.sms.text import udh
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Lamp, Nature, Report, Stage

# esm_class §5.2.12, as plain numbers: this runs for every message.
_TYPE: Final = int(EsmClass.TYPE)
_HEADER: Final = int(EsmClass.HEADER)
_INTERMEDIATE: Final = int(EsmClass.INTERMEDIATE)
# Headers of pieces whose message centre forgot to say that they have one. No text begins like this: "é@¥", "ùòè".
_FORGOTTEN: Final = (b"\x05\x00\x03", b"\x06\x08\x04")
_NEWS: Final = frozenset({int(EsmClass.RECEIPT), int(EsmClass.SME_ACK), _INTERMEDIATE})


def read(
    message: Message, route: str, alphabet: Alphabet = Alphabet.GSM, *, by_text: bool = False
) -> Inbound | Report:
    """``alphabet`` is what data_coding 0 means on this route. ``by_text``: receipts may come without a mark, and are known
    by their text."""
    data = message.short_message or tlv.first(message.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    header = udh.NONE
    if message.esm_class & _HEADER:
        header, data = udh.read(data)
    elif data.startswith(_FORGOTTEN):
        found, rest = udh.read(data)
        if found.concatenation is not None and found.concatenation.total > 1:
            header, data = found, rest
    coding = CODINGS[message.data_coding]
    report = _report(message, route, data, coding, by_text=by_text)
    if report is not None:
        return report
    port = header.port if header.port is not None else tlv.number(message.tlvs, Tag.DESTINATION_PORT)
    lamp = _lamp(message.tlvs, header, coding)
    nature = coding.nature
    if nature is not Nature.BINARY:
        nature = Nature.BINARY if port is not None else Nature.WAITING if lamp is not None else nature
    return Inbound(
        route,
        number(message.source_ton, message.source),
        number(message.destination_ton, message.destination),
        data=data,
        alphabet=coding.alphabet or alphabet,
        locking=header.locking,
        single=header.single,
        concatenation=header.concatenation or _concatenation(message.tlvs),
        nature=nature,
        lamp=lamp,
        port=port,
    )


def number(ton: int, written: str) -> str:
    """An address as ``traffic`` has it. International ones get their plus, whether or not they came with it."""
    written = written.strip()
    digits = written.removeprefix("+")
    if ton == Ton.INTERNATIONAL and digits.isascii() and digits.isdigit():
        return f"+{digits.removeprefix('00')}"
    return written


def _report(message: Message, route: str, data: bytes, coding: Coding, *, by_text: bool) -> Report | None:
    """The news that it is, if it is any."""
    kind = message.esm_class & _TYPE
    known = tlv.first(message.tlvs, Tag.RECEIPTED_MESSAGE_ID) is not None
    if kind not in _NEWS and not known and not by_text:
        return None
    # Receipts are ASCII, whatever alphabet the message centre has: ids have underscores in them.
    text = data.decode("utf-16-be" if coding.alphabet is Alphabet.UCS2 else "latin-1", "replace")
    if kind not in _NEWS and not known and not receipts.is_receipt(text):
        return None
    receipt = receipts.read(text, message.tlvs)
    if not receipt.id and receipt.stage is None and kind != _INTERMEDIATE and text.strip():
        # Marked as news, but it is none: somebody's text, shown rather than lost.
        return None
    stage = receipt.stage or Stage.BUFFERED
    if kind == _INTERMEDIATE:
        stage = Stage.BUFFERED
    return Report(
        route,
        stage,
        id=receipt.id,
        recipient=number(message.source_ton, message.source),
        code=f"{receipt.state} {receipt.error}".strip(),
        why=receipt.why if stage is Stage.FAILED else None,
    )


def _concatenation(tlvs: Tlvs) -> Concatenation | None:
    """§5.3.2.22 to 24: pieces without a header."""
    if not tlvs:
        return None
    reference = tlv.number(tlvs, Tag.SAR_MSG_REF_NUM)
    total = tlv.number(tlvs, Tag.SAR_TOTAL_SEGMENTS) or 0
    piece = tlv.number(tlvs, Tag.SAR_SEGMENT_SEQNUM) or 0
    if reference is None or not 1 <= piece <= total <= 255:
        return None
    return Concatenation(str(reference), total, piece, width=16)


def _lamp(tlvs: Tlvs, header: udh.Header, coding: Coding) -> Lamp | None:
    """A message-waiting indication, wherever it is: parameters (§5.3.2.13, §5.3.2.39), header, data_coding."""
    if tlvs:
        facilities = tlv.number(tlvs, Tag.MS_MSG_WAIT_FACILITIES)
        if facilities is not None:
            return udh.lamp(
                facilities, on=facilities & 0x80 != 0, count=tlv.number(tlvs, Tag.NUMBER_OF_MESSAGES)
            )
    return header.lamp or coding.lamp
