"""biboumi as a child process: another IRC gateway in Causeway's place, to compare with. Written for 9.0, Debian 12's."""

from pathlib import Path

from gateway.playground.peers import Component, XmppServer
from gateway.playground.process import Child, installed, require

_CONFIG = """\
hostname={jid}
password={secret}
xmpp_server_ip={host}
port={port}
db_name={database}
identd_port=0
log_level=1
policy_directory=/etc/biboumi
"""


class Biboumi:
    """A running biboumi. It knows networks only by host, at the usual ports."""

    PACKAGES = ("biboumi",)
    name = "biboumi"

    def __init__(self, directory: Path) -> None:
        command = [require("biboumi", self.PACKAGES), str(directory / "biboumi.cfg")]
        self.child = Child("biboumi", command, directory)

    @staticmethod
    def installed() -> bool:
        return installed("biboumi")

    @classmethod
    async def start(
        cls, directory: Path, server: XmppServer, component: Component, *, database: str = ""
    ) -> "Biboumi":
        """``database`` is its ``db_name``; without one a file in the directory."""
        gateway = cls(directory)
        (directory / "biboumi.cfg").write_text(
            _CONFIG.format(
                jid=component.jid,
                secret=component.secret,
                host=server.host,
                port=server.component_port,
                database=database or directory / "biboumi.sqlite",
            ),
            encoding="utf-8",
        )
        await gateway.restart()
        return gateway

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.restart(self.child.logged("Authenticated with the XMPP server"))
