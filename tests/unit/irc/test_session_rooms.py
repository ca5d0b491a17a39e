import pytest

from bridges.irc.badges import hats
from gateway.model import (
    Address,
    AddressKind,
    Affiliation,
    Condition,
    Departure,
    Exit,
    Message,
    MessageKind,
    Occupant,
    Role,
    Topic,
)
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

NICK = Occupant("Nick", Affiliation.ADMIN, Role.MODERATOR, "~nick@my.host", hats=hats("o"))
VOICED = hats("v")
BOB_THERE = Occupant("Bob", identity="bob@his.host")


async def test_joins_of_one_turn_go_out_as_one_line_with_the_keyed_channels_first() -> None:
    scene = await Scene().login()
    for room, key in [("#foo", ""), ("#bar", "k1"), ("#baz", ""), ("#qux", "k2")]:
        scene.session.join(room, "Nick", key)
    assert scene.server.take() == []
    await scene.clock.advance(0)
    assert scene.server.take() == ["JOIN #bar,#qux,#foo,#baz k1,k2"]
    await scene.finish()


async def test_many_joins_keep_to_the_length_of_a_line_and_to_the_servers_targmax() -> None:
    scene = await Scene().login("TARGMAX=JOIN:20,PRIVMSG:4")
    for number in range(100):
        scene.session.join(f"#a-rather-long-name-{number}", "Nick", "")
    await scene.clock.advance(0)
    await scene.clock.advance(100)
    lines = [line for line in scene.server.take() if line.startswith("JOIN ")]
    assert all(len(line) <= 450 and line.count(",") < 20 for line in lines)
    assert sum(line.count(",") + 1 for line in lines) == 100
    await scene.finish()


async def test_a_room_is_told_when_its_occupants_are_known() -> None:
    scene = await Scene().login("PREFIX=(qaohv)~&@%+")
    scene.session.join("#Foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(
        f"{ME} JOIN #Foo",
        f":{NETWORK} 332 Nick #Foo :a topic",
        f":{NETWORK} 333 Nick #Foo Bob!bob@his.host 1700000000",
        f":{NETWORK} 353 Nick = #Foo :@Nick!~nick@my.host ~own &adm %half +voice Bob!bob@his.host",
        f":{NETWORK} 353 Nick = #Foo :@+both ~@top",
    )
    assert scene.sink.take() == []
    scene.server.says(f":{NETWORK} 366 Nick #Foo :End of /NAMES list.")
    ((name, room, nick, occupants, topic),) = scene.sink.take()
    assert (name, room, nick) == ("room_joined", "#foo", "Nick")
    assert topic == Topic("a topic", "Bob", 1_700_000_000.0)
    assert sorted(occupants, key=lambda occupant: occupant.nick) == sorted(
        [
            NICK,
            Occupant("own", Affiliation.OWNER, Role.MODERATOR, hats=hats("q")),
            Occupant("adm", Affiliation.OWNER, Role.MODERATOR, hats=hats("a")),
            Occupant("half", Affiliation.MEMBER, Role.MODERATOR, hats=hats("h")),
            Occupant("voice", Affiliation.MEMBER, Role.PARTICIPANT, hats=hats("v")),
            BOB_THERE,
            Occupant("both", Affiliation.ADMIN, Role.MODERATOR, hats=hats("ov")),
            Occupant("top", Affiliation.OWNER, Role.MODERATOR, hats=hats("qo")),
        ],
        key=lambda occupant: occupant.nick,
    )
    await scene.finish()


async def test_what_happens_before_the_occupants_are_known_is_worked_in_and_what_is_said_comes_after() -> (
    None
):
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(
        f"{ME} JOIN #foo",
        f":{NETWORK} 353 Nick = #foo :Nick Bob Eve",
        f"{BOB} PRIVMSG #foo :early",
        ":Eve!e@h QUIT :bye",
        ":Joe!j@h JOIN #foo",
        f"{BOB} NICK Bobby",
        f"{BOB} MODE #foo +v Nick".replace("Bob!", "Bobby!"),
        f":{NETWORK} 366 Nick #foo :End",
    )
    joined, *said = scene.sink.take()
    assert joined[0] == "room_joined"
    assert sorted(occupant.nick for occupant in joined[3]) == ["Bobby", "Joe", "Nick"]
    assert said == [
        ("room_message", "#foo", Message("Bob", "early")),
        ("room_note", "#foo", "Mode #foo [+v Nick] by Bobby"),
    ]
    await scene.finish()


