"""Threads and mailing lists as rooms of one user."""

import pytest

from bridges.email.composing.threads import Mail
from bridges.email.config import EmailSettings
from bridges.email.identity import Identities
from bridges.email.mime.letter import Person
from bridges.email.people import People
from bridges.email.personal import Personal
from bridges.email.receiving.contacts import EmailContact
from bridges.email.rooms import OpenRoom, ThreadRooms
from bridges.email.sending.bounces import Bounce
from gateway.bridge import Services
from gateway.model import Message, Refused
from gateway.testing import RecordingSink

ME, CAROL, DORA = "me@example.org", "carol@far.example", "dora@far.example"
SETTINGS = EmailSettings(
    domains=("example.org",), address_template="{local}@example.org", local_domains=("xmpp.example",)
)


class Here:
    """``people.Present``."""

    owner = "owner"
    personal = Personal()
    mailing = None

    def __init__(self) -> None:
        self.sink = RecordingSink()

    def learnt(self, contact: EmailContact) -> None: ...

    async def look_again(self, address: str) -> None: ...

    def bounced(self, address: str, bounce: Bounce | None) -> None: ...


def mail(id_: str, sender: str, *to: str, text: str = "", time: float = 0.0, thread: str = "tea") -> Mail:
    people = tuple(Person("", each) for each in to)
    return Mail(id_, "owner", f"<{id_}@x>", thread, "Re: Tea", Person("", sender), people, time, text=text)


@pytest.fixture
async def here(services: Services) -> Here:
    return Here()


@pytest.fixture
async def rooms(services: Services, here: Here) -> ThreadRooms:
    identities = Identities(SETTINGS, services)
    await identities.settle("owner", "me@xmpp.example", "")
    people = People(SETTINGS, identities)
    people.came(here)
    return ThreadRooms(services, people)


async def test_a_thread_is_a_room_of_those_in_its_newest_mail(rooms: ThreadRooms, here: Here) -> None:
    room = await rooms.open("owner", mail("m1", CAROL, ME, DORA))
    assert isinstance(room, OpenRoom)
    assert (room.room, room.subject) == ("#tea", "Tea")
    assert rooms.join("owner", here.sink, "#tea", "alice")
    _, nick, occupants, topic = here.sink.named("room_joined")[0].arguments
    assert [each.nick for each in occupants] == [CAROL, DORA, "alice"]
    assert (nick, topic.text) == ("alice", "Tea")
    place = rooms.place("owner", "#tea")
    assert place is not None
    assert [each.folded for each in place.recipients] == [CAROL, DORA]
    assert (
        await rooms.say("owner", mail("m2", DORA, ME), "", Message(DORA, "just us", foreign_id="m2"))
        == "#tea"
    )
    assert [call.arguments[1] for call in here.sink.named("departed")] == [CAROL]
    assert (
        await rooms.say("owner", mail("m3", DORA, ME, CAROL), "", Message(DORA, "all", foreign_id="m3"))
        == "#tea"
    )
    assert [call.arguments[1].nick for call in here.sink.named("arrived")] == [CAROL]


async def test_earlier_mails_stand_in_the_room_that_is_entered_first(rooms: ThreadRooms, here: Here) -> None:
    ours = Mail(
        "m2", "owner", "<m2@x>", "tea", "Re: Tea", Person("", ME), (), 2.0, text="yes", sent_by_us=True
    )
    first = mail("m1", CAROL, ME, text="tea?", time=1.0)
    await rooms.open("owner", first, [ours, first])
    for _ in range(2):
        rooms.join("owner", here.sink, "#tea", "alice")
    said = [call.arguments[1] for call in here.sink.named("room_message")]
    assert [(each.sender, each.text, each.time, each.replayed) for each in said] == [
        (CAROL, "tea?", 1.0, True),
        ("alice", "yes", 2.0, True),
    ]


async def test_rooms_outlive_a_restart_until_they_are_closed(
    rooms: ThreadRooms, here: Here, services: Services
) -> None:
    await rooms.open("owner", mail("m1", CAROL, ME, thread="Tea time / 5 o'clock"))
    (known,) = rooms.of("owner")
    again = ThreadRooms(services, rooms._people)
    await again.restore()
    assert again.of("owner") == [known]
    assert again.join("owner", here.sink, known.room, "alice")
    assert await again.close("owner", known.room)
    assert here.sink.named("departed")
    assert not again.join("owner", here.sink, known.room, "alice")
    last = ThreadRooms(services, rooms._people)
    await last.restore()
    assert last.of("owner") == []


async def test_mail_is_for_the_chat_while_the_user_is_in_no_room(rooms: ThreadRooms) -> None:
    await rooms.open("owner", mail("m1", CAROL, ME))
    assert not rooms.shown("owner", "tea", "")
    assert await rooms.say("owner", mail("m2", CAROL, ME), "", Message(CAROL, "hello")) == ""


async def test_a_mailing_list_is_one_room_for_all_its_threads(rooms: ThreadRooms, here: Here) -> None:
    post = "users@lists.example"
    room = await rooms.open("owner", mail("m1", CAROL, post), post=post)
    assert isinstance(room, OpenRoom)
    rooms.join("owner", here.sink, room.room, "alice")
    other = mail("m2", DORA, post, thread="another")
    assert await rooms.say("owner", other, post, Message(DORA, "hello", foreign_id="m2")) == room.room
    place = rooms.place("owner", room.room)
    assert place is not None
    assert [each.folded for each in place.recipients] == [post]


async def test_a_thread_with_nobody_else_is_no_room(rooms: ThreadRooms) -> None:
    assert isinstance(await rooms.open("owner", mail("m1", ME)), Refused)
