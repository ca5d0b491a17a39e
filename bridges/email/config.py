"""What an operator can set for the email bridge: the model of ``[bridges.email]``. It knows no user's own settings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridges.email.addresses import Mailbox, ascii_domain, parse
from bridges.email.attached.clients import OAuthSettings
from bridges.email.attached.renewal import KNOWN, Preset
from bridges.email.receiving.residents import FirstContact
from gateway.bridge import BadAddress
from gateway.bridge.fields import Line, Table, this_machine

#: Stands for the name of a user on the XMPP server, in ``address_template``.
LOCAL = "{local}"

#: Addresses that RFC 2142 and custom give to somebody else than the first user who asks.
RESERVED = (
    "abuse",
    "admin",
    "administrator",
    "hostmaster",
    "info",
    "mailer-daemon",
    "no-reply",
    "noc",
    "noreply",
    "postmaster",
    "root",
    "sales",
    "security",
    "support",
    "webmaster",
    "www",
)


def _domain(value: str) -> str:
    try:
        return parse(f"x@{value}").domain
    except BadAddress:
        raise ValueError(f"{value!r} is no domain; write one like example.org") from None


def _domain_or_none(value: str) -> str:
    return _domain(value) if value else ""


def _mailbox(value: str) -> str:
    try:
        return parse(value).exact if value else ""
    except BadAddress as error:
        raise ValueError(str(error)) from None


Domain = Annotated[str, AfterValidator(_domain)]


class SmarthostSettings(Table):
    """``[bridges.email.smarthost]``."""

    host: str = Field(
        default="127.0.0.1", min_length=1, max_length=253, description="The mail server that sends for us."
    )
    port: int = Field(
        default=25, ge=1, le=65535, description="587 and 465 are usual where it asks for a password."
    )
    tls: Literal["none", "starttls", "tls"] | None = Field(
        default=None,
        description='"starttls", "tls" (from the first byte, port 465) or "none". Not set: "none" on this machine, "tls" on '
        'port 465, else "starttls". Without TLS no password is sent, but on this machine.',
    )
    tls_verify: bool = Field(default=True, description="Check the server's certificate and its name.")
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust instead of the system's."
    )
    username: str = Field(
        default="", max_length=320, description="For servers that want a login. Empty: none."
    )
    password: SecretStr | None = Field(default=None, description="The password of the login.")
    password_file: Path | None = Field(default=None, description="A file that holds the password instead.")
    hello: str = Field(
        default="", max_length=253, description="How we name ourselves (EHLO). Empty: the first of `domains`."
    )
    connections: int = Field(default=4, ge=1, le=100, description="Connections at a time.")
    timeout: float = Field(
        default=60.0, gt=0, le=600, description="Seconds that the server may take for one answer."
    )

    @model_validator(mode="after")
    def _one_password(self) -> "SmarthostSettings":
        if self.password is not None and self.password_file is not None:
            raise ValueError("has both `password` and `password_file`; keep one of them")
        if self.username and self.password is None and self.password_file is None:
            raise ValueError("has a `username` but no `password`; set it, or `password_file`")
        return self

    @property
    def local(self) -> bool:
        return this_machine(self.host)

    @property
    def security(self) -> Literal["none", "starttls", "tls"]:
        """``tls``, or what is right where it is not set."""
        if self.tls is not None:
            return self.tls
        if self.local:
            return "none"
        return "tls" if self.port == 465 else "starttls"


class LmtpSettings(Table):
    """``[bridges.email.lmtp]``."""

    listen: str = Field(
        default="127.0.0.1:2424",
        description="Where the mail server brings mail for our users, by LMTP: HOST:PORT (an IPv6 address in brackets), "
        "or the path of a Unix socket.",
    )
    socket_mode: str = Field(
        default="0660",
        pattern=r"0?[0-7]{3}",
        description="Permissions of the Unix socket; its group is that of the gateway.",
    )
    connections: int = Field(default=50, ge=1, le=10_000, description="Connections at a time.")
    allow_remote: bool = Field(
        default=False,
        description="Listen on an address that other machines reach. LMTP knows no password: whoever reaches it can bring "
        "mail, and say that it was checked.",
    )

    @property
    def path(self) -> Path | None:
        return Path(self.listen) if "/" in self.listen else None

    @property
    def address(self) -> tuple[str, int]:
        """Of a socket that is not a file's."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _reachable(self) -> "LmtpSettings":
        if self.path is not None:
            return self
        host, colon, port = self.listen.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"`listen` is {self.listen!r}; write HOST:PORT, or a path with a slash in it")
        if not this_machine(host.strip("[]")) and not self.allow_remote:
            raise ValueError(
                f"`listen` is {self.listen!r}, which other machines may reach, and anybody there could bring forged mail; "
                "use 127.0.0.1 or a Unix socket, or set allow_remote = true"
            )
        return self


