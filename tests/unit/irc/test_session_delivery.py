"""What becomes of what the user says: confirmed by the server, refused by it, or known to nobody."""

import pytest

from gateway.model import Condition, Message, MessageKind, Refused
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

CHAT, ACTION, NOTICE = MessageKind.CHAT, MessageKind.ACTION, MessageKind.NOTICE
LABELS = "labeled-response echo-message standard-replies"


async def labelled(*, burst: int = 100) -> Scene:
    scene = Scene({"networks": {NETWORK: {"throttle_burst": burst}}})
    return await (await scene.login(caps=LABELS)).in_room()


def label_of(line: str) -> str:
    return line[1:].partition(" ")[0].partition(";")[0].removeprefix("label=")


async def test_a_message_is_done_when_the_echo_with_its_label_comes() -> None:
    scene = await labelled()
    receipt = Receipt()
    scene.session.say("#foo", "hello", CHAT, receipt)
    (line,) = scene.server.take()
    assert line == f"@label={label_of(line)} PRIVMSG #foo :hello"
    assert not receipt.outcome
    scene.server.says(f"@label={label_of(line)};msgid=m1 {ME} PRIVMSG #foo :hello")
    assert (receipt.outcome, receipt.ids) == ("done", ["m1"])
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_message_is_found_by_its_reference_while_it_waits_and_not_after() -> None:
    scene = await labelled(burst=1)
    await scene.clock.advance(9.0)  # the first may go at once
    scene.session.say("#foo", "one", CHAT, first := Receipt("s1"))
    scene.session.say("#foo", "two\nthree", CHAT, Receipt("s2"))

    async def steps(id_: str) -> list[tuple[str, str]]:
        return [(each.step, each.detail) for each in await scene.bridge.passages(id_)]

    (line,) = scene.server.take()
    assert await steps("s1") == [("written to the network, waits to be confirmed", f"{NETWORK}, 1 lines")]
    waits = "its lines wait for the pace of the network"
    assert await steps("s2") == [(waits, f"{NETWORK}, 0 before it, 2 of its own")]
    scene.server.says(f"@label={label_of(line)};msgid=m1 {ME} PRIVMSG #foo :one")
    assert first.ids == ["m1"]
    assert await steps("s1") == await steps("m1") == []
    await scene.finish()
    assert await steps("s2") == []


async def test_answers_find_their_requests_in_any_order() -> None:
    scene = await labelled()
    first, second = Receipt(), Receipt()
    scene.session.say("#foo", "one", CHAT, first)
    scene.session.tell("Carol", "two", CHAT, second)
    labels = [label_of(line) for line in scene.server.take()]
    scene.server.says(
        f"@label={labels[1]} :{NETWORK} 401 Nick Carol :No such nick",
        f"@label={labels[0]};msgid=m1 {ME} PRIVMSG #foo :one",
    )
    assert second.why.condition is Condition.ITEM_NOT_FOUND
    assert "No such nick" in second.why.text
    assert first.ids == ["m1"]
    assert scene.sink.take() == []
    await scene.finish()


@pytest.mark.parametrize(
    ("answer", "condition"),
    [
        ("404 Nick #foo :Cannot send to channel (+m)", Condition.FORBIDDEN),
        ("482 Nick #foo :You're not an operator", Condition.FORBIDDEN),
        ("481 Nick :Permission denied", Condition.FORBIDDEN),
        ("531 Nick Carol :You may not message them", Condition.FORBIDDEN),
        ("716 Nick Carol :is in +g mode", Condition.FORBIDDEN),
        ("263 Nick PRIVMSG :Wait a while", Condition.RESOURCE_CONSTRAINT),
        ("FAIL PRIVMSG INVALID_UTF8 :Not UTF-8", Condition.NOT_ACCEPTABLE),
        ("FAIL * ACCOUNT_REQUIRED :Log in first", Condition.REGISTRATION_REQUIRED),
        ("FAIL PRIVMSG", Condition.UNDEFINED_CONDITION),
    ],
)
async def test_an_error_with_the_label_refuses_exactly_that_message(
    answer: str, condition: Condition
) -> None:
    scene = await labelled()
    receipts = [Receipt(), Receipt(), Receipt()]
    for receipt in receipts:
        scene.session.say("#foo", "same", CHAT, receipt)
    labels = [label_of(line) for line in scene.server.take()]
    scene.server.says(f"@label={labels[1]} :{NETWORK} {answer}")
    assert receipts[1].why.condition is condition
    assert NETWORK in receipts[1].why.text
    assert (receipts[0].outcome, receipts[2].outcome) == ("", "")
    assert scene.sink.take() == []
    scene.server.says(f"@label={labels[1]};msgid=late {ME} PRIVMSG #foo :same")  # it was answered once
    assert [call[0] for call in scene.sink.take()] == ["room_message"]
    await scene.finish()
    assert all(isinstance(receipts[each].outcome, Refused) for each in (0, 2))


