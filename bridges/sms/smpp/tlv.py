"""Optional parameters of PDUs: tag, length, value (SMPP 3.4 §3.2.4, §5.3).

They stay octets until somebody asks for one. Tags that nobody knows are normal (0x1400 to 0x3FFF are the provider's):
they are carried.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum

_HEAD = struct.Struct(">HH")

#: In the order in which they came; a tag may come twice.
Tlvs = tuple[tuple[int, bytes], ...]


class Tag(IntEnum):
    """The tags that this bridge reads or writes."""

    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    NUMBER_OF_MESSAGES = 0x0304
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428  # SMPP 5.0 §4.8.4.18
    DISPLAY_TIME = 0x1201
    MS_VALIDITY = 0x1204


class CutShort(ValueError):
    """A parameter announces more octets than there are. ``tlvs`` came before it; ``tag`` is its own."""

    def __init__(self, tlvs: Tlvs, tag: int) -> None:
        super().__init__(f"parameter 0x{tag:04x} is cut short")
        self.tlvs = tlvs
        self.tag = tag


def read(data: bytes, at: int) -> Tlvs:
    """All parameters from offset ``at``. Up to three octets after the last are padding, which some peers send.
    Raises ``CutShort``."""
    end = len(data)
    if end - at < _HEAD.size:
        return ()
    found: list[tuple[int, bytes]] = []
    while end - at >= _HEAD.size:
        tag, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if length > end - at:
            raise CutShort(tuple(found), tag)
        found.append((tag, data[at : at + length]))
        at += length
    return tuple(found)


def write(tlvs: Iterable[tuple[int, bytes]]) -> bytes:
    """The octets. Raises ``struct.error`` for a tag or a length beyond 65,535."""
    return b"".join([_HEAD.pack(tag, len(value)) + value for tag, value in tlvs])


def first(tlvs: Tlvs, tag: int) -> bytes | None:
    """The value of the first parameter with that tag."""
    for known, value in tlvs:
        if known == tag:
            return value
    return None


def number(tlvs: Tlvs, tag: int) -> int | None:
    """The same as a number, in whatever width it came; None for an empty one, or one wider than four octets, too."""
    value = first(tlvs, tag)
    return int.from_bytes(value, "big") if value and len(value) <= 4 else None


def string(tlvs: Tlvs, tag: int) -> str:
    """The same as a string, which ends at the first NUL, or without one; empty where there is none."""
    value = first(tlvs, tag)
    return value.partition(b"\0")[0].decode("latin-1") if value else ""
