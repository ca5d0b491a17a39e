"""The connection: lines in and out, fairness, back-pressure, ends."""

import pytest
from irc.client import ServerNotConnectedError

from bridges.irc.dial import Endpoint
from bridges.irc.link import MAX_UNSENT, IrcReactor
from bridges.irc.protocol.line import Injection, Line, TooLong
from tests.unit.irc.wire import WireDialer, turns, wired


async def test_bytes_become_lines() -> None:
    _, dialer, owner = await wired()
    dialer.protocol.data_received(b"PING :a\r\n:s 001 me :W")
    dialer.protocol.data_received(b"elcome\r\n")
    assert owner.lines == [Line({}, "", "PING", ["a"]), Line({}, "s", "001", ["me", "Welcome"])]


async def test_a_bad_line_costs_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    connection, dialer, owner = await wired()
    for bad in (b":only", b"@tag", b"  ", b"BOOM", b"\xff\xfe\x00", b"QUIT", b":x NICK", b"PRIVMSG a", b"\0"):
        dialer.protocol.data_received(bad + b"\r\n")
    dialer.protocol.data_received(b"y" * 40_000 + b"\r\nBOOM\r\nPING\r\n")
    assert owner.commands[-1] == "PING"
    assert (connection.failures, connection.dropped) == (2, 1)
    assert connection.malformed == 3
    assert dialer.wire.ended == ""


async def test_a_line_that_is_not_utf_8_is_read_in_the_fallback_encoding() -> None:
    connection, dialer, owner = await wired()
    connection.fallback_encoding = "koi8-r"
    dialer.protocol.data_received("PRIVMSG #x :привет\r\n".encode("koi8-r") + "PRIVMSG #x :héé\r\n".encode())
    assert [line.params[1] for line in owner.lines] == ["привет", "héé"]


async def test_no_line_comes_before_the_connection_is_open() -> None:
    _, _, owner = await wired(b":s NOTICE AUTH :hello\r\n")
    assert owner.lines == []
    await turns()
    assert owner.commands == ["NOTICE"]


async def test_a_flood_is_handled_a_few_lines_a_turn_and_nothing_is_read_meanwhile() -> None:
    _, dialer, owner = await wired(lines_per_turn=10)
    dialer.protocol.data_received(b"".join(b"N%d\n" % number for number in range(25)))
    assert len(owner.lines) == 10
    assert not dialer.wire.reading
    await turns()
    assert len(owner.lines) == 20
    dialer.protocol.data_received(b"N25\n")  # what was on its way
    await turns()
    assert dialer.wire.reading
    await turns()
    assert owner.commands == [f"N{number}" for number in range(26)]
    dialer.protocol.data_received(b"N26\n")
    assert owner.commands[-1] == "N26"


async def test_a_turn_ends_too_when_its_lines_were_long() -> None:
    _, dialer, owner = await wired()
    dialer.protocol.data_received(b"".join(b"N%d %b\r\n" % (number, b"x" * 500) for number in range(100)))
    assert 60 < len(owner.lines) < 70
    await turns(2)
    assert len(owner.lines) == 100


async def test_two_flooding_connections_take_turns() -> None:
    order: list[str] = []

    async def flooded(name: str) -> WireDialer:
        dialer = WireDialer()
        connection = IrcReactor(dialer, lines_per_turn=5).connection(
            lambda _line: order.append(name), order.append, lambda: None
        )
        await connection.open(Endpoint("irc.example", 6667))
        return dialer

    for dialer in [await flooded("a"), await flooded("b")]:
        dialer.protocol.data_received(b"X\n" * 15)
    await turns(4)
    assert "".join(order) == ("aaaaa" + "bbbbb") * 3


async def test_the_lines_before_the_end_are_handled_and_the_end_comes_last_and_once() -> None:
    _, dialer, owner = await wired(lines_per_turn=2)
    dialer.protocol.data_received(b"A\nB\nC\nERROR :Closing link\n")
    dialer.protocol.connection_lost(None)
    assert owner.causes == []
    await turns(3)
    assert owner.commands == ["A", "B", "C", "ERROR"]
    assert owner.causes == ["The server closed the connection."]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (None, "The server closed the connection."),
        (ConnectionResetError(104, "reset"), "The server dropped the connection."),
        (TimeoutError(), "The connection timed out."),
        (OSError(113, "No route to host"), "The connection broke: No route to host."),
    ],
)
async def test_the_end_says_why(error: Exception | None, cause: str) -> None:
    connection, dialer, owner = await wired()
    dialer.protocol.connection_lost(error)
    await turns()
    assert owner.causes == [cause]
    connection.send("PING x")
    connection.close("late")
    await turns()
    assert owner.causes == [cause]
    assert dialer.wire.written == []


