"""What the tables of the configuration are made of: the form of a table, and checks of single values. Each check gives the
value back, or raises ``ValueError`` with what it must be.
"""

import ipaddress
import re
from encodings.idna import nameprep
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from gateway.media.targets import Trusted
from gateway.web.clients import Clients

_LABEL = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?")
_LOCAL_NAMES = ("localhost", "ip6-localhost")
_DATABASES = ("sqlite", "postgresql")


def domain(text: str) -> str:
    """A domain as XMPP compares it (RFC 7622 §3.2.1: lower case, no dot at the end); raises ``ValueError``."""
    try:
        name = nameprep(text).removesuffix(".")
    except UnicodeError:
        name = ""
    if not 0 < len(name.encode()) <= 1023 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("must be a domain name such as irc.example.org")
    return name


def bare_jid(text: str) -> str:
    """The bare JID of a user, in lower case; raises ``ValueError``."""
    local, at, host = text.partition("@")
    if not at or not local or re.search(r"[\s\"&'/:<>]", local):
        raise ValueError("must be a user's address without resource, such as ann@example.org")
    return f"{local.lower()}@{domain(host)}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only mean this machine."""
    name = host.lower().removesuffix(".")
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def database_value(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _DATABASES or (scheme == "sqlite" and rest in ("", "/")):
        raise ValueError(
            "must be sqlite:///FILE (four slashes for an absolute path) or postgresql://USER@HOST/NAME"
        )
    if scheme == "sqlite" and not rest.startswith("/"):
        raise ValueError("must have three slashes before the file, as in sqlite:///causeway.db")
    if scheme == "postgresql":
        # What follows a second @, or a : without any, would be shown as the host, and may be half a password.
        if rest.count("@") > 1:
            raise ValueError("must have one @ only, before the host: write @ in the password as %40")
        if not _has_port(rest.rpartition("@")[2]):
            raise ValueError(
                "must have a number as the port, as in postgresql://USER:PASSWORD@HOST:5432/NAME"
            )
    return url


def _has_port(rest: str) -> bool:
    """Or none, which is as good."""
    port = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("]")[2].partition(":")[2]
    return not port or (port.isascii() and port.isdigit())


def uri_value(text: str) -> str:
    parts = urlsplit(text)
    if not parts.scheme or not (parts.path or parts.netloc) or re.search(r"\s", text):
        raise ValueError(
            "must be a URI such as xmpp:ann@example.org, mailto:ann@example.org or https://example.org/help"
        )
    return text


def trusted_value(entries: tuple[str, ...]) -> tuple[str, ...]:
    try:
        Trusted.of(entries)
    except ValueError as error:
        raise ValueError(f"must hold host names, addresses or networks: {error}") from None
    return entries


def listen_value(text: str) -> str:
    host, separator, port = text.rpartition(":")
    if text and not (separator and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError('must be an address and a port, such as "127.0.0.1:5290", or empty')
    return text


def proxies_value(entries: tuple[str, ...]) -> tuple[str, ...]:
    try:
        Clients(entries)
    except ValueError as error:
        raise ValueError(f"must hold addresses or networks: {error}") from None
    return entries


def public_url_value(text: str) -> str:
    parts = urlsplit(text)
    if text and (
        parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment
    ):
        raise ValueError("must be a web address such as https://files.example.org, or empty")
    return text.rstrip("/")


Domain = Annotated[str, AfterValidator(domain)]
BareJid = Annotated[str, AfterValidator(bare_jid)]


class Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing changed later, no secret in any error's text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
