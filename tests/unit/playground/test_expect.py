"""Waiting for what was said: order, deadlines, reports."""

import asyncio

import pytest

from gateway.playground.clients import Inbox, Unmet, line, message, presence, status_codes
from gateway.playground.irc_client import read_line
from gateway.playground.xmpp_client import _Stream


async def test_an_item_that_came_before_is_taken_at_once_and_only_once() -> None:
    inbox: Inbox[int] = Inbox("the test", str)
    inbox.put(1)
    inbox.put(2)
    assert await inbox.take(lambda one: one == 2) == 2
    with pytest.raises(Unmet):
        await inbox.take(lambda one: one == 2, "a two", within=0.01)
    assert inbox.waiting() == [1]


async def test_an_item_that_comes_later_wakes_the_waiter() -> None:
    inbox: Inbox[int] = Inbox("the test", str)
    asyncio.get_running_loop().call_later(0.01, inbox.put, 7)
    assert await inbox.take(lambda one: one == 7, "a seven") == 7


async def test_what_came_instead_is_in_the_report() -> None:
    inbox: Inbox[str] = Inbox("alice", str)
    inbox.put("a bill")
    with pytest.raises(Unmet, match=r"(?s)alice expected a letter, but nothing of the kind came.*a bill"):
        await inbox.take(lambda one: one == "a letter", "a letter", within=0.01)


async def test_take_next_refuses_what_is_out_of_order() -> None:
    inbox: Inbox[int] = Inbox("the test", str)
    inbox.put(1)
    inbox.put(2)
    with pytest.raises(Unmet, match="something else came first"):
        await inbox.take_next(lambda one: one == 2, "a two")
    assert await inbox.take_next(lambda one: one == 1, "a one") == 1


async def test_the_end_of_a_connection_is_told_at_once() -> None:
    inbox: Inbox[int] = Inbox("the test", str)
    inbox.end("the server closed the connection")
    with pytest.raises(Unmet, match="the server closed the connection"):
        await inbox.take(lambda one: one == 1, "a one", within=60)


def test_stanzas_are_read_whole_from_pieces_of_any_size() -> None:
    text = (
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        "<message from='a@b/c' type='groupchat'><body>x &lt; y 🙂</body><subject/></message> "
        "<presence from='r/n'><x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/><status code='210'/></x>"
        "</presence>"
    ).encode()
    for size in (1, 7, len(text)):
        stream = _Stream()
        found = [
            one for start in range(0, len(text), size) for one in stream.feed(text[start : start + size])
        ]
        assert len(found) == 2
        assert message("a@b/c", "x < y 🙂", type="groupchat", subject="")(found[0])
        assert presence("r/n", type="available", status=(110,))(found[1])
        assert status_codes(found[1]) == {110, 210}


@pytest.mark.parametrize(
    ("raw", "command", "params", "sender"),
    [
        (":n!u@h PRIVMSG #a :hi there", "PRIVMSG", ("#a", "hi there"), "n"),
        ("@time=1;a PING :x", "PING", ("x",), ""),
        (":s 353 me = #a :@a b ", "353", ("me", "=", "#a", "@a b "), "s"),
        ("QUIT", "QUIT", (), ""),
        ("", "", (), ""),
        (":onlyprefix", "", (), "onlyprefix"),
        ("TOPIC #a :", "TOPIC", ("#a", ""), ""),
    ],
)
def test_irc_lines_are_read(raw: str, command: str, params: tuple[str, ...], sender: str) -> None:
    got = read_line(raw)
    assert (got.command, got.params, got.sender) == (command, params, sender)


def test_line_patterns_match_the_first_parameters_and_say_what_they_want() -> None:
    got = read_line(":carol!c@h PRIVMSG #a :hello")
    assert line("PRIVMSG", "#a", sender="carol")(got)
    assert line("PRIVMSG", "*", "hello")(got)
    assert not line("PRIVMSG", "#b")(got)
    assert str(line("PRIVMSG", "#a", sender="carol")) == "'PRIVMSG #a' from carol"
