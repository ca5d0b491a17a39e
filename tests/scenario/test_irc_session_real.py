"""The IRC session against Debian's InspIRCd, ngIRCd and Atheme: what unit tests believe of servers, checked on servers."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridges.irc.bridge import IrcBridge
from bridges.irc.certificates import Certificates
from bridges.irc.config import IrcSettings
from gateway.bridge import Account, ForgetfulMemory, Memory, Services, Session, SessionEnded
from gateway.clock import SystemClock
from gateway.model import Affiliation, Condition, Departure, Exit, Message, MessageKind, Refused, Role
from gateway.playground.atheme import Atheme
from gateway.playground.certificate import make_certificate
from gateway.playground.inspircd import InspIRCd
from gateway.playground.irc_client import IrcClient, line
from gateway.playground.ngircd import NgIRCd
from tests.unit.irc.scripted import Receipt, Recorder

NETWORK = "irc.localhost"
CHAT = MessageKind.CHAT

Ircd = InspIRCd | NgIRCd


class Outcome(Receipt):
    """A ticket one can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()

    def done(self, foreign_ids: Sequence[str] = ()) -> None:
        super().done(foreign_ids)
        self.closed.set()

    def refused(self, why: Refused) -> None:
        super().refused(why)
        self.closed.set()


class Witness(Recorder):
    """A sink one can wait at."""

    def __init__(self) -> None:
        super().__init__()
        self._seen = 0
        self._news = asyncio.Event()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in _CALLS:
            super().__getattribute__("_news").set()
        return found

    async def expect(self, name: str, *start: Any, within: float = 10.0) -> tuple[Any, ...]:
        """The next call of that name whose arguments start so; those before it are skipped."""
        async with asyncio.timeout(within):
            while True:
                for call in self.calls[self._seen :]:
                    self._seen += 1
                    if call[0] == name and call[1 : 1 + len(start)] == start:
                        return call
                self._news.clear()
                await self._news.wait()
                await asyncio.sleep(0)


_CALLS = frozenset(name for name in vars(Recorder) if not name.startswith("_") and name != "take")


class Puppet:
    """One running session."""

    def __init__(
        self, ircd: Ircd, nick: str, user: dict[str, str], memory: Memory | None = None, **network: Any
    ) -> None:
        self.sink = Witness()
        network = {"address": ircd.host, "tls_ports": [], "ports": [ircd.port], "throttle_rate": 0, **network}
        settings = IrcSettings.model_validate({"networks": {NETWORK: network}})
        services = Services(SystemClock(), random.Random(1), "0", memory=memory or ForgetfulMemory())
        bridge = IrcBridge(settings, services)
        self.session: Session = bridge.session(Account("user", NETWORK, nick, user), self.sink)
        self.task = asyncio.create_task(self.session.run())

    async def online(self) -> "Puppet":
        waiting = asyncio.create_task(self.sink.expect("online"))
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            waiting.cancel()
            await self.task
        await waiting
        return self

    async def join(self, room: str, password: str = "") -> tuple[Any, ...]:
        self.session.join(room, "", password)
        return await self.sink.expect("room_joined", self.session.fold(room))

    async def close(self) -> None:
        self.session.close("done")
        try:
            await asyncio.wait_for(self.task, 5)
        except SessionEnded:
            return


@asynccontextmanager
async def puppet(
    ircd: Ircd, nick: str = "Nick", user: dict[str, str] | None = None, **network: Any
) -> AsyncIterator[Puppet]:
    one = Puppet(ircd, nick, user or {}, **network)
    try:
        yield await one.online()
    finally:
        await one.close()


async def outcome(act: Callable[[Outcome], object]) -> Outcome:
    ticket = Outcome()
    act(ticket)
    await asyncio.wait_for(ticket.closed.wait(), 10)
    return ticket


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that daemons which drop root's rights can still read, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="causeway-irc-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


START: dict[str, Callable[[Path], Awaitable[Ircd]]] = {"inspircd": InspIRCd.start, "ngircd": NgIRCd.start}


@pytest.fixture(params=sorted(START))
async def ircd(request: pytest.FixtureRequest, place: Path) -> AsyncIterator[Ircd]:
    server = await START[request.param](place)
    yield server
    await server.stop()


