"""What waits for users: in order, once, with its files, and whatever goes wrong."""

import asyncio

from bridges.sms.numbers import OurNumber
from bridges.sms.receiving.tables import DELIVERIES
from bridges.sms.settings import Mode
from bridges.sms.traffic import Lamp, Nature
from gateway.model import Attachment, Condition, ErrorType, MessageKind, Refused
from tests.unit.sms.receiving.house import ALICE, BOB, OURS, House

URL = "https://api.example/media/1"
LATER = Refused(Condition.REMOTE_SERVER_TIMEOUT, "It did not come in time.", ErrorType.WAIT)
GONE = Refused(Condition.ITEM_NOT_FOUND, "It is gone.")


def picture(url: str = URL) -> Attachment:
    return Attachment(name="cat.jpg", media_type="image/jpeg", size=3000, url=url)


async def test_what_comes_while_a_user_is_away_waits_in_order(house: House) -> None:
    house.people.away.add("romeo@x")
    for number in range(120):
        await house.bring(str(number))
    await house.bring("to somebody else", recipient="+15550000002")
    await house.chat("juliet@x").has(1)
    assert house.chat().shown == []
    house.people.away.clear()
    house.receiving.wake("romeo@x")
    texts = await house.chat().has(121)
    assert [text for text in texts if text.isdigit()] == list(map(str, range(120)))


async def test_what_comes_as_the_user_comes_is_shown_behind_what_waited(house: House) -> None:
    house.people.away.add("romeo@x")
    for number in range(60):
        await house.bring(str(number))
    await house.bring("seen by all", recipient="+15550000002")
    await house.chat("juliet@x").has(1)
    house.people.away.clear()  # and nobody has said so yet
    await house.bring("60")
    texts = await house.chat().has(62)
    assert [text for text in texts if text.isdigit()] == list(map(str, range(61)))


async def test_what_nobody_comes_for_is_deleted_in_the_end(house: House) -> None:
    house.people.away.add("romeo@x")
    await house.bring("Hello?")
    await house.bring("seen by all", recipient="+15550000002")
    await house.chat("juliet@x").has(1)
    await house.clock.advance(91 * 86_400)
    await house.receiving.sweep()
    house.people.away.clear()
    house.receiving.wake("romeo@x")
    await house.bring("Here at last?")
    assert await house.chat().has(1) == ["Here at last?"]


async def test_old_messages_bear_the_time_when_they_came(house: House) -> None:
    await house.clock.advance(1000)
    came = house.clock.now()
    house.people.away.add("romeo@x")
    await house.bring("early")
    await house.clock.advance(1000)
    house.people.away.clear()
    house.receiving.wake("romeo@x")
    await house.chat().has(1)
    assert house.chat().shown[0].time == came


async def test_a_time_that_cannot_be_is_not_believed(house: House) -> None:
    await house.bring("from the future", time=house.clock.now() + 86_400)
    await house.chat().has(1)
    assert house.chat().shown[0].time == house.clock.now()


async def test_what_the_core_cannot_keep_is_tried_again(house: House) -> None:
    house.chat().keeps = False
    await house.bring("one")
    await house.bring("two")
    await house.bring("from Alice", sender=ALICE)
    await house.chat().until(lambda chat: chat.told >= 2)
    house.chat().keeps = True
    await house.clock.advance(400)
    texts = await house.chat().has(3)
    assert texts.index("one") < texts.index("two")


async def test_a_broken_database_delays_and_loses_nothing(house: House) -> None:
    await house.bring("one")
    await house.chat().has(1)
    house.chat().keeps = False
    await house.bring("two")
    await house.chat().until(lambda chat: chat.told >= 2)
    house.tables.broken = True
    house.chat().keeps = True
    await house.clock.advance(3)
    house.tables.broken = False
    for _ in range(8):
        await house.clock.advance(300)
    assert await house.chat().has(2) == ["one", "two"]


async def test_pictures_are_fetched_with_their_routes_credentials(house: House) -> None:
    house.web.there[URL] = b"JPEG"
    await house.bring("Look!", media=(picture(),))
    await house.chat().has(1)
    assert house.web.asked == [(URL, "romeo@x", "main")]
    (message,) = house.chat().shown
    assert message.text == "Look!"
    assert house.chat().files == {"cat.jpg": b"JPEG"}
    assert not any(house.services.directory.glob("blob*"))


async def test_a_picture_that_cannot_be_had_is_named_with_the_reason(house: House) -> None:
    house.web.there = {URL: GONE, f"{URL}0": b"JPEG"}
    await house.bring("Look!", media=(picture(), picture(f"{URL}0")))
    (text,) = await house.chat().has(1)
    assert text == "Look!\n[cat.jpg (image/jpeg, 3 KB) could not be fetched: It is gone.]"
    assert house.chat().files == {"cat.jpg": b"JPEG"}