class TrustSettings(Table):
    """``[bridges.email.trust]``."""

    authserv_ids: tuple[str, ...] = Field(
        default=(),
        max_length=10,
        description="How your mail server names itself in the Authentication-Results fields that it writes. Only those are "
        "believed. Empty: no mail counts as authenticated.",
    )
    own_hosts: tuple[str, ...] = Field(
        default=(),
        max_length=50,
        description="Names of your own mail servers behind the one at the border, as they stand after `by` in Received "
        "fields. The first Received of another host ends what is believed.",
    )
    spam_fields: tuple[Line, ...] = Field(
        default=(
            "X-Spam-Flag: yes",
            "X-Spam-Status: yes",
            "X-Rspamd-Action: reject",
            "X-Rspamd-Action: add header",
        ),
        max_length=20,
        description="Fields by which your mail server marks spam: name, colon, how the value begins.",
    )
    unverified: Literal["warn", "hold"] = Field(
        default="warn",
        description="What becomes of mail from a known address that is not proven to come from there: shown by the gateway, "
        "with a warning, or held until the user asks for it. It never appears in that person's chat.",
    )


class LimitSettings(Table):
    """``[bridges.email.limits]``. Of one user each, if nothing else is said."""

    mails_per_hour: int = Field(default=60, ge=1, le=100_000, description="Mails sent.")
    new_people_per_day: int = Field(
        default=30, ge=1, le=100_000, description="People written to who have not been written to before."
    )
    recipients: int = Field(default=10, ge=1, le=1000, description="Recipients of one mail.")
    newcomer_days: int = Field(
        default=7, ge=0, le=365, description="So long after registering, the limits are a third."
    )
    message_size: int = Field(
        default=25_000_000,
        ge=10_000,
        le=200_000_000,
        description="Bytes of a mail, in and out, with its attachments.",
    )
    received_per_hour: int = Field(default=500, ge=1, le=1_000_000, description="Mails received.")
    received_from_one_per_hour: int = Field(
        default=100, ge=1, le=1_000_000, description="Mails received from one sender."
    )
    waiting_size: int = Field(
        default=200_000_000,
        ge=1_000_000,
        description="Bytes of mail that wait to be shown; more is left to the mail server.",
    )
    bounce_percent: int = Field(
        default=20,
        ge=1,
        le=100,
        description="A user of whose last 50 mails more came back can send none until an admin allows it again.",
    )
    quarantine_days: int = Field(default=30, ge=1, le=365, description="Days that held mail is kept.")


