"""``causeway init`` and ``causeway check`` against Debian's Prosody and ejabberd."""

import asyncio
import random
import re
import sys
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.check import check
from gateway.clock import SystemClock
from gateway.init import init
from gateway.playground.certificate import Certificate
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component
from gateway.playground.process import Child, free_ports, listening
from gateway.playground.prosody import Prosody
from gateway.playground.sasl import Logins
from gateway.xmpp.link import Link, LinkState, LinkStatus
from tests.rig.servers import StartPostfix

JID = "irc.localhost"
SECRET = "s3cret"

Server = Prosody | Ejabberd


#: Looking changes nothing at a server, so one of each kind is enough.
shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd])
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    running = await request.param.start(
        tmp_path_factory.mktemp("server"), components=[Component(JID, SECRET)]
    )
    try:
        yield running
    finally:
        await running.stop()


def directory(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path


async def last_line(
    tmp_path: Path,
    server: Server,
    *,
    secret: str = SECRET,
    jid: str = JID,
    port: int = 0,
    about: str = " link of ",
    **more: str,
) -> tuple[bool, str]:
    """Whether ``check`` is content, and what it says of the link, or ``about`` something else."""
    config = tmp_path / "config.toml"
    init(jid, "irc", None, config, force=True, out=StringIO())
    out = StringIO()
    environ = {
        "CAUSEWAY_XMPP__PORT": str(port or server.component_port),
        "CAUSEWAY_BRIDGES__IRC__SECRET": secret,
    }
    good = await check(config, environ | more, out)
    return good, next(line for line in out.getvalue().splitlines() if about in line)


@shared
async def test_a_link_that_works_is_ok(tmp_path: Path, server: Server) -> None:
    good, line = await last_line(tmp_path, server)
    assert good
    assert (
        line
        == f"ok    link of irc: The server on 127.0.0.1 port {server.component_port} accepts irc.localhost."
    )


@shared
async def test_the_upload_service_is_found_or_named_as_missing(tmp_path: Path, server: Server) -> None:
    good, line = await last_line(tmp_path, server, about="files of ")
    assert good
    assert line.startswith("ok    files of irc: upload service upload.localhost, files up to ")
    named = {"CAUSEWAY_MEDIA__UPLOAD_SERVICE": "rooms.localhost"}
    good, line = await last_line(tmp_path, server, about="files of ", **named)
    assert not good
    assert "rooms.localhost does not answer as an upload service" in line


@shared
async def test_a_wrong_secret_is_named_with_the_place_to_mend_it(tmp_path: Path, server: Server) -> None:
    good, line = await last_line(tmp_path, server, secret="wr0ng")
    assert not good
    assert line.startswith("FAIL  link of irc: The server does not accept the secret of irc.localhost: ")
    assert "component_secret" in line
    assert "wr0ng" not in line


@shared
async def test_a_component_the_server_does_not_know_is_named(tmp_path: Path, server: Server) -> None:
    good, line = await last_line(tmp_path, server, jid="other.localhost")
    assert not good
    # ejabberd looks the password up first, finds none and calls that a wrong one.
    said = "does not know the component" if isinstance(server, Prosody) else "does not accept the secret of"
    assert f"The server {said} other.localhost: " in line
    assert "ejabberd: " in line


@shared
async def test_a_port_where_nobody_listens_is_named(tmp_path: Path, server: Server) -> None:
    (port,) = free_ports(1, server.host)
    good, line = await last_line(tmp_path, server, port=port)
    assert not good
    assert line.startswith(f"FAIL  link of irc: Nothing listens on 127.0.0.1 port {port}: ")


@shared
async def test_a_port_for_users_is_not_taken_for_one_for_components(tmp_path: Path, server: Server) -> None:
    good, line = await last_line(tmp_path, server, port=server.c2s_port)
    assert not good
    assert "component port" in line


@shared
async def test_a_second_link_is_explained_where_the_server_refuses_it(tmp_path: Path, server: Server) -> None:
    up = asyncio.Event()

    def on_status(status: LinkStatus) -> None:
        if status.state is LinkState.UP:
            up.set()

    link = Link(
        jid=JID,
        secret=SECRET,
        host=server.host,
        port=server.component_port,
        clock=SystemClock(),
        random=random.SystemRandom(),
        on_stanza=lambda _: None,
        on_status=on_status,
    )
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(20):
        await up.wait()
    # ejabberd shares traffic out between its links at random, so an answer about uploads may go to the other one.
    good, line = await last_line(tmp_path, server, CAUSEWAY_MEDIA__UPLOAD="false")
    await link.close()
    await running
    if isinstance(server, Ejabberd):  # which takes any number of links
        assert good
        return
    assert not good
    assert "The server already has a link for irc.localhost: " in line
    assert line.endswith("If the gateway itself is running now, this is its own link, and all is well.")


# -- mail ------------------------------------------------------------------------------------------------------


async def command_line(config: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, "-c", str(config), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_mail_is_checked_with_a_gateway_that_runs_and_one_that_does_not(
    tmp_path: Path, start_postfix: StartPostfix, certificate: Certificate
) -> None:
    logins = await Logins({"causeway": "a-secret"}).start()
    component = Component("mail.localhost", SECRET)
    xmpp = await Prosody.start(directory(tmp_path, "server"), components=[component])
    mail = await start_postfix(
        routes={"far.localhost": "discard:"}, sasl=logins.place, certificate=certificate
    )
    (port,) = free_ports(1)
    config = tmp_path / "config.toml"
    init("mail.localhost", "email", "prosody", config, force=False, out=StringIO())
    text = await asyncio.to_thread(config.read_text)
    text = re.sub(r'secret = ".*"', f'secret = "{SECRET}"', text)
    text = text.replace("port = 5347", f"port = {xmpp.component_port}").replace("2424", str(port))
    text = text.replace("port = 25\n", f"port = {mail.submission_port}\n")
    login = (
        f'tls = "starttls"\nca_file = "{certificate.authority}"\nusername = "causeway"\npassword = "{{}}"\n'
    )
    try:
        await asyncio.to_thread(config.write_text, text + login.format("wrong"))
        status, said = await command_line(config, "check")
        assert status == 1
        assert f"FAIL  services of email: 127.0.0.1:{mail.submission_port} does not accept the login" in said
        await asyncio.to_thread(config.write_text, text + login.format("a-secret"))
        status, said = await command_line(config, "check")
        assert status == 0, said
        assert "ok    services of email\n" in said
        assert "note  email: Nobody reads mail to postmaster@ and abuse@" in said
        running = Child("gateway", [sys.executable, "-m", "gateway", "run", "-c", str(config)], tmp_path)
        running.start()
        try:
            await running.wait_ready(listening("127.0.0.1", port), within=30)
            _, said = await command_line(config, "check")
            assert "ok    services of email\n" in said  # though its port is taken: by itself
        finally:
            await running.stop()
    finally:
        await xmpp.stop()
        await logins.stop()
