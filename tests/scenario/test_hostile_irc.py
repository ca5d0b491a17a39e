"""IRC servers that misbehave: one clear error to whoever wanted in, and nobody else notices.

The servers are the playground's scripted one, two for the module: ``good``, where people talk all the while, and
``bad``, which every test breaks in its own way.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.clients import error_condition, error_text, message, presence
from gateway.playground.ircd import Ircd, IrcdSettings
from gateway.playground.ircd.server import Connection
from gateway.playground.ircd.state import SaslManner
from gateway.playground.process import free_ports
from gateway.playground.xmpp_client import XmppClient
from tests.scenario.stage import Company, Door, Play, Scene, Stage, chatter, configure, meet
from tests.waiting import DEADLINE, eventually

MIB = 1024 * 1024
LOGIN_TIME = 2  # seconds, in the configuration of the bad network
GOOD, BAD = "good", "bad"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(directory: Path) -> AsyncIterator[Stage]:
    good, bad = free_ports(2)
    patience = {
        "login_timeout": f"{LOGIN_TIME}.0",
        "login_step_timeout": "1.0",
        "names_timeout": "2.0",
        "connect_timeout": "5.0",
        "allow_plaintext_login": "true",
    }
    play = Play({GOOD: Door("127.0.0.1", good), BAD: Door("127.0.0.1", bad, patience)})
    running = await Stage.start(directory, "prosody", play)
    try:
        yield running
    finally:
        await running.stop()


@pytest.fixture
async def bad(stage: Stage) -> AsyncIterator[Ircd]:
    async with asyncio.timeout(DEADLINE):
        server = await Ircd(IrcdSettings(accounts={"alice": "right"})).start(
            port=stage.play.networks[BAD].port
        )
    yield server
    await server.stop()


@pytest.fixture
async def neighbours(stage: Stage) -> AsyncIterator[Scene]:
    """People on another network, who talk before, during and after."""
    server = await Ircd().start(port=stage.play.networks[GOOD].port)
    company = Company(stage)
    scene = await meet(company, GOOD)
    await scene.talk("before")
    yield scene
    await scene.talk("after")
    await company.goodbye()
    await server.stop()


@pytest.fixture
async def victim(company: Company) -> XmppClient:
    return await company.user("victim")


def room(stage: Stage) -> str:
    return stage.room("#bad", BAD)


async def refusal(stage: Stage, victim: XmppClient, neighbours: Scene) -> tuple[str, str]:
    """Try to join, while the neighbours talk; gives condition and text of the one error."""
    trying = asyncio.create_task(victim.try_join(room(stage), "Victim", within=DEADLINE))
    await neighbours.talk("meanwhile")
    refused = await trying
    condition = error_condition(refused)
    assert condition is not None
    await victim.iq(stage.server(BAD), "<ping xmlns='urn:xmpp:ping'/>")
    assert not victim.inbox.waiting(presence(type="error"))
    assert not chatter(victim)
    assert BAD in error_text(refused)
    return condition, error_text(refused)


# Servers that let nobody in


async def test_a_server_that_never_answers(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene
) -> None:
    bad.deaf = True
    condition, text = await refusal(stage, victim, neighbours)
    assert condition == "remote-server-timeout"
    assert f"within {LOGIN_TIME} seconds" in text


async def test_a_server_that_is_not_there(stage: Stage, victim: XmppClient, neighbours: Scene) -> None:
    condition, _ = await refusal(stage, victim, neighbours)
    assert condition == "remote-server-not-found"


def at_once(data: bytes, *, then_close: bool = False) -> Callable[[Connection, list[str]], bool]:
    """A hook for NICK: answer the login with these bytes."""

    def hook(connection: Connection, _params: list[str]) -> bool:
        connection.raw(data)
        if then_close:
            connection.close()
        return True

    return hook


GARBAGE = bytes(range(1, 256)) * 40
ENDLESS_WORDS = b":irc.localhost 372 * :" + b"x" * 400 + b"\r\n"


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(GARBAGE, id="garbage"),
        pytest.param(b"\0" * 20_000 + b"\r\n" * 20_000, id="nothing but line ends"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>\r\n", id="a web server"),
        pytest.param(b"x" * (4 * MIB), id="no line end, ever"),
        pytest.param(b"@" + b"a=b;" * 2047 + b"\r\n", id="8 KiB of tags and no command"),
        pytest.param(b":s NOTICE * :\xff\xfe\xc3\x28\xf0\x9f\r\n" * 200, id="no text in any encoding"),
        pytest.param(ENDLESS_WORDS * 10_000, id="a flood"),
        pytest.param(
            b":s CAP * LS * :" + b"a" * 450 + b"\r\n" + b":s CAP * LS * :b\r\n" * 5000,
            id="endless capabilities",
        ),
    ],
)
async def test_noise_instead_of_a_welcome(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene, noise: bytes
) -> None:
    before = stage.resident()
    bad.hooks["NICK"] = at_once(noise)
    await refusal(stage, victim, neighbours)
    assert stage.resident() - before < 24 * MIB


async def test_a_server_that_closes_in_the_middle_of_a_line(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene
) -> None:
    bad.hooks["NICK"] = at_once(b":irc.localhost 001 Vic", then_close=True)
    condition, text = await refusal(stage, victim, neighbours)
    assert condition == "remote-server-not-found"
    assert "lost" in text


async def test_a_server_that_closes_with_a_word(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene
) -> None:
    bad.hooks["NICK"] = at_once(
        b"ERROR :Closing link: (you) [No more connections allowed]\r\n", then_close=True
    )
    _, text = await refusal(stage, victim, neighbours)
    assert "No more connections allowed" in text


async def test_a_server_whose_every_nick_is_taken(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene
) -> None:
    def taken(connection: Connection, params: list[str]) -> bool:
        bad.numeric(connection, 433, params[0], "Nickname is already in use")
        return True

    bad.hooks["NICK"] = taken
    condition, text = await refusal(stage, victim, neighbours)
    assert condition == "conflict"
    assert "Choose another nick" in text


async def test_a_wrong_sasl_password(stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene) -> None:
    await configure(victim, stage.server(BAD), sasl_username="alice", sasl_password="wrong")
    condition, text = await refusal(stage, victim, neighbours)
    assert condition == "not-authorized"
    assert "SASL authentication failed" in text
    assert "wrong" not in text
    await configure(victim, stage.server(BAD), sasl_username="alice", sasl_password="right")
    await victim.join(room(stage), "Victim", within=DEADLINE)
    assert bad.connection("Victim").account == "alice"


SCRAM = IrcdSettings(accounts={"alice": "right"}, mechanisms=("SCRAM-SHA-256", "PLAIN"))


async def test_a_password_is_proved_and_never_sent_where_the_server_can_do_that(
    stage: Stage, bad: Ircd, victim: XmppClient
) -> None:
    bad.settings = SCRAM
    await configure(victim, stage.server(BAD), sasl_username="alice", sasl_password="right")
    await victim.join(room(stage), "Victim", within=DEADLINE)
    assert bad.connection("Victim").account == "alice"
    said = [one.params[0] for one in bad.received.waiting() if one.command == "AUTHENTICATE"]
    assert said[0] == "SCRAM-SHA-256"
    assert not any(b"right" in base64.b64decode(word) for word in said[1:] if word != "+")


@pytest.mark.parametrize(
    ("manner", "condition", "words"),
    [
        pytest.param("lying", "not-authorized", "", id="lies"),
        pytest.param("silent", "service-unavailable", "did not answer", id="is silent"),
        pytest.param("refusing", "service-unavailable", "SASL", id="refuses to negotiate"),
    ],
)
async def test_a_server_whose_login_service(
    stage: Stage,
    bad: Ircd,
    victim: XmppClient,
    neighbours: Scene,
    manner: SaslManner,
    condition: str,
    words: str,
) -> None:
    bad.settings = replace(SCRAM, sasl=manner)
    await configure(victim, stage.server(BAD), sasl_username="alice", sasl_password="right")
    told, text = await refusal(stage, victim, neighbours)
    assert told == condition
    assert words in text
    assert not bad.users


# Servers that go wild once we are in


@pytest.fixture
async def inside(stage: Stage, bad: Ircd, victim: XmppClient) -> Connection:
    """The victim's connection, in a room of the bad server with somebody else."""
    bad.add_user("other", "#bad")
    await victim.join(room(stage), "Victim", within=DEADLINE)
    await victim.expect(message(type="groupchat", subject=""))
    victim.inbox.clear()
    return bad.connection("Victim")


