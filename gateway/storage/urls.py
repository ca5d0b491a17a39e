"""Database URLs as they may be shown. Imports no driver."""


def without_password(url: str) -> str:
    """As programs of PostgreSQL take it, which ask for the password then."""
    # Not as the parts of a URL: SQLAlchemy takes a password with / ? # in it, too.
    scheme, separator, rest = url.partition("://")
    user, at, where = rest.rpartition("@")
    place, mark, options = where.partition("?")
    shown = "&".join(each for each in options.split("&") if not each.startswith("password="))
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{place}{mark if shown else ''}{shown}"
