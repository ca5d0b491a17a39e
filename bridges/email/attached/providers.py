"""What is known of large providers: their servers, how they name themselves, and what they do without being asked."""

from dataclasses import dataclass

from bridges.email.attached.hosts import IMAP_PORTS, SMTP_PORTS, Host, read


@dataclass(frozen=True, slots=True)
class Provider:
    """``names``: domains in which its Authentication-Results name their writer (RFC 8601 §2.2). ``keeps_sent``: what is sent
    by its SMTP lies among the sent mail already. Servers as ``hosts.read`` reads them."""

    imap: str
    smtp: str
    names: tuple[str, ...] = ()
    keeps_sent: bool = False


_GMAIL = Provider("imap.gmail.com", "smtp.gmail.com", ("google.com",), keeps_sent=True)
_OUTLOOK = Provider("outlook.office365.com", "smtp-mail.outlook.com:587", keeps_sent=True)
_OFFICE = Provider("outlook.office365.com", "smtp.office365.com:587", keeps_sent=True)
_YAHOO = Provider("imap.mail.yahoo.com", "smtp.mail.yahoo.com", ("yahoo.com",))
_ICLOUD = Provider("imap.mail.me.com", "smtp.mail.me.com:587", ("icloud.com",))
_GMX = Provider("imap.gmx.net", "mail.gmx.net", ("gmx.net",))
_GMX_COM = Provider("imap.gmx.com", "mail.gmx.com", ("gmx.com", "gmx.net"))
_WEB_DE = Provider("imap.web.de", "smtp.web.de:587", ("web.de",))
_FASTMAIL = Provider("imap.fastmail.com", "smtp.fastmail.com", ("messagingengine.com",))
_MAILBOX = Provider("imap.mailbox.org", "smtp.mailbox.org", ("mailbox.org",))
_POSTEO = Provider("posteo.de", "posteo.de", ("posteo.de",))
_T_ONLINE = Provider("secureimap.t-online.de", "securesmtp.t-online.de")
_AOL = Provider("imap.aol.com", "smtp.aol.com", ("aol.com", "yahoo.com"))

_ALL = {
    _GMAIL: ("gmail.com", "googlemail.com"),
    _OUTLOOK: ("outlook.com", "hotmail.com", "live.com", "msn.com"),
    _OFFICE: (),
    _YAHOO: ("yahoo.com", "ymail.com", "yahoo.de", "yahoo.fr", "yahoo.co.uk"),
    _ICLOUD: ("icloud.com", "me.com", "mac.com"),
    _GMX: ("gmx.net", "gmx.de", "gmx.at", "gmx.ch"),
    _GMX_COM: ("gmx.com",),
    _WEB_DE: ("web.de",),
    _FASTMAIL: ("fastmail.com", "fastmail.fm"),
    _MAILBOX: ("mailbox.org",),
    _POSTEO: ("posteo.de", "posteo.net", "posteo.org"),
    _T_ONLINE: ("t-online.de",),
    _AOL: ("aol.com",),
}
_BY_DOMAIN = {domain: provider for provider, domains in _ALL.items() for domain in domains}
_BY_SMTP = {read(provider.smtp, SMTP_PORTS).name: provider for provider in _ALL}


def of_domain(domain: str) -> Provider | None:
    """Whose addresses end so."""
    return _BY_DOMAIN.get(domain)


def of_server(smtp: str) -> Provider | None:
    """Whose server for sending is called so: companies have their domains there."""
    return _BY_SMTP.get(smtp)


def imap_of(domain: str) -> Host:
    """Where mail of a domain is read, as far as that can be guessed."""
    known = of_domain(domain)
    return read(known.imap if known is not None else f"imap.{domain}", IMAP_PORTS)


def smtp_of(domain: str) -> Host:
    known = of_domain(domain)
    return read(known.smtp if known is not None else f"smtp.{domain}", SMTP_PORTS)


def names_of(imap: str, smtp: str) -> frozenset[str]:
    """Domains in which a mailbox's own server names itself: by the table, or the domain of the IMAP server."""
    known = of_server(smtp)
    if known is not None and known.names:
        return frozenset(known.names)
    labels = imap.split(".")
    return frozenset({".".join(labels[1:]) if len(labels) > 2 else imap})
