"""The addresses that the operator lets users connect from: whether this machine has them. Connects to nothing."""

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from bridges.irc.config import IrcSettings
from bridges.irc.dial import Origin


def sources(settings: IrcSettings) -> Mapping[str, str]:
    """The configured addresses, each with the first key that names it."""
    found = {settings.source_address: "source_address"} if settings.source_address else {}
    for name, network in settings.networks.items():
        if network.source_address:
            found.setdefault(network.source_address, f'networks."{name}".source_address')
    return found


def trial(found: Mapping[str, str]) -> Sequence[str]:
    """What is wrong with each of them, in a sentence."""
    return [sentence for address, key in found.items() for sentence in tried(address, key)]


def tried(address: str, key: str) -> Iterable[str]:
    """What is wrong with one."""
    v6 = ip_address(address).version == 6
    origin = Origin(v6=address) if v6 else Origin(v4=address)
    try:
        with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM) as sock:
            origin.bind(sock)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            why = "this machine has no such address"
        elif error.errno == errno.EAFNOSUPPORT:
            why = f"this machine has no IPv{6 if v6 else 4}"
        else:
            why = error.strerror or str(error)
        yield f"nobody can connect from {address}: {why}. Correct {key}, or give the machine that address."
