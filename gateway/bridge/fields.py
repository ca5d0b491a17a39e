"""Pieces of what operators can set that bridges have in common: tables, lines, ports, addresses of machines.

Errors are ``ValueError`` with a sentence; the configuration says before it where the value stands.
"""

from collections.abc import Collection, Iterable
from ipaddress import ip_address
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_T = TypeVar("_T", bound=BaseModel)


class Table(BaseModel):
    """A table of the configuration that takes no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line without control characters")
    return value


def _numeric(value: str) -> str:
    try:
        return str(ip_address(value)) if value else ""
    except ValueError:
        raise ValueError(f"{value!r} is no IP address; write for instance 192.0.2.1 or 2001:db8::1") from None


def this_machine(host: str) -> bool:
    """Whether a host, by its name or address, is the machine that we run on."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Port = Annotated[int, Field(ge=1, le=65535)]
Line = Annotated[str, AfterValidator(_line)]
#: Of a machine, as one writes it, or empty.
NumericAddress = Annotated[str, AfterValidator(_numeric)]


def live(now: _T, wanted: _T, keys: Collection[str]) -> tuple[_T, list[str]]:
    """What holds of other settings if ``keys`` can hold at once, and the keys of what else differs; as ``different`` has
    them."""
    differing = different(now, wanted)
    return taken_over(now, wanted, [key for key in differing if key in keys]), [
        key for key in differing if key not in keys
    ]


def different(now: BaseModel, wanted: BaseModel) -> list[str]:
    """The keys whose values are not the same; those of a table within as ``limits.size``."""
    found: list[str] = []
    for key in type(now).model_fields:
        old, new = getattr(now, key), getattr(wanted, key)
        if isinstance(old, BaseModel) and type(old) is type(new):
            found += [f"{key}.{each}" for each in different(old, new)]
        elif old != new:
            found.append(key)
    return found


def taken_over(now: _T, wanted: _T, keys: Iterable[str]) -> _T:
    """``now`` with ``keys`` (of ``different``) as they are wanted."""
    update: dict[str, object] = {}
    tables: dict[str, list[str]] = {}
    for key in keys:
        table, _, within = key.partition(".")
        if within:
            tables.setdefault(table, []).append(within)
        else:
            update[key] = getattr(wanted, key)
    for table, those in tables.items():
        update[table] = taken_over(getattr(now, table), getattr(wanted, table), those)
    return now.model_copy(update=update)
