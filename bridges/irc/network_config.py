"""What an operator can set for one network: the model of ``[bridges.irc.networks.NAME]``."""

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from bridges.irc.protocol.decode import known_encoding
from bridges.irc.regain import DEFAULT_WAYS
from gateway.bridge.fields import Line, NumericAddress, Port, Table

Occupants = Literal["all", "speakers"]


class NetworkSettings(Table):
    """One network, ``[bridges.irc.networks."NAME"]``; every key is optional."""

    address: Line = Field(
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
    source_address: NumericAddress = Field(
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
    username: Line = Field(
        default="", max_length=64, description="User name (ident) of users who set none. Empty: their nick."
    )
    realname: Line = Field(
        default="", max_length=200, description="Real name of users who set none. Empty: their nick."
    )
    quit_message: Line = Field(
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
