import pytest

from gateway.model import (
    Condition,
    DeliveryState,
    Departure,
    Enrichment,
    Exit,
    Message,
    MessageKind,
    Span,
    Style,
)
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

CHAT, ACTION, NOTICE = MessageKind.CHAT, MessageKind.ACTION, MessageKind.NOTICE


def throttled(burst: int) -> dict[str, object]:
    return {"networks": {NETWORK: {"throttle_burst": burst}}}


async def test_words_to_a_room_reach_it() -> None:
    scene = await Scene().in_room()
    scene.server.says(
        f"{BOB} PRIVMSG #FOO :hello \x02there\x02",
        f"{BOB} PRIVMSG #foo :\x01ACTION waves\x01",
        f"{BOB} NOTICE #foo :mind you",
        f"@time=2023-11-14T22:13:20.250Z;msgid=abc {BOB} PRIVMSG #foo :later",
        f"{BOB} PRIVMSG #elsewhere :not for us",
        f"{BOB} PRIVMSG #foo :\x0f",
    )
    assert scene.sink.take() == [
        (
            "room_message",
            "#foo",
            Message("Bob", "hello there", enrichment=Enrichment(spans=(Span(6, 11, Style.STRONG),))),
        ),
        ("room_message", "#foo", Message("Bob", "waves", ACTION)),
        ("room_message", "#foo", Message("Bob", "mind you", NOTICE)),
        ("room_message", "#foo", Message("Bob", "later", CHAT, "abc", 1_700_000_000.25)),
    ]
    await scene.finish()


async def test_a_message_to_the_operators_only_is_marked() -> None:
    scene = await (await Scene().login("STATUSMSG=@+")).in_room()
    scene.server.says(f"{BOB} PRIVMSG @#foo :ops only")
    assert scene.sink.take() == [("room_message", "#foo", Message("Bob", "[@] ops only"))]
    await scene.finish()


async def test_private_words_are_direct_messages() -> None:
    scene = await Scene().login()
    scene.server.says(
        f"{BOB} PRIVMSG Nick :psst",
        f"{BOB} PRIVMSG nick :\x01ACTION nods\x01",
        ":NickServ!s@services NOTICE Nick :This nickname is registered.",
    )
    assert scene.sink.take() == [
        ("direct", Message("Bob", "psst")),
        ("direct", Message("Bob", "nods", ACTION)),
        ("direct", Message("NickServ", "This nickname is registered.", NOTICE)),
    ]
    await scene.finish()


async def test_a_notice_for_a_channel_is_shown_there() -> None:
    scene = await Scene().in_room()
    scene.server.says(
        f"{BOB} NOTICE Nick :[#foo] Hello in a notice.", f"{BOB} NOTICE Nick :[#bar] not in there"
    )
    assert scene.sink.take() == [
        ("room_message", "#foo", Message("Bob", "[#foo] Hello in a notice.", NOTICE)),
        ("direct", Message("Bob", "[#bar] not in there", NOTICE)),
    ]
    await scene.finish()


async def test_a_notice_of_a_server_is_the_networks_word_unless_the_user_wrote_to_it() -> None:
    scene = await Scene({"server_messages": "all"}).login()
    scene.server.says(":services.example NOTICE Nick :hello", ":ChanServ NOTICE Nick :hello")
    assert [call[0] for call in scene.sink.take()] == ["service", "service"]
    scene.session.tell("chanserv", "help", CHAT, Receipt())
    scene.server.says(":ChanServ NOTICE Nick :here it is")
    assert scene.sink.take() == [("direct", Message("ChanServ", "here it is", NOTICE))]
    await scene.finish()


