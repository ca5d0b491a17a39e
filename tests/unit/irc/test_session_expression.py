"""Replies, reactions, typing and redactions over client tags, both ways."""

import pytest

from bridges.irc.session import IrcSession
from gateway.bridge import Capabilities
from gateway.model import (
    Address,
    AddressKind,
    ChatState,
    Condition,
    Enrichment,
    Message,
    MessageKind,
    Reaction,
    Reply,
    Retraction,
)
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

CHAT = MessageKind.CHAT
ROOM = Address(AddressKind.ROOM, NETWORK, "#foo")
PERSON = Address(AddressKind.CONTACT, NETWORK, "Bob")
ALL = "labeled-response echo-message draft/message-redaction"


async def in_room(*isupport: str, caps: str = ALL) -> Scene:
    return await (await Scene().login(*isupport, caps=caps)).in_room()


def told(scene: Scene) -> Capabilities:
    assert scene.sink.can is not None
    return scene.sink.can


def label_of(line: str) -> str:
    return line[1:].partition(" ")[0].partition(";")[0].removeprefix("label=")


def answer(scene: Scene, line: str, id_: str = "") -> None:
    """The server echoes a line of ours."""
    tags, _, rest = line.partition(" ")
    scene.server.says(f"{tags};msgid={id_} {ME} {rest}" if id_ else f"{tags} {ME} {rest}")


async def test_the_core_is_told_what_the_connection_can_do() -> None:
    scene = await in_room()
    can = told(scene)
    assert can.replies
    assert can.reactions
    assert can.typing
    assert can.retractions
    assert can.moderation
    scene.server.says(f":{NETWORK} 005 Nick CLIENTTAGDENY=*,-reply :are supported")
    can = told(scene)
    assert can.replies
    assert not can.reactions
    assert not can.typing
    scene.server.says(f":{NETWORK} CAP Nick DEL :message-tags")
    can = told(scene)
    assert not can.replies
    assert not can.retractions
    assert can.rooms
    await scene.finish()


async def test_a_reply_bears_the_tags_that_are_relayed() -> None:
    scene = await in_room()
    receipt = Receipt()
    scene.session.express(ROOM, "yes", CHAT, Enrichment(Reply("m1")), receipt)
    (line,) = scene.server.take()
    assert line == f"@label={label_of(line)};+reply=m1;+draft/reply=m1 PRIVMSG #foo :yes"
    answer(scene, line, "m2")
    assert receipt.ids == ["m2"]
    scene.server.says(f":{NETWORK} 005 Nick CLIENTTAGDENY=reply :are supported")
    scene.session.express(PERSON, "un\ndeux", CHAT, Enrichment(Reply("m1")), Receipt())
    lines = scene.server.take()
    assert lines[0].endswith(";+draft/reply=m1 PRIVMSG Bob :un")
    assert "reply" not in lines[1]
    await scene.finish()


async def test_others_replies_are_replies() -> None:
    scene = await in_room()
    scene.server.says(
        f"@msgid=m2;+draft/reply=m1 {BOB} PRIVMSG #foo :yes",
        f"@msgid=m3;+reply=m1 {BOB} PRIVMSG Nick :psst",
        f"@msgid=m4;+reply={'x' * 300} {BOB} PRIVMSG #foo :odd",
    )
    reply = Enrichment(Reply("m1"))
    assert scene.sink.take() == [
        ("room_message", "#foo", Message("Bob", "yes", CHAT, "m2", enrichment=reply)),
        ("direct", Message("Bob", "psst", CHAT, "m3", enrichment=reply)),
        ("room_message", "#foo", Message("Bob", "odd", CHAT, "m4")),
    ]
    await scene.finish()


