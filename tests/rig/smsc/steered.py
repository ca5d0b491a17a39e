"""npm's ``smpp`` as an SMSC that does what a test tells it; ``node_smsc.js`` says what that can be."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.playground.certificate import Certificate
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, Missing, free_ports, listening, require
from gateway.playground.unpacked import cache
from tests.rig.smsc.control import Control

_SCRIPT = Path(__file__).with_name("node_smsc.js")


def fetched(part: str) -> Path:
    """Of what ``scripts/smscs`` fetches; raises ``Missing``."""
    place = cache() / "smscs"
    if not (place / ".complete").exists():
        raise Missing(f"The SMSCs of the tests are not in {place}; run scripts/smscs")
    return place / part


class NodeSmsc:
    """A running one at ``port``. ``control`` is the line to it; the methods are short for what is said there most."""

    name = "npm smpp"

    def __init__(
        self, directory: Path, certificate: Certificate | None, *, client_certificates: bool
    ) -> None:
        self.host = LOOPBACK
        self.port, self._control_port = free_ports(2)
        config: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "control": self._control_port,
            "modules": str(fetched("npm") / "node_modules"),
        }
        if certificate is not None:
            config |= {"key": str(certificate.key), "cert": str(certificate.certificate)}
            if client_certificates:
                config |= {"ca": str(certificate.authority)}
        self.child = Child(
            "node-smsc", [require("node", ["nodejs"]), str(_SCRIPT), json.dumps(config)], directory
        )
        self._control: Control | None = None

    @classmethod
    async def start(
        cls, directory: Path, *, certificate: Certificate | None = None, client_certificates: bool = False
    ) -> "NodeSmsc":
        """With a certificate it speaks TLS only, and with ``client_certificates`` to those who show one of its authority.
        Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, certificate, client_certificates=client_certificates)
        await server.restart()
        return server

    @property
    def control(self) -> Control:
        if self._control is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._control

    async def stop(self) -> None:
        await self._hang_up()
        await self.child.stop()

    async def kill(self) -> None:
        await self._hang_up()
        await self.child.kill()

    async def restart(self) -> None:
        await self.stop()
        self.child.start()
        await self.child.wait_ready(listening(self.host, self._control_port), listening(self.host, self.port))
        self._control = await Control.open(self.host, self._control_port)

    async def _hang_up(self) -> None:
        if self._control is not None:
            await self._control.close()
            self._control = None

    # -- what it does ----------------------------------------------------------------------------------------------

    async def set(self, **policy: Any) -> None:
        await self.control.ask("set", policy=policy)

    async def reset(self) -> None:
        """As after its start; forgets what it has seen."""
        await self.control.ask("reset")
        self.control.events.clear()

    async def session(self, *modes: str) -> int:
        """The number of the newest session that is bound (in one of these ways)."""
        wanted = modes or ("bind_transceiver", "bind_receiver", "bind_transmitter")
        while True:
            seen = len(self.control.events)
            found = [each["session"] for each in await self.control.ask("sessions") if each["mode"] in wanted]
            if found:
                return int(found[-1])
            await self.control.until(lambda events, seen=seen: len(events) > seen, "a bind")

    async def deliver(self, text: str | bytes = "hi", *, session: int | None = None, **fields: Any) -> int:
        """A message to us; gives the status of the answer to it, once there is one. Octets go out as they are."""
        found = await self.control.ask(
            "send",
            session=session or await self.session("bind_transceiver", "bind_receiver"),
            command="deliver_sm",
            fields=_fields(text, fields),
        )
        return int(found["status"])

    async def brings(self, text: str | bytes = "hi", *, session: int | None = None, **fields: Any) -> None:
        """The same, and nobody waits for the answer."""
        await self.control.ask(
            "tell",
            session=session or await self.session("bind_transceiver", "bind_receiver"),
            command="deliver_sm",
            fields=_fields(text, fields),
        )

    async def raw(self, octets: bytes, *, session: int | None = None) -> None:
        await self.control.ask("raw", session=session or await self.session(), hex=octets.hex())

    async def submitted(self, count: int = 1, since: int = 0) -> list[dict[str, Any]]:
        """Wait for so many messages of ours."""
        return await self.control.pdus("submit_sm", count, since)


def octets(value: bytes) -> dict[str, str]:
    """How octets are written in ``fields``."""
    return {"hex": value.hex()}


def heard(messages: Iterable[dict[str, Any]]) -> str:
    """The text of submitted messages, as the SMSC has decoded it."""
    return "".join(each["short_message"]["message"] for each in messages)


def _fields(text: str | bytes, fields: dict[str, Any]) -> dict[str, Any]:
    said = octets(text) if isinstance(text, bytes) else text
    return {
        "source_addr": "15551110001",
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "destination_addr": "15559990000",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "short_message": said,
        **{name: octets(value) if isinstance(value, bytes) else value for name, value in fields.items()},
    }
