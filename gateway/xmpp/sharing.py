"""Files in message stanzas: XEP-0447 (SFS), XEP-0385 (SIMS) and XEP-0066 (OOB) read, SFS and OOB written.

Knows links and what is said about files, never their content.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree.ElementTree import Element

from gateway.model import Attachment, Condition, ErrorType, Refused
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import Stanza, name_of, namespace_of
from gateway.xmpp.text import attribute, escape
from gateway.xmpp.xml import element, text_element

SFS = "urn:xmpp:sfs:0"
METADATA = "urn:xmpp:file:metadata:0"
URL_DATA = "http://jabber.org/protocol/url-data"
SIMS = "urn:xmpp:sims:1"
REFERENCE = "urn:xmpp:reference:0"
OOB = "jabber:x:oob"
HASHES = "urn:xmpp:hashes:2"
THUMBS = "urn:xmpp:thumbs:1"
FALLBACK = "urn:xmpp:fallback:0"

#: Files of one message, and children of one element, that are looked at.
_MOST_FILES = 10
_MOST_CHILDREN = 32
_URL_LIMIT = 4096
_TEXT_LIMIT = 1000
_MOST_BYTES = 2**53
_SHOWN = ("image/", "audio/", "video/")


_SHARING = frozenset({f"{{{SFS}}}file-sharing", f"{{{REFERENCE}}}reference", f"{{{OOB}}}x"})


@dataclass(frozen=True, slots=True)
class Shared:
    """What a message shares: ``text`` is what was said besides, often nothing."""

    attachments: tuple[Attachment, ...]
    text: str


def read(stanza: Stanza) -> Shared | None:
    """The files of a message, from the first of SFS, SIMS and OOB that names any; None where there are none."""
    children = stanza.element[:_MOST_CHILDREN]
    for child in children:  # hot: most messages stop here
        if child.tag in _SHARING:
            break
    else:
        return None
    body = stanza.body or ""
    for reader in (_sfs, _sims):
        files = tuple(islice((each for child in children for each in reader(child)), _MOST_FILES))
        if files:
            return Shared(files, _besides(body, files, children))
    files = tuple(islice((each for child in children for each in _oob(child)), _MOST_FILES))
    # A link beside a text is a link; a file is what the whole message is about (XEP-0066 §3).
    if files and body.strip() in ("", *(each.url for each in files)):
        return Shared(files, "")
    return None


def _besides(body: str, files: tuple[Attachment, ...], children: list[Element]) -> str:
    """The body without what it only repeats of the files."""
    if body.strip() in [each.url for each in files]:
        return ""
    for child in children:
        if child.tag != f"{{{FALLBACK}}}fallback" or child.get("for") not in (SFS, SIMS):
            continue
        marked = child.find(f"{{{FALLBACK}}}body")
        if marked is None or marked.get("start") is None:
            return ""  # XEP-0428 §3: no range, so all of it
        start, end = _number(marked.get("start")), _number(marked.get("end"))
        if start is not None and end is not None and start <= end:
            return (body[:start] + body[end:]).strip()
    return body


def _sfs(child: Element) -> Iterator[Attachment]:
    if child.tag != f"{{{SFS}}}file-sharing":
        return
    url = _first(child.iterfind(f"{{{SFS}}}sources/{{{URL_DATA}}}url-data"), "target")
    if url:
        yield _described(child.find(f"{{{METADATA}}}file"), url)


def _sims(child: Element) -> Iterator[Attachment]:
    if child.tag != f"{{{REFERENCE}}}reference":
        return
    sharing = child.find(f"{{{SIMS}}}media-sharing")
    if sharing is None:
        return
    url = _first(sharing.iterfind(f"{{{SIMS}}}sources/{{{REFERENCE}}}reference"), "uri")
    if url:
        file = next((each for each in islice(sharing, _MOST_CHILDREN) if name_of(each) == "file"), None)
        yield _described(file, url)


def _oob(child: Element) -> Iterator[Attachment]:
    if child.tag == f"{{{OOB}}}x":
        url = (child.findtext(f"{{{OOB}}}url") or "").strip()
        if url and len(url) <= _URL_LIMIT:
            yield Attachment(url=url, caption=(child.findtext(f"{{{OOB}}}desc") or "")[:_TEXT_LIMIT].strip())


def _first(sources: Iterator[Element], name: str) -> str:
    """The first source on the web. ``aesgcm:`` counts: whoever is asked for it says why it cannot be had."""
    for source in islice(sources, _MOST_CHILDREN):
        url = (source.get(name) or "").strip()
        if url.partition(":")[0].lower() in ("https", "http", "aesgcm") and len(url) <= _URL_LIMIT:
            return url
    return ""


def _described(file: Element | None, url: str) -> Attachment:
    if file is None:
        return Attachment(url=url)
    space = namespace_of(file)

    def said(name: str) -> str:
        return (file.findtext(f"{{{space}}}{name}") or "")[:_TEXT_LIMIT].strip()

    return Attachment(
        name=said("name"),
        media_type=said("media-type").lower(),
        size=_number(said("size")),
        url=url,
        sha256=_sha256(file),
        width=_number(said("width")),
        height=_number(said("height")),
        caption=said("desc"),
    )


def _sha256(file: Element) -> str:
    for each in islice(file.iterfind(f"{{{HASHES}}}hash"), _MOST_CHILDREN):
        if each.get("algo") == "sha-256":
            try:
                digest = base64.b64decode((each.text or "").strip(), validate=True)
            except (binascii.Error, ValueError):
                return ""
            return digest.hex() if len(digest) == 32 else ""
    return ""


def _number(text: str | None) -> int | None:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 16:
        return None
    number = int(text)
    return number if number <= _MOST_BYTES else None


@dataclass(frozen=True, slots=True)
class Passed:
    """A message for the other side: ``text`` and ``attachments``. Other clients of the user see it as ``body`` with
    ``extra``, which is ready XML."""

    text: str
    attachments: tuple[Attachment, ...]
    body: str
    extra: str


ENCRYPTED_FILE = Refused(
    Condition.NOT_ACCEPTABLE,
    "The file is encrypted for clients that can decrypt it, which the network behind this gateway has none of; it was not "
    "sent. Switch encryption off for this chat and send it again.",
    ErrorType.MODIFY,
)


def passed(stanza: Stanza, *, files: bool) -> Passed | None:
    """What a message has to say to the other side; None where that is nothing. Where it does not take ``files``, their links
    are the text. Raises ``RefusedError`` for links that only XMPP clients could decrypt."""
    body = stanza.body or ""
    shared = read(stanza) if len(stanza.element) > 1 or not body else None
    if body[:7].lower() == "aesgcm:":
        raise RefusedError(ENCRYPTED_FILE)
    if shared is None:
        return Passed(body, (), body, "") if body else None
    links = [each.url for each in shared.attachments]
    if any(link[:7].lower() == "aesgcm:" for link in links):
        raise RefusedError(ENCRYPTED_FILE)
    shown = body or "\n".join(links)
    extra = payload(shared.attachments[0]) if shown == links[0] else ""
    if files:
        return Passed(shared.text, shared.attachments, shown, extra)
    return Passed(shown, (), shown, extra)


# -- writing ------------------------------------------------------------------------------------------------------


def payload(attachment: Attachment) -> str:
    """What goes beside a body that is ``attachment.url`` and nothing else: SFS with all that is known, and OOB, without
    which Conversations and others show a link instead of a picture."""
    url = attachment.url
    inline = " disposition='inline'" if attachment.media_type.startswith(_SHOWN) else ""
    return (
        f"<file-sharing xmlns='{SFS}'{inline}>{_file(attachment)}<sources>"
        f"<url-data xmlns='{URL_DATA}' target='{attribute(url)}'/></sources></file-sharing>"
        f"<fallback xmlns='{FALLBACK}' for='{SFS}'><body/></fallback>"
        f"<x xmlns='{OOB}'><url>{escape(url)}</url></x>"
    )


def _file(attachment: Attachment) -> str:
    said: list[tuple[str, str | int | None]] = [
        ("media-type", attachment.media_type),
        ("name", attachment.name),
        ("size", attachment.size),
        ("width", attachment.width),
        ("height", attachment.height),
    ]
    parts = [text_element(name, str(value)) for name, value in said if value not in (None, "")]
    if attachment.sha256:
        digest = base64.b64encode(bytes.fromhex(attachment.sha256)).decode()
        parts.append(text_element("hash", digest, HASHES, {"algo": "sha-256"}))
    if attachment.thumbnail:
        uri = "data:image/jpeg;base64," + base64.b64encode(attachment.thumbnail).decode()
        parts.append(element("thumbnail", THUMBS, {"uri": uri, "media-type": "image/jpeg"}))
    return element("file", METADATA, None, *parts)