async def test_a_room_with_two_people_in_it(ircd: Ircd) -> None:
    bob = await IrcClient.connect(ircd.host, ircd.port, "Bob")
    async with puppet(ircd) as nick:
        _, _, me, occupants, topic = await nick.join("#foo")
        assert (me, topic) == ("Nick", None)
        assert [(one.nick, one.affiliation, one.role) for one in occupants] == [
            ("Nick", Affiliation.ADMIN, Role.MODERATOR)
        ]
        await bob.join("#foo")
        _, _, occupant = await nick.sink.expect("arrived", "#foo")
        assert occupant.nick == "Bob"
        assert "@" in occupant.identity

        bob.say("#foo", "hello \x02there\x02")
        _, _, message = await nick.sink.expect("room_message")
        assert (message.sender, message.text, message.kind) == ("Bob", "hello there", CHAT)
        bob.say("Nick", "psst")
        assert (await nick.sink.expect("direct"))[1].text == "psst"

        assert (await outcome(lambda it: nick.session.say("#foo", "hi\nall", CHAT, it))).outcome == "done"
        await bob.expect(line("PRIVMSG", "#foo", "hi"))
        await bob.expect(line("PRIVMSG", "#foo", "all"))
        await outcome(lambda it: nick.session.tell("bob", "yes", MessageKind.ACTION, it))
        await bob.expect(lambda one: one.command == "PRIVMSG" and one.params[-1] == "\x01ACTION yes\x01")

        assert (await outcome(lambda it: nick.session.set_topic("#foo", "TOPIC TEST", it))).outcome == "done"
        assert (await nick.sink.expect("topic", "#foo"))[2].text == "TOPIC TEST"
        assert (await outcome(lambda it: nick.session.rename("Nick3", it))).outcome == "done"
        await nick.sink.expect("renamed", ["#foo"], "Nick", "Nick3")
        await outcome(lambda it: nick.session.instruct("MODE #foo +v Bob", it))
        assert (await nick.sink.expect("room_note", "#foo"))[2].endswith("[+v Bob] by Nick3")
        assert (await nick.sink.expect("arrived", "#foo"))[2].affiliation is Affiliation.MEMBER
        assert (await outcome(lambda it: nick.session.kick("#foo", "Bob", "reported", it))).outcome == "done"
        assert await nick.sink.expect("departed", ["#foo"], "Bob") == (
            "departed",
            ["#foo"],
            "Bob",
            Departure(Exit.KICKED, "reported", "Nick3"),
        )
    await bob.close()


async def test_a_long_text_arrives_whole(ircd: Ircd) -> None:
    bob = await IrcClient.connect(ircd.host, ircd.port, "Bob")
    await bob.join("#foo")
    async with puppet(ircd) as nick:
        await nick.join("#foo")
        text = "größe und länge 😀 " * 120
        await outcome(lambda it: nick.session.say("#foo", text, CHAT, it))
        wanted = text.replace(" ", "")  # ngIRCd takes away spaces at the end of a line
        heard = ""
        while len(heard) < len(wanted):
            heard += (await bob.expect(lambda one: one.command == "PRIVMSG")).params[-1].replace(" ", "")
        assert heard == wanted
    await bob.close()


async def test_refusals_reach_the_request_that_caused_them(ircd: Ircd) -> None:
    bob = await IrcClient.connect(ircd.host, ircd.port, "Bob")
    await bob.join("#keyed")
    await bob.join("#open")
    for mode in ("#keyed +k SECRET", "#open +t"):
        bob.send(f"MODE {mode}")
    await bob.settle()
    async with puppet(ircd) as nick:
        nick.session.join("#keyed", "", "")
        _, _, why = await nick.sink.expect("room_refused", "#keyed")
        assert why.condition is Condition.NOT_AUTHORIZED
        await nick.join("#keyed", "SECRET")
        await nick.join("#open")
        refused = await outcome(lambda it: nick.session.set_topic("#open", "x", it))
        assert refused.why.condition is Condition.FORBIDDEN
        refused = await outcome(lambda it: nick.session.kick("#open", "Bob", "", it))
        assert refused.why.condition is Condition.FORBIDDEN
        refused = await outcome(lambda it: nick.session.rename("Bob", it))
        assert refused.why.condition is Condition.CONFLICT
        lost = await outcome(lambda it: nick.session.tell("nobody", "hi", CHAT, it))
        confirmed = isinstance(
            ircd, InspIRCd
        )  # with labels, an error finds its message; without, it comes after
        told = lost.why.text if confirmed else (await nick.sink.expect("service"))[1]
        assert "nobody" in told
        bob.send("MODE #open +m")
        await nick.sink.expect("room_note", "#open")
        muted = await outcome(lambda it: nick.session.say("#open", "may I?", CHAT, it))
        if confirmed:
            assert muted.why.condition is Condition.FORBIDDEN
        else:
            await nick.sink.expect("room_note", "#open")
    await bob.close()


