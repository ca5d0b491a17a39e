"""The snippets of docs/email.md, taken from the page and given to the servers that they are for: a mail in, a mail out.

Only places change: where the gateway, the world and the socket are on this machine.
"""

import asyncio
import re
import smtplib
import textwrap
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridges.email.addresses import parse
from bridges.email.config import EmailSettings
from bridges.email.receiving import replies
from bridges.email.receiving.lmtp import Limits, Listener, Offered
from bridges.email.receiving.replies import Reply
from bridges.email.sending.envelope import Envelope
from bridges.email.sending.smarthost import Connection, Smarthost
from bridges.email.sending.trial import trial
from gateway.playground.certificate import Certificate
from gateway.playground.exim import Exim, LmtpRoute
from gateway.playground.mail import Mailboxes
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports
from gateway.playground.sasl import Logins
from gateway.playground.unpacked import find
from tests.rig.servers import Directory
from tests.waiting import eventually

_PAGE = Path(__file__).parents[2] / "docs" / "email.md"
_SNIPPET = re.compile(r"<!-- tested: ([^>]+?) -->\n```\n(.*?)```\n", re.DOTALL)

USER, FAR = "alice@mail.example.org", "dora@post.localhost"
RETURN = "b+abcdefghijklmnopqrstuvwxyz22@mail.example.org"
FORGED = "Authentication-Results: mx.localhost; dmarc=pass header.from=far.example"
MAIL = f"From: {FAR}\r\nTo: {USER}\r\nSubject: Tea\r\n{FORGED}\r\nMessage-ID: <t1@post.localhost>\r\n\r\nAt five?\r\n"


def snippets() -> Mapping[str, str]:
    return dict(_SNIPPET.findall(_PAGE.read_text(encoding="utf-8")))


@dataclass
class Gateway:
    """As much of Causeway as mail servers see: its own LMTP server, with one user behind it."""

    port: int = 0
    socket: Path = Path()
    taken: list[Offered] = field(default_factory=list)

    async def sender(self, address: str) -> Reply:
        return replies.SENDER_FINE

    async def recipient(self, sender: str, address: str) -> Reply:
        return replies.RECIPIENT_FINE if address in (USER, RETURN) else replies.NOBODY

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        self.taken.append(offered)
        return [replies.KEPT] * len(offered.recipients)

    async def got(self, number: int) -> str:
        await eventually(lambda: len(self.taken) >= number)
        return bytes(self.taken[number - 1].raw).decode()

    def here(self, text: str) -> str:
        """A snippet with the places of this machine."""
        for usual, ours in (
            ("127.0.0.1:2424", f"127.0.0.1:{self.port}"),
            ("port = 2424", f"port = {self.port}"),
            ("/run/causeway/lmtp.sock", str(self.socket)),
        ):
            text = text.replace(usual, ours)
        return text


@pytest.fixture
async def gateway(server_directory: Directory) -> AsyncIterator[Gateway]:
    one = Gateway()
    listener = Listener(one, "mail.example.org", Limits())
    one.port = await listener.open_tcp()
    one.socket = server_directory("lmtp") / "lmtp.sock"
    await listener.open_unix(one.socket, 0o666)
    yield one
    await listener.close()


@pytest.fixture
async def world() -> AsyncIterator[Mailboxes]:
    one = Mailboxes()
    await one.start()
    yield one
    await one.stop()


async def brought(port: int, recipient: str) -> tuple[int, bytes]:
    """By a server of the world, which is not among our own addresses: what it is told about the recipient, then the mail."""

    def bring() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", port, timeout=60, source_address=("127.0.0.9", 0)) as client:
            try:
                client.sendmail("carol@far.example", [recipient], MAIL.encode())
            except smtplib.SMTPRecipientsRefused as refused:
                return next(iter(refused.recipients.values()))
        return 250, b""

    return await asyncio.to_thread(bring)


async def sent(smarthost: Smarthost, world: Mailboxes, directory: Path) -> None:
    """As the gateway sends, return address and all; and ``causeway check`` is content with the server."""
    found = await trial(smarthost, RETURN, 25_000_000)
    assert found.good, found.text
    assert [each for each in found.notes if "DSN" in each] == []
    path = directory / "mail.eml"
    raw = f"From: {USER}\r\nTo: {FAR}\r\nSubject: Tea\r\nMessage-ID: <t2@mail.example.org>\r\n\r\nYes!\r\n".encode()
    await asyncio.to_thread(path.write_bytes, raw)
    connection = await Connection.open(smarthost)
    reply = await connection.send(Envelope(RETURN, parse(FAR), len(raw), "t2"), path)
    assert reply.accepted
    await connection.quit()
    delivered = await world.of(FAR).take(lambda got: got.text == "Yes!", "the mail", 60)
    assert delivered.sender == RETURN


