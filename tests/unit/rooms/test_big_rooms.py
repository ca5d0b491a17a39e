"""Rooms too big to be shown in one turn of the loop: nobody else waits, and everything comes in its order all the same."""

from gateway.model import Departure, Exit, Message, MessageKind, Occupant, Topic
from gateway.rooms.history import HistoryRequest
from gateway.rooms.people import Attendance
from gateway.rooms.room import Room
from gateway.rooms.tour import SLICE
from tests.unit.rooms.surroundings import ALICE, Surroundings, client, statuses

COUNT = 5 * SLICE
FIRST = SLICE - 1  # the user's own seat is looked at first, and shown last
MANY = [Occupant(f"n{number}", identity=f"~n@host{number}") for number in range(COUNT)]


def enter_big(room: Room) -> None:
    room.entered("alice", [*MANY, ALICE], Topic("hi"))


def names(stanzas) -> list[str]:
    """What came, each in a word: nicks of presences, texts of messages."""
    found = []
    for each in stanzas:
        nick = each.get("from").rpartition("/")[2]
        if each.tag == "presence":
            found.append(f"-{nick}" if each.get("type") == "unavailable" else nick)
        else:
            found.append(each.findtext("body") or f"subject {each.findtext('subject')}")
    return found


async def test_a_turn_shows_a_slice_and_the_whole_is_in_order(room: Room, around: Surroundings) -> None:
    client(room)
    enter_big(room)
    assert len(around.sent) == FIRST
    await around.clock.advance(0.1)
    came = around.take()
    assert names(came) == [each.nick for each in MANY] + ["alice", "subject hi"]
    assert statuses(came[COUNT]) == ["100", "110"]


async def test_what_happens_meanwhile_comes_after_the_subject_in_order(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter_big(room)
    room.heard(Message("n0", "one"))
    room.departed("n0", Departure(Exit.QUIT))
    room.arrived(Occupant("late"))
    room.said_by_us("two", MessageKind.CHAT, "m1", "", ())
    room.renamed("late", "later")
    room.departed(f"n{COUNT - 1}", Departure())
    room.note("three")
    room.changed_topic(Topic("new"))
    assert len(around.sent) == FIRST
    await around.clock.advance(0.1)
    came = names(around.take())
    assert f"n{COUNT - 1}" in came
    after = ["one", "-n0", "late", "two", "-late", "later", f"-n{COUNT - 1}", "three", "subject new"]
    assert came[COUNT:] == ["alice", "subject hi", *after]
    room.heard(Message("n1", "at once"))
    assert names(around.take()) == ["at once"]


async def test_a_client_that_leaves_meanwhile_is_told_so_and_nothing_more(
    room: Room, around: Surroundings
) -> None:
    phone = client(room)
    enter_big(room)
    room.heard(Message("n0", "one"))
    around.take()
    room.dismiss(phone, Departure())
    await around.clock.advance(0.1)
    (own,) = around.take()
    assert (own.get("type"), statuses(own)) == ("unavailable", ["110"])
    room.welcome(client(room, "desk", history=HistoryRequest(stanzas=5)))
    await around.clock.advance(0.1)
    assert names(around.take())[COUNT:] == ["alice", "one", "subject hi"]


async def test_a_client_that_asks_again_meanwhile_is_shown_all_of_it(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter_big(room)
    around.take()
    room.welcome(client(room))
    await around.clock.advance(0.1)
    assert len(around.take()) == COUNT + 2


async def test_two_clients_are_shown_the_room_one_after_the_other(room: Room, around: Surroundings) -> None:
    client(room)
    client(room, "desk")
    enter_big(room)
    room.heard(Message("n0", "one"))
    await around.clock.advance(0.1)
    to = [each.get("to").partition("/")[2] for each in around.take()]
    assert to == ["phone"] * (COUNT + 2) + ["desk"] * (COUNT + 2) + ["phone", "desk"]


async def test_nothing_is_shown_as_long_as_the_server_does_not_read(room: Room, around: Surroundings) -> None:
    client(room)
    around.congested = True
    enter_big(room)
    await around.clock.advance(10)
    assert not around.take()
    around.congested = False
    await around.clock.advance(0.1)
    assert len(around.take()) == COUNT + 2


async def test_small_rooms_wait_too_when_a_thousand_are_entered_at_once(
    room: Room, around: Surroundings
) -> None:
    client(room)
    around.congested = True
    room.entered("me", [Occupant("me"), Occupant("you")], None)
    room.arrived(Occupant("they"))
    room.heard(Message("you", "hello"))
    await around.clock.advance(10)
    assert not around.take()
    around.congested = False
    await around.clock.advance(0.1)
    names = [each.tag.rpartition("}")[2] for each in around.take()]
    assert names == ["presence"] * 2 + ["message"] + ["presence", "message"]


async def test_when_too_much_waits_the_rest_is_shown_at_once(room: Room, around: Surroundings) -> None:
    client(room)
    around.congested = True
    enter_big(room)
    for number in range(2_001):
        room.heard(Message("n0", f"line {number}"))
    came = names(around.take())
    assert came[COUNT:] == ["alice", "subject hi", *(f"line {number}" for number in range(2_001))]
    around.congested = False
    await around.clock.advance(1)
    assert around.take() == []


async def test_a_client_whose_link_is_lost_meanwhile_is_shown_all_of_it_when_it_is_back(
    room: Room, around: Surroundings
) -> None:
    phone = client(room)
    enter_big(room)
    room.heard(Message("n0", "one"))
    room.link_lost(1)
    assert phone.attendance is Attendance.AWAY
    await around.clock.advance(1)
    around.take()
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    await around.clock.advance(1)
    assert names(around.take())[COUNT:] == ["alice", "one", "subject hi"]


async def test_after_a_reconnection_only_differences_are_shown_in_slices(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter_big(room)
    await around.clock.advance(1)
    around.take()
    others = [Occupant(f"m{number}") for number in range(COUNT)]
    room.entered("alice", [*MANY[:10], *others, ALICE], Topic("hi"))
    assert len(around.sent) < 2 * SLICE
    await around.clock.advance(1)
    came = names(around.take())
    assert came == [f"-{each.nick}" for each in MANY[10:]] + [each.nick for each in others]