async def speaks(stage: Stage, bad: Ircd, victim: XmppClient, words: str = "still alive") -> None:
    bad.say_as("other", "#bad", words)
    await victim.expect(message(f"{room(stage)}/other", words, type="groupchat"), within=DEADLINE)


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(GARBAGE + b"\r\n", id="garbage"),
        pytest.param(b"@" + b"x=y;" * 2040 + b" PING :tagged\r\n", id="8 KiB of tags"),
        pytest.param(b":a!b@c PRIVMSG #bad :\xff\xfe\xc3\x28\x00\r\n", id="no text in any encoding"),
        pytest.param(
            b":a PRIVMSG\r\n:b JOIN\r\n:c 353\r\nMODE\r\n:d KICK #bad\r\nNICK\r\n: :\r\n@ \r\n:\r\n" * 50,
            id="halves of lines",
        ),
        pytest.param(
            b":irc.localhost 353 Victim = #bad :"
            + b"o\r\n"
            + b":i 005 V CHANTYPES= PREFIX=(o CASEMAPPING=x LINELEN=1 NICKLEN=-1 :s\r\n",
            id="nonsense in 005",
        ),
        pytest.param(
            b"".join(b":i MODE #bad +%s\r\n" % bytes([n]) * 2 for n in range(65, 123)),
            id="modes without arguments",
        ),
    ],
)
async def test_nonsense_in_a_room_passes_by(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene, inside: Connection, noise: bytes
) -> None:
    inside.raw(noise)
    await neighbours.talk("meanwhile")
    await speaks(stage, bad, victim)