def settings(text: str) -> dict[str, str]:
    """main.cf as Postfix reads it: comments are skipped, lines that begin with a blank go on."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\n\s+", " ", "\n".join(lines))
    return {
        name.strip(): value.strip() for name, _, value in (line.partition("=") for line in joined.split("\n"))
    }


async def postfix(
    directory: Path, gateway: Gateway, world: Mailboxes, main: str, *masters: str, **more: Any
) -> Postfix:
    own = settings(gateway.here(snippets()[main]))
    own["default_transport"] = lmtp(world.host, world.port)
    server = await Postfix.start(directory, routes={"nowhere.example": "discard:"}, settings=own, **more)
    if masters:
        file = directory / "etc/master.cf"
        text = await asyncio.to_thread(file.read_text)
        for each in masters:
            text = text.replace("lmtp unix - - n - - lmtp\n", "") if each.startswith("lmtp ") else text
        await asyncio.to_thread(file.write_text, text + "".join(masters))
        await server.restart()
    return server


def test_the_table_of_the_page_is_a_configuration() -> None:
    (table,) = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    own = tomllib.loads(textwrap.dedent(table))["bridges"]["email"]
    assert own.pop("jid") == "mail.example.org"
    assert own.pop("secret")
    settings = EmailSettings.model_validate(own)
    assert settings.lmtp.address == ("127.0.0.1", 2424)


async def test_postfix_as_the_page_says(
    gateway: Gateway, world: Mailboxes, server_directory: Directory
) -> None:
    server = await postfix(server_directory("postfix"), gateway, world, "postfix main.cf")
    try:
        assert (await brought(server.port, USER))[0] == 250
        raw = await gateway.got(1)
        assert "At five?" in raw
        assert "dmarc=pass" not in raw
        code, text = await brought(server.port, "nobody@mail.example.org")
        assert (code, b"There is no such user here" in text) == (550, True)
        assert (await brought(server.port, RETURN))[0] == 250
        assert (await brought(server.port, FAR))[0] == 554  # relays for nobody
        await sent(
            Smarthost("127.0.0.1", server.port, "none", local=True), world, server_directory("outgoing")
        )
    finally:
        await server.stop()


async def test_postfix_by_socket_and_with_a_login_as_the_page_says(
    gateway: Gateway, world: Mailboxes, server_directory: Directory, certificate: Certificate
) -> None:
    logins = await Logins({"causeway": "a-secret"}).start()
    (port,) = free_ports(1)
    page = snippets()
    submission = page["postfix master.cf submission"].replace("submission inet", f"127.0.0.1:{port} inet")
    server = await postfix(
        server_directory("postfix"),
        gateway,
        world,
        "postfix main.cf socket",
        page["postfix master.cf lmtp"],
        submission,
        certificate=certificate,
        sasl=logins.place,
    )
    try:
        assert (await brought(server.port, USER))[0] == 250
        assert "At five?" in await gateway.got(1)
        smarthost = Smarthost(
            "127.0.0.1",
            port,
            "starttls",
            ca_file=certificate.authority,
            username="causeway",
            password="a-secret",
        )
        await sent(smarthost, world, server_directory("outgoing"))
        refused = await trial(
            Smarthost("127.0.0.1", port, "starttls", ca_file=certificate.authority), RETURN, 1
        )
        assert not refused.good
        assert (
            "set `username` and `password`" in refused.text or "Set `username` and `password`" in refused.text
        )
    finally:
        await server.stop()
        await logins.stop()


def exim_config(base: str, gateway: Gateway, transport: str, router: str | None = None) -> str:
    """The rig's configuration with the page's pieces in their sections."""
    page = {name: gateway.here(text) for name, text in snippets().items()}
    text = page["exim main"] + base
    text = text.replace("rcpt:\n", f"rcpt:\n{page['exim acl rcpt']}", 1)
    text = text.replace("data:\n", f"data:\n{page['exim acl data']}", 1)
    text = text.replace("begin routers\n", f"begin routers\n{router or page['exim router']}\n", 1)
    return text.replace("begin transports\n", f"begin transports\n{page[transport]}\n", 1)


async def exim(directory: Path, gateway: Gateway, world: Mailboxes, *pieces: str) -> Exim:
    server = await Exim.start(directory, routes={"post.localhost": LmtpRoute(port=world.port)})
    file = directory / "exim.conf"
    base = await asyncio.to_thread(file.read_text)
    await asyncio.to_thread(file.write_text, exim_config(base, gateway, *pieces))
    await server.restart()
    return server


async def test_exim_as_the_page_says(gateway: Gateway, world: Mailboxes, server_directory: Directory) -> None:
    server = await exim(server_directory("exim"), gateway, world, "exim transport")
    try:
        assert (await brought(server.port, USER))[0] == 250
        raw = await gateway.got(1)
        assert "At five?" in raw
        assert "dmarc=pass" not in raw
        assert "Authentication-Results: mx.localhost;" in raw
        assert (await brought(server.port, "nobody@mail.example.org"))[0] == 550
        assert (await brought(server.port, RETURN))[0] == 250
        await sent(
            Smarthost("127.0.0.1", server.port, "none", local=True), world, server_directory("outgoing")
        )
    finally:
        await server.stop()


async def test_exim_by_socket_as_the_page_says(
    gateway: Gateway, world: Mailboxes, server_directory: Directory
) -> None:
    router = snippets()["exim router"].replace("manualroute", "accept")
    router = "".join(
        line
        for line in router.splitlines(keepends=True)
        if not line.strip().startswith(("route_list", "self"))
    )
    server = await exim(server_directory("exim"), gateway, world, "exim transport socket", router)
    try:
        assert (await brought(server.port, USER))[0] == 250
        assert "At five?" in await gateway.got(1)
    finally:
        await server.stop()


async def test_opensmtpd_understands_what_the_page_says(
    gateway: Gateway, server_directory: Directory
) -> None:
    directory = server_directory("opensmtpd")
    files = find("opensmtpd")
    config = directory / "smtpd.conf"
    await asyncio.to_thread(config.write_text, snippets()["opensmtpd"])
    process = await asyncio.create_subprocess_exec(
        files.program("usr/sbin/smtpd"),
        "-n",
        "-f",
        str(config),
        env=dict(files.libraries()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (0, "configuration OK")
