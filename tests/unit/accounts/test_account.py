"""How one account is kept up: against a scripted network, with time in the test's hands."""

import asyncio
from dataclasses import replace

import pytest

from gateway.accounts.account import IDLE_SECONDS
from gateway.bridge import SessionEnded
from gateway.model import AccountState, Condition, Departure, ErrorType, Exit, Message, Occupant, Refused
from gateway.rooms.habits import USUAL
from gateway.rooms.people import Attendance
from gateway.rooms.room import RoomState
from tests.unit.accounts.story import BANNED, GONE, Story, in_the_room
from tests.unit.clock import settle


@pytest.fixture
async def story():
    told = Story()
    yield told
    await told.end()


async def test_the_first_join_connects_and_then_joins(story):
    story.join(password="secret")
    story.start()
    await story.online()
    assert story.session.account.settings == {"nick": "set"}
    assert story.session.asked == [("join", "#Foo", "secret")]
    assert story.around.states == [AccountState.WAITING, AccountState.CONNECTING, AccountState.CONNECTED]


async def test_rooms_are_asked_for_in_the_order_of_the_users_joins(story):
    for name in ("#b", "#a", "#c"):
        story.join(name)
    story.start()
    await story.online()
    assert [asked[1] for asked in story.session.asked] == ["#b", "#a", "#c"]


async def test_only_what_was_entered_is_remembered(story):
    await in_the_room(story)
    assert story.around.stored == [("room", "#foo"), ("attendee", "#foo", "alice@localhost/phone")]


async def test_a_failed_first_connection_refuses_the_join_once_and_is_over(story):
    story.join()
    story.start()
    await settle()
    story.session.fail(GONE)
    await story.running
    assert story.around.refusals == [("alice@localhost/phone", GONE.refused)]
    assert story.account.status.state is AccountState.IDLE
    assert len(story.around.sessions) == 1


async def test_a_lost_connection_is_made_again_and_the_room_entered_again(story):
    room = await in_the_room(story)
    story.session.fail(GONE)
    await settle()
    assert story.account.status.state is AccountState.TRANSIENT_DISCONNECT
    assert story.account.status.next_try is not None
    (note,) = story.take()
    assert "irc.test does not answer." in note.findtext("body")
    assert room.state is RoomState.LOST
    await story.around.clock.advance(2)
    await story.online()
    assert story.session.asked == [("join", "#Foo", "")]
    story.enter()
    assert [each.findtext("body") for each in story.take()] == ["Connected to irc.test again."]


async def test_a_password_that_changed_while_we_were_in_opens_the_room_next_time(story):
    await in_the_room(story)
    story.session.sink.room_password("#foo", "sesame")
    story.session.sink.room_password("#nowhere", "x")
    story.session.fail(GONE)
    await settle()
    await story.around.clock.advance(2)
    await story.online()
    assert story.session.asked == [("join", "#Foo", "sesame")]


async def test_the_wanted_nick_is_asked_for_again_though_another_was_given(story):
    room = story.join()
    story.start()
    await settle()
    story.session.sink.online("alice_")
    story.session.sink.room_joined("#foo", "alice_", [Occupant("alice_")], None)
    assert (room.nick, story.account.nick) == ("alice_", "alice_")
    story.session.fail(GONE)
    await story.around.clock.advance(2)
    assert story.session.account.nick == "alice"


async def test_tries_go_on_for_ever(story):
    await in_the_room(story)
    for _ in range(30):
        story.session.fail(GONE)
        await story.around.clock.advance(61)
    assert len(story.around.sessions) == 31
    assert len([each for each in story.take() if each.findtext("body")]) == 1, "one note for one outage"


async def test_a_ban_ends_it_and_clients_are_told_they_are_out(story):
    await in_the_room(story)
    story.session.fail(BANNED)
    await story.running
    (gone,) = story.take()
    codes = [each.get("code") for each in gone.iter("{http://jabber.org/protocol/muc#user}status")]
    assert codes == ["333", "110"]
    assert gone.findtext("status") == "You are banned."
    assert story.account.status.state is AccountState.STOPPED
    assert ("forget", "#foo") in story.around.stored


async def test_wrong_credentials_are_a_state_of_their_own(story):
    story.join()
    story.start()
    await settle()
    refused = Refused(Condition.NOT_AUTHORIZED, "Wrong password.")
    story.session.fail(SessionEnded(refused, retry=False, credentials=True))
    await story.running
    assert story.account.status.state is AccountState.BAD_CREDENTIALS
    assert story.around.refusals == [("alice@localhost/phone", refused)]


async def test_a_defect_in_the_bridge_is_a_lost_connection_not_a_dead_gateway(story):
    await in_the_room(story)
    story.session.end.set_exception(ZeroDivisionError())
    await settle()
    assert story.account.status.state is AccountState.TRANSIENT_DISCONNECT


