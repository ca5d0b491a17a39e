"""Pieces of what operators can set that bridges have in common: tables, lines, ports, addresses of machines.

Errors are ``ValueError`` with a sentence; the configuration says before it where the value stands.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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


def live(
    now: BaseModel, wanted: BaseModel, keys: Collection[str], parts: Mapping[str, Collection[str]]
) -> tuple[dict[str, object], list[str]]:
    """What of other settings can hold at once, if that can be done with ``keys``, and with ``parts`` of tables: new values
    by key, and the keys of what else differs. A table holds as a whole or not at all."""
    differing = different(now, wanted)
    taken: dict[str, object] = {}
    for key in differing:
        old, new = getattr(now, key), getattr(wanted, key)
        if key in keys or (key in parts and set(different(old, new)) <= set(parts[key])):
            taken[key] = new
    return taken, [key for key in differing if key not in taken]


def different(now: BaseModel, wanted: BaseModel) -> list[str]:
    """The keys whose values are not the same."""
    return [key for key in type(now).model_fields if getattr(now, key) != getattr(wanted, key)]
