"""What other clients and gateways have tripped over, one table for each kind: names, limits, hostile input, odd servers.

Found on the wire and in others' bug trackers, not in a specification; where a whole file is about one of them (masks,
encodings, files, addresses), it is not here again.
"""

from collections.abc import Callable

import pytest

from bridges.irc.addresses import Addresses, valid_channel
from bridges.irc.batches import MAX_AGE, MAX_OPEN
from bridges.irc.hearing import MAX_ID
from bridges.irc.labels import Labels
from bridges.irc.protocol.caps import CapNegotiator
from bridges.irc.protocol.casemap import casemapping
from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.line import Injection, LineSplitter, parse, serialise
from bridges.irc.protocol.mechanisms import Plain
from bridges.irc.protocol.sasl import SaslEngine
from bridges.irc.protocol.split import pieces, room_for
from gateway.model import Address, AddressKind, ChatState, Condition, Message, MessageKind, Refused
from gateway.xmpp.text import strip_forbidden
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

MODERN = "labeled-response echo-message draft/message-redaction"
ROOM = Address(AddressKind.ROOM, NETWORK, "#foo")


# -- names, case, addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "one", "other", "same"),
    [
        ("ascii", "#A", "#a", True),
        ("ascii", "[a]", "{a}", False),
        ("rfc1459", "[a]\\^", "{A}|~", True),
        ("rfc1459-strict", "[a]\\", "{A}|", True),
        ("rfc1459-strict", "a^", "a~", False),
        ("ascii", "É", "é", False),  # bytes above 0x7F are never folded by the first three
        ("rfc1459", "É", "é", False),
        ("rfc1459", "ß", "ss", False),
        ("rfc1459", "İ", "i̇", False),
        ("rfc8265", "É", "é", True),
        ("rfc7613", "É", "é", True),
    ],
)
def test_names_are_folded_by_the_servers_rule_and_no_other(
    mapping: str, one: str, other: str, same: bool
) -> None:
    fold = casemapping(mapping).fold
    assert (fold(one) == fold(other)) is same


async def test_a_rule_that_comes_late_keys_everything_anew() -> None:
    scene = await (await Scene().login()).in_room("#[x]", "Nick [Ann]")
    assert scene.session.fold("#{X}") == scene.session.fold("#[x]")
    scene.server.says(f":{NETWORK} 005 Nick CASEMAPPING=ascii :are supported")
    assert scene.session.fold("#{x}") != scene.session.fold("#[x]")
    scene.server.says(":[ann]!a@h PRIVMSG #[X] :still heard", ":{ann}!a@h PRIVMSG #{x} :elsewhere")
    said = [call for call in scene.sink.take() if call[0] == "room_message"]
    assert [call[2].text for call in said] == ["still heard"]
    await scene.finish()


async def test_two_addresses_of_one_channel_share_it() -> None:
    addresses = Addresses()
    first, second = (addresses.address(f"#{name}%{NETWORK}") for name in ("[x]", "{x}"))
    assert first != second
    scene = await Scene().login()
    assert scene.session.fold(first.name) == scene.session.fold(second.name)
    await scene.finish()


@pytest.mark.parametrize(
    "name",
    ["#😀", "#a%b", "#É", "#ﬁ", "#ⅷ", "#a\u200db", "#a\xadb", "#a&b'c:d", "#a\\xe9", "&loc", "+mod", "##"],
)
def test_every_name_has_an_address_that_no_server_changes_and_that_leads_back(name: str) -> None:
    addresses = Addresses()
    address = Address(AddressKind.ROOM, NETWORK, name)
    local = addresses.text(address)
    assert local.isascii()
    assert addresses.address(local) == address


@pytest.mark.parametrize("name", ["#a,b", "#a b", "#a\x07", "#a\0", "#a\r", "#" + "é" * 100])
def test_what_no_line_can_name_is_no_channel(name: str) -> None:
    assert not valid_channel(name)