async def test_a_taken_nick_is_varied(ircd: Ircd) -> None:
    bob = await IrcClient.connect(ircd.host, ircd.port, "Bob")
    async with puppet(ircd, "Bob") as nick:
        assert nick.sink.calls[0] == ("online", "Bob_")
    await bob.close()


async def test_leaving_and_coming_back_and_an_answer_to_a_raw_line(ircd: Ircd) -> None:
    async with puppet(ircd) as nick:
        await nick.join("#foo")
        nick.session.leave("#foo", "bye")
        await nick.join("#foo")
        await outcome(lambda it: nick.session.instruct("WHOIS Nick", it))
        _, text = await nick.sink.expect("service")
        assert "Nick" in text
        assert not any(call[0] == "departed" for call in nick.sink.calls)


async def test_a_server_that_dies_is_told_in_words(ircd: Ircd) -> None:
    async with puppet(ircd) as nick:
        await nick.join("#foo")
        await ircd.kill()
        with pytest.raises(SessionEnded) as caught:
            await asyncio.wait_for(asyncio.shield(nick.task), 5)
        assert caught.value.retry
        assert NETWORK in caught.value.refused.text


@pytest.fixture
async def inspircd(place: Path) -> AsyncIterator[InspIRCd]:
    server = await InspIRCd.start(
        place, certificate=make_certificate(place, addresses=["127.0.0.1", "127.0.0.2"])
    )
    yield server
    await server.stop()


async def test_tls_by_authority_and_by_pin_and_refused_without(inspircd: InspIRCd) -> None:
    assert inspircd.certificate is not None
    tls: dict[str, Any] = {"tls_ports": [inspircd.tls_port], "ports": []}
    async with puppet(inspircd, ca_file=str(inspircd.certificate.authority), **tls) as nick:
        await nick.join("#foo")
    async with puppet(inspircd, user={"fingerprint": inspircd.certificate.sha256.upper()}, **tls):
        pass
    for trust in ({}, {"fingerprint": "00" * 32}):
        stranger = Puppet(inspircd, "Nick", trust, **{**tls, "ports": [inspircd.port]})
        with pytest.raises(SessionEnded) as caught:
            await stranger.online()
        assert caught.value.refused.condition is Condition.POLICY_VIOLATION
        assert "certificate" in caught.value.refused.text


async def test_a_server_that_wants_encryption_gets_it_from_the_first_word_on(place: Path) -> None:
    server = await InspIRCd.start(place, certificate=make_certificate(place), sts=True)
    assert server.certificate is not None
    memory = ForgetfulMemory()
    trust = {"ca_file": str(server.certificate.authority), "memory": memory, "address": "localhost"}
    async with puppet(server, **trust) as nick:  # only the port without encryption is configured
        await outcome(lambda it: nick.session.instruct("WHOIS Nick", it))
        while "secure connection" not in (await nick.sink.expect("service"))[1]:
            continue
    assert await memory.recall("", "localhost")
    async with puppet(server, **trust) as nick:
        await nick.join("#foo")
    memory = ForgetfulMemory()
    stranger = Puppet(server, "Nick", {}, memory, address="localhost")
    with pytest.raises(SessionEnded) as caught:
        await stranger.online()
    assert "certificate" in caught.value.refused.text
    await server.stop()


@pytest.fixture
async def services(inspircd: InspIRCd, place: Path) -> AsyncIterator[Atheme]:
    directory = place / "services"
    directory.mkdir()
    atheme = await Atheme.start(directory, inspircd)
    yield atheme
    await atheme.stop()


