"""Mail over LMTP as Postfix brings it: the commands of a mail in one write (RFC 2920), the next mail after the answer."""

import socket
import sys
from collections.abc import Sequence

from gateway.playground.peers import LOOPBACK

_LINE = b"The quick brown fox jumps over the lazy dog, and then it goes home.\r\n"


def bring(port: int, number: int, mails: int, size: int, recipients: Sequence[str]) -> None:
    """One connection, the ``number``-th, that brings ``mails`` mails, to the recipients in turn."""
    body = _LINE * max(1, (size - 300) // len(_LINE))
    with socket.create_connection((LOOPBACK, port)) as connection, connection.makefile("rb") as answers:
        answers.readline()
        connection.sendall(b"LHLO load.example\r\n")
        while answers.readline()[3:4] == b"-":
            pass
        for mail in range(mails):
            recipient = recipients[(number + mail) % len(recipients)].encode()
            connection.sendall(
                b"MAIL FROM:<load@example.org> SIZE=%d\r\nRCPT TO:<%s>\r\nDATA\r\n" % (size, recipient)
            )
            replies = [answers.readline()[:3] for _ in range(3)]
            connection.sendall(
                b"From: Load <load@example.org>\r\nTo: %s\r\nSubject: Mail %d\r\n"
                b"Message-ID: <%d.%d@load.example>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\n%s.\r\n"
                % (recipient, mail, number, mail, body)
            )
            if [*replies, answers.readline()[:3]] != [b"250", b"250", b"354", b"250"]:
                sys.exit(f"mail {mail} was not taken: {replies}")
        connection.sendall(b"QUIT\r\n")
