"""Mails that are nothing but a header and a short plain text: what reading them takes is bounded by their size, so it needs
no process that may die of it.
"""

import re

from bridges.email.mime import reading
from bridges.email.mime.letter import Letter
from bridges.email.mime.limits import Limits

#: Octets of the mail, and of its header.
LONGEST, _HEADER = 16 * 1024, 4 * 1024
_END = re.compile(rb"\r?\n\r?\n")
_TYPE = re.compile(rb"^content-type[ \t]*:[ \t]*([^\s;]*)", re.IGNORECASE | re.MULTILINE)
_LIMITS = Limits(read_html=False, read_calendars=False)


def is_simple(raw: bytes) -> bool:
    """By its header alone. A type that is not at once seen to be ``text/plain`` (folded, commented, said twice) is none."""
    if len(raw) > LONGEST:
        return False
    end = _END.search(raw, 0, _HEADER)
    if end is None:
        return False
    types = _TYPE.findall(raw, 0, end.start())
    return not types or (len(types) == 1 and types[0].lower() == b"text/plain")


def read(raw: bytes) -> Letter:
    """A simple mail."""
    return reading.read(raw, _LIMITS, None)