class EmailSettings(Table):
    """``[bridges.email]``."""

    domains: tuple[Domain, ...] = Field(
        min_length=1,
        max_length=100,
        description="Domains whose mail is ours. We never send from another one, so that SPF, DKIM and DMARC can pass.",
    )
    address_template: str = Field(
        default="",
        max_length=254,
        description=f"Address of users of `local_domains`; {LOCAL} stands for the part of their XMPP address before the @. "
        "Empty: they choose one, as all others do.",
    )
    local_domains: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="XMPP domains of users whose address is made by `address_template`.",
    )
    alias_domain: Annotated[str, AfterValidator(_domain_or_none)] = Field(
        default="",
        description="Domain in which users can choose addresses, one of `domains`. Empty: they cannot, and who has none by "
        "`address_template` cannot register.",
    )
    aliases_each: int = Field(
        default=3, ge=0, le=100, description="Addresses that one user can have besides the first."
    )
    reserved: tuple[str, ...] = Field(
        default=RESERVED, max_length=1000, description="Names before the @ that nobody can choose."
    )
    postmaster: Annotated[str, AfterValidator(_mailbox)] = Field(
        default="",
        description="Address of a registered user who reads what comes to postmaster@ and abuse@ of your domains. Empty: "
        "it waits until somebody is named.",
    )
    bounce_domain: Annotated[str, AfterValidator(_domain_or_none)] = Field(
        default="", description="Domain of the return addresses, one of `domains`. Empty: the first."
    )
    window: float = Field(
        default=20.0,
        ge=0,
        le=600,
        description="Seconds of silence after which what a user wrote is sent as one mail. 0: at once, one mail for each "
        "message.",
    )
    window_longest: float = Field(
        default=180.0, gt=0, le=3600, description="Seconds that the first line waits at most."
    )
    receipts: Literal["accepted", "dsn", "off"] = Field(
        default="accepted",
        description='When a user\'s client shows a mail as received: once your mail server has "accepted" it, once a report '
        'of the other side says so ("dsn"; many never send one), or never ("off").',
    )
    html: bool = Field(default=False, description="Send an HTML version with every mail besides the text.")
    footer: Line = Field(
        default="", max_length=200, description="One line below every mail, after `-- `. Empty: none."
    )
    first_contact: FirstContact = Field(
        default=FirstContact.OPEN,
        description='What becomes of mail from strangers, for users who have not chosen: it is shown ("open"), held until '
        'the user is asked ("ask"), or refused ("closed").',
    )
    account_mode: bool = Field(
        default=False,
        description="Let users attach a mailbox they have elsewhere (IMAP and SMTP) instead of an address of ours.",
    )
    account_hosts: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Names of servers that users may attach mailboxes of although they are in a private network: your own. "
        "All others have to be on the Internet.",
    )
    oauth: dict[str, OAuthSettings] = Field(
        default_factory=dict,
        description="OAuth clients of yours, for mailboxes whose users log in with a refresh token. Users who have a client "
        "of their own can say so.",
    )
    smarthost: SmarthostSettings = Field(default_factory=SmarthostSettings)
    lmtp: LmtpSettings = Field(default_factory=LmtpSettings)
    trust: TrustSettings = Field(default_factory=TrustSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)

    @model_validator(mode="after")
    def _consistent(self) -> "EmailSettings":
        for key in ("alias_domain", "bounce_domain"):
            value = getattr(self, key)
            if value and value not in self.domains:
                raise ValueError(
                    f"`{key}` is {value!r}, which is not among `domains`: add it there, or choose one of them"
                )
        if self.address_template:
            if LOCAL not in self.address_template:
                raise ValueError(
                    f"`address_template` lacks {LOCAL}; write for instance {LOCAL}@{self.domains[0]}"
                )
            try:
                domain = parse(self.address_template.replace(LOCAL, "x")).domain
            except BadAddress as error:
                raise ValueError(f"`address_template` makes no addresses: {error}") from None
            if domain not in self.domains:
                raise ValueError(
                    f"`address_template` has the domain {domain!r}, which is not among `domains`"
                )
            if not self.local_domains:
                raise ValueError("`address_template` is set, but `local_domains` says of no user whose it is")
        for name, client in self.oauth.items():
            if name not in KNOWN and not (client.token_url and client.servers):
                known = " and ".join(f"`{each}`" for each in KNOWN)
                raise ValueError(
                    f"`oauth.{name}` lacks `token_url` or `servers`, which are known of {known} only"
                )
        if self.window > self.window_longest:
            raise ValueError("`window` is longer than `window_longest`")
        return self

    @property
    def presets(self) -> tuple[Preset, ...]:
        """Of ``oauth``. Raises OSError if the file of a secret cannot be read."""
        return tuple(client.preset(name) for name, client in self.oauth.items())

    @property
    def return_domain(self) -> str:
        """Of bounces, in A-labels."""
        return ascii_domain(self.bounce_domain or self.domains[0])

    def ours(self, mailbox: Mailbox) -> bool:
        return mailbox.domain in self.domains
