"""What ``causeway doctor`` finds out about networks: whether each can be reached and trusted, and what it can do.

One call at each port of the networks that the operator has configured (``calling``), and none where users were banned
lately. Networks that users choose are theirs: nothing goes there unasked.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address

from bridges.irc import sts
from bridges.irc.calling import Call, call
from bridges.irc.crowd import Crowd
from bridges.irc.dial import Endpoint, Origin, Resolver, TlsSettings
from bridges.irc.ending import sent_away
from bridges.irc.link import IrcReactor
from bridges.irc.network_config import NetworkSettings
from gateway.bridge import Clock, Finding, Verdict
from gateway.bridge.examining import Shown

CONFIG = "config.toml"
SECONDS = 60.0  # for a network with all its ports; calls are bounded themselves
_RECENT = 900.0  # seconds after a ban in which a network is left alone
_NAME_SECONDS = 8.0
_PORTS = 4  # of a network that are called at most: each call counts there

#: What is less well without a capability.
_WITHOUT = {
    "sasl": "users cannot log in to their accounts before they enter channels",
    "server-time": "what comes late has the time at which it came",
    "echo-message": "what users say counts as said once it is written",
    "message-tags": "nothing is known of replies, reactions and who is typing",
    "labeled-response": "errors are matched to what they are about by guessing",
}
_NICE = ("draft/chathistory", "draft/multiline", "draft/message-redaction", "account-tag", "chghost")


@dataclass(frozen=True, slots=True)
class Network:
    """As it is configured: ``name`` is what users write. ``origin``: where calls come from. ``bridge`` is what the bridge is
    called in the configuration, ``own`` the keys in the network's own table there; None if it has no table."""

    name: str
    settings: NetworkSettings
    origin: Origin
    bridge: str
    own: Set[str] | None

    @property
    def table(self) -> str:
        return f'[bridges.{self.bridge}.networks."{self.name}"]'

    def written(self, lines: str, *keys: str) -> tuple[str, str]:
        """What to paste to have ``lines``, which set ``keys``, in its table, and into what. TOML takes neither a table nor a
        key twice."""
        if self.own is None:
            return f"{self.table}\n{lines}", f"{CONFIG}, at its end"
        there = [f"`{key}`" for key in keys if key in self.own]
        instead = f", in place of {' and '.join(there)} there" if there else ""
        return lines, f"{CONFIG}, below {self.table}{instead}"

    @property
    def host(self) -> str:
        return self.settings.address or self.name

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        settings = self.settings
        tls = TlsSettings(settings.tls_verify, settings.ca_file, settings.fingerprint)
        return (
            *(Endpoint(self.host, port, tls, self.origin) for port in settings.tls_ports),
            *(Endpoint(self.host, port, None, self.origin) for port in settings.ports),
        )


async def network(
    place: Network, reactor: IrcReactor, resolve: Resolver, crowd: Crowd, clock: Clock
) -> Sequence[Finding]:
    """All there is to find out by calling there."""
    ban = crowd.ban(place.host)
    if ban is not None and (ago := clock.monotonic() - ban.time) < _RECENT:
        text = (
            f"{place.name} banned a user of this gateway {ago / 60:.0f} minutes ago ({ban.words}), so it was not called: "
            "ask "
            "its staff what happened before they ban your address."
        )
        return [Finding(Verdict.NOTE, text, f"bans of {place.name}")]
    named, found = await _named(place, resolve)
    if not found:
        return named
    calls = [await call(reactor, each) for each in place.endpoints[:_PORTS]]
    return [*named, *judged(place, calls, clock.now())]


def judged(place: Network, calls: Sequence[Call], now: float) -> Sequence[Finding]:
    """What calls at the ports of a network have shown."""
    if not calls:
        text = f"There is no port to connect to {place.name} on: set `tls_ports` of it."
        return [Finding(Verdict.FAIL, text, f"ports of {place.name}")]
    found = [_port(place, each, now) for each in calls]
    turned = next((each for each in calls if each.words and each.offered is None), None)
    if turned is not None:
        found.append(_turned_away(place, turned.words))
    elif told := [each for each in calls if each.offered is not None]:
        found += _offers(place, told)
    elif any(each.failure is None for each in calls):
        text = (
            f"{place.name} was asked what it can do and said nothing that IRC servers say: is it one? Correct "
            f"`address` and the ports of {place.table}."
        )
        found.append(Finding(Verdict.FAIL, text, f"capabilities of {place.name}"))
    return found


async def _named(place: Network, resolve: Resolver) -> tuple[Sequence[Finding], bool]:
    """What there is to say of its name, and whether it has an address."""
    subject = f"name of {place.name}"

    def failed(text: str) -> tuple[Sequence[Finding], bool]:
        return [Finding(Verdict.FAIL, text, subject)], False

    silent = (
        f"No name server answers, so {place.host} cannot be found: look at /etc/resolv.conf of this machine."
    )
    try:
        async with asyncio.timeout(_NAME_SECONDS):
            infos = await resolve(place.host, 6697)
    except TimeoutError:
        return failed(silent)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return failed(silent)
        return failed(
            f"There is no address for the name {place.host}: correct its spelling, or `address` of the network."
        )
    except (OSError, UnicodeError) as error:
        return failed(f"{place.host} cannot be looked up: {error}.")
    addresses = list(dict.fromkeys(str(each[4][0]) for each in infos))
    if place.host in addresses:
        return [], True
    sixes = sum(":" in each for each in addresses)
    kinds = f"{len(addresses) - sixes} IPv4, {sixes} IPv6" if sixes else "IPv4 only"
    many = f"{len(addresses)} address{'' if len(addresses) == 1 else 'es'}"
    return [Finding(Verdict.OK, f"{place.host} has {many} ({kinds}).", subject)], bool(addresses)


