"""ejabberd as a child process: a plain Erlang without node name, hence without epmd and ejabberdctl. Written for 23.01,
Debian 12's."""

import asyncio
import glob
import json
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

from gateway.playground.peers import DOMAIN, LOOPBACK, Component, User
from gateway.playground.process import Child, Missing, NotReady, free_ports, listening, require

# JSON is YAML, so the configuration is a table here and needs no YAML writer.
_MODULES: Mapping[str, object] = {
    "mod_adhoc": {},
    "mod_admin_extra": {},
    "mod_blocking": {},
    "mod_bosh": {},
    "mod_caps": {},
    "mod_carboncopy": {},
    "mod_disco": {},
    "mod_http_api": {},
    "mod_mam": {"assume_mam_usage": True, "default": "always"},
    "mod_muc": {"host": f"rooms.{DOMAIN}", "access": ["allow"], "access_create": ["allow"]},
    "mod_offline": {},
    "mod_ping": {},
    "mod_privacy": {},
    "mod_private": {},
    "mod_pubsub": {"plugins": ["flat", "pep"]},
    "mod_roster": {},
    "mod_stream_mgmt": {},
    "mod_vcard": {},
    "mod_version": {},
}


def _libraries() -> list[Path]:
    """Where ejabberd's own code lies, newest version last."""
    found = glob.glob("/usr/lib/*/ejabberd-*/ebin") + glob.glob("/usr/lib/ejabberd-*/ebin")
    return [Path(ebin).parent for ebin in sorted(found)]


class Ejabberd:
    """A running ejabberd for the domain ``localhost``, with ``rooms.localhost`` and ``upload.localhost``."""

    PACKAGES = ("ejabberd",)
    name = "ejabberd"
    domain = DOMAIN
    websocket_path = "/ws"

    def __init__(self, directory: Path, host: str) -> None:
        self.host = host
        self._serves_components = False
        self._users: list[User] = []
        self._unclean = False
        self.c2s_port, self.component_port, self.http_port = free_ports(3, host)
        libraries = _libraries()
        if not libraries:
            raise Missing(
                f"ejabberd is not installed; on Debian and Ubuntu: apt-get install {' '.join(self.PACKAGES)}"
            )
        self.child = Child(
            "ejabberd",
            [
                require("erl", self.PACKAGES),
                "-noinput",
                "-mnesia",
                "dir",
                f'"{directory}/db"',
                "-s",
                "ejabberd",
            ],
            directory,
            environment={
                "EJABBERD_CONFIG_PATH": str(directory / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(directory / "ejabberd.log"),
                "ERL_LIBS": str(libraries[-1].parent),
                "HOME": str(directory),
            },
        )

    @staticmethod
    def installed() -> bool:
        return bool(_libraries())

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
    ) -> "Ejabberd":
        """Write the configuration into ``directory`` and start. ``web``: a directory of files to serve at ``/web``.
        ``privileges``: grant the components what XEP-0356 has. Raises ``Missing`` and ``NotReady``."""
        server = cls(directory, host)
        server._serves_components = bool(components)
        (directory / "ejabberd.yml").write_text(
            json.dumps(server._config(components, web, privileges=privileges), indent=1), encoding="utf-8"
        )
        (directory / "db").mkdir()
        await server.restart()
        for user in users:
            await server.add_user(user)
        return server

    def _config(
        self, components: Sequence[Component], web: Path | None, *, privileges: bool
    ) -> Mapping[str, object]:
        handlers = {
            "/ws": "ejabberd_http_ws",
            "/bosh": "mod_bosh",
            "/upload": "mod_http_upload",
            "/api": "mod_http_api",
        }
        modules = dict(_MODULES)
        modules["mod_http_upload"] = {
            "access": "all",
            "host": f"upload.{DOMAIN}",
            "put_url": f"http://{self.host}:{self.http_port}/upload",
            "docroot": "@HOME@/upload",
        }
        if components and privileges:
            modules["mod_privilege"] = {
                "roster": {"both": "gateways"},
                "message": {"outgoing": "gateways"},
                "presence": {"managed_entity": "gateways"},
            }
        if web is not None:
            handlers["/web"] = "mod_http_fileserver"
            modules["mod_http_fileserver"] = {"docroot": str(web), "directory_indices": ["index.html"]}
        listeners: list[Mapping[str, object]] = [
            {
                "port": self.c2s_port,
                "ip": self.host,
                "module": "ejabberd_c2s",
                "max_stanza_size": 262144,
                "starttls_required": False,
            },
            {
                "port": self.http_port,
                "ip": self.host,
                "module": "ejabberd_http",
                "request_handlers": handlers,
            },
        ]
        if components:
            listeners.append(
                {
                    "port": self.component_port,
                    "ip": self.host,
                    "module": "ejabberd_service",
                    "access": "all",
                    "global_routes": False,  # else the first component gets the stanzas of all
                    "hosts": {one.jid: {"password": one.secret} for one in components},
                }
            )
        return {
            "hosts": [DOMAIN],
            "loglevel": "info",
            "listen": listeners,
            "auth_method": "internal",
            # An empty list is an error to it.
            "acl": {"gateways": [{"server": one.jid} for one in components]} if components else {},
            "access_rules": {"gateways": {"allow": "gateways" if components else "none"}},
            "api_permissions": {"loopback": {"who": {"ip": "127.0.0.0/8"}, "what": "*"}},
            "modules": modules,
        }

    async def add_user(self, user: User) -> None:
        """Raises ``NotReady`` with the server's own words if it refuses."""
        await asyncio.to_thread(self._register, user)
        self._users.append(user)

    async def reload(self) -> None:
        """What ``ejabberdctl reload_config`` does: the configuration is read anew, and nobody thrown out. A listener that
        has changed may stay closed until it is done again. Raises ``NotReady`` if the server does not take it."""
        try:
            await asyncio.to_thread(self._call, "reload_config", {})
        except HTTPError as error:
            raise NotReady(f"ejabberd did not take its configuration: {error.read().decode()}") from error

    def _register(self, user: User, *, again: bool = False) -> None:
        try:
            self._call("register", {"user": user.name, "host": user.domain, "password": user.password})
        except OSError as error:
            if again and isinstance(error, HTTPError) and error.code == HTTPStatus.CONFLICT:
                return
            raise NotReady(f"ejabberd did not register {user.jid}: {error}") from error

    def _call(self, command: str, arguments: Mapping[str, str]) -> None:
        """Raises ``OSError``."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.http_port}/api/{command}",
            data=json.dumps(arguments).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
        with opener.open(request, timeout=10) as answer:
            answer.read()

    async def stop(self) -> None:
        await self.child.stop()

    async def kill(self) -> None:
        await self.child.kill()
        self._unclean = True

    async def restart(self) -> None:
        await self.child.stop()
        self.child.start()
        ports = [self.c2s_port, self.http_port] + ([self.component_port] if self._serves_components else [])
        await self.child.wait_ready(*(listening(self.host, port) for port in ports), within=30.0)
        if self._unclean:
            # Mnesia writes to disk about every two seconds: accounts younger than that are lost by kill -9.
            self._unclean = False
            for user in self._users:
                await asyncio.to_thread(self._register, user, again=True)
