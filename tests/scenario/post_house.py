"""Mail around a stage: Dovecot with people's mailboxes, and Postfix, to which the gateway has a wire that can be cut."""

import asyncio
import contextlib
import re
import smtplib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

import aiohttp

from gateway.playground.clients import XmppClient, message
from gateway.playground.dovecot import Dovecot
from gateway.playground.mail import AUTHSERV, ELSEWHERE, LOST, OURS, Mailboxes, parsed
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports
from tests.scenario.stage import Company, Play, Stage, configure
from tests.waiting import DEADLINE, eventually

MAIL = "mail.localhost"  # the gateway's JID
OPERATOR = "operator"
BODY = "{jabber:client}body"
UPLOAD = "urn:xmpp:http:upload:0"

_MORE = """\
[bridges.mail.lmtp]
listen = "127.0.0.1:{lmtp}"

[bridges.mail.smarthost]
host = "127.0.0.1"
port = {smarthost}

[bridges.mail.trust]
authserv_ids = ["{authserv}"]

[media]
directory = "{media}"
trusted_hosts = ["127.0.0.1"]
"""


class Wire:
    """Between the gateway and its smarthost. ``cut`` takes it away, ``mend`` brings it back; ``watch`` calls somebody as
    soon as the smarthost has said something."""

    def __init__(self, host: str, port: int) -> None:
        self.port = free_ports(1)[0]
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._watched: tuple[bytes, Callable[[], None]] | None = None

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for each in list(self._ends):
            each.transport.abort()

    def watch(self, words: bytes, call: Callable[[], None]) -> None:
        self._watched = (words, call)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back, heard=False))
                group.create_task(self._pass(there, writer, heard=True))
        finally:
            self._ends -= {writer, back}

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, heard: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                to.write(data)
                await to.drain()
                if heard and self._watched is not None and self._watched[0] in data:
                    call, self._watched = self._watched[1], None
                    call()
        to.close()


@dataclass(slots=True)
class House:
    """People at ``post.localhost`` have mailboxes in ``dovecot``; ``lost.localhost`` refuses everybody, but late."""

    stage: Stage
    dovecot: Dovecot
    postfix: Postfix
    wire: Wire
    lmtp_port: int

    def somebody(self, stem: str = "dora") -> str:
        """The address of somebody elsewhere whom no other test knows."""
        return f"{self.stage.new(stem)}@{ELSEWHERE}"

    def held(self, address: str) -> list[EmailMessage]:
        """What lies in somebody's mailbox, oldest first."""
        return [parsed(raw) for raw in self.dovecot.mails(address)]

    async def mails(self, address: str, count: int = 1) -> list[EmailMessage]:
        """Wait for ``count`` mails in somebody's mailbox; there are no more of them yet."""
        await eventually(lambda: len(self.dovecot.mails(address)) >= count, f"mail number {count}")
        found = self.held(address)
        assert len(found) == count
        return found

    async def send(self, mail: EmailMessage, *recipients: str, sender: str = "") -> None:
        """From somebody elsewhere, by Postfix. ``sender``: of the envelope, where it is another."""
        await asyncio.to_thread(
            self._by_smtp, mail, recipients, sender or mail["From"].addresses[0].addr_spec
        )

    def _by_smtp(self, mail: EmailMessage, recipients: tuple[str, ...], sender: str) -> None:
        with smtplib.SMTP(self.postfix.host, self.postfix.port, timeout=DEADLINE) as client:
            client.send_message(mail, sender, recipients)

    async def bring(self, mail: EmailMessage, recipient: str) -> None:
        """To the gateway itself, as Postfix would; returns when it has answered with 250."""
        mail["Authentication-Results"] = f"{AUTHSERV}; dmarc=pass header.from={ELSEWHERE}"
        await asyncio.to_thread(self._by_lmtp, mail, recipient)

    def _by_lmtp(self, mail: EmailMessage, recipient: str) -> None:
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=DEADLINE) as client:
            client.send_message(mail, mail["From"].addresses[0].addr_spec, [recipient])


@asynccontextmanager
async def opened(directory: Path, xmpp: str) -> AsyncIterator[House]:
    """``directory`` is one that daemons can enter."""
    places = {name: directory / name for name in ("dovecot", "postfix")}
    for place in places.values():
        place.mkdir()
    async with AsyncExitStack() as stack:
        boxes = Mailboxes()
        await boxes.start()
        stack.push_async_callback(boxes.stop)
        dovecot = await Dovecot.start(places["dovecot"])
        stack.push_async_callback(dovecot.stop)
        (lmtp_port,) = free_ports(1)
        postfix = await Postfix.start(
            places["postfix"],
            routes={
                OURS: lmtp("127.0.0.1", lmtp_port),
                ELSEWHERE: lmtp(dovecot.host, dovecot.lmtp_port),
                LOST: lmtp(boxes.host, boxes.port),
            },
            settings={"smtpd_sender_restrictions": f"check_sender_access inline:{{ {_access()} }}"},
        )
        stack.push_async_callback(postfix.stop)
        wire = Wire(postfix.host, postfix.submission_port)
        await wire.mend()
        stack.push_async_callback(wire.cut)
        stage = await Stage.start(directory, xmpp, _play(directory, lmtp_port, wire.port))
        stack.push_async_callback(stage.stop)
        yield House(stage, dovecot, postfix, wire, lmtp_port)


