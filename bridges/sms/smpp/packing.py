"""The bodies of PDUs (SMPP 3.4 §4), to octets."""

import struct

from bridges.sms.smpp import tlv
from bridges.sms.smpp.bodies import (
    Alert,
    Bare,
    Bind,
    BindReply,
    Body,
    Foreign,
    Message,
    Outbind,
    Reply,
    Unwritable,
)
from bridges.sms.smpp.commands import Command


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
