"""Rooms that their user stays in without a client: who is told what, and what is left of them at the end."""

import pytest

from gateway.accounts.account import IDLE_SECONDS
from gateway.model import Affiliation, Message, Occupant, Role
from gateway.rooms.habits import USUAL, Habits
from gateway.rooms.people import Attendance
from tests.unit.accounts.story import Story, in_the_room
from tests.unit.clock import settle

USER = "{http://jabber.org/protocol/muc#user}"
KEPT = Habits(persistent=True)


@pytest.fixture
async def story():
    told = Story()
    yield told
    await told.end()


async def test_the_last_client_leaves_a_persistent_room_and_its_user_stays(story):
    story.around.wanted_habits = KEPT
    room = story.join()
    story.start()
    await story.online()
    own = Occupant("alice", Affiliation.ADMIN, Role.MODERATOR)
    story.session.sink.room_joined("#foo", "alice", [own, Occupant("carol")], None)
    story.take()
    phone = room.attendees["alice@localhost/phone"]
    story.account.leave(room, phone, "bye")
    gone = story.take()
    assert [stanza.get("to") for stanza in gone] == ["alice@localhost/phone"]
    item = gone[0].find(f"{USER}x/{USER}item")
    assert (gone[0].get("type"), item.get("affiliation"), item.get("role")) == (
        "unavailable",
        "admin",
        "moderator",
    )
    await story.around.clock.advance(IDLE_SECONDS + 400)
    assert not [call for call in story.session.asked if call[0] != "join"]
    assert story.account.connected
    assert story.account.room("#foo") is room
    assert ("forget", "#foo") not in story.around.stored


async def test_what_is_said_meanwhile_is_shown_to_the_next_client(story):
    room = await in_the_room(story)
    room.habits = KEPT
    story.account.leave(room, room.attendees["alice@localhost/phone"], "")
    room.heard(Message("carol", "anybody there?"))
    story.take()
    story.join(resource="desk")
    assert room.attendees["alice@localhost/desk"].attendance is Attendance.IN
    bodies = [each.findtext("body") for each in story.take() if each.findtext("body")]
    assert bodies == ["anybody there?"]
    assert [call[0] for call in story.session.asked] == ["join"]


async def test_a_room_that_is_persistent_no_more_and_without_clients_is_left(story):
    room = await in_the_room(story)
    story.around.wanted_habits = KEPT
    await story.account.adjust()
    assert room.persistent
    story.account.leave(room, room.attendees["alice@localhost/phone"], "")
    story.around.wanted_habits = USUAL
    await story.account.adjust()
    await settle()
    assert story.account.room("#foo") is None
    assert ("leave", "#Foo", "") in story.session.asked


async def test_settings_reach_rooms_with_clients_and_leave_them_there(story):
    room = await in_the_room(story)
    story.around.wanted_habits = Habits(history=3, record=False)
    await story.account.adjust()
    assert (room.habits.history, room.habits.record, story.account.habits.record) == (3, False, False)
    assert story.account.room("#foo") is room
