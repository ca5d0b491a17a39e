"""Which addresses are somebody's on the Internet: where users may have us connect to without being asked why.

This machine stands where strangers do not: beside databases, cloud metadata, printers.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

IpAddress = IPv4Address | IPv6Address

#: IANA IPv4 special-purpose registry: all that is not globally reachable, and 6to4 relays (RFC 7526).
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: RFC 4291 §2.4: global unicast is handed out of this only. Most that embeds an IPv4 address (IPv4-mapped ::ffff:0:0/96,
#: IPv4-compatible ::/96, NAT64 64:ff9b::/96 and 64:ff9b:1::/48) is outside, as are loopback, link-local, local, multicast.
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF assignments; Teredo (2001::/32) embeds IPv4
        "2001:db8::/32",
        "2002::/16",  # 6to4 embeds IPv4
        "3fff::/20",
    )
)


def is_public(address: IpAddress) -> bool:
    """Whether ``address`` is somebody's on the Internet, and no way around to something near."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)