async def test_only_changes_of_reactions_are_told_to_the_network() -> None:
    scene = await in_room()
    receipts = [Receipt() for _ in range(4)]
    scene.session.react(ROOM, "m1", ("👍", "🎉"), receipts[0])
    lines = scene.server.take()
    assert [line.partition(";")[2] for line in lines] == [
        "+reply=m1;+draft/reply=m1;+draft/react=👍 TAGMSG #foo",
        "+reply=m1;+draft/reply=m1;+draft/react=🎉 TAGMSG #foo",
    ]
    answer(scene, lines[0], "t1")
    assert not receipts[0].outcome
    answer(scene, lines[1], "t2")
    assert receipts[0].outcome == "done"
    scene.session.react(ROOM, "m1", ("🎉",), receipts[1])
    (line,) = scene.server.take()
    assert "+draft/unreact=👍" in line
    answer(scene, line)
    scene.session.react(ROOM, "m1", ("🎉",), receipts[2])
    assert receipts[2].outcome == "done"
    assert scene.server.take() == []
    scene.session.react(ROOM, "m1", ("🎉", "❤"), receipts[3])
    (line,) = scene.server.take()
    scene.server.says(f"@label={label_of(line)} :{NETWORK} 404 Nick #foo :Cannot send to channel")
    assert receipts[3].why.condition is Condition.FORBIDDEN
    again = Receipt()
    scene.session.react(ROOM, "m1", ("🎉", "❤"), again)  # the network does not have it
    assert len(scene.server.take()) == 1
    assert scene.sink.take() == []
    await scene.finish()


async def test_reactions_beyond_reason_are_refused() -> None:
    scene = await in_room()
    many, long = Receipt(), Receipt()
    scene.session.react(ROOM, "m1", tuple(map(str, range(11))), many)
    scene.session.react(ROOM, "m1", ("x" * 65,), long)
    assert many.why.condition is Condition.NOT_ACCEPTABLE
    assert long.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


async def test_others_reactions_are_told_as_sets() -> None:
    scene = await in_room()
    scene.server.says(
        f"@msgid=t1;+draft/reply=m1;+draft/react=👍 {BOB} TAGMSG #foo",
        f"@msgid=t2;+reply=m1;+draft/react=👨‍👩‍👧‍👦 {BOB} TAGMSG #foo",
        f"@msgid=t3;+reply=m1;+draft/react=👍 {BOB} TAGMSG #foo",  # again: nothing new
        f"@msgid=t4;+reply=m1;+draft/unreact=👍 {BOB} TAGMSG #foo",
        f"@msgid=t5;+reply=m2;+draft/react=❤️ {BOB} TAGMSG Nick",
        f"{BOB} REDACT #foo t2",
    )
    assert scene.sink.take() == [
        ("reacted", "#foo", Reaction("Bob", "m1", ("👍",))),
        ("reacted", "#foo", Reaction("Bob", "m1", ("👍", "👨‍👩‍👧‍👦"))),
        ("reacted", "#foo", Reaction("Bob", "m1", ("👨‍👩‍👧‍👦",))),
        ("reacted", "", Reaction("Bob", "m2", ("❤️",))),
        ("reacted", "#foo", Reaction("Bob", "m1", ())),
    ]
    await scene.finish()


@pytest.mark.parametrize(
    "tags",
    [
        "+draft/react=👍",  # to nothing
        f"+reply={'m' * 300};+draft/react=👍",
        "+reply=m\x01;+draft/react=👍",
        "+reply=m1;+draft/react=",
        "+reply=m1;+draft/react=\x01\x02",
        "+reply=m1;+draft/unreact=lol",
        "+reply=m1",
        "+typing=nonsense",
        "+typing=",
    ],
)
async def test_tags_that_make_no_sense_are_nothing(tags: str) -> None:
    scene = await in_room()
    scene.server.says(f"@{tags} {BOB} TAGMSG #foo", f"@{tags} :Eve!e@e TAGMSG #foo", f"@{tags} TAGMSG #foo")
    scene.server.says("@+reply=m1;+draft/react=👍 :Eve!e@e TAGMSG #foo")  # who is not there
    scene.server.says(f"@+reply=m1;+draft/react=👍 {BOB} TAGMSG #elsewhere")
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_reaction_in_words_is_an_answer() -> None:
    scene = await in_room()
    scene.server.says(f"@msgid=t1;+reply=m1;+draft/react=lol\\sthat {BOB} TAGMSG #foo")
    words = Message("Bob", "lol that", foreign_id="t1", enrichment=Enrichment(Reply("m1")))
    assert scene.sink.take() == [("room_message", "#foo", words)]
    await scene.finish()