async def test_a_flood_of_talk_delays_no_neighbour(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene, inside: Connection
) -> None:
    before = stage.resident()
    count = 5000
    inside.raw(b"".join(b":other!o@h PRIVMSG #bad :flood %d\r\n" % number for number in range(count)))
    started = time.monotonic()
    await neighbours.talk("meanwhile")
    took = time.monotonic() - started
    await victim.expect(message(body=f"flood {count - 1}"), within=DEADLINE)
    assert len(chatter(victim)) == count - 1  # all of them, once each
    # Of the order of the flood's own handling at the very worst, never a queue behind all of it and more.
    assert took < DEADLINE / 3
    assert stage.resident() - before < 64 * MIB


async def test_a_line_without_end_ends_the_session_and_it_heals(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene, inside: Connection
) -> None:
    before = stage.resident()

    async def pour() -> None:
        try:
            await bad.flood_without_newline("Victim", 64 * MIB)
        except (OSError, KeyError):
            return

    pouring = asyncio.create_task(pour())
    await neighbours.talk("meanwhile")
    try:
        await asyncio.wait_for(pouring, DEADLINE)
    finally:
        pouring.cancel()
    assert stage.resident() - before < 24 * MIB
    if inside in bad.all_connections:
        inside.raw(b"\r\n")
    await speaks_again(stage, bad, victim)


async def speaks_again(stage: Stage, bad: Ircd, victim: XmppClient) -> None:
    """Whether or not the gateway had to reconnect for it: the victim, who does nothing, hears people talk."""
    await eventually(
        lambda: bad.channels and bad.channels.get("#bad") and "victim" in bad.channels["#bad"].members,
        "us in the channel",
    )
    if bad.find("other") is None:
        bad.add_user("other", "#bad")
    await speaks(stage, bad, victim, "again")


async def test_names_without_end_do_not_hold_up_anything(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene
) -> None:
    before = stage.resident()
    more = asyncio.Event()

    def endless(connection: Connection, params: list[str]) -> bool:
        connection.send(f":{connection.nick}!x@y JOIN {params[0]}")
        for block in range(200):
            words = " ".join(f"n{block}x{number}" for number in range(40))
            connection.send(f":irc.localhost 353 {connection.nick} = {params[0]} :{words}")
        more.set()
        return True

    bad.hooks["JOIN"] = endless
    trying = asyncio.create_task(victim.try_join(room(stage), "Victim", within=DEADLINE))
    await more.wait()
    await neighbours.talk("meanwhile")
    answer = await trying  # in time even without the end of the list
    assert error_condition(answer) is None
    assert stage.resident() - before < 64 * MIB


async def test_a_server_that_goes_away_with_half_a_line_is_entered_again(
    stage: Stage, bad: Ircd, victim: XmppClient, neighbours: Scene, inside: Connection
) -> None:
    inside.raw(b":other!o@h PRIVMSG #bad :half a sen")
    inside.close()
    lost = await victim.expect(
        lambda one: "was lost" in (one.findtext("{jabber:client}body") or ""), "to be told", within=DEADLINE
    )
    assert lost.get("from") == room(stage)
    await speaks_again(stage, bad, victim)
    assert not [one for one in chatter(victim) if "half a" in (one.findtext("{jabber:client}body") or "")]
