"""The bodies of PDUs (SMPP 3.4 §4) between octets and values.

Strings are Latin-1, so that whatever a peer sends comes back unchanged; what they mean is said elsewhere. Reading is
lenient where nothing is lost by it: strings of any length, responses that end early, parameters that nobody knows.
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from bridges.sms.smpp import tlv
from bridges.sms.smpp.commands import VERSION, Command
from bridges.sms.smpp.tlv import Tag, Tlvs

_HEADER: Final = 16  # octets before the body
_RINVMSGLEN: Final = 0x01
_RINVCMDLEN: Final = 0x02
_RINVPARLEN: Final = 0xC2


class Unwritable(ValueError):
    """A value that no PDU can carry; the text names the field, never its content."""


class BadBody(ValueError):
    """A body that cannot be read; ``status`` is the command_status to answer with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


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

# -- reading ---------------------------------------------------------------------------------------------------------
# One expression a body: the quickest way there is to cut octets at their NULs. All quantifiers are possessive, so it
# takes linear time whatever comes.

_MESSAGE = re.compile(
    rb"([^\0]*+)\0(..)([^\0]*+)\0(..)([^\0]*+)\0(...)([^\0]*+)\0([^\0]*+)\0(.....)", re.DOTALL
)
_DATA = re.compile(rb"([^\0]*+)\0(..)([^\0]*+)\0(..)([^\0]*+)\0(...)", re.DOTALL)
_BIND = re.compile(rb"([^\0]*+)\0([^\0]*+)\0([^\0]*+)\0(...)([^\0]*+)\0?", re.DOTALL)
_STRING = re.compile(rb"([^\0]*+)\0?")
_OUTBIND = re.compile(rb"([^\0]*+)\0([^\0]*+)\0?")
_ALERT = re.compile(rb"(..)([^\0]*+)\0(..)([^\0]*+)\0?", re.DOTALL)


def _string(octets: bytes) -> str:
    return octets.decode("latin-1") if octets else ""


def _tlvs(data: bytes, at: int) -> Tlvs:
    """The parameters of a body. Those after one that is cut short are lost, unless it is the text itself that is
    cut."""
    try:
        return tlv.read(data, at)
    except tlv.CutShort as error:
        if error.tag == Tag.MESSAGE_PAYLOAD:
            raise BadBody(_RINVPARLEN, "message_payload is cut short") from error
        return error.tlvs


def _message(data: bytes) -> Message:
    found = _MESSAGE.match(data, _HEADER)
    if found is None:
        raise BadBody(_RINVCMDLEN, "the mandatory fields are incomplete")
    (
        kind,
        (ton, npi),
        source,
        (to_ton, to_npi),
        destination,
        (esm, pid, priority),
        schedule,
        validity,
        rest,
    ) = found.groups()
    registered, replace, coding, default, length = rest
    at = found.end()
    end = at + length
    text = data[at:end]
    if len(text) != length:
        raise BadBody(_RINVMSGLEN, "short_message is shorter than sm_length")
    return Message(
        _string(kind),
        ton,
        npi,
        _string(source),
        to_ton,
        to_npi,
        _string(destination),
        esm,
        pid,
        priority,
        _string(schedule),
        _string(validity),
        registered,
        replace,
        coding,
        default,
        text,
        _tlvs(data, end) if end < len(data) else (),
    )


def _data(data: bytes) -> Message:
    found = _DATA.match(data, _HEADER)
    if found is None:
        raise BadBody(_RINVCMDLEN, "the mandatory fields are incomplete")
    kind, (ton, npi), source, (to_ton, to_npi), destination, (esm, registered, coding) = found.groups()
    return Message(
        service_type=_string(kind),
        source_ton=ton,
        source_npi=npi,
        source=_string(source),
        destination_ton=to_ton,
        destination_npi=to_npi,
        destination=_string(destination),
        esm_class=esm,
        registered_delivery=registered,
        data_coding=coding,
        tlvs=_tlvs(data, found.end()),
    )


def _leading(data: bytes) -> tuple[str, Tlvs]:
    """One string, and parameters. The string may be missing (a refusal may be a header alone), and so may its NUL."""
    found = _STRING.match(data, _HEADER)
    if found is None:
        return "", ()
    return _string(found[1]), _tlvs(data, found.end())


def _reply(data: bytes) -> Reply:
    return Reply(*_leading(data))


def _bind_reply(data: bytes) -> BindReply:
    return BindReply(*_leading(data))


def _bind(data: bytes) -> Bind:
    found = _BIND.match(data, _HEADER)
    if found is None:
        raise BadBody(_RINVCMDLEN, "the mandatory fields are incomplete")
    system, password, kind, (version, ton, npi), addresses = found.groups()
    return Bind(_string(system), _string(password), _string(kind), version, ton, npi, _string(addresses))


def _outbind(data: bytes) -> Outbind:
    found = _OUTBIND.match(data, _HEADER)
    if found is None:
        raise BadBody(_RINVCMDLEN, "the mandatory fields are incomplete")
    return Outbind(_string(found[1]), _string(found[2]))


