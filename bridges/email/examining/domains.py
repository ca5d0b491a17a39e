"""What the DNS says of a mail domain: whether mail finds the way to us (MX), and whether what we send is believed (SPF,
DKIM, DMARC, and the name of the address that it comes from). Each with the lines that are lacking.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from bridges.email.examining import spf
from bridges.email.examining.names import Names, NoAnswer
from bridges.email.examining.spf import Answer
from gateway.bridge import Finding, Verdict

#: RFC 6761, 6762, 8375, and what people call their own networks: the world's DNS knows nothing of them.
_OURS_ALONE = ("localhost", "test", "invalid", "example", "local", "internal", "lan", "home.arpa", "onion")
_STRING = 250  # characters of a string in a TXT record


@dataclass(frozen=True, slots=True)
class Sending:
    """How our mail leaves. ``returns`` is the domain of its return addresses, ``addresses`` from where it comes as far as
    that is known, ``host`` the name of the machine that sends."""

    returns: str
    addresses: Sequence[str]
    host: str
    ours: bool = True


def outgoing() -> Sequence[str]:
    """The addresses that this machine has on the way to the world, public or not. Sends nothing."""
    found = []
    for family, far in ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((far, 9))
                found.append(str(sock.getsockname()[0]))
        except OSError:
            continue
    return found


def is_public(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_global


async def domain(names: Names, name: str, sending: Sending) -> Sequence[Finding]:
    """All there is to say of one domain, in A-labels."""
    if any(f".{name}".endswith(f".{each}") for each in _OURS_ALONE):
        text = f"{name} is a name that the world's DNS does not know, so it was not asked: mail stays within your network."
        return [Finding(Verdict.UNKNOWN, text, f"dns of {name}")]
    checks: Sequence[Callable[[Names, str, Sending], Awaitable[Sequence[Finding]]]] = (
        _exchangers,
        _sender_policy,
        _keys,
        _policy,
    )
    found: list[Finding] = []
    try:
        if not await names.exists(name):
            text = (
                f"The DNS knows no {name}: register it, or correct `domains`. If the world knows it, the name server of "
                "this "
                "machine does not know the world."
            )
            return [Finding(Verdict.FAIL, text, f"dns of {name}")]
        for check in checks:
            found += await check(names, name, sending)
    except NoAnswer as error:
        text = (
            f"No name server of this machine answers ({error}), so nothing is known of {name}: look at /etc/resolv.conf, or "
            "try again where there is DNS."
        )
        found.append(Finding(Verdict.UNKNOWN, text, f"dns of {name}"))
    return found


def _zone(name: str) -> str:
    return f"DNS zone of {name}"


def _addresses(host: str, sending: Sending) -> str:
    """Records for a mail server; without effect, if nobody knows its address."""
    public = [each for each in sending.addresses if is_public(each)]
    if sending.ours and host == sending.host and public:
        return "\n".join(f"{host}. IN {'AAAA' if ':' in each else 'A'} {each}" for each in public)
    return f"; with its address, and without the semicolon:\n; {host}. IN A 192.0.2.1"


def _text(name: str, value: str) -> str:
    """A TXT record, in strings of 255 octets at most (RFC 1035 §3.3.14)."""
    cuts = range(0, len(value), _STRING)
    strings = (value[at : at + _STRING].replace("\\", "\\\\").replace('"', '\\"') for at in cuts)
    quoted = '" "'.join(strings)
    return f'{name}. IN TXT "{quoted}"'


async def _exchangers(names: Names, name: str, sending: Sending) -> Sequence[Finding]:
    subject = f"mx of {name}"
    found = await names.exchangers(name)
    if not found:
        line = f"{name}. IN MX 10 {sending.host}."
        if await names.addresses(name):
            text = f"{name} has no MX record: mail goes to the address of its name itself, mostly that of the web server."
            return [Finding(Verdict.NOTE, text, subject, line, _zone(name))]
        text = f"{name} has no MX record, so no mail comes in: name the mail server that takes it."
        return [Finding(Verdict.FAIL, text, subject, line, _zone(name))]
    if all(not host for _, host in found):
        text = f"{name} says that it takes no mail at all (a null MX): name the mail server instead."
        return [Finding(Verdict.FAIL, text, subject, f"{name}. IN MX 10 {sending.host}.", _zone(name))]
    lost = [host for _, host in found if host and not await names.addresses(host)]
    hosts = ", ".join(host for _, host in found)
    if lost:
        bad = len(lost) == len(found)
        text = f"Mail for {name} goes to {hosts}; there is no address for {', '.join(lost)}: correct the name, or add one."
        verdict = Verdict.FAIL if bad else Verdict.NOTE
        return [Finding(verdict, text, subject, _addresses(lost[0], sending), _zone(name))]
    return [Finding(Verdict.OK, f"Mail for {name} goes to {hosts}.", subject)]


# -- SPF -----------------------------------------------------------------------------------------------------------------


async def _sender_policy(names: Names, name: str, sending: Sending) -> Sequence[Finding]:
    if name != sending.returns:
        # It is the return address that is looked at.
        return []
    subject, zone = f"spf of {name}", _zone(name)
    found = spf.records(await names.texts(name))
    public = [each for each in sending.addresses if is_public(each)]
    if not found:
        named = public if sending.ours else ()
        terms = " ".join(f"{'ip6' if ':' in each else 'ip4'}:{each}" for each in named)
        line = _text(name, f"v=spf1 mx {terms} ~all".replace("  ", " "))
        text = f"{name} has no SPF record, so most of the world takes our mail for spam: say which servers send for it."
        return [Finding(Verdict.FAIL, text, subject, line, zone)]
    if not public:
        text = (
            f"{name} has the SPF record {found[0]!r}; whether it lets your mail server send cannot be seen from here, "
            "since its "
            "address on the Internet is another one."
        )
        return [Finding(Verdict.UNKNOWN, text, subject)]
    judged = [_judged(name, each, await spf.opinion(names, name, each), sending) for each in public]
    return [_worst(judged)]


def _judged(name: str, address: str, opinion: spf.Opinion, sending: Sending) -> Finding:
    subject, zone = f"spf of {name}", _zone(name)
    record = opinion.records[0]
    if opinion.answer is Answer.BROKEN:
        return Finding(Verdict.FAIL, f"The SPF record of {name} is worth nothing: {opinion.why}.", subject)
    if opinion.answer is Answer.PASS:
        if "+all" in record.lower().split() or "all" in record.lower().split():
            text = f"The SPF record of {name} lets the whole world send ({record!r}): end it with ~all."
            return Finding(Verdict.NOTE, text, subject)
        return Finding(Verdict.OK, f"SPF of {name} lets {address} send.", subject)
    if opinion.answer is Answer.OPEN:
        text = f"Whether SPF of {name} lets {address} send depends on the mail ({record!r}): send one, and look there."
        return Finding(Verdict.UNKNOWN, text, subject)
    if not sending.ours:
        text = (
            f"SPF of {name} ({record!r}) does not name {sending.host}; whether it names the addresses from where that "
            "sends, its "
            "operator knows: ask which `include:` belongs into it."
        )
        return Finding(Verdict.UNKNOWN, text, subject)
    text = (
        f"SPF of {name} does not let {address} send ({opinion.answer}), from where our mail seems to come: if it does, "
        "other "
        "servers take it for forged."
    )
    line = _text(name, spf.let(record, address))
    return Finding(Verdict.NOTE, text, subject, line, f"{zone}, in place of the SPF record that is there")


def _worst(found: Sequence[Finding]) -> Finding:
    """Of several addresses: the first that is not well."""
    return next((each for each in found if each.verdict is not Verdict.OK), found[0])


# -- DKIM, DMARC, PTR ----------------------------------------------------------------------------------------------------


async def _keys(names: Names, name: str, sending: Sending) -> Sequence[Finding]:
    subject = f"dkim of {name}"
    look = "send a mail to an address elsewhere, and look for dkim=pass in it"
    if await names.exists(f"_domainkey.{name}"):
        return [
            Finding(
                Verdict.OK,
                f"{name} has keys for DKIM. That mail is signed with them, only a mail shows: {look}.",
                subject,
            )
        ]
    only = (
        ""
        if name == sending.returns
        else f", and nothing else can prove them: their return addresses are of {sending.returns}"
    )
    text = (
        f"{name} has no key for DKIM, so mails from there are not signed{only}. Have your mail server sign (OpenDKIM or "
        "rspamd), "
        f"and put its key into the DNS; then {look}."
    )
    line = (
        "; with the public key that your mail server has made, and without the semicolon:\n"
        f'; mail._domainkey.{name}. IN TXT "v=DKIM1; k=rsa; p=..."'
    )
    return [Finding(Verdict.NOTE, text, subject, line, _zone(name))]


async def _policy(names: Names, name: str, sending: Sending) -> Sequence[Finding]:
    subject = f"dmarc of {name}"
    for place in _upwards(name):
        found = [each for each in await names.texts(f"_dmarc.{place}") if _is_policy(each)]
        if len(found) > 1:
            text = f"_dmarc.{place} has {len(found)} DMARC records, and only one may be there; none of them counts."
            return [Finding(Verdict.FAIL, text, subject)]
        if found:
            policy = _tags(found[0]).get("sp" if place != name and "sp" in _tags(found[0]) else "p", "")
            return [_with(name, policy.lower(), subject)]
    text = f"{name} has no DMARC record: large providers want one from who sends them mail."
    line = _text(f"_dmarc.{name}", f"v=DMARC1; p=none; rua=mailto:postmaster@{name}")
    return [Finding(Verdict.NOTE, text, subject, line, _zone(name))]


def _with(name: str, policy: str, subject: str) -> Finding:
    if policy in ("quarantine", "reject"):
        done = "is refused" if policy == "reject" else "lands among the spam"
        text = f"What only claims to be from {name}, proven by neither SPF nor DKIM, {done} elsewhere."
        return Finding(Verdict.OK, text, subject)
    text = f"DMARC of {name} asks nobody to do anything (p={policy or 'not set'})."
    return Finding(Verdict.OK, text, subject)


def _is_policy(record: str) -> bool:
    return record.lower().replace(" ", "").startswith("v=dmarc1")


def _tags(record: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _upwards(name: str) -> Sequence[str]:
    """The domain, and what may be its organization's: those above it of at least two labels."""
    labels = name.split(".")
    return [".".join(labels[cut:]) for cut in range(max(1, len(labels) - 1))][:4]


