"""One connection to the smarthost, and answers that come at the very moment at which something is written."""

import asyncio
from pathlib import Path

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from bridges.email.addresses import parse
from bridges.email.sending.envelope import Envelope
from bridges.email.sending.smarthost import Connection, Smarthost
from tests.unit.email.sending.conftest import CONTENT


class Prompt(asyncio.Transport):
    """A server that has answered before ``write`` returns: so a fast one looks to a loop that reads before it begins
    tasks."""

    def __init__(self, protocol: SMTPProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._mail: list[bytes] | None = None
        self.mails: list[bytes] = []
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        said = bytes(data)
        if self._mail is not None:
            self._mail.append(said)
            if not said.endswith(b"\r\n.\r\n") and said != b".\r\n":
                return
            self.mails.append(b"".join(self._mail))
            self._mail = None
            self._protocol.data_received(b"250 2.0.0 queued\r\n")
        elif said == b"DATA\r\n":
            self._mail = []
            self._protocol.data_received(b"354 go on\r\n")
        else:
            self._protocol.data_received(b"250 2.0.0 fine\r\n")

    def is_closing(self) -> bool:
        return self._closed

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True


async def test_an_answer_that_comes_with_the_last_octet_is_heard(tmp_path: Path) -> None:
    # It was thrown away: the mail counted as unknown after ten minutes, and was sent once more.
    protocol = SMTPProtocol()
    server = Prompt(protocol)
    protocol.connection_made(server)
    protocol.data_received(b"220 prompt\r\n")
    await protocol.read_response()
    smtp = aiosmtplib.SMTP(hostname="127.0.0.1", port=25)
    smtp.protocol, smtp.transport = protocol, server
    connection = Connection(smtp, Smarthost("127.0.0.1", 25, "none"))
    (tmp_path / "mail").write_bytes(CONTENT)
    envelope = Envelope("a@mail.test", parse("b@post.test"), len(CONTENT), "mail", False, False)

    for number in (1, 2):
        async with asyncio.timeout(20):
            reply = await connection.send(envelope, tmp_path / "mail")
        assert (reply.code, len(server.mails)) == (250, number)
    connection.drop()