async def test_ctcp_questions_are_answered_three_at_once_and_then_slowly() -> None:
    scene = await Scene().in_room()
    scene.sink.answer = ""
    scene.server.says(f"{BOB} PRIVMSG Nick :\x01PING 12345\x01")
    assert scene.server.take() == []  # whoever asks wants to know about the user's client, not about us
    scene.sink.answer = "pong"
    await scene.clock.advance(10)
    scene.server.says(f"{BOB} PRIVMSG Nick :\x01PING 12345\x01")
    assert scene.server.take() == ["NOTICE Bob :\x01PING 12345\x01"]
    scene.sink.answer = ""
    await scene.clock.advance(10)
    scene.sink.take()
    scene.server.says(
        f"{BOB} PRIVMSG Nick :\x01VERSION\x01",
        f"{BOB} PRIVMSG #foo :\x01CLIENTINFO\x01",
        f"{BOB} PRIVMSG Nick :\x01VERSION\x01",
        f"{BOB} PRIVMSG Nick :\x01TIME\x01",
        f"{BOB} PRIVMSG Nick :\x01DCC SEND x 1 2 3\x01",
    )
    assert scene.server.take() == [
        "NOTICE Bob :\x01VERSION Causeway 1.2.3\x01",
        "NOTICE Bob :\x01CLIENTINFO ACTION CLIENTINFO PING TIME VERSION\x01",
        "NOTICE Bob :\x01VERSION Causeway 1.2.3\x01",
    ]
    await scene.clock.advance(2)
    scene.server.says(f"{BOB} PRIVMSG Nick :\x01TIME\x01", f"{BOB} PRIVMSG Nick :\x01TIME\x01")
    (line,) = scene.server.take()
    assert line.startswith("NOTICE Bob :\x01TIME Tue, 14 Nov 2023 22:13:42 ")
    scene.sink.take()
    scene.server.says(f"{BOB} NOTICE Nick :\x01VERSION what we never asked\x01")
    assert scene.sink.take() == []
    await scene.finish()


async def test_what_is_said_is_sent_and_the_ticket_done() -> None:
    scene = await Scene().in_room()
    receipts = [Receipt() for _ in range(4)]
    scene.session.say("#FOO", "hello", CHAT, receipts[0])
    scene.session.say("#foo", "waves", ACTION, receipts[1])
    scene.session.tell("Bob", "mind you", NOTICE, receipts[2])
    scene.session.say("#foo", "un\ndeux\n\ntrois", CHAT, receipts[3])
    assert scene.server.take() == [
        "PRIVMSG #foo :hello",
        "PRIVMSG #foo :\x01ACTION waves\x01",
        "NOTICE Bob :mind you",
        "PRIVMSG #foo :un",
        "PRIVMSG #foo :deux",
        "PRIVMSG #foo :trois",
    ]
    assert [receipt.outcome for receipt in receipts] == ["done"] * 4
    await scene.finish()


async def test_a_long_text_is_parted_so_that_every_piece_arrives_whole() -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    text = "größe " * 300
    scene.session.say("#foo", text, ACTION, receipt)
    lines = scene.server.take()
    relayed = [f"{ME} {line}\r\n" for line in lines]
    assert all(len(line.encode()) <= 512 for line in relayed)
    bodies = [line.removeprefix("PRIVMSG #foo :\x01ACTION ").removesuffix("\x01") for line in lines]
    assert "".join(bodies) == text
    assert receipt.outcome == "done"
    await scene.finish()


