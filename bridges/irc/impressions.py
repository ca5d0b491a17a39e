"""What ``causeway doctor`` finds out about ourselves, as networks see us: where we come from, whom of us they can tell
apart, whom they can ask, and how many of us there may be.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address

from bridges.irc.config import IrcSettings
from bridges.irc.crowd import Crowd
from bridges.irc.dial import Origin, Resolver
from bridges.irc.identd import Identd
from bridges.irc.manners import personal
from bridges.irc.sources import sources, tried
from bridges.irc.visiting import CONFIG, Network
from gateway.bridge import Finding, Verdict

_ASKED = 113  # RFC 1413
_FEW = 3  # connections from one address that every network takes; most take up to ten
_ANSWER_SECONDS = 3.0
_SHELL = "a root shell"


@dataclass(frozen=True, slots=True)
class Presence:
    """What is looked at. ``asked`` is the port on which networks ask identd; ``bridge`` is what the bridge is
    called in the configuration."""

    settings: IrcSettings
    networks: Sequence[Network]
    crowd: Crowd
    identd: Identd
    resolve: Resolver
    bridge: str
    asked: int = _ASKED


async def origins(presence: Presence) -> Sequence[Finding]:
    """The addresses that we are to connect from."""
    found = []
    for address, key in sources(presence.settings).items():
        troubles = list(tried(address, key))
        text = troubles[0][:1].upper() + troubles[0][1:] if troubles else f"Users can connect from {address}."
        found.append(Finding(Verdict.FAIL if troubles else Verdict.OK, text, f"source address {address}"))
    if presence.settings.ipv6_prefix:
        found.append(_prefix(presence.settings.ipv6_prefix))
    return found


def _prefix(prefix: str) -> Finding:
    subject, address = "ipv6 prefix", str(personal(IPv6Network(prefix), "doctor"))
    fix = f"ip -6 route add local {prefix} dev lo"
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            Origin(v6=address, free=True).bind(sock)
    except OSError as error:
        text = f"Nobody can connect from {address} in {prefix}: {error.strerror}. Route the prefix to this machine."
        return Finding(Verdict.FAIL, text, subject, fix, _SHELL)
    if not _is_local(address):
        text = (
            f"Answers to {address}, an address in {prefix}, would not be taken as ours: have the kernel take the whole "
            "prefix, "
            "and your provider route it to this machine."
        )
        return Finding(Verdict.FAIL, text, subject, fix, _SHELL)
    text = f"This machine takes {prefix} as its own; that your provider routes it here can only be seen from outside."
    return Finding(Verdict.OK, text, subject)


def _is_local(address: str) -> bool:
    """Whether the kernel takes it for one of its own: only then one can bind to it without being let."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


async def contact(presence: Presence) -> Sequence[Finding]:
    """Whom staff of networks can ask."""
    settings = presence.settings
    if settings.realname_contact or not presence.networks:
        return []
    text = "Nothing tells the staff of networks whom to ask about a user of yours; they ban whom they cannot ask."
    where = f"{CONFIG}, below [bridges.{presence.bridge}]"
    if "realname_contact" in settings.model_fields_set:
        where += ", in place of `realname_contact` there"
    fix = 'realname_contact = "abuse@example.org"'
    return [Finding(Verdict.NOTE, text, "contact for networks", fix, where)]


# -- how many of us -----------------------------------------------------------------------------------------------------