async def test_a_list_of_occupants_without_end_does_not_keep_us_out() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f"{ME} JOIN #foo")
    await scene.clock.advance(14.9)
    assert scene.sink.take() == []
    await scene.clock.advance(0.2)
    assert scene.sink.take() == [
        ("room_joined", "#foo", "Nick", [Occupant("Nick", identity="~nick@my.host")], None)
    ]
    await scene.finish()


async def test_a_join_without_an_answer_is_refused_after_twenty_seconds() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(20.1)
    ((name, room, why),) = scene.sink.take()
    assert (name, room) == ("room_refused", "#foo")
    assert why.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert "#foo" in why.text
    await scene.finish()


@pytest.mark.parametrize(
    ("numeric", "words", "condition"),
    [
        ("403", "No such channel", Condition.ITEM_NOT_FOUND),
        ("405", "You have joined too many channels", Condition.RESOURCE_CONSTRAINT),
        ("471", "Cannot join channel (+l)", Condition.SERVICE_UNAVAILABLE),
        ("473", "Cannot join channel (+i)", Condition.REGISTRATION_REQUIRED),
        ("474", "Cannot join channel (+b)", Condition.FORBIDDEN),
        ("475", "Cannot join channel (+k)", Condition.NOT_AUTHORIZED),
        ("476", "Bad channel mask", Condition.JID_MALFORMED),
        ("477", "You need a registered nick", Condition.REGISTRATION_REQUIRED),
        ("437", "Channel is temporarily unavailable", Condition.RESOURCE_CONSTRAINT),
        ("489", "Cannot join channel (SSL required)", Condition.POLICY_VIOLATION),
        ("520", "Cannot join channel (IRCops only)", Condition.FORBIDDEN),
    ],
)
async def test_a_refused_join_is_one_clear_error(numeric: str, words: str, condition: Condition) -> None:
    scene = await Scene().login()
    scene.session.join("#[Foo]", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f":{NETWORK} {numeric} Nick #{{foo}} :{words}")
    ((name, room, why),) = scene.sink.take()
    assert (name, room) == ("room_refused", "#{foo}")
    assert why.condition is condition
    assert words in why.text
    await scene.clock.advance(30)
    assert scene.sink.take() == []
    await scene.finish()


async def test_in_all_mode_the_servers_refusal_is_shown_in_its_own_words_too() -> None:
    scene = await Scene({"server_messages": "all"}).login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f":{NETWORK} 475 Nick #foo :Cannot join channel (+k)")
    assert [call[0] for call in scene.sink.calls] == ["room_refused", "service"]
    assert scene.sink.take()[1][1] == f"{NETWORK}: #foo: Cannot join channel (+k)"
    await scene.finish()


async def test_a_forward_names_the_channel_to_go_to() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f":{NETWORK} 470 Nick #foo ##foo :Forwarding to another channel")
    ((_, room, why),) = scene.sink.take()
    assert room == "#foo"
    assert why.condition is Condition.REDIRECT
    assert why.address == Address(AddressKind.ROOM, NETWORK, "##foo")
    scene.enter("##foo", "Nick Bob")
    assert scene.sink.take()[0][:2] == ("room_joined", "##foo")
    scene.session.join("##foo", "Nick", "")
    assert scene.sink.take()[0][:2] == ("room_joined", "##foo")
    assert scene.server.take() == ["JOIN #foo"]
    await scene.finish()


@pytest.mark.parametrize(
    ("room", "password"),
    [("0", ""), ("", ""), ("#a b", ""), ("#a,#b", ""), ("#a", "x y"), ("#a", "x\rQUIT"), ("a", "")],
)
async def test_what_would_break_out_of_a_join_is_refused_before_it_is_sent(room: str, password: str) -> None:
    scene = await Scene().login()
    scene.session.join(room, "Nick", password)
    await scene.clock.advance(0)
    assert scene.server.take() == []
    assert scene.sink.take()[0][2].condition is Condition.NOT_ACCEPTABLE
    await scene.finish()


