"""Message centres that refuse, throttle, drop, keep silent or mix things up: npm's ``smpp``, steered by the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridges.sms.smpp.commands import Command
from bridges.sms.smpp.pdu import Bare, Message, Outbind, Pdu, encode
from bridges.sms.traffic import Accepted, Away, Failing, Outcome, Rejected, Stage, Unknown
from gateway.playground.certificate import Certificate, make_certificate
from tests.rig.smsc import NodeSmsc
from tests.scenario.texting import Texting, read, texting
from tests.waiting import eventually


@pytest.fixture
async def smsc(server_directory: Callable[[str], Path]) -> AsyncIterator[NodeSmsc]:
    server = await NodeSmsc.start(server_directory("smsc"))
    yield server
    await server.stop()


def deliver(words: bytes, sequence: int, source: str = "15551110001") -> bytes:
    message = Message(
        source=source, source_ton=1, destination="15559990000", destination_ton=1, short_message=words
    )
    return encode(Pdu(Command.DELIVER_SM, 0, sequence, message))


# -- the way in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bare", [True, False])
async def test_bind_refused_with_header_only_response(smsc: NodeSmsc, bare: bool) -> None:
    await smsc.set(bind_status=0x0E, bind_bare=bare)
    async with texting(smsc.port) as stage:
        await stage.intake.until(troubles=1)
        assert "the password is wrong (ESME_RINVPASWD)" in stage.intake.troubles[0]
        with pytest.raises(Away, match="password"):
            await stage.text("hi")
        await smsc.reset()
        await smsc.session()
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Accepted)


async def test_a_login_that_is_never_answered_is_tried_again(smsc: NodeSmsc) -> None:
    await smsc.set(bind_silent=True)
    async with texting(smsc.port, timeout=0.3) as stage:
        await smsc.control.pdus("bind_transceiver", 2)
        await smsc.reset()
        await smsc.session()
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_two_pdus_in_one_segment_behind_the_bind_response(smsc: NodeSmsc) -> None:
    octets = (
        deliver(b"first", 501) + deliver(b"second", 502) + encode(Pdu(Command.ENQUIRE_LINK, 0, 503, Bare()))
    )
    await smsc.set(behind_bind=octets.hex())
    async with texting(smsc.port) as stage:
        messages = await stage.messages(2)
        assert [read([each]) for each in messages] == ["first", "second"]
        await smsc.control.pdus("deliver_sm_resp", 2)
        await smsc.control.pdus("enquire_link_resp", sequence=503)


async def test_an_outbind_changes_nothing(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        await smsc.session()
        await smsc.raw(encode(Pdu(Command.OUTBIND, 0, 9, Outbind("NODESMSC", "pw"))))
        assert await smsc.deliver("still here") == 0
        assert len(smsc.control.events) < 20
        assert stage.route.seen().connected


@pytest.mark.parametrize("mode", ["tx+rx", "trx"])
async def test_several_connections_of_one_route(smsc: NodeSmsc, mode: str) -> None:
    async with texting(smsc.port, bind=mode, binds=2, window=1) as stage:
        wanted = 4 if mode == "tx+rx" else 2
        await eventually(lambda: stage.route.seen().detail == f"{wanted} of {wanted} connections")
        await smsc.set(receipt_on="other")
        outcomes = await asyncio.gather(*(stage.text(f"text {number}") for number in range(8)))
        ids = {each.id for (each,) in outcomes if isinstance(each, Accepted)}
        assert len(ids) == 8
        assert {each.id for each in await stage.reports(8)} == ids
        used = {each["session"] for each in await smsc.submitted(8)}
        assert len(used) == 2


# -- outages ---------------------------------------------------------------------------------------------------------


async def test_socket_dropped_with_3_submits_open(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        await smsc.set(submit="silent")
        sending = [
            asyncio.create_task(stage.piece(stage.submission(f"text {number}"))) for number in range(3)
        ]
        await smsc.submitted(3)
        await smsc.reset()
        await smsc.control.ask("drop", session=session)
        outcomes = await asyncio.gather(*sending)
        assert all(isinstance(each, Unknown) for each in outcomes)
        await smsc.session()
        (outcome,) = await stage.text("next")
        assert isinstance(outcome, Accepted)
        assert [each["short_message"]["message"] for each in await smsc.submitted(1)] == ["next"]


@pytest.mark.parametrize("way", ["drop", "half"])
async def test_a_message_centre_that_breaks_off_at_an_answer(smsc: NodeSmsc, way: str) -> None:
    await smsc.set(submit=way)
    async with texting(smsc.port) as stage:
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Unknown)
        await smsc.set(submit="answer")
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_a_message_centre_that_breaks_off_inside_a_message(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        await smsc.control.ask("end", session=session, hex=deliver(b"cut", 7)[:-2].hex())
        await smsc.control.event("closed", session=session)
        await smsc.deliver("whole", session=await smsc.session())
        (message,) = await stage.messages()
        assert read([message]) == "whole"


async def test_a_message_that_was_not_acknowledged_comes_again_after_an_outage(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        stage.intake.gate.clear()
        await smsc.brings("hi")
        await eventually(lambda: stage.intake.waiting)
        await smsc.control.ask("drop", session=session)
        stage.intake.gate.set()
        await stage.messages(1)
        assert not [each for each in smsc.control.events if each.get("command") == "deliver_sm_resp"]


async def test_answers_out_of_order(smsc: NodeSmsc) -> None:
    await smsc.set(submit="reverse", batch=5)
    async with texting(smsc.port) as stage:
        sending = [
            stage.piece(stage.submission(f"text {number}", to=f"+1555000000{number}")) for number in range(5)
        ]
        outcomes = await asyncio.gather(*sending)
        reports = {each.id: each.recipient for each in await stage.reports(5)}
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, Accepted)
            assert reports[outcome.id] == f"+1555000000{number}"


async def test_a_message_centre_that_never_answers(smsc: NodeSmsc) -> None:
    await smsc.set(submit="silent")
    async with texting(smsc.port, response_timeout=1) as stage:
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Unknown)
        await smsc.set(submit="answer")
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_a_message_centre_that_unbinds(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        await smsc.control.ask("tell", session=session, command="unbind")
        await smsc.control.pdus("unbind_resp")
        await smsc.control.event("closed", session=session)
        await smsc.session()
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_a_message_centre_that_is_killed_and_comes_back(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        await smsc.session()
        await smsc.kill()
        await eventually(lambda: not stage.route.seen().connected)
        await smsc.restart()
        await smsc.session()
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_a_silent_peer_is_asked_and_left(smsc: NodeSmsc) -> None:
    await smsc.set(enquire=False)
    async with texting(smsc.port, enquire_interval=1) as stage:
        session = await smsc.session()
        await smsc.control.pdus("enquire_link", session=session)
        assert stage.route.seen().connected


async def test_it_goes_as_it_should(smsc: NodeSmsc) -> None:
    async with texting(smsc.port):
        await smsc.session()
    await smsc.control.pdus("unbind")
    assert not [each for each in smsc.control.events if each["event"] == "error"]


async def test_what_is_said_of_messages_is_true_whenever_connections_break(smsc: NodeSmsc) -> None:
    """Accepted ones were there, refused ones were not, and of the others nobody knows."""
    outcomes: dict[str, Outcome] = {}

    async def conversation(stage: Texting, name: int) -> None:
        for number in range(25):
            text = f"{name}: text {number}"
            (outcomes[text],) = await stage.text(text, to=f"+1555000000{name}")

    async def breaking() -> None:
        for count in range(20, 120, 20):
            pdus = await smsc.submitted(count)
            with contextlib.suppress(RuntimeError):  # it is gone already
                await smsc.control.ask("drop", session=pdus[-1]["session"])

    async with texting(smsc.port, binds=2, window=4) as stage, asyncio.TaskGroup() as group:
        for name in range(8):
            group.create_task(conversation(stage, name))
        group.create_task(breaking())
    await smsc.control.ask("sessions")  # what it has told before this is here
    seen = [each["short_message"]["message"] for each in await smsc.submitted(1)]
    assert len(seen) == len(set(seen))
    for text, outcome in outcomes.items():
        assert not isinstance(outcome, Accepted) or text in seen
        assert not isinstance(outcome, Rejected) or text not in seen
    kinds = [type(each) for each in outcomes.values()]
    assert kinds.count(Accepted) > 100
    assert len(outcomes) == 200


# -- windows, rates, throttling --------------------------------------------------------------------------------------


async def test_a_window_is_kept(smsc: NodeSmsc) -> None:
    await smsc.set(submit="reverse", batch=3)
    async with texting(smsc.port, window=3) as stage:
        outcomes = await asyncio.gather(*(stage.text(f"text {number}") for number in range(9)))
        # Had there been a fourth one under way, the third answer of a batch would not have been enough for it.
        assert all(isinstance(each, Accepted) for (each,) in outcomes)


@pytest.mark.parametrize("status", [0x58, 0x14])
async def test_throttled_messages_are_repeated_in_order(smsc: NodeSmsc, status: int) -> None:
    await smsc.set(refuse=[0, status])
    async with texting(smsc.port, window=1) as stage:
        outcomes = await asyncio.gather(*(stage.text(f"text {number}") for number in range(4)))
        assert all(isinstance(each, Accepted) for (each,) in outcomes)
        said = [each["short_message"]["message"] for each in await smsc.submitted(5)]
        assert said == ["text 0", "text 1", "text 1", "text 2", "text 3"]
        assert stage.route.seen().counts["throttled"] == 1


async def test_congestion_is_read(smsc: NodeSmsc) -> None:
    await smsc.set(congestion=95)
    async with texting(smsc.port, interface_version="5.0") as stage:
        for number in range(3):
            assert isinstance((await stage.text(f"text {number}"))[0], Accepted)
        assert stage.route._turns.congestion.wait(0.0) > 0


async def test_the_link_is_answered_while_a_message_waits_to_be_kept(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        stage.intake.gate.clear()
        await smsc.brings("hi")
        await eventually(lambda: stage.intake.waiting)
        answer = await smsc.control.ask("send", session=session, command="enquire_link")
        assert answer == {"command": "enquire_link_resp", "status": 0}
        assert not [each for each in smsc.control.events if each.get("command") == "deliver_sm_resp"]
        stage.intake.gate.set()
        await smsc.control.pdus("deliver_sm_resp", status=0)


# -- nonsense --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [b"\0\0\0\0\0\0\0\x05" * 2, b"\0\0\0\x0f\0\0\0\x05" * 2, b"\0\x01\x18\x01\0\0\0\x05" * 2, b"\xff" * 16],
    ids=["0", "15", "70 KiB+", "4 GiB"],
)
async def test_lengths_that_no_pdu_has(smsc: NodeSmsc, octets: bytes) -> None:
    async with texting(smsc.port) as stage:
        session = await smsc.session()
        await smsc.raw(octets, session=session)
        await smsc.control.pdus("generic_nack", status=0x02)
        await smsc.control.event("closed", session=session)
        await smsc.session()
        assert isinstance((await stage.text("hi"))[0], Accepted)


async def test_an_unknown_request_is_nacked_and_the_session_goes_on(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        await smsc.session()
        await smsc.raw(bytes.fromhex("00000010 00000777 00000000 00000042"))
        await smsc.control.pdus("generic_nack", status=0x03, sequence=0x42)
        assert await smsc.deliver("hi") == 0
        assert stage.route.seen().connected


async def test_a_message_that_cannot_be_read_is_refused_and_the_session_goes_on(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        await smsc.session()
        await smsc.raw(bytes.fromhex("00000012 00000005 00000000 00000042 4141"))
        await smsc.control.pdus("deliver_sm_resp", status=0x66, sequence=0x42)
        assert await smsc.deliver("hi") == 0
        assert len(stage.intake.messages) == 1


# -- TLS -------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def secure(
    directory: Path, certificate: Certificate, *, clients: bool = False
) -> AsyncIterator[NodeSmsc]:
    server = await NodeSmsc.start(directory, certificate=certificate, client_certificates=clients)
    try:
        yield server
    finally:
        await server.stop()


async def tried(stage: Texting) -> Outcome:
    (outcome,) = await stage.text("Grüße 😀")
    return outcome


async def test_tls_with_an_authority_of_its_own(
    server_directory: Callable[[str], Path], certificate: Certificate
) -> None:
    async with (
        secure(server_directory("smsc"), certificate) as smsc,
        texting(smsc.port, tls=True, ca_file=certificate.authority) as stage,
    ):
        assert isinstance(await tried(stage), Accepted)
        assert await smsc.deliver("hi") == 0
        (report,) = await stage.reports()
        assert report.stage is Stage.DELIVERED


async def test_tls_that_is_not_to_be_trusted(
    server_directory: Callable[[str], Path], certificate: Certificate
) -> None:
    async with (
        secure(server_directory("smsc"), certificate) as smsc,
        texting(smsc.port, tls=True) as stage,
    ):
        await stage.intake.until(troubles=1)
        assert "not to be trusted" in stage.intake.troubles[0]
        with pytest.raises(Away, match="not to be trusted"):
            await tried(stage)


@pytest.mark.parametrize(("name", "good"), [("", False), ("other.example", True)])
async def test_tls_with_another_name(server_directory: Callable[[str], Path], name: str, good: bool) -> None:
    directory = server_directory("smsc")
    theirs = make_certificate(directory, names=("other.example",), addresses=())
    async with (
        secure(directory, theirs) as smsc,
        texting(smsc.port, tls=True, ca_file=theirs.authority, server_name=name) as stage,
    ):
        if good:
            assert isinstance(await tried(stage), Accepted)
        else:
            await stage.intake.until(troubles=1)
            assert "not to be trusted" in stage.intake.troubles[0]


async def test_tls_with_our_certificate(
    server_directory: Callable[[str], Path], certificate: Certificate
) -> None:
    ours = {"client_certificate": certificate.certificate, "client_key": certificate.key}
    async with secure(server_directory("smsc"), certificate, clients=True) as smsc:
        async with texting(smsc.port, tls=True, ca_file=certificate.authority, **ours) as stage:
            assert isinstance(await tried(stage), Accepted)
        async with texting(smsc.port, tls=True, ca_file=certificate.authority) as stage:
            assert len(await stage.route.trial()) == 1


async def test_a_port_without_tls_is_said(smsc: NodeSmsc, certificate: Certificate) -> None:
    async with texting(smsc.port, tls=True, ca_file=certificate.authority, timeout=2) as stage:
        (found,) = await stage.route.trial()
        assert f"127.0.0.1:{smsc.port} cannot be reached" in found
        assert "is it a port for SMPP over TLS?" in found


async def test_a_trial_says_nothing_where_all_is_well(smsc: NodeSmsc) -> None:
    async with texting(smsc.port) as stage:
        assert await stage.route.trial() == []
        await smsc.set(bind_status=0x0F)
        (found,) = await stage.route.trial()
        assert "`system_id`" in found


async def test_a_fault_of_the_message_centre_is_a_refusal_for_now(smsc: NodeSmsc) -> None:
    await smsc.set(refuse=[0x45])
    async with texting(smsc.port) as stage:
        (outcome,) = await stage.text("hi")
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.PASSING
