"""Mail around the gateway: people with mailboxes elsewhere, and the operator's mail server between them and us.

The mail server is a real Postfix where it is there, else this process itself plays it. The people's mailboxes are in this
process in any case, so that a scenario can look into them.
"""

import asyncio
import email
import email.policy
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from gateway.playground.expect import DEADLINE, Inbox
from gateway.playground.peers import LOOPBACK
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports

#: Where our users have their addresses, and where people have theirs who are no users.
OURS, ELSEWHERE = "mail.localhost", "post.localhost"
#: Where nobody has a mailbox.
LOST = "lost.localhost"
#: What the mail server calls itself when it vouches for a sender (RFC 8601).
AUTHSERV = "mx.localhost"
_VOUCHED = f"Authentication-Results: {AUTHSERV}; dmarc=pass header.from={ELSEWHERE}"
_LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail in somebody's mailbox, with its envelope."""

    sender: str
    recipient: str
    message: EmailMessage

    @property
    def text(self) -> str:
        """Its plain text, LF at the ends of lines."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n").rstrip("\n")

    def __str__(self) -> str:
        return f"{self.message['From']}: {self.message['Subject']}: {self.text[:60]!r}"


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


class Mailboxes:
    """An SMTP and LMTP server that takes everything, for people of whom the test knows: as little of RFC 5321 as Postfix and
    our gateway need. ``stop`` ends it."""

    def __init__(self, passed_on: Callable[[str, str, bytes], bool] | None = None) -> None:
        """``passed_on`` is given sender, recipient and mail first; True: it went elsewhere."""
        self._boxes: dict[str, Inbox[Delivered]] = {}
        self._passed_on = passed_on
        self._observer: Callable[[Delivered], None] = lambda delivered: None
        self._server: asyncio.Server | None = None
        self.host, self.port = LOOPBACK, 0

    async def start(self) -> None:
        self.port = free_ports(1)[0]
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_LARGEST)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def observe(self, observer: Callable[[Delivered], None]) -> None:
        """Show every mail that comes to ``observer``."""
        self._observer = observer

    def of(self, address: str) -> Inbox[Delivered]:
        return self._boxes.setdefault(address.lower(), Inbox(address, str))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._dialogue(reader, writer)
        except (ConnectionError, EOFError):
            return  # the other side has gone
        finally:
            writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 post.localhost ESMTP")
        sender, recipients, lmtp_spoken = "", list[str](), False
        while True:
            line = (await reader.readuntil(b"\r\n")).decode("utf-8", "replace").rstrip("\r\n")
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "LHLO":
                    lmtp_spoken = verb.upper() == "LHLO"
                    say(
                        "250-post.localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES"
                    )
                case "HELO" | "NOOP":
                    say("250 2.0.0 fine")
                case "RSET":
                    sender, recipients = "", []
                    say("250 2.0.0 forgotten")
                case "MAIL":
                    sender = _address(rest)
                    say("250 2.1.0 fine")
                case "RCPT" if _address(rest).endswith(f"@{LOST}"):
                    say("550 5.1.1 no such user")
                case "RCPT":
                    recipients.append(_address(rest))
                    say("250 2.1.5 fine")
                case "DATA":
                    say("354 go on")
                    await writer.drain()
                    raw = await _data(reader)
                    for recipient in recipients:
                        self._take(sender, recipient, raw)
                    for _ in recipients if lmtp_spoken else [""]:
                        say("250 2.0.0 taken")
                    sender, recipients = "", []
                case "QUIT":
                    say("221 2.0.0 bye")
                    await writer.drain()
                    return
                case _:
                    say("502 5.5.2 what?")
            await writer.drain()

    def _take(self, sender: str, recipient: str, raw: bytes) -> None:
        if self._passed_on is None or not self._passed_on(sender, recipient, raw):
            delivered = Delivered(sender, recipient, parsed(raw))
            self.of(recipient).put(delivered)
            self._observer(delivered)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


async def _data(reader: asyncio.StreamReader) -> bytes:
    lines: list[bytes] = []
    while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)


class Post:
    """The mail server, and everybody's mailboxes. ``smarthost`` is where the gateway sends; it listens for mail at
    ``lmtp_port``."""

    def __init__(self, mailboxes: Mailboxes, lmtp_port: int) -> None:
        self.mailboxes = mailboxes
        self.lmtp_port = lmtp_port
        self.server: Postfix | None = None
        self._forwarding: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, directory: Path, *, real: bool | None = None) -> "Post":
        """``real`` None: Postfix where it is there. Raises ``Missing`` and ``NotReady``."""
        lmtp_port = free_ports(1)[0]
        wanted = Postfix.installed() if real is None else real
        post = cls(Mailboxes(), lmtp_port)
        if not wanted:
            post.mailboxes = Mailboxes(post._forward)
        await post.mailboxes.start()
        if wanted:
            post.server = await Postfix.start(
                directory,
                routes={
                    OURS: lmtp(LOOPBACK, lmtp_port),
                    ELSEWHERE: lmtp(LOOPBACK, post.mailboxes.port),
                    LOST: "error:5.1.1 no such user",
                },
                settings={
                    "smtpd_sender_restrictions": f"check_sender_access inline:{{ {{ {ELSEWHERE} = PREPEND {_VOUCHED} }} }}"
                },
            )
        return post

    @property
    def name(self) -> str:
        return "Postfix" if self.server is not None else "a mail server of our own"

    @property
    def smarthost(self) -> tuple[str, int]:
        if self.server is not None:
            return self.server.host, self.server.submission_port
        return self.mailboxes.host, self.mailboxes.port

    async def send(self, sender: str, *recipients: str, raw: bytes) -> None:
        """Somebody elsewhere sends a mail (CRLF)."""
        if self.server is not None:
            host, port = self.server.host, self.server.port

            def by_smtp() -> None:
                with smtplib.SMTP(host, port, timeout=DEADLINE) as client:
                    client.sendmail(sender, recipients, raw)

            await asyncio.to_thread(by_smtp)
            return
        for recipient in recipients:
            if recipient.endswith(f"@{OURS}"):
                await asyncio.to_thread(self._bring, sender, recipient, raw)
            else:
                self.mailboxes.of(recipient).put(Delivered(sender, recipient, parsed(raw)))

    def _forward(self, sender: str, recipient: str, raw: bytes) -> bool:
        """What the gateway sends to its own users, or to its own return addresses."""
        if not recipient.endswith(f"@{OURS}"):
            return False
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._bring, sender, recipient, raw))
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)
        return True

    def _bring(self, sender: str, recipient: str, raw: bytes) -> None:
        vouched = f"{_VOUCHED}\r\n".encode() if sender.endswith(f"@{ELSEWHERE}") else b""
        with smtplib.LMTP(LOOPBACK, self.lmtp_port, timeout=DEADLINE) as client:
            client.sendmail(sender, [recipient], vouched + raw)

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop()
        await self.mailboxes.stop()
