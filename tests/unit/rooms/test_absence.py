"""After the link to the server was lost: each client is shown what it may have missed, once and in order."""

from gateway.model import Departure, Message
from gateway.rooms import acts
from gateway.rooms.people import Attendance
from tests.unit.rooms.surroundings import ALICE, CAROL, ROOM, bodies, client, speaking


def test_what_was_in_flight_and_what_was_said_meanwhile_is_shown_once_in_order(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    speaking(around, room, "confirmed")
    around.epoch = 2
    speaking(around, room, "in flight")
    around.epoch = 3
    room.link_lost(2)
    around.take()
    speaking(around, room, "meanwhile")
    assert bodies(around) == [], "it would not arrive"
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    shown = around.take()
    said = [each for each in shown if each.find("body") is not None]
    assert [each.findtext("body") for each in said] == ["in flight", "meanwhile"]
    assert all(each.find("{urn:xmpp:delay}delay") is not None for each in said)
    speaking(around, room, "live")
    assert bodies(around) == ["live"]


def test_a_link_that_dies_again_before_the_client_came_back_forgets_nothing(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    around.epoch = 5
    speaking(around, room, "one")
    room.link_lost(5)
    around.epoch = 6
    speaking(around, room, "two")
    room.link_lost(7)
    around.take()
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    assert bodies(around) == ["one", "two"]


def test_what_was_shown_again_and_lost_again_is_shown_once_more(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    around.epoch = 5
    speaking(around, room, "one")
    room.link_lost(5)
    around.epoch = 8
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)  # in epoch 8, which is never confirmed
    around.take()
    room.link_lost(7)
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    assert bodies(around) == ["one"]


def test_once_confirmed_it_is_not_shown_again(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    around.epoch = 5
    speaking(around, room, "one")
    room.link_lost(5)
    around.epoch = 8
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    around.take()
    room.link_lost(9)
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    assert bodies(around) == []


def test_who_left_meanwhile_is_shown_as_gone(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    room.link_lost(1)
    room.departed("Carol", Departure())
    around.take()
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    gone = [each for each in around.take() if each.get("type") == "unavailable"]
    assert [each.get("from") for each in gone] == [f"{ROOM}/Carol"]


def test_a_long_outage_keeps_more_than_the_history_and_says_what_it_could_not_keep(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    room.link_lost(1)
    speaking(around, room, *(f"line {number}" for number in range(2_100)))
    around.take()
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    shown = bodies(around)
    assert "100 more messages" in shown[0]
    assert shown[1:] == [f"line {number}" for number in range(100, 2_100)]
    speaking(around, room, "trim")
    assert len(room.history) == 50


def test_a_message_taken_back_meanwhile_is_not_shown_and_hides_no_other(around, room):
    phone = client(room)
    room.entered("alice", [ALICE, CAROL], None)
    room.heard(Message("Carol", "regretted", foreign_id="f1"))
    around.epoch = 2
    speaking(around, room, "one")
    room.link_lost(2)
    acts.forget(room, "f1", "r1")
    speaking(around, room, "two")
    around.take()
    phone.attendance = Attendance.RETURNING
    room.welcome(phone)
    assert bodies(around) == ["one", "two"]