async def test_a_new_join_during_an_outage_tries_at_once(story):
    await in_the_room(story)
    for _ in range(6):
        story.session.fail(GONE)
        await story.around.clock.advance(61)
    story.session.fail(GONE)
    await settle()
    tries = len(story.around.sessions)
    story.join("#bar")
    await settle()
    assert len(story.around.sessions) == tries + 1


async def test_the_network_may_ask_for_a_longer_pause(story):
    await in_the_room(story)
    story.session.fail(SessionEnded(Refused(Condition.RESOURCE_CONSTRAINT, "Throttled."), delay=300))
    await story.around.clock.advance(299)
    assert len(story.around.sessions) == 1
    await story.around.clock.advance(2)
    assert len(story.around.sessions) == 2


async def test_the_last_client_leaving_leaves_the_room_and_then_the_network(story):
    room = await in_the_room(story)
    attendee = room.attendees["alice@localhost/phone"]
    story.account.leave(room, attendee, "bye")
    assert ("leave", "#Foo", "bye") in story.session.asked
    await story.around.clock.advance(IDLE_SECONDS + 1)
    await story.running
    assert story.session.asked[-1] == ("close", "")
    assert story.account.status.state is AccountState.IDLE


async def test_joining_another_room_right_after_keeps_the_connection(story):
    room = await in_the_room(story)
    story.account.leave(room, room.attendees["alice@localhost/phone"], "")
    story.join("#bar")
    await story.around.clock.advance(IDLE_SECONDS + 1)
    assert not story.session.end.done()
    assert len(story.around.sessions) == 1


async def test_a_second_client_keeps_the_room(story):
    room = await in_the_room(story)
    story.join(resource="desk")
    story.account.leave(room, room.attendees["alice@localhost/phone"], "")
    assert not [asked for asked in story.session.asked if asked[0] == "leave"]
    assert room.attendees["alice@localhost/desk"].attendance is Attendance.IN


async def test_a_client_that_vanished_has_time_to_come_back(story):
    room = await in_the_room(story)
    story.account.evict(room, room.attendees["alice@localhost/phone"], 300)
    await story.around.clock.advance(299)
    assert story.account.rooms
    await story.around.clock.advance(2)
    assert ("leave", "#Foo", "") in story.session.asked


async def test_a_client_that_came_back_keeps_the_room(story):
    room = await in_the_room(story)
    story.account.evict(room, room.attendees["alice@localhost/phone"], 300)
    story.join(resource="new phone")
    await story.around.clock.advance(400)
    assert story.account.rooms == {"#foo": room}


async def test_a_refused_join_is_one_error_and_no_room(story):
    story.join()
    story.start()
    await story.online()
    why = Refused(Condition.NOT_AUTHORIZED, "Cannot join channel (+k)")
    story.session.sink.room_refused("#foo", why)
    assert story.around.refusals == [("alice@localhost/phone", why)]
    assert story.account.rooms == {}
    assert story.take() == []


async def test_a_full_room_is_tried_again_for_clients_that_were_in(story):
    await in_the_room(story)
    story.session.fail(GONE)
    await story.around.clock.advance(2)
    await story.online()
    story.session.sink.room_refused("#foo", Refused(Condition.SERVICE_UNAVAILABLE, "full", ErrorType.WAIT))
    before = len(story.session.asked)
    await story.around.clock.advance(31)
    assert story.session.asked[before:] == [("join", "#Foo", "")]


async def test_a_room_that_stays_full_is_tried_less_and_less_often(story):
    await in_the_room(story)
    story.session.fail(GONE)
    await story.around.clock.advance(2)
    await story.online()
    before = len(story.session.asked)
    waits = []
    for _ in range(9):
        story.session.sink.room_refused(
            "#foo", Refused(Condition.SERVICE_UNAVAILABLE, "full", ErrorType.WAIT)
        )
        waited = 0
        while len(story.session.asked) == before:
            await story.around.clock.advance(30)
            waited += 30
        before = len(story.session.asked)
        waits.append(waited)
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    story.session.sink.room_joined("#foo", "alice", [Occupant("alice")], None)
    story.session.sink.departed(["#foo"], "alice", Departure(Exit.LEFT))


async def test_a_network_that_bans_everybody_is_left_alone(story):
    for owner in ("bob", "carol", "dave"):
        story.around.breaker.ended("irc.test", owner, "k-lined: proxies")
    story.join()
    story.start()
    await settle()
    assert story.around.sessions == []
    ((_, why),) = story.around.refusals
    assert "proxies" in why.text
    story.join()
    await story.around.clock.advance(600)


async def test_bans_are_counted_and_a_login_ends_the_count(story):
    for owner in ("bob", "carol"):
        story.around.breaker.ended("irc.test", owner, "k-lined")
    story.join()
    story.start()
    await settle()
    story.session.fail(SessionEnded(Refused(Condition.FORBIDDEN, "banned"), retry=False, ban="k-lined"))
    await settle()
    assert story.around.breaker.bar("irc.test") is not None


