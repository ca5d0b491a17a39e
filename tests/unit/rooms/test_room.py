"""What clients see of a room, stanza by stanza."""

from dataclasses import replace

from gateway.model import Departure, Exit, Message, MessageKind, Occupant, Role, Topic
from gateway.rooms.history import HistoryRequest
from gateway.rooms.people import Attendance, Attendee
from gateway.xmpp.text import attribute
from tests.unit.rooms.surroundings import ALICE, CAROL, ROOM, USER, client, enter, speaking, statuses


def test_a_join_shows_occupants_then_oneself_then_history_then_the_subject(room, around):
    client(room)
    room.entered("alice", [CAROL, ALICE], Topic("hi", "Carol", 1_600_000_000.0))
    occupant, own, subject = around.take()
    assert (occupant.get("from"), statuses(occupant)) == (f"{ROOM}/Carol", [])
    item = occupant.find(f"{USER}x/{USER}item")
    assert (item.get("affiliation"), item.get("role")) == ("admin", "moderator")
    assert item.get("jid") == "carol%irc.localhost@gw/~carol@host"
    assert (own.get("from"), statuses(own)) == (f"{ROOM}/alice", ["100", "110"])
    assert (subject.get("from"), subject.findtext("subject")) == (f"{ROOM}/Carol", "hi")
    assert subject.find("{urn:xmpp:delay}delay").get("stamp") == "2020-09-13T12:26:40.000Z"


def test_ones_own_presence_names_oneself_by_ones_own_address_too(room, around):
    me = replace(ALICE, identity="~alice@host")
    client(room)
    room.entered("alice", [CAROL, me], None)
    occupant, own, _ = around.take()
    assert [each.get("jid") for each in occupant.iter(f"{USER}item")] == [
        "carol%irc.localhost@gw/~carol@host"
    ]
    there, here = own.iter(f"{USER}item")
    assert (there.get("jid"), here.get("jid")) == ("alice%irc.localhost@gw/~alice@host", "alice@localhost")
    room.arrived(replace(me, role=Role.MODERATOR))
    changed = around.take()[0]
    assert [each.get("role") for each in changed.iter(f"{USER}item")] == ["moderator", "moderator"]


def test_a_room_without_a_topic_sends_an_empty_subject(room, around):
    client(room)
    enter(room)
    subject = around.take()[-1]
    assert (subject.get("from"), subject.findtext("subject")) == (ROOM, "")
    assert subject.find("body") is None


def test_210_only_when_the_nick_differs(room, around):
    client(room, nick="Alice in Chains")
    enter(room)
    assert "210" in statuses(around.take()[0])


def test_a_message_reaches_every_client_with_one_stanza_id(room, around):
    client(room)
    client(room, "desk")
    enter(room, CAROL)
    around.take()
    room.heard(Message("Carol", "a <b> & 'c' \x02", foreign_id="m1"))
    first, second = around.take()
    assert {first.get("to"), second.get("to")} == {"alice@localhost/phone", "alice@localhost/desk"}
    assert first.findtext("body") == "a <b> & 'c' "
    stanza_id = first.find("{urn:xmpp:sid:0}stanza-id")
    assert (stanza_id.get("by"), stanza_id.get("id")) == (ROOM, "m1")


