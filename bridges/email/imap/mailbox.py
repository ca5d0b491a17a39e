"""A mailbox on an IMAP server: what is new in it, mails as they are, and what is read and sent."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bridges.email.imap.client import ImapConnection
from bridges.email.imap.responses import Response, Value

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBER = re.compile(r"[0-9]{1,10}")
#: Where mail that was sent is kept, on servers that do not say so by RFC 6154.
_SENT_NAMES = ("sent", "sent items", "sent messages", "sent mail", "gesendet", "inbox.sent")


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox as it was when it was opened. ``validity`` and UIDs name a message for ever (RFC 3501 §2.3.1.1)."""

    validity: int
    next_uid: int
    exists: int


@dataclass(frozen=True, slots=True)
class Fetched:
    uid: int
    flags: frozenset[str]
    size: int
    raw: bytes


class ImapMailbox:
    """The mailbox that is selected on a connection. All of it raises ``ImapError``."""

    def __init__(self, connection: ImapConnection) -> None:
        self._connection = connection

    async def select(self, mailbox: bytes = b"INBOX") -> Selected:
        found = await self._connection.command(b"SELECT", mailbox)
        codes = {
            each.code.partition(" ")[0].upper(): each.code.partition(" ")[2] for each in found if each.code
        }
        exists = next((each.number for each in found if each.name == "EXISTS"), 0)
        self._connection.news = False
        return Selected(_number(codes.get("UIDVALIDITY", "")), _number(codes.get("UIDNEXT", "")), exists)

    async def after(self, uid: int) -> list[int]:
        """UIDs greater than ``uid``, in order."""
        self._connection.news = False
        return [
            each for each in await self._search(f"UID {uid + 1}:*") if each > uid
        ]  # "*" is the last one, at least

    async def last(self, count: int, exists: int, since: float | None = None) -> list[int]:
        """UIDs of the last ``count`` of ``exists`` messages, in order; only those that came on the day of ``since`` or
        later (RFC 3501 §6.4.4)."""
        if not exists:
            return []
        day = time.gmtime(since) if since is not None else None
        newer = f" SINCE {day.tm_mday}-{_MONTHS[day.tm_mon - 1]}-{day.tm_year}" if day is not None else ""
        return await self._search(f"{max(1, exists - count + 1)}:*{newer}")

    async def _search(self, what: str) -> list[int]:
        return _uids(await self._connection.command(f"UID SEARCH {what}".encode()))

    async def size(self, uid: int) -> int | None:
        """Octets of a message; None if it is gone."""
        for item in await self._fetch(uid, "RFC822.SIZE"):
            return _integer(item.get("RFC822.SIZE"))
        return None

    async def fetch(self, uid: int, *, header_only: bool = False) -> Fetched | None:
        """A message as it is, which stays unread; None if it is gone."""
        section = "HEADER" if header_only else ""
        for item in await self._fetch(uid, f"FLAGS RFC822.SIZE BODY.PEEK[{section}]"):
            raw = item.get(f"BODY[{section}]")
            flags = item.get("FLAGS")
            if isinstance(raw, bytes):
                names = (
                    (each for each in flags if isinstance(each, bytes)) if isinstance(flags, tuple) else ()
                )
                known = frozenset(each.decode("ascii", "replace").lower() for each in names)
                return Fetched(uid, known, _integer(item.get("RFC822.SIZE")) or len(raw), raw)
        return None

    async def _fetch(self, uid: int, what: str) -> list[dict[str, Value]]:
        found = []
        for each in await self._connection.command(f"UID FETCH {uid} (UID {what})".encode()):
            last = each.values[-1] if each.values else None
            if each.name != "FETCH" or not isinstance(last, tuple):
                continue
            item = {
                name.decode("ascii", "replace").upper(): value
                for name, value in zip(last[::2], last[1::2], strict=False)
                if isinstance(name, bytes)
            }
            if _integer(item.get("UID")) == uid:
                found.append(item)
        return found

    async def mark_seen(self, uid: int) -> None:
        await self._connection.command(f"UID STORE {uid} +FLAGS.SILENT (\\Seen)".encode())

    async def sent_mailbox(self) -> bytes | None:
        """Where sent mail is kept (RFC 6154); None where nobody can tell."""
        named: bytes | None = None
        for each in await self._connection.command(b'LIST "" "*"'):
            if each.name != "LIST" or len(each.values) < 4:
                continue
            flags, name = each.values[1], each.values[3]
            if not isinstance(name, bytes) or not isinstance(flags, tuple):
                continue
            if b"\\sent" in {flag.lower() for flag in flags if isinstance(flag, bytes)}:
                return name
            if name.decode("utf-8", "replace").lower() in _SENT_NAMES:
                named = named or name
        return named

    async def has(self, mailbox: bytes, message_id: str) -> bool:
        """Whether a message with this Message-ID lies in another mailbox. That one is selected then, and only to be read."""
        await self._connection.command(b"EXAMINE", mailbox)
        found = await self._connection.command(b"UID SEARCH HEADER Message-ID", message_id.encode())
        return bool(_uids(found))

    async def append(self, mailbox: bytes, raw: bytes) -> None:
        """Put a message that was read into a mailbox."""
        await self._connection.command(b"APPEND", mailbox, b"(\\Seen)", literal=raw)


def _uids(found: Sequence[Response]) -> list[int]:
    return sorted(
        {
            int(value)
            for each in found
            if each.name == "SEARCH"
            for value in each.values[1:]
            if isinstance(value, bytes) and value.isdigit() and len(value) <= 10
        }
    )


def _number(text: str) -> int:
    match = _NUMBER.match(text)
    return int(match[0]) if match else 0


def _integer(value: Value) -> int | None:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) <= 12 else None
