"""What the rig's servers have in common: the values they are given, and the one shape they show."""

import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.playground.process import Child, is_root

LOOPBACK = "127.0.0.1"
DOMAIN = "localhost"


@dataclass(frozen=True, slots=True)
class User:
    """A user account of an XMPP server; ``name`` is the local part."""

    name: str
    password: str
    domain: str = DOMAIN

    @property
    def jid(self) -> str:
        return f"{self.name}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Component:
    """A domain that an external component (XEP-0114) may serve."""

    jid: str
    secret: str


class Server(Protocol):
    """Any server of the rig. Ports and data stay the same over ``restart`` and over ``kill`` with ``restart``."""

    @property
    def child(self) -> Child: ...

    @property
    def host(self) -> str: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None:
        """kill -9."""

    async def restart(self) -> None:
        """Stop the server if it runs, and start it; returns when it is ready again."""


class XmppServer(Server, Protocol):
    @property
    def name(self) -> str:
        """What people call it, for instance "Prosody"."""

    @property
    def domain(self) -> str: ...

    @property
    def c2s_port(self) -> int: ...

    @property
    def component_port(self) -> int: ...

    @property
    def http_port(self) -> int: ...

    @property
    def websocket_path(self) -> str: ...

    async def add_user(self, user: User) -> None: ...


class IrcServer(Server, Protocol):
    @property
    def name(self) -> str: ...

    @property
    def port(self) -> int: ...


def give_to(user: str, *paths: Path) -> None:
    """Let ``user`` own the paths, where we are root and the child will not be."""
    if not is_root():
        return
    owner = pwd.getpwnam(user)
    for path in paths:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def new_secret() -> str:
    """A component's secret or a user's password: letters and digits only, so that no configuration needs quoting."""
    return secrets.token_hex(8)
