"""MODE changes and NAMES entries."""

from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import (
    ModeChange,
    ModeKind,
    NamesEntry,
    highest_first,
    parse_modes,
    parse_names,
)


def server() -> Isupport:
    isupport = Isupport()
    isupport.load(["n", "PREFIX=(qaohv)~&@%+", "CHANMODES=beI,k,l,imnpst", "are supported by this server"])
    return isupport


def test_every_kind_of_mode_takes_its_argument() -> None:
    assert parse_modes(["+ob-l+lk-kv+m", "alice", "*!*@x", "5", "key", "key", "bob"], server()) == [
        ModeChange(True, "o", "alice", ModeKind.PREFIX),
        ModeChange(True, "b", "*!*@x", ModeKind.LIST),
        ModeChange(False, "l", None, ModeKind.WHEN_SET),
        ModeChange(True, "l", "5", ModeKind.WHEN_SET),
        ModeChange(True, "k", "key", ModeKind.ALWAYS),
        ModeChange(False, "k", "key", ModeKind.ALWAYS),
        ModeChange(False, "v", "bob", ModeKind.PREFIX),
        ModeChange(True, "m", None, ModeKind.FLAG),
    ]


def test_unknown_letters_are_flags_and_take_nobodys_argument() -> None:
    assert parse_modes(["+Zo", "alice"], server())[1] == ModeChange(True, "o", "alice", ModeKind.PREFIX)


def test_missing_arguments_are_none() -> None:
    assert [change.argument for change in parse_modes(["+oov", "alice"], server())] == ["alice", None, None]


def test_no_sign_means_adding_and_nothing_means_nothing() -> None:
    assert parse_modes(["m"], server()) == [ModeChange(True, "m", None, ModeKind.FLAG)]
    assert parse_modes([], server()) == []
    assert parse_modes(["+-"], server()) == []


@given(st.lists(st.text()))
def test_reading_modes_never_raises(params: list[str]) -> None:
    parse_modes(params, server())


def test_names_with_every_extension_and_with_none() -> None:
    assert parse_names("alice @bob @+carol ~&dave!~d@host.example +eve!e@h@i  ", server()) == [
        NamesEntry("", "alice", "", ""),
        NamesEntry("o", "bob", "", ""),
        NamesEntry("ov", "carol", "", ""),
        NamesEntry("qa", "dave", "~d", "host.example"),
        NamesEntry("v", "eve", "e@h", "i"),
    ]


def test_prefixes_come_highest_first_whatever_the_server_does() -> None:
    assert parse_names("+@x", server())[0].modes == "ov"
    assert highest_first("vxoo", server()) == "ov"


def test_a_server_without_prefixes_has_plain_names() -> None:
    isupport = Isupport()
    isupport.load(["n", "PREFIX=", "are supported by this server"])
    assert parse_names("@x y", isupport) == [NamesEntry("", "@x", "", ""), NamesEntry("", "y", "", "")]


@given(st.text(alphabet="@+~& a!b"))
def test_reading_names_never_raises_and_gives_no_empty_nick(text: str) -> None:
    assert all(entry.nick for entry in parse_names(text, server()) if not text.startswith("!"))
