"""The rig itself on real servers: log-ins, restarts, kills, and the playground as a whole."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from gateway.playground.clients import IrcClient, LoginFailed, XmppClient, line, message
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.inspircd import InspIRCd
from gateway.playground.ngircd import NgIRCd
from gateway.playground.operator_page import OperatorPage
from gateway.playground.peers import IrcServer, User, XmppServer
from gateway.playground.prosody import Prosody
from tests.rig.servers import USERS, Directory, Network
from tests.unit.playground.test_process import until_gone

ALICE, BOB = USERS


async def log_in(server: XmppServer, user: User, resource: str = "desk") -> XmppClient:
    return await XmppClient.connect(server.host, server.c2s_port, user.jid, user.password, resource)


async def test_two_users_chat_with_several_resources(xmpp_server: XmppServer) -> None:
    alice, phone, bob = (
        await log_in(xmpp_server, ALICE),
        await log_in(xmpp_server, ALICE, "phone"),
        await log_in(xmpp_server, BOB),
    )
    assert phone.jid == "alice@localhost/phone"
    bob.say(phone.jid, "<Grüße> & 🙂")
    await phone.expect(message(bob.jid, "<Grüße> & 🙂", type="chat"))
    await phone.settle("localhost")
    for one in (alice, phone, bob):
        await one.close()


async def test_neither_server_binds_an_emoji_as_resource(prosody: XmppServer, ejabberd: XmppServer) -> None:
    alice = await log_in(prosody, ALICE, "📱")
    assert alice.jid != "alice@localhost/📱"  # it chooses one of its own
    await alice.close()
    with pytest.raises(LoginFailed, match="could not bind"):
        await log_in(ejabberd, ALICE, "📱")


async def test_a_wrong_password_is_reported(xmpp_server: XmppServer) -> None:
    with pytest.raises(LoginFailed, match="could not log in"):
        await log_in(xmpp_server, User("alice", "wrong"))


async def test_a_user_made_later_can_log_in(xmpp_server: XmppServer) -> None:
    eve = User("eve", "late")
    await xmpp_server.add_user(eve)
    client = await log_in(xmpp_server, eve)
    await client.close()


@pytest.mark.parametrize("kind", [Prosody, Ejabberd])
async def test_ports_and_accounts_survive_kill_and_restart(
    kind: type[Prosody] | type[Ejabberd], server_directory: Directory
) -> None:
    server = await kind.start(server_directory("xmpp"), users=[ALICE])
    port = server.c2s_port
    await server.kill()
    await server.restart()
    assert server.c2s_port == port
    client = await log_in(server, ALICE)
    await client.close()
    await server.stop()


async def test_people_talk_on_real_irc_servers(irc_server: IrcServer, channel: str) -> None:
    ann = await IrcClient.connect(irc_server.host, irc_server.port, "ann")
    await ann.join(channel)
    ben = await IrcClient.connect(irc_server.host, irc_server.port, "ben")
    await ben.join(channel)
    ann.say(channel, "hello")
    await ben.expect(line("PRIVMSG", channel, "hello", sender="ann"))
    for one in (ann, ben):
        await one.close()


@pytest.mark.parametrize("kind", [InspIRCd, NgIRCd])
async def test_irc_servers_come_back_at_the_same_port(
    kind: type[InspIRCd] | type[NgIRCd], server_directory: Directory
) -> None:
    server = await kind.start(server_directory("irc"))
    port = server.port
    await server.kill()
    await server.restart()
    assert server.port == port
    ann = await IrcClient.connect(server.host, server.port, "ann")
    await ann.close()
    await server.stop()


async def test_services_register_an_account(services_network: Network) -> None:
    ann = await IrcClient.connect(services_network.ircd.host, services_network.ircd.port, "ann")
    ann.say("NickServ", "REGISTER correcthorse ann@example.org")
    await ann.expect(
        lambda got: got.sender == "NickServ" and "now registered" in got.params[-1],
        "NickServ to register ann",
    )
    ann.send("CAP LS 302")
    caps = await ann.expect(line("CAP"))
    assert "sasl=" in caps.params[-1]
    await ann.close()


async def test_the_playground_ends_whole_on_sigterm_and_on_sigkill() -> None:
    for number, status in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "playground"), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        output = ""
        async with asyncio.timeout(60):
            while "Ctrl-C ends everything" not in output:
                row = await process.stdout.readline()
                assert row, output
                output += row.decode()
        children = _children(process.pid)
        assert len(children) == 8  # four of them are Kannel's
        assert (page := re.search(r"http://127\.0\.0\.1:(\d+)/ in a browser, token (\w+);", output))
        assert "causeway_ready 1" in await OperatorPage(int(page[1]), page[2]).ask("metrics")
        process.send_signal(number)
        assert await process.wait() == status
        for pid in children:
            await until_gone(pid)


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.parametrize(
    "choice",
    [
        ["--server", "prosody", "--irc", "inspircd"],
        ["--server", "prosody", "--no-privileges", "--irc", "own"],
        ["--server", "ejabberd", "--irc", "ngircd"],
        ["--server", "ejabberd", "--no-privileges", "--irc", "inspircd"],
    ],
    ids=" ".join,
)
async def test_every_line_of_the_tour_arrives(choice: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "playground", "--tour", *choice), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "Every line arrived." in output.decode()
    assert "Both ways through Kannel" in output.decode()