async def test_all_lines_of_a_turn_are_one_write() -> None:
    connection, dialer, _ = await wired()
    connection.send("NICK a")
    connection.send("USER a 0 * :A")
    assert dialer.wire.written == []
    await turns()
    connection.send("JOIN #x")
    await turns()
    assert dialer.wire.written == [b"NICK a\r\nUSER a 0 * :A\r\n", b"JOIN #x\r\n"]


async def test_the_librarys_commands_go_out_through_our_checks() -> None:
    connection, dialer, _ = await wired()
    connection.join("#x", "key")
    connection.privmsg("#x", "hi there")
    await turns()
    assert dialer.wire.written == [b"JOIN #x key\r\nPRIVMSG #x :hi there\r\n"]
    with pytest.raises(Injection):
        connection.privmsg("#x", "a\rQUIT")


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b", "PING\r\n"])
async def test_a_raw_line_cannot_break_out(text: str) -> None:
    connection, dialer, _ = await wired()
    with pytest.raises(Injection):
        connection.send(text)
    await turns()
    assert dialer.wire.written == []


async def test_tags_and_body_have_limits_of_their_own() -> None:
    connection, dialer, _ = await wired()
    body = "PRIVMSG #x :" + "b" * (510 - 12)
    connection.send(body)
    connection.send("@+a=" + "t" * 4000 + " " + body)
    await turns()
    with pytest.raises(TooLong):
        connection.send(body + "b")
    with pytest.raises(TooLong):
        connection.send("@+a=" + "t" * 4095 + " PING")
    with pytest.raises(TooLong):
        connection.send("PRIVMSG #x :" + "é" * 250)
    connection.linelen = 1024
    connection.send(body + "b")
    await turns()
    assert [len(data) for data in dialer.wire.written] == [512 + 512 + 4005, 513]


async def test_a_server_that_does_not_read_is_left() -> None:
    connection, dialer, owner = await wired()
    dialer.protocol.pause_writing()
    assert not connection.writable
    dialer.protocol.resume_writing()
    assert (connection.writable, owner.writable) == (True, 1)
    dialer.wire.unsent = MAX_UNSENT + 1
    connection.send("PING x")
    await turns()
    assert dialer.wire.ended == "aborted"
    dialer.protocol.connection_lost(None)
    await turns()
    assert owner.causes == ["The server does not take what we send."]


async def test_closing_writes_what_is_queued_and_hears_nothing_more() -> None:
    connection, dialer, owner = await wired(lines_per_turn=1)
    dialer.protocol.data_received(b"A\nB\nC\n")
    connection.send("QUIT :bye")
    connection.close("We left.")
    assert dialer.wire.written == [b"QUIT :bye\r\n"]
    assert dialer.wire.ended == "closed"
    connection.abort()
    assert dialer.wire.ended == "aborted"
    dialer.protocol.connection_lost(None)
    dialer.protocol.data_received(b"D\n")
    await turns(3)
    assert owner.commands == ["A"]
    assert owner.causes == ["We left."]
    assert connection not in connection.reactor.connections
    assert not connection.connected


async def test_a_line_handler_can_close_the_connection() -> None:
    dialer = WireDialer()
    seen: list[Line] = []

    def on_line(line: Line) -> None:
        seen.append(line)
        connection.close()

    connection = IrcReactor(dialer).connection(on_line, print, print)
    await connection.open(Endpoint("irc.example", 6667))
    dialer.protocol.data_received(b"A\nB\n")
    assert len(seen) == 1


async def test_nothing_can_be_sent_before_opening() -> None:
    connection = IrcReactor(WireDialer()).connection(print, print, print)
    with pytest.raises(ServerNotConnectedError):
        connection.send("PING x")


async def test_a_connection_is_used_once() -> None:
    connection, _, _ = await wired()
    with pytest.raises(RuntimeError):
        await connection.open(Endpoint("irc.example", 6667))
