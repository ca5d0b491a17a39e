"""Changes of modes as they are written, and the fewest that lead from one state to another."""

from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import (
    ModeChange,
    ModeKind,
    apply,
    batches,
    difference,
    kind_of,
    mode_words,
    parse_modes,
)

_INSP = Isupport()
_INSP.load(["me", "PREFIX=(qaohv)~&@%+", "CHANMODES=IXbegw,k,FHJLfjl,ACMNOQRSTcimnprstuz", "MODES=4", "are"])
_OLD = Isupport()
_ARGUMENT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n ", exclude_categories=["Cs"]), min_size=1
)


def _modes(isupport: Isupport) -> st.SearchStrategy[dict[str, str]]:
    _, always, when_set, never = isupport.chanmodes
    flags = st.dictionaries(st.sampled_from(never), st.just(""))
    arguments = st.dictionaries(st.sampled_from(always + when_set), _ARGUMENT)
    return st.builds(lambda one, other: one | other, flags, arguments)


@given(_modes(_INSP), _modes(_INSP))
def test_the_difference_of_two_states_leads_from_one_to_the_other(
    now: dict[str, str], wanted: dict[str, str]
) -> None:
    changes = difference(now, wanted, _INSP)
    assert apply(now, changes) == wanted
    touched = {change.letter for change in changes}
    assert touched == {
        letter for letter in now.keys() | wanted.keys() if now.get(letter) != wanted.get(letter)
    }


@given(_modes(_INSP), _modes(_INSP), st.integers(10, 400))
def test_changes_survive_being_written_in_lines_and_read_again(
    now: dict[str, str], wanted: dict[str, str], room: int
) -> None:
    after = dict(now)
    for line in batches(difference(now, wanted, _INSP), _INSP, room):
        words = mode_words(line)
        assert len(words) - 1 <= _INSP.modes
        after = apply(after, parse_modes(words, _INSP))
    assert after == wanted


def test_a_new_key_takes_the_old_one_away_first() -> None:
    assert mode_words(difference({"k": "old", "n": ""}, {"k": "new", "n": ""}, _OLD)) == [
        "-k+k",
        "old",
        "new",
    ]


def test_a_key_that_the_network_hides_is_taken_away_with_a_star() -> None:
    assert mode_words(difference({"k": ""}, {}, _OLD)) == ["-k", "*"]


def test_nothing_to_change_is_no_line() -> None:
    assert batches(difference({"n": ""}, {"n": ""}, _OLD), _OLD, 400) == []


def test_signs_are_written_once() -> None:
    changes = [ModeChange(True, "v", "a", ModeKind.PREFIX), ModeChange(True, "h", "b", ModeKind.PREFIX)]
    changes += [ModeChange(False, "o", "a", ModeKind.PREFIX)]
    assert mode_words(changes) == ["+vh-o", "a", "b", "a"]


@given(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=5))
def test_unknown_letters_are_flags_and_leave_others_their_arguments(
    letters: str, arguments: list[str]
) -> None:
    for change in parse_modes([letters, *arguments], _INSP):
        assert change.kind is kind_of(change.letter, _INSP)
        if change.kind is ModeKind.FLAG:
            assert change.argument is None
    assert parse_modes(["+bYo", "*!*@host", "bob"], _INSP)[-1] == (True, "o", "bob", ModeKind.PREFIX)
