"""Database URLs as they may be shown. Imports no driver."""

from urllib.parse import urlsplit, urlunsplit


def without_password(url: str) -> str:
    """As programs of PostgreSQL take it, which ask for the password then."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}"))