async def test_a_safe_channel_is_joined_by_its_short_name_and_told_by_its_whole_one() -> None:
    scene = await Scene().login("CHANTYPES=#&!+")
    scene.session.join("!name", "Nick", "")
    await scene.clock.advance(0)
    assert scene.server.take() == ["JOIN !name"]
    scene.enter("!ABCDEname", "Nick")
    refused, joined = scene.sink.take()[:2]
    assert refused[:2] == ("room_refused", "!name")
    assert refused[2].condition is Condition.REDIRECT
    assert refused[2].address == Address(AddressKind.ROOM, NETWORK, "!ABCDEname")
    assert joined[:2] == ("room_joined", "!abcdename")
    await scene.finish()


# -- numbers and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "mask"),
    [
        ((f"{ME} CHGHOST ~new a.much.longer.host",), "Nick!~new@a.much.longer.host"),
        ((f":{NETWORK} 396 Nick cloak.example :is now your displayed host",), "Nick!~nick@cloak.example"),
        ((f"{ME} NICK :Longer",), "Longer!~nick@my.host"),
        ((":Nick!~x@other.host JOIN #bar",), "Nick!~x@other.host"),
    ],
)
async def test_lines_are_measured_with_the_mask_that_others_see(lines: tuple[str, ...], mask: str) -> None:
    scene = await (await Scene().login()).in_room()
    scene.server.says(*lines)
    scene.session.say("#foo", "x" * 1000, MessageKind.CHAT, Receipt())
    await scene.clock.advance(10)
    first = next(line for line in scene.server.take() if line.startswith("PRIVMSG"))
    text = first.partition(" :")[2]
    assert len(text) == room_for(mask, "#foo")
    assert len(f":{mask} {first}\r\n") + 10 == 512
    await scene.finish()


def test_a_longer_line_gives_more_room_and_a_status_prefix_takes_some() -> None:
    assert room_for("n!u@h", "#foo", 2048) - room_for("n!u@h", "#foo", 512) == 1536
    assert room_for("n!u@h", "#foo") - room_for("n!u@h", "@#foo") == 1
    assert room_for("n" * 9000, "#foo") > 0  # whatever the server calls us


def test_text_is_parted_between_words_else_between_characters_and_loses_nothing() -> None:
    text = "one two  three " + "👩‍👩‍👧‍👦" * 20 + " end"
    parts = pieces(text, limit_bytes=64)
    assert "".join(parts) == text
    assert parts[0].endswith(" ")
    assert all(len(part.encode()) <= 64 for part in parts)
    assert not any(part.startswith("\u200d") or part.endswith("\u200d") for part in parts)


async def test_every_piece_of_an_action_is_one() -> None:
    scene = await (await Scene({"networks": {NETWORK: {"throttle_rate": 0}}}).login()).in_room()
    scene.session.say("#foo", "walks " * 200, MessageKind.ACTION, Receipt())
    sent = scene.server.take()
    assert len(sent) > 1
    assert all(line.startswith("PRIVMSG #foo :\x01ACTION walks ") and line.endswith("\x01") for line in sent)
    await scene.finish()


async def test_a_topic_is_measured_in_bytes_and_refused_rather_than_cut() -> None:
    scene = await (await Scene().login("TOPICLEN=10")).in_room()
    receipt = Receipt()
    scene.session.set_topic("#foo", "é" * 6, receipt)
    assert "room for 10 bytes; this one has 12" in receipt.why.text
    scene.session.set_topic("#foo", "é" * 5, Receipt())
    assert scene.server.take() == [f"TOPIC #foo :{'é' * 5}"]
    await scene.finish()


async def test_a_reason_is_cut_between_characters() -> None:
    scene = await (await Scene().login("KICKLEN=5")).in_room()
    scene.session.kick("#foo", "Bob", "ééé", Receipt())
    assert scene.server.take() == ["KICK #foo Bob :éé"]
    await scene.finish()


def test_modes_in_one_line_are_three_unless_the_server_says_otherwise() -> None:
    support = Isupport()
    assert support.modes == 3
    support.load(["Nick", "MODES=7", "supported"])
    assert support.modes == 7
    support.load(["Nick", "MODES", "supported"])
    assert support.modes > 1000  # without a value: no limit


# -- injection and hostile input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "a\r\nQUIT", "a\0b"])
@pytest.mark.parametrize(
    "make",
    [
        lambda bad: serialise("PRIVMSG", "#a", bad),
        lambda bad: serialise("PRIVMSG", bad, "x"),
        lambda bad: serialise("PRIVMSG", "#a", "x", source=bad),
        lambda bad: serialise(f"PRIV{bad}", "#a", "x"),
    ],
)
def test_what_breaks_a_line_is_refused_wherever_it_stands(make: Callable[[str], str], bad: str) -> None:
    with pytest.raises(Injection):
        make(bad)


