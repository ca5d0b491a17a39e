"""Which parts of a mail are its text, which are files, and which are about the mail itself. Decodes the text.

What standards leave open, real mail decides: of alternatives the last one is the richest, but chat wants the plain one
unless it says less; a name makes a part a file whatever its disposition says.
"""

import re
from dataclasses import dataclass, field, replace

from bridges.email.mime import charsets, clean, embedded, fields, html, plain, shown
from bridges.email.mime.embedded import Embedded
from bridges.email.mime.letter import Protection, ProtectionKind
from bridges.email.mime.limits import Limits
from bridges.email.mime.shown import Shown
from bridges.email.mime.structure import Part

_TEXTS = frozenset(
    ("text/plain", "text/html", "text/markdown", "text/enriched", "text/x-patch", "text/x-diff")
)
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)
_SMIME = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
#: For programs, as alternatives to what people read: neither text nor files.
_ASIDE = frozenset(("text/x-amp-html", "text/watch-html", "text/vnd.google.email-reaction+json"))
_STUB = re.compile(r"https?://\S+|<[^>]{0,2000}>")
_STUB_WORDS = 400  # code points: what only says "look at this in your browser" is short
_SYSTEMS = {"application/pgp-encrypted": "OpenPGP", "application/pgp-signature": "OpenPGP"}
_ENRICHED = re.compile(r"<(?!<)[^<>]{0,80}>")


@dataclass(slots=True)
class Contents:
    """What was found. ``files`` are pairs of a part and whether it belongs within the text."""

    texts: list[Shown] = field(default_factory=list)
    files: list[tuple[Part, bool]] = field(default_factory=list)
    embedded: list[Embedded] = field(default_factory=list)  # files that stood within the text
    calendar: Part | None = None
    report: Part | None = None
    protection: Protection | None = None
    unreadable: str = ""
    shortened: bool = False


