"""Where links lead, for people to see: an address is shown once, and beside its words wherever the two differ."""

import re
from urllib.parse import unquote

from bridges.email.mime import clean

_SCHEMES = ("http://", "https://", "ftp://", "mailto:", "tel:", "xmpp:", "geo:", "sip:", "webcal://")
_UNFIT = re.compile(r"[\s<>\"]")
_LONGEST = 2_000
_MANY = 500


class Links:
    """Of one mail."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def beside(self, label: str, href: str) -> str:
        """What to write behind the words of a link; empty where they say it all, or it was said before."""
        url = _url(href)
        if not url:
            return ""
        label = label.strip()
        same = _alike(url) == _alike(label)
        known = url in self._seen
        if len(self._seen) < _MANY:
            self._seen.add(url)
        if same or (known and label):
            return ""
        shown = unquote(url[7:]).partition("?")[0] if url.startswith("mailto:") else url
        shown = clean.line(shown, _LONGEST)
        if not shown or _alike(shown) == _alike(label):
            return ""
        return f"<{shown}>"


def _url(href: str) -> str:
    url = _UNFIT.sub(lambda match: f"%{ord(match[0]):02X}", clean.line(href, _LONGEST + 1))
    if len(url) > _LONGEST or not url.lower().startswith(_SCHEMES):
        return ""
    return url


def _alike(text: str) -> str:
    text = text.lower()
    for prefix in ("mailto:", "https://", "http://"):
        text = text.removeprefix(prefix)
    return text.removeprefix("www.").rstrip("/")