def _access() -> str:
    """What an operator's filter does: it says which mail is proven to come from where it says."""
    return ", ".join(
        f"{{ {domain} = PREPEND Authentication-Results: {AUTHSERV}; dmarc=pass header.from={domain} }}"
        for domain in (ELSEWHERE, OURS)
    )


def _play(directory: Path, lmtp_port: int, smarthost: int) -> Play:
    keys = {
        "domains": f'["{OURS}"]',
        "address_template": f'"{{local}}@{OURS}"',
        "local_domains": '["localhost"]',
        "postmaster": f'"{OPERATOR}@{OURS}"',
        "window": "1.0",
    }
    more = _MORE.format(lmtp=lmtp_port, smarthost=smarthost, authserv=AUTHSERV, media=directory / "media")
    return Play({}, {"mail": keys}, kinds={"mail": "email"}, more=more)


async def resident(
    company: Company, stem: str = "alice", *, exactly: bool = False, **settings: str
) -> XmppClient:
    """A new user with a mail address. ``settings`` are those of the command ``account-configure``."""
    user = await company.user(stem, exactly=exactly)
    form = "<query xmlns='jabber:iq:register'><nick>Alice Liddell</nick></query>"
    answer = await user.iq(MAIL, form, type="set")
    assert answer.get("type") == "result"
    await eventually(lambda: logins(company, user) == 1, f"{user.bare} is there")
    if settings:
        await configure(user, MAIL, "account-configure", **settings)
        await eventually(lambda: logins(company, user) == 2, f"{user.bare} is there again")
    user.inbox.clear()
    return user


def logins(company: Company, user: XmppClient) -> int:
    """How often a user's session has begun since the gateway's last start."""
    records = company.stage.events("account")
    return sum(1 for each in records if each["user"] == user.bare and each["state"] == "connected")


def address_of(user: XmppClient) -> str:
    return f"{user.bare.partition('@')[0]}@{OURS}"


def contact(address: str) -> str:
    """The JID of somebody with a mail address of plain lower-case letters, digits and dots."""
    return f"{address.replace('@', chr(92) + '40')}@{MAIL}"


def letter(
    sender: str, to: str, text: str, *, subject: str = "Tea", answers: str = "", id: str = ""
) -> EmailMessage:
    """As a mail program writes it; more can be added."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    if answers:
        mail["In-Reply-To"] = mail["References"] = answers
    if id:
        mail["Message-ID"] = id
    mail.set_content(text)
    return mail


def write(user: XmppClient, to: str, text: str, more: str = "", type: str = "chat") -> str:
    id = user.new_id()
    user.send(
        f"<message to={quoteattr(to)} type='{type}' id='{id}'><body>{escape(text)}</body>{more}</message>"
    )
    return id


async def heard(user: XmppClient, words: str, sender: str | None = None) -> Element:
    """The message that says so."""
    wanted = message(sender, also=lambda one: words in (one.findtext(BODY) or ""))
    return await user.expect(wanted, f"to hear {words!r} of {sender}", DEADLINE)


async def receipt(user: XmppClient, id: str, within: float = DEADLINE) -> Element:
    def holds(one: Element) -> bool:
        found = one.find("{urn:xmpp:receipts}received")
        return found is not None and found.get("id") == id

    return await user.expect(message(also=holds), f"a receipt for {id}", within)


async def upload(user: XmppClient, name: str, data: bytes, type: str) -> str:
    wanted = f"<request xmlns='{UPLOAD}' filename='{name}' size='{len(data)}' content-type='{type}'/>"
    answer = await user.iq("upload.localhost", wanted, within=DEADLINE)
    put, got = (answer.find(f"{{{UPLOAD}}}slot/{{{UPLOAD}}}{each}") for each in ("put", "get"))
    assert put is not None
    assert got is not None
    headers = {each.get("name", ""): each.text or "" for each in put} | {"Content-Type": type}
    async with (
        aiohttp.ClientSession() as session,
        session.put(put.get("url", ""), data=data, headers=headers) as response,
    ):
        assert response.status == 201
    return got.get("url", "")


async def get(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def ids(mail: EmailMessage, name: str) -> list[str]:
    return re.findall(r"<[^<>]+>", mail[name] or "")


def people(mail: EmailMessage) -> list[str]:
    return sorted(each.addr_spec for name in ("To", "Cc") if mail[name] for each in mail[name].addresses)


class Staged(Protocol):
    stage: Stage


def rows(house: Staged, table: str) -> int:
    """The only way to know that something is safe already: nobody is told before it is sent."""
    with closing(sqlite3.connect(f"file:{house.stage.directory}/causeway.db?mode=ro", uri=True)) as database:
        return int(database.execute(f"select count(*) from {table}").fetchone()[0])