def test_the_same_foreign_id_is_heard_once(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.heard(Message("Carol", "once", foreign_id="m1"))
    room.heard(Message("Carol", "once", foreign_id="m1"))
    assert len(around.take()) == 1
    assert len(around.archived) == 1


def test_an_action_is_slash_me_and_a_notice_is_marked(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.heard(Message("Carol", "waves", MessageKind.ACTION))
    room.heard(Message("Carol", "beep", MessageKind.NOTICE))
    assert [each.findtext("body") for each in around.take()] == ["/me waves", "[notice] beep"]


def test_old_messages_say_when_they_were_said(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.heard(Message("Carol", "old", time=around.now() - 3600))
    assert around.take()[0].find("{urn:xmpp:delay}delay").get("from") == ROOM


def test_messages_before_the_occupant_list_wait_for_it(room, around):
    client(room)
    room.heard(Message("Carol", "early"))
    assert around.take() == []
    enter(room, CAROL)
    assert around.take()[-1].findtext("body") == "early"


def test_a_reflection_keeps_the_senders_id_for_all_clients(room, around):
    client(room)
    client(room, "desk")
    enter(room)
    around.take()
    room.said_by_us(
        "hi", MessageKind.CHAT, "my-id", "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>", ("f1", "f2")
    )
    first, second = around.take()
    assert (first.get("id"), second.get("id")) == ("my-id", "my-id")
    assert first.find("{urn:xmpp:sid:0}origin-id").get("id") == "o"
    assert first.get("from") == f"{ROOM}/alice"
    room.heard(Message("alice", "hi", foreign_id="f2"))
    assert around.take() == []


def test_history_comes_with_delay_and_the_ids_it_had(room, around):
    client(room)
    enter(room, CAROL)
    room.heard(Message("Carol", "remember", foreign_id="m9"))
    around.take()
    late = client(room, "desk", history=HistoryRequest(stanzas=5))
    room.welcome(late)
    *_, message, subject = around.take()
    assert message.findtext("body") == "remember"
    assert message.find("{urn:xmpp:sid:0}stanza-id").get("id") == "m9"
    assert message.find("{urn:xmpp:delay}delay") is not None
    assert subject.find("subject") is not None


def test_a_second_welcome_repeats_no_history(room, around):
    phone = client(room)
    enter(room, CAROL)
    room.heard(Message("Carol", "once"))
    around.take()
    room.welcome(phone)
    assert [each.findtext("body") for each in around.take() if each.tag == "message"] == [None]


def test_leaving_has_role_none_and_says_why(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.departed("Carol", Departure(Exit.QUIT, "ping timeout"))
    (gone,) = around.take()
    assert gone.get("type") == "unavailable"
    assert gone.find(f"{USER}x/{USER}item").get("role") == "none"
    assert gone.findtext("status") == "ping timeout"


def test_a_kick_names_its_actor_and_reason(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.departed("Carol", Departure(Exit.KICKED, "spam", "op"))
    (gone,) = around.take()
    item = gone.find(f"{USER}x/{USER}item")
    assert item.find(f"{USER}actor").get("nick") == "op"
    assert item.findtext(f"{USER}reason") == "spam"
    assert statuses(gone) == ["307"]
    assert (item.get("affiliation"), item.get("role")) == (
        "none",
        "none",
    )  # IRC keeps no ranks of those who are gone


def test_who_is_banned_is_an_outcast(room, around):
    client(room)
    enter(room, CAROL)
    around.take()
    room.departed("Carol", Departure(Exit.BANNED, "spam", "op"))
    (gone,) = around.take()
    assert (gone.find(f"{USER}x/{USER}item").get("affiliation"), statuses(gone)) == ("outcast", ["301"])


def test_a_nick_change_keeps_the_occupant_id(room, around):
    client(room)
    enter(room, CAROL)
    before = around.take()[0].find("{urn:xmpp:occupant-id:0}occupant-id").get("id")
    room.renamed("Carol", "Caroline")
    gone, back = around.take()
    assert (gone.get("from"), statuses(gone)) == (f"{ROOM}/Carol", ["303"])
    assert gone.find(f"{USER}x/{USER}item").get("nick") == "Caroline"
    assert (back.get("from"), back.get("type")) == (f"{ROOM}/Caroline", None)
    assert back.find("{urn:xmpp:occupant-id:0}occupant-id").get("id") == before


def test_our_own_nick_change_has_110_on_both_halves(room, around):
    client(room)
    enter(room)
    around.take()
    room.renamed("alice", "alicia")
    assert [statuses(each) for each in around.take()] == [["303", "110"], ["110"]]
    assert room.nick == "alicia"


def test_an_emoji_nick_has_a_safe_resource_and_its_real_name_beside_it(room, around):
    client(room)
    enter(room, Occupant("😀"))
    shown = around.take()[0]
    resource = shown.get("from").partition("/")[2]
    assert resource == "\\xf0\\x9f\\x98\\x80"
    assert shown.findtext("{http://jabber.org/protocol/nick}nick") == "😀"
    assert room.nick_behind(resource) == "😀"


def test_after_a_reconnection_clients_are_told_only_what_changed(room, around):
    client(room)
    enter(room, CAROL, Occupant("dave"))
    around.take()
    enter(room, CAROL, Occupant("erin"))
    gone, new = around.take()
    assert (gone.get("from"), gone.get("type")) == (f"{ROOM}/dave", "unavailable")
    assert (new.get("from"), new.get("type")) == (f"{ROOM}/erin", None)


def test_after_a_reconnection_under_another_nick_clients_see_their_nick_change(room, around):
    client(room)
    enter(room)
    around.take()
    room.entered("alice_", [Occupant("alice_")], None)
    assert [(each.get("from").rpartition("/")[2], statuses(each)) for each in around.take()][:2] == [
        ("alice", ["303", "110"]),
        ("alice_", ["110"]),
    ]


def test_clients_that_are_not_in_hear_nothing(room, around):
    client(room)
    enter(room)
    client(room, "desk", attendance=Attendance.ABSENT)
    around.take()
    room.heard(Message("Carol", "hi"))
    room.note("note")
    room.departed("Carol", Departure())
    assert {each.get("to") for each in around.take()} == {"alice@localhost/phone"}


def test_each_client_is_answered_under_the_address_it_used(room, around):
    client(room)
    other = client(room, "desk")
    other.room_attr = attribute("#{foo}%irc.localhost@gw")
    enter(room)
    assert {each.get("from").partition("/")[0] for each in around.take()} == {ROOM, "#{foo}%irc.localhost@gw"}


def test_a_dismissed_client_gets_110_and_the_reason(room, around):
    phone = client(room)
    enter(room)
    around.take()
    room.dismiss(phone, Departure(Exit.LOST, "the network is gone"))
    (gone,) = around.take()
    assert statuses(gone) == ["333", "110"]
    assert gone.findtext("status") == "the network is gone"
    assert around.kept[-1] is gone  # should the link be down: nobody will say it again
    assert not room.attendees


def test_a_client_that_counts_characters_gets_as_many_complete_stanzas_as_fit(around, room):
    room.entered("alice", [ALICE, CAROL], None)
    speaking(around, room, "one", "two & a half", "three")

    def shown(attendee: Attendee) -> list[str]:
        around.raw.clear()
        room.welcome(attendee)
        return [each for each in around.raw if "<body>" in each]

    sizes = [len(each) for each in shown(client(room))]
    assert len(sizes) == 3
    for most, expected in ((sum(sizes), 3), (sum(sizes[1:]), 2), (sum(sizes[1:]) - 1, 1), (0, 0)):
        assert len(shown(client(room, history=HistoryRequest(chars=most)))) == expected