class Chooser:
    """Goes through one mail."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.found = Contents()

    def choose(self, root: Part) -> Contents:
        self.found.texts = self._texts(root)
        return self.found

    def _texts(self, part: Part) -> list[Shown]:
        if part.children:
            handler = {
                "multipart/alternative": self._alternative,
                "multipart/related": self._related,
                "multipart/report": self._report,
                "multipart/signed": self._signed,
                "multipart/encrypted": self._encrypted,
                "multipart/appledouble": self._apple_double,
            }.get(part.media_type, self._mixed)
            return handler(part)
        return self._leaf(part)

    def _leaf(self, part: Part) -> list[Shown]:
        if part.media_type in ("text/calendar", "application/ics"):
            return self._calendar(part)
        if part.media_type in _SMIME:
            return self._opaque(part)
        if part.media_type in _ASIDE:
            return []
        if part.media_type in _TEXTS and not part.filename and part.disposition != "attachment":
            said = self._text(part)
            return [said] if said.text else []
        self.found.files.append((part, part.disposition == "inline" or bool(part.content_id)))
        return []

    def _mixed(self, part: Part) -> list[Shown]:
        texts: list[Shown] = []
        for child in part.children:
            texts.extend(self._texts(child))
        return texts

    def _alternative(self, part: Part) -> list[Shown]:
        """RFC 2046 §5.1.4. Calendars are taken aside, files within an alternative belong to all of them."""
        plains: list[Shown] = []
        riches: list[Shown] = []
        for child in part.children:
            texts = self._texts(child)
            if not texts:
                continue
            said = shown.joined(texts)
            if said.html:
                riches = [said]
            elif not plains:
                plains = [said]
            else:
                riches = riches or [said]
        if not riches:
            return plains
        return plains if plains and _says_enough(plains[0], riches[0]) else riches

    def _related(self, part: Part) -> list[Shown]:
        """RFC 2387: one part is meant to be seen, the others are used by it."""
        start = part.parameters.get("start", "").strip("<> ")
        root = next(
            (child for child in part.children if start and child.content_id == start), part.children[0]
        )
        texts = self._texts(root)
        for child in part.children:
            if child is root:
                continue
            if child.children:  # not as the standard has it, but text all the same
                texts.extend(self._texts(child))
            elif child.media_type in ("text/calendar", "application/ics"):
                texts.extend(self._calendar(child))
            elif child.media_type not in _ASIDE:
                self.found.files.append((child, True))
        return texts

    def _report(self, part: Part) -> list[Shown]:
        self.found.report = part
        texts = self._texts(part.children[0])
        for child in part.children[2:]:
            if child.media_type.startswith("message/") or child.media_type == "text/rfc822-headers":
                continue  # the mail that it is about, or its header: in the original for who wants it
            texts.extend(self._texts(child))
        return texts

    def _signed(self, part: Part) -> list[Shown]:
        protocol = part.parameters.get("protocol", "").lower()
        self._protect(ProtectionKind.SIGNED, "OpenPGP" if "pgp" in protocol else "S/MIME")
        texts: list[Shown] = []
        for child in part.children:
            if child.media_type not in _SIGNATURES:
                texts.extend(self._texts(child))
        return texts

    def _encrypted(self, part: Part) -> list[Shown]:
        protocol = part.parameters.get("protocol", "").lower()
        system = _SYSTEMS.get(protocol, "OpenPGP" if "pgp" in protocol else "S/MIME")
        self._protect(ProtectionKind.ENCRYPTED, system)
        return []

    def _opaque(self, part: Part) -> list[Shown]:
        """S/MIME in one piece (RFC 8551): even what is only signed is within a structure that we do not read."""
        signed = part.parameters.get(
            "smime-type", ""
        ).lower() == "signed-data" or part.filename.lower().endswith(".p7s")
        self._protect(ProtectionKind.SIGNED if signed else ProtectionKind.ENCRYPTED, "S/MIME")
        if signed:
            self.found.unreadable = "It is signed with S/MIME in a form that cannot be shown here."
        return []

    def _apple_double(self, part: Part) -> list[Shown]:
        """RFC 1740: the first part is of use on old Macs only."""
        return [text for child in part.children[1:] for text in self._texts(child)]

    def _calendar(self, part: Part) -> list[Shown]:
        if self.found.calendar is None:
            self.found.calendar = part
        elif part.filename or part.disposition == "attachment":
            # Outlook and Google send the invitation twice: as a part to act on and as a file.
            self.found.files.append((part, False))
        return []

    def _protect(self, kind: ProtectionKind, system: str) -> None:
        if self.found.protection is None or kind is ProtectionKind.ENCRYPTED:
            self.found.protection = Protection(kind, system)
        if kind is ProtectionKind.ENCRYPTED:
            self.found.unreadable = f"It is encrypted with {system}, and the gateway has no key to read it."

    def _text(self, part: Part) -> Shown:
        limit = self._limits.body
        data = part.decoded(limit)
        if len(data) == limit:
            self.found.shortened = True
        if part.media_type == "text/plain" and embedded.begins(data):
            # A file is whole or none, however long the text is that may be shown.
            data, files = embedded.parted(part.decoded(self._limits.size), self._limits.files)
            self.found.embedded += files
            data = data[:limit]
            self.found.shortened = self.found.shortened and len(data) == limit
        text = clean.text(charsets.decode(data, fields.charset_of(part.parameters)))
        if part.media_type == "text/html":
            return self._html(text)
        if part.media_type == "text/enriched":
            return plain.read(_ENRICHED.sub("", text).replace("<<", "<"))
        if part.media_type in ("text/x-patch", "text/x-diff"):
            return plain.preformatted(text)
        if plain.encrypted(text):
            self._protect(ProtectionKind.ENCRYPTED, "OpenPGP")
            return Shown()
        text, signed = plain.unarmoured(text)
        if signed:
            self._protect(ProtectionKind.SIGNED, "OpenPGP")
        is_flowed = part.parameters.get("format", "").lower() == "flowed"
        delsp = part.parameters.get("delsp", "").lower() == "yes"
        return plain.read(text, is_flowed=is_flowed, delsp=delsp)

    def _html(self, text: str) -> Shown:
        if not self._limits.read_html:
            return Shown()
        if len(text) > self._limits.html:
            self.found.shortened = True
        said = html.read(text, self._limits.html, self._limits.spans)
        return replace(said, html=True)


def _says_enough(said: Shown, rich: Shown) -> bool:
    """Whether the plain alternative can stand for the rich one."""
    words = len("".join(_STUB.sub("", said.text).split()))
    rich_words = len("".join(_STUB.sub("", rich.text).split()))
    if not words:
        return not rich_words
    if 4 * words < rich_words:
        return False
    # "View this mail in your browser: https://...": next to no words, a link, and more to be read in the other one.
    stub = words < _STUB_WORDS and "http" in said.text and 2 * words < rich_words
    return not stub