@pytest.mark.parametrize("bad", ["a b", ":a", ""])
def test_what_is_no_middle_parameter_is_refused(bad: str) -> None:
    with pytest.raises(Injection):
        serialise("KICK", "#a", bad, "reason")


@pytest.mark.parametrize("bad", ["a\rQUIT", "a\0b"])
async def test_no_wish_of_a_client_breaks_a_line(bad: str) -> None:
    scene = await (await Scene().login(caps=MODERN)).in_room()
    session, receipts = scene.session, [Receipt() for _ in range(7)]
    session.say("#foo", bad, MessageKind.CHAT, receipts[0])
    session.tell("Bob", bad, MessageKind.CHAT, receipts[1])
    session.set_topic("#foo", bad, receipts[2])
    session.kick("#foo", "Bob", bad, receipts[3])
    session.rename(bad, receipts[4])
    session.instruct(bad, receipts[5])
    session.amend("#foo", "ban", [bad], [], receipts[6])
    session.join("#bar", "Nick", bad)
    await scene.clock.advance(0)
    assert scene.server.take() == []
    assert all(isinstance(receipt.outcome, Refused) for receipt in receipts)
    await scene.finish()


async def test_what_xml_cannot_carry_goes_after_the_formatting_was_read() -> None:
    scene = await (await Scene().login()).in_room()
    scene.server.says(f"{BOB} PRIVMSG #foo :\x02a\x0b\ufffeb\x0304c")
    (heard,) = scene.sink.take()
    assert isinstance(heard[2], Message)
    assert strip_forbidden(heard[2].text) == "abc"
    await scene.finish()


def test_a_line_without_end_holds_no_memory() -> None:
    splitter = LineSplitter()
    for _ in range(1000):
        assert splitter.feed(b"x" * 10_000) == []
    assert len(splitter._held) <= 16 * 1024
    assert splitter.feed(b"\nPING :x\n") == [b"PING :x"]


async def test_batches_are_bounded_in_number_and_age() -> None:
    scene = await (await Scene().login()).in_room()
    scene.server.says(*(f"BATCH +r{number} draft/multiline #foo" for number in range(MAX_OPEN * 3)))
    batches = scene.session._parts.answers._batches
    assert len(batches) <= MAX_OPEN
    for _ in range(int(MAX_AGE) + 1):  # the server stays awake
        scene.server.says(f"PING :{NETWORK}")
        await scene.clock.advance(1)
    assert len(batches) == 0
    await scene.finish()


async def test_labels_that_are_never_answered_do_not_stay() -> None:
    scene = await (await Scene({"networks": {NETWORK: {"throttle_rate": 0}}}).login(caps=MODERN)).in_room()
    receipts = [Receipt() for _ in range(50)]
    for receipt in receipts:
        scene.session.say("#foo", "hi", MessageKind.CHAT, receipt)
    labels: Labels = scene.session._parts.speaking.labels
    assert len(labels) == 50
    for _ in range(30):
        scene.server.says(f"PING :{NETWORK}")
        await scene.clock.advance(1)
    assert len(labels) == 0
    assert all(isinstance(receipt.outcome, Refused) for receipt in receipts)
    await scene.finish()


async def test_somebody_who_asks_too_much_is_not_answered() -> None:
    scene = await (await Scene().login()).in_room()
    scene.server.says(*[f"{BOB} PRIVMSG Nick :\x01VERSION\x01"] * 20)
    assert len(scene.server.take()) == 3
    await scene.clock.advance(2)
    scene.server.says(*[f"{BOB} PRIVMSG Nick :\x01VERSION\x01"] * 20)
    assert len(scene.server.take()) == 1
    await scene.finish()