async def test_being_kicked_is_the_end_of_the_room(story):
    await in_the_room(story)
    story.session.sink.departed(["#foo"], "alice", Departure(Exit.KICKED, "out", "carol"))
    (gone,) = story.take()
    codes = [each.get("code") for each in gone.iter("{http://jabber.org/protocol/muc#user}status")]
    assert codes == ["307", "110"]
    assert story.account.rooms == {}


async def test_the_user_is_invited_to_a_room_nobody_asked_for_and_it_is_left_if_nobody_comes(story):
    await in_the_room(story)
    story.session.sink.room_joined("#forced", "alice", [], None)
    assert [name for name, _ in story.around.invitations] == ["#forced"]
    await story.around.clock.advance(200)
    assert ("leave", "#forced", "") not in story.session.asked
    await story.around.clock.advance(200)
    assert ("leave", "#forced", "") in story.session.asked


async def test_a_room_that_the_user_was_put_into_is_kept_when_a_client_comes(story):
    await in_the_room(story)
    story.session.sink.room_joined("#forced", "alice", [], None)
    story.join("#forced")
    await story.around.clock.advance(400)
    assert ("leave", "#forced", "") not in story.session.asked


async def test_events_for_rooms_that_are_not_wanted_are_ignored(story):
    await in_the_room(story)
    sink = story.session.sink
    sink.room_message("#other", Message("x", "y"))
    sink.departed(["#other"], "x", Departure())
    sink.renamed(["#other"], "x", "y")
    sink.arrived("#other", Occupant("x"))
    sink.room_refused("#other", Refused(Condition.FORBIDDEN))
    assert story.take() == []


async def test_who_leaves_or_is_found_gone_hears_how_many_clients_are_still_in(story):
    room = await in_the_room(story)
    for resource in ("laptop", "tablet"):
        story.join(resource=resource)
    story.take()
    story.account.leave(room, room.attendees["alice@localhost/laptop"], "bye")
    story.account.evict(room, room.attendees["alice@localhost/tablet"], 300.0)
    gone = story.take()
    assert [(each.get("to"), each.findtext("status")) for each in gone] == [
        ("alice@localhost/laptop", "Causeway note: 2 resources are still in this channel."),
        ("alice@localhost/tablet", "Causeway note: 1 resources are still in this channel."),
    ]
    story.account.leave(room, room.attendees["alice@localhost/phone"], "bye")
    assert [each.findtext("status") for each in story.take()] == ["bye"]


async def test_clients_hear_that_an_archive_begins_or_ends(story):
    await in_the_room(story)
    for record, code in ((False, "171"), (True, "170")):
        story.around.wanted_habits = replace(USUAL, record=record)
        await story.account.adjust()
        (told,) = story.take()
        assert told.get("from") == "#foo%irc.test@gw"
        assert [each.get("code") for each in told.iter() if each.get("code")] == [code]
        await story.account.adjust()
        assert story.take() == []


async def test_what_is_waited_for_comes_before_the_end_of_the_delay(story):
    await in_the_room(story)
    sooner = asyncio.get_running_loop().create_future()
    story.session.fail(SessionEnded(GONE.refused, delay=5000.0, sooner=sooner))
    await settle()
    assert len(story.around.sessions) == 1
    sooner.set_result(None)
    await settle()
    assert len(story.around.sessions) == 2


async def test_who_does_not_wait_any_more_says_so(story):
    room = await in_the_room(story)
    sooner = asyncio.get_running_loop().create_future()
    story.session.fail(SessionEnded(GONE.refused, delay=5000.0, sooner=sooner))
    await settle()
    story.account.drop(room, "")
    await story.running
    assert sooner.cancelled()


async def test_absent_clients_survive_a_failed_first_connection_after_a_restart(story):
    room = story.join(attendance=Attendance.ABSENT)
    story.start()
    await settle()
    story.session.fail(GONE)
    await story.around.clock.advance(2)
    await story.online()
    story.enter()
    assert story.take() == [], "it has not been seen yet"
    story.account.returned(room, room.attendees["alice@localhost/phone"])
    assert [each.tag for each in story.take()] == ["presence", "presence", "message"]


async def test_a_client_proved_before_the_room_is_entered_is_shown_it_then(story):
    room = story.join(attendance=Attendance.ABSENT)
    story.start()
    story.account.returned(room, room.attendees["alice@localhost/phone"])
    await story.online()
    story.enter()
    assert [each.tag for each in story.take()] == ["presence", "presence", "message"]


async def test_closing_during_a_pause_ends_at_once(story):
    await in_the_room(story)
    story.session.fail(GONE)
    await settle()
    story.account.close("shutdown")
    await asyncio.wait_for(story.running, 1)
