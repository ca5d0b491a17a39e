"""The control socket: who gets in, what is asked and answered, and its place in the file system."""

import asyncio
import os
import pwd
import socket
import stat
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.bridge import Finding, Verdict
from gateway.control.client import Client, ControlError, NotAllowed, NotRunning
from gateway.control.place import connected
from gateway.control.server import serving
from gateway.control.shapes import VERSION_HEADER
from gateway.ops.desk import LimitView, Reloaded, RuleView
from gateway.ops.status import Direction, FailureGroup, Point, Span, TraceView
from gateway.web.server import CannotServe
from tests.fakes.desk import FakeDesk
from tests.unit.control.conftest import asked


def _short(path: Path) -> str:
    """As far as an address has room for."""
    return os.path.relpath(path)


ME = f"{pwd.getpwuid(os.getuid()).pw_name} on the console"


async def test_the_status_arrives_as_it_was_sent(client: Client, desk: FakeDesk) -> None:
    assert await asked(lambda: client.status(5)) == desk.view


async def test_what_can_be_seen_arrives_as_it_was_sent(client: Client, desk: FakeDesk) -> None:
    desk.exposition = b"causeway_up 1\n"
    desk.groups = [FailureGroup("sms", Direction.OUT, "gone: x", 3, 1.0, 2.0, ("a", "b"))]
    desk.points = {Span.DAY: [Point(900.0, 1, 2, 3, None, 0.5)]}
    desk.traces = {"a/b ü": [TraceView("a/b ü", "sms", None, "queued", ((1.0, "sms", "written", ""),))]}
    desk.known_limits = {"irc": [LimitView("messages", "Messages", 1, 2, 0, 9)]}
    desk.known_rules = [RuleView("irc", "evil.example", False, "spam", "ann@example.org", 5.0)]
    assert await asked(client.metrics) == "causeway_up 1\n"
    assert list(await asked(client.failures)) == desk.groups
    assert list(await asked(lambda: client.history("irc", Span.DAY))) == desk.points[Span.DAY]
    assert list(await asked(lambda: client.trace("a/b ü"))) == desk.traces["a/b ü"]
    assert list(await asked(lambda: client.limits("irc"))) == desk.known_limits["irc"]
    assert list(await asked(client.rules)) == desk.known_rules


async def test_what_is_done_is_done_in_the_name_of_who_asks(client: Client, desk: FakeDesk) -> None:
    desk.reloaded = Reloaded("", ("The log level is debug.",), ("storage.database",))
    await asked(lambda: client.restart("irc"))
    await asked(lambda: client.set_log_level("debug"))
    await asked(lambda: client.change_limits("irc", {"messages": 5, "joins": None}))
    await asked(lambda: client.decide("irc", "evil.example", False, "spam"))
    await asked(lambda: client.decide("irc", "evil.example", None))
    assert await asked(client.reload) == desk.reloaded
    assert desk.done == [
        ("restart", "irc", ME),
        ("log level", "debug", ME),
        ("limits", "irc", {"messages": 5, "joins": None}, ME),
        ("decide", "irc", "evil.example", False, "spam", ME),
        ("lift", "irc", "evil.example", ME),
        ("reload", ME),
    ]


async def test_findings_arrive_one_by_one(client: Client, desk: FakeDesk) -> None:
    desk.findings = [
        Finding(Verdict.OK, "fine", "link of irc"),
        Finding(Verdict.FAIL, "no", "dns", "a\nb\n", "the zone"),
    ]
    assert await asked(lambda: list(client.doctor("irc"))) == desk.findings
    assert desk.done == [("doctor", "irc")]


async def test_a_doctor_who_finds_nothing_is_no_error(client: Client) -> None:
    assert await asked(lambda: list(client.doctor())) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.restart("irc"),
        lambda client: client.trace("x"),
        lambda client: list(client.doctor()),
    ],
)
async def test_what_cannot_be_done_is_said(
    client: Client, desk: FakeDesk, ask: Callable[[Client], object]
) -> None:
    desk.broken = "There is no bridge of that name."
    with pytest.raises(ControlError, match="There is no bridge of that name"):
        await asked(lambda: ask(client))


async def test_a_level_that_does_not_exist_is_refused(client: Client, desk: FakeDesk) -> None:
    with pytest.raises(ControlError, match="one of debug, info, warning, error"):
        await asked(lambda: client.set_log_level("loud"))
    assert desk.done == []


