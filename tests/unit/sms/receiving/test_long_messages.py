"""Long messages, from their pieces to the chat, over restarts and with real tables."""

import asyncio
import random
from dataclasses import replace

from sqlalchemy import select

from bridges.sms.receiving.reassembly import ReassemblyLimits
from bridges.sms.receiving.receiving import Terms
from bridges.sms.receiving.tables import INBOUND
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Nature
from gateway.bridge import Services
from tests.fakes.clock import ManualClock
from tests.unit.sms.receiving.house import ALICE, BOB, OURS, House, pieces
from tests.waiting import eventually


async def take(house: House, *inbound: Inbound) -> None:
    for each in inbound:
        await house.receiving.intake.received(each)


async def test_pieces_out_of_order_are_one_text(house: House) -> None:
    made = pieces(*(f"part {number:02} " for number in range(12)))
    random.Random(3).shuffle(made)
    await take(house, *made)
    (text,) = await house.chat().has(1)
    assert text == "".join(f"part {number:02} " for number in range(12))


async def test_255_pieces_are_one_text(house: House) -> None:
    made = pieces(*(f"{number:03}" for number in range(255)))
    random.Random(5).shuffle(made)
    await asyncio.gather(*(house.receiving.intake.received(each) for each in made))
    (text,) = await house.chat().has(1)
    assert text == "".join(f"{number:03}" for number in range(255))


async def test_a_surrogate_parted_over_two_segments_is_one_character(house: House) -> None:
    data = "Hi 😀!".encode("utf-16-be")
    await take(house, *pieces(data[:8], data[8:], alphabet=Alphabet.UCS2))
    assert await house.chat().has(1) == ["Hi 😀!"]


async def test_an_escape_parted_from_its_character_is_one_character(house: House) -> None:
    await take(house, *pieces(b"5 \x1b", b"e please", alphabet=Alphabet.GSM))
    assert await house.chat().has(1) == ["5 € please"]


async def test_half_characters_of_providers_that_decode_are_joined(house: House) -> None:
    await take(house, *pieces("Hi \ud83d", "\ude00!", width=0, reference="vonage-ref"))
    assert await house.chat().has(1) == ["Hi 😀!"]


async def test_pieces_with_ids_of_their_own_are_joined_and_known_again(house: House) -> None:
    first, second = pieces("one ", "two", width=0)
    first, second = (
        Inbound(**{**{name: getattr(each, name) for name in each.__dataclass_fields__}, "id": f"id{number}"})
        for number, each in enumerate((first, second))
    )
    await take(house, first, second, first, second)
    await house.bring("that is all")
    assert await house.chat().has(2) == ["one two", "that is all"]


async def test_each_piece_is_read_by_its_own_alphabet(house: House) -> None:
    gsm = Inbound(
        "main", BOB, OURS, data=b"abc ", alphabet=Alphabet.GSM, concatenation=Concatenation("7", 2, 1)
    )
    ucs2 = Inbound(
        "main",
        BOB,
        OURS,
        data="жук".encode("utf-16-be"),
        alphabet=Alphabet.UCS2,
        concatenation=Concatenation("7", 2, 2),
    )
    await take(house, ucs2, gsm)
    assert await house.chat().has(1) == ["abc жук"]


async def test_two_senders_with_one_reference_are_never_mixed(house: House) -> None:
    bobs, alices = pieces("Bob ", "here", sender=BOB), pieces("Alice ", "here", sender=ALICE)
    await take(house, bobs[0], alices[1], alices[0], bobs[1])
    await house.chat().has(2)
    assert {(each.sender, each.text) for each in house.chat().shown} == {
        (BOB, "Bob here"),
        (ALICE, "Alice here"),
    }


async def test_a_missing_piece_leaves_a_visible_gap(house: House) -> None:
    made = pieces("one ", "two ", "three ", "four ", "five")
    await take(house, made[0], made[1], made[4])
    await house.bring("meanwhile", sender=ALICE)
    assert await house.chat().has(1) == ["meanwhile"]
    await house.clock.advance(299)
    assert len(house.chat().shown) == 1
    await house.clock.advance(2)
    assert (await house.chat().has(2))[1] == "one two  [Parts 3 to 4 of 5 did not arrive.] five"
    await take(house, made[2])
    await house.bring("and then", sender=ALICE)
    await house.chat().has(3)
    await house.clock.advance(301)
    assert (await house.chat().has(4))[3] == (
        " [Parts 1 to 2 of 5 did not arrive.] three  [Parts 4 to 5 of 5 did not arrive.] "
    )