async def test_others_come_go_and_change() -> None:
    scene = await (await Scene().login("CASEMAPPING=rfc1459")).in_room()
    scene.server.says(
        ":al[x!a@h JOIN #FOO",
        f"{ME} MODE #foo +v-o+v Bob Nick al[x",
        ":al[x!a@h NICK :alex",
        ":alex!a@h CHGHOST new cloak",
        ":alex!a@h PART #foo :so long",
        f"{BOB} QUIT :gone",
    )
    assert scene.sink.take() == [
        ("arrived", "#foo", Occupant("al[x", identity="a@h")),
        ("room_note", "#foo", "Mode #foo [+v-o+v Bob Nick al[x] by Nick"),
        (
            "arrived",
            "#foo",
            Occupant("Bob", Affiliation.MEMBER, Role.PARTICIPANT, "bob@his.host", hats=VOICED),
        ),
        ("arrived", "#foo", Occupant("Nick", identity="~nick@my.host")),
        ("arrived", "#foo", Occupant("al[x", Affiliation.MEMBER, Role.PARTICIPANT, "a@h", hats=VOICED)),
        ("renamed", ["#foo"], "al[x", "alex"),
        ("arrived", "#foo", Occupant("alex", Affiliation.MEMBER, Role.PARTICIPANT, "new@cloak", hats=VOICED)),
        ("departed", ["#foo"], "alex", Departure(Exit.LEFT, "so long")),
        ("departed", ["#foo"], "Bob", Departure(Exit.QUIT, "gone")),
    ]
    await scene.finish()


async def test_names_that_the_server_takes_for_equal_are_one_occupant() -> None:
    scene = await Scene().in_room(names="Nick al[x")
    scene.server.says(":al[x!a@h PART #foo".replace("al[x", "AL{X"))
    assert scene.sink.take() == [("departed", ["#foo"], "al[x", Departure(Exit.LEFT))]
    await scene.finish()


async def test_one_mode_line_gives_one_presence_for_each_person() -> None:
    scene = await Scene().in_room(names="@Nick @Bob")
    scene.server.says(f"{ME} MODE #foo +v-o Bob Bob")
    calls = scene.sink.take()
    assert calls[0] == ("room_note", "#foo", "Mode #foo [+v-o Bob Bob] by Nick")
    assert calls[1:] == [
        ("arrived", "#foo", Occupant("Bob", Affiliation.MEMBER, Role.PARTICIPANT, hats=hats("v")))
    ]
    await scene.finish()


async def test_a_list_mode_does_not_eat_the_change_after_it() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{ME} MODE #foo +bo *!*@spam Bob")
    assert scene.sink.take()[1] == (
        "arrived",
        "#foo",
        Occupant("Bob", Affiliation.ADMIN, Role.MODERATOR, "bob@his.host", hats=hats("o")),
    )
    await scene.finish()


async def test_modes_restored_by_a_server_are_shown_in_the_occupants_only() -> None:
    scene = await Scene().in_room()
    scene.server.says(f":{NETWORK} MODE #foo +ntv Bob")
    assert [call[0] for call in scene.sink.take()] == ["arrived"]
    await scene.finish()


async def test_leaving_is_silent_and_what_still_comes_from_the_room_is_not_heard() -> None:
    scene = await Scene().in_room()
    scene.session.leave("#foo", "so\nlong")
    assert scene.server.take() == ["PART #foo :so long"]
    scene.server.says(f"{BOB} PRIVMSG #foo :wait", f"{ME} PART #foo :so long")
    assert scene.sink.take() == []
    await scene.finish()


async def test_leaving_and_coming_back_at_once_ends_inside() -> None:
    scene = await Scene().in_room()
    scene.session.leave("#foo", "")
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    assert scene.server.take() == ["PART #foo", "JOIN #foo"]
    scene.server.says(f"{ME} PART #foo")
    scene.enter("#foo", "Nick")
    assert [call[0] for call in scene.sink.take()] == ["room_joined"]
    await scene.finish()


async def test_a_join_that_is_given_up_on_the_way_leaves_no_trace() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    scene.session.leave("#foo", "")
    await scene.clock.advance(0)
    assert scene.server.take() == []
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.session.leave("#foo", "")
    assert scene.server.take() == ["JOIN #foo", "PART #foo"]
    scene.enter("#foo", "Nick")
    scene.server.says(f"{ME} PART #foo")
    assert scene.sink.take() == []
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.enter("#foo", "Nick")
    assert [call[0] for call in scene.sink.take()] == ["room_joined"]
    await scene.finish()