async def test_an_answer_may_come_as_a_batch_or_as_a_bare_acknowledgement() -> None:
    scene = await labelled()
    away, quiet = Receipt(), Receipt()
    scene.session.tell("Bob", "are you there?", CHAT, away)
    scene.session.tell("Bob", "no echo", CHAT, quiet)
    labels = [label_of(line) for line in scene.server.take()]
    scene.server.says(
        f"@label={labels[0]} :{NETWORK} BATCH +b1 labeled-response",
        f"@batch=b1 :{NETWORK} 301 Nick Bob :Gone fishing",
        f"@batch=b1;msgid=m2 {ME} PRIVMSG Bob :are you there?",
        f":{NETWORK} BATCH -b1",
        f"@label={labels[1]} :{NETWORK} ACK",
    )
    assert (away.outcome, away.ids) == ("done", ["m2"])
    assert (quiet.outcome, quiet.ids) == ("done", [])
    await scene.finish()


async def test_an_error_within_a_batch_refuses_and_the_end_of_an_empty_one_confirms() -> None:
    scene = await labelled()
    bad, good = Receipt(), Receipt()
    scene.session.say("#foo", "bad", CHAT, bad)
    scene.session.say("#foo", "good", CHAT, good)
    labels = [label_of(line) for line in scene.server.take()]
    scene.server.says(
        f"@label={labels[0]} :{NETWORK} BATCH +1 labeled-response",
        f"@label={labels[1]} :{NETWORK} BATCH +2 labeled-response",
        f"@batch=1 :{NETWORK} 404 Nick #foo :No external messages",
        f":{NETWORK} BATCH -1",
        f":{NETWORK} BATCH -2",
    )
    assert bad.why.condition is Condition.FORBIDDEN
    assert good.outcome == "done"
    await scene.finish()


async def test_a_message_of_several_lines_has_one_outcome_and_all_ids() -> None:
    scene = await labelled()
    receipt = Receipt()
    scene.session.say("#foo", "un\ndeux\ntrois", CHAT, receipt)
    lines = scene.server.take()
    for number, line in enumerate(lines):
        assert not receipt.outcome
        scene.server.says(f"@label={label_of(line)};msgid=m{number} {ME} {line.partition(' ')[2]}")
    assert (receipt.outcome, receipt.ids) == ("done", ["m0", "m1", "m2"])
    await scene.finish()


async def test_a_line_that_is_refused_takes_back_those_behind_it() -> None:
    scene = await labelled(burst=2)
    await scene.clock.advance(60)
    scene.server.take()
    receipt = Receipt()
    scene.session.say("#foo", "un\ndeux\ntrois", CHAT, receipt)
    lines = scene.server.take()
    assert len(lines) == 2
    scene.server.says(
        f"@label={label_of(lines[0])};msgid=m1 {ME} PRIVMSG #foo :un",
        f"@label={label_of(lines[1])} :{NETWORK} 404 Nick #foo :No more",
    )
    assert "1 of its 3 lines were sent" in receipt.why.text
    await scene.clock.advance(10)
    assert not any("trois" in line for line in scene.server.take())
    await scene.finish()


async def test_what_is_not_answered_in_time_is_told_to_be_uncertain() -> None:
    scene = await labelled()
    receipt = Receipt()
    scene.session.say("#foo", "hello", CHAT, receipt)
    (line,) = scene.server.take()
    await scene.clock.advance(24)
    assert not receipt.outcome
    await scene.clock.advance(2)
    assert receipt.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert receipt.why.uncertain
    scene.server.says(f"@label={label_of(line)};msgid=m1 {ME} PRIVMSG #foo :hello")  # it did arrive
    assert scene.sink.take() == [("room_message", "#foo", Message("Nick", "hello", foreign_id="m1"))]
    await scene.finish()


async def test_a_lost_connection_tells_unsent_lines_from_unconfirmed_ones() -> None:
    scene = await labelled(burst=2)
    await scene.clock.advance(60)
    written, private, unsent = Receipt(), Receipt(), Receipt()
    topic, kick, nick = Receipt(), Receipt(), Receipt()
    scene.session.say("#foo", "written", CHAT, written)
    scene.session.tell("Bob", "written too", CHAT, private)
    scene.session.say("#foo", "unsent", CHAT, unsent)
    scene.session.set_topic("#foo", "unsent", topic)
    scene.session.kick("#foo", "Bob", "", kick)
    scene.session.rename("Other", nick)
    scene.server.hangs_up()
    await scene.ended()
    assert written.why.uncertain
    assert private.why.uncertain
    for receipt in (unsent, topic, kick, nick):
        assert not receipt.why.uncertain
        assert receipt.why.condition is Condition.RECIPIENT_UNAVAILABLE


