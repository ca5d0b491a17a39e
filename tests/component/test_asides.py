"""Private conversations with occupants of a room (XEP-0045 §7.5)."""

from xml.etree.ElementTree import Element

import pytest

from gateway.model import ChatState, Reaction, Retraction
from tests.component.stage import ALICE, BOB, JID, ROOM, USER, C, Stage, condition

LAPTOP = "alice@localhost/laptop"
OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"


@pytest.fixture
async def chat(stage: Stage) -> Stage:
    """alice and Bob in a room, and alice has written to the occupant."""
    await stage.join()
    await stage.join(BOB, nick="bob")
    whisper(stage, ALICE, f"{ROOM}/bob", "psst")
    heard = await stage.expect("message", type="chat", to="bob@localhost")
    assert heard.get("from") == f"alice@{JID}", "Bob's user has not chosen the room"
    await stage.silence()
    return stage


def whisper(stage: Stage, sender: str, to: str, text: str, id_: str = "w1") -> None:
    stage.send(f"<message type='chat' id='{id_}' from='{sender}' to='{to}'><body>{text}</body></message>")


async def answer(stage: Stage, to: str, text: str = "yes") -> Element:
    whisper(stage, BOB, f"alice@{JID}", text)
    return await stage.link.expect(
        lambda each: each.get("to") == to and each.get("type") == "chat" and each.findtext(f"{C}body") == text
    )


async def test_an_answer_comes_from_the_occupant_that_was_written_to(chat: Stage) -> None:
    got = await answer(chat, ALICE)
    assert got.get("from") == f"{ROOM}/bob"
    assert got.find(f"{USER}x") is not None
    assert got.find(OCCUPANT_ID) is not None


async def test_every_client_in_the_room_gets_one_copy(chat: Stage) -> None:
    await chat.join(LAPTOP)
    await chat.silence()
    first, second = await answer(chat, ALICE), await chat.expect("message", type="chat", to=LAPTOP)
    assert first.get("id") == second.get("id")
    assert [each for each in await chat.silence() if each.find(f"{C}body") is not None] == []


async def test_what_the_occupant_does_without_words_comes_from_there_too(chat: Stage) -> None:
    got = await answer(chat, ALICE)
    sink = chat.bridge.people["alice"].sink
    sink.typing("", "bob", ChatState.COMPOSING)
    sink.reacted("", Reaction("bob", "w1", ("\N{THUMBS UP SIGN}",)))
    sink.retracted("", Retraction("bob", got.get("id") or ""))
    acts = [each for each in await chat.silence() if each.get("to") == ALICE]
    assert [each.get("from") for each in acts] == [f"{ROOM}/bob"] * 3
    assert all(each.find(f"{USER}x") is not None and each.get("type") == "chat" for each in acts)


async def test_it_goes_on_under_another_nick(chat: Stage) -> None:
    chat.send(f"<presence from='{BOB}' to='{ROOM}/Robert'/>")
    await chat.expect("presence", to=ALICE, from_=f"{ROOM}/Robert")
    assert (await answer(chat, ALICE)).get("from") == f"{ROOM}/Robert"


async def test_who_has_left_the_room_writes_from_their_own_address(chat: Stage) -> None:
    await chat.join(BOB, room=f"#other@{JID}", nick="bob")
    chat.send(f"<presence type='unavailable' from='{BOB}' to='{ROOM}/bob'/>")
    await chat.expect("presence", type="unavailable", to=ALICE)
    got = await answer(chat, "alice@localhost")
    assert got.get("from") == f"bob@{JID}"
    assert got.find(f"{USER}x") is None


async def test_a_user_who_has_left_the_room_is_written_to_as_a_person(chat: Stage) -> None:
    await chat.join(ALICE, room=f"#other@{JID}")
    chat.send(f"<presence type='unavailable' from='{ALICE}' to='{ROOM}/alice'/>")
    await chat.expect("presence", type="unavailable", to=ALICE)
    assert (await answer(chat, "alice@localhost")).get("from") == f"bob@{JID}"


async def test_writing_to_the_person_ends_it(chat: Stage) -> None:
    whisper(chat, ALICE, f"bob@{JID}", "over here")
    await chat.expect("message", type="chat", to="bob@localhost")
    assert (await answer(chat, "alice@localhost")).get("from") == f"bob@{JID}"


async def test_the_last_room_counts(chat: Stage) -> None:
    other = f"#other@{JID}"
    await chat.join(ALICE, room=other)
    await chat.join(BOB, room=other, nick="bob")
    whisper(chat, ALICE, f"{other}/bob", "here")
    await chat.expect("message", type="chat", to="bob@localhost")
    assert (await answer(chat, ALICE)).get("from") == f"{other}/bob"


async def test_what_no_client_could_take_comes_again_from_the_persons_own_address(chat: Stage) -> None:
    got = await answer(chat, ALICE)
    chat.send(
        f"<message type='error' id='{got.get('id')}' from='{ALICE}' to='{ROOM}/bob'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    await chat.silence()
    chat.send(f"<presence from='{LAPTOP}' to='{JID}'/>")
    again = await chat.expect("message", type="chat", to="alice@localhost")
    assert (again.get("from"), again.get("id")) == (f"bob@{JID}", got.get("id"))


async def test_a_receipt_for_the_occupant_settles_the_message(chat: Stage) -> None:
    got = await answer(chat, ALICE)
    id_ = got.get("id")
    chat.send(
        f"<message type='chat' from='{ALICE}' to='{ROOM}/bob'><received xmlns='urn:xmpp:receipts' id='{id_}'/></message>"
    )
    await chat.silence()
    waiting = [entry.owner for entry in chat.component.deliveries.inbound._open.values()]
    assert "alice@localhost" not in waiting


async def test_a_message_to_an_occupant_who_is_not_there_is_its_own_error(chat: Stage) -> None:
    whisper(chat, ALICE, f"{ROOM}/nobody", "hello?", "w9")
    error = await chat.expect("message", type="error", id="w9")
    assert (error.get("from"), condition(error)) == (f"{ROOM}/nobody", "item-not-found")


async def test_who_is_not_in_the_room_whispers_to_nobody(chat: Stage) -> None:
    whisper(chat, LAPTOP, f"{ROOM}/bob", "psst", "w8")
    assert condition(await chat.expect("message", type="error", id="w8")) == "not-acceptable"
