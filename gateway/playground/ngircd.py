"""ngIRCd as a child process: the old-fashioned end of IRC, without tags, SASL or server-time. Written for 26.1, Debian
12's."""

from pathlib import Path

from gateway.playground.peers import LOOPBACK, give_to
from gateway.playground.process import Child, answering, free_ports, installed, is_root, require

_CONFIG = """\
[Global]
    Name = irc.localhost
    Info = Causeway playground
    Network = Playground
    AdminEMail = nobody@localhost
    Listen = {host}
    Ports = {port}
    MotdPhrase = Welcome to the playground
[Limits]
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxNickLength = 30
    MaxPenaltyTime = 0
    PingTimeout = 120
    PongTimeout = 60
[Options]
    DNS = no
    Ident = no
    PAM = no
    OperCanUseMode = yes
[Operator]
    Name = oper
    Password = oper
"""


class NgIRCd:
    """A running ngIRCd, plain clients at ``port``, operators ``oper``/``oper``."""

    PACKAGES = ("ngircd",)
    name = "ngIRCd"

    def __init__(self, directory: Path, host: str, port: int | None) -> None:
        self.host = host
        self.port = port or free_ports(1, host)[0]
        # As root it would become another user by itself, and so lose the signal that ends it with us.
        self.child = Child(
            "ngircd",
            [require("ngircd", self.PACKAGES), "-n", "-f", str(directory / "ngircd.conf")],
            directory,
            user="nobody",
        )

    @staticmethod
    def installed() -> bool:
        return installed("ngircd")

    @classmethod
    async def start(cls, directory: Path, *, host: str = LOOPBACK, port: int | None = None) -> "NgIRCd":
        """Write the configuration into ``directory`` and start. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host, port)
        config = directory / "ngircd.conf"
        config.write_text(_CONFIG.format(host=host, port=server.port), encoding="utf-8")
        if is_root():
            give_to("nobody", directory, config)
        await server.restart()
        return server

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(answering(self.host, self.port, b"CAP LS\r\n", b"CAP"))
