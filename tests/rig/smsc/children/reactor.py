"""``smpp.twisted3`` as an SMSC: ``python reactor.py HOST PORT CONTROL``. Its one user is ``test`` with ``pw``; others are
refused with nothing but a header.
"""

import json
import sys
from typing import Any

from smpp.pdu import operations, pdu_types
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred import checkers, credentials, error, portal
from twisted.internet import defer, reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import implementer

USERS = {"test": "pw"}


@implementer(checkers.ICredentialsChecker)
class Users:
    credentialInterfaces = (credentials.IUsernamePassword,)

    def requestAvatarId(self, given: Any) -> Any:
        if USERS.get(_text(given.username)) == _text(given.password):
            return defer.succeed(_text(given.username))
        return defer.fail(error.UnauthorizedLogin())


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, name: str, mind: object, *interfaces: Any) -> Any:
        return (interfaces[0], name, lambda: None)


class Smsc:
    """``refuse``: names of statuses for the next messages, one each."""

    def __init__(self) -> None:
        self._bound: Any = None
        self._refuse: list[str] = []
        self._numbers = iter(range(0x1A2B3C00, 0x7FFFFFFF))
        self.watchers: set[Any] = set()

    def heard(self, system_id: str, smpp: Any, pdu: Any) -> Any:
        self._bound = smpp
        if not isinstance(pdu, operations.SubmitSM):
            return pdu_types.CommandStatus.ESME_ROK
        number = format(next(self._numbers), "x")
        event = {
            "event": "pdu",
            "command": "submit_sm",
            "id": number,
            "source_addr": _text(pdu.params["source_addr"]),
            "source_addr_ton": str(pdu.params["source_addr_ton"]),
            "destination_addr": _text(pdu.params["destination_addr"]),
            "data_coding": str(pdu.params["data_coding"]),
            "esm_class": str(pdu.params["esm_class"]),
            "octets": pdu.params["short_message"].hex(),
        }
        for watcher in self.watchers:
            watcher.sendLine(json.dumps(event).encode())
        if self._refuse:
            return getattr(pdu_types.CommandStatus, self._refuse.pop(0))
        return DataHandlerResponse(pdu_types.CommandStatus.ESME_ROK, message_id=number.encode())

    def set(self, refuse: list[str]) -> None:
        self._refuse = refuse

    def deliver(self, octets: str, source_addr: str, destination_addr: str, receipt: bool = False) -> Any:
        kind = pdu_types.EsmClassType.SMSC_DELIVERY_RECEIPT if receipt else pdu_types.EsmClassType.DEFAULT
        pdu = operations.DeliverSM(
            source_addr=source_addr.encode(),
            destination_addr=destination_addr.encode(),
            esm_class=pdu_types.EsmClass(pdu_types.EsmClassMode.DEFAULT, kind),
            short_message=bytes.fromhex(octets),
        )
        return self._bound.sendDataRequest(pdu).addCallback(lambda answer: str(answer.response.status))

    def unbind(self) -> None:
        self._bound.unbindAndDisconnect()


class Line(LineOnlyReceiver):
    """The other end of ``tests.rig.smsc.control``."""

    delimiter = b"\n"

    def connectionMade(self) -> None:
        self.factory.smsc.watchers.add(self)

    def connectionLost(self, reason: object = None) -> None:
        self.factory.smsc.watchers.discard(self)

    def lineReceived(self, line: bytes) -> None:
        wanted = json.loads(line)
        number, do = wanted.pop("id"), wanted.pop("do")
        smsc = self.factory.smsc
        command = {"greet": list, "set": smsc.set, "deliver": smsc.deliver, "unbind": smsc.unbind}[do]
        defer.maybeDeferred(command, **wanted).addCallbacks(
            lambda done: self._say(id=number, ok=done),
            lambda failure: self._say(id=number, error=str(failure.value)),
        )

    def _say(self, **said: Any) -> None:
        self.sendLine(json.dumps(said).encode())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def main(host: str, port: int, control: int) -> None:
    smsc = Smsc()
    config = SMPPServerConfig(msgHandler=smsc.heard, systems={"test": {"max_bindings": 4}})
    gate = portal.Portal(Realm())
    gate.registerChecker(Users())
    reactor.listenTCP(port, SMPPServerFactory(config, gate), interface=host)
    lines = Factory.forProtocol(Line)
    lines.smsc = smsc
    reactor.listenTCP(control, lines, interface=host)
    reactor.run()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
