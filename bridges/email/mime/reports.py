"""What became of a mail: delivery reports (RFC 3464, RFC 6533), notes that one was read (RFC 8098), complaints (RFC 5965).

Reads the parts that are for machines. Reports of software that knows no such parts are ``prose``'s.
"""

import re
from collections.abc import Iterator

from bridges.email.mime import clean, fields
from bridges.email.mime.fields import Header
from bridges.email.mime.letter import Complaint, DeliveryReport, Disposition, RecipientStatus
from bridges.email.mime.limits import Limits
from bridges.email.mime.structure import Part, Structure

_STATUS_TYPES = frozenset(("message/delivery-status", "message/global-delivery-status"))
_MDN_TYPES = frozenset(("message/disposition-notification", "message/global-disposition-notification"))
_RETURNED = frozenset(
    (
        "message/rfc822",
        "message/global",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
    )
)
_ACTIONS = frozenset(("failed", "delayed", "delivered", "relayed", "expanded"))
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MOST_RECIPIENTS = 500
_MOST_OCTETS = 256 * 1024
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_EMPTY_LINES = re.compile(rb"(?:\r?\n[ \t]*){2,}")


def parts(part: Part) -> Iterator[Part]:
    """The part and all within it."""
    yield part
    for child in part.children:
        yield from parts(child)


def delivery(root: Part, structure: Structure, limits: Limits) -> DeliveryReport | None:
    """The report in a mail, wherever it stands: some gateways wrap it or give it another outer type."""
    status = next((part for part in parts(root) if part.media_type in _STATUS_TYPES), None)
    if status is None:
        return None
    blocks = _blocks(status, limits)
    # The first is about the message, the others about recipients; some senders begin with a recipient.
    about = blocks[0] if blocks and "final-recipient" not in blocks[0] else Header()
    recipients = tuple(_recipients(blocks))
    return DeliveryReport(
        recipients[:_MOST_RECIPIENTS],
        _xtext(clean.line(about.first("original-envelope-id"), 500)),
        _of_type(about.text("reporting-mta")),
        returned_id(root, structure),
    )


def _blocks(part: Part, limits: Limits) -> list[Header]:
    data = part.decoded(_MOST_OCTETS).strip(b"\r\n\t ")
    pieces = _EMPTY_LINES.split(data)[: _MOST_RECIPIENTS + 1]
    found = (fields.split(piece, limits.fields_of_a_name)[0] for piece in pieces)
    return [header for header in found if header.fields]


def _recipients(blocks: list[Header]) -> Iterator[RecipientStatus]:
    for block in blocks:
        if not any(name in block for name in ("final-recipient", "original-recipient", "action", "status")):
            continue
        final = _address(block.first("final-recipient"))
        original = _address(block.first("original-recipient"))
        status = _STATUS.search(block.text("status"))
        code = status[0] if status else ""
        if not (final or original):
            continue
        yield RecipientStatus(
            final or original,
            _action(block, code),
            code,
            clean.line(_of_type(block.text("diagnostic-code")), 2000),
            _of_type(block.text("remote-mta")),
            original,
            fields.date(block.first("will-retry-until")),
        )


def _action(block: Header, status: str) -> str:
    said = block.text("action").lower().split(" ", 1)[0].strip("(;,.")
    if said in _ACTIONS:
        return said
    # Seen in real reports: "Action: failure", or none at all and a status that says it.
    return (
        "failed"
        if said.startswith("fail") or status.startswith("5")
        else "delayed"
        if status.startswith("4")
        else ""
    )


def _of_type(text: str) -> str:
    """``smtp; 550 no`` without the type before it."""
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else text.strip()


def _address(text: str) -> str:
    kind, semicolon, rest = text.partition(";")
    address = clean.line(rest if semicolon else text, 400).strip("<> ")
    kind = kind.strip().lower()
    if kind == "utf-8":
        # RFC 6533 §3: utf-8-addr-xtext and utf-8-addr-unitext.
        return _UNICODE.sub(lambda match: _character(match[1]), address)
    return _xtext(address)


def _character(code: str) -> str:
    number = int(code, 16)
    return clean.line(chr(number)) if number < 0x110000 else ""


def _xtext(text: str) -> str:
    """RFC 3461 §4, of what has to be written so only: a plus is much more often one (``bob+2024@``)."""
    return text.replace("+3D", "=").replace("+2B", "+") if "+" in text else text


def returned_id(root: Part, structure: Structure) -> str:
    """The Message-ID of the mail that a report returns, or of which it returns the header."""
    for part in parts(root):
        if part is not root and part.media_type in _RETURNED:
            inner = _inner(part, structure)
            found = fields.identifiers(inner.first("message-id"), 1)
            if found:
                return found[0]
    return ""


def _inner(part: Part, structure: Structure) -> Header:
    if part.encoding in ("base64", "quoted-printable"):
        return fields.split(part.decoded(64 * 1024), 100)[0]
    return structure.nested(part).header


def disposition(root: Part, structure: Structure, limits: Limits) -> Disposition | None:
    """RFC 8098 §3.1."""
    note = next((part for part in parts(root) if part.media_type in _MDN_TYPES), None)
    if note is None:
        return None
    blocks = _blocks(note, limits)
    if not blocks:
        return None
    said = blocks[0]
    mode, _, rest = said.text("disposition").lower().partition(";")
    # "manual-action/MDN-sent-manually; displayed/error"
    kind = rest.partition("/")[0].strip() or mode.rpartition("/")[2].strip()
    ids = fields.identifiers(said.first("original-message-id"), 1)
    return Disposition(
        kind,
        _address(said.first("final-recipient")),
        ids[0] if ids else returned_id(root, structure),
        automatic="automatic-action" in mode or "mdn-sent-automatically" in mode,
    )


def complaint(root: Part, structure: Structure, limits: Limits) -> Complaint | None:
    """RFC 5965 §3.1."""
    part = next((part for part in parts(root) if part.media_type == "message/feedback-report"), None)
    blocks = _blocks(part, limits) if part is not None else []
    if not blocks:
        return None
    said = blocks[0]
    return Complaint(
        said.text("feedback-type").lower(),
        _address(said.first("original-rcpt-to")),
        _address(said.first("original-mail-from")),
        returned_id(root, structure),
    )
