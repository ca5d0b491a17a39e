"""The LMTP dialogue: what a server is answered, whatever it says and whatever happens to us."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.email.receiving import replies
from bridges.email.receiving.body import Body, Room, unstuffed
from bridges.email.receiving.lmtp import Limits, Listener, Offered
from bridges.email.receiving.replies import Reply
from tests.unit.email.receiving.dialogue import Dialogue, mail
from tests.waiting import eventually


@dataclass
class Recorder:
    """``Border`` that takes everything but what it was told not to, by recipient."""

    at_rcpt: dict[str, Reply] = field(default_factory=dict)
    after_data: dict[str, Reply] = field(default_factory=dict)
    taken: list[Offered] = field(default_factory=list)
    fault: Exception | None = None
    gate: asyncio.Event | None = None
    brought: int = 0

    async def sender(self, address: str) -> Reply:
        return replies.SENDER_FINE

    async def recipient(self, sender: str, address: str) -> Reply:
        if address == "fault@gw.example":
            raise RuntimeError("/secret/path is broken")
        return self.at_rcpt.get(address, replies.RECIPIENT_FINE)

    async def mail(self, offered: Offered) -> Sequence[Reply]:
        self.brought += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.taken.append(offered)
        return [self.after_data.get(each, replies.KEPT) for each in offered.recipients]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def port(recorder: Recorder) -> AsyncIterator[int]:
    listener = Listener(recorder, "gw.example", Limits(size=100_000, recipients=120, connections=5))
    yield await listener.open_tcp()
    await listener.close()


async def test_the_server_says_what_rfc_2033_demands(port: int) -> None:
    async with Dialogue(port, hello=False) as dialogue:
        hello = await dialogue.ask("LHLO mx.example")
        assert {line[4:].split()[0] for line in hello.split("\n")} == {
            "gw.example",
            "SIZE",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
        }
        assert (await dialogue.ask("EHLO mx.example")).startswith("500 5.5.2")
        assert (await dialogue.ask("HELO mx.example")).startswith("500 5.5.2")


async def test_every_accepted_recipient_has_an_answer_of_its_own(port: int, recorder: Recorder) -> None:
    recorder.at_rcpt = {"nobody@gw.example": replies.NOBODY}
    recorder.after_data = {"full@gw.example": replies.OVER_QUOTA, "shut@gw.example": replies.STRANGER}
    async with Dialogue(port) as dialogue:
        answers = await dialogue.bring(
            ["a@gw.example", "nobody@gw.example", "full@gw.example", "shut@gw.example", "b@gw.example"],
            mail(),
        )
    assert [answer[:9] for answer in answers] == [
        "250 2.0.0",
        "550 5.1.1",
        "452 4.2.2",
        "550 5.7.1",
        "250 2.0.0",
    ]
    assert recorder.taken[0].recipients == (
        "a@gw.example",
        "full@gw.example",
        "shut@gw.example",
        "b@gw.example",
    )


async def test_a_hundred_recipients_are_answered_in_order(port: int, recorder: Recorder) -> None:
    people = [f"user{number}@gw.example" for number in range(100)]
    recorder.after_data = dict.fromkeys(people[::3], replies.NOBODY)
    async with Dialogue(port) as dialogue:
        answers = await dialogue.bring(people, mail())
        assert [answer[:3] for answer in answers] == [
            "550" if number % 3 == 0 else "250" for number in range(100)
        ]
        assert (await dialogue.ask("NOOP")).startswith("250 2.0.0")


async def test_too_many_recipients_are_for_another_time(port: int) -> None:
    async with Dialogue(port) as dialogue:
        answers = await dialogue.bring([f"user{number}@gw.example" for number in range(121)], mail())
    assert answers[-1].startswith("452 4.5.3")
    assert all(answer.startswith("250") for answer in answers[:-1])


async def test_nothing_of_an_earlier_mail_stays(port: int, recorder: Recorder) -> None:
    async with Dialogue(port) as dialogue:
        await dialogue.bring(["a@gw.example"], mail())
        await dialogue.ask("MAIL FROM:<x@far.example>")
        await dialogue.ask("RCPT TO:<never@gw.example>")
        assert (await dialogue.ask("RSET")).startswith("250")
        await dialogue.bring(["b@gw.example"], mail(), sender="")
    assert [(each.sender, each.recipients) for each in recorder.taken] == [
        ("carol@far.example", ("a@gw.example",)),
        ("", ("b@gw.example",)),
    ]


async def test_a_fault_of_ours_is_temporary_and_says_nothing_of_it(port: int, recorder: Recorder) -> None:
    recorder.fault = OSError(28, "No space left on device: /secret/path")
    async with Dialogue(port) as dialogue:
        answers = await dialogue.bring(["a@gw.example", "fault@gw.example", "b@gw.example"], mail())
    assert all(answer.startswith("451 4.3.0") for answer in answers)
    assert not any("secret" in answer for answer in answers)


@pytest.mark.parametrize(
    "command",
    [
        "MAIL FROM:<a b@c.example>",
        "MAIL FROM:",
        "MAIL FROM:<a@b.example",
        'MAIL FROM:<"',
        "MAIL FROM:<(((((((>",
        "RCPT TO:<a@gw.example>",
        "DATA",
        "MAIL FROM:<a@b.example> RET=HDRS",
        "MAIL FROM:<a@b.example> SIZE=999999999",
        "VRFY",
        "EXPN list",
        "AUTH PLAIN AGEAYg==",
        "STARTTLS",
        "BDAT 12",
        "\x00\x01",
        "é",
    ],
)
async def test_a_command_that_cannot_be_done_ends_nothing(
    port: int, recorder: Recorder, command: str
) -> None:
    async with Dialogue(port) as dialogue:
        answer = await dialogue.ask(command)
        assert answer[0] in "45"
        assert answer[4:6] == answer[0] + "."
        assert (await dialogue.bring(["a@gw.example"], mail()))[0].startswith("250")


async def test_a_mail_that_is_too_large_is_refused_for_each_recipient(port: int, recorder: Recorder) -> None:
    async with Dialogue(port) as dialogue:
        answers = await dialogue.bring(["a@gw.example", "b@gw.example"], mail("x" * 70 + "\r\n" * 2) * 5_000)
        assert [answer[:9] for answer in answers] == ["552 5.3.4"] * 2
        assert (await dialogue.bring(["a@gw.example"], mail()))[0].startswith("250")


async def test_lines_of_any_length_are_taken(port: int, recorder: Recorder) -> None:
    async with Dialogue(port) as dialogue:
        assert (await dialogue.bring(["a@gw.example"], mail("x" * 90_000)))[0].startswith("250")
    assert b"x" * 90_000 in recorder.taken[0].raw


async def test_what_is_read_at_one_time_is_bounded(recorder: Recorder) -> None:
    listener = Listener(recorder, "gw.example", Limits(size=100_000, memory=150_000))
    port = await listener.open_tcp()
    async with Dialogue(port) as first, Dialogue(port) as second:
        first.send("MAIL FROM:<c@far.example>\r\nRCPT TO:<a@gw.example>\r\nDATA\r\n")
        for _ in range(3):
            await first.answer()
        first.send(b"x" * 65_536 + b"y" * 30_000)
        await first.writer.drain()
        first.send(b"\r\n")
        assert (await second.bring(["a@gw.example"], "z" * 95_000 + "\r\n"))[0].startswith("452 4.3.1")
        first.send(b".\r\n")
        assert (await first.answer()).startswith("250")
        assert (await second.bring(["a@gw.example"], "z" * 95_000 + "\r\n"))[0].startswith("250")
    await listener.close()


@pytest.mark.parametrize("ending", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n\n.\r\n"])
async def test_only_one_thing_ends_a_mail(port: int, recorder: Recorder, ending: bytes) -> None:
    """SMTP smuggling: another server may have seen one mail where we would see two."""
    smuggled = (
        b"Subject: x\r\n\r\none"
        + ending
        + b"MAIL FROM:<e@evil.example>\r\nRCPT TO:<b@gw.example>\r\nDATA\r\n"
    )
    async with Dialogue(port) as dialogue:
        dialogue.send("MAIL FROM:<c@far.example>\r\nRCPT TO:<a@gw.example>\r\nDATA\r\n")
        for _ in range(3):
            await dialogue.answer()
        dialogue.send(smuggled + b"\r\n.\r\n")
        assert (await dialogue.answer()).startswith("250")
        assert (await dialogue.ask("NOOP")).startswith("250")
    assert len(recorder.taken) == 1
    assert b"evil" in recorder.taken[0].raw


async def test_the_next_mail_may_come_before_the_answer(port: int, recorder: Recorder) -> None:
    one = "MAIL FROM:<c@far.example>\r\nRCPT TO:<a@gw.example>\r\nDATA\r\n"
    async with Dialogue(port) as dialogue:
        dialogue.send(one + mail("first") + ".\r\n" + one + mail("second") + ".\r\nQUIT\r\n")
        answers = [await dialogue.answer() for _ in range(9)]
    assert [answer[:3] for answer in answers] == ["250", "250", "354", "250"] * 2 + ["221"]
    assert [b"first" in each.raw for each in recorder.taken] == [True, False]


async def test_a_dialogue_cut_at_any_byte_leaves_nothing_half_done(port: int, recorder: Recorder) -> None:
    text = "MAIL FROM:<c@far.example>\r\nRCPT TO:<a@gw.example>\r\nDATA\r\n" + mail("..two dots") + ".\r\n"
    whole = b"LHLO mx.example\r\n" + text.encode()
    for end in range(len(whole)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole[:end])
        writer.write_eof()
        while await asyncio.wait_for(reader.read(4096), 10):
            pass
        writer.close()
        await writer.wait_closed()
    assert recorder.taken == []
    async with Dialogue(port) as dialogue:
        assert (await dialogue.bring(["a@gw.example"], mail()))[0].startswith("250")


async def test_a_connection_that_breaks_is_nobodys_error(port: int, recorder: Recorder) -> None:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    recorder.gate = asyncio.Event()
    for number in range(1, 4):
        async with Dialogue(port) as dialogue:
            bringing = asyncio.create_task(dialogue.bring(["a@gw.example"], mail()))
            await eventually(lambda number=number: recorder.brought == number)
            dialogue.writer.transport.abort()
            bringing.cancel()
    recorder.gate.set()
    async with Dialogue(port) as dialogue:
        assert (await dialogue.bring(["a@gw.example"], mail()))[0].startswith("250")
    gc.collect()
    await asyncio.sleep(0)
    assert troubles == []


async def test_a_connection_too_many_is_told_to_come_later(port: int) -> None:
    held = [Dialogue(port) for _ in range(5)]
    for each in held:
        await each.__aenter__()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.readline()).startswith(b"421 4.3.2")
    assert await reader.read() == b""
    writer.close()
    for each in held:
        await each.__aexit__(None, None, None)
    await asyncio.sleep(0)


async def test_a_silent_connection_is_ended(recorder: Recorder) -> None:
    listener = Listener(recorder, "gw.example", Limits(timeout=0.05))
    port = await listener.open_tcp()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await reader.readline()).startswith(b"220 gw.example")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await listener.close()


@pytest.mark.parametrize("left_over", [False, True])
async def test_a_unix_socket_has_its_mode_and_replaces_a_dead_one(
    recorder: Recorder, tmp_path: Path, left_over: bool
) -> None:
    path = tmp_path / "lmtp.sock"
    if left_over:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
            dead.bind(str(path))
    listener = Listener(recorder, "gw.example", Limits())
    await listener.open_unix(path, 0o666)
    assert path.stat().st_mode & 0o777 == 0o666
    with pytest.raises(FileExistsError):
        await Listener(recorder, "gw.example", Limits()).open_unix(path, 0o666)
    # By now the one that only looked whether we are there was let in.
    reader, writer = await asyncio.open_unix_connection(path)
    assert (await reader.readline()).startswith(b"220")
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: listener.connections == 0)
    await listener.close()
    assert not path.exists()
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        await Listener(recorder, "gw.example", Limits()).open_unix(path, 0o666)


async def test_a_mail_under_way_is_finished_before_the_door_closes(recorder: Recorder) -> None:
    recorder.gate = asyncio.Event()
    listener = Listener(recorder, "gw.example", Limits())
    port = await listener.open_tcp()
    async with Dialogue(port) as dialogue:
        answer = asyncio.create_task(dialogue.bring(["a@gw.example"], mail()))
        await eventually(lambda: listener.busy > 0)
        closing = asyncio.create_task(listener.close())
        await asyncio.sleep(0)
        recorder.gate.set()
        assert (await answer)[0].startswith("250")
        await closing


@given(st.lists(st.sampled_from([b".", b"\r\n", b"\r", b"\n", b"a", b"..", b"\r\n."]), max_size=40))
@settings(deadline=None)
def test_a_body_comes_as_it_was_however_it_is_cut(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    wire = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"

    async def read() -> tuple[bytes, bytes]:
        reader = asyncio.StreamReader(limit=64)
        with Body(Room(10_000, 10_000)) as body:
            task = asyncio.create_task(body.read(reader))
            for at in range(0, len(wire), 3):
                reader.feed_data(wire[at : at + 3])
                await asyncio.sleep(0)
            reader.feed_data(b"NOOP\r\n")
            assert await task is None
            return bytes(body.take()), await reader.readline()

    assert asyncio.run(read()) == (content, b"NOOP\r\n")


def test_dots_of_the_wire_are_not_the_mails() -> None:
    assert bytes(unstuffed(bytearray(b"..\r\n..b\r\n.\r\n"))) == b".\r\n.b\r\n"
