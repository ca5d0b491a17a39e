"""What an operator can set for a route over SMPP: ``[bridges.sms.routes.NAME]`` with ``kind = "smpp"``."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridges.sms.smpp.session import Mode

_TLS_PORT, _PLAIN_PORT = 3550, 2775
_MODES: dict[str, tuple[Mode, ...]] = {
    "trx": (Mode.TRANSCEIVER,),
    "tx+rx": (Mode.TRANSMITTER, Mode.RECEIVER),
    "tx": (Mode.TRANSMITTER,),
    "rx": (Mode.RECEIVER,),
}
_VERSIONS = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}


class SmppRoute(BaseModel):
    """An account with a message centre. What is not set is what most of them want."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["smpp"]

    # -- the connection
    host: str = Field(min_length=1, max_length=253, description="The message centre.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Not set: 3550 with TLS, 2775 without, which is usual."
    )
    tls: bool | None = Field(
        default=None,
        description="TLS from the first byte. Not set: yes, but to this machine. `false` sends password and messages "
        "in the clear: only through a tunnel or a line of your own.",
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust instead of the system's."
    )
    server_name: str = Field(
        default="", max_length=253, description="The name in its certificate, if it is not `host`."
    )
    client_certificate: Path | None = Field(
        default=None, description="PEM file of our certificate, with its chain, where it wants one."
    )
    client_key: Path | None = Field(
        default=None, description="PEM file of its key. Not set: it is in `client_certificate` too."
    )
    bind: Literal["trx", "tx+rx", "tx", "rx"] = Field(
        default="trx",
        description='"trx": one connection for both directions. "tx+rx": a pair, for who sells only that. "tx" sends only, '
        '"rx" receives only.',
    )
    binds: int = Field(default=1, ge=1, le=20, description="So many of those connections at a time.")
    timeout: float = Field(
        default=15.0,
        gt=0,
        le=120,
        description="Seconds to connect in, and again for the answer to the login.",
    )
    enquire_interval: float = Field(
        default=30.0,
        ge=1,
        le=600,
        description="After so many seconds of silence we ask whether it is still there.",
    )
    response_timeout: float = Field(
        default=30.0,
        ge=1,
        le=300,
        description="Seconds for the answer to a message; after them nobody knows what became of it.",
    )

    # -- the account
    system_id: str = Field(min_length=1, max_length=63, description="The user name.")
    password: SecretStr | None = Field(default=None, description="The password.")
    password_file: Path | None = Field(default=None, description="A file that holds the password instead.")
    system_type: str = Field(default="", max_length=12, description="Where it wants one.")
    address_range: str = Field(
        default="",
        max_length=40,
        description="The numbers whose messages we want, where it wants to be told.",
    )
    service_type: str = Field(default="", max_length=5, description="Of messages, where it wants one.")
    interface_version: Literal["3.3", "3.4", "5.0"] = Field(
        default="3.4", description="What we say that we speak."
    )
    window: int = Field(
        default=10, ge=1, le=1000, description="Messages without an answer on each connection."
    )
    rate: float = Field(
        default=0.0,
        ge=0,
        le=10_000,
        description="Segments a second that it takes, of the account. 0: it will say.",
    )
    bind_rate: float = Field(default=0.0, ge=0, le=10_000, description="The same for each connection.")

    # -- numbers
    source_ton: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="Type of number of senders. Not set: 1 (international), 5 for names, `short_code_ton` for short codes.",
    )
    source_npi: int | None = Field(
        default=None,
        ge=0,
        le=255,
        description="Numbering plan of senders. Not set: 1, or 0 for names and short codes.",
    )
    destination_ton: int | None = Field(default=None, ge=0, le=255, description="The same for recipients.")
    destination_npi: int | None = Field(default=None, ge=0, le=255, description="The same for recipients.")
    short_code_ton: Literal[0, 3, 6] = Field(
        default=3, description="Type of number of short codes: 3 (network), 0 (unknown), 6 (abbreviated)."
    )
    plus: bool = Field(default=False, description="Write international numbers with a +.")

    # -- text
    alphabet: Literal["gsm", "latin1", "ascii"] = Field(
        default="gsm",
        description="What data_coding 0 means there: GSM 03.38 one character an octet, Latin-1, or ASCII.",
    )
    national: tuple[int, ...] = Field(
        default=(),
        max_length=13,
        description="National language tables (3GPP TS 23.038) that may be used for sending, by their numbers: 1 Turkish, "
        "2 Spanish, 3 Portuguese, 4 to 13 Indian languages.",
    )
    long: Literal["udh", "udh16", "sar", "payload"] = Field(
        default="udh",
        description='How long texts are sent. "udh": in segments with a header, which all phones know; "udh16" with a '
        'longer reference; "sar": in segments that it joins; "payload": whole.',
    )
    most_segments: int = Field(default=10, ge=1, le=255, description="Longer texts are refused.")
    validity: float = Field(
        default=0.0,
        ge=0,
        le=604_800,
        description="Seconds for which it tries to deliver. 0: as long as it likes.",
    )

    # -- what it says about arrival
    coverage: Literal["handset", "network", "nothing"] = Field(
        default="handset",
        description='What "delivered" means in its receipts: that the phone has it, or a carrier; or it sends none.',
    )
    receipts: Literal["esm_class", "text"] = Field(
        default="esm_class",
        description='How receipts are known: as they are marked, or ("text") also by their text, for message centres that '
        "mark none.",
    )
    alphanumeric: bool = Field(default=True, description="Whether senders may be names.")

    @field_validator("national")
    @classmethod
    def _known(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= each <= 13 for each in value):
            raise ValueError("knows tables 1 to 13")
        return value

    @field_validator("system_id", "system_type", "service_type", "address_range")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()) and value:
            raise ValueError("must be ASCII without control characters")
        return value

    @model_validator(mode="after")
    def _sense(self) -> "SmppRoute":
        if self.password is not None and self.password_file is not None:
            raise ValueError("has both `password` and `password_file`; keep one of them")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("has a `client_key` but no `client_certificate`; set both")
        if not self.secure and (self.ca_file or self.client_certificate or self.server_name):
            raise ValueError("has settings for TLS, which is off; set `tls = true`")
        return self

    @property
    def local(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def secure(self) -> bool:
        """``tls``, or what is right where it is not set."""
        return not self.local if self.tls is None else self.tls

    @property
    def port_used(self) -> int:
        return self.port or (_TLS_PORT if self.secure else _PLAIN_PORT)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """One for each connection."""
        return _MODES[self.bind] * self.binds

    @property
    def version(self) -> int:
        return _VERSIONS[self.interface_version]

    @property
    def sends(self) -> bool:
        return self.bind != "rx"