# -- ports -----------------------------------------------------------------------------------------------------------


def _port(place: Network, made: Call, now: float) -> Finding:
    endpoint = made.endpoint
    where = f"{endpoint.host} port {endpoint.port}"
    if endpoint.tls is None:
        return _plain(place, made, where)
    subject = (
        f"tls of {place.name}"
        if len(place.settings.tls_ports) == 1
        else f"tls of {place.name} {endpoint.port}"
    )
    shown = Shown.of(made.certificate) if made.certificate is not None else None
    if made.failure is not None:
        return _untrusted(place, made, shown, subject, now) if shown is not None else _gone(made, subject)
    way = f"{where} at {made.there} ({made.cipher.partition(',')[0]})"
    if shown is None:
        return Finding(Verdict.NOTE, f"{way} shows a certificate that cannot be read.", subject)
    if endpoint.tls.fingerprint:
        return Finding(Verdict.OK, f"{way} has the certificate that is pinned; it {shown.end(now)}.", subject)
    if not endpoint.tls.verify:
        text = (
            f"The certificate of {where} is not checked (`tls_verify`), so anybody on the way could be that server: pin the "
            "one it has, after its operators have confirmed it."
        )
        return Finding(Verdict.NOTE, text, subject, *_pin(place, shown))
    text = f"{way}: its certificate {shown.end(now)}."
    if shown.soon(now):
        return Finding(Verdict.NOTE, f"{text} After that nobody can connect: tell its operators.", subject)
    return Finding(Verdict.OK, text, subject)


def _gone(made: Call, subject: str) -> Finding:
    return Finding(Verdict.FAIL, str(made.failure), subject)


def _untrusted(place: Network, made: Call, shown: Shown, subject: str, now: float) -> Finding:
    names = ", ".join(shown.names[:5]) or "no name"
    text = f"{made.failure} It is for {names}, {shown.end(now)}, and was signed by {shown.issuer}."
    return Finding(Verdict.FAIL, text, subject, *_pin(place, shown))


def _pin(place: Network, shown: Shown) -> tuple[str, str]:
    return place.written(
        f'# Only if you know from its operators that this is the one it has:\nfingerprint = "{shown.sha256}"',
        "fingerprint",
    )


def _plain(place: Network, made: Call, where: str) -> Finding:
    subject = f"port {made.endpoint.port} of {place.name}"
    if made.failure is not None:
        return Finding(Verdict.FAIL, str(made.failure), subject)
    port = sts.upgrade((made.offered or {}).get("sts", ""))
    if port is not None:
        text = f"{where} wants encryption, on port {port}: the gateway goes there by itself, and need not ask first."
        lines = place.written(f"tls_ports = [{port}]\nports = []", "tls_ports", "ports")
        return Finding(Verdict.NOTE, text, subject, *lines)
    if _near(made.there):
        return Finding(
            Verdict.OK, f"{where} at {made.there}, without encryption, in your own network.", subject
        )
    text = (
        f"{where} at {made.there} is without encryption: whoever is on the way can read what users say, and their "
        "passwords. "
        "Take it out of `ports` if the network has a port with TLS, often 6697."
    )
    return Finding(Verdict.NOTE, text, subject)


def _near(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_private
    except ValueError:
        return False


# -- what it can do --------------------------------------------------------------------------------------------------


def _turned_away(place: Network, words: str) -> Finding:
    banned = bool(sent_away(place.name, words).ban)
    if banned:
        text = (
            f"{place.name} bans this gateway's address: {words}. Ask its staff, and do not try again before."
        )
        return Finding(Verdict.FAIL, text, f"bans of {place.name}")
    text = f"{place.name} hung up on us: {words}. If that is for connecting too often, try again in some minutes."
    return Finding(Verdict.NOTE, text, f"bans of {place.name}")


def _offers(place: Network, told: Sequence[Call]) -> Sequence[Finding]:
    offered: Mapping[str, str] = told[0].offered or {}
    subject = f"capabilities of {place.name}"
    if not offered:
        text = f"{place.name} has none of IRC's newer abilities: {'; '.join(_WITHOUT.values())}."
        return [Finding(Verdict.NOTE, text, subject)]
    there = [each for each in (*_WITHOUT, *_NICE) if each in offered]
    lacking = [name for name in _WITHOUT if name not in offered]
    has = ", ".join(each.removeprefix("draft/") for each in there) or "nothing that matters here"
    if mechanisms := offered.get("sasl", ""):
        has = has.replace("sasl", f"sasl ({mechanisms.replace(',', ', ')})", 1)
    if not lacking:
        return [Finding(Verdict.OK, f"{place.name} has {has}.", subject)]
    less = "; ".join(f"no {name}, so {_WITHOUT[name]}" for name in lacking)
    return [Finding(Verdict.NOTE, f"{place.name} has {has}; {less}.", subject)]
