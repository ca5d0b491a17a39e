"""Further SMSCs, of other people again: they take messages, and bring some where they can."""

import re
from pathlib import Path
from typing import Any, ClassVar

from gateway.playground.peers import LOOPBACK
from gateway.playground.process import Child, free_ports, listening, require
from gateway.playground.unpacked import find
from tests.rig.smsc.control import Control
from tests.rig.smsc.steered import fetched

_CHILDREN = Path(__file__).with_name("children")


class _Opinion:
    """A program of ``children`` with a line to it."""

    name: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        self.host = LOOPBACK
        self.port, self._control_port = free_ports(2)
        self.child = Child(
            self.program,
            [
                str(fetched("peers") / "bin/python"),
                str(_CHILDREN / f"{self.program}.py"),
                self.host,
                str(self.port),
                str(self._control_port),
            ],
            directory,
        )
        self.control: Control

    @classmethod
    async def start(cls, directory: Path) -> "_Opinion":
        """Raises ``Missing`` and ``NotReady``."""
        server = cls(directory)
        server.child.start()
        # The SMSC's own port is not tried: that would be a session to it.
        await server.child.wait_ready(listening(server.host, server._control_port), within=30.0)
        server.control = await Control.open(server.host, server._control_port)
        return server

    async def stop(self) -> None:
        """Its exit status says nothing: smpp34 crashes as it ends."""
        await self.control.close()
        await self.child.kill()

    async def deliver(self, octets: bytes, **fields: Any) -> Any:
        """A message to us; the status of the answer."""
        return await self.control.ask("deliver", octets=octets.hex(), **fields)


class RustSmsc(_Opinion):
    """``smpp34``'s server. Any password is good."""

    name = "smpp34"
    program = "rust"


class TwistedSmsc(_Opinion):
    """``smpp.twisted3``'s server. The user is ``test`` with ``pw``."""

    name = "smpp.twisted3"
    program = "reactor"


class PerlSmsc:
    """The example of Debian's Net::SMPP as it is, but for the port: all messages have one id, nothing comes from it."""

    name = "Net::SMPP"

    def __init__(self, directory: Path) -> None:
        package = find("libnet-smpp-perl")
        self.host = LOOPBACK
        self.port = free_ports(1)[0]
        example = Path(package.program("usr/share/doc/libnet-smpp-perl/examples/smsc.pl")).read_text(
            "latin-1"
        )
        ours, changed = re.subn(
            r"(?m)^\$(host|port) = .*;$",
            lambda found: f"${found[1]} = " + (f"'{self.host}';" if found[1] == "host" else f"{self.port};"),
            example,
        )
        if changed != 2:
            raise RuntimeError("The example of libnet-smpp-perl has changed: it names no host and port")
        script = directory / "smsc.pl"
        script.write_text(ours, "latin-1")
        self.child = Child(
            "perl-smsc",
            [require("perl", ["perl"]), str(script), "3"],
            directory,
            environment={"PERL5LIB": package.program("usr/share/perl5")},
        )

    @classmethod
    async def start(cls, directory: Path) -> "PerlSmsc":
        """Raises ``Missing`` and ``NotReady``."""
        server = cls(directory)
        server.child.start()
        await server.child.wait_ready(listening(server.host, server.port))
        return server

    async def stop(self) -> None:
        await self.child.stop()
