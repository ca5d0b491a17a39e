"""The scripted IRC server: what a usual one does, and every lever."""

import asyncio
import base64

import pytest

from gateway.playground.clients import IrcClient, Unmet, line
from gateway.playground.ircd import Ircd, IrcdSettings


async def join(ircd: Ircd, nick: str, channel: str = "#a", *, caps: tuple[str, ...] = ()) -> IrcClient:
    client = await IrcClient.connect(ircd.host, ircd.port, nick, caps=caps)
    await client.join(channel)
    return client


async def test_two_users_talk_in_a_channel(ircd: Ircd) -> None:
    ann, ben = await join(ircd, "ann"), await join(ircd, "ben")
    await ann.expect(line("JOIN", "#a", sender="ben"))
    ann.say("#a", "hello")
    await ben.expect(line("PRIVMSG", "#a", "hello", sender="ann"))
    ben.say("ann", "psst")
    await ann.expect(line("PRIVMSG", "ann", "psst", sender="ben"))
    await ann.settle()
    assert not ann.inbox.waiting(line("PRIVMSG", "#a", "hello"))
    for one in (ann, ben):
        await one.close()


async def test_the_first_one_is_operator_and_may_do_what_others_may_not(ircd: Ircd) -> None:
    ann, ben = await join(ircd, "ann"), await join(ircd, "ben")
    ben.send("TOPIC #a :mine")
    await ben.expect(line("482", "ben", "#a"))
    ann.send("TOPIC #a :ours")
    await ben.expect(line("TOPIC", "#a", "ours", sender="ann"))
    ann.send("MODE #a +v-o+k ben ann secret")
    await ben.expect(line("MODE", "#a", "+v-o+k", "ben", "ann", "secret"))
    ann.send("KICK #a ben :out")
    await ann.expect(line("482", "ann", "#a"))
    for one in (ann, ben):
        await one.close()


@pytest.mark.parametrize(
    ("mode", "numeric"), [("+k secret", "475"), ("+i", "473"), ("+l 1", "471"), ("+b *!*@127.*", "474")]
)
async def test_joins_are_refused(ircd: Ircd, mode: str, numeric: str) -> None:
    ann = await join(ircd, "ann")
    ann.send(f"MODE #a {mode}")
    await ann.settle()
    ben = await IrcClient.connect(ircd.host, ircd.port, "ben")
    ben.send("JOIN #a")
    await ben.expect(line(numeric, "ben", "#a"))
    for one in (ann, ben):
        await one.close()


async def test_nicks_change_and_are_unique_whatever_their_case(ircd: Ircd) -> None:
    ann, ben = await join(ircd, "ann[]"), await join(ircd, "ben")
    ben.send("NICK ANN{}")
    await ben.expect(line("433", "ben", "ANN{}"))
    ann.send("NICK Anna")
    await ben.expect(line("NICK", "Anna", sender="ann[]"))
    ann.send("QUIT :gone")
    await ben.expect(line("QUIT", "Quit: gone", sender="Anna"))
    for one in (ann, ben):
        await one.close()


async def test_capabilities_change_what_is_sent(ircd: Ircd) -> None:
    caps = (
        "server-time",
        "message-tags",
        "echo-message",
        "extended-join",
        "multi-prefix",
        "userhost-in-names",
    )
    ann, ben = await join(ircd, "ann", caps=caps), await join(ircd, "ben")
    await ann.expect(line("JOIN", "#a", "*", "ben", sender="ben"))
    ann.send("@+draft/react=x PRIVMSG #a :hello")
    echo = await ann.expect(line("PRIVMSG", "#a", "hello", sender="ann"))
    assert {"time", "msgid", "+draft/react"} <= echo.tags.keys()
    assert not (await ben.expect(line("PRIVMSG", "#a", "hello"))).tags
    ann.inbox.clear()
    ann.send("NAMES #a")
    names = await ann.expect(line("353", "ann", "=", "#a"))
    assert names.params[-1] == "@ann!~ann@127.0.0.1 ben!~ben@127.0.0.1"
    for one in (ann, ben):
        await one.close()