async def test_requests_are_answered_by_their_labels() -> None:
    scene = await labelled()
    topics = [Receipt(), Receipt()]
    scene.session.set_topic("#foo", "one", topics[0])
    scene.session.set_topic("#foo", "two", topics[1])
    labels = [label_of(line) for line in scene.server.take()]
    scene.server.says(f"@label={labels[1]} {ME} TOPIC #foo :two")
    assert (topics[0].outcome, topics[1].outcome) == ("", "done")
    assert [call[0] for call in scene.sink.take()] == ["topic"]
    scene.server.says(f"@label={labels[0]} :{NETWORK} 482 Nick #foo :You're not an operator")
    assert topics[0].why.condition is Condition.FORBIDDEN
    await scene.finish()


async def test_a_change_of_nick_is_ours_whatever_the_server_calls_us_in_its_answer() -> None:
    scene = await labelled()
    receipt = Receipt()
    scene.session.rename("Newer", receipt)
    (line,) = scene.server.take()
    scene.server.says(f"@label={label_of(line)} :Newer!~nick@my.host NICK :Newer")
    assert receipt.outcome == "done"
    assert scene.sink.take() == [("own_nick", "Newer"), ("renamed", ["#foo"], "Nick", "Newer")]
    await scene.finish()


async def test_a_server_that_forgets_a_label_is_understood_as_one_without_labels() -> None:
    scene = await labelled()
    topic = Receipt()
    scene.session.set_topic("#foo", "one", topic)
    scene.server.says(f"{ME} TOPIC #foo :one")
    assert topic.outcome == "done"
    await scene.clock.advance(60)
    await scene.finish()


async def test_without_labels_an_echo_confirms_the_oldest_of_the_same_words() -> None:
    scene = await (await Scene().login(caps="echo-message")).in_room()
    first, second, other, action = Receipt(), Receipt(), Receipt(), Receipt()
    scene.session.say("#foo", "ok", CHAT, first)
    scene.session.say("#foo", "ok", CHAT, second)
    scene.session.tell("Bob", "ok", CHAT, other)
    scene.session.say("#foo", "waves", ACTION, action)
    assert scene.server.take()[0] == "PRIVMSG #foo :ok"
    scene.server.says(f"@msgid=m1 {ME} PRIVMSG #FOO :ok")
    assert (first.ids, second.outcome, other.outcome) == (["m1"], "", "")
    scene.server.says(f"@msgid=m2 {ME} PRIVMSG #foo :\x02ok", f"@msgid=m3 {ME} PRIVMSG bob :ok")
    assert (second.ids, other.ids) == (["m2"], ["m3"])
    scene.server.says(f"{ME} PRIVMSG #foo :\x01ACTION waves\x01")
    assert action.outcome == "done"
    assert scene.sink.take() == []
    await scene.finish()


async def test_without_labels_an_error_refuses_the_oldest_to_the_same_target() -> None:
    scene = await (await Scene().login(caps="echo-message")).in_room()
    first, second = Receipt(), Receipt()
    scene.session.tell("Carol", "one", CHAT, first)
    scene.session.tell("Carol", "two", CHAT, second)
    scene.server.says(f":{NETWORK} 401 Nick carol :No such nick")
    assert first.why.condition is Condition.ITEM_NOT_FOUND
    assert not second.outcome
    scene.server.says(f":{NETWORK} FAIL PRIVMSG CANNOT_SEND Carol :Not now")
    assert second.why.condition is Condition.FORBIDDEN
    await scene.clock.advance(60)
    await scene.finish()


async def test_what_another_client_of_the_user_said_is_shown() -> None:
    scene = await labelled()
    scene.server.says(
        f"@msgid=m1 {ME} PRIVMSG #foo :from my phone",
        f"@msgid=m2 {ME} PRIVMSG Bob :psst",
        f"@msgid=m3 {ME} PRIVMSG NickServ :IDENTIFY hunter2",
        f"@msgid=m4 {ME} PRIVMSG Bob :\x01VERSION\x01",
        f"@msgid=m5 {ME} NOTICE Bob :\x01VERSION something\x01",
        f"@msgid=m6 {ME} PRIVMSG Nick :note to self",
    )
    assert scene.sink.take() == [
        ("room_message", "#foo", Message("Nick", "from my phone", foreign_id="m1")),
        ("direct_sent", "Bob", Message("Nick", "psst", foreign_id="m2")),
        ("direct", Message("Nick", "note to self", foreign_id="m6")),
    ]
    assert scene.server.take() == []
    await scene.finish()


