"""Paths in MAIL and RCPT commands (RFC 5321 §4.1.2, RFC 6531 §3.3): bytes of a peer, read without effects.

Tolerant of what some servers write (no brackets, blanks around them), of nothing that could be read in two ways: what
stands behind a ``>`` are parameters, and a line break is nowhere allowed.
"""

import re

#: The null reverse-path, as aiosmtpd has it: a path that is there, and names nobody.
NULL = "<>"

_LONGEST = 256  # octets, brackets included (§4.5.3.1.3)
# A source route is to be accepted and ignored (appendix C).
_BRACKETS = re.compile(r'[ \t]*<(?:@[^:<>" ]*:)?((?:"(?:[^"\\\r\n]|\\.)*"|[^<>()"\s])*)>(?:[ \t]+(.*))?')
_FORBIDDEN = re.compile("[\x00-\x1f\ud800-\udfff]")
_BARE = re.compile(r"[ \t]*([^<>()\"\s]+)(?:[ \t]+(.*))?")


def read(argument: str) -> tuple[str, str] | None:
    """The address and the parameters behind it; ``NULL`` for an empty path, None for what is no path. A local part alone
    (``postmaster``) is an address."""
    match = _BRACKETS.fullmatch(argument) or _BARE.fullmatch(argument)
    if match is None:
        return None
    address, parameters = match[1], match[2] or ""
    if len(address.encode("utf-8", "surrogateescape")) > _LONGEST - 2:
        return None
    if _FORBIDDEN.search(address) is not None:
        return None
    if address.startswith("@") or address.endswith("@"):
        return None
    return address or NULL, parameters


def sender(path: str) -> str:
    """A reverse-path with the null one as an empty text."""
    return "" if path == NULL else path
