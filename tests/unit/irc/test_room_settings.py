"""The modes of a channel as settings, and settings as modes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import difference, mode_words
from bridges.irc.room_settings import FURTHER, OUTSIDERS, BadSetting, fields, traits, wanted
from gateway.model import FieldKind, RoomSetting, RoomTraits

_INSP = Isupport()
_INSP.load(["me", "CHANMODES=IXbegw,k,FHJLfjl,ACMNOQRSTcimnprstuz", "KEYLEN=32", "are"])
_BARE = Isupport()
_BARE.load(["me", "CHANMODES=b,,,in", "are"])
_WORD = st.text(st.sampled_from("abc:#5-+"), min_size=1, max_size=6)
_LETTERS = st.sampled_from("FHJLfjlkACMNOQRSTcimnprstuz")
_MODES = st.dictionaries(_LETTERS, _WORD).map(
    lambda modes: {
        letter: (argument.lstrip(":") or "x") if letter in "FHJLfjk" else "5" if letter == "l" else ""
        for letter, argument in modes.items()
    }
)


def _shown(modes: dict[str, str]) -> dict[str, str]:
    return {field.name: field.default for field in fields(modes, _INSP)}


def _change(now: dict[str, str], **values: str) -> str:
    named = {
        RoomSetting[name].value if name in RoomSetting.__members__ else name: value
        for name, value in values.items()
    }
    return " ".join(mode_words(difference(now, wanted(named, now, _INSP), _INSP)))


@given(_MODES)
def test_a_form_that_comes_back_as_it_went_changes_nothing(now: dict[str, str]) -> None:
    assert wanted(_shown(now), now, _INSP) == now


@given(_MODES, _MODES)
def test_the_settings_of_one_channel_make_another_like_it(now: dict[str, str], other: dict[str, str]) -> None:
    after = wanted(_shown(other), now, _INSP)
    assert _shown(after) == _shown(other)


@given(st.dictionaries(st.sampled_from([*RoomSetting, OUTSIDERS, FURTHER]), st.text(max_size=12)), _MODES)
def test_whatever_is_filled_in_gives_modes_or_a_sentence(values: dict[str, str], now: dict[str, str]) -> None:
    try:
        after = wanted(values, now, _INSP)
    except BadSetting:
        return
    for word in mode_words(difference(now, after, _INSP)) if after != now else []:
        assert word
        assert not set(word) & set(" \r\n\0")
        assert word[0] != ":"


def test_only_what_the_server_offers_can_be_set() -> None:
    assert [field.name for field in fields({}, _BARE)] == [RoomSetting.MEMBERS_ONLY, OUTSIDERS, FURTHER]
    password = next(field for field in fields({"k": "sesame"}, _INSP) if field.name == RoomSetting.PASSWORD)
    assert (password.kind, password.default) == (FieldKind.SECRET, "sesame")


@pytest.mark.parametrize(
    ("now", "values", "change"),
    [
        ({"n": "", "t": ""}, {"PASSWORD": "sesame", "MODERATED": "true"}, "+km sesame"),
        ({"k": "old"}, {"PASSWORD": ""}, "-k old"),
        ({"l": "5"}, {"MAX_OCCUPANTS": "none"}, "-l"),
        ({"l": "5"}, {"MAX_OCCUPANTS": "010"}, "+l 10"),
        ({}, {"PUBLIC": "false"}, "+s"),
        ({"p": ""}, {"PUBLIC": "false"}, ""),
        ({"p": "", "s": ""}, {"PUBLIC": "true"}, "-ps"),
        ({"t": ""}, {"OPEN_SUBJECT": "true"}, "-t"),
        ({"c": "", "f": "3:5"}, {FURTHER: "Cf 3:6"}, "-c+Cf 3:6"),
        ({"f": ""}, {FURTHER: "+f"}, ""),
        ({"r": "", "k": ""}, {"MEMBERS_ONLY": "true"}, "+i"),
    ],
)
def test_the_fewest_modes_are_changed(now: dict[str, str], values: dict[str, str], change: str) -> None:
    assert _change(now, **values) == change


@pytest.mark.parametrize(
    "values",
    [
        {"PASSWORD": "two words"},
        {"PASSWORD": "a,b"},
        {"PASSWORD": ":x"},
        {"PASSWORD": "x" * 33},
        {"MAX_OCCUPANTS": "many"},
        {"MAX_OCCUPANTS": "0"},
        {"MAX_OCCUPANTS": "-3"},
        {FURTHER: "+k x"},
        {FURTHER: "+o bob"},
        {FURTHER: "+b *!*@*"},
        {FURTHER: "+f"},
        {FURTHER: "+c what"},
        {FURTHER: "+ä"},
        {FURTHER: "+f :x"},
    ],
)
def test_what_no_mode_can_say_is_refused_with_a_sentence(values: dict[str, str]) -> None:
    with pytest.raises(BadSetting):
        _change({}, **values)


def test_traits_are_told_of_the_modes() -> None:
    assert traits({"k": "", "s": ""}) == RoomTraits(True, False, False, False)
    assert traits({"i": "", "m": ""}) == RoomTraits(False, True, True, True)
    assert traits({"m": ""}, complete=False) == RoomTraits(None, None, True, None)
