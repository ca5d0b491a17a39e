"""The configuration as a file: what is no TOML, and whatever else it may hold."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, load
from gateway.config_file import line_numbers
from gateway.settings import (
    BridgeTable,
    XmppSettings,
)
from tests.unit.config.toys import TOYS, wrong


def test_a_missing_file_is_told_with_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml", {}, TOYS)
    assert str(caught.value) == f"{tmp_path}/config.toml: does not exist; `causeway init` writes one"


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {}, TOYS)


def test_a_broken_line_is_told_with_its_number(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, "[xmpp]\nport = = 1\n")
    assert line == "config.toml, line 2: is not valid TOML: invalid value"


def test_an_unfinished_file_is_told(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, '[xmpp]\nhost = """abc\n')
    assert "config.toml, line 3: is not valid TOML:" in line


def test_a_table_that_is_there_twice_is_told_by_its_name(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, '[operator]\nsocket = "/x"\n[log]\n[operator]\n')
    assert (
        line
        == "config.toml, line 4: has the table [operator] for the second time; put all its keys below the first"
    )


def test_a_file_that_is_nested_without_end_is_told(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, "a = " + "[" * 100_000 + "]" * 100_000)
    assert line == "config.toml: is nested too deeply for a configuration"


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'[xmpp]\nhost = "\xe9"\n')
    with pytest.raises(ConfigError, match=r"line 2: is not UTF-8; save it again in this encoding"):
        load(path, {}, TOYS)


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        load(path, {}, TOYS)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_settings_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, newline="")
    with pytest.raises(ConfigError):
        load(path, {}, TOYS)


VALUES = st.recursive(
    st.none().map(lambda _: 0)
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*XmppSettings.model_fields, *BridgeTable.model_fields, "mode", "ports", "peers", "admins", "x y"]
)


@given(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.sampled_from(["xmpp", "access", "bridges.toy", "bridges.toy.peers"]),
)
def test_any_value_in_any_place_is_settings_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any], name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "values.toml"
    path.write_text(f"[{name}]\n" + "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items()))
    try:
        load(path, {}, TOYS)
    except ConfigError as error:
        told = [str(problem) for problem in error.problems]
    else:
        told = []
    assert "\n" not in "".join(told)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(char):08x}" for char in value if not "\ud800" <= char <= "\udfff") + '"'
        )
    return str(value)


def test_lines_are_found_for_tables_dotted_and_quoted_keys() -> None:
    text = (
        '\na.b = 1\n[c] # x\n"d e" = 2\ns = """\nnot = this\n"""\n[c."f.g".h]\ni = [\n  1,\n]\nj=1\n[[k]]\nl=1\n[[k]]\n'
        "l=2\n[k.m]\nn=1\n"
    )
    assert line_numbers(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("c",): 3,
        ("c", "d e"): 4,
        ("c", "s"): 5,
        ("c", "f.g", "h"): 8,
        ("c", "f.g", "h", "i"): 9,
        ("c", "f.g", "h", "j"): 12,
        ("k",): 13,
        ("k", 0): 13,
        ("k", 0, "l"): 14,
        ("k", 1): 15,
        ("k", 1, "l"): 16,
        ("k", 1, "m"): 17,
        ("k", 1, "m", "n"): 18,
    }