async def crowd(presence: Presence, network: Network) -> Sequence[Finding]:
    """Whether there may be as many of us there as there are."""
    settings, subject = network.settings, f"users of {network.name}"
    there = presence.crowd.present(network.host)
    now = f"{there} user{'' if there == 1 else 's'} of this gateway {'is' if there == 1 else 'are'} connected"
    if settings.webirc_password is not None:
        return [Finding(Verdict.OK, f"{now}, each with a host of their own (WEBIRC).", subject)]
    if presence.settings.ipv6_prefix:
        return [Finding(Verdict.OK, f"{now}, each from an IPv6 address of their own.", subject)]
    most = settings.max_connections
    if most:
        full = there >= most
        text = f"{now}, of {most} (`max_connections`)."
        if full:
            text += " Others wait: ask the network for more, and raise it."
        fix, where = (
            (letter(presence, network, 2 * most), f"a letter to the staff of {network.name}")
            if full
            else ("", "")
        )
        return [Finding(Verdict.NOTE if full else Verdict.OK, text, subject, fix, where)]
    if not there:
        return []
    if there <= _FEW:
        return [Finding(Verdict.OK, f"{now}, from one address.", subject)]
    text = (
        f"{now}, all from one address; most networks ban an address with more than three to ten. Ask its staff for more, "
        "and "
        "set `max_connections` to what they allow."
    )
    return [
        Finding(
            Verdict.NOTE,
            text,
            subject,
            letter(presence, network, 2 * there),
            f"a letter to the staff of {network.name}",
        )
    ]


def letter(presence: Presence, network: Network, wanted: int) -> str:
    """What to write to the staff of a network."""
    settings = presence.settings
    known = "Every user has an ident of their own, always the same"
    known += (
        ", which our identd confirms." if settings.identd_port else "." if settings.named_by_token else ""
    )
    if not settings.named_by_token:
        known = "We can give every user an ident of their own, always the same, if you want that."
    whom = settings.realname_contact or "(your address)"
    address = network.settings.source_address or settings.source_address or "(the address of this machine)"
    return (
        f"Hello, we run a gateway by which XMPP users connect to {network.name}, one connection for each, from {address}. "
        f"{known} You reach us at {whom}, and we deal with abuse by single users. Could you allow {wanted} connections from "
        "that address, or set up WEBIRC for it?"
    )


# -- identd -------------------------------------------------------------------------------------------------------------


async def identd(presence: Presence) -> Sequence[Finding]:
    """Whether networks that ask who somebody is are answered, as far as that can be seen from here."""
    settings, asked = presence.settings, presence.asked
    if not settings.identd_port:
        return []
    host = settings.identd_host or "127.0.0.1"
    if not await answers(host, settings.identd_port):
        trouble = await presence.identd.trial()
        if trouble:
            return [Finding(Verdict.FAIL, f"{trouble[0][:1].upper()}{trouble[0][1:]}", "identd")]
        text = f"identd can listen on port {settings.identd_port}; it does so while the gateway runs."
        return [Finding(Verdict.OK, text, "identd")]
    address = await _outgoing(presence)
    if address and ip_address(address).is_private and not ip_address(address).is_loopback:
        text = (
            f"identd answers here, but this machine has the address {address} that networks do not see: have your router "
            f"forward port {asked} to port {settings.identd_port} of it."
        )
        return [Finding(Verdict.NOTE, text, "identd")]
    if settings.identd_port == asked or await answers(address or host, asked):
        return [Finding(Verdict.OK, f"identd answers on port {asked}, where networks ask.", "identd")]
    text = (
        f"identd answers on port {settings.identd_port}, and networks ask on {asked}: redirect it. Whether that works "
        "can only "
        "be seen from another machine."
    )
    fix = (
        "nft add table ip causeway\n"
        "nft 'add chain ip causeway prerouting { type nat hook prerouting priority dstnat; }'\n"
        f"nft add rule ip causeway prerouting tcp dport {asked} redirect to :{settings.identd_port}"
    )
    return [Finding(Verdict.NOTE, text, "identd", fix, _SHELL)]


async def answers(host: str, port: int) -> bool:
    """Whether an identd says there that it knows of no such connection."""
    with contextlib.suppress(OSError, ValueError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"1 , 1\r\n")
                return b"NO-USER" in await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    return False


async def _outgoing(presence: Presence) -> str:
    """The address that we have on the way to the first network; empty if there is no way. Sends nothing."""
    for network in presence.networks[:1]:
        with contextlib.suppress(OSError, UnicodeError):
            for family, _, _, _, address in await presence.resolve(network.host, _ASKED):
                with socket.socket(family, socket.SOCK_DGRAM) as sock:
                    sock.connect(address)
                    return str(sock.getsockname()[0])
    return ""
