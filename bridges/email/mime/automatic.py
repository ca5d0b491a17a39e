"""Whether somebody sat down to write a mail, by what its header says (RFC 3834, and what real senders do instead).

The envelope may say more: a mail from the null sender is automatic whatever stands in it. That is for those who know it.
"""

import re
from collections.abc import Iterator

from bridges.email.mime import people
from bridges.email.mime.fields import Header
from bridges.email.mime.letter import AutoKind, Automatic, ListInfo, Person

_PRECEDENCE = {
    "bulk": AutoKind.BULK,
    "junk": AutoKind.BULK,
    "list": AutoKind.LIST,
    "auto_reply": AutoKind.REPLY,
    "auto-reply": AutoKind.REPLY,
}
#: Fields that only machines write, whatever is in them.
_FIELDS = {
    "x-autoreply": AutoKind.REPLY,
    "x-autorespond": AutoKind.REPLY,
    "x-autoresponse": AutoKind.REPLY,
    "x-autoreply-from": AutoKind.REPLY,
    "x-auto-reply": AutoKind.REPLY,
    "x-auto-response-suppress": AutoKind.GENERATED,
    "x-loop": AutoKind.GENERATED,
    "feedback-id": AutoKind.BULK,
    "x-campaign-id": AutoKind.BULK,
    "x-mailgun-sid": AutoKind.GENERATED,
    "x-failed-recipients": AutoKind.REPORT,
}
_NO_REPLY = re.compile(
    r"(?:do[._-]?not[._-]?reply|no[._-]?reply|not[._-]?reply|nicht[._-]?antworten)", re.IGNORECASE
)
_UNREAD = re.compile(rf"(?:^|[.+_-]){_NO_REPLY.pattern}(?:$|[.+_-])", re.IGNORECASE)
_DAEMON = re.compile(r"(?:mailer[._-]?daemon|postmaster|mail[._-]?daemon|mdaemon)", re.IGNORECASE)
_LIST_ID = re.compile(r"(.*?)<([^<>]{1,255})>\s*$", re.DOTALL)
_URL = re.compile(r"<\s*((?:https?|mailto):[^<>\s]{1,2000})\s*>", re.IGNORECASE)
_ORDER = tuple(AutoKind)


def classify(header: Header, author: Person, media_type: str, report_type: str) -> Automatic | None:
    """``author`` need not be certain. ``media_type`` and ``report_type`` (a parameter) are in lower case."""
    found = list(_reasons(header, author, media_type, report_type))
    if not found:
        return None
    kind = min((kind for kind, _ in found), key=_ORDER.index)
    return Automatic(kind, tuple(dict.fromkeys(reason for _, reason in found)))


def _reasons(
    header: Header, author: Person, media_type: str, report_type: str
) -> Iterator[tuple[AutoKind, str]]:
    if media_type == "multipart/report":
        receipt = report_type == "disposition-notification"
        yield AutoKind.RECEIPT if receipt else AutoKind.REPORT, "Content-Type"
    submitted = header.first("auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        yield AutoKind.REPLY if submitted == "auto-replied" else AutoKind.GENERATED, "Auto-Submitted"
    precedence = header.first("precedence").strip().lower()
    if precedence in _PRECEDENCE:
        yield _PRECEDENCE[precedence], "Precedence"
    for name in header.names():
        if name in _FIELDS:
            yield _FIELDS[name], name
        elif name.startswith("list-"):
            # Announcements have the fields of lists too; only lists can be written to.
            discussed = "list-post" in header and _address_to_post(header) != ""
            yield AutoKind.LIST if discussed else AutoKind.BULK, name
    local = (author.address or author.name).partition("@")[0]
    if _DAEMON.fullmatch(local) is not None:
        yield AutoKind.REPORT, "From"
    elif no_reply(author):
        yield AutoKind.GENERATED, "From"


def no_reply(person: Person | None) -> bool:
    """Whether the address says that nobody reads what is sent there."""
    return person is not None and _NO_REPLY.search(person.address.partition("@")[0]) is not None


def unread(local: str) -> bool:
    """Whether the part of an address before the @ says beyond doubt that nobody reads what is sent there."""
    return _UNREAD.search(local) is not None


def lists(header: Header) -> ListInfo | None:
    """RFC 2369, RFC 2919, RFC 8058; None where no field says anything of a list."""
    if not any(name.startswith("list-") for name in header.names()):
        return None
    said = header.text("list-id")
    match = _LIST_ID.match(said)
    identity, name = (match[2].strip(), match[1].strip(' "')) if match else (said.strip("<> "), "")
    post = _address_to_post(header)
    closed = header.first("list-post").strip().upper().startswith("NO")
    unsubscribe = tuple(dict.fromkeys(_URL.findall(header.first("list-unsubscribe"))))[:10]
    one_click = ""
    # RFC 8058 §3.1: exactly this value; only https.
    if header.first("list-unsubscribe-post").replace(" ", "").lower() == "list-unsubscribe=one-click":
        one_click = next((url for url in unsubscribe if url.lower().startswith("https:")), "")
    return ListInfo(identity.lower(), name, post, closed, unsubscribe, one_click)


def _address_to_post(header: Header) -> str:
    for url in _URL.findall(header.first("list-post")):
        if url.lower().startswith("mailto:"):
            found, _ = people.read(url[7:].partition("?")[0])
            if found:
                return found[0].address
    return ""
