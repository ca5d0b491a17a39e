"""Who is who in a room: occupant-ids (XEP-0421), hats (XEP-0317), and names that no resource can hold (XEP-0172)."""

from xml.etree.ElementTree import Element

import pytest

from gateway.model import Affiliation, Departure, Exit, Hat, Message, MessageKind, Occupant, Reaction, Role
from gateway.rooms import acts
from gateway.rooms.history import HistoryRequest
from gateway.rooms.room import Room
from gateway.secrets import SecretBox
from tests.unit.rooms.surroundings import Surroundings, client, enter, statuses

ID = "{urn:xmpp:occupant-id:0}occupant-id"
NICK = "{http://jabber.org/protocol/nick}nick"
HAT = "{urn:xmpp:hats:0}hats/{urn:xmpp:hats:0}hat"
CAROL = Occupant("Carol", stable="carols-account")
DAVE = Occupant("Dave")


def ids(stanza: Element) -> list[str]:
    return [each.get("id", "") for each in stanza.iter(ID)]


def said(sender: str, text: str = "hello", stable: str = "") -> Message:
    return Message(sender, text, stable=stable)


def test_every_presence_and_message_has_exactly_one_id_the_same_for_the_same_person(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room, CAROL, DAVE)
    presence = {
        each.get("from", "").rpartition("/")[2]: ids(each) for each in around.take() if each.tag == "presence"
    }
    assert all(len(each) == 1 for each in presence.values())
    assert len({each[0] for each in presence.values()}) == 3
    room.heard(said("Dave"))
    room.said_by_us("hi", MessageKind.CHAT, "m1", "", ())
    acts.reacted(room, Reaction("Carol", "some-id", ("🙂",)))
    heard, own, reaction = around.take()
    assert (ids(heard), ids(own), ids(reaction)) == (presence["Dave"], presence["alice"], presence["Carol"])
    room.departed("Dave", Departure())
    assert ids(around.take()[0]) == presence["Dave"]


def test_history_shows_who_said_it_though_they_left_and_somebody_else_has_the_nick(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room, DAVE)
    (dave,) = ids(around.take()[0])
    room.heard(said("Dave"))
    room.departed("Dave", Departure())
    room.arrived(Occupant("Dave"))
    (other,) = ids(around.take()[-1])
    assert other != dave
    room.welcome(client(room, "desk", history=HistoryRequest(stanzas=5)))
    (old,) = [each for each in around.take() if each.tag == "message" and each.find("body") is not None]
    assert ids(old) == [dave]


def test_who_is_logged_in_has_the_same_id_whenever_they_come_and_whatever_they_are_called(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room, CAROL)
    assert ids(around.take()[0]) == ["known-irc.localhost-carols-account"]
    room.departed("Carol", Departure())
    room.arrived(Occupant("Carol_", stable="carols-account"))
    assert [ids(each) for each in around.take()] == [["known-irc.localhost-carols-account"]] * 2


def test_an_id_is_kept_through_changes_of_nick_and_when_somebody_logs_in(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room, DAVE)
    before = ids(around.take()[0])
    room.renamed("Dave", "David")
    room.arrived(Occupant("David", stable="daves-account"))
    assert [ids(each) for each in around.take()] == [before] * 3


def test_the_users_own_id_is_theirs_logged_in_or_not(room: Room, around: Surroundings) -> None:
    client(room)
    room.entered("alice", [Occupant("alice", stable="an-account")], None)
    assert ids(around.take()[0]) == ["known-us-alice"]


def test_who_speaks_without_being_there_has_an_id_and_keeps_it_on_coming_in(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room)
    around.take()
    room.heard(said("Eve"))
    room.heard(said("Eve", "again"))
    room.heard(said("Joe", stable="joes-account"))
    room.arrived(Occupant("Eve"))
    first, again, joe, arrived = around.take()
    assert ids(first) == ids(again) == ids(arrived) != []
    assert ids(joe) == ["known-irc.localhost-joes-account"]


def test_strangers_are_forgotten_one_day(room: Room, around: Surroundings) -> None:
    client(room)
    enter(room)
    for number in range(1000):
        room.heard(said(f"spammer{number}"))
    assert len(room._seating._strangers) <= 200


