"""The operators' commands as they are typed, against a gateway that says what the tests put on its desk."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import cli
from gateway.control.server import serving
from gateway.control.shapes import STATUS
from gateway.ops.desk import LimitView, Reloaded, RuleView
from gateway.ops.status import Direction, FailureGroup, TraceView
from tests.fakes.clock import ManualClock
from tests.fakes.desk import FakeDesk
from tests.unit.control.conftest import view
from tests.waiting import eventually


def _write(config: Path, text: str) -> None:
    config.write_text(text)


Typed = Callable[..., Awaitable[int]]


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk(ManualClock(), view())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('[operator]\nsocket = "s"\n')
    return path


@pytest.fixture
async def typed(desk: FakeDesk, config: Path) -> AsyncIterator[Typed]:
    """Type a command; its exit status."""

    async def type_(*words: str) -> int:
        return await asyncio.to_thread(cli.main, [*words, "-c", str(config)])

    async with serving(config.parent / "s", desk):
        yield type_


async def test_status_is_shown_once_where_there_is_no_terminal(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed("status") == 0
    out = capsys.readouterr().out
    assert "Causeway 1.2.3" in out
    assert "ann@example.org on libera: failed" in out
    assert "\x1b" not in out


async def test_status_for_programs_is_all_of_it(
    typed: Typed, desk: FakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed("status", "--json") == 0
    assert STATUS.validate_json(capsys.readouterr().out) == desk.view


async def test_the_exit_status_tells_how_the_gateway_is(
    typed: Typed, desk: FakeDesk, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.view = replace(desk.view, ready=False)
    assert await typed("status") == 1
    _write(config, '[operator]\nsocket = "other"\n')
    assert await typed("status") == 3
    assert "No gateway runs here" in capsys.readouterr().err
    assert await asyncio.to_thread(cli.main, ["status", "-c", f"{config}.old"]) == 4


async def test_a_running_gateway_is_found_while_its_configuration_is_being_written(
    config: Path, desk: FakeDesk
) -> None:
    _write(config, "[operator\n")
    async with serving(config.parent / "causeway.sock", desk):
        assert await asyncio.to_thread(cli.main, ["status", "-c", str(config)]) == 0


async def test_what_is_to_be_done_is_done(
    typed: Typed, desk: FakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.reloaded = Reloaded(
        changed=("The log level is debug.",), restart=("storage.database", "bridges.irc.fixed_server")
    )
    for words in (
        ["restart", "irc"],
        ["reload"],
        ["log-level", "debug"],
        ["block", "evil.example", "--reason", "spam"],
        ["allow", "ann@evil.example", "--bridge", "irc"],
        ["block", "evil.example", "--lift"],
        ["limits", "irc", "messages=5", "joins=default"],
    ):
        assert await typed(*words) == 0
    assert [done[:-1] for done in desk.done] == [
        ("restart", "irc"),
        ("reload",),
        ("log level", "debug"),
        ("decide", "irc", "evil.example", False, "spam"),
        ("decide", "irc", "ann@evil.example", True, ""),
        ("lift", "irc", "evil.example"),
        ("limits", "irc", {"messages": 5, "joins": None}),
    ]
    out = capsys.readouterr().out
    assert "irc was ended and runs again." in out
    assert "The log level is debug." in out
    assert "take effect at the next start: storage.database" in out
    assert "take effect with `causeway restart irc`: bridges.irc.fixed_server" in out
    assert "evil.example is shut out of irc." in out


async def test_what_is_known_is_shown(
    typed: Typed, desk: FakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.groups = [FailureGroup("sms", Direction.OUT, "gone: \x1b[2Jx", 3, 1.0, 2.0, ("a", "b"))]
    desk.traces = {"x": [TraceView("x", "sms", Direction.OUT, "queued", ((1.0, "sms", "written", "to r1"),))]}
    desk.known_limits = {"irc": [LimitView("messages", "Messages a minute", 1, 2, 0, 9)]}
    desk.known_rules = [RuleView("irc", "evil.example", False, "spam", "ann@example.org", 5.0)]
    for words in (["failures"], ["trace", "x"], ["limits", "irc"], ["block"]):
        assert await typed(*words) == 0
    out = capsys.readouterr().out
    for part in ("gone: [2Jx", "x  sms, out: queued", "to r1", "Messages a minute", "evil.example", "spam"):
        assert part in out
    assert "\x1b" not in out
    for words in (["failures", "--json"], ["trace", "x", "--json"], ["limits", "irc", "--json"]):
        assert await typed(*words) == 0
        assert json.loads(capsys.readouterr().out)


async def test_nothing_known_is_said_in_words(
    typed: Typed, desk: FakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await typed("failures") == 0
    assert await typed("block") == 0
    assert await typed("trace", "x") == 1
    streams = capsys.readouterr()
    assert "Nothing failed" in streams.out
    assert "Nobody was shut out" in streams.out
    assert "no message is known as x" in streams.err


async def test_what_cannot_be_done_is_said(
    typed: Typed, desk: FakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.broken = "There is no bridge of that name."
    assert await typed("restart", "irk") == 1
    assert "There is no bridge of that name." in capsys.readouterr().err
    assert await typed("limits", "irc", "messages=many") == 2
    desk.broken = ""
    desk.reloaded = Reloaded(problem="config.toml, line 3: jid is missing.")
    assert await typed("reload") == 1
    assert "line 3: jid is missing" in capsys.readouterr().err
    assert await typed("log-level", "loud") == 2


async def test_who_has_read_enough_is_left_in_peace(typed: Typed, config: Path) -> None:
    process = await asyncio.create_subprocess_shell(
        f"'{sys.executable}' -m gateway status -c '{config}' | true; exit ${{PIPESTATUS[0]}}",
        stderr=asyncio.subprocess.PIPE,
        executable="/bin/bash",
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")


class Terminal:
    """`causeway status` in a window of its own."""

    def __init__(self, config: Path, environ: dict[str, str]) -> None:
        self.ours, theirs = pty.openpty()
        os.set_blocking(self.ours, False)
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.resize(24, 100)
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "status", "-c", str(config)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", **environ},
        )

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def shows(self, text: str) -> bool:
        """Since the last time that something was found."""
        try:
            while data := os.read(self.ours, 65536):
                self.seen += data
        except BlockingIOError:
            pass
        _, found, after = self.seen.partition(text.encode())
        if found:
            self.seen = after
        return bool(found)

    async def left(self) -> int:
        return await asyncio.to_thread(self.process.wait, 30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@asynccontextmanager
async def _terminal(config: Path, **environ: str) -> AsyncIterator[Terminal]:
    terminal = Terminal(config, environ)
    try:
        yield terminal
    finally:
        terminal.close()


async def test_on_a_terminal_it_lives(typed: Typed, config: Path, desk: FakeDesk) -> None:
    async with _terminal(config, NO_COLOR="") as terminal:
        await eventually(lambda: terminal.shows("\x1b[?1049h"), "a screen of its own")
        await eventually(lambda: terminal.shows("\x1b[32mCauseway 1.2.3"), "colours")
        desk.view = replace(desk.view, version="1.2.4", ready=False)
        await eventually(lambda: terminal.shows("Causeway 1.2.4 · DEGRADED"), "the news")
        terminal.resize(4, 60)
        await eventually(lambda: terminal.shows("make the window higher"), "another size")
        assert termios.tcgetattr(terminal.theirs) != terminal.before
        terminal.type(b"q")
        await eventually(lambda: terminal.shows("\x1b[?25h\x1b[?1049l"), "the screen as it was")
        assert await terminal.left() == 1
        assert termios.tcgetattr(terminal.theirs) == terminal.before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_however_it_ends_the_terminal_is_as_it_was(
    typed: Typed, config: Path, number: signal.Signals
) -> None:
    async with _terminal(config, NO_COLOR="1") as terminal:
        await eventually(lambda: terminal.shows("\x1b[HCauseway 1.2.3"), "no colours")
        terminal.process.send_signal(number)
        await eventually(lambda: terminal.shows("\x1b[?1049l"), "the screen as it was")
        assert await terminal.left() == 128 + number
        assert termios.tcgetattr(terminal.theirs) == terminal.before


async def test_it_waits_for_a_gateway_that_is_away(config: Path, desk: FakeDesk) -> None:
    async with _terminal(config) as terminal:
        await eventually(lambda: terminal.shows("No gateway runs here"), "that it is away")
        async with serving(config.parent / "s", desk):
            await eventually(lambda: terminal.shows("Causeway 1.2.3"), "that it is there")
            terminal.type(b"q")
            assert await terminal.left() == 0
