"""What an operator is told, and the one try of ``causeway check``."""

import asyncio
import random
import socket

import pytest

from gateway.xmpp.diagnosis import LinkState, Patience, diagnose, probe
from gateway.xmpp.stream import Symptom, Trouble, trouble_of
from tests.fakes.xmpp_server import Behaviour, FakeXmppServer

JID = "irc.localhost"
# RFC 6120 §4.9.3, and one from nowhere
CONDITIONS = [
    "bad-format",
    "bad-namespace-prefix",
    "conflict",
    "connection-timeout",
    "host-gone",
    "host-unknown",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-authorized",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "undefined-condition",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
    "unsupported-version",
    "made-up",
]


TROUBLES = [Trouble(symptom, up=up) for symptom in Symptom for up in (False, True)] + [
    Trouble(Symptom.STREAM_ERROR, condition, "{curly} words", up)
    for condition in CONDITIONS
    for up in (False, True)
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_is_one_sentence(trouble: Trouble) -> None:
    diagnosis = diagnose(trouble, jid=JID, host="xmpp.example.org", port=5347)
    assert diagnosis.reason.endswith(".")
    assert "{jid}" not in diagnosis.reason
    assert "\n" not in diagnosis.reason
    assert JID in diagnosis.reason or "xmpp.example.org" in diagnosis.reason
    assert diagnosis.state in {LinkState.DOWN, LinkState.REFUSED}


def test_an_established_link_is_only_refused_for_another_gateway() -> None:
    refused = [
        t for t in TROUBLES if t.up and diagnose(t, jid="a", host="b", port=1).state is LinkState.REFUSED
    ]
    assert [t.condition or t.symptom for t in refused] == [Symptom.FOREIGN, "conflict"]


def test_patience_grows_to_its_ceiling_and_is_jittered() -> None:
    patience = Patience(1.0, 60.0)
    rng = random.Random(1)
    for failures in range(1, 100):
        whole = min(60.0, 2.0 ** (failures - 1))
        assert whole / 2 <= patience.delay(failures, rng) <= whole


@pytest.mark.parametrize(
    ("error", "symptom"),
    [
        (socket.gaierror(-2, "Name or service not known"), Symptom.UNRESOLVABLE),
        (UnicodeError("label too long"), Symptom.UNRESOLVABLE),
        (ConnectionRefusedError(111, "Connection refused"), Symptom.CLOSED_PORT),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] ..."),
            Symptom.CLOSED_PORT,
        ),
        (TimeoutError(110, "Connection timed out"), Symptom.CONNECT_TIMEOUT),
        (OSError(113, "No route to host"), Symptom.UNREACHABLE),
    ],
)
def test_what_kept_a_connection_from_being_made(error: OSError, symptom: Symptom) -> None:
    assert trouble_of(error).symptom is symptom


@pytest.mark.parametrize(
    ("behaviour", "jid", "secret", "state", "word"),
    [
        (Behaviour(), JID, "s3cret", LinkState.UP, "accepts irc.localhost"),
        (Behaviour(), JID, "wrong", LinkState.REFUSED, "does not accept the secret"),
        (Behaviour(), "sms.localhost", "s3cret", LinkState.REFUSED, "does not know the component"),
        (Behaviour(refuse="conflict"), JID, "s3cret", LinkState.REFUSED, "other gateway"),
        (Behaviour(features=True), JID, "s3cret", LinkState.REFUSED, "it is one for users"),
        (Behaviour(silent=True), JID, "s3cret", LinkState.DOWN, "does not finish the component handshake"),
        (Behaviour(header_only=True), JID, "s3cret", LinkState.DOWN, "does not finish the component"),
        (Behaviour(hang_up=True), JID, "s3cret", LinkState.DOWN, "closes the connection before"),
        (
            Behaviour(first_words=b"SSH-2.0-OpenSSH_9.2\r\n"),
            JID,
            "s3cret",
            LinkState.REFUSED,
            "not a component port",
        ),
        (Behaviour(first_words=b"<html><body>"), JID, "s3cret", LinkState.REFUSED, "answers with <html>"),
        (
            Behaviour(first_words=b"\x15\x03\x01\x00\x02\x02"),
            JID,
            "s3cret",
            LinkState.REFUSED,
            "not a component",
        ),
    ],
)
async def test_one_try_says_what_is_wrong(
    behaviour: Behaviour, jid: str, secret: str, state: LinkState, word: str
) -> None:
    async with FakeXmppServer(behaviour=behaviour) as server:
        status = await probe(jid, secret, server.host, server.port, timeout=0.5)
        assert status.state is state
        assert word in status.reason
        assert secret not in status.reason
        await asyncio.gather(*(connection.closed.wait() for connection in server.connections))


async def test_one_try_on_a_closed_port() -> None:
    async with FakeXmppServer() as server:
        await server.stop()
        status = await probe(JID, "x", server.host, server.port, timeout=5.0)
        assert f"Nothing listens on 127.0.0.1 port {server.port}" in status.reason


async def test_one_try_on_a_name_without_address() -> None:
    async def unresolved(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    status = await probe(JID, "x", "nowhere.invalid", 5347, timeout=5.0, connect=unresolved)
    assert "nowhere.invalid" in status.reason
    assert "no address" in status.reason
