"""What an operator can set for the IRC bridge: the model of ``[bridges.irc]``. It knows no user's own settings."""

from ipaddress import IPv6Network
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bridges.irc.addresses import server_name
from bridges.irc.network_config import NetworkSettings, Occupants
from gateway.bridge import BadAddress
from gateway.bridge.fields import Line, NumericAddress, Port, Table

_INHERITED = {
    "tls_ports": "default_tls_ports",
    "ports": "default_ports",
    "tls_verify": "default_tls_verify",
    "source_address": "source_address",
    "max_connections": "default_max_connections",
    "occupants": "default_occupants",
    "speakers_above": "default_speakers_above",
}

#: Two users in ten thousand would have the same address in a longer one.
_LONGEST_PREFIX = 96


def _named(name: str) -> str:
    try:
        return server_name(name)
    except BadAddress as error:
        raise ValueError(str(error)) from error


class IrcSettings(Table):
    """``[bridges.irc]``."""

    fixed_server: str = Field(
        default="",
        max_length=253,
        description="Serve this one network only: addresses are then `#channel@gateway` and `nick@gateway`, "
        "without `%network`. Empty: users choose the network in the address.",
    )
    server_messages: Literal["quiet", "all"] = Field(
        default="quiet",
        description="What users see of a server's own messages: `quiet` shows answers to what they asked, "
        "errors, and what is announced after the welcome; `all` shows everything, as biboumi does (connecting, welcome, "
        "message of the day).",
    )
    only_configured_networks: bool = Field(
        default=False,
        description="Refuse networks that are not listed under `networks`; users then cannot change the host behind "
        "a name either.",
    )
    private_servers: bool = Field(
        default=False,
        description="Let users connect to servers in private networks, this machine among them, that are not listed under "
        "`networks`.",
    )
    reaction_lines: bool = Field(
        default=False,
        description="Where a network has no reactions, say a user's in a line of text. Else the user's client is told "
        "that nobody would see it.",
    )
    retraction_lines: bool = Field(
        default=False,
        description="Where nothing can be taken back on a network, say in a line of text that the user would like to. "
        "Else the user's client is told that it cannot be done.",
    )
    realname_customization: bool = Field(
        default=True, description="Let users choose their user name (ident) and real name."
    )
    realname_from_jid: bool = Field(
        default=False,
        description="User name and real name of users who choose none are their XMPP address: everybody on the network "
        "sees it.",
    )
    ident: Literal["nick", "token"] = Field(
        default="nick",
        description="User name (ident) on all networks: `nick`, or what users and networks have set; or `token`, which "
        "stands for the user, is always the same and of which only admins can find out whose it is (`identify`). With "
        "`identd_port` it is always the token.",
    )
    identd_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port to answer networks on that ask who a connection belongs to (RFC 1413). They ask on port 113. 0: "
        "none.",
    )
    identd_host: NumericAddress = Field(
        default="", description="IP address to answer them on. Empty: all of this machine."
    )
    source_address: NumericAddress = Field(
        default="",
        description="IP address to connect from. Only its kind is used then, IPv4 or IPv6. Empty: as the system likes.",
    )
    ipv6_prefix: str = Field(
        default="",
        description="IPv6 prefix that is routed to this machine, such as 2001:db8:1::/64: every user connects from an own "
        "address in it, always the same.",
    )
    realname_contact: Line = Field(
        default="",
        max_length=80,
        description="Where networks find you, shown in brackets after everybody's real name, such as a web page or "
        "abuse@example.org.",
    )
    may_unthrottle: bool = Field(
        default=False,
        description="Let users lift the limit on how fast their lines go out, with a negative `throttle_limit`. Most "
        "networks disconnect who floods.",
    )
    default_tls_ports: tuple[Port, ...] = Field(
        default=(6697,), description="`tls_ports` of networks that do not say otherwise."
    )
    default_ports: tuple[Port, ...] = Field(
        default=(), description="`ports` (unencrypted) of networks that do not say otherwise."
    )
    default_tls_verify: bool = Field(
        default=True, description="`tls_verify` of networks that do not say otherwise."
    )
    default_max_connections: int = Field(
        default=0, ge=0, le=1_000_000, description="`max_connections` of networks that do not say otherwise."
    )
    default_occupants: Occupants = Field(
        default="all", description="`occupants` of networks that do not say otherwise."
    )
    default_speakers_above: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="`speakers_above` of networks that do not say otherwise.",
    )
    networks: dict[str, NetworkSettings] = Field(
        default_factory=dict,
        description='What is special about a network, by the name users write, for instance "irc.libera.chat".',
    )

    @field_validator("fixed_server")
    @classmethod
    def _server(cls, value: str) -> str:
        return _named(value) if value else ""

    @field_validator("ipv6_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not value:
            return ""
        try:
            prefix = IPv6Network(value)
        except ValueError as error:
            raise ValueError(f"{error}; write for instance 2001:db8:1::/64") from None
        if prefix.prefixlen > _LONGEST_PREFIX:
            raise ValueError(
                f"{value} has too few addresses: a prefix of at most {_LONGEST_PREFIX} bits is needed"
            )
        return str(prefix)

    @property
    def named_by_token(self) -> bool:
        """Whether user names are tokens: what identd tells and what we say ourselves must not differ."""
        return self.ident == "token" or self.identd_port != 0

    @model_validator(mode="after")
    def _names_apart(self) -> "IrcSettings":
        seen: set[str] = set()
        for name in self.networks:
            canonical = _named(name)
            if canonical in seen:
                raise ValueError(f"networks: {name!r} is there twice (letter case makes no difference)")
            seen.add(canonical)
        return self

    def network(self, network: str) -> NetworkSettings:
        """The settings of ``network``, with the ``default_*`` values where it is not listed or says nothing."""
        found = NetworkSettings()
        for name, settings in self.networks.items():
            if _named(name) == network:
                found = settings
        inherited = {
            key: getattr(self, default)
            for key, default in _INHERITED.items()
            if key not in found.model_fields_set
        }
        return found.model_copy(update=inherited)
