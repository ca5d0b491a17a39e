"""What a file is, by its first bytes: senders, servers and names are not believed.

Total: anything is something, if only ``application/octet-stream``. Looks at magic numbers (WHATWG MIME Sniffing §6, and the
formats' own specifications), decodes nothing.
"""

import codecs
import re
from collections.abc import Mapping

from gateway.media.names import type_of_name

#: Bytes from the start of a file that ``sniff`` wants.
HEAD = 4096

UNKNOWN = "application/octet-stream"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
)
_RIFF: Mapping[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
#: Major brands of ISO base media files (ISO/IEC 14496-12 §4.3).
_BRANDS: Mapping[bytes, str] = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_OGG: tuple[tuple[bytes, str], ...] = (
    (b"OpusHead", "audio/ogg"),
    (b"\x01vorbis", "audio/ogg"),
    (b"Speex", "audio/ogg"),
    (b"\x7fFLAC", "audio/ogg"),
    (b"\x80theora", "video/ogg"),
)
#: What makes a browser take text for a page: in any of these, script may be.
_HTML = re.compile(
    rb"<(!doctype html|html|head|body|script|iframe|title|meta|style|table|a\s|div|h1|p>|br|!--)",
    re.IGNORECASE,
)
#: Refinements of a vague type that a name may make: nothing that a browser or a picture library would run or decode.
_TEXTS = frozenset({"text/csv", "text/calendar", "text/vcard"})
_ZIPS = frozenset(
    {
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }
)


def sniff(head: bytes, name: str = "") -> str:
    """The media type of a file that begins with ``head`` (``HEAD`` bytes of it); ``name`` only tells kinds of text and of
    office documents apart."""
    found = _binary(head)
    if not found:
        found = _text(head)
    promised = type_of_name(name)
    if (found == "text/plain" and promised in _TEXTS) or (found == "application/zip" and promised in _ZIPS):
        return promised
    return found


def _binary(head: bytes) -> str:
    for offset, magic, type_ in _MAGIC:
        if head.startswith(magic, offset):
            return _container(head, type_)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand) or ("video/3gpp" if brand[:2] == b"3g" else "video/mp4")
    # MPEG audio frame: 11 sync bits, and values that are not reserved (ISO/IEC 11172-3 §2.4.2.3).
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6) and head[2] & 0xF0 != 0xF0:
        return "audio/mpeg"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return ""


def _container(head: bytes, type_: str) -> str:
    if type_ == "application/ogg":
        return next((of for mark, of in _OGG if mark in head[:128]), type_)
    if type_ == "video/x-matroska" and b"webm" in head[:64]:
        return "video/webm"
    if type_ == "image/bmp" and (len(head) < 18 or head[6:10] != b"\x00\x00\x00\x00"):
        return _text(head)  # a text may begin with BM
    return type_


def _text(head: bytes) -> str:
    if b"\x00" in head:
        return UNKNOWN
    try:
        # Incremental, because a character may be cut in half at the end of ``head``.
        codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return UNKNOWN
    # A UTF-8 mark, white space, and whatever goes before the first tag of a page.
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1024]
    if start[:5].lower() == b"<?xml" or start[:4].lower() == b"<svg":
        return "image/svg+xml" if b"<svg" in head.lower() else "text/xml"
    return "text/html" if _HTML.match(start) else "text/plain"
