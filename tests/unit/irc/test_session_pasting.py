"""Formatted text and long text through a session: codes out and in, and files in place of many lines."""

import pytest

from bridges.irc.pasting import announced
from gateway.bridge import Answer
from gateway.model import (
    Address,
    AddressKind,
    Condition,
    Enrichment,
    Message,
    MessageKind,
    Refused,
    Span,
    Style,
)
from tests.unit.irc.scripted import BOB, NETWORK, Receipt, Scene

CHAT = MessageKind.CHAT
ROOM = Address(AddressKind.ROOM, NETWORK, "#foo")
LONG = "\n".join(f"line {number}" for number in range(1, 21))
LINK = "https://files.example/message.txt"
FAST = {"networks": {NETWORK: {"throttle_rate": 0}}}


async def waiting(scene: Scene, text: str = LONG, room: str = "#foo") -> tuple[Receipt, Answer[str]]:
    """A message whose file is on its way."""
    scene.sink.files = []
    receipt = Receipt()
    scene.session.say(room, text, CHAT, receipt)
    ((published, answer),) = scene.sink.files
    assert published == text
    assert scene.server.take() == []
    return receipt, answer


async def test_styles_become_codes_and_codes_become_styles() -> None:
    scene = await Scene().in_room()
    enrichment = Enrichment(spans=(Span(3, 7, Style.STRONG),))
    receipt = Receipt()
    scene.session.express(ROOM, "so bold", CHAT, enrichment, receipt)
    assert scene.server.take() == ["PRIVMSG #foo :so \x02bold\x02"]
    assert receipt.outcome == "done"
    scene.server.says(f"{BOB} PRIVMSG #foo :so \x02bold\x02")
    assert scene.sink.take() == [("room_message", "#foo", Message("Bob", "so bold", enrichment=enrichment))]
    await scene.finish()


async def test_a_styled_action_keeps_its_form_in_every_piece() -> None:
    scene = await Scene().in_room()
    text = "word " * 200
    enrichment = Enrichment(spans=(Span(0, len(text) - 1, Style.STRONG),))
    scene.session.express(ROOM, text, MessageKind.ACTION, enrichment, Receipt())
    lines = scene.server.take()
    assert len(lines) > 1
    assert all(
        line.startswith("PRIVMSG #foo :\x01ACTION \x02word") and line.endswith("\x01") for line in lines
    )
    await scene.finish()


async def test_a_network_without_formatting_is_not_told_of_any() -> None:
    scene = await Scene({"networks": {NETWORK: {"formatting": False}}}).in_room()
    assert scene.sink.can is not None
    assert not scene.sink.can.styling
    scene.server.says(f"{BOB} PRIVMSG #foo :so \x02bold\x02")
    assert scene.sink.take() == [("room_message", "#foo", Message("Bob", "so bold"))]
    await scene.finish()


async def test_the_mark_of_a_message_to_operators_does_not_move_its_styles() -> None:
    scene = await (await Scene().login("STATUSMSG=@+")).in_room()
    scene.server.says(f"{BOB} PRIVMSG @#foo :\x02now\x02")
    ((_, _, message),) = scene.sink.take()
    (span,) = message.enrichment.spans
    assert message.text[span.start : span.end] == "now"
    await scene.finish()


async def test_many_lines_become_a_file_and_what_is_said_meanwhile_waits() -> None:
    scene = await Scene(FAST).in_room()
    receipt, answer = await waiting(scene)
    later, elsewhere = Receipt(), Receipt()
    scene.session.say("#foo", "later", CHAT, later)
    scene.session.tell("Bob", "elsewhere", CHAT, elsewhere)
    assert scene.server.take() == ["PRIVMSG Bob :elsewhere"]
    answer.told(LINK)
    assert scene.server.take() == [f"PRIVMSG #foo :line 1 … 20 lines: {LINK}", "PRIVMSG #foo :later"]
    assert [receipt.outcome, later.outcome] == ["done", "done"]
    await scene.finish()


async def test_without_a_place_for_files_lines_go_out_one_by_one() -> None:
    scene = await Scene(FAST).in_room()
    receipt, answer = await waiting(scene)
    answer.refused(Refused(Condition.SERVICE_UNAVAILABLE, "There is no place."))
    assert scene.server.take() == [f"PRIVMSG #foo :line {number}" for number in range(1, 21)]
    assert receipt.outcome == "done"
    await scene.finish()


@pytest.mark.parametrize(("lines", "text"), [(0, LONG), (20, LONG), (8, "one\ntwo")])
async def test_what_is_short_enough_is_said_line_by_line(lines: int, text: str) -> None:
    settings = {"networks": {NETWORK: {"throttle_rate": 0, "paste_lines": lines}}}
    scene = await Scene(settings).in_room()
    scene.sink.files = []
    scene.session.say("#foo", text, CHAT, Receipt())
    assert scene.sink.files == []
    assert len(scene.server.take()) == len(text.split("\n"))
    await scene.finish()


async def test_what_may_hold_a_password_is_never_published() -> None:
    scene = await Scene(FAST).in_room()
    scene.sink.files = []
    scene.session.tell("NickServ", f"IDENTIFY secret\n{LONG}", CHAT, Receipt())
    assert scene.sink.files == []
    await scene.finish()


async def test_a_file_that_comes_after_the_end_of_the_connection_is_not_announced() -> None:
    scene = await Scene(FAST).in_room()
    receipt, answer = await waiting(scene)
    later = Receipt()
    scene.session.say("#foo", "later", CHAT, later)
    scene.server.hangs_up()
    await scene.ended()
    assert receipt.why.condition is Condition.RECIPIENT_UNAVAILABLE
    assert later.why.condition is Condition.RECIPIENT_UNAVAILABLE
    answer.told(LINK)
    assert scene.server.take() == []


def test_the_announcement_fits_and_begins_with_the_first_line() -> None:
    assert announced("\n  \x02def\x02 f():\n  pass", LINK, 400) == f"def f(): … 2 lines: {LINK}"
    long = announced("größe " * 100 + "\nmore", LINK, 200)
    assert len(long.encode()) <= 200
    assert long.endswith(f"größe … 2 lines: {LINK}")
