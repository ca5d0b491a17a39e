"""A mail as it travels after DATA: lines end with CRLF and nothing else, and a line that begins with a dot has one more.

Sans-I/O. What is not a line end for every server (a bare CR or LF) becomes one for all: otherwise a mail could smuggle a
second one past the first server.
"""

import re

_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"(?<=\n)\.")


class Stuffing:
    """``feed`` every piece of the mail, in order, then ``end`` once; together they give the octets for the server."""

    def __init__(self) -> None:
        self._fresh = True  # the next octet begins a line
        self._held = b""  # a CR whose LF may be in the next piece

    def feed(self, piece: bytes) -> bytes:
        piece = self._held + piece
        self._held = b""
        if piece.endswith(b"\r"):
            piece, self._held = piece[:-1], b"\r"
        return self._stuffed(piece)

    def end(self) -> bytes:
        """What is left, and the dot that ends the mail."""
        rest = self._stuffed(self._held)
        self._held = b""
        return rest + (b".\r\n" if self._fresh else b"\r\n.\r\n")

    def _stuffed(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        # Nearly all mails are in order: looking is ten times as fast as replacing.
        out = piece
        if not piece.count(b"\r\n") == piece.count(b"\r") == piece.count(b"\n"):
            out = _LINE_END.sub(b"\r\n", piece)
        if b"\n." in out:
            out = _DOT.sub(b"..", out)
        if self._fresh and out.startswith(b"."):
            out = b"." + out
        self._fresh = out.endswith(b"\n")
        return out
