"""Bounces of software that writes for people only. A guess, and marked as one: what came back to the address of one mail to
one recipient is known better from that address.

A text is a bounce where it comes from a mail system, says so in a phrase of such systems, and names an address on a line
that says what is wrong, or alone on a line below.
"""

import re

from bridges.email.mime import fields
from bridges.email.mime.fields import Header
from bridges.email.mime.letter import DeliveryReport, Person, RecipientStatus

_MOST_LINES = 400
_MOST_RECIPIENTS = 20
_LONGEST_LINE = 500
_NEAR = 6  # lines
_LITTLE = 24  # code points beside an address
_HELPFUL = (
    "postmaster@",
    "abuse@",
    "support@",
    "helpdesk@",
)  # written in such mails for those who have questions


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


_SENDER = re.compile(
    r"(?:mailer[._-]?daemon|postmaster|mail[._-]?daemon|mdaemon|mail-?system|mailsubsystem|smtp|mailman|majordomo|uucp|"
    r"mail[._ -]delivery[._ -](?:sub)?system|(?:system|mail)[._ -]administrator|internet mail delivery|e?mail[._ -]gateway)"
    r"(?:$|[._+ ,-])",
    re.IGNORECASE,
)
_SUBJECT = _any(
    r"undeliver|undelivrable|nondeliverable|(?:not|non) ?deliver|could not be delivered",
    r"returned mail|rejected|bounce|mail failed|user unknown",
    r"delivery (?:status|failure|problem|report|has failed|notification)",
    r"mail (?:delivery|could not|failure|system error)|failure (?:notice|delivery)",
    r"message (?:delayed|status)|warning: .{0,80}(?:delay|not)",
    r"unzustellbar|non remis|no remis|error de entrega|недостав",
)
_TROUBLE = _any(
    r"user(?:name)? (?:is )?(?:unknown|not found|does ?n[o']t exist|disabled)",
    r"unknown (?:user|recipient|address|local[ -]part)|no such (?:user|recipient|mailbox|address|person|account)",
    r"(?:mailbox|account|recipient|address|user|inbox|quota)[^\n]{0,60}"
    r"(?:full|exceeded|unavailable|not found|disabled|unknown|rejected|invalid|inactive|exist|over)",
    r"does ?n[o']t (?:have|exist)|not listed|no mailbox|undeliverable|unrout(?:e)?able|host (?:unknown|not found)",
    r"(?:could|can)(?: ?not|n't) be (?:delivered|found|reached)|unable to (?:deliver|relay)|delivery failed",
    r"(?:permanent|fatal|following)[^\n]{0,40}(?:error|failure|address|recipient)",
    r"delivery (?:failed|to)[^\n]{0,80}(?:failed|following|recipient)|relay(?:ing)? denied|access denied|rejected",
    r"timed? ?out|(?<![0-9])5\d\d[ -](?:\d\.\d\.\d|[A-Za-z<#])|gave up|giving up|failed|error for|invalid",
)
_LATE = _any(
    r"delayed|still (?:being|trying)|not yet been|will (?:be retried|keep trying|continue)",
    r"warning only|do not need to resend",
)
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.])")
_RETURNED = _any(
    r"^\s*-{2,}.{0,60}(?:original|returned|copy|header|unsent|begin|message)",
    r"^\s*(?:>\s*)?(?:received|return-path|message-id|from|date):\s",
    r"^.{0,60}(?:copy of|text of|headers? of|original message)",
)
_ID_LINE = re.compile(r"^[>\s]{0,8}Message-ID:\s*(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)


def read(header: Header, author: Person, text: str) -> DeliveryReport | None:
    """``text`` is the mail's, ``author`` who says to have written it: mail systems often have a name and no address."""
    local, _, domain = (author.address or author.name).partition("@")
    failed = [person for person in header.all("x-failed-recipients") if person]
    suspicious = _SENDER.match(local.strip('"')) is not None or _SENDER.match(author.name) is not None
    if not failed and not (suspicious and _SUBJECT.search(header.text("subject") or "bounce") is not None):
        return None
    found = _named(failed) or _in(text, own=f"{local}@{domain}".lower())
    if not found:
        return None
    late = _LATE.search(text[:4000]) is not None
    ids = _ID_LINE.search(text[:100_000])
    recipients = tuple(_status(address, line, late=late) for address, line in found.items())
    return DeliveryReport(recipients, "", domain, ids[1] if ids else "", standard=False)


def _named(values: list[str]) -> dict[str, str]:
    """Exim's X-Failed-Recipients."""
    return {address: "" for value in values for address in _ADDRESS.findall(value)[:_MOST_RECIPIENTS]}


def _in(text: str, own: str) -> dict[str, str]:
    """Addresses on the lines above the returned mail that tell of trouble, that stand alone below one that does, or before
    a colon; else the only address that there is."""
    found: dict[str, str] = {}
    others: set[str] = set()
    trouble = 0
    for whole in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        line = whole[:_LONGEST_LINE]
        if (found or others) and _RETURNED.search(line) is not None:
            break
        said = (address.strip("'") for address in _ADDRESS.findall(line))
        addresses = [
            address for address in said if address.lower() != own and not address.lower().startswith(_HELPFUL)
        ]
        others.update(addresses)
        bad = _TROUBLE.search(line) is not None
        if bad:
            trouble = _NEAR
            if not addresses and found:
                last = next(reversed(found))
                found[last] = found[last] or line.strip()
        if addresses and (bad or _stands_out(line, addresses[0], near=trouble > 0)):
            found.setdefault(addresses[0], line.strip() if bad else "")
        trouble -= trouble > 0
        if len(found) >= _MOST_RECIPIENTS:
            break
    return found or ({others.pop(): ""} if len(others) == 1 else {})


def _stands_out(line: str, address: str, *, near: bool) -> bool:
    """Whether a line is about the address: it names little else, where something was said to be wrong; or it is indented, or
    begins with it in angle brackets."""
    if line.startswith(f"<{address}>:"):
        return True
    alone = len(line.strip(" <>\t:;.()\"'")) <= len(address) + _LITTLE
    return alone and (near or line[:1] in " \t<")


def _status(address: str, line: str, *, late: bool) -> RecipientStatus:
    code = _STATUS.search(line)
    status = code[1] if code else ""
    delayed = status.startswith("4") or (late and not status.startswith("5"))
    return RecipientStatus(address, "delayed" if delayed else "failed", status, fields.words(line))