async def test_a_part_that_finds_us_outside_already_is_answered_in_silence() -> None:
    scene = await Scene().in_room()
    scene.session.leave("#foo", "")
    scene.server.says(f":{NETWORK} 442 Nick #foo :You're not on that channel")
    assert scene.sink.take() == []
    await scene.finish()


async def test_being_thrown_out_is_told_with_hand_and_reason() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{BOB} KICK #foo Nick :reported")
    assert scene.sink.take() == [("departed", ["#foo"], "Nick", Departure(Exit.KICKED, "reported", "Bob"))]
    receipt = Receipt()
    scene.session.say("#foo", "hello?", MessageKind.CHAT, receipt)
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    await scene.finish()


async def test_being_parted_by_force_is_told() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{ME} PART #foo :out")
    assert scene.sink.take() == [("departed", ["#foo"], "Nick", Departure(Exit.LEFT, "out"))]
    await scene.finish()


async def test_a_quit_finds_all_rooms_of_a_person() -> None:
    scene = await Scene().in_room()
    await scene.in_room("#bar")
    scene.server.says(f"{BOB} QUIT :gone home")
    assert scene.sink.take() == [("departed", ["#foo", "#bar"], "Bob", Departure(Exit.QUIT, "gone home"))]
    await scene.finish()


async def test_a_forced_change_of_our_nick_is_told_everywhere() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{ME} NICK :Guest123")
    calls = scene.sink.take()
    assert calls[:2] == [("own_nick", "Guest123"), ("renamed", ["#foo"], "Nick", "Guest123")]
    assert [call[0] for call in calls[2:]] == ["service"]  # what to do about it
    scene.server.says(f"{BOB} KICK #foo guest123 :")
    assert scene.sink.take()[0][2] == "Guest123"
    await scene.finish()


async def test_a_nick_that_somebody_is_thought_to_have_drops_the_ghost() -> None:
    scene = await Scene().in_room(names="Nick Bob Eve")
    scene.server.says(f"{BOB} NICK Eve")
    assert scene.sink.take() == [
        ("departed", ["#foo"], "Eve", Departure(Exit.LEFT)),
        ("renamed", ["#foo"], "Bob", "Eve"),
    ]
    scene.server.says(":Eve!x@y QUIT")
    assert len(scene.sink.take()) == 1
    await scene.finish()


async def test_topics_are_told_with_their_setter() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{BOB} TOPIC #foo :new words")
    assert scene.sink.take() == [("topic", "#foo", Topic("new words", "Bob", scene.clock.now()))]
    await scene.finish()


async def test_a_casemapping_told_late_changes_the_keys() -> None:
    scene = await Scene().in_room("#[x]", names="Nick a[ A{")
    assert scene.session.fold("#[X]") == "#{x}"
    scene.server.says(f":{NETWORK} 005 Nick CASEMAPPING=ascii :are supported by this server")
    assert scene.sink.take() == [("refold",)]
    assert scene.session.fold("#[X]") == "#[x]"
    scene.server.says(f"{BOB} PRIVMSG #[x] :hi")
    assert scene.sink.take() == [("room_message", "#[x]", Message("Bob", "hi"))]
    await scene.finish()


async def test_a_thousand_quits_touch_only_the_rooms_concerned() -> None:
    scene = await Scene().login()
    scene.session.join("#big", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f"{ME} JOIN #big")
    for start in range(0, 10_000, 50):
        names = " ".join(f"user{number}!u@h" for number in range(start, start + 50))
        scene.server.says(f":{NETWORK} 353 Nick = #big :{names}")
    scene.server.says(f":{NETWORK} 366 Nick #big :End")
    assert len(scene.sink.take()[0][3]) == 10_001
    for number in range(1000):
        scene.server.says(f":user{number}!u@h QUIT :a.net b.net")
    assert len(scene.sink.take()) == 1000
    await scene.finish()


async def test_formatting_codes_reach_nobody() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{BOB} TOPIC #foo :\x0304red\x03 \x02words", f"{BOB} PART #foo :\x02bye")
    assert scene.sink.take() == [
        ("topic", "#foo", Topic("red words", "Bob", scene.clock.now())),
        ("departed", ["#foo"], "Bob", Departure(Exit.LEFT, "bye")),
    ]
    await scene.finish()