@pytest.mark.parametrize(
    "tags",
    [
        f"+reply={'m' * (MAX_ID + 1)};+draft/react=👍",
        f"+reply=m1;+draft/react={'👍' * 1000}",
        "+reply=m1;+draft/react=",
        "+reply=m1;+draft/react=a\\nb",
        "+reply=;+draft/react=👍",
        "+draft/react=👍",
    ],
)
async def test_tags_are_claims_that_are_looked_at(tags: str) -> None:
    scene = await (await Scene().login(caps=MODERN)).in_room()
    scene.server.says(f"@{tags} {BOB} TAGMSG #foo", f"@{tags} {BOB} TAGMSG #elsewhere")
    assert not [call for call in scene.sink.take() if call[0] == "reacted"]
    await scene.finish()


async def test_only_people_of_a_channel_react_there() -> None:
    scene = await (await Scene().login(caps=MODERN)).in_room()
    scene.server.says("@+reply=m1;+draft/react=👍 :Stranger!s@h TAGMSG #foo")
    assert scene.sink.take() == []
    await scene.finish()


async def test_a_flood_of_typing_is_told_once() -> None:
    scene = await (await Scene().login(caps=MODERN)).in_room()
    scene.server.says(*[f"@+typing=active {BOB} TAGMSG #foo"] * 500)
    told = [call for call in scene.sink.take() if call[0] == "typing"]
    assert told == [("typing", "#foo", "Bob", ChatState.COMPOSING)]
    await scene.finish()


# -- seen on the wire -----------------------------------------------------------------------------------------------


def negotiating(*lines: str) -> tuple[CapNegotiator, list[str]]:
    caps = CapNegotiator(["batch", "server-time"], sasl=SaslEngine([Plain("Nick", "pencil")]))
    sent = caps.start()
    for line in lines:
        sent += caps.feed(parse(line))
    return caps, sent


def test_the_last_list_of_capabilities_has_no_colon() -> None:
    caps, sent = negotiating(":s CAP * LS * :batch", ":s CAP * LS znc.in/self-message")
    assert set(caps.offered) == {"batch", "znc.in/self-message"}
    assert sent[-1] == "CAP REQ batch"


def test_a_list_of_capabilities_ends_with_a_space() -> None:
    caps, sent = negotiating(":s CAP * LS :batch server-time ", ":s CAP * ACK :batch server-time ")
    assert "" not in caps.offered
    assert caps.enabled == {"batch", "server-time"}
    assert sent[-1] == "CAP END"


@pytest.mark.parametrize(
    "plus",
    [
        "AUTHENTICATE +",
        "AUTHENTICATE :+",
        "@time=2024-01-02T03:04:05.678Z AUTHENTICATE :+",
        ":s AUTHENTICATE +",
    ],
)
def test_a_challenge_comes_in_every_dress(plus: str) -> None:
    _, sent = negotiating(":s CAP * LS :sasl=PLAIN", ":s CAP * ACK :sasl", plus)
    assert sent[-1] == "AUTHENTICATE AE5pY2sAcGVuY2ls"


def test_capabilities_go_under_somebody_elses_name() -> None:
    caps, _ = negotiating(":s CAP Nick LS :sasl=PLAIN", ":s CAP Nick ACK :sasl", ":s CAP Carol DEL :sasl")
    assert "sasl" not in caps.offered
    assert "sasl" not in caps.enabled


async def test_the_end_of_a_batch_has_a_colon() -> None:
    scene = await (await Scene().login(caps="draft/multiline=max-bytes=4000")).in_room()
    scene.server.says(
        f"{BOB} BATCH +1 draft/multiline #foo",
        f"@batch=1 {BOB} PRIVMSG #foo :one",
        f"@batch=1 {BOB} PRIVMSG #foo :two",
        ":irc.example BATCH :-1",
    )
    assert [call[2].text for call in scene.sink.take() if call[0] == "room_message"] == ["one\ntwo"]
    await scene.finish()


async def test_an_echo_has_its_label_in_the_middle_of_other_tags() -> None:
    scene = await (await Scene().login(caps=MODERN)).in_room()
    receipt = Receipt()
    scene.session.say("#foo", "hi", MessageKind.CHAT, receipt)
    (line,) = scene.server.take()
    label = parse(line).tags["label"]
    scene.server.says(
        f"@time=2024-01-02T03:04:05.678Z;msgid=x1;label={label};inspircd.org/echo;account=nick {ME} PRIVMSG #foo :hi"
    )
    assert receipt.outcome == "done"
    assert receipt.ids == ["x1"]
    assert scene.sink.take() == []
    await scene.finish()