async def test_reactions_with_another_client_of_the_user_count() -> None:
    scene = await in_room()
    scene.server.says(f"@msgid=t1;+reply=m1;+draft/react=👍 {ME} TAGMSG #foo")
    assert scene.sink.take() == [("reacted", "#foo", Reaction("Nick", "m1", ("👍",)))]
    receipt = Receipt()
    scene.session.react(ROOM, "m1", (), receipt)
    (line,) = scene.server.take()
    assert "+draft/unreact=👍" in line
    await scene.finish()


async def test_typing_is_repeated_while_it_lasts_and_no_faster_than_others_want_it() -> None:
    scene = await in_room()
    session: IrcSession = scene.session
    session.type(ROOM, ChatState.COMPOSING)
    assert scene.server.take() == ["@+typing=active TAGMSG #foo"]
    session.type(ROOM, ChatState.PAUSED)
    assert scene.server.take() == []
    await scene.clock.advance(3)
    assert scene.server.take() == ["@+typing=paused TAGMSG #foo"]
    session.type(ROOM, ChatState.COMPOSING)
    await scene.clock.advance(3)
    assert scene.server.take() == ["@+typing=active TAGMSG #foo"]
    await scene.clock.advance(9)
    assert scene.server.take() == ["@+typing=active TAGMSG #foo"] * 2
    session.say("#foo", "here", CHAT, Receipt())
    assert len(scene.server.take()) == 1
    await scene.clock.advance(20)
    assert scene.server.take() == []
    session.type(PERSON, ChatState.COMPOSING)
    await scene.clock.advance(60)
    assert 7 <= len(scene.server.take()) <= 9  # half a minute of it
    session.type(PERSON, ChatState.ACTIVE)
    assert scene.server.take() == []
    await scene.finish()


async def test_what_others_type_is_told_once_and_forgotten_in_time() -> None:
    scene = await in_room()
    for _ in range(3):
        scene.server.says(f"@+typing=active {BOB} TAGMSG #foo")
        await scene.clock.advance(3)
    assert scene.sink.take() == [("typing", "#foo", "Bob", ChatState.COMPOSING)]
    await scene.clock.advance(4)
    assert scene.sink.take() == [("typing", "#foo", "Bob", ChatState.ACTIVE)]
    scene.server.says(f"@+typing=active {BOB} TAGMSG nick", f"@+typing=paused {BOB} TAGMSG Nick")
    assert scene.sink.take() == [
        ("typing", "", "Bob", ChatState.COMPOSING),
        ("typing", "", "Bob", ChatState.PAUSED),
    ]
    scene.server.says(f"@time=2023-11-14T22:13:20.000Z {BOB} PRIVMSG Nick :done")
    await scene.clock.advance(40)
    assert [call[0] for call in scene.sink.take()] == ["direct"]
    scene.server.says(f"@+typing=active {BOB} TAGMSG #foo", f"@+typing=done {BOB} TAGMSG #foo")
    assert [call[3] for call in scene.sink.take()] == [ChatState.COMPOSING, ChatState.ACTIVE]
    scene.server.says(f"@+typing=active {ME} TAGMSG #foo", "@+typing=active :Eve!e@e TAGMSG #foo")
    assert scene.sink.take() == []
    await scene.finish()


async def test_nobody_types_in_a_crowd() -> None:
    names = " ".join(f"u{number}!u@h" for number in range(120))
    scene = await (await Scene().login(caps=ALL)).in_room(
        names=f"Nick!~nick@my.host Bob!bob@his.host {names}"
    )
    scene.session.type(ROOM, ChatState.COMPOSING)
    scene.server.says(f"@+typing=active {BOB} TAGMSG #foo")
    assert scene.server.take() == []
    assert scene.sink.take() == []
    await scene.finish()


