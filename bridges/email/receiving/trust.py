"""Whether a mail comes from whom it says: by what the operator's own mail server found out, and nobody else.

Authentication-Results (RFC 8601) can be written by anybody. Believed are only fields of the servers that the operator
names, above the first Received of a foreign server, the topmost for each method; a server has to delete what bears its own
name and comes from outside (RFC 8601 §5). What they say has to be about the domain in the one From field, as people see no
other (alignment, RFC 7489 §3.1). Without a list of public suffixes, a domain vouches for itself and what is below it.

Of a mailbox elsewhere nobody says how its server names itself. Believed is the first such field of the mail, if it bears a
name below a domain of that provider's; at providers that are not known to delete what others wrote in their name, also only
if every server that names itself above it is of that domain. A mail that is not proven so is still shown in its author's
chat, with a warning, unless it is refuted: the provider has judged it before it came into the mailbox, and would all of its
mail come from the gateway, nobody could talk with anybody. It joins no thread, and nothing is learnt of its author.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import authres

from bridges.email.addresses import Mailbox, parse
from gateway.bridge import BadAddress

Fields = Sequence[tuple[str, str]]

_LONGEST = 8_192  # characters of a field; a server's own are shorter
_MOST_COMMENTS = 40  # their nesting is the parser's depth
_MOST_FIELDS = 20
_BY = re.compile(r"\bby\s+([A-Za-z0-9._-]{1,255})", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_ENFORCING = re.compile(
    r"dmarc=(?:pass|fail|temperror|permerror)[^;]*?"
    r"(?:\bp=|policy\.(?:dmarc|published-domain-policy|published_domain_policy)=\"?)(?:reject|quarantine)",
    re.IGNORECASE,
)


class Standing(StrEnum):
    PROVEN = "proven"
    UNPROVEN = "unproven"  # nobody says anything of it, or could not find out just now
    REFUTED = "refuted"  # the domain says that its mail looks otherwise


@dataclass(frozen=True, slots=True)
class Trust:
    """``reason`` is a sentence for people, empty for what is proven. ``enforcing``: the author's domain asks that mail which
    fails be refused or put aside. ``spam`` is the field by which the server marks it, or empty."""

    standing: Standing
    reason: str = ""
    enforcing: bool = False
    spam: str = ""
    elsewhere: bool = False  # of a mailbox that the user has at another provider

    @property
    def shown_as_said(self) -> bool:
        """Whether it is shown in the chat with whom it says that it is from."""
        return self.proven or (self.elsewhere and self.standing is Standing.UNPROVEN)

    @property
    def proven(self) -> bool:
        return self.standing is Standing.PROVEN


@dataclass(frozen=True, slots=True)
class Believed:
    """Whom the operator believes. ``spam_fields`` are "Name: how the value begins". ``provider``: instead of all that, the
    domains of the provider of a mailbox elsewhere; ``ordered``: the servers above are looked at."""

    authserv_ids: frozenset[str] = frozenset()
    own_hosts: frozenset[str] = frozenset()
    spam_fields: tuple[tuple[str, str], ...] = ()
    provider: frozenset[str] = frozenset()
    ordered: bool = False

    def names(self, authserv_id: str) -> bool:
        """Whether the words of a server that is called so are believed."""
        return authserv_id in self.authserv_ids or any(_below(authserv_id, each) for each in self.provider)

    @staticmethod
    def of(authserv_ids: Sequence[str], own_hosts: Sequence[str], spam_fields: Sequence[str]) -> "Believed":
        """As they are written in the configuration."""
        pairs = [each.partition(":") for each in spam_fields]
        return Believed(
            frozenset(each.lower() for each in authserv_ids),
            # A server names itself in Received as it does there, unless somebody takes trouble.
            frozenset(each.lower().rstrip(".") for each in (*own_hosts, *authserv_ids)),
            tuple((name.strip().lower(), value.strip().lower()) for name, _, value in pairs),
        )


def judge(fields: Fields, author: str | None, believed: Believed) -> Trust:
    """``fields`` are those of the header block in order; ``author`` is the one address that stands in the one From field,
    None if there is none such."""
    spam = _spam(fields, believed)
    if author is None:
        return Trust(Standing.REFUTED, "It does not say clearly who wrote it.", spam=spam)
    try:
        mailbox = parse(author)
    except BadAddress:
        return Trust(Standing.REFUTED, "Its sender is not a mail address.", spam=spam)
    if not believed.authserv_ids and not believed.provider:
        return Trust(Standing.UNPROVEN, "This gateway's mail server does not check senders.", spam=spam)
    results, enforcing = _results(fields, believed)
    standing = _standing(results, mailbox)
    reason = _REASONS[standing].format(domain=mailbox.domain)
    return Trust(standing, reason, enforcing, spam, elsewhere=bool(believed.provider))


_REASONS = {
    Standing.PROVEN: "",
    Standing.UNPROVEN: "Nothing shows that it was sent by {domain}.",
    Standing.REFUTED: "{domain} says that this is not how its mail is sent.",
}


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    result: str
    properties: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        return next((value for key, value in self.properties if key == name), "")


def _standing(results: Sequence[_Result], author: Mailbox) -> Standing:
    dmarc = [each for each in results if each.method == "dmarc"]
    # About another domain than the one that people see, a verdict means nothing.
    dmarc = [each for each in dmarc if _same(each.value("header.from"), author.domain)]
    if any(each.result == "fail" for each in dmarc):
        return Standing.REFUTED
    if any(each.result == "pass" for each in dmarc) or any(_vouches(each, author) for each in results):
        return Standing.PROVEN
    return Standing.UNPROVEN


def _vouches(result: _Result, author: Mailbox) -> bool:
    if result.result != "pass":
        return False
    if result.method == "dkim":
        signer = result.value("header.d") or result.value("header.i").rpartition("@")[2]
        return _aligned(signer, author.domain)
    if result.method == "spf":
        return _aligned(result.value("smtp.mailfrom").rpartition("@")[2], author.domain)
    if result.method == "auth":  # the operator's server knows the sender by password
        try:
            return parse(result.value("smtp.auth")).folded == author.folded
        except BadAddress:
            return False
    return False


def _same(domain: str, author: str) -> bool:
    return not domain or _letters(domain) == author


def _aligned(domain: str, author: str) -> bool:
    domain = _letters(domain)
    return bool(domain) and (author == domain or author.endswith("." + domain))


def _letters(domain: str) -> str:
    """As ``Mailbox.domain`` has it; empty for what is no domain, or a top-level one."""
    try:
        return parse("x@" + domain.strip(' "<>').rpartition("@")[2]).domain
    except BadAddress:
        return ""


def _results(fields: Fields, believed: Believed) -> tuple[Sequence[_Result], bool]:
    """What is believed, and whether the domain enforces a policy."""
    found: list[_Result] = []
    seen: set[str] = set()
    enforcing = False
    for value in _believable(fields, believed):
        results = _parsed(value, believed)
        # A second field about the same method was not deleted as it should have been, or is of another round.
        fresh = [each for each in results if each.method not in seen]
        found += fresh
        seen.update(each.method for each in results)
        enforcing |= any(each.method == "dmarc" for each in fresh) and _ENFORCING.search(value) is not None
    return found, enforcing


def _believable(fields: Fields, believed: Believed) -> Iterator[str]:
    if believed.provider:
        yield from _first(fields, believed)
        return
    count = 0
    for name, value in fields:
        lower = name.lower()
        if lower == "received":
            by = _BY.search(_uncommented(value[:_LONGEST]))
            if by is None or by[1].lower().rstrip(".") not in believed.own_hosts:
                return
        elif lower == "authentication-results" and count < _MOST_FIELDS:
            count += 1
            yield value


def _first(fields: Fields, believed: Believed) -> Iterator[str]:
    """The one field that a provider is believed by."""
    for name, value in fields:
        lower = name.lower()
        if lower == "authentication-results":
            yield value
            return
        if lower == "received" and believed.ordered:
            by = _BY.search(_uncommented(value[:_LONGEST]))
            host = by[1].lower().rstrip(".") if by is not None else ""
            if host != "localhost" and not any(_below(host, each) for each in believed.provider):
                return


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _uncommented(value: str) -> str:
    """What others said of themselves stands in comments."""
    for _ in range(3):
        value = _COMMENT.sub(" ", value)
    return value


def _parsed(value: str, believed: Believed) -> Sequence[_Result]:
    if len(value) > _LONGEST or value.count("(") > _MOST_COMMENTS:
        return ()
    try:
        field = authres.AuthenticationResultsHeader.parse_value(" ".join(value.split()))
    except (authres.AuthResError, ValueError, IndexError, AttributeError, TypeError):
        return ()  # RFC 8601 §2.2: what is not understood counts as not there
    if not believed.names(str(field.authserv_id).partition("/")[0].lower()):
        return ()
    return [
        _Result(
            str(each.method).lower(),
            str(each.result).lower(),
            tuple((f"{one.type}.{one.name}".lower(), str(one.value or "")) for one in each.properties),
        )
        for each in field.results
        if isinstance(each, authres.AuthenticationResult)
    ]


def _spam(fields: Fields, believed: Believed) -> str:
    for name, value in fields:
        for wanted, begins in believed.spam_fields:
            if name.lower() == wanted and value.strip().lower().startswith(begins):
                return wanted
    return ""
