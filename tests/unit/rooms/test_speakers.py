"""Big rooms of users who want to see only who is active: who comes into sight when, and who goes out of it."""

from dataclasses import replace

import pytest

from gateway.model import (
    Affiliation,
    ChatState,
    Crowd,
    Departure,
    Exit,
    Message,
    Occupant,
    Reaction,
    Role,
    Topic,
)
from gateway.rooms import acts
from gateway.rooms.habits import USUAL
from gateway.rooms.history import HistoryRequest
from gateway.rooms.room import Room
from gateway.rooms.speakers import SILENCE
from tests.unit.rooms.surroundings import Surroundings, client, statuses
from tests.unit.rooms.test_big_rooms import names

ALICE = Occupant("alice")
OP = Occupant("op", Affiliation.ADMIN, Role.MODERATOR)
DAVE, ERIN, VOICED = Occupant("Dave"), Occupant("Erin"), Occupant("voiced", Affiliation.MEMBER)
OTHERS = [Occupant(f"n{number}") for number in range(20)]
ACTIVE = replace(USUAL, crowd=Crowd(speakers=True, above=10))
NOTE = "There are 25 people here. You are shown moderators and who speaks."


def enter(room: Room) -> None:
    room.habits = ACTIVE
    room.entered("alice", [OP, DAVE, ERIN, VOICED, *OTHERS, ALICE], Topic("hi"))


@pytest.fixture
def big(room: Room, around: Surroundings) -> Room:
    """A client is in, and has been told so."""
    client(room)
    enter(room)
    around.take()
    return room


def test_who_comes_in_sees_moderators_and_oneself_and_how_many_there_are(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room)
    came = around.take()
    assert names(came) == ["op", "alice", "subject hi", NOTE]
    assert statuses(came[1]) == ["100", "110"]
    assert len(room.seats) == 25


def test_who_speaks_is_shown_right_before_and_but_once(big: Room, around: Surroundings) -> None:
    big.heard(Message("Dave", "hello"))
    big.heard(Message("Dave", "again"))
    shown, hello, again = around.take()
    assert names([shown, hello, again]) == ["Dave", "hello", "again"]
    assert shown.get("from") == hello.get("from") == again.get("from")


def test_who_is_silent_for_long_goes_quietly_when_somebody_else_speaks(
    big: Room, around: Surroundings
) -> None:
    big.heard(Message("Dave", "hello"))
    around.clock._now += SILENCE / 2
    big.heard(Message("Erin", "hello"))
    around.clock._now += SILENCE / 2
    around.take()
    big.heard(Message("op", "well"))
    gone, well = around.take()
    assert names([gone, well]) == ["-Dave", "well"]
    assert gone.find("status") is None
    assert "Dave" in big.seats
    big.heard(Message("Dave", "I am here"))
    assert names(around.take()) == ["Dave", "I am here"]


def test_a_client_that_comes_later_sees_who_spoke_lately(big: Room, around: Surroundings) -> None:
    big.heard(Message("Dave", "hello"))
    around.take()
    big.welcome(client(big, "desk", history=HistoryRequest(stanzas=0)))
    assert sorted(names(around.take())[:2]) == ["Dave", "op"]


def test_nobody_else_is_seen_to_come_go_change_or_be_renamed(big: Room, around: Surroundings) -> None:
    big.arrived(Occupant("new"))
    big.arrived(replace(DAVE, affiliation=Affiliation.MEMBER))
    big.renamed("Dave", "Dave2")
    big.departed("Erin", Departure(Exit.QUIT))
    big.departed("n1", Departure(Exit.SPLIT))
    big.departed("n1", Departure(Exit.QUIT))
    assert around.take() == []
    assert "Erin" not in big.seats
    assert big.seats["Dave2"].occupant.affiliation is Affiliation.MEMBER
    assert len(big.seats) == 24