async def test_a_picture_that_is_late_is_asked_for_again_and_then_named(house: House) -> None:
    house.web.there[URL] = LATER
    await house.bring("", media=(picture(),))
    await house.bring("from Alice", sender=ALICE)
    assert await house.chat().has(1) == ["from Alice"]
    for _ in range(3):
        await house.clock.advance(21)
        await house.bring("from Alice", sender=ALICE)
        await house.chat().until(lambda chat: len(chat.shown) >= 2)
    await house.chat().until(lambda chat: any("did not come in time" in text for text in chat.texts))
    assert len(house.web.asked) == 3


async def test_a_slow_picture_holds_up_its_own_chat_alone(house: House) -> None:
    gate = house.web.gates[URL] = asyncio.Event()
    house.web.there[URL] = b"JPEG"
    await house.bring("picture", media=(picture(),))
    await house.bring("after it")
    await house.bring("from Alice", sender=ALICE)
    assert await house.chat().has(1) == ["from Alice"]
    gate.set()
    assert await house.chat().has(3) == ["from Alice", "picture", "after it"]


async def test_many_slow_pictures_do_not_hold_up_texts(house: House) -> None:
    for number in range(12):
        url = f"{URL}{number}"
        house.web.gates[url] = asyncio.Event()
        house.web.there[url] = b"JPEG"
        await house.bring("picture", sender=f"+1555666{number:04}", media=(picture(url),))
    await house.bring("a code", sender=ALICE)
    assert await house.chat().has(1) == ["a code"]
    for gate in house.web.gates.values():
        gate.set()
    assert len(await house.chat().has(13)) == 13


async def test_group_texts_say_who_else_got_them(house: House) -> None:
    await house.bring("Dinner?", others=(OURS, ALICE))
    assert await house.chat().has(1) == ["[Group text, also to +1 555-765-4321.]\nDinner?"]


async def test_lamps_are_said_by_the_gateway(house: House) -> None:
    await house.bring("", nature=Nature.WAITING, lamp=Lamp("voicemail", True, 2))
    await house.chat().has(1)
    message = house.chat().shown[0]
    assert (message.sender, message.kind) == ("", MessageKind.NOTICE)
    assert house.people.met == []


async def test_withheld_numbers_and_names_are_parties_of_their_own(house: House) -> None:
    await house.bring("Boo", sender="")
    await house.bring("Sale!", sender="MyBank")
    await house.bring("Vote", sender="46645")
    await house.chat().has(3)
    assert {each.sender for each in house.chat().shown} == {
        "anonymous",
        "mybank;sender=alpha",
        "46645;phone-context=+1",
    }
    assert ("romeo@x", "mybank;sender=alpha", OURS, "MyBank") in house.people.met


async def test_what_comes_to_nobody_is_kept_and_told_until_it_is_somebodys(house: House) -> None:
    await house.bring("Anybody?", recipient="+15559999999")
    await house.bring("Hello")
    await house.chat().has(1)
    assert "which is no number of this gateway" in house.people.troubles[0][1]
    assert await house.receiving.reroute() == 0
    number = OurNumber("+15559999999", Mode.PERSONAL, ("main",), ("juliet@x",))
    house.people.numbers[number.number] = number
    assert await house.receiving.reroute() == 1
    assert await house.chat("juliet@x").has(1) == ["Anybody?"]
    assert house.chat("juliet@x").shown[0].sender == BOB


async def test_an_unexpected_failure_stops_one_chat_for_a_while(house: House) -> None:
    await house.bring("with a file", media=(picture("https://nowhere.example/"),))
    await house.bring("from Alice", sender=ALICE)
    assert await house.chat().has(1) == ["from Alice"]
    for count in range(1, 6):
        while house.receiving.delivering.counts.failed < count:
            await asyncio.sleep(0)
        await house.clock.advance(301)
    texts = await house.chat().has(2)
    assert texts[1].startswith("with a file\n[cat.jpg (image/jpeg, 3 KB) could not be fetched")


async def test_nothing_of_a_user_who_was_erased_is_shown(house: House) -> None:
    house.chat().keeps = False
    await house.bring("one")
    await house.chat().until(lambda chat: chat.told >= 1)
    await house.services.tables.write((DELIVERIES.delete().where(DELIVERIES.c.owner == "romeo@x"), None))
    house.receiving.forget("romeo@x")
    house.chat().keeps = True
    await house.clock.advance(301)
    await house.bring("two", sender=ALICE)
    assert await house.chat().has(1) == ["two"]
