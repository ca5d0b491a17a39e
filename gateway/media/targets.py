"""Which places on the net a user can make the gateway connect to: public ones, and those the operator trusts.

A link is a stranger's wish, and this machine stands where strangers do not: beside databases, cloud metadata, printers.
Knows URLs and addresses; resolves nothing and connects to nothing.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from yarl import URL

from gateway.bridge.reach import IpAddress, is_public
from gateway.media.refusals import refused
from gateway.model import Condition

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Ports below 1024 where web servers are. Others speak protocols that take a request line for a command.
_WEB_PORTS = frozenset({80, 443})
_URL_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Trusted:
    """Host names and networks of the operator's own that may be private, and may speak HTTP without TLS."""

    names: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Trusted":
        """``entries`` are host names, addresses and networks (10.1.0.0/16). Raises ``ValueError`` for what looks like a
        network and is none."""
        names: set[str] = set()
        networks: list[_Network] = []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry.strip("[]")))
            except ValueError:
                if "/" in entry:
                    raise
                names.add(entry.lower().removesuffix("."))
        return cls(frozenset(names), tuple(networks))

    def name(self, host: str) -> bool:
        return host.lower().removesuffix(".") in self.names

    def address(self, address: IpAddress) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


class Targets:
    """Judges URLs, and the addresses their hosts turn out to have; raises ``MediaError`` for what is refused.

    ``trusted`` can be exchanged. ``own`` is for links that the operator's own XMPP server gave us: its services may well be
    in a private network.
    """

    def __init__(self, trusted: Trusted, *, own: bool = False) -> None:
        self.trusted = trusted
        self._own = own

    def parse(self, text: str) -> URL:
        """``text`` as a URL that may be asked for, as far as it can be told before its host is resolved."""
        if text[:7].lower() == "aesgcm:":
            raise refused(
                "The file is encrypted for your contact's client, which the network behind this gateway does not "
                "have: switch encryption off for this chat and send it again."
            )
        if len(text) > _URL_LIMIT:
            raise refused(f"The link is longer than {_URL_LIMIT} characters.")
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except ValueError:
            raise refused("The link is not a web address.") from None
        if url.scheme not in ("https", "http") or not host:
            raise refused("The link is not a web address that begins with https://.")
        if url.raw_user is not None or url.raw_password is not None:
            raise refused("The link has a user name or a password in it, which the gateway does not send.")
        if "%" in host:  # RFC 6874: a zone makes an address mean something on this machine only
            raise refused("The link names a network interface of a machine.")
        self._check(url, host, port)
        return url

    def _check(self, url: URL, host: str, port: int | None) -> None:
        literal = literal_address(host)
        if self.trusted.name(host) or (literal is not None and self.trusted.address(literal)):
            return
        if self._own:
            return  # what is not encrypted is judged by where it leads
        if url.scheme != "https":
            # A name may still turn out to be in a trusted network, but then the name can be trusted as well.
            raise refused(f"The link to {host} is not encrypted: only https:// is fetched.")
        if port is None or (port < 1024 and port not in _WEB_PORTS):
            raise refused(f"The link to {host} names a port where no web server is.")

    def open_to(self, url: URL, addresses: Iterable[IpAddress]) -> list[IpAddress]:
        """Those of a host's addresses that may be connected to; at least one."""
        host = url.raw_host or ""
        named = self.trusted.name(host)
        good = [each for each in addresses if named or self._open(each, url.scheme == "https")]
        if not good:
            raise refused(
                f"The link to {host} leads into a private network, where this gateway fetches nothing.",
                Condition.FORBIDDEN,
            )
        return good

    def _open(self, address: IpAddress, encrypted: bool) -> bool:
        if self.trusted.address(address):
            return True
        if self._own:
            return encrypted or address.is_loopback
        return encrypted and is_public(address)


def literal_address(host: str) -> IpAddress | None:
    """The address that ``host`` spells, if it is not a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