async def test_replays_are_told_to_be_old_and_bring_nobody_in_or_out() -> None:
    scene = await labelled()
    scene.server.says(
        ":irc.example BATCH +outer example.com/unknown",
        "@batch=outer :irc.example BATCH +h chathistory #foo",
        f"@batch=h;msgid=m1 {BOB} PRIVMSG #foo :before",
        f"@batch=h {BOB} JOIN #foo",
        f"@batch=h {BOB} QUIT :gone",
        "@batch=outer :irc.example BATCH -h",
        f"@batch=outer;msgid=m2 {BOB} PRIVMSG #foo :now",
        ":irc.example BATCH -outer",
    )
    assert scene.sink.take() == [
        ("room_message", "#foo", Message("Bob", "before", foreign_id="m1", replayed=True)),
        ("room_message", "#foo", Message("Bob", "now", foreign_id="m2")),
    ]
    await scene.finish()


async def test_a_batch_of_one_message_is_one_message() -> None:
    scene = await (await Scene().login(caps="draft/multiline=max-bytes=4096")).in_room()
    scene.server.says(
        f"@msgid=m1;time=2023-11-14T22:13:20.000Z {BOB} BATCH +7 draft/multiline #foo",
        f"@batch=7 {BOB} PRIVMSG #foo :hello",
        f"@batch=7 {BOB} PRIVMSG #foo :",
        f"@batch=7 {BOB} PRIVMSG #foo :how is ",
        f"{BOB} PRIVMSG #foo :in between",
        f"@batch=7;draft/multiline-concat {BOB} PRIVMSG #foo :everyone?",
        f"{BOB} BATCH -7",
    )
    assert scene.sink.take() == [
        ("room_message", "#foo", Message("Bob", "in between")),
        (
            "room_message",
            "#foo",
            Message("Bob", "hello\n\nhow is everyone?", CHAT, "m1", 1_700_000_000.0),
        ),
    ]
    await scene.finish()


async def test_a_message_of_several_lines_leaves_as_one_where_the_server_takes_it() -> None:
    scene = await (await Scene().login(caps=f"{LABELS} draft/multiline=max-bytes=100,max-lines=4")).in_room()
    receipt, much = Receipt(), Receipt()
    scene.session.say("#foo", "hello\n\nworld", CHAT, receipt)
    lines = scene.server.take()
    assert lines == [
        f"@label={label_of(lines[0])} BATCH +m draft/multiline #foo",
        "@batch=m PRIVMSG #foo :hello",
        "@batch=m PRIVMSG #foo :",
        "@batch=m PRIVMSG #foo :world",
        "BATCH -m",
    ]
    scene.server.says(
        f"@label={label_of(lines[0])};msgid=m1 {ME} BATCH +x draft/multiline #foo",
        f"@batch=x {ME} PRIVMSG #foo :hello",
        f"@batch=x {ME} PRIVMSG #foo :world",
        f"{ME} BATCH -x",
    )
    assert (receipt.outcome, receipt.ids) == ("done", ["m1"])
    await scene.clock.advance(60)
    scene.server.take()
    scene.session.say("#foo", "1\n2\n3\n4\n5", CHAT, much)
    assert [line.partition(" ")[2] for line in scene.server.take()] == [
        f"PRIVMSG #foo :{number}" for number in range(1, 6)
    ]
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_refused_batch_refuses_the_message() -> None:
    scene = await (await Scene().login(caps=f"{LABELS} draft/multiline=max-bytes=100")).in_room()
    receipt = Receipt()
    scene.session.say("#foo", "hello\nworld", CHAT, receipt)
    label = label_of(scene.server.take()[0])
    scene.server.says(f"@label={label} :{NETWORK} FAIL BATCH MULTILINE_MAX_LINES 1 :Too many lines")
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert "Too many lines" in receipt.why.text
    await scene.finish()


async def test_a_word_of_the_server_that_nobody_asked_for_is_shown() -> None:
    scene = await labelled()
    scene.server.says(
        f":{NETWORK} FAIL * ODD :Something is odd",
        f":{NETWORK} WARN REHASH CERTS_EXPIRED :Certificate has expired",
        f":{NETWORK} ACK",
        f"@label=nobodys :{NETWORK} ACK",
        f":{NETWORK} BATCH -unknown",
        f"@batch=unknown {BOB} PRIVMSG #foo :outside",
    )
    assert scene.sink.take() == [
        ("service", f"{NETWORK}: Something is odd."),
        ("service", f"{NETWORK}: Certificate has expired."),
        ("room_message", "#foo", Message("Bob", "outside")),
    ]
    await scene.finish()


async def test_a_capability_that_goes_takes_its_confirmations_along() -> None:
    scene = await labelled()
    scene.server.says(f":{NETWORK} CAP Nick DEL :labeled-response echo-message")
    receipt = Receipt()
    scene.session.say("#foo", "hello", CHAT, receipt)
    assert scene.server.take() == ["PRIVMSG #foo :hello"]
    assert receipt.outcome == "done"
    await scene.finish()
