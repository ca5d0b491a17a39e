"""text/plain: quote marks become depths, flowed lines become paragraphs, signatures in the clear lose their armour."""

import re
from collections.abc import Iterator
from dataclasses import replace

from bridges.email.mime import flowed, shown
from bridges.email.mime.shown import Shown

_QUOTE = re.compile(r"(?:>[ \t]?){1,200}")
_PGP_SIGNED = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*$", re.MULTILINE)
_PGP_SIGNATURE = re.compile(r"^-----BEGIN PGP SIGNATURE-----[ \t]*$", re.MULTILINE)
_PGP_SIGNATURE_END = re.compile(r"^-----END PGP SIGNATURE-----[ \t]*$", re.MULTILINE)
_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"


def read(text: str, *, is_flowed: bool = False, delsp: bool = False) -> Shown:
    """``text`` is clean."""
    if not is_flowed and ">" not in text and flowed.SEPARATOR not in text:
        return shown.unquoted("\n".join(map(str.rstrip, text.split("\n"))))
    lines = flowed.decode(text, delsp=delsp) if is_flowed else _fixed(text)
    return shown.quoted((depth, line.rstrip() if line != flowed.SEPARATOR else line) for depth, line in lines)


def _fixed(text: str) -> Iterator[tuple[int, str]]:
    for line in text.split("\n"):
        match = _QUOTE.match(line)
        if match is None:
            yield 0, line
        else:
            yield match[0].count(">"), line[match.end() :]


def encrypted(text: str) -> bool:
    """OpenPGP without MIME (RFC 4880 §6.2)."""
    return text.lstrip().startswith(_PGP_MESSAGE)


def unarmoured(text: str) -> tuple[str, bool]:
    """The text within a cleartext signature (RFC 4880 §7), with what stands around it, and whether there was one."""
    begin = _PGP_SIGNED.search(text) if "-----BEGIN PGP SIGNED" in text else None
    if begin is None:
        return text, False
    end = _PGP_SIGNATURE.search(text, begin.end())
    if end is None:
        return text, False
    inner = text[begin.end() : end.start()].lstrip("\n")
    hashes, empty, content = inner.partition("\n\n")
    if not empty or any(":" not in line for line in hashes.split("\n")):
        content = inner
    content = re.sub(r"^- ", "", content, flags=re.MULTILINE)
    last = _PGP_SIGNATURE_END.search(text, end.end())
    return text[: begin.start()] + content + (text[last.end() :] if last else ""), True


def preformatted(text: str) -> Shown:
    """Text that is not for reading as prose: a patch, a log. Its marks mean what they mean there."""
    return shown.trimmed(replace(Shown(text), words=len(text)))
