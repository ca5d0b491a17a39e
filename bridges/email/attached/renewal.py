"""Where tokens of a mailbox are renewed, and in whose name: OAuth 2.0 clients, of the operator's or a user's own.

A refresh token is good for the client alone that it was given to (RFC 6749 §6), so whoever brings one says which client that
was. The operator's client is used at the operator's endpoint only: its secret goes nowhere that a user names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.bridge import BadAddress


@dataclass(frozen=True, slots=True)
class Client:
    """``endpoint``: where tokens are asked for (RFC 6749 §3.2). Its ``secret`` and ``scope`` may be empty. ``operators``:
    what is wrong with it is not its user's to mend."""

    endpoint: str
    id: str
    secret: str = field(default="", repr=False)
    scope: str = ""
    operators: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A provider of tokens: for which mail servers, where, and what for."""

    servers: tuple[str, ...]
    endpoint: str
    scope: str = ""


#: By the names under which an operator can set a client without saying more.
KNOWN: Mapping[str, Known] = {
    "google": Known(("imap.gmail.com", "smtp.gmail.com"), "https://oauth2.googleapis.com/token"),
    "microsoft": Known(
        ("outlook.office365.com", "smtp.office365.com", "smtp-mail.outlook.com"),
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    ),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A client that the operator has at a provider, for the mailboxes whose server is one of ``servers``."""

    servers: frozenset[str]
    client: Client


def client_for(
    servers: Collection[str], endpoint: str, id_: str, secret: str, presets: Sequence[Preset]
) -> Client:
    """The client that a refresh token for mail on ``servers`` belongs to, by what its user says and what the operator
    has set. Raises ``BadAddress``."""
    if id_:
        known = _known(servers)
        if not (endpoint or known):
            raise BadAddress(
                f"Where tokens for {_first(servers)} are renewed is missing: fill in the address."
            )
        scope = known.scope if known is not None and not endpoint else ""
        return Client(endpoint or (known.endpoint if known else ""), id_, secret, scope)
    if endpoint or secret:
        raise BadAddress("The client ID is missing that your refresh token was given to.")
    for preset in presets:
        if preset.servers.intersection(servers):
            return preset.client
    raise BadAddress(
        f"This gateway has no OAuth client of its own for {_first(servers)}: fill in the client ID that your refresh token "
        "was given to, and where it is renewed."
    )


def _known(servers: Collection[str]) -> Known | None:
    return next((each for each in KNOWN.values() if set(each.servers).intersection(servers)), None)


def _first(servers: Collection[str]) -> str:
    return next(iter(servers), "this mailbox")
