"""Attachments: which name they get, and how they come out of the mail. Big ones never stand in memory whole."""

import hashlib
import mimetypes
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bridges.email.mime import clean, fields
from bridges.email.mime.letter import File
from bridges.email.mime.structure import Part

_LONGEST = 120
_PARTS = re.compile(r"[/\\]")
_UNFIT = re.compile('[<>:"|?*\\x00-\\x1f]')
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")
#: What the table of the standard library lacks, or has differently on every machine.
_ENDINGS = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/ms-tnef": ".dat",
    "application/pgp-encrypted": ".pgp",
    "application/pgp-signature": ".asc",
    "application/pgp-keys": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
}


def named(part: Part, number: int, title: str = "") -> str:
    """A file name without a path: the part's, else made of ``title``, else of its type and number."""
    name = safe(part.filename)
    if name:
        return name
    ending = _ENDINGS.get(part.media_type) or mimetypes.guess_extension(part.media_type) or ".bin"
    stem = safe(title)[: _LONGEST - len(ending)] or f"{_STEMS.get(part.main_type, 'attachment')}-{number}"
    return f"{stem}{ending}"


_STEMS = {"image": "image", "audio": "audio", "video": "video", "message": "message", "text": "text"}


def safe(name: str) -> str:
    """Without directories and characters that no file system takes, at most 120 characters, the extension kept; empty where
    nothing is left. Hidden and parent directories are no names."""
    last = _PARTS.split(name)[-1]
    found = _UNFIT.sub("_", clean.line(last, 1000)).strip(". ") if last.strip(". ") else ""
    if len(found) <= _LONGEST:
        return found
    extension = _EXTENSION.search(found)
    end = extension[0] if extension else ""
    return found[: _LONGEST - len(end)].rstrip() + end


def taken(part: Part, name: str, *, inline: bool, directory: Path | None, number: int) -> File:
    """The decoded content: in memory, or in a new file of ``directory``, which only its owner may read."""
    file = _kept(part.pieces(), name, part.media_type, directory, number)
    return replace(file, content_id=part.content_id, inline=inline)


def found_within(data: bytes, name: str, *, directory: Path | None, number: int) -> File:
    """A file that was no part of its own. Its type is what its name says."""
    named_as = safe(name) or f"attachment-{number}.bin"
    media_type = mimetypes.guess_type(named_as)[0] or "application/octet-stream"
    return _kept((data,), named_as, media_type, directory, number)


def _kept(pieces: Iterable[bytes], name: str, media_type: str, directory: Path | None, number: int) -> File:
    digest = hashlib.sha256()
    size = 0
    data = b""
    path = None
    if directory is None:
        data = b"".join(pieces)
        digest.update(data)
        size = len(data)
    else:
        path = directory / f"{number:03d}"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                file.write(piece)
    return File(name, media_type, size, digest.hexdigest(), data=data, path=path)


def title_of(part: Part, header: fields.Header | None) -> str:
    """What to name a message within a message by."""
    return (
        header.text("subject")[:80]
        if header is not None
        else clean.line(part.header.text("content-description"), 80)
    )
