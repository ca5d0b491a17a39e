"""What clients see when a part of the network goes and comes back: nothing, as far as it comes back as it was."""

from dataclasses import replace

from gateway.model import Departure, Exit, Hat, Message, Role
from tests.unit.rooms.surroundings import CAROL, client, enter

GONE = Departure(Exit.SPLIT, "hub.example leaf.example")
LOST = Departure(Exit.QUIT, "hub.example leaf.example")
OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"


def split(room, around) -> None:
    """A client is in; then Carol goes with a split."""
    client(room)
    enter(room, CAROL)
    around.take()
    room.departed("Carol", GONE)


def told(around) -> list[tuple[str, str]]:
    return [
        (each.get("to").partition("/")[2], each.get("type") or "available")
        for each in around.take()
        if each.tag == "presence" and each.get("from").endswith("/Carol")
    ]


def test_who_is_back_as_before_is_not_shown_again(room, around):
    split(room, around)
    assert "Carol" not in room.seats
    room.arrived(CAROL)
    assert around.take() == []
    assert "Carol" in room.seats


def test_what_is_learnt_of_who_is_back_is_no_news(room, around):
    split(room, around)
    room.arrived(replace(CAROL, stable="carol", hats=(Hat("account", "Account: carol"),)))
    assert around.take() == []
    assert room.seats["Carol"].occupant.stable == "carol"


def test_who_is_back_as_something_else_is_shown_so(room, around):
    split(room, around)
    room.arrived(replace(CAROL, role=Role.PARTICIPANT))
    assert told(around) == [("phone", "available")]


def test_who_is_not_back_is_gone_in_the_end_and_only_once(room, around):
    split(room, around)
    room.departed("Carol", LOST)
    room.departed("Carol", LOST)
    assert told(around) == [("phone", "unavailable")]


def test_a_client_that_comes_in_between_sees_those_who_are_away_as_gone(room, around):
    split(room, around)
    desk = client(room, "desk")
    room.welcome(desk)
    assert told(around) == []
    room.arrived(CAROL)
    assert told(around) == [("desk", "available")]


def test_a_client_that_comes_in_between_is_not_told_who_is_lost(room, around):
    split(room, around)
    room.welcome(client(room, "desk"))
    around.take()
    room.departed("Carol", LOST)
    assert told(around) == [("phone", "unavailable")]


def test_it_is_the_same_person_that_speaks_and_is_back(room, around):
    client(room)
    enter(room, CAROL)
    before = next(each for each in around.take() if each.get("from").endswith("/Carol")).find(OCCUPANT_ID)
    room.departed("Carol", GONE)
    room.heard(Message("Carol", "still here"))
    assert around.take()[0].find(OCCUPANT_ID).get("id") == before.get("id")
    room.arrived(CAROL)
    assert room.seats["Carol"].id == before.get("id")


def test_after_a_reconnection_who_went_with_the_split_is_gone(room, around):
    split(room, around)
    enter(room)
    assert told(around) == [("phone", "unavailable")]


def test_somebody_who_takes_the_nick_is_somebody_else(room, around):
    split(room, around)
    room.arrived(replace(CAROL, nick="Dave"))
    around.take()
    room.renamed("Dave", "Carol")
    around.take()
    room.departed("Carol", Departure())
    assert told(around) == [("phone", "unavailable")]
    assert "Carol" not in room.seats
