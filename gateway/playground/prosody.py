"""Prosody as a child process: configuration, start, users. Written for 0.12, Debian 12's."""

from collections.abc import Sequence
from pathlib import Path

from gateway.playground.peers import DOMAIN, LOOPBACK, Component, User
from gateway.playground.process import Child, free_ports, installed, is_root, listening, require

_MODULES = (
    "roster saslauth disco pep carbons mam smacks blocklist vcard4 vcard_legacy bookmarks ping register adhoc "
    "http websocket bosh privilege"
)

_CONFIG = """\
{run_as_root}
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "{host}" }}
c2s_ports = {{ {c2s} }}
component_ports = {{ {component} }}
component_interfaces = {{ "{host}" }}
http_ports = {{ {http} }}
http_interfaces = {{ "{host}" }}
https_ports = {{ }}
s2s_ports = {{ }}
modules_disabled = {{ "s2s", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
consider_bosh_secure = true
authentication = "internal_plain"
modules_enabled = {{ {modules} }}
http_default_host = "{domain}"
http_external_url = "http://{host}:{http}/"
{web}

VirtualHost "{domain}"
{privileges}Component "upload.{domain}" "http_file_share"
    http_host = "{domain}"
Component "rooms.{domain}" "muc"
{components}
"""

_COMPONENT = """\
Component "{jid}"
    component_secret = "{secret}"
    modules_enabled = {{ "privilege" }}
"""

_PRIVILEGES = "    privileged_entities = {{ {entities} }}\n"
_ENTITY = '["{jid}"] = {{ roster = "both", message = "outgoing", presence = "managed_entity" }}'

_WEB = """\
http_files_dir = "{directory}"
http_paths = {{ files = "/" }}
"""


class Prosody:
    """A running Prosody for the domain ``localhost``, with ``rooms.localhost`` and ``upload.localhost``."""

    PACKAGES = ("prosody", "prosody-modules")
    name = "Prosody"
    domain = DOMAIN
    websocket_path = "/xmpp-websocket"

    def __init__(self, directory: Path, host: str) -> None:
        self.host = host
        self.c2s_port, self.component_port, self.http_port = free_ports(3, host)
        self._accounts = directory / "data" / DOMAIN / "accounts"
        self._serves_components = False
        config = directory / "prosody.cfg.lua"
        self.child = Child(
            "prosody", [require("prosody", self.PACKAGES), "-F", "--config", str(config)], directory
        )

    @staticmethod
    def installed() -> bool:
        return installed("prosody")

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        components: Sequence[Component] = (),
        users: Sequence[User] = (),
        host: str = LOOPBACK,
        web: Path | None = None,
        privileges: bool = True,
    ) -> "Prosody":
        """Write the configuration into ``directory`` and start. ``web``: a directory of files to serve at ``/``.
        ``privileges``: grant the components what XEP-0356 has. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host)
        server._serves_components = bool(components)
        server._accounts.mkdir(parents=True)
        modules = f"{_MODULES} http_files" if web is not None else _MODULES
        (directory / "prosody.cfg.lua").write_text(
            _CONFIG.format(
                # As root it would become the user "prosody", who can neither read nor write our directory.
                run_as_root="run_as_root = true" if is_root() else "",
                directory=directory,
                host=host,
                domain=DOMAIN,
                c2s=server.c2s_port,
                component=server.component_port,
                http=server.http_port,
                modules=", ".join(f'"{module}"' for module in modules.split()),
                web=_WEB.format(directory=web) if web is not None else "",
                privileges=_PRIVILEGES.format(
                    entities=", ".join(_ENTITY.format(jid=one.jid) for one in components)
                )
                if privileges
                else "",
                components="".join(_COMPONENT.format(jid=one.jid, secret=one.secret) for one in components),
            ),
            encoding="utf-8",
        )
        for user in users:
            await server.add_user(user)
        await server.restart()
        return server

    async def add_user(self, user: User) -> None:
        """Also while the server runs. Only for ASCII letters and digits in names."""
        account = self._accounts / f"{user.name}.dat"
        account.write_text(f'return {{ ["password"] = "{user.password}" }};\n', encoding="utf-8")

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()

    async def restart(self) -> None:
        await self.child.stop()
        self.child.start()
        probes = [listening(self.host, self.c2s_port), listening(self.host, self.http_port)]
        if self._serves_components:  # without any, Prosody opens no component port
            probes.append(listening(self.host, self.component_port))
        await self.child.wait_ready(*probes)
