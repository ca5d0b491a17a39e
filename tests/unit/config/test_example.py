"""The example: every key, its default, and a word about it."""

import re
import tomllib
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gateway.config import ConfigError, installed_bridges, load
from gateway.ops.settings import OperatorSettings
from gateway.settings import (
    AccessSettings,
    BridgeTable,
    DeliverySettings,
    LimitSettings,
    LogSettings,
    MediaSettings,
    StorageSettings,
    WebSettings,
    XmppSettings,
)

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"

#: The one entry that the example shows of each table of tables, and of what else has names of the operator's choosing.
_ENTRIES = {
    "networks": "irc.libera.chat",
    "oauth": "google",
    "values": "account",
    "secrets": "token",
    "secret_files": "key",
}
#: The one that it shows of each kind.
_KINDS = {"smpp": "centre", "http": "twilio", "kannel": "kannel", "gammu": "modem"}
COMMENTED = re.compile(r"#(?=[\w\"\[])")


def everything_uncommented() -> dict[str, Any]:
    lines = EXAMPLE.read_text().splitlines()
    return tomllib.loads(
        "\n".join(COMMENTED.sub("", line, count=1) if line[:1] == "#" else line for line in lines)
    )


def flat(table: dict[str, Any], key: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in table.items():
        match value:
            case dict() | [dict(), *_]:  # of a list of tables the example shows one
                found |= flat(value if isinstance(value, dict) else value[0], (*key, name))
            case _:
                found[*key, name] = value
    return found


def models(annotation: Any) -> list[type[BaseModel]]:
    """All that occur in the type of a field."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in models(each)]


def entries(name: str, annotation: Any) -> dict[str, type[BaseModel] | None]:
    """What the example shows of a table with names of the operator's choosing; None for values that are no tables."""
    found = models(annotation)
    if len(found) > 1:
        return {_KINDS[get_args(each.model_fields["kind"].annotation)[0]]: each for each in found}
    return {_ENTRIES[name]: found[0] if found else None}


def defaults(model: type[BaseModel], key: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """What TOML would have to say for every field of ``model``; ... where the field has no default."""
    found: dict[tuple[str, ...], Any] = {}
    for name, field in model.model_fields.items():
        value = field.get_default(call_default_factory=True, validated_data={})
        inner = models(field.annotation)
        if isinstance(value, dict):
            for entry, table in entries(name, field.annotation).items():
                place = (*key, name, entry)
                found |= defaults(table, place) if table is not None else {place: ...}
        elif value == () and inner:
            found |= defaults(inner[0], (*key, name))
        elif value is None and inner:
            continue  # a provider that the operator describes: docs/sms-providers.md
        elif isinstance(value, BaseModel):
            found |= defaults(type(value), (*key, name))
        elif field.is_required():
            found[*key, name] = ...
        else:
            found[*key, name] = (
                list(value)
                if isinstance(value, tuple)
                else str(value)
                if isinstance(value, Path | StrEnum)
                else value
            )
    return found


def test_the_example_has_every_key_with_its_default_and_no_other() -> None:
    bridges = ("irc", "email", "sms")
    expected: dict[tuple[str, ...], Any] = {("bridges", name, "secret"): ... for name in bridges}
    for name, model in {
        "xmpp": XmppSettings,
        "storage": StorageSettings,
        "log": LogSettings,
        "limits": LimitSettings,
        "access": AccessSettings,
        "web": WebSettings,
        "operator": OperatorSettings,
        "media": MediaSettings,
        "delivery": DeliverySettings,
    }.items():
        expected |= defaults(model, (name,))
    for name in bridges:
        expected |= defaults(BridgeTable, ("bridges", name))
        expected |= defaults(installed_bridges()[name]().settings, ("bridges", name))
    found = flat(everything_uncommented())
    assert set(found) == set(expected)
    for key, default in expected.items():
        # None cannot be written in TOML; the example has an empty text there. ... stands for "must be set".
        if default not in (None, ...):
            assert found[key] == default, key
            assert type(found[key]) is type(default), key


def test_only_the_secret_of_the_example_has_to_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, {})
    (problem,) = caught.value.problems
    assert problem.key == "bridges.irc.secret"
    assert load(EXAMPLE, {"CAUSEWAY_BRIDGES__IRC__SECRET": "s"}).bridges[0].jid == "irc.example.org"


def test_the_example_says_something_about_every_table() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for before, line in pairwise(lines):
        if line.lstrip("#").startswith("["):
            assert before.startswith("# "), line
