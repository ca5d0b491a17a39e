"""Mails for tests, written by hand, and how they are read."""

from hypothesis import settings

from bridges.email.mime.letter import Letter
from bridges.email.mime.limits import DEFAULT, Limits
from bridges.email.mime.reading import read

#: For property tests: how long one example takes says something of the machine, not of the reading.
PATIENT = settings(deadline=None)


def mail(body: str | bytes, content_type: str = "text/plain; charset=utf-8", *, header: str = "") -> bytes:
    """A whole mail with that body. ``header`` are more fields, each with its line break."""
    octets = body.encode() if isinstance(body, str) else body
    head = f"From: Bob Gray <bob@example.org>\r\nTo: alice@example.net\r\n{header}Content-Type: {content_type}\r\n\r\n"
    return head.encode() + octets


def parts(
    *pieces: bytes | str, kind: str = "mixed", boundary: str = "=_b", more: str = ""
) -> tuple[bytes, str]:
    """The body and the type of a multipart of these parts, each with its own header."""
    octets = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    body = b"".join(f"--{boundary}\r\n".encode() + piece + b"\r\n" for piece in octets)
    return body + f"--{boundary}--\r\n".encode(), f'multipart/{kind}; boundary="{boundary}"{more}'


def multipart(*pieces: bytes | str, kind: str = "mixed", more: str = "", header: str = "") -> bytes:
    body, content_type = parts(*pieces, kind=kind, more=more)
    return mail(body, content_type, header=header)


def text(said: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{said}"


def markup(said: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{said}"


def said(
    body: str | bytes, content_type: str = "text/plain; charset=utf-8", limits: Limits = DEFAULT
) -> Letter:
    return read(mail(body, content_type), limits)
