"""What an element of HTML says about its content by its name, classes and styles: hidden, tiny, quoted, a signature."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridges.email.mime.letter import Role
from gateway.model import Style

Attributes = Mapping[str, str | None]

SKIPPED = frozenset(
    (
        *(
            "script",
            "style",
            "title",
            "head",
            "template",
            "object",
            "embed",
            "iframe",
            "frameset",
            "svg",
            "math",
        ),
        *(
            "canvas",
            "audio",
            "video",
            "select",
            "datalist",
            "map",
            "meta",
            "link",
            "param",
            "noframes",
            "xml",
        ),
    )
)
BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "body",
            "center",
            "dd",
            "details",
            "dir",
            "div",
            "dl",
            "dt",
            "fieldset",
        ),
        *(
            "figcaption",
            "figure",
            "footer",
            "form",
            "header",
            "legend",
            "li",
            "main",
            "menu",
            "nav",
            "section",
        ),
        *(
            "summary",
            "table",
            "tbody",
            "thead",
            "tfoot",
            "tr",
            "td",
            "th",
            "caption",
            "hr",
            "ol",
            "ul",
            "pre",
        ),
        *("blockquote", "p", "h1", "h2", "h3", "h4", "h5", "h6", "plaintext", "xmp", "listing"),
    )
)
#: Parted from what is around them by an empty line.
APART = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "dl", "hr", "table", "figure"))
STYLES: dict[str, Style] = {
    **dict.fromkeys(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th"), Style.STRONG),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), Style.EMPHASIS),
    **dict.fromkeys(("s", "strike", "del"), Style.STRUCK),
    **dict.fromkeys(("code", "tt", "kbd", "samp"), Style.CODE),
}
PREFORMATTED = frozenset(("pre", "xmp", "listing", "plaintext", "textarea"))

_HIDDEN = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|max-height:0(?:px|pt|em)?(?:;|!|$)|opacity:0(?:\.0+)?(?:;|!|$)"
)
_FONT_SIZE = re.compile(r"font(?:-size)?:(?:[^;]{0,60}?\s)?(\d{1,4}(?:\.\d{1,4})?)(px|pt|em|rem|%)?")
_SIDE = re.compile(r"(?:^|;)(?:width|height):([012])(?:\.\d+)?(?:px|pt)?(?:;|!|$)")
_CODE_CLASS = re.compile(r"code|highlight|prettyprint|sourcecode")
_BLANKS = re.compile(r"\s+")

#: By class or id; Outlook puts "x_" before those of a mail that it quotes.
_QUOTES = frozenset(
    (
        *(
            "gmail_quote",
            "gmail_quote_container",
            "gmail_extra",
            "yahoo_quoted",
            "protonmail_quote",
            "tutanota_quote",
        ),
        *(
            "zmail_extra",
            "isreplycontent",
            "mail-editor-reference-message-container",
            "moz-email-quote",
            "quoted-mail",
        ),
        *(
            "ms-outlook-mobile-reference-message",
            "replymessage",
            "hushmail_quote",
            "front-blockquote",
            "quotedtext",
        ),
    )
)
#: What follows one of these, up to the end of the mail, is the quote.
_QUOTES_BEGIN = frozenset(
    (
        *(
            "divrplyfwdmsg",
            "appendonsend",
            "zwchr",
            "outlookmessageheader",
            "moz-cite-prefix",
            "replyforwardmessage",
        ),
        *("stopspelling", "mailoriginalmessage", "reply-intro", "gmail_attr"),
    )
)
_FORWARDS = frozenset(("moz-forward-container", "forwardcontainer"))
_SIGNATURES = frozenset(
    (
        *(
            "gmail_signature",
            "moz-signature",
            "signature",
            "protonmail_signature_block",
            "applemailsignature",
        ),
        *(
            "ms-outlook-mobile-signature",
            "tutanota-signature",
            "divtagdefaultwrapper-signature",
            "outlooksignature",
        ),
    )
)
#: The line above the header block that desktop Outlook writes, in the colours of its versions.
_OUTLOOK_RULE = re.compile(r"border-top:solid#(?:e1e1e1|b5c4df)1\.0pt")


@dataclass(frozen=True, slots=True)
class Trait:
    """``onwards``: from the element up to the end of the mail."""

    role: Role
    onwards: bool = False


def css(attributes: Attributes) -> str:
    """The style attribute in lower case; white space goes where it parts nothing."""
    style = attributes.get("style")
    if not style:
        return ""
    # One space at most first: looking for white space before a colon is quadratic in a long run of it.
    style = _BLANKS.sub(" ", style.lower())
    return (
        style.replace(": ", ":")
        .replace(" :", ":")
        .replace("; ", ";")
        .replace(" ;", ";")
        .replace(" !", "!")
        .strip()
    )


def hidden(attributes: Attributes, style: str) -> bool:
    return "hidden" in attributes or (bool(style) and _HIDDEN.search(style) is not None)


def tiny(style: str) -> bool | None:
    """Whether text right within is too small to be seen; None where the element says nothing of it. Layouts of newsletters
    set size 0 on what has children of readable size."""
    match = _FONT_SIZE.search(style) if "font" in style else None
    if match is None:
        return None
    return float(match[1]) <= (1 if match[2] in (None, "px", "pt") else 0)


def pixel(attributes: Attributes, style: str) -> bool:
    """Images of at most two pixels are there to be fetched, not to be seen."""
    for side in ("width", "height"):
        if (attributes.get(side) or "").strip().removesuffix("px") in ("0", "1", "2"):
            return True
    return _SIDE.search(style) is not None


def trait(tag: str, attributes: Attributes, style: str) -> Trait | None:
    if not attributes:
        return None
    names = [*(attributes.get("class") or "").lower().split(), (attributes.get("id") or "").lower()]
    for said in names:
        name = said.removeprefix("x_")
        if name in _QUOTES or name.startswith("yahoo_quoted"):
            return Trait(Role.QUOTE)
        if name in _QUOTES_BEGIN:
            return Trait(Role.QUOTE, onwards=True)
        if name in _FORWARDS:
            return Trait(Role.FORWARD)
        if name in _SIGNATURES:
            return Trait(Role.SIGNATURE)
    if tag == "blockquote" and ((attributes.get("type") or "").lower() == "cite" or "cite" in attributes):
        return Trait(Role.QUOTE)
    if "data-marker" in attributes and (attributes["data-marker"] or "").upper() == "__QUOTED_TEXT__":
        return Trait(Role.QUOTE)
    if "border-top" in style and _OUTLOOK_RULE.search(_BLANKS.sub("", style)) is not None:
        return Trait(Role.QUOTE, onwards=True)
    return None


def gap(tag: str, attributes: Attributes, style: str) -> int:
    """Line breaks before and behind: two are an empty line. Paragraphs of Outlook have no margin."""
    if tag not in APART:
        return 1
    if tag == "p":
        close = "margin:0" in style or "margin-bottom:0" in style or "margin-top:0" in style
        if (
            close
            or "MsoNormal" in (attributes.get("class") or "")
            or "MsoPlainText" in (attributes.get("class") or "")
        ):
            return 1
    return 2


def is_code(tag: str, attributes: Attributes) -> bool:
    """Of preformatted text: mails that were plain text are preformatted too, and no code."""
    return tag == "pre" and _CODE_CLASS.search((attributes.get("class") or "").lower()) is not None