def test_of_who_is_shown_everything_is_told(big: Room, around: Surroundings) -> None:
    big.heard(Message("Dave", "hello"))
    around.take()
    big.renamed("Dave", "Dave2")
    big.heard(Message("Dave2", "me again"))
    big.departed("Dave2", Departure(Exit.QUIT))
    assert names(around.take()) == ["-Dave", "Dave2", "me again", "-Dave2"]


def test_who_becomes_a_moderator_is_shown_and_who_is_none_any_more_stays_for_a_while(
    big: Room, around: Surroundings
) -> None:
    big.arrived(replace(OP, nick="Dave"))
    big.arrived(DAVE)
    assert names(around.take()) == ["Dave", "Dave"]
    around.clock._now += SILENCE
    big.heard(Message("op", "well"))
    assert names(around.take()) == ["-Dave", "well"]


def test_who_is_thrown_out_is_seen_at_last(big: Room, around: Surroundings) -> None:
    big.departed("Dave", Departure(Exit.KICKED, "out", "op"))
    shown, kicked = around.take()
    assert (names([shown, kicked]), statuses(kicked)) == (["Dave", "-Dave"], ["307"])


def test_who_does_something_else_than_typing_is_shown(big: Room, around: Surroundings) -> None:
    acts.typing(big, "Erin", ChatState.COMPOSING)
    assert around.take() == []
    acts.reacted(big, Reaction("Erin", "some-id", ("🙂",)))
    big.changed_topic(Topic("new", "Dave"))
    assert [each.get("from").rpartition("/")[2] for each in around.take()] == ["Erin", "Erin", "Dave", "Dave"]


def test_one_person_that_the_user_writes_to_is_shown(big: Room, around: Surroundings) -> None:
    big.company.reveal("Dave")
    big.company.reveal("Dave")
    big.company.reveal("nobody")
    assert names(around.take()) == ["Dave"]


def test_a_split_hides_nobody_who_is_shown(big: Room, around: Surroundings) -> None:
    big.heard(Message("Dave", "hello"))
    around.take()
    big.departed("Dave", Departure(Exit.SPLIT))
    big.arrived(DAVE)
    assert around.take() == []
    big.departed("Dave", Departure(Exit.SPLIT))
    big.departed("Dave", Departure(Exit.QUIT))
    assert names(around.take()) == ["-Dave"]


def test_the_user_chooses_and_sees_it_at_once(big: Room, around: Surroundings) -> None:
    big.habits = USUAL
    big.regard()
    assert len(around.take()) == 23
    big.habits = ACTIVE
    big.regard()
    gone = around.take()
    assert len(gone) == 23
    assert all(each.get("type") == "unavailable" for each in gone)


def test_a_room_that_grows_big_is_quiet_from_then_on(room: Room, around: Surroundings) -> None:
    client(room)
    room.habits = ACTIVE
    room.entered("alice", [OP, *OTHERS[:8], ALICE], None)
    room.heard(Message("n3", "hello"))
    around.take()
    room.arrived(Occupant("eleventh"))
    assert names(around.take()) == ["eleventh"]
    room.arrived(Occupant("twelfth"))
    assert sorted(names(around.take())) == sorted(["-eleventh", *(f"-n{n}" for n in range(8) if n != 3)])


def test_after_a_reconnection_nobody_appears_who_is_silent(big: Room, around: Surroundings) -> None:
    big.heard(Message("Dave", "hello"))
    big.heard(Message("Erin", "hello"))
    around.take()
    big.entered("alice", [OP, DAVE, *OTHERS, Occupant("more"), ALICE], Topic("hi"))
    assert names(around.take()) == ["-Erin"]


def test_after_a_lost_link_one_sees_who_is_shown_then(big: Room, around: Surroundings) -> None:
    (phone,) = big.attendees.values()
    big.heard(Message("Dave", "hello"))
    big.link_lost(2)
    big.departed("Dave", Departure())
    around.take()
    big.welcome(phone)
    assert names(around.take()) == ["-Dave", "op", "alice", "subject hi"]
