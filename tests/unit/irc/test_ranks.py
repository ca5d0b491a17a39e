"""Roles and affiliations by the modes that a network has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import highest_first
from bridges.irc.ranks import CannotBe, rank, ranks, to_affiliation, to_role
from gateway.model import Affiliation, Role


def _network(prefix: str) -> Isupport:
    support = Isupport()
    support.load(["me", f"PREFIX=({prefix}){'~&@%+!'[: len(prefix)]}", "are supported by this server"])
    return support


_FEW, _MANY, _STAFF = _network("ov"), _network("qaohv"), _network("Yqaohv")
_NETWORKS = st.sampled_from([_FEW, _MANY, _STAFF, _network("ohv"), _network("qov")])


def _after(held: str, change: tuple[str, str], support: Isupport) -> str:
    gave, took = change
    return highest_first("".join(set(held + gave) - set(took)), support)


@pytest.mark.parametrize(
    ("held", "wanted", "change"),
    [
        ("", Affiliation.MEMBER, ("v", "")),
        ("o", Affiliation.MEMBER, ("v", "o")),
        ("qao", Affiliation.ADMIN, ("", "qa")),
        ("", Affiliation.ADMIN, ("o", "")),
        ("o", Affiliation.OWNER, ("a", "")),
        ("q", Affiliation.OWNER, ("", "")),
        ("qv", Affiliation.NONE, ("", "qv")),
        ("", Affiliation.NONE, ("", "")),
    ],
)
def test_affiliations_are_modes_and_higher_ones_go(
    held: str, wanted: Affiliation, change: tuple[str, str]
) -> None:
    assert to_affiliation(wanted, held, _MANY) == change


def test_a_network_with_few_modes_has_no_owners_and_moderators_are_operators() -> None:
    with pytest.raises(CannotBe, match="no owners"):
        to_affiliation(Affiliation.OWNER, "o", _FEW)
    assert to_role(Role.MODERATOR, "", _FEW, moderated=False) == ("o", "")
    assert to_role(Role.MODERATOR, "", _MANY, moderated=False) == ("h", "")


@pytest.mark.parametrize(
    ("held", "wanted", "moderated", "change"),
    [
        ("", Role.PARTICIPANT, True, ("v", "")),
        ("", Role.PARTICIPANT, False, ("v", "")),
        ("o", Role.PARTICIPANT, False, ("", "o")),
        ("o", Role.PARTICIPANT, True, ("v", "o")),
        ("ov", Role.PARTICIPANT, True, ("", "o")),
        ("v", Role.VISITOR, False, ("", "v")),
        ("ov", Role.VISITOR, True, ("", "ov")),
        ("", Role.VISITOR, True, ("", "")),
        ("h", Role.MODERATOR, False, ("", "")),
    ],
)
def test_roles_are_modes(held: str, wanted: Role, moderated: bool, change: tuple[str, str]) -> None:
    assert to_role(wanted, held, _MANY, moderated=moderated) == change


def test_nobody_is_silent_in_a_room_that_is_not_moderated() -> None:
    with pytest.raises(CannotBe, match="moderated"):
        to_role(Role.VISITOR, "", _MANY, moderated=False)


def test_the_mark_of_the_staff_is_left_to_the_network() -> None:
    assert to_affiliation(Affiliation.NONE, "Yo", _STAFF) == ("", "o")
    assert to_affiliation(Affiliation.ADMIN, "Yqo", _STAFF) == ("", "q")
    assert rank("Yv", ranks("Yqaohv"), moderated=False) == (Affiliation.MEMBER, Role.PARTICIPANT)


def test_who_has_no_mode_is_a_visitor_while_the_room_is_moderated() -> None:
    assert rank("", ranks("ov"), moderated=True) == (Affiliation.NONE, Role.VISITOR)
    assert rank("v", ranks("ov"), moderated=True) == (Affiliation.MEMBER, Role.PARTICIPANT)
    assert rank("", ranks("ov"), moderated=False) == (Affiliation.NONE, Role.PARTICIPANT)


@given(_NETWORKS, st.sets(st.sampled_from("qaohv")), st.sampled_from([*Affiliation]), st.booleans())
def test_after_the_change_somebody_has_the_affiliation(
    support: Isupport, letters: set[str], wanted: Affiliation, moderated: bool
) -> None:
    held = highest_first("".join(letters), support)
    if wanted is Affiliation.OUTCAST:
        return
    try:
        after = _after(held, to_affiliation(wanted, held, support), support)
    except CannotBe:
        return
    assert rank(after, ranks(support.prefix_modes), moderated=moderated)[0] is wanted


@given(_NETWORKS, st.sets(st.sampled_from("qaohv")), st.sampled_from([*Role]), st.booleans())
def test_after_the_change_somebody_has_the_role_or_speaks_because_everybody_may(
    support: Isupport, letters: set[str], wanted: Role, moderated: bool
) -> None:
    held = highest_first("".join(letters), support)
    if wanted is Role.NONE:
        return
    try:
        after = _after(held, to_role(wanted, held, support, moderated=moderated), support)
    except CannotBe:
        return
    role = rank(after, ranks(support.prefix_modes), moderated=moderated)[1]
    assert role is wanted or (wanted is Role.VISITOR and not moderated and role is Role.PARTICIPANT)


@given(st.text(st.characters(codec="ascii", categories=["L"]), max_size=8))
def test_letters_of_any_network_are_read(letters: str) -> None:
    assert set(ranks(letters)) <= set(letters)
    assert not letters or rank(letters, ranks(letters), moderated=False)
