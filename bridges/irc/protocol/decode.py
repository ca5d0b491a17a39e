"""Bytes and text: UTF-8 first, else a fallback encoding. Never raises.

IRC says nothing of encodings; a line that is not UTF-8 as a whole is taken for the fallback as a whole, which is right for
the old clients that send such lines. The default is windows-1252: ISO 8859-1 with quotes and the euro sign where that has
control characters.
"""

import codecs

DEFAULT_FALLBACK = "cp1252"


def known_encoding(name: str) -> bool:
    """Whether ``name`` is a text encoding that can be a fallback: one that leaves ASCII alone."""
    try:
        if codecs.lookup(name).name == "utf-7" or _ASCII.encode(name) != _ASCII.encode():
            return False
        # raw_unicode_escape would read a line break out of six letters.
        return _LIKE_ESCAPES.decode(name) == _LIKE_ESCAPES.decode()
    except (LookupError, UnicodeError, ValueError):
        return False


_ASCII = "".join(map(chr, range(1, 127)))
_LIKE_ESCAPES = rb"\u000a\n\x0a"


def decode(data: bytes, fallback: str = DEFAULT_FALLBACK) -> str:
    """``data`` as text; bytes that ``fallback`` does not know become U+FFFD. Valid UTF-8 is always taken for UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(fallback, "replace")


def encode(text: str, encoding: str = "utf-8") -> bytes:
    """``text`` for the wire; what ``encoding`` cannot express (or a lone surrogate) becomes ``?``."""
    if (
        encoding == "utf-8" and text.isascii()
    ):  # hot: with a way to replace what cannot be, it takes four times as long
        return text.encode()
    return text.encode(encoding, "replace")
