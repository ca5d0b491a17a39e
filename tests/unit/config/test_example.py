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

_ENTRIES = {"networks": "irc.libera.chat", "oauth": "google"}
COMMENTED = re.compile(r"#(?=[\w\"\[])")


def everything_uncommented() -> dict[str, Any]:
    lines = EXAMPLE.read_text().splitlines()
    return tomllib.loads(
        "\n".join(COMMENTED.sub("", line, count=1) if line[:1] == "#" else line for line in lines)
    )


def flat(table: dict[str, Any], key: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in table.items():
        found |= flat(value, (*key, name)) if isinstance(value, dict) else {(*key, name): value}
    return found


def defaults(model: type[BaseModel], key: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """What TOML would have to say for every field of ``model``; ... where the field has no default."""
    found: dict[tuple[str, ...], Any] = {}
    for name, field in model.model_fields.items():
        value = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(value, dict):
            # A table of tables: the example shows one entry.
            entry = get_args(field.annotation)[1]
            found |= defaults(entry, (*key, name, _ENTRIES[name]))
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
    expected = {("bridges", "irc", "secret"): ..., ("bridges", "email", "secret"): ...}
    for name, model in {
        "xmpp": XmppSettings,
        "storage": StorageSettings,
        "log": LogSettings,
        "limits": LimitSettings,
        "access": AccessSettings,
        "web": WebSettings,
        "media": MediaSettings,
        "delivery": DeliverySettings,
    }.items():
        expected |= defaults(model, (name,))
    for name in ("irc", "email"):
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
