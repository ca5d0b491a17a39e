"""The gateway as a process: signals, several bridges, and the order of the end. The XMPP server is the fake one, so that
every stanza on the link can be seen."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.app import START_AGAIN
from gateway.secrets import SecretBox
from tests.component.stage import MUC, C, condition, kind
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.waiting import eventually

CONFIG = """
[xmpp]
port = {port}
[access]
{access}
[bridges.irc]
jid = "irc.localhost"
secret = "one secret"
[bridges.libera]
kind = "irc"
jid = "libera.localhost"
secret = "another one"
fixed_server = "irc.libera.test"
"""


class Gateway:
    def __init__(self, directory: Path, server: FakeXmppServer) -> None:
        self.config = directory / "config.toml"
        self.log = directory / "log"
        self._server = server
        SecretBox.create(directory / "causeway.key")
        self.configure()

    def configure(self, access: str = "", raw: str | None = None) -> None:
        self.config.write_text(raw or CONFIG.format(port=self._server.port, access=access))
        self.config.chmod(0o600)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "run", "-c", str(self.config), stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()

    async def logged(self, text: str) -> None:
        await eventually(lambda: text in self.log.read_text(), f"{text!r} in the log")


@pytest.fixture
async def server():
    async with FakeXmppServer(
        domains={"irc.localhost": "one secret", "libera.localhost": "another one"}
    ) as server:
        yield server


@pytest.fixture
def gateway(tmp_path, server) -> Gateway:
    return Gateway(tmp_path, server)


async def links(server: FakeXmppServer) -> dict[str, Connection]:
    """Both components' links."""
    async with asyncio.timeout(20):
        both = [await server.accepted.get() for _ in range(2)]
    return {link.domain: link for link in both}


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGUSR1, START_AGAIN)]
)
async def test_a_signal_right_after_the_handshake_is_an_orderly_end(gateway, server, number, status):
    async with gateway.running() as process:
        async with asyncio.timeout(20):
            await server.accepted.get()
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 10) == status
    assert "Traceback" not in gateway.log.read_text()


async def test_both_bridges_have_links_of_their_own_and_say_goodbye(gateway, server):
    async with gateway.running() as process:
        both = await links(server)
        assert set(both) == {"irc.localhost", "libera.localhost"}
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    for link in both.values():
        await asyncio.wait_for(link.closed.wait(), 5)
        assert link.ended_politely


async def test_a_server_that_is_not_there_does_not_keep_the_gateway_from_ending(gateway, server):
    await server.stop()
    async with gateway.running() as process:
        await gateway.logged("link down")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_sighup_changes_who_may_come_in_and_touches_nothing_else(gateway, server):
    async with gateway.running() as process:
        link = (await links(server))["irc.localhost"]
        join = (
            "<presence from='alice@localhost/phone' to='#a%nowhere.invalid@irc.localhost/alice' id='{id}'>"
            + MUC
            + "</presence>"
        )
        gateway.configure(access='allow_domains = ["example.org"]')
        process.send_signal(signal.SIGHUP)
        await gateway.logged("configuration reloaded")
        link.send(join.format(id="two"))
        error = await link.expect(kind("presence", id="two"))
        assert condition(error) == "forbidden"
        assert not link.closed.is_set()


async def test_a_broken_file_at_sighup_is_reported_and_changes_nothing(gateway, server):
    async with gateway.running() as process:
        link = (await links(server))["irc.localhost"]
        gateway.configure(raw="[xmpp\n")
        process.send_signal(signal.SIGHUP)
        await gateway.logged("configuration not reloaded")
        link.send(
            "<iq type='get' id='p' from='alice@localhost/x' to='irc.localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
        assert (await link.expect(kind("iq", id="p"))).get("type") == "result"


async def test_the_gateway_tells_its_version(gateway, server):
    async with gateway.running():
        link = (await links(server))["irc.localhost"]
        link.send(
            "<iq type='get' id='v' from='alice@localhost/x' to='irc.localhost'><query xmlns='jabber:iq:version'/></iq>"
        )
        answer = await link.expect(kind("iq", id="v"))
        assert answer[0].findtext("{jabber:iq:version}name") == "Causeway"
        assert answer.find(f"{C}error") is None
