"""Refusals on the wire: a ``Refused`` of the model as a stanza error (RFC 6120 §8.3), and back.

Knows which stanzas may be answered with an error at all. Does not know why anything was refused.
"""

from dataclasses import replace
from urllib.parse import quote
from xml.etree.ElementTree import Element

from gateway.model import Condition, ErrorType, Refused
from gateway.texts import ENGLISH, Languages, Text
from gateway.xmpp.stanza import Stanza, name_of, namespace_of, parse_jid
from gateway.xmpp.text import attribute, escape, strip_forbidden

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

#: For people; the remote side's words may be of any length.
TEXT_LIMIT = 2000

#: XEP-0086 §3: the numbers that old clients read. ``policy-violation`` is younger than the table.
_LEGACY_CODES: dict[Condition, int] = {
    Condition.BAD_REQUEST: 400,
    Condition.CONFLICT: 409,
    Condition.FEATURE_NOT_IMPLEMENTED: 501,
    Condition.FORBIDDEN: 403,
    Condition.GONE: 302,
    Condition.INTERNAL_SERVER_ERROR: 500,
    Condition.ITEM_NOT_FOUND: 404,
    Condition.JID_MALFORMED: 400,
    Condition.NOT_ACCEPTABLE: 406,
    Condition.NOT_ALLOWED: 405,
    Condition.NOT_AUTHORIZED: 401,
    Condition.RECIPIENT_UNAVAILABLE: 404,
    Condition.REDIRECT: 302,
    Condition.REGISTRATION_REQUIRED: 407,
    Condition.REMOTE_SERVER_NOT_FOUND: 404,
    Condition.REMOTE_SERVER_TIMEOUT: 504,
    Condition.RESOURCE_CONSTRAINT: 500,
    Condition.SERVICE_UNAVAILABLE: 503,
    Condition.SUBSCRIPTION_REQUIRED: 407,
    Condition.UNDEFINED_CONDITION: 500,
    Condition.UNEXPECTED_REQUEST: 400,
}

#: RFC 6120 §8.3.1 and §8.2.3: an error or a result is never answered; nor are headlines (RFC 6121 §5.2.2), nor presence
#: that only takes something back or confirms it, since nobody waits for an outcome of it (RFC 6121 §3, §4.5).
_UNANSWERABLE = frozenset(
    {
        ("message", "error"),
        ("message", "headline"),
        ("presence", "error"),
        ("presence", "unavailable"),
        ("presence", "subscribed"),
        ("presence", "unsubscribe"),
        ("presence", "unsubscribed"),
        ("iq", "error"),
        ("iq", "result"),
    }
)

_KINDS = frozenset({"message", "presence", "iq"})
_CONDITIONS: dict[str, Condition] = {condition.value: condition for condition in Condition}
_TYPES: dict[str, ErrorType] = {type_.value: type_ for type_ in ErrorType}
_WITH_ADDRESS = frozenset({Condition.GONE, Condition.REDIRECT})


class RefusedError(Exception):
    """A refusal on its way up to the edge, where it becomes the answer to the stanza being handled.

    ``detail`` is a ready application-specific condition (RFC 6120 §8.3.4) that goes inside ``<error/>``;
    ``payload`` is ready XML that goes before it.
    """

    def __init__(self, refused: Refused, *, detail: str = "", payload: str = "") -> None:
        super().__init__(refused.text or refused.condition.value)
        self.refused = refused
        self.detail = detail
        self.payload = payload


def answerable(stanza: Stanza) -> bool:
    """Whether an error may be sent back for ``stanza``."""
    return (
        (stanza.kind, stanza.type) not in _UNANSWERABLE
        and stanza.kind in _KINDS
        and bool(stanza.sender.full)
        and bool(stanza.to.full)
    )


def error_stanza(
    stanza: Stanza,
    refused: Refused,
    *,
    redirect: str | None = None,
    by: str = "",
    detail: str = "",
    extra: str = "",
    languages: Languages | None = None,
) -> str | None:
    """The error that answers ``stanza``, or None where it must not be answered.

    ``redirect`` is the JID to use instead, for ``gone`` and ``redirect``; ``by`` the JID that found the
    error where that is not the addressee; ``detail`` an application-specific condition; ``extra`` ready XML
    before ``<error/>``, such as ``<x xmlns='http://jabber.org/protocol/muc'/>`` for a refused join
    (XEP-0045 §7.2). With ``languages``, texts of ours are said in the language of ``stanza``.
    """
    if not answerable(stanza):
        return None
    language = ENGLISH
    if languages is not None and isinstance(refused.text, Text):
        language = languages.best(stanza.lang)
        refused = replace(refused, text=languages.say(refused.text, language))
    identifier = f" id='{attribute(stanza.id)}'" if stanza.id else ""
    error = error_element(refused, redirect=redirect, by=by, detail=detail, language=language)
    kind = stanza.kind
    return (
        f"<{kind} type='error'{identifier} from='{attribute(stanza.to.full)}' to='{attribute(stanza.sender.full)}'>"
        f"{extra}{error}</{kind}>"
    )


def error_element(
    refused: Refused,
    *,
    redirect: str | None = None,
    by: str = "",
    detail: str = "",
    language: str = ENGLISH,
) -> str:
    """``<error/>`` itself, in whatever namespace surrounds it: that of the stream, as RFC 6120 §8.3.2
    wants. ``language`` is that of the text."""
    condition = refused.condition
    code = _LEGACY_CODES.get(condition)
    legacy = f" code='{code}'" if code else ""
    finder = f" by='{attribute(by)}'" if by else ""
    address = xmpp_uri(redirect) if redirect and condition in _WITH_ADDRESS else ""
    defined = (
        f"<{condition} xmlns='{STANZAS}'>{escape(address)}</{condition}>"
        if address
        else f"<{condition} xmlns='{STANZAS}'/>"
    )
    text = (
        f"<text xmlns='{STANZAS}' xml:lang='{language}'>{escape(_shortened(refused.text))}</text>"
        if refused.text
        else ""
    )
    # RFC 6120 §8.3.2: the defined condition, then the text, then the application's own
    return f"<error type='{refused.error_type}'{legacy}{finder}>{defined}{text}{detail}</error>"


def xmpp_uri(jid: str) -> str:
    """``jid`` as an ``xmpp:`` URI (RFC 5122 §2.2), which is how ``gone`` and ``redirect`` name an address."""
    parts = parse_jid(strip_forbidden(jid))
    local = f"{_quoted(parts.local)}@" if parts.local else ""
    resource = f"/{_quoted(parts.resource)}" if parts.resource else ""
    return f"xmpp:{local}{quote(parts.domain, safe='[]:.-')}{resource}"


def read_error(stanza: Element) -> Refused:
    """What the peer says in an error stanza. Total: an error that says nothing is an
    ``undefined-condition``."""
    error = next((child for child in stanza if name_of(child) == "error"), None)
    if error is None:
        return Refused(Condition.UNDEFINED_CONDITION)
    condition = Condition.UNDEFINED_CONDITION
    text = ""
    for child in error:
        if namespace_of(child) != STANZAS:
            continue
        name = name_of(child)
        if name == "text":
            text = _shortened(child.text or "")
        else:
            condition = _CONDITIONS.get(name, condition)
    return Refused(condition, text, _TYPES.get(error.get("type", "")))


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _quoted(part: str) -> str:
    return quote(part, safe="!$()*+,;=")
