"""What an operator can set for the IRC bridge: the model of ``[bridges.irc]``. It knows no user's own settings."""

import re
from ipaddress import IPv6Network, ip_address
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridges.irc.addresses import server_name
from bridges.irc.protocol.decode import known_encoding
from bridges.irc.regain import DEFAULT_WAYS
from gateway.bridge import BadAddress

Port = Annotated[int, Field(ge=1, le=65535)]
Occupants = Literal["all", "speakers"]

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


def _numeric(value: str) -> str:
    """An address of a machine, as one writes it."""
    try:
        return str(ip_address(value)) if value else ""
    except ValueError:
        raise ValueError(f"{value!r} is no IP address; write for instance 192.0.2.1 or 2001:db8::1") from None


def _named(name: str) -> str:
    try:
        return server_name(name)
    except BadAddress as error:
        raise ValueError(str(error)) from error


class NetworkSettings(BaseModel):
    """One network, ``[bridges.irc.networks."NAME"]``; every key is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(
        default="", max_length=253, description="Host to connect to. Empty: the name of the network itself."
    )
    tls_ports: tuple[Port, ...] = Field(
        default=(6697,), description="Ports to try with TLS, in this order, before any of `ports`."
    )
    ports: tuple[Port, ...] = Field(
        default=(),
        description="Ports to try without encryption. Empty: never connect without encryption.",
    )
    tls_verify: bool = Field(
        default=True,
        description="Check the server's certificate against the trusted authorities and its name.",
    )
    ca_file: str = Field(
        default="",
        description="PEM file of the authorities to trust for this network instead of the system's.",
    )
    fingerprint: str = Field(
        default="",
        description="SHA-256 fingerprint of the server's certificate, 64 hexadecimal digits, colons allowed. "
        "When set, it decides alone: authorities and name are not checked.",
    )
    password: SecretStr | None = Field(
        default=None,
        description="Password the server asks of everybody (PASS). A user's own password goes first.",
    )
    webirc_password: SecretStr | None = Field(
        default=None,
        description="Password of the WEBIRC block that the network has set up for this gateway: every user then has a host "
        "and an address of their own there.",
    )
    webirc_host_suffix: str = Field(
        default="",
        max_length=40,
        description="Ending of the hosts shown by WEBIRC, after ten characters that stand for the user. Empty: the host is "
        "the user's address.",
    )
    source_address: str = Field(
        default="",
        description="IP address to connect from. Empty: that of the bridge.",
    )
    max_connections: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Users who may be connected at a time: as many as the network allows from your address. 0: any number.",
    )
    allow_plaintext_login: bool = Field(
        default=False,
        description="Send users' SASL passwords over unencrypted connections too. Only for a server on the same "
        "machine or in a trusted network.",
    )
    encoding: str = Field(
        default="latin-1", description="How to read lines that are not UTF-8. What we send is always UTF-8."
    )
    username: str = Field(
        default="", max_length=64, description="User name (ident) of users who set none. Empty: their nick."
    )
    realname: str = Field(
        default="", max_length=200, description="Real name of users who set none. Empty: their nick."
    )
    quit_message: str = Field(
        default="",
        max_length=300,
        description="Shown on the network when a user leaves without giving a reason.",
    )
    typing: bool = Field(
        default=True,
        description="Tell people who is typing, both ways, where the network relays it (never in channels of more than "
        "a hundred).",
    )
    formatting: bool = Field(
        default=True,
        description="Bold, italic, struck out and monospace text, both ways. Off: formatting codes of others are taken out, "
        "and `*asterisks*` of users stay what they are.",
    )
    paste_lines: int = Field(
        default=8,
        ge=0,
        le=1000,
        description="Messages of more lines become a text file, of which a link and the first line are said, where the "
        "gateway can publish files. 0: they are always sent line by line.",
    )
    occupants: Occupants = Field(
        default="all",
        description="Whom of big channels users are shown who have not chosen: `all`, or moderators and `speakers`.",
    )
    speakers_above: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="Channels with more people are big. 0: all are.",
    )
    throttle_burst: int = Field(default=10, ge=1, le=1000, description="Lines a user may send at once.")
    throttle_rate: float = Field(
        default=1.0,
        ge=0,
        le=10_000,
        description="Lines per second after that. 0 switches the limit off: only for servers that do not "
        "disconnect for flooding.",
    )
    connect_timeout: float = Field(
        default=15.0,
        gt=0,
        le=300,
        description="Seconds to wait for one port to accept the connection, TLS included.",
    )
    login_timeout: float = Field(default=60.0, gt=0, le=600, description="Seconds a login may take in all.")
    names_timeout: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="Seconds to wait for the end of a channel's list of people before it is shown as far as it has come.",
    )
    login_step_timeout: float = Field(
        default=15.0,
        gt=0,
        le=600,
        description="Seconds the server may take for one answer of a login (capabilities, SASL) before we go on without.",
    )
    regain_commands: tuple[str, ...] = Field(
        default=DEFAULT_WAYS,
        max_length=10,
        description="How to ask the network's services for the nick of a user who is logged in to an account and got "
        "another nick: messages that are tried in this order, `{nick}` stands for the nick. Empty: only wait until it is "
        "free.",
    )
    ping_after: float = Field(
        default=90.0,
        gt=0,
        le=3600,
        description="Seconds of silence after which we ask the server whether it is there.",
    )
    ping_timeout: float = Field(
        default=45.0,
        gt=0,
        le=600,
        description="Seconds it then has to answer before the connection counts as lost.",
    )

    @field_validator("fingerprint")
    @classmethod
    def _sha256(cls, value: str) -> str:
        digits = value.replace(":", "").lower()
        if digits and (len(digits) != 64 or set(digits) - set("0123456789abcdef")):
            raise ValueError(
                "a SHA-256 fingerprint has 64 hexadecimal digits; get it with "
                "`openssl s_client -connect HOST:6697 </dev/null | openssl x509 -noout -fingerprint -sha256`"
            )
        return digits

    @field_validator("source_address")
    @classmethod
    def _address(cls, value: str) -> str:
        return _numeric(value)

    @field_validator("webirc_password")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        word = value.get_secret_value() if value is not None else ""
        if not word.isprintable() or " " in word or word.startswith(":") or len(word) > 200:
            raise ValueError("must be one word without spaces, and not begin with a colon")
        return value

    @field_validator("webirc_host_suffix")
    @classmethod
    def _host_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9.-]*", value):
            raise ValueError(
                f"{value!r} is no ending of a host name; write for instance users.gateway.example.org"
            )
        return value

    @field_validator("regain_commands")
    @classmethod
    def _messages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            service, _, words = each.partition(" ")
            if not service or not words.strip() or not each.isprintable() or len(each) > 300:
                raise ValueError(
                    f"{each!r} is not a message to a service; write for instance `NickServ REGAIN {{nick}}`"
                )
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        if not known_encoding(value):
            raise ValueError(f"{value!r} is no text encoding that Python knows; try latin-1 or cp1251")
        return value

    @field_validator("username", "realname", "quit_message", "address")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line without control characters")
        return value


class IrcSettings(BaseModel):
    """``[bridges.irc]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    identd_host: str = Field(
        default="", description="IP address to answer them on. Empty: all of this machine."
    )
    source_address: str = Field(
        default="",
        description="IP address to connect from. Only its kind is used then, IPv4 or IPv6. Empty: as the system likes.",
    )
    ipv6_prefix: str = Field(
        default="",
        description="IPv6 prefix that is routed to this machine, such as 2001:db8:1::/64: every user connects from an own "
        "address in it, always the same.",
    )
    realname_contact: str = Field(
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

    @field_validator("source_address", "identd_host")
    @classmethod
    def _address(cls, value: str) -> str:
        return _numeric(value)

    @field_validator("realname_contact")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line without control characters")
        return value

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
