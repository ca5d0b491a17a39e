"""What an operator can set: one frozen model for every table of the configuration file.

Only values, their limits and their defaults; where they come from is ``gateway.config``'s work. The models of the bridges
are their own (``Plugin.settings``). ``config.example.toml`` documents every key; a test keeps the two equal.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from gateway.bridge import Plugin
from gateway.bridge.web import path
from gateway.ops.settings import OperatorSettings
from gateway.values import (
    BareJid,
    Domain,
    Table,
    database_value,
    is_loopback,
    listen_value,
    proxies_value,
    public_url_value,
    trusted_value,
    uri_value,
)


class XmppSettings(Table):
    """``[xmpp]``: the server all bridges connect to as components (XEP-0114)."""

    host: str = Field(
        "127.0.0.1", min_length=1, max_length=253, description="Where the XMPP server takes components."
    )
    port: int = Field(
        5347,
        ge=1,
        le=65535,
        description="Its component port: Prosody 5347, Openfire 5275, ejabberd as configured.",
    )
    allow_remote: bool = Field(
        False,
        description="Allow a host other than this machine. The link is not encrypted (XEP-0114): only through a tunnel "
        "or a trusted network.",
    )

    @model_validator(mode="after")
    def _encrypted_or_local(self) -> Self:
        if not self.allow_remote and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host} is not this machine, and the component link is not encrypted: use a tunnel "
                "(ssh -L, WireGuard) and 127.0.0.1, or set allow_remote = true if you trust the network in between"
            )
        return self


class StorageSettings(Table):
    """``[storage]``. Relative paths start at the configuration file's directory."""

    database: Annotated[str, AfterValidator(database_value)] = Field(
        "sqlite:///causeway.db",
        repr=False,
        description="sqlite:///FILE (four slashes for an absolute path) or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    key_file: Path = Field(
        Path("causeway.key"),
        description="Encrypts users' passwords in the database. Back it up apart from the database.",
    )
    directory: Path = Field(
        Path("data"),
        description="Where bridges keep what is too big for the database: mail on its way, for instance.",
    )
    archive_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="Days that messages are kept in archives. 0: there are no archives.",
    )
    archive_messages: int = Field(
        0,
        ge=0,
        description="Messages that one archive (a room of a user, or a private chat) has at most. 0: any number.",
    )
    record_history: bool = Field(
        True, description="Whether messages of users are archived who have not chosen it for themselves."
    )

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database."""
        scheme, _, rest = self.database.partition(":///")
        return Path(rest.partition("?")[0]) if scheme == "sqlite" else None


class LogSettings(Table):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON lines elsewhere."
    )


class LimitSettings(Table):
    """``[limits]``: what one installation gives to how many. An account is one user on one network."""

    max_accounts_total: int = Field(10_000, ge=1, description="Accounts on one bridge.")
    accounts_per_user: int = Field(20, ge=1, description="Networks one user may be on at a time, per bridge.")
    rooms_per_account: int = Field(200, ge=1, description="Rooms one user may be in on one network.")
    history_max: int = Field(
        100, ge=0, le=10_000, description="Messages of a room kept in memory for clients that join."
    )
    linger_seconds: float = Field(
        300.0,
        ge=0,
        le=604_800,
        description="How long a room is kept for a client that vanished without leaving.",
    )
    logins_per_second: float = Field(
        0.5, gt=0, le=1000, description="Logins started on one network: more looks like an attack to it."
    )
    concurrent_logins: int = Field(3, ge=1, description="Logins under way on one network at a time.")
    concurrent_logins_total: int = Field(50, ge=1, description="Logins under way on all networks together.")
    messages_per_minute: int = Field(
        120, ge=0, description="Messages that one user may send for long. 0: no limit."
    )
    messages_burst: int = Field(120, ge=0, description="Messages at once, after a quiet time.")
    messages_per_second_total: int = Field(
        1_000, ge=0, description="Messages that all users of a bridge may send together. 0: no limit."
    )
    joins_per_minute: int = Field(
        120, ge=0, description="Rooms that one user may join for long. 0: no limit."
    )
    joins_burst: int = Field(
        600, ge=0, description="Rooms at once: clients join all their bookmarks at a start."
    )
    new_contacts_per_hour: int = Field(
        60, ge=0, description="People that one user may write to for the first time. 0: no limit."
    )
    subscriptions_per_minute: int = Field(
        120, ge=0, description="Contacts that one user may add for long. 0: no limit."
    )
    subscriptions_burst: int = Field(1_500, ge=0, description="Contacts at once: when a roster is imported.")
    archive_queries_per_minute: int = Field(
        300, ge=0, description="Pages of archives that one user may ask for, for long. 0: no limit."
    )
    archive_queries_burst: int = Field(
        1_000, ge=0, description="Pages at once: when a client is started after a long time."
    )
    commands_per_minute: int = Field(
        120, ge=0, description="Steps of ad-hoc commands that one user may take. 0: no limit."
    )
    registrations_per_hour: int = Field(
        20, ge=0, description="Times that one user may try to register or change a registration. 0: no limit."
    )
    media_bytes_per_day: int = Field(
        1_000_000_000, ge=0, description="Bytes of files carried for one user, both ways. 0: no limit."
    )
    signals_per_minute: int = Field(
        600, ge=0, description="Messages without text (typing, receipts) that one user may send. 0: no limit."
    )
    errors_per_minute: int = Field(
        60,
        ge=0,
        description="Errors one user gets for being too fast; what is more is told together. 0: no limit.",
    )
    foreign_messages_per_minute: int = Field(
        60, ge=0, description="Private messages one user gets from one sender outside for long. 0: no limit."
    )
    foreign_messages_burst: int = Field(100, ge=0, description="The same at once, after a quiet time.")
    foreign_messages_held: int = Field(
        500, ge=0, le=100_000, description="Messages beyond that which wait for one user; others are dropped."
    )
    loop_turns: int = Field(
        5,
        ge=0,
        le=1000,
        description="How often a text may go round between bridges before it is cut. 0: for ever.",
    )


class AccessSettings(Table):
    """``[access]``."""

    allow_domains: tuple[Domain, ...] = Field(
        (),
        description="XMPP domains whose users may use the gateway. Empty: everybody the server lets through.",
    )
    deny: tuple[BareJid | Domain, ...] = Field(
        (), description="XMPP addresses and domains that may not, whatever else is said."
    )
    registration: Literal["open", "approval", "closed"] = Field(
        "open",
        description="How bridges that need a registration take new users: at once, after an admin has agreed, or not.",
    )
    admins: tuple[BareJid, ...] = Field((), description="Addresses that may use the operators' commands.")
    contact: tuple[Annotated[str, AfterValidator(uri_value)], ...] = Field(
        (), description="Where users reach you: URIs such as xmpp:ann@example.org or mailto:ann@example.org."
    )


class DeliverySettings(Table):
    """``[delivery]``: private messages that cannot be delivered at once."""

    waiting_messages: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Messages kept for one user who cannot be reached, and for a network.",
    )
    waiting_days: float = Field(
        7.0, gt=0, le=365, description="Days that messages wait for a user who cannot be reached."
    )
    retry_days: float = Field(
        3.0,
        gt=0,
        le=365,
        description="Days that messages wait for a network that is away, where it takes such.",
    )
    keep_days: float = Field(
        14.0,
        gt=0,
        le=3650,
        description="Days that it is known what became of a message: late reports of the network, and messages that it "
        "sends again, are recognised for so long.",
    )
    report_days: float = Field(
        4.0,
        ge=0,
        le=365,
        description="Days after which a user is told that nobody knows whether a message arrived, on networks that report "
        "what became of each; 0 for never.",
    )
    receipts_on_acceptance: bool = Field(
        False,
        description="Tell clients that a message was delivered when the network has only taken it, on networks that can "
        "never tell more.",
    )


class WebSettings(Table):
    """``[web]``: the one web server of the gateway, for all that it serves."""

    listen: Annotated[str, AfterValidator(listen_value)] = Field(
        "",
        description="Address and port of the gateway's own web server, which speaks plain HTTP behind yours. Empty: none.",
    )
    public_url: Annotated[str, AfterValidator(public_url_value)] = Field(
        "",
        description="What its addresses begin with for the rest of the world; your web server passes them on to listen.",
    )
    trusted_proxies: Annotated[tuple[str, ...], AfterValidator(proxies_value)] = Field(
        ("127.0.0.0/8", "::1"),
        description="Addresses and networks of your own web servers: what they say of the client's address "
        "(X-Forwarded-For) is believed.",
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.listen) != bool(self.public_url):
            missing = "public_url" if self.listen else "listen"
            raise ValueError(f"{missing} is missing: the web server needs both listen and public_url")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def of_bridge(self, name: str) -> str:
        """What addresses of the bridge of this name begin with for the rest of the world; empty without a web server."""
        return f"{self.public_url}{path(name)}" if self.public_url else ""


class MediaSettings(Table):
    """``[media]``: files on their way between the networks. Relative paths start at the configuration file's directory."""

    max_file_mb: float = Field(
        50.0, gt=0, le=10_000, description="The largest file that is carried, either way."
    )
    timeout_seconds: float = Field(
        60.0, ge=1, le=3600, description="For one file to be fetched, and for one to be uploaded."
    )
    transfers_per_user: int = Field(
        3, ge=1, description="Files of one user on their way at a time; others wait."
    )
    transfers_total: int = Field(20, ge=1, description="Files of all users on their way at a time.")
    trusted_hosts: Annotated[tuple[str, ...], AfterValidator(trusted_value)] = Field(
        (),
        description="Host names, addresses and networks that users' files may come from although they are private or "
        "without TLS: your own upload service, if it is.",
    )
    upload: bool = Field(True, description="Put files for XMPP users on the XMPP server's upload service.")
    upload_service: Domain | Literal[""] = Field(
        "", description="The address of that service. Empty: looked for on the XMPP server."
    )
    previews: bool = Field(True, description="Send a tiny preview along with pictures.")
    give_out: bool = Field(
        False,
        description="Give files out from the gateway's own web server ([web]) where nobody else takes them.",
    )
    listen: Annotated[str, AfterValidator(listen_value)] = Field(
        "",
        description="The older way to say web.listen, with give_out.",
    )
    public_url: Annotated[str, AfterValidator(public_url_value)] = Field(
        "", description="The older way to say web.public_url, with give_out."
    )
    directory: Path = Field(
        Path("media"), description="Where files are kept while they are on their way or given out."
    )
    keep_days: float = Field(30.0, gt=0, le=36_500, description="Days that files are given out.")
    quota_user_mb: float = Field(500.0, gt=0, description="Of one user; the oldest make room for new ones.")
    quota_total_mb: float = Field(10_000.0, gt=0, description="Of all users together.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.listen) != bool(self.public_url):
            missing = "public_url" if self.listen else "listen"
            raise ValueError(
                f"{missing} is missing: files are given out only where both listen and public_url are set"
            )
        return self


class BridgeTable(Table):
    """What every ``[bridges.NAME]`` has; the rest of the table is the bridge's own."""

    jid: Domain = Field(description="The component's address, a domain of its own.")
    secret: SecretStr | None = Field(None, description="What the XMPP server knows for this component.")
    secret_file: Path | None = Field(None, description="A file that holds the secret instead.")
    kind: str = Field("", description="Which bridge this is. Empty: the NAME of the table.")
    name: str = Field(
        "", max_length=100, description="What people see in service lists. Empty: the bridge's own name."
    )
    persistent_by_default: bool = Field(
        False,
        description="Users who have not chosen otherwise stay in rooms when all their clients have left.",
    )


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """One configured bridge, ready to be built with ``plugin.build(own, services)``."""

    name: str  # NAME of [bridges.NAME]
    kind: str
    jid: str
    title: str  # for people; empty: the bridge's own
    secret: SecretStr
    plugin: Plugin
    own: BaseModel  # an instance of plugin.settings
    persistent: bool = False

    def named(self, text: str) -> str:
        """What a bridge says, with the name of this one in place of its kind's, which is all that it knows its table by."""
        return re.sub(rf"\[bridges\.{re.escape(self.kind)}(?=[.\]])", f"[bridges.{self.name}", text)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. Paths are absolute."""

    xmpp: XmppSettings
    storage: StorageSettings
    log: LogSettings
    limits: LimitSettings
    access: AccessSettings
    web: WebSettings
    operator: OperatorSettings
    media: MediaSettings
    delivery: DeliverySettings
    bridges: tuple[BridgeSettings, ...]