@pytest.mark.parametrize("text", ["a\rQUIT :x", "a\0b", "", "\n\n"])
async def test_text_that_irc_cannot_carry_is_refused_and_nothing_sent(text: str) -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    scene.session.say("#foo", text, CHAT, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert receipt.why.text
    assert scene.server.take() == []
    await scene.finish()


@pytest.mark.parametrize("contact", ["a b", "a,b", "*", "#foo", "", "a\r", ":x", "$*"])
async def test_a_contact_that_is_none_is_refused(contact: str) -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    scene.session.tell(contact, "hi", CHAT, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


async def test_a_flood_is_throttled_and_bounded() -> None:
    scene = await Scene(throttled(10)).login()
    await scene.clock.advance(60)
    await scene.in_room()
    await scene.clock.advance(20)
    scene.server.take()
    receipts = [Receipt() for _ in range(1100)]
    for receipt in receipts:
        scene.session.say("#foo", "x", CHAT, receipt)
    assert len(scene.server.take()) == 10
    refused = [receipt for receipt in receipts if receipt.outcome not in ("", "done")]
    assert len(refused) == 90
    assert refused[0].why.condition is Condition.RESOURCE_CONSTRAINT
    await scene.clock.advance(5)
    assert len(scene.server.take()) == 5
    assert sum(receipt.outcome == "done" for receipt in receipts) == 15
    await scene.finish()


async def test_without_a_rate_nothing_waits_but_for_the_connection() -> None:
    scene = await Scene({"networks": {NETWORK: {"throttle_rate": 0}}}).in_room()
    assert scene.server.connection is not None
    for _ in range(100):
        scene.session.say("#foo", "x", CHAT, Receipt())
    assert len(scene.server.take()) == 100
    scene.server.connection.writable = False
    receipt = Receipt()
    scene.session.say("#foo", "x", CHAT, receipt)
    assert scene.server.take() == []
    scene.server.connection.writable = True
    scene.server.on_writable()
    assert scene.server.take() == ["PRIVMSG #foo :x"]
    assert receipt.outcome == "done"
    await scene.finish()


async def test_an_error_while_lines_still_wait_refuses_the_message_and_takes_them_back() -> None:
    scene = await Scene(throttled(1)).login()
    await scene.clock.advance(60)
    await scene.in_room()
    await scene.clock.advance(5)
    scene.server.take()
    receipt = Receipt()
    scene.session.say("#foo", "one\ntwo\nthree", CHAT, receipt)
    assert scene.server.take() == ["PRIVMSG #foo :one"]
    scene.server.says(f":{NETWORK} 404 Nick #foo :Cannot send to channel")
    assert receipt.why.condition is Condition.FORBIDDEN
    assert "Cannot send to channel" in receipt.why.text
    await scene.clock.advance(10)
    assert scene.server.take() == []
    assert scene.sink.take() == []
    await scene.finish()


async def test_an_error_after_the_message_was_sent_becomes_a_note_where_it_was_said() -> None:
    scene = await Scene().in_room()
    scene.session.say("#foo", "hello", CHAT, Receipt())
    scene.session.tell("Ghost", "hello", CHAT, Receipt())
    scene.server.says(
        f":{NETWORK} 404 Nick #foo :Cannot send to channel",
        f":{NETWORK} 401 Nick ghost :No such nick/channel",
    )
    note, service = scene.sink.take()
    assert note[:2] == ("room_note", "#foo")
    assert "Cannot send to channel" in note[2]
    assert service[0] == "service"
    assert "ghost: No such nick/channel" in service[1]
    await scene.finish()


async def test_an_error_after_a_private_message_was_sent_is_about_the_latest_to_that_nick() -> None:
    scene = await Scene().in_room()
    for reference, contact, text in (
        ("a", "Ghost", "one"),
        ("b", "ghost", "two\nand three"),
        ("c", "Bob", "for somebody else"),
    ):
        scene.session.tell(contact, text, CHAT, Receipt(reference))
    error = f":{NETWORK} 401 Nick Ghost :No such nick/channel"
    scene.server.says(error, error, error)
    assert [call[:3] for call in scene.sink.take()] == [
        ("delivery", "b", DeliveryState.FAILED),
        ("delivery", "b", DeliveryState.FAILED),
        ("delivery", "a", DeliveryState.FAILED),
    ]
    scene.server.says(error)
    assert [call[0] for call in scene.sink.take()] == ["service"]
    await scene.finish()


async def test_an_error_long_after_a_private_message_or_to_a_typed_line_is_about_something_else() -> None:
    scene = await Scene().in_room()
    scene.session.tell("Ghost", "one", CHAT, Receipt("a"))
    await scene.clock.advance(31)
    scene.server.says(f":{NETWORK} 401 Nick Ghost :No such nick/channel")
    assert [call[0] for call in scene.sink.take()] == ["service"]
    scene.session.tell("Ghost", "two", CHAT, Receipt("b"))
    scene.session.instruct("WHOIS Ghost", Receipt())
    scene.server.says(f":{NETWORK} 401 Nick Ghost :No such nick/channel")
    assert [call[0] for call in scene.sink.take()] == ["service"]
    await scene.finish()


async def test_a_nick_changes_when_the_server_says_so() -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    scene.session.rename("Other", receipt)
    assert scene.server.take() == ["NICK Other"]
    assert receipt.outcome == ""
    scene.server.says(f"{ME} NICK :Other")
    assert receipt.outcome == "done"
    same = Receipt()
    scene.session.rename("Other", same)
    assert same.outcome == "done"
    assert scene.server.take() == []
    await scene.finish()


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("433 Nick Other :Nickname is already in use", Condition.CONFLICT),
        ("432 Nick Other :Erroneous nickname", Condition.NOT_ACCEPTABLE),
        ("438 Nick Other :Nick change too fast", Condition.NOT_ACCEPTABLE),
        ("447 Nick :Cannot change nickname while on #foo", Condition.NOT_ACCEPTABLE),
    ],
)
async def test_a_refused_nick_is_one_clear_error(line: str, condition: Condition) -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    scene.session.rename("Other", receipt)
    scene.server.says(f":{NETWORK} {line}")
    assert receipt.why.condition is condition
    assert line.rpartition(":")[2] in receipt.why.text
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_topic_is_set_on_one_line_and_confirmed_by_its_echo() -> None:
    scene = await (await Scene().login("TOPICLEN=23")).in_room()
    done, refused, late = Receipt(), Receipt(), Receipt()
    scene.session.set_topic("#foo", "FIRST LINE\nSECOND LINE.", done)
    assert scene.server.take() == ["TOPIC #foo :FIRST LINE SECOND LINE."]
    scene.server.says(f"{BOB} TOPIC #foo :somebody else's", f"{ME} TOPIC #foo :FIRST LINE SECOND LINE.")
    assert done.outcome == "done"
    scene.session.set_topic("#foo", "", refused)
    assert scene.server.take() == ["TOPIC #foo :"]
    scene.server.says(f":{NETWORK} 482 Nick #foo :You're not channel operator")
    assert refused.why.condition is Condition.FORBIDDEN
    scene.session.set_topic("#foo", "x", late)
    await scene.clock.advance(20.1)
    assert late.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    await scene.finish()


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("é" * 11, "room for 20 bytes; this one has 22"),
        ("one\rQUIT :x", "carriage return"),
        ("one\0two", "NUL"),
    ],
)
async def test_a_topic_that_does_not_fit_is_refused_not_changed(topic: str, words: str) -> None:
    scene = await (await Scene().login("TOPICLEN=20")).in_room()
    receipt = Receipt()
    scene.session.set_topic("#foo", topic, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert words in receipt.why.text
    assert scene.server.take() == []
    await scene.finish()


async def test_a_reason_with_a_carriage_return_is_refused() -> None:
    scene = await Scene().in_room()
    receipt = Receipt()
    scene.session.kick("#foo", "Bob", "out\rQUIT", receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


async def test_a_kick_is_confirmed_by_its_echo_or_refused() -> None:
    scene = await Scene().in_room(names="@Nick Bob Eve")
    done, gone, refused, away = Receipt(), Receipt(), Receipt(), Receipt()
    scene.session.kick("#foo", "Bob", "reported", done)
    assert scene.server.take() == ["KICK #foo Bob :reported"]
    scene.server.says(f"{ME} KICK #foo Bob :reported")
    assert done.outcome == "done"
    assert scene.sink.take() == [("departed", ["#foo"], "Bob", Departure(Exit.KICKED, "reported", "Nick"))]
    scene.session.kick("#foo", "Bob", "", gone)
    scene.server.says(f":{NETWORK} 441 Nick Bob #foo :They aren't on that channel")
    assert gone.why.condition is Condition.ITEM_NOT_FOUND
    scene.session.kick("#foo", "Eve", "", refused)
    scene.server.says(f":{NETWORK} 482 Nick #foo :You're not channel operator")
    assert refused.why.condition is Condition.FORBIDDEN
    scene.session.kick("#foo", "nobody", "", away)
    scene.server.says(f":{NETWORK} 401 Nick nobody :No such nick")
    assert away.why.condition is Condition.ITEM_NOT_FOUND
    assert scene.sink.take() == []
    await scene.finish()


async def test_raw_lines_are_sent_and_their_answers_shown_for_as_long_as_they_come() -> None:
    scene = await Scene().login()
    receipt = Receipt()
    scene.session.instruct("WHOIS Nick", receipt)
    assert receipt.outcome == "done"
    assert scene.server.take() == ["WHOIS Nick"]
    await scene.clock.advance(4)
    scene.server.says(f":{NETWORK} 311 Nick Nick ~Nick localhost * :Nick")
    await scene.clock.advance(4)
    scene.server.says(f":{NETWORK} 318 Nick Nick :End of /WHOIS list.")
    await scene.clock.advance(6)
    scene.server.says(f":{NETWORK} 318 Nick Nick :not asked for")
    assert scene.sink.take() == [
        ("service", f"{NETWORK}: Nick ~Nick localhost * Nick"),
        ("service", f"{NETWORK}: Nick End of /WHOIS list."),
    ]
    await scene.finish()


async def test_errors_of_raw_lines_are_shown_once() -> None:
    scene = await Scene().in_room()
    scene.session.instruct("FROB\nMODE #foo +o Nick", Receipt())
    scene.server.says(
        f":{NETWORK} 421 Nick FROB :Unknown command",
        f":{NETWORK} 482 Nick #foo :You're not a channel operator",
    )
    assert scene.sink.take() == [
        ("service", f"{NETWORK}: FROB: Unknown command"),
        ("service", f"{NETWORK}: #foo: You're not a channel operator"),
    ]
    await scene.finish()


@pytest.mark.parametrize(
    "text", ["", "  \n", "a\rb", "a\0b", ":x y", "@a b", "x" * 511, "\n".join(["PING x"] * 21)]
)
async def test_raw_lines_that_cannot_be_sent_are_refused(text: str) -> None:
    scene = await Scene().login()
    receipt = Receipt()
    scene.session.instruct(text, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


async def test_a_quit_typed_by_the_user_leaves_the_rooms_first_and_is_final() -> None:
    scene = await Scene({"server_messages": "all"}).in_room()
    scene.session.instruct("QUIT bye bye", Receipt())
    scene.server.says("ERROR :Quit: bye")
    scene.server.hangs_up()
    ended = await scene.ended()
    assert not ended.retry
    assert not ended.credentials
    assert scene.sink.take() == [
        ("departed", ["#foo"], "Nick", Departure(Exit.QUIT, "Quit: bye")),
        ("service", "ERROR: Quit: bye"),
        ("service", "ERROR: Connection closed."),
    ]


async def test_being_killed_is_final() -> None:
    scene = await Scene().in_room()
    scene.server.says(":oper!o@h KILL Nick :enough", "ERROR :Closing Link: Nick (Killed (oper (enough)))")
    scene.server.hangs_up()
    ended = await scene.ended()
    assert not ended.retry
    assert "enough" in ended.refused.text


async def test_what_a_server_announces_is_shown_once_the_welcome_is_over() -> None:
    scene = await Scene().login()
    scene.server.says(f":{NETWORK} NOTICE Nick :*** You are connected over TLS")
    assert scene.sink.take() == []
    scene.server.says(":NickServ NOTICE Nick :This nick is registered")  # of services without an address
    assert scene.sink.take() == [("service", "NickServ: This nick is registered")]
    await scene.clock.advance(20)
    scene.server.says(
        f":{NETWORK} NOTICE $$* :Restart in five minutes", ":oper!o@host WALLOPS :Restart in four minutes"
    )
    assert scene.sink.take() == [
        ("service", f"{NETWORK}: Restart in five minutes"),
        ("service", "oper (o@host): WALLOPS: Restart in four minutes"),
    ]
    scene.server.says(*[f":{NETWORK} NOTICE Nick :*** number {number}" for number in range(50)])
    assert len(scene.sink.take()) == 7  # of ten at once
    await scene.clock.advance(120)
    scene.server.says(*[f":{NETWORK} NOTICE Nick :*** number {number}" for number in range(50)])
    assert len(scene.sink.take()) == 2
    await scene.finish()


async def test_the_user_hears_once_that_somebody_is_away() -> None:
    scene = await Scene().login()
    away = f":{NETWORK} 301 Nick Bob :out for \x02lunch\x02"
    scene.server.says(away, away)
    assert scene.sink.take() == [("service", "Bob is away: out for lunch")]
    scene.server.says(f":{NETWORK} 301 Nick bob :asleep")
    assert scene.sink.take() == [("service", "bob is away: asleep")]
    for _ in range(8):
        await scene.clock.advance(80)
        scene.server.says(f"PING :{NETWORK}")
    scene.server.says(f":{NETWORK} 301 Nick bob :asleep")
    assert scene.sink.take() == [("service", "bob is away: asleep")]
    await scene.finish()


async def test_what_is_said_to_operators_before_the_list_of_people_ends_waits_for_it() -> None:
    scene = await Scene().login("STATUSMSG=@+", "PREFIX=(ov)@+")
    scene.server.says(f"{ME} JOIN #foo", f"{BOB} PRIVMSG @#foo :secret")
    assert scene.sink.take() == []
    scene.server.says(f":{NETWORK} 353 Nick = #foo :@Nick Bob", f":{NETWORK} 366 Nick #foo :End")
    assert [call[0] for call in scene.sink.take()] == ["room_joined", "room_message"]
    await scene.finish()
