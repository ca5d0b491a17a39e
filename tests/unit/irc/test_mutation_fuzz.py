"""The mutation fuzzer for some thousand lines, and what its long runs (``python -m tests.fuzz.irc``) have found."""

import pytest

from bridges.irc.protocol.decode import known_encoding
from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import apply, parse_modes
from bridges.irc.rooms import PORTION
from gateway.model import Address, AddressKind, Enrichment, MessageKind, Refused, Reply
from tests.fuzz.irc.runs import Report, codecs, sessions
from tests.unit.irc.scripted import ME, NETWORK, Receipt, Scene

ROOM = Address(AddressKind.ROOM, NETWORK, "#foo")
CAPS = "labeled-response echo-message draft/message-redaction"


def test_no_line_surprises_the_codecs() -> None:
    report = Report()
    codecs(1, 5_000, report)
    assert not report.defects, report.text()
    assert report.lines == 5_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_line_surprises_a_session(seed: int) -> None:
    report = Report()
    sessions(seed, 2_000, report)
    assert not report.defects, report.text()
    assert report.findings.calls > 50


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_million_lines_surprise_nobody() -> None:
    report = Report()
    codecs(1, 700_000, report)
    sessions(1, 300_000, report)
    assert not report.defects, report.text()


# -- found ----------------------------------------------------------------------------------------------------------


async def test_what_a_tag_cannot_carry_is_no_reaction_and_no_reply() -> None:
    scene = await (await Scene().login(caps=CAPS)).in_room()
    for message, emoji in (("m1", "\0"), ("\0", "👍")):
        receipt = Receipt()
        scene.session.react(ROOM, message, (emoji,), receipt)
        assert isinstance(receipt.outcome, Refused)
    scene.session.express(ROOM, "hi", MessageKind.CHAT, Enrichment(Reply("a\0b")), Receipt())
    await scene.clock.advance(0)
    (line,) = scene.server.take()
    assert line.endswith("PRIVMSG #foo :hi")
    assert "+reply" not in line
    await scene.finish()


async def test_lines_that_wait_are_sent_though_the_server_takes_shorter_ones_from_now_on() -> None:
    scene = await (await Scene().login("LINELEN=2048")).in_room()
    assert scene.server.connection is not None
    scene.server.connection.writable = False
    receipt = Receipt()
    scene.session.say("#foo", "x" * 1500, MessageKind.CHAT, receipt)
    scene.server.says(f":{NETWORK} 005 Nick LINELEN=512 :are supported by this server")
    scene.server.connection.writable = True
    scene.server.on_writable()
    assert scene.server.take() == [f"PRIVMSG #foo :{'x' * 1500}"]
    assert receipt.outcome == "done"
    await scene.finish()


def test_what_no_server_has_is_no_mode() -> None:
    assert apply({}, parse_modes(["+m n\u0101é"], Isupport())) == {"m": "", "n": ""}


async def test_a_server_cannot_make_us_remember_modes_without_end() -> None:
    scene = await (await Scene().login()).in_room()
    scene.server.says(*(f"{ME} MODE #foo +{chr(0x21 + number)}" for number in range(1000)))
    channel = scene.session._parts.console._common.channels.get("#foo")
    assert channel is not None
    assert len(channel.modes) < 94
    await scene.finish()


async def test_many_channels_whose_lists_do_not_end_are_told_in_portions() -> None:
    scene = await Scene().login()
    for number in range(5):
        names = " ".join(f"n{number}x{which}" for which in range(PORTION))
        scene.server.says(f"{ME} JOIN #c{number}", f":{NETWORK} 353 Nick = #c{number} :{names}")
    scene.sink.take()
    now = scene.clock.monotonic() + 15
    told = []
    while scene.session._parts.rooms.expire(now) <= now:
        told.append(len(scene.sink.take()))
    assert told == [1, 1, 1, 1]
    assert len(scene.sink.take()) == 1
    await scene.finish()


def test_encodings_that_read_line_breaks_out_of_letters_are_none() -> None:
    assert not known_encoding("raw_unicode_escape")
    assert known_encoding("iso-2022-jp")
