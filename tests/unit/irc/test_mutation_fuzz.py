"""The mutation fuzzer for some thousand lines, and what its long runs (``python -m tests.fuzz.irc``) have found."""

import pytest

from bridges.irc.protocol.decode import known_encoding
from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.modes import parse_modes
from gateway.model import Address, AddressKind, Enrichment, MessageKind, Refused, Reply
from tests.fuzz.irc.runs import Report, codecs, sessions
from tests.unit.irc.scripted import NETWORK, Receipt, Scene

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


def test_a_space_is_no_mode() -> None:
    assert [change.letter for change in parse_modes(["+m n"], Isupport())] == ["m", "n"]


def test_encodings_that_read_line_breaks_out_of_letters_are_none() -> None:
    assert not known_encoding("raw_unicode_escape")
    assert known_encoding("iso-2022-jp")
