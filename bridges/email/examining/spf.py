"""Whether a domain lets an address send for it: SPF (RFC 7208), as far as one can tell without a mail.

What depends on the single mail (macros, ``exists``, ``ptr``) is not decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from bridges.email.examining.names import Names

_MOST_LOOKUPS = 10  # RFC 7208 §4.6.4
_MARK = "v=spf1"


class Answer(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"  # there is no record
    BROKEN = "permerror"
    OPEN = "undecided"  # by this module: it depends on the mail


_QUALIFIERS = {"+": Answer.PASS, "-": Answer.FAIL, "~": Answer.SOFTFAIL, "?": Answer.NEUTRAL}


@dataclass(frozen=True, slots=True)
class Opinion:
    """``records`` are those of the domain itself; ``why`` says what is broken."""

    answer: Answer
    records: tuple[str, ...] = ()
    why: str = ""


class _Broken(Exception):
    pass


def records(texts: Sequence[str]) -> tuple[str, ...]:
    """Those TXT records that are SPF's."""
    return tuple(each for each in texts if each.lower() == _MARK or each.lower().startswith(f"{_MARK} "))


def let(record: str, address: str) -> str:
    """``record``, so that it lets ``address`` too."""
    kind = "ip6" if ":" in address else "ip4"
    terms = record.split()
    end = next((place for place, term in enumerate(terms) if _is_last(term)), len(terms))
    return " ".join([*terms[:end], f"{kind}:{address}", *terms[end:]])


def _is_last(term: str) -> bool:
    return term.lower().lstrip("+-~?") == "all" or term.lower().startswith("redirect=")


async def opinion(names: Names, domain: str, address: str) -> Opinion:
    """Raises ``NoAnswer``."""
    found = records(await names.texts(domain))
    if not found:
        return Opinion(Answer.NONE)
    try:
        return Opinion(await _Evaluation(names, address).of(domain), found)
    except _Broken as error:
        return Opinion(Answer.BROKEN, found, str(error))


class _Evaluation:
    def __init__(self, names: Names, address: str) -> None:
        self._names = names
        self._address = ip_address(address)
        self._lookups = 0
        self._open = False

    async def of(self, domain: str) -> Answer:
        answer = await self._check(domain)
        return Answer.OPEN if self._open and answer is not Answer.PASS else answer

    async def _check(self, domain: str) -> Answer:
        found = records(await self._names.texts(domain))
        if len(found) > 1:
            raise _Broken(f"{domain} has {len(found)} SPF records, and only one may be there")
        if not found:
            return Answer.NONE
        redirect = ""
        for term in found[0].split()[1:]:
            name, equals, value = term.partition("=")
            if equals and ":" not in name and "/" not in name:
                redirect = value if name.lower() == "redirect" else redirect
                continue
            qualifier, mechanism = (term[0], term[1:]) if term[0] in _QUALIFIERS else ("+", term)
            if await self._matches(mechanism, domain):
                return _QUALIFIERS[qualifier]
        if not redirect:
            return Answer.NEUTRAL
        self._looked_up()
        answer = await self._check(redirect)
        if answer is Answer.NONE:
            raise _Broken(f"it goes on at {redirect}, which has no SPF record")
        return answer

    async def _matches(self, mechanism: str, domain: str) -> bool:
        head, _, length = mechanism.partition("/")
        name, _, value = head.partition(":")
        name = name.lower()
        if name in ("ip4", "ip6"):
            return self._within(mechanism.partition(":")[2])
        if name == "all":
            return True
        if name not in ("a", "mx", "include", "exists", "ptr"):
            raise _Broken(f"nobody knows the word {mechanism[:40]!r}")
        self._looked_up()
        if name in ("exists", "ptr") or "%" in value:
            self._open = True
            return False
        if name == "include":
            answer = await self._check(value)
            if answer is Answer.NONE:
                raise _Broken(f"it includes {value}, which has no SPF record")
            return answer is Answer.PASS
        hosts = [value or domain]
        if name == "mx":
            hosts = [host for _, host in await self._names.exchangers(hosts[0])][:_MOST_LOOKUPS]
        four, _, six = length.partition("//") if not length.startswith("/") else ("", "", length[1:])
        for host in filter(None, hosts):
            for each in await self._names.addresses(host):
                bits = six if ":" in each else four
                if self._within(f"{each}/{bits}" if bits else each):
                    return True
        return False

    def _within(self, network: str) -> bool:
        try:
            return self._address in ip_network(network, strict=False)
        except ValueError:
            raise _Broken(f"{network!r} is no address") from None

    def _looked_up(self) -> None:
        self._lookups += 1
        if self._lookups > _MOST_LOOKUPS:
            raise _Broken(f"it needs more than {_MOST_LOOKUPS} look-ups, after which nobody goes on")