@pytest.fixture
async def secure(place: Path) -> AsyncIterator[InspIRCd]:
    server = await InspIRCd.start(place, certificate=make_certificate(place))
    yield server
    await server.stop()


@pytest.fixture
async def secure_services(secure: InspIRCd, place: Path) -> AsyncIterator[Atheme]:
    directory = place / "services"
    directory.mkdir()
    atheme = await Atheme.start(directory, secure)
    yield atheme
    await atheme.stop()


async def test_sasl_with_real_services(inspircd: InspIRCd, services: Atheme) -> None:
    async with puppet(inspircd, "Registered") as nick:
        await outcome(lambda it: nick.session.tell("NickServ", "REGISTER P4SSW0RD me@example.org", CHAT, it))
        _, answer = await nick.sink.expect("direct")
        assert isinstance(answer, Message)
        assert (answer.sender.lower(), answer.kind) == ("nickserv", MessageKind.NOTICE)
        await outcome(lambda it: nick.session.instruct("WHOIS Registered", it))
    account = {"sasl_username": "Registered", "sasl_password": "P4SSW0RD"}
    async with puppet(inspircd, "Other", account, allow_plaintext_login=True) as other:
        await outcome(lambda it: other.session.instruct("WHOIS Other", it))
        while "Registered" not in (await other.sink.expect("service"))[1]:
            continue
    wrong = Puppet(inspircd, "Other", {**account, "sasl_password": "wrong"}, allow_plaintext_login=True)
    with pytest.raises(SessionEnded) as caught:
        await wrong.online()
    assert caught.value.credentials
    assert not caught.value.retry


async def said_by_nickserv(puppet: Puppet, words: str) -> None:
    while True:
        _, message = await puppet.sink.expect("direct")
        if message.sender.lower() == "nickserv" and words in message.text.lower():
            return


async def test_a_certificate_is_a_login_once_services_know_it(
    secure: InspIRCd, secure_services: Atheme
) -> None:
    assert secure.certificate is not None
    memory = ForgetfulMemory()
    tls: dict[str, Any] = {
        "tls_ports": [secure.tls_port],
        "ports": [],
        "ca_file": str(secure.certificate.authority),
        "memory": memory,
    }
    certificate = await Certificates(memory, SystemClock()).make("user", NETWORK)
    async with puppet(secure, "Owner", **tls) as owner:
        assert "not logged in" in (await owner.sink.expect("service"))[1]  # EXTERNAL was tried
        await outcome(lambda it: owner.session.tell("NickServ", "REGISTER P4SSW0RD me@example.org", CHAT, it))
        await said_by_nickserv(owner, "is now registered")
        await outcome(lambda it: owner.session.tell("NickServ", "CERT ADD", CHAT, it))
        await said_by_nickserv(owner, certificate.sha256)
    async with puppet(secure, "Later", **tls) as later:
        await outcome(lambda it: later.session.instruct("WHOIS Later", it))
        while "is logged in as" not in (said := (await later.sink.expect("service"))[1]):
            assert "not logged in" not in said
        assert "Owner" in said


async def test_a_nick_that_is_ours_is_got_back_through_services(
    secure: InspIRCd, secure_services: Atheme
) -> None:
    async with puppet(secure, "Owner") as owner:
        await outcome(lambda it: owner.session.tell("NickServ", "REGISTER P4SSW0RD me@example.org", CHAT, it))
        await said_by_nickserv(owner, "is now registered")
    thief = await IrcClient.connect(secure.host, secure.port, "Owner")
    account = {"sasl_username": "Owner", "sasl_password": "P4SSW0RD"}
    async with puppet(secure, "Owner", account, allow_plaintext_login=True) as owner:
        assert owner.session.fold("x")
        await owner.sink.expect("own_nick", "Owner", within=40)
    await thief.close()


async def test_a_nick_that_is_free_again_is_taken(ircd: Ircd) -> None:
    other = await IrcClient.connect(ircd.host, ircd.port, "Wanted")
    async with puppet(ircd, "Wanted") as wanting:
        await other.close()
        await wanting.sink.expect("own_nick", "Wanted", within=90)
