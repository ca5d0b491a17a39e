"""What the border has to know of a mail before it is read: its hops, its author, and whether it was here before.

Looks at the header block only, with bounded effort, and believes nothing. Reading mail is ``bridges.email.mime``'s.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bridges.email.addresses import Mailbox, parse
from bridges.email.mime import people
from bridges.email.mime.fields import Header, split, unfolded
from gateway.bridge import BadAddress

_LONGEST = 64 * 1024  # octets of a header block that are looked at
_MOST_OF_A_NAME = 100
_HOP = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(rb"^message-id[ \t]*:[ \t\r\n]*([^\r\n]{1,1000})", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"(?:\A|\r?\n)\r?\n")
# What servers write on the way: the same mail has others of them when it comes again.
_TRACE = re.compile(
    rb"^(?:received|return-path|delivered-to|x-original-to|envelope-to|delivery-date|authentication-results|received-spf"
    rb"|arc-[a-z-]+|x-spam[a-z-]*|x-rspamd[a-z-]*)[ \t]*:[^\n]*\n?(?:[ \t][^\n]*\n?)*",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """``block`` is the header block, as far as it is looked at; ``digest`` is equal for the same mail."""

    block: bytes
    hops: int
    digest: bytes

    @property
    def author(self) -> Mailbox | None:
        """Whoever alone stands in the only From field, if it has no defect."""
        return _sole_author(self._header)

    @property
    def listed(self) -> bool:
        """Whether it came through a mailing list."""
        return "list-id" in self._header or "list-post" in self._header

    @property
    def fields(self) -> Sequence[tuple[str, str]]:
        """All in order, unfolded, not decoded."""
        return [(each.name, unfolded(each.value)) for each in self._header.fields]

    @property
    def return_path(self) -> str:
        """The envelope sender, as a server of the recipient's wrote it above all else; empty for the null one."""
        value = next((text for name, text in self.fields if name.lower() == "return-path"), "")
        return value.strip().removeprefix("<").removesuffix(">")

    @property
    def _header(self) -> Header:
        return split(self.block, _MOST_OF_A_NAME)[0]


def look(raw: bytes | bytearray) -> Heading:
    """Raises nothing. ``raw`` is a mail without what we put before it."""
    end = _END.search(raw, 0, _LONGEST)
    border = min(len(raw), _LONGEST)
    block = bytes(raw[: end.start() if end is not None else border])
    body = memoryview(raw)[end.end() if end is not None else border :]
    digest = hashlib.sha256(body)
    message_id = _ID.search(block)
    # Without an id the rest of the header has to tell one mail from the next: two of a machine may say the same.
    digest.update(message_id[1].strip() if message_id is not None else _TRACE.sub(b"", block).strip())
    return Heading(block, len(_HOP.findall(block)), digest.digest())


def _sole_author(header: Header) -> Mailbox | None:
    values = header.all("from")
    if len(values) != 1:
        return None
    found, flawed = people.read(values[0])
    if flawed or len(found) != 1:
        return None
    try:
        return parse(found[0].address)
    except BadAddress:
        return None


def mark(digest: bytes, place: str) -> str:
    """What a mail is known by when it comes to the same place again."""
    return hashlib.sha256(digest + place.encode("utf-8", "surrogatepass")).hexdigest()[:40]