@pytest.mark.parametrize(("password", "numeric"), [("right", "903"), ("wrong", "904")])
async def test_sasl_plain(password: str, numeric: str) -> None:
    ircd = await Ircd(IrcdSettings(accounts={"ann": "right"})).start()
    reader, writer = await asyncio.open_connection(ircd.host, ircd.port)
    secret = base64.b64encode(f"\0ann\0{password}".encode()).decode()
    writer.write(f"CAP LS 302\r\nCAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {secret}\r\n".encode())
    async with asyncio.timeout(10):
        while f" {numeric} ".encode() not in await reader.readline():
            pass
    writer.close()
    await writer.wait_closed()
    await ircd.stop()


async def test_what_clients_say_can_be_expected(ircd: Ircd) -> None:
    ann = await join(ircd, "ann")
    ann.say("#a", "hello")
    got = await ircd.expect("PRIVMSG", "#a", nick="ann")
    assert got.params == ("#a", "hello")
    await ann.close()


async def test_a_hook_takes_a_command_over(ircd: Ircd) -> None:
    def refuse(connection: object, params: list[str]) -> bool:
        ircd.numeric(ircd.connection("ann"), 470, params[0], "##other", "Forwarding to another channel")
        return True

    ircd.hooks["JOIN"] = refuse
    ann = await IrcClient.connect(ircd.host, ircd.port, "ann")
    ann.send("JOIN #a")
    await ann.expect(line("470", "ann", "#a", "##other"))
    await ann.close()


async def test_a_deaf_server_never_answers(ircd: Ircd) -> None:
    ircd.deaf = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await IrcClient.connect(ircd.host, ircd.port, "ann")


async def test_a_populated_channel_is_listed_whole(ircd: Ircd) -> None:
    ircd.populate("#big", 2000)
    ann = await join(ircd, "ann", "#big")
    names = " ".join(one.params[-1] for one in ann.inbox.waiting(line("353"))).split()
    assert len(names) == 2001
    ircd.netsplit(f"user{number}" for number in range(1000))
    await ann.expect(line("QUIT", sender="user999"))
    channel = ircd.channel("#big")
    assert channel is not None
    assert len(channel.members) == 1001
    await ann.close()


async def test_bytes_lines_without_end_and_resets_reach_the_client(ircd: Ircd) -> None:
    ann = await join(ircd, "ann")
    ircd.inject("ann", b":x 999 ann :\xff\xfe\r\n")
    await ann.expect(line("999", "ann"))
    ircd.add_user("ghost", "#a")
    await ann.expect(line("JOIN", "#a", sender="ghost"))
    ircd.say_as("ghost", "#a", "boo")
    await ann.expect(line("PRIVMSG", "#a", "boo", sender="ghost"))
    ircd.drop_connections()
    with pytest.raises(Unmet, match="connection"):
        await ann.expect(line("NEVER"), within=60)
    await ann.drop()


async def test_names_can_be_late(ircd: Ircd) -> None:
    ircd.names_delay = 0.05
    ann = await IrcClient.connect(ircd.host, ircd.port, "ann")
    ann.send("JOIN #a")
    await ann.expect(line("JOIN", "#a"))
    await ann.settle()
    assert not ann.inbox.waiting(line("366"))
    await ann.expect(line("366", "ann", "#a"))
    await ann.close()


async def test_a_restart_keeps_the_port(ircd: Ircd) -> None:
    port = ircd.port
    await ircd.restart()
    assert ircd.port == port
    ann = await join(ircd, "ann")
    await ann.close()


async def test_a_flood_without_newline_is_delivered(ircd: Ircd) -> None:
    reader, writer = await asyncio.open_connection(ircd.host, ircd.port)
    try:
        writer.write(b"NICK ann\r\nUSER a 0 * :a\r\n")
        async with asyncio.timeout(10):
            while b" 376 " not in await reader.readline():
                pass
            flood = asyncio.create_task(ircd.flood_without_newline("ann", 300_000))
            assert await reader.readexactly(300_000) == b"x" * 300_000
            await flood
    finally:
        writer.close()
        await writer.wait_closed()
