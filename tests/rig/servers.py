"""Fixtures over ``gateway.playground``: real servers, each in a temporary directory of its own.

A server that is not installed fails the test with the line that installs it. Servers are shared by a whole run where tests
cannot hurt each other through them: use rooms, channels and nicks of your own, and never stop a shared one; whoever stops
or kills a server starts his own with the factories.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.playground.atheme import Atheme
from gateway.playground.causeway import Causeway
from gateway.playground.certificate import Certificate, make_certificate
from gateway.playground.clients import IrcClient, XmppClient
from gateway.playground.dovecot import Dovecot
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.exim import Exim
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ircd import Ircd
from gateway.playground.ngircd import NgIRCd
from gateway.playground.peers import Component, IrcServer, Server, User, XmppServer
from gateway.playground.postfix import Postfix
from gateway.playground.prosody import Prosody
from gateway.playground.smtp_tools import SmtpSink
from tests.rig.postgres import Postgres, running_postgres

GATEWAY = Component("irc.localhost", "secret-of-the-tests")
SPARE = Component("spare.localhost", "secret-of-the-tests")
USERS = (User("alice", "wonderland"), User("bob", "builder"))

_XMPP = {"prosody": Prosody, "ejabberd": Ejabberd}


def open_to_daemons(directory: Path) -> Path:
    """pytest's temporary directories are closed to others, and some daemons must not be root."""
    for one in (directory, *directory.parents):
        if one.stat().st_uid == 0 and str(one).startswith("/tmp"):
            one.chmod(one.stat().st_mode | 0o011)
    return directory


@pytest.fixture(scope="session")
def server_directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a new directory for a server."""
    return lambda name: open_to_daemons(tmp_path_factory.mktemp(name))


Directory = Callable[[str], Path]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def prosody(server_directory: Directory) -> AsyncIterator[Prosody]:
    server = await Prosody.start(server_directory("prosody"), components=[GATEWAY, SPARE], users=USERS)
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ejabberd(server_directory: Directory) -> AsyncIterator[Ejabberd]:
    server = await Ejabberd.start(server_directory("ejabberd"), components=[GATEWAY, SPARE], users=USERS)
    yield server
    await server.stop()


@pytest.fixture(params=["prosody", "ejabberd"])
def xmpp_server(request: pytest.FixtureRequest) -> XmppServer:
    """Each of the two, one after the other; shared."""
    server: XmppServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def certificate(server_directory: Directory) -> Certificate:
    """Of ``localhost`` and 127.0.0.1, with its authority."""
    return make_certificate(server_directory("certificate"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def inspircd(server_directory: Directory, certificate: Certificate) -> AsyncIterator[InspIRCd]:
    """With TLS, and without services."""
    server = await InspIRCd.start(server_directory("inspircd"), certificate=certificate)
    yield server
    await server.stop()


@dataclass(frozen=True, slots=True)
class Network:
    """An InspIRCd with services: NickServ and SASL work."""

    ircd: InspIRCd
    services: Atheme


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services_network(server_directory: Directory, certificate: Certificate) -> AsyncIterator[Network]:
    ircd = await InspIRCd.start(server_directory("inspircd-services"), certificate=certificate)
    services = await Atheme.start(server_directory("atheme"), ircd)
    yield Network(ircd, services)
    await services.stop()
    await ircd.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ngircd(server_directory: Directory) -> AsyncIterator[NgIRCd]:
    server = await NgIRCd.start(server_directory("ngircd"))
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dovecot(server_directory: Directory) -> AsyncIterator[Dovecot]:
    """With a certificate of the authority in its directory's ``ca.pem``."""
    directory = server_directory("dovecot")
    server = await Dovecot.start(directory, certificate=make_certificate(directory))
    yield server
    await server.stop()


@pytest.fixture(params=["inspircd", "ngircd"])
def irc_server(request: pytest.FixtureRequest) -> IrcServer:
    """Each of the two, one after the other; shared."""
    server: IrcServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
async def ircd() -> AsyncIterator[Ircd]:
    """The scripted server, in this process, for this test alone."""
    server = await Ircd().start()
    yield server
    await server.stop()


_numbers = itertools.count(1)


@pytest.fixture
def channel() -> str:
    """A channel nobody else uses."""
    return f"#room{next(_numbers)}"


@dataclass
class Rig:
    """A gateway of this test's own between two servers, and people who go when the test ends."""

    xmpp: XmppServer
    irc: IrcServer
    gateway: Causeway
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def user(
        self, name: str = "alice", resource: str = "desk", *, priority: int | None = 0
    ) -> XmppClient:
        account = next(user for user in USERS if user.name == name)
        client = await XmppClient.connect(
            self.xmpp.host, self.xmpp.c2s_port, account.jid, account.password, resource, priority=priority
        )
        self._stack.push_async_callback(client.close)
        return client

    async def irc_user(self, nick: str, *, caps: tuple[str, ...] = ()) -> IrcClient:
        client = await IrcClient.connect(self.irc.host, self.irc.port, nick, caps=caps)
        self._stack.push_async_callback(client.close)
        return client

    async def close(self) -> None:
        await self._stack.aclose()


StartRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start_rig(server_directory: Directory) -> AsyncIterator[StartRig]:
    """``await start_rig(xmpp="prosody" | "ejabberd", irc="inspircd" | "ngircd", **Causeway.start's options)``: everything of
    this test's own, so that it may stop and kill what it likes."""
    async with AsyncExitStack() as stack:

        async def start(xmpp: str = "prosody", irc: str = "inspircd", **options: object) -> Rig:
            ircds = {"inspircd": InspIRCd, "ngircd": NgIRCd}
            irc_server = await _started(stack, ircds[irc].start(server_directory(irc)))
            xmpp_server = await _started(
                stack, _XMPP[xmpp].start(server_directory(xmpp), components=[GATEWAY, SPARE], users=USERS)
            )
            gateway = await _started(
                stack,
                Causeway.start(server_directory("gateway"), xmpp_server, GATEWAY, irc_server, **options),
            )
            rig = Rig(xmpp_server, irc_server, gateway)
            stack.push_async_callback(rig.close)
            return rig

        yield start


async def _started(stack: AsyncExitStack, starting: Awaitable[Server]) -> Server:
    server = await starting
    stack.push_async_callback(server.stop)
    return server


StartPostfix = Callable[..., Awaitable[Postfix]]
StartExim = Callable[..., Awaitable[Exim]]
StartSink = Callable[..., Awaitable[SmtpSink]]


@pytest.fixture
async def start_postfix(server_directory: Directory) -> AsyncIterator[StartPostfix]:
    """``await start_postfix(routes={"example.org": lmtp(host, port)}, **Postfix.start's options)``, of this test's own."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Postfix:
            return await _started(stack, Postfix.start(server_directory("postfix"), **options))

        yield start


@pytest.fixture
async def start_exim(server_directory: Directory) -> AsyncIterator[StartExim]:
    """``await start_exim(routes={"example.org": LmtpRoute(port=port)})``, of this test's own."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Exim:
            return await _started(stack, Exim.start(server_directory("exim"), **options))

        yield start


@pytest.fixture
async def start_sink(server_directory: Directory) -> AsyncIterator[StartSink]:
    """``await start_sink("-r", "RCPT", ...)``: a smtp-sink of this test's own, with options as its manual has them."""
    async with AsyncExitStack() as stack:

        async def start(*options: str) -> SmtpSink:
            return await _started(stack, SmtpSink.start(server_directory("smtp-sink"), *options))

        yield start


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server