async def test_messages_are_taken_back_with_all_their_lines() -> None:
    scene = await in_room()
    said = Receipt()
    scene.session.say("#foo", "un\ndeux", CHAT, said)
    for number, line in enumerate(scene.server.take()):
        answer(scene, line, f"m{number}")
    gone = Receipt()
    scene.session.retract(ROOM, "m0", gone)
    lines = scene.server.take()
    assert [line.partition(" ")[2] for line in lines] == ["REDACT #foo m0", "REDACT #foo m1"]
    answer(scene, lines[0])
    assert not gone.outcome
    answer(scene, lines[1])
    assert gone.outcome == "done"
    assert scene.sink.take() == []
    await scene.finish()


@pytest.mark.parametrize(
    ("fail", "condition"),
    [
        ("REDACT_FORBIDDEN #foo m1 :You are not authorised", Condition.FORBIDDEN),
        ("UNKNOWN_MSGID #foo m1 :This message does not exist", Condition.ITEM_NOT_FOUND),
        ("REDACT_WINDOW_EXPIRED #foo m1 60 :Too late", Condition.NOT_ACCEPTABLE),
    ],
)
@pytest.mark.parametrize("labels", [True, False])
async def test_what_cannot_be_taken_back_is_refused_in_the_networks_words(
    fail: str, condition: Condition, labels: bool
) -> None:
    scene = await in_room(caps=ALL if labels else "draft/message-redaction")
    receipts = Receipt(), Receipt()
    scene.session.moderate("#foo", "m0", "spam", receipts[0])
    scene.session.retract(ROOM, "m1", receipts[1])
    lines = scene.server.take()
    label = f"@label={label_of(lines[1])} " if labels else ""
    scene.server.says(f"{label}:{NETWORK} FAIL REDACT {fail}")
    assert receipts[1].why.condition is condition
    assert fail.partition(" :")[2] in receipts[1].why.text
    assert not receipts[0].outcome
    await scene.finish()


@pytest.mark.parametrize("caps", [ALL, "draft/message-redaction"])
async def test_a_moderators_removal_is_told_to_everybody(caps: str) -> None:
    scene = await in_room(caps=caps)
    receipt = Receipt()
    scene.session.moderate("#foo", "m1", "spam and eggs", receipt)
    (line,) = scene.server.take()
    assert line.endswith("REDACT #foo m1 :spam and eggs")
    if line.startswith("@"):
        answer(scene, line)
    else:
        scene.server.says(f"{ME} {line}")
    assert receipt.outcome == "done"
    assert scene.sink.take() == [
        ("retracted", "#foo", Retraction("Nick", "m1", moderated=True, reason="spam and eggs"))
    ]
    await scene.finish()


async def test_what_others_take_back_is_passed_on() -> None:
    scene = await in_room()
    scene.server.says(
        f"{BOB} REDACT #foo m1 :spam",
        f"{BOB} REDACT Nick m2",
        f"{ME} REDACT #foo m3",
        f"{BOB} REDACT #elsewhere m4",
        f"{BOB} REDACT #foo :",
        f"{BOB} REDACT #foo",
    )
    assert scene.sink.take() == [
        ("retracted", "#foo", Retraction("Bob", "m1", reason="spam")),
        ("retracted", "", Retraction("Bob", "m2")),
        ("retracted", "#foo", Retraction("Nick", "m3")),
    ]
    await scene.finish()


async def test_what_the_connection_cannot_do_is_refused() -> None:
    scene = await (await Scene().login("CLIENTTAGDENY=*")).in_room()
    receipts = [Receipt() for _ in range(4)]
    scene.session.react(ROOM, "m1", ("👍",), receipts[0])
    scene.session.retract(ROOM, "m1", receipts[1])
    scene.session.moderate("#foo", "m1", "", receipts[2])
    scene.session.react(Address(AddressKind.ROOM, NETWORK, "#bar"), "m1", ("👍",), receipts[3])
    assert all(receipt.why.text for receipt in receipts)
    scene.session.type(ROOM, ChatState.COMPOSING)
    said = Receipt()
    scene.session.express(ROOM, "yes", CHAT, Enrichment(Reply("m1")), said)
    assert scene.server.take() == ["PRIVMSG #foo :yes"]
    assert said.outcome == "done"
    await scene.finish()
