"""The bodies of PDUs (SMPP 3.4 §4) as values. ``unpacking`` makes them of octets, ``packing`` octets of them.

Strings are Latin-1, so that whatever a peer sends comes back unchanged; what they mean is said elsewhere.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from bridges.sms.smpp.commands import VERSION
from bridges.sms.smpp.tlv import Tlvs


class Unwritable(ValueError):
    """A value that no PDU can carry; the text names the field, never its content."""


class Message(NamedTuple):
    """submit_sm and deliver_sm, which have the same fields (§4.4.1, §4.6.1); data_sm has some of them (§4.7.1). A
    tuple, since these are made a hundred thousand times a second."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    destination_ton: int = 0
    destination_npi: int = 0
    destination: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    default_message: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


class Reply(NamedTuple):
    """The response to one of those (§4.4.2, §4.6.2, §4.7.2)."""

    message_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Bind:
    """bind_transmitter, bind_receiver, bind_transceiver (§4.1)."""

    system_id: str = ""
    password: str = field(default="", repr=False)
    system_type: str = ""
    interface_version: int = VERSION
    ton: int = 0
    npi: int = 0
    address_range: str = ""


@dataclass(frozen=True, slots=True)
class BindReply:
    """The response to it (§4.1.2)."""

    system_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Outbind:
    """outbind (§4.1.7)."""

    system_id: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Alert:
    """alert_notification: a phone is back (§4.12.1)."""

    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    esme_ton: int = 0
    esme_npi: int = 0
    esme: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Bare:
    """Commands without fields: unbind, enquire_link, their responses, generic_nack."""

    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class Foreign:
    """The octets of a command that this codec does not read."""

    data: bytes = b""


Body = Message | Reply | Bind | BindReply | Outbind | Alert | Bare | Foreign
