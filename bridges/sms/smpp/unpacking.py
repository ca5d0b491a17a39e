"""The bodies of PDUs (SMPP 3.4 §4), from octets.

Lenient where nothing is lost by it: strings of any length, responses that end early, parameters that nobody knows.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from bridges.sms.smpp import tlv
from bridges.sms.smpp.bodies import Alert, Bare, Bind, BindReply, Body, Foreign, Message, Outbind, Reply
from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.status import RINVCMDLEN, RINVMSGLEN, RINVPARLEN
from bridges.sms.smpp.tlv import Tag, Tlvs

_HEADER: Final = 16  # octets before the body


class BadBody(ValueError):
    """A body that cannot be read; ``status`` is the command_status to answer with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


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
            raise BadBody(RINVPARLEN, "message_payload is cut short") from error
        return error.tlvs


def _message(data: bytes) -> Message:
    found = _MESSAGE.match(data, _HEADER)
    if found is None:
        raise BadBody(RINVCMDLEN, "the mandatory fields are incomplete")
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
        raise BadBody(RINVMSGLEN, "short_message is shorter than sm_length")
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
        raise BadBody(RINVCMDLEN, "the mandatory fields are incomplete")
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
        raise BadBody(RINVCMDLEN, "the mandatory fields are incomplete")
    system, password, kind, (version, ton, npi), addresses = found.groups()
    return Bind(_string(system), _string(password), _string(kind), version, ton, npi, _string(addresses))


def _outbind(data: bytes) -> Outbind:
    found = _OUTBIND.match(data, _HEADER)
    if found is None:
        raise BadBody(RINVCMDLEN, "the mandatory fields are incomplete")
    return Outbind(_string(found[1]), _string(found[2]))


def _alert(data: bytes) -> Alert:
    found = _ALERT.match(data, _HEADER)
    if found is None:
        raise BadBody(RINVCMDLEN, "the mandatory fields are incomplete")
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