async def pointer(names: Names, sending: Sending) -> Sequence[Finding]:
    """Whether the address that our mail comes from has a name, and the name that address."""
    subject = "name of the mail server"
    public = [each for each in sending.addresses if is_public(each)]
    if not public or not sending.ours:
        return []
    found = []
    try:
        for address in public:
            hosts = await names.pointers(address)
            good = [host for host in hosts if address in await names.addresses(host)]
            if good:
                found.append(
                    Finding(Verdict.OK, f"{address} is called {good[0]}, and that is its address.", subject)
                )
                continue
            called = (
                f"is called {hosts[0]}, which does not have that address" if hosts else "has no name (PTR)"
            )
            text = f"{address}, from where our mail seems to come, {called}; many servers refuse mail from there."
            if sending.host in hosts:
                line, where = _addresses(sending.host, sending), f"the DNS zone that {sending.host} is in"
            else:
                line = f"{ip_address(address).reverse_pointer}. IN PTR {sending.host}."
                where = "the console of whoever gave you that address"
            found.append(Finding(Verdict.NOTE, text, subject, line, where))
    except NoAnswer:
        text = f"No name server of this machine answers, so nobody knows what {public[0]} is called."
        return [Finding(Verdict.UNKNOWN, text, subject)]
    return [_worst(found)]