def _alert(data: bytes) -> Alert:
    found = _ALERT.match(data, _HEADER)
    if found is None:
        raise BadBody(_RINVCMDLEN, "the mandatory fields are incomplete")
    (ton, npi), source, (to_ton, to_npi), esme = found.groups()
    return Alert(ton, npi, _string(source), to_ton, to_npi, _string(esme), _tlvs(data, found.end()))


def _bare(data: bytes) -> Bare:
    return Bare(_tlvs(data, _HEADER))


def foreign(data: bytes) -> Foreign:
    return Foreign(data[_HEADER:])


#: By command_id: reads the body of a whole PDU. Commands that are not here are ``foreign``. Raises ``BadBody``.
READERS: Final[Mapping[int, Callable[[bytes], Body]]] = MappingProxyType(
    {
        Command.SUBMIT_SM: _message,
        Command.DELIVER_SM: _message,
        Command.DATA_SM: _data,
        Command.SUBMIT_SM_RESP: _reply,
        Command.DELIVER_SM_RESP: _reply,
        Command.DATA_SM_RESP: _reply,
        Command.BIND_RECEIVER: _bind,
        Command.BIND_TRANSMITTER: _bind,
        Command.BIND_TRANSCEIVER: _bind,
        Command.BIND_RECEIVER_RESP: _bind_reply,
        Command.BIND_TRANSMITTER_RESP: _bind_reply,
        Command.BIND_TRANSCEIVER_RESP: _bind_reply,
        Command.OUTBIND: _outbind,
        Command.ALERT_NOTIFICATION: _alert,
        Command.GENERIC_NACK: _bare,
        Command.UNBIND: _bare,
        Command.UNBIND_RESP: _bare,
        Command.ENQUIRE_LINK: _bare,
        Command.ENQUIRE_LINK_RESP: _bare,
    }
)

# -- writing ---------------------------------------------------------------------------------------------------------


def write(command: int, body: Body) -> bytes:
    """The octets of a body. Raises ``Unwritable``."""
    try:
        if isinstance(body, Message):
            return _written_data(body) if command == Command.DATA_SM else _written_message(body)
        return _written(body)
    except UnicodeEncodeError as error:
        raise Unwritable("a string has characters that are not Latin-1") from error
    except OverflowError as error:
        raise Unwritable("a number is not one octet") from error
    except struct.error as error:
        raise Unwritable("a parameter is longer than 65,535 octets, or its tag larger") from error


def _written_message(body: Message) -> bytes:
    (
        kind,
        ton,
        npi,
        source,
        to_ton,
        to_npi,
        destination,
        esm,
        pid,
        priority,
        schedule,
        validity,
        registered,
        replace,
        coding,
        default,
        text,
        tlvs,
    ) = body
    _without_nul(kind + source + destination + schedule + validity)
    octets = b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b" % (
        kind.encode("latin-1"),
        ton,
        npi,
        source.encode("latin-1"),
        to_ton,
        to_npi,
        destination.encode("latin-1"),
        esm,
        pid,
        priority,
        schedule.encode("latin-1"),
        validity.encode("latin-1"),
        registered,
        replace,
        coding,
        default,
        len(text),
        text,
    )
    return octets + tlv.write(tlvs) if tlvs else octets


def _written_data(body: Message) -> bytes:
    if body.short_message:
        raise Unwritable("data_sm has no short_message: its text is a parameter")
    return b"%b%b%b%c%c%c%b" % (
        _zero_ended(body.service_type),
        _address(body.source_ton, body.source_npi, body.source),
        _address(body.destination_ton, body.destination_npi, body.destination),
        body.esm_class,
        body.registered_delivery,
        body.data_coding,
        tlv.write(body.tlvs),
    )


def _written(body: Body) -> bytes:
    match body:
        case Reply(name, tlvs) | BindReply(name, tlvs):
            return _zero_ended(name) + tlv.write(tlvs)
        case Bind():
            return b"%b%b%b%c%b" % (
                _zero_ended(body.system_id),
                _zero_ended(body.password),
                _zero_ended(body.system_type),
                body.interface_version,
                _address(body.ton, body.npi, body.address_range),
            )
        case Outbind():
            return _zero_ended(body.system_id) + _zero_ended(body.password)
        case Alert():
            source = _address(body.source_ton, body.source_npi, body.source)
            return source + _address(body.esme_ton, body.esme_npi, body.esme) + tlv.write(body.tlvs)
        case Bare():
            return tlv.write(body.tlvs)
        case Foreign():
            return body.data
        case Message():
            return _written_message(body)


def _without_nul(text: str) -> None:
    if "\0" in text:
        raise Unwritable("a string has a NUL in it")


def _zero_ended(text: str) -> bytes:
    _without_nul(text)
    return text.encode("latin-1") + b"\0"


def _address(ton: int, npi: int, text: str) -> bytes:
    return b"%c%c%b" % (ton, npi, _zero_ended(text))
