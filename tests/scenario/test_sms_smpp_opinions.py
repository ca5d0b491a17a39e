"""The same client with message centres of other people: ``smpp34``, ``smpp.twisted3`` and Debian's Net::SMPP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridges.sms.text.gsm import septets
from bridges.sms.traffic import Accepted, Failing, NotTaken, Rejected, Stage
from tests.rig.smsc import PerlSmsc, RustSmsc, TwistedSmsc
from tests.scenario.texting import OURS, THEIRS, read, texting

LONG = "Ein langer Text mit € und {Klammern}, " * 8
RECEIPT = "id:{} sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:x"


@pytest.fixture
async def rust(server_directory: Callable[[str], Path]) -> AsyncIterator[RustSmsc]:
    server = await RustSmsc.start(server_directory("rust"))
    yield server
    await server.stop()


@pytest.fixture
async def twisted(server_directory: Callable[[str], Path]) -> AsyncIterator[TwistedSmsc]:
    server = await TwistedSmsc.start(server_directory("twisted"))
    yield server
    await server.stop()


@pytest.fixture
async def perl(server_directory: Callable[[str], Path]) -> AsyncIterator[PerlSmsc]:
    server = await PerlSmsc.start(server_directory("perl"))
    yield server
    await server.stop()


def joined(pdus: list[dict[str, str]]) -> bytes:
    """The text of segments with a header of six octets."""
    return b"".join(bytes.fromhex(each["octets"])[6:] for each in pdus)


# -- smpp34 ----------------------------------------------------------------------------------------------------------


async def test_smpp34_takes_texts_and_their_segments(rust: RustSmsc) -> None:
    async with texting(rust.port) as stage:
        (outcome,) = await stage.text("Привет 😀")
        (pdu,) = await rust.control.pdus("submit_sm")
        assert outcome == Accepted(pdu["id"])
        assert (bytes.fromhex(pdu["octets"]).decode("utf-16-be"), pdu["data_coding"]) == ("Привет 😀", 8)
        assert (pdu["source_addr"], pdu["source_addr_ton"], pdu["registered_delivery"]) == (OURS[1:], 1, 1)
        outcomes = await stage.text(LONG)
        pdus = (await rust.control.pdus("submit_sm", 1 + len(outcomes)))[1:]
        assert septets(0, 0).decode(joined(pdus)) == LONG


async def test_smpp34_refuses(rust: RustSmsc) -> None:
    async with texting(rust.port) as stage:
        await rust.control.ask("set", refuse=[0x0B, 0x58])
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.MESSAGE
        assert isinstance((await stage.text("hi"))[0], Accepted)
        assert stage.route.seen().counts["throttled"] == 1


async def test_smpp34_brings_messages_and_receipts(rust: RustSmsc) -> None:
    async with texting(rust.port) as stage:
        await rust.control.event("bound")
        where = {
            "source_addr": THEIRS[1:],
            "source_addr_ton": 1,
            "destination_addr": OURS[1:],
            "dest_addr_ton": 1,
        }
        words = "Grüße 😀".encode("utf-16-be")
        assert await rust.deliver(words, tlvs=[(0x1402, "c3a4ff")], data_coding=8, **where) == 0
        (message,) = await stage.messages()
        assert (message.sender, message.recipient, read([message])) == (THEIRS, OURS, "Grüße 😀")
        tlvs = [(0x001E, b"1a2b\0".hex()), (0x0427, "02")]
        assert await rust.deliver(b"", tlvs=tlvs, esm_class=4, **where) == 0
        (report,) = await stage.reports()
        assert (report.stage, report.id, report.recipient) == (Stage.DELIVERED, "1a2b", THEIRS)


async def test_smpp34_keeps_what_we_cannot(rust: RustSmsc) -> None:
    async with texting(rust.port) as stage:
        await rust.control.event("bound")
        stage.intake.refusals.append(NotTaken("not now"))
        where = {"source_addr": THEIRS[1:], "destination_addr": OURS[1:]}
        assert await rust.deliver(b"hi", tlvs=[], **where) == 0x64
        assert await rust.deliver(b"hi", tlvs=[], **where) == 0


async def test_smpp34_is_left_and_found_again(rust: RustSmsc) -> None:
    async with texting(rust.port) as stage:
        first = await rust.control.event("bound")
        await rust.control.ask("unbind")
        await rust.control.until(
            lambda events: [
                each for each in events if each["event"] == "bound" and each["session"] != first["session"]
            ]
        )
        assert isinstance((await stage.text("hi"))[0], Accepted)


# -- smpp.twisted3 ---------------------------------------------------------------------------------------------------


async def test_twisted_takes_texts_and_their_segments(twisted: TwistedSmsc) -> None:
    async with texting(twisted.port) as stage:
        (outcome,) = await stage.text("Привет 😀")
        (pdu,) = await twisted.control.pdus("submit_sm")
        assert outcome == Accepted(pdu["id"])
        assert bytes.fromhex(pdu["octets"]).decode("utf-16-be") == "Привет 😀"
        assert pdu["source_addr"] == OURS[1:]
        assert "INTERNATIONAL" in pdu["source_addr_ton"]
        outcomes = await stage.text(LONG)
        pdus = (await twisted.control.pdus("submit_sm", 1 + len(outcomes)))[1:]
        assert septets(0, 0).decode(joined(pdus)) == LONG
        assert all("UDHI" in each["esm_class"] for each in pdus)


async def test_twisted_refuses(twisted: TwistedSmsc) -> None:
    async with texting(twisted.port) as stage:
        await twisted.control.ask("set", refuse=["ESME_RINVDSTADR"])
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Rejected)
        assert outcome.code == "ESME_RINVDSTADR"


async def test_twisted_brings_messages_and_receipts(twisted: TwistedSmsc) -> None:
    async with texting(twisted.port) as stage:
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Accepted)
        where = {"source_addr": THEIRS[1:], "destination_addr": OURS[1:]}
        assert "ESME_ROK" in await twisted.deliver(b"hello", **where)
        receipt = RECEIPT.format(outcome.id).encode()
        assert "ESME_ROK" in await twisted.deliver(receipt, receipt=True, **where)
        (message,) = await stage.messages()
        (report,) = await stage.reports()
        assert (read([message]), report.id, report.stage) == ("hello", outcome.id, Stage.DELIVERED)


async def test_twisted_refuses_a_login_with_nothing_but_a_header(twisted: TwistedSmsc) -> None:
    async with texting(twisted.port, password="wrong") as stage:
        await stage.intake.until(troubles=1)
        assert "ESME_RINVPASWD" in stage.intake.troubles[0] or "ESME_RBINDFAIL" in stage.intake.troubles[0]


@pytest.mark.parametrize("mode", ["trx", "tx+rx"])
async def test_twisted_knows_all_ways_to_bind(twisted: TwistedSmsc, mode: str) -> None:
    async with texting(twisted.port, bind=mode, binds=2) as stage:
        outcomes = await asyncio.gather(*(stage.text(f"text {number}") for number in range(10)))
        assert all(isinstance(each, Accepted) for (each,) in outcomes)


# -- Net::SMPP -------------------------------------------------------------------------------------------------------


async def test_the_example_of_net_smpp_takes_texts(perl: PerlSmsc) -> None:
    async with texting(perl.port) as stage:
        assert await stage.text("hi") == [Accepted("123456789")]
        assert await stage.text(LONG) == [Accepted("123456789")] * stage.route.pieces(stage.submission(LONG))
