"""The gateway under its second address, for clients that begin no chat with a domain; and what makes its answers a chat."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bridge import BadAddress
from gateway.model import Address
from tests.component.doorstep import CMD, COMMANDS, OPEN, ask, chat, query, register
from tests.component.stage import ALICE, BOB, JID, C, Stage, staged
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback import LoopbackSettings
from tests.loopback.registering import RegisteringBridge

HELP = f"help@{JID}"
MENTIONS = "{urn:xmpp:mmn:0}mentions"


class StrictBridge(RegisteringBridge):
    """People are addressed by more than a word, as on networks of telephone numbers and e-mail addresses."""

    def address(self, text: str) -> Address:
        if text == "help":
            raise BadAddress("Write the whole address.")
        return super().address(text)


@pytest.fixture
async def strict(tmp_path: Path, server: FakeXmppServer) -> AsyncIterator[Stage]:
    bridge = StrictBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge, access=OPEN) as stage:
        yield stage


async def test_the_bot_answers_there_with_the_same_commands(strict):
    at_the_domain = await chat(strict, "help")
    assert await chat(strict, "help", to=HELP) == at_the_domain
    assert await chat(strict, "ping", to=HELP) == "Pong"
    assert "User name" in await chat(strict, "register", to=HELP)
    assert "cancelled" in await chat(strict, "cancel", to=HELP)


async def test_commands_run_there_too(strict):
    listed = await ask(strict, query("http://jabber.org/protocol/disco#info", to=HELP))
    assert COMMANDS in {each.get("var") for each in listed[0]}
    strict.send(
        f"<iq type='set' id='q1' from='{ALICE}' to='{HELP}'><command xmlns='{COMMANDS}' node='ping' action='execute'/></iq>"
    )
    answer = await strict.expect("iq", id="q1")
    assert answer.findtext(f"{CMD}command/{CMD}note") == "Pong"


async def test_it_can_be_a_contact_and_removing_it_unregisters_nobody(strict):
    await register(strict)
    strict.send(f"<presence type='subscribe' from='alice@localhost' to='{HELP}'/>")
    await strict.expect("presence", type="subscribed", from_=HELP)
    strict.send(f"<presence type='unsubscribe' from='alice@localhost' to='{HELP}'/>")
    await strict.expect("presence", type="unsubscribed", from_=HELP)
    assert await chat(strict, "ping") == "Pong"
    assert strict.component.doors.registrations.of("alice@localhost") is not None


async def test_where_somebody_is_called_so_it_is_them(stage):
    await stage.join()
    await stage.join(BOB, nick="help")
    stage.send(f"<message type='chat' id='m' from='{ALICE}' to='{HELP}'><body>hello you</body></message>")
    heard = await stage.expect("message", to=BOB.partition("/")[0], type="chat")
    assert heard.findtext(f"{C}body") == "hello you"


async def test_what_the_domain_itself_says_is_marked_as_no_announcement(strict):
    strict.send(f"<message type='chat' from='{ALICE}' to='{JID}'><body>ping</body></message>")
    assert (await strict.expect("message", to=ALICE)).find(MENTIONS) is not None
    strict.send(f"<message type='chat' from='{ALICE}' to='{HELP}'><body>ping</body></message>")
    assert (await strict.expect("message", to=ALICE)).find(MENTIONS) is None
    strict.component.doors.tell("alice@localhost", "A word.")
    assert (await strict.expect("message", to="alice@localhost")).find(MENTIONS) is not None