async def test_readiness_tells_what_ails_the_gateway(client: Client, desk: FakeDesk) -> None:
    assert (await asked(client.readiness)).ready
    desk.health.report("database", "It is gone.")
    readiness = await asked(client.readiness)
    assert not readiness.ready
    assert [each.text for each in readiness.ailments] == ["It is gone."]


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/readyz", b"", 200),
        ("GET", "/healthz", b"", 200),
        ("GET", "/status?sessions=-1", b"", 200),
        ("GET", "/status?sessions=" + "9" * 300, b"", 200),
        ("GET", "/status?sessions=%C2%B2", b"", 200),
        ("GET", "/history/irc?span=century", b"", 400),
        ("GET", "/nothing", b"", 404),
        ("GET", "/../etc/passwd", b"", 404),
        ("GET", "/restart/irc", b"", 405),
        ("POST", "/limits/irc", b"{", 400),
        ("POST", "/limits/irc", b'{"values": {"messages": "many"}}', 400),
        ("POST", "/rules", b'{"bridge": 5}', 400),
        ("POST", "/rules", b'"' + b"x" * 100_000 + b'"', 413),
    ],
)
async def test_odd_requests_get_an_answer(
    path: Path, method: str, target: str, body: bytes, status: int
) -> None:
    def ask() -> int:
        connection = HTTPConnection("gateway")
        connection.sock = connected(path, 30)
        connection.putrequest(method, target)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        found = connection.getresponse()
        found.read()
        assert found.headers[VERSION_HEADER]
        connection.close()
        return found.status

    assert await asked(ask) == status


async def test_strangers_are_not_heard(desk: FakeDesk, tmp_path: Path) -> None:
    place = tmp_path / "s"
    async with serving(place, desk, trusted=frozenset()):
        with pytest.raises(NotAllowed, match="root"):
            await asked(Client(place).status)


async def test_the_socket_is_its_users_alone_and_gone_at_the_end(desk: FakeDesk, tmp_path: Path) -> None:
    place = tmp_path / "s"
    async with serving(place, desk):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert not place.exists()
    assert not list(desk.health)
    with pytest.raises(NotRunning, match="No gateway runs here"):
        Client(place).status()


async def test_a_path_of_any_length_will_do(desk: FakeDesk, tmp_path: Path) -> None:
    place = tmp_path / ("d" * 100) / ("e" * 100) / "causeway.sock"
    place.parent.mkdir(parents=True)
    async with serving(place, desk):
        assert (await asked(Client(place).status)).pid == 77


async def test_what_a_dead_gateway_left_is_removed(desk: FakeDesk, tmp_path: Path) -> None:
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(_short(place))
    assert place.is_socket()
    async with serving(place, desk):
        assert (await asked(Client(place).status)).pid == 77


async def test_a_second_gateway_is_told_that_it_is_one(path: Path, desk: FakeDesk) -> None:
    with pytest.raises(CannotServe, match="running twice"):
        async with serving(path, desk):
            pass
    assert (await asked(Client(path).status)).pid == 77


async def test_a_socket_that_another_gateway_put_in_place_is_left_alone(
    desk: FakeDesk, tmp_path: Path
) -> None:
    place = tmp_path / "s"
    async with serving(place, desk):
        place.unlink()
        async with serving(place, desk):
            inode = place.stat().st_ino
            other = tmp_path / "kept"
            place.rename(other)
            other.rename(place)
        assert not place.exists()
        place.touch()
        assert place.stat().st_ino != inode or place.is_file()
    assert place.is_file()


@pytest.mark.parametrize("where", ["missing/s", "file/s", "directory"])
async def test_without_a_socket_the_gateway_runs_on_and_says_so(
    desk: FakeDesk, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    async with serving(tmp_path / where, desk):
        (ailment,) = desk.health
        assert not ailment.hard
        assert where in ailment.text
    assert (tmp_path / "directory").is_dir()


async def _answered_with(place: Path, answer: bytes) -> str:
    """What the client says of somebody who always answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, _short(place))
    try:
        with pytest.raises(ControlError) as caught:
            await asked(Client(place).status)
    finally:
        server.close()
        await server.wait_closed()
    return str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\nCauseway-Version: 0.0.9\r\nContent-Length: 0\r\n\r\n", "version 0.0.9"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "is no gateway"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}', "another version"),
        (b"SSH-2.0-OpenSSH_9\r\n", "broke off"),
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n{", "broke off"),
    ],
)
async def test_answers_of_others_are_told_as_what_they_are(tmp_path: Path, answer: bytes, said: str) -> None:
    assert said in await _answered_with(tmp_path / "s", answer)


async def test_a_gateway_that_hangs_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(_short(place))
        deaf.listen()
        with pytest.raises(ControlError, match="does not answer"):
            Client(place, patience=0.05).status()
