"""What an operator can set for the IRC bridge: the model of ``[bridges.irc]``. It knows no user's own settings."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridges.irc.addresses import server_name
from bridges.irc.protocol.decode import known_encoding
from bridges.irc.regain import DEFAULT_WAYS
from gateway.bridge import BadAddress

Port = Annotated[int, Field(ge=1, le=65535)]

_INHERITED = {"tls_ports": "default_tls_ports", "ports": "default_ports", "tls_verify": "default_tls_verify"}


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
        description="What users see of a server's own messages: `quiet` shows answers to what they asked and errors, "
        "`all` shows everything, as biboumi does (connecting, welcome, message of the day).",
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
    networks: dict[str, NetworkSettings] = Field(
        default_factory=dict,
        description='What is special about a network, by the name users write, for instance "irc.libera.chat".',
    )

    @field_validator("fixed_server")
    @classmethod
    def _server(cls, value: str) -> str:
        return _named(value) if value else ""

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