async def test_a_message_that_came_again_is_shown_once(house: House) -> None:
    made = pieces("one ", "two")
    await take(house, *made, *made, made[1])
    await house.bring("that is all")
    assert await house.chat().has(2) == ["one two", "that is all"]
    await house.clock.advance(301)
    await house.bring("after all")
    assert await house.chat().has(3) == ["one two", "that is all", "after all"]
    assert house.receiving.sorting.counts.echoes == 2


async def test_a_reference_in_use_again_is_a_new_message(house: House) -> None:
    await take(house, *pieces("Dear customer, ", "one"), *pieces("Dear customer, ", "two"))
    assert await house.chat().has(2) == ["Dear customer, one", "Dear customer, two"]


async def test_pieces_outlive_us(house: House) -> None:
    made = pieces("one ", "two ", "three")
    await take(house, made[2], made[0])
    await house.kill()
    house.start()
    await take(house, made[1])
    assert await house.chat().has(1) == ["one two three"]


async def test_a_clock_that_went_back_mixes_nothing_up(house: House, services: Services) -> None:
    house.people.away.add("romeo@x")
    made = pieces("one ", "two")
    await take(house, made[0])
    await house.bring("first", sender=ALICE)
    await house.kill()
    slow = ManualClock(house.clock.now() - 86_400)
    house.services, house.clock = replace(services, clock=slow), slow
    house.start()
    await house.bring("second", sender=ALICE)
    await take(house, made[1])
    await house.bring("third", sender=ALICE)
    house.people.away.clear()
    house.receiving.wake("romeo@x")
    texts = await house.chat().has(4)
    assert [text for text in texts if text != "one two"] == ["first", "second", "third"]
    assert "one two" in texts


async def test_a_late_piece_after_a_restart_opens_nothing(house: House) -> None:
    made = pieces("one ", "two")
    await take(house, *made)
    await house.chat().has(1)
    await house.kill()
    house.start()
    await take(house, made[0])
    await house.bring("that is all")
    await house.chat().has(2)
    await house.clock.advance(301)
    await house.bring("after all")
    assert await house.chat().has(3) == ["one two", "that is all", "after all"]


async def test_a_clock_that_is_set_back_does_not_prolong_the_wait_for_a_piece(house: House) -> None:
    await take(house, pieces("one ", "two")[0])
    await house.bring("meanwhile", sender=ALICE)
    assert await house.chat().has(1) == ["meanwhile"]
    house.clock.set_back(86_400)
    begun = house.clock.monotonic()
    await eventually(lambda: len(house.chat().shown) == 2, meanwhile=lambda: house.clock.advance(60))
    assert house.clock.monotonic() - begun < 3600


async def test_after_a_long_stop_missing_pieces_are_waited_for_anew(house: House) -> None:
    made = pieces("one ", "two")
    await take(house, made[0])
    await house.kill()
    await house.clock.advance(86_400)
    house.start()
    await house.bring("meanwhile", sender=ALICE)
    assert await house.chat().has(1) == ["meanwhile"]
    await take(house, made[1])
    assert (await house.chat().has(2))[1] == "one two"


async def test_a_thousand_open_sets_and_nothing_is_lost(services: Services, clock: ManualClock) -> None:
    limits = ReassemblyLimits(of_sender=20, in_all=50)
    house = House(services, clock, Terms("US", limits))
    house.start()
    firsts = [pieces(f"a{number} ", f"b{number}", sender=f"+1555700{number:04}") for number in range(60)]
    await asyncio.gather(*(house.receiving.intake.received(first) for first, _ in firsts))
    await house.chat().has(10)
    assert all(text.endswith("[Part 2 of 2 did not arrive.] ") for text in house.chat().texts)
    await take(house, *(second for _, second in firsts[10:]))
    await house.chat().has(60)
    assert sorted(house.chat().texts[10:]) == sorted(f"a{number} b{number}" for number in range(10, 60))
    await house.receiving.close()
    assert await house.tables.read(select(INBOUND)) == []
    await house.kill()


async def test_ports_and_pieces_are_one_thing_for_an_application(house: House) -> None:
    card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Doe;Jane\r\nEND:VCARD\r\n"
    parts = pieces(card[:20], card[20:], alphabet=Alphabet.BINARY, nature=Nature.BINARY, port=9204)
    await take(house, *reversed(parts))
    (text,) = await house.chat().has(1)
    assert text == f"[A message that is no text: a contact (vCard), {len(card)} octets, port 9204.]"
    assert house.chat().files == {"contact.vcf": card}


async def test_what_cannot_be_read_stops_nothing(services: Services, clock: ManualClock) -> None:
    house = House(services, clock)
    house.start()
    # An alphabet that there is no reader for, as after a mistake of ours.
    broken = Inbound("main", BOB, OURS, data=b"x", alphabet=Alphabet.GSM, locking=99)
    await take(house, broken)
    await house.bring("next")
    assert (await house.chat().has(2))[1] == "next"
    await house.kill()
