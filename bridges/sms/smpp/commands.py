"""The numbers of SMPP 3.4 that name commands, and the bits of fields that are bit fields (§5.1.2.1, §5.2).

All of them travel as plain integers: what is not named here is carried all the same.
"""

from enum import IntEnum, IntFlag
from typing import Final

#: Set in the identifier of every response (§5.1.2.1).
RESPONSE: Final = 0x80000000

#: sequence_number counts from the one to the other, in each direction, and then begins again (§5.1.4).
FIRST_SEQUENCE: Final = 1
LAST_SEQUENCE: Final = 0x7FFFFFFF

#: What we say that we speak; 5.0 peers answer in 3.4 then (5.0 §2.5).
VERSION: Final = 0x34


class Command(IntEnum):
    """command_id (§5.1.2.1; the broadcast operations from SMPP 5.0 §4.7.5)."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM = 0x00000003
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    REPLACE_SM = 0x00000007
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM = 0x00000008
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    SUBMIT_MULTI = 0x00000021
    SUBMIT_MULTI_RESP = 0x80000021
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103
    BROADCAST_SM = 0x00000111
    BROADCAST_SM_RESP = 0x80000111
    QUERY_BROADCAST_SM = 0x00000112
    QUERY_BROADCAST_SM_RESP = 0x80000112
    CANCEL_BROADCAST_SM = 0x00000113
    CANCEL_BROADCAST_SM_RESP = 0x80000113


class EsmClass(IntFlag):
    """esm_class (§5.2.12). The type of a message is the field under ``TYPE``."""

    DATAGRAM = 0x01
    FORWARD = 0x02
    STORE_AND_FORWARD = 0x03
    MODE = 0x03
    RECEIPT = 0x04
    SME_ACK = 0x08
    MANUAL_ACK = 0x10
    ABORT = 0x18
    INTERMEDIATE = 0x20
    TYPE = 0x3C
    HEADER = 0x40  # the user data begins with a header (UDHI)
    REPLY_PATH = 0x80


class Registered(IntFlag):
    """registered_delivery (§5.2.17)."""

    FINAL = 0x01
    FAILURE = 0x02
    INTERMEDIATE = 0x10


class Ton(IntEnum):
    """Type of number (§5.2.5). Others come, and are carried."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


class Npi(IntEnum):
    """Numbering plan (§5.2.6). Others come, and are carried."""

    UNKNOWN = 0
    ISDN = 1  # E.163, E.164
    DATA = 3
    TELEX = 4
    LAND_MOBILE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10
    INTERNET = 14
    WAP = 18
