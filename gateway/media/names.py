"""Names of files that no file system, header or reader can be tricked with.

A name is for people's eyes and for its ending: Conversations shows a picture only if the two agree. Knows no content.
"""

import unicodedata
from collections.abc import Mapping
from urllib.parse import unquote

#: Bytes in UTF-8; file systems take 255, and links hold the name again, percent-encoded.
_LIMIT = 120

#: The endings of a type, the usual one first.
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "application/gzip": ("gz", "tgz"),
    "application/msword": ("doc",),
    "application/ogg": ("ogg", "ogx"),
    "application/pdf": ("pdf",),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods",),
    "application/vnd.oasis.opendocument.text": ("odt",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/zip": ("zip", "jar", "apk", "epub"),
    "audio/aac": ("aac",),
    "audio/amr": ("amr",),
    "audio/flac": ("flac",),
    "audio/mp4": ("m4a",),
    "audio/mpeg": ("mp3",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/wav": ("wav",),
    "image/avif": ("avif",),
    "image/bmp": ("bmp",),
    "image/gif": ("gif",),
    "image/heic": ("heic", "heif"),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/png": ("png",),
    "image/svg+xml": ("svg",),
    "image/tiff": ("tiff", "tif"),
    "image/webp": ("webp",),
    "text/calendar": ("ics",),
    "text/csv": ("csv",),
    "text/html": ("html", "htm"),
    "text/plain": ("txt",),
    "text/vcard": ("vcf", "vcard"),
    "text/xml": ("xml",),
    "video/3gpp": ("3gp", "3gpp"),
    "video/mp4": ("mp4", "m4v"),
    "video/ogg": ("ogv",),
    "video/quicktime": ("mov",),
    "video/webm": ("webm",),
    "video/x-matroska": ("mkv",),
}
_OF_ENDING = {ending: type_ for type_, endings in ENDINGS.items() for ending in endings}

#: Types that say nothing about what is inside: the ending may.
_VAGUE = frozenset({"application/octet-stream", "text/plain", "application/zip"})


def safe_name(name: str, media_type: str, otherwise: str = "file") -> str:
    """``name`` without directories, control and direction characters, leading dots and undue length, and with an ending that
    belongs to ``media_type``. ``otherwise`` is the stem where nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    # Cc, Cf: control, and invisible formatting such as U+202E, which shows "gpj.exe" as "exe.jpg"; Cs, Co, Cn: nobody's.
    kept = "".join(each for each in last if unicodedata.category(each)[0] != "C" and each not in '<>:"|?*')
    kept = " ".join(unicodedata.normalize("NFC", kept).split()).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    if not dot or not _is_ending(ending):
        stem, ending = kept, ""
    ending = _ending(ending, media_type)
    stem = _cut(stem.strip(". "), _LIMIT - len(ending) - 1) or otherwise
    return f"{stem}.{ending}" if ending else stem


def name_of_path(path: str) -> str:
    """The last part of a URL's path, decoded; as untrue as any name."""
    return unquote(path.rstrip("/").rpartition("/")[2], errors="replace")


def type_of_name(name: str) -> str:
    """What the ending promises, or nothing."""
    return _OF_ENDING.get(name.rpartition(".")[2].lower(), "")


def _is_ending(text: str) -> bool:
    return 0 < len(text) <= 8 and text.isascii() and text.isalnum()


def _ending(ending: str, media_type: str) -> str:
    fitting = ENDINGS.get(media_type, ())
    if ending.lower() in fitting:
        return ending
    if media_type in _VAGUE or not fitting:
        # What we know nothing about keeps its ending, unless that promises something we would have recognised.
        promised = _OF_ENDING.get(ending.lower(), "")
        if ending and promised.partition("/")[0] not in ("image", "audio", "video"):
            return ending
    return fitting[0] if fitting else "bin"


def _cut(text: str, octets: int) -> str:
    raw = text.encode()
    return text if len(raw) <= octets else raw[:octets].decode(errors="ignore").rstrip(". ")