def test_ids_say_nothing_about_whom_they_are_of_and_outlive_the_process() -> None:
    box, again, other = SecretBox(b"k" * 32), SecretBox(b"k" * 32), SecretBox(b"x" * 32)
    made = box.pseudonym("occupant", "irc", "net", "#foo", "account")
    assert made == again.pseudonym("occupant", "irc", "net", "#foo", "account")
    others = {
        other.pseudonym("occupant", "irc", "net", "#foo", "account"),
        box.pseudonym("occupant", "irc", "net", "#bar", "account"),
        box.pseudonym("occupant", "irc", "net", "#fooa", "ccount"),
        box.pseudonym("occupant", "irc", "net", "#foo", "somebody"),
    }
    assert len(others) == 4
    assert made not in others
    assert len(made) == 32


def test_hats_tell_what_roles_cannot(room: Room, around: Surroundings) -> None:
    client(room)
    hats = (Hat("op", "Operator"), Hat("account", "Account: c<arol"))
    enter(room, Occupant("Carol", Affiliation.ADMIN, Role.MODERATOR, hats=hats), DAVE)
    carol, dave, *_ = around.take()
    assert [(each.get("uri"), each.get("title")) for each in carol.findall(HAT)] == [
        ("urn:causeway:hat:op", "Operator"),
        ("urn:causeway:hat:account", "Account: c<arol"),
    ]
    assert dave.findall(HAT) == []
    room.arrived(Occupant("Carol", hats=hats[1:]))
    assert len(around.take()[0].findall(HAT)) == 1


def test_a_nick_that_no_resource_can_hold_is_told_as_it_is(room: Room, around: Surroundings) -> None:
    client(room)
    enter(room, Occupant("😀"))
    smiley, *_ = around.take()
    assert smiley.get("from", "").endswith(r"/\xf0\x9f\x98\x80")
    assert smiley.findtext(NICK) == "😀"
    room.renamed("😀", "Smiley")
    gone, back = around.take()
    assert gone.get("from", "").endswith(r"/\xf0\x9f\x98\x80")
    assert back.find(NICK) is None


@pytest.mark.parametrize(
    ("wanted", "nick", "expected"),
    [
        ("alice", "alice", ["100", "110"]),
        ("alice", "alice_", ["100", "210", "110"]),
        (r"\xf0\x9f\x98\x80", "😀", ["100", "110"]),
    ],
)
def test_only_another_nick_than_the_one_asked_for_is_a_changed_one(
    room: Room, around: Surroundings, wanted: str, nick: str, expected: list[str]
) -> None:
    client(room, nick=wanted)
    room.entered(nick, [Occupant(nick)], None)
    assert statuses(around.take()[0]) == expected


SEEN = Occupant("Erin", identity="~erin@host")


def test_who_has_no_account_has_the_same_id_as_long_as_they_are_seen_the_same(
    room: Room, around: Surroundings
) -> None:
    client(room)
    enter(room, SEEN)
    (erin,) = ids(around.take()[0])
    assert erin == "seen-Erin!~erin@host"
    room.departed("Erin", Departure())
    room.arrived(SEEN)
    assert [ids(each) for each in around.take()] == [[erin]] * 2
    room.arrived(Occupant("Erin", identity="~erin@cloak", stable="erin"))  # is the same, whatever is learnt
    assert ids(around.take()[0]) == [erin]


def test_no_two_have_one_id_though_one_is_seen_as_the_other_was(room: Room, around: Surroundings) -> None:
    client(room)
    enter(room, SEEN)
    (erin,) = ids(around.take()[0])
    room.renamed("Erin", "Erin2")
    room.arrived(SEEN)
    assert ids(around.take()[-1]) != [erin]
    room.departed("Erin", Departure())
    room.departed("Erin2", Departure(Exit.SPLIT))  # who may be back at any time
    room.arrived(SEEN)
    assert ids(around.take()[-1]) != [erin]
    room.departed("Erin", Departure())
    room.departed("Erin2", Departure(Exit.QUIT))
    room.arrived(SEEN)
    assert ids(around.take()[-1]) == [erin]
