"""What an operator can set for routes over HTTP: ``[bridges.sms.routes.NAME]`` of the kinds http and kannel."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridges.sms.http import library, signatures
from bridges.sms.http.preset import Preset, Signature
from bridges.sms.settings import Table
from bridges.sms.traffic import Coverage

_BASE = "base"


def _known(name: str) -> str:
    if name != library.GENERIC and name not in library.names():
        raise ValueError(f"must be one of {', '.join(library.names())}, or {library.GENERIC}")
    return name


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for each in values:
        try:
            ipaddress.ip_network(each)
        except ValueError:
            raise ValueError(f"{each!r} is neither an address nor a network such as 192.0.2.0/24") from None
    return values


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a web address such as https://sms.example.org")
    return value.rstrip("/")


class _Web(Table):
    """What all routes over HTTP have."""

    rate: float = Field(default=0.0, ge=0, le=10_000, description="Texts a second at most. 0: no limit.")
    window: int = Field(default=10, ge=1, le=1000, description="Requests to the provider at a time.")
    timeout: float = Field(
        default=30.0,
        ge=1,
        le=300,
        description="Seconds that the provider may take for an answer; after that nobody knows whether the text was sent.",
    )
    webhook_user: str = Field(
        default="", max_length=255, description="User name that callbacks have to show (HTTP Basic)."
    )
    webhook_password: SecretStr | None = Field(default=None, description="The password to it.")
    sources: Annotated[tuple[str, ...], AfterValidator(_networks)] = Field(
        default=(), max_length=200, description="Addresses and networks that callbacks come from. Empty: any."
    )
    callback_url: Annotated[str, AfterValidator(lambda value: _address(value) if value else "")] = Field(
        default="",
        description="How the provider reaches the gateway, where that is not by web.public_url: http://127.0.0.1:5290.",
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust instead of the system's."
    )

    @property
    def login(self) -> tuple[str, str]:
        """User and password of callbacks; both empty if there are none."""
        if self.webhook_password is None:
            return "", ""
        return self.webhook_user, self.webhook_password.get_secret_value()


class HttpRoute(_Web):
    """``[bridges.sms.routes.NAME]`` with ``kind = "http"``: a provider with an HTTP interface."""

    kind: Literal["http"] = Field(description='"http": a provider that is spoken to over HTTP.')
    preset: Annotated[str, AfterValidator(_known)] = Field(
        description='Which provider: "twilio", "telnyx" ..., or "generic" for one that you describe in `custom`.'
    )
    custom: Preset | None = Field(default=None, description="The description of the provider, for `generic`.")
    values: dict[str, str] = Field(default={}, description="What the preset asks for: account, and so on.")
    secrets: dict[str, SecretStr] = Field(
        default={}, description="The same for what nobody shall see: tokens, keys."
    )
    secret_files: dict[str, Path] = Field(default={}, description="Files that hold such secrets instead.")
    unsigned: bool = Field(
        default=False,
        description="The provider does not sign the callbacks of this account: they need webhook_password or sources then.",
    )
    coverage: Coverage | None = Field(
        default=None,
        description='What its reports can say: "handset", "network" or "nothing". Not set: as is usual there.',
    )
    media_hosts: tuple[str, ...] = Field(
        default=(), max_length=50, description="Further hosts that files which came with messages may be on."
    )
    plain_http: bool = Field(
        default=False, description="Speak to the provider without TLS although it is not on this network."
    )

    @model_validator(mode="after")
    def _whole(self) -> "HttpRoute":
        if (self.custom is not None) != (self.preset == library.GENERIC):
            raise ValueError(
                '`custom` describes a provider and goes with preset = "generic", and only with it'
            )
        preset = self.described
        secrets = self.secrets.keys() | self.secret_files.keys()
        for table, known, given in (
            ("values", preset.values, self.values.keys()),
            ("secrets", preset.secrets, secrets),
        ):
            if unknown := sorted(given - known.keys()):
                raise ValueError(
                    f"`{table}` has {unknown[0]!r}, which {preset.title} knows not; it has "
                    f"{', '.join(sorted(known)) or 'none'}"
                )
            for name, each in known.items():
                if each.default is None and name not in given:
                    raise ValueError(f"`{table}` lacks {name!r}: {each.about}")
        if twice := sorted(self.secrets.keys() & self.secret_files.keys()):
            raise ValueError(f"{twice[0]!r} is in both `secrets` and `secret_files`; keep one of them")
        for name in preset.values:
            if name.endswith(_BASE):
                self._safe(name, self.filled[name])
        return self

    def _safe(self, name: str, base: str) -> None:
        try:
            parts = urlsplit(_address(base))
        except ValueError as error:
            raise ValueError(f"`values.{name}` {error}") from None
        if parts.scheme == "https" or self.plain_http:
            return
        try:
            near = ipaddress.ip_address(parts.hostname or "").is_private
        except ValueError:
            near = parts.hostname == "localhost"
        if not near:
            raise ValueError(
                f"{base} is without TLS, so that the credentials could be read on the way; write https, or set "
                "plain_http = true"
            )

    @property
    def described(self) -> Preset:
        """The provider, with what is set here for it."""
        preset = self.custom if self.custom is not None else library.preset(self.preset)
        update: dict[str, object] = {}
        ways: dict[str, object] = {}
        if self.coverage is not None:
            ways["coverage"] = self.coverage
        if preset.ways.groups_with and self.filled.get(preset.ways.groups_with):
            ways["groups"] = True
        if ways:
            update["ways"] = preset.ways.model_copy(update=ways)
        if self.unsigned:
            update["signature"] = Signature()
        if self.media_hosts:
            hosts = (*preset.downloads.hosts, *self.media_hosts)
            update["downloads"] = preset.downloads.model_copy(update={"hosts": hosts})
        return preset.model_copy(update=update) if update else preset

    @property
    def filled(self) -> dict[str, str]:
        """The values, defaults included."""
        known = self.custom.values if self.custom is not None else library.preset(self.preset).values
        return {name: self.values.get(name, each.default or "") for name, each in known.items()}

    def kept_secrets(self) -> dict[str, str]:
        """The secrets, defaults included. Raises ``OSError`` for a file that cannot be read."""
        given = {name: each.get_secret_value() for name, each in self.secrets.items()}
        for name, path in self.secret_files.items():
            given[name] = path.read_text(encoding="utf-8").strip()
        return {name: given.get(name, each.default or "") for name, each in self.described.secrets.items()}

    def trouble(self, secrets: dict[str, str]) -> str:
        """What is wrong with a secret, as far as one can see; empty if nothing."""
        signature = self.described.signature
        name = signature.secret.strip("{}")
        if (value := secrets.get(name)) and (why := signatures.bad_secret(signature.scheme, value)):
            return f"`secrets.{name}` {why}"
        return ""


class KannelRoute(_Web):
    """``[bridges.sms.routes.NAME]`` with ``kind = "kannel"``: smsbox of Kannel, on this machine or network."""

    kind: Literal["kannel"] = Field(description='"kannel": a Kannel that you run.')
    url: Annotated[str, AfterValidator(_address)] = Field(
        default="http://127.0.0.1:13013", description="Where its smsbox takes texts (sendsms-port)."
    )
    username: str = Field(min_length=1, max_length=255, description="Of its sendsms-user group.")
    password: SecretStr = Field(description="The password there.")
    smsc: str = Field(
        default="",
        max_length=255,
        description="The smsc-id to send through; that group needs allowed-smsc-id of the same name. Empty: Kannel chooses.",
    )
    sources: Annotated[tuple[str, ...], AfterValidator(_networks)] = Field(
        default=("127.0.0.0/8", "::1"),
        max_length=200,
        description="Addresses and networks that callbacks come from. Empty: any.",
    )
    coverage: Coverage = Field(default=Coverage.HANDSET, description="What its reports can say.")
    config_file: Path | None = Field(
        default=None, description="Its kannel.conf, to be looked through for settings that lose messages."
    )

    def as_http(self) -> HttpRoute:
        return HttpRoute(
            kind="http",
            preset="kannel",
            values={"base": self.url, "username": self.username, "smsc": self.smsc},
            secrets={"password": self.password},
            coverage=self.coverage,
            plain_http=True,
            **{name: getattr(self, name) for name in _Web.model_fields},
        )
