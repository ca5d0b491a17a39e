"""How we show a network whom of many users a connection is for: user name, source address, WEBIRC, a contact.

All of it follows from the user's token, so that networks can deal with one user without knowing who it is. Knows neither
sockets nor what users set.
"""

from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address, IPv6Network

from bridges.irc.config import IrcSettings
from bridges.irc.dial import Origin
from bridges.irc.identd import SHOWN
from bridges.irc.network_config import NetworkSettings

#: RFC 4193: addresses that nobody routes. Networks see one of them for a user who has none of ours, and can ban it.
_UNROUTED = IPv6Network("fd00::/8")

#: What we are called in WEBIRC; has no meaning for servers.
_GATEWAY = "causeway"


@dataclass(frozen=True, slots=True)
class Manners:
    """What the operator says of all networks. ``by_token``: user names are tokens, whatever users would like."""

    by_token: bool = False
    prefix: IPv6Network | None = None
    contact: str = ""

    @classmethod
    def of(cls, settings: IrcSettings) -> "Manners":
        prefix = IPv6Network(settings.ipv6_prefix) if settings.ipv6_prefix else None
        return cls(settings.named_by_token, prefix, settings.realname_contact)

    def username(self, token: str) -> str:
        """That a user has to have; empty if it is for the user to say."""
        return token[:SHOWN] if self.by_token else ""

    def origin(self, token: str, settings: NetworkSettings) -> Origin:
        """Where the user's connections come from. An address of the user's own goes before the network's."""
        source = settings.source_address
        v4, v6 = ("", source) if ":" in source else (source, "")
        if self.prefix is None or not token:
            return Origin(v4, v6, owner=token)
        return Origin(v4, str(personal(self.prefix, token)), free=True, owner=token)

    def traces(self, token: str, settings: NetworkSettings) -> tuple[str, ...]:
        """What a network may see of the user, see ``gateway.bridge.Traceable``."""
        shown = {str(personal(self.prefix or _UNROUTED, token)), *self.webirc(token, settings)[2:]}
        return (token[:SHOWN], *sorted(shown))

    def webirc(self, token: str, settings: NetworkSettings) -> tuple[str, ...]:
        """The parameters of WEBIRC (IRCv3 webirc), without options; empty if the network knows us by no password. The host
        is not looked up by anybody: it is the address, or a name under a suffix of the operator's."""
        password = settings.webirc_password.get_secret_value() if settings.webirc_password is not None else ""
        if not password or not token:
            return ()
        address = str(personal(self.prefix or _UNROUTED, token))
        if address.startswith(":"):
            address = f"0{address}"  # "MUST be sent with a canonically-acceptable preceding zero"
        suffix = settings.webirc_host_suffix.strip(".")
        host = f"{token[:SHOWN]}.{suffix}" if suffix else address
        return (password, _GATEWAY, host, address)


def personal(network: IPv6Network, token: str) -> IPv6Address:
    """The address of a user in ``network``: always the same, never the first, which is the routers' (RFC 4291 §2.6.1)."""
    digest = blake2b(token.encode(), digest_size=16, person=b"causeway ipv6").digest()
    hosts = network.num_addresses - 1
    return network.network_address + (1 + int.from_bytes(digest, "big") % hosts)
