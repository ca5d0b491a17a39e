"""The mail that is answered, below the answer: whose words, of when, and as many of them as help to remember."""

import time

from bridges.email.composing.cleaning import body, one_line
from bridges.email.composing.threads import Mail
from gateway.model import Reply

_MOST_LINES, _MOST_CHARACTERS = 200, 16_000
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def quote(mail: Mail) -> str:
    """Attribution and quote of a mail; empty if it says nothing."""
    author = one_line(mail.sender.name, 100)
    address = one_line(mail.sender.address)
    who = f"{author} <{address}>" if author and address else author or address
    day = time.gmtime(max(0.0, min(mail.time, 32_503_680_000.0)))  # until the year 3000
    date = f"{day.tm_mday} {_MONTHS[day.tm_mon - 1]} {day.tm_year} at {day.tm_hour:02}:{day.tm_min:02} UTC"
    return _quoted(f"On {date}, {who} wrote:", mail.text)


def quote_of(reply: Reply) -> str:
    """The same of a message that we do not know (any more), as far as the user's client has told."""
    author = one_line(reply.author, 100)
    return _quoted(f"{author} wrote:" if author else "Earlier:", reply.text)


def _quoted(attribution: str, text: str) -> str:
    text = body(text[: 2 * _MOST_CHARACTERS]).strip("\n")
    if not text.strip():
        return ""
    lines = text[:_MOST_CHARACTERS].split("\n")
    shortened = len(text) > _MOST_CHARACTERS or len(lines) > _MOST_LINES
    marked = [f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines[:_MOST_LINES]]
    return "\n".join([attribution, *marked, *(["> [...]"] if shortened else [])])
