"""A mailbox elsewhere as its user describes it: address, login and servers. Made of what is filled in at registration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bridges.email.addresses import Mailbox, parse
from bridges.email.attached import hosts, providers
from bridges.email.attached.hosts import Host
from bridges.email.attached.renewal import Client, Preset, client_for
from bridges.email.receiving.trust import Believed
from gateway.bridge import BadAddress
from gateway.model import Field, FieldKind

_SECRET_MOST = 4000  # tokens are long
_NAMED = 320
_PASSWORD, _REFRESH, _ACCESS = "password", "refresh", "access"
_TOKENS = (_REFRESH, _ACCESS, "true", "1")  # the last two are from when there were access tokens only


@dataclass(frozen=True, slots=True)
class Mailing:
    """``user`` is the name of the login; ``token``: it is done with an OAuth 2.0 access token (XOAUTH2). The secret is that
    token, or with ``renewal`` the refresh token that brings one."""

    mailbox: Mailbox
    user: str
    secret: str = field(repr=False)
    token: bool
    imap: Host
    smtp: Host
    renewal: Client | None = None

    @property
    def keeps_sent(self) -> bool:
        """Whether the provider itself puts what is sent with the sent mail."""
        known = providers.of_server(self.smtp.name)
        return known is not None and known.keeps_sent

    @property
    def believed(self) -> Believed:
        """Whose word about senders counts: the provider's own, which nobody but the owner of the mailbox has chosen."""
        known = providers.of_server(self.smtp.name)
        names = providers.names_of(self.imap.name, self.smtp.name)
        return Believed(provider=names, ordered=known is None)


def fields() -> tuple[Field, ...]:
    """Named as in XEP-0077 §14.1 where it has a name, for clients without forms."""
    return (
        Field(
            "email",
            "Address of a mailbox that you have elsewhere",
            help="Empty: you get an address of this gateway. With it, your mail is read and sent there.",
        ),
        Field(
            "password",
            "Password of that mailbox",
            FieldKind.SECRET,
            help="If your provider has app passwords, make one for this gateway. It is kept encrypted.",
        ),
        Field(
            "login",
            "User name of that mailbox",
            help="Empty: its address.",
        ),
        Field(
            "token",
            "What the password is",
            FieldKind.CHOICE,
            _PASSWORD,
            options=(
                (_PASSWORD, "A password, or an app password"),
                (_REFRESH, "An OAuth 2.0 refresh token, which brings new access tokens"),
                (_ACCESS, "An OAuth 2.0 access token, for as long as it is good"),
            ),
        ),
        Field(
            "imap",
            "Its server for reading (IMAP)",
            help="Empty: it is guessed. Else like imap.example.org, or imap.example.org:143/starttls.",
        ),
        Field(
            "smtp",
            "Its server for sending (SMTP)",
            help="Empty: it is guessed. Else like smtp.example.org, or smtp.example.org:587/starttls.",
        ),
        Field(
            "client_id",
            "Client ID that a refresh token was given to",
            help="Empty: this gateway's own, if it has one for your provider.",
        ),
        Field("client_secret", "Client secret, if it has one", FieldKind.SECRET),
        Field(
            "token_url",
            "Where a refresh token is renewed",
            help="Empty: it is known for Google and Microsoft. Else like https://login.example.org/token.",
        ),
    )


def read(
    settings: Mapping[str, str], ours: Callable[[Mailbox], bool], presets: Sequence[Preset] = ()
) -> Mailing | None:
    """None where no mailbox is attached. ``ours`` tells addresses of the gateway, ``presets`` are its OAuth clients. Raises
    ``BadAddress``."""
    address = settings.get("email", "").strip()
    if not address:
        return None
    mailbox = parse(address)
    if ours(mailbox):
        raise BadAddress(
            f"Addresses of {mailbox.domain} are this gateway's own: leave the field empty to get one."
        )
    if mailbox.international:
        raise BadAddress("Mailboxes whose address has letters beyond ASCII cannot be attached.")
    secret = settings.get("password", "")
    user = settings.get("login", "").strip() or mailbox.envelope
    if not secret:
        raise BadAddress(f"The password of {mailbox.exact} is missing.")
    if len(secret) > _SECRET_MOST or len(user) > _NAMED or not (secret + user).isprintable():
        raise BadAddress("The user name and the password are one line each, without control characters.")
    imap, smtp = settings.get("imap", "").strip(), settings.get("smtp", "").strip()
    reading = hosts.read(imap, hosts.IMAP_PORTS) if imap else providers.imap_of(mailbox.domain)
    sending = hosts.read(smtp, hosts.SMTP_PORTS) if smtp else providers.smtp_of(mailbox.domain)
    kind = settings.get("token", "")
    renewal = _renewal(settings, (reading.name, sending.name), presets) if kind == _REFRESH else None
    return Mailing(mailbox, user, secret, kind in _TOKENS, reading, sending, renewal)


def _renewal(settings: Mapping[str, str], servers: Sequence[str], presets: Sequence[Preset]) -> Client:
    endpoint, id_, secret = (
        settings.get(name, "").strip() for name in ("token_url", "client_id", "client_secret")
    )
    if (
        max(len(endpoint), len(id_), len(secret)) > _SECRET_MOST
        or not (endpoint + id_ + secret).isprintable()
    ):
        raise BadAddress("The client ID, its secret and the address are one line each.")
    if endpoint and not endpoint.startswith("https://"):
        raise BadAddress("Where a refresh token is renewed is an address that begins with https://.")
    return client_for(servers, endpoint, id_, secret, presets)
