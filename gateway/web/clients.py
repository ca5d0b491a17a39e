"""Who a request comes from, where the operator's own web servers stand in between (X-Forwarded-For).

Anybody can write that header, so it is believed only as far back as the proxies that the operator trusts.
"""

import ipaddress
from collections.abc import Iterable, Sequence

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MOST = 32  # proxies in a row


class Clients:
    """Addresses of clients behind ``trusted`` proxies: addresses and networks. Raises ``ValueError`` for what is neither."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[_Network, ...] = ()
        self.trust(trusted)

    def trust(self, trusted: Iterable[str]) -> None:
        """These, and no others, from now on."""
        self._trusted = tuple(ipaddress.ip_network(each) for each in trusted)

    def address(self, peer: str, forwarded: Sequence[str]) -> str:
        """The client's address; ``peer`` is at the other end of the connection, ``forwarded`` all X-Forwarded-For headers.
        Empty where nobody knows."""
        hops = [each.strip() for header in forwarded for each in header.split(",")][-_MOST:]
        current = _plain(peer)
        for hop in reversed(hops):
            if not self._is_trusted(current):
                break
            current = _plain(hop)
        return current

    def trusts(self, peer: str) -> bool:
        """Whether the other end of a connection is one of the proxies."""
        return self._is_trusted(_plain(peer))

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _plain(text: str) -> str:
    """Without port, brackets and scope; IPv4 within IPv6 as IPv4. Empty if it is no address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
