"""What is taken back or corrected before the network has taken it: it waits for its message."""

import asyncio

import pytest

from gateway.bridge import Ticket
from gateway.chat import unnamed
from gateway.model import MessageKind
from tests.component.stage import ALICE, BOB, JID, condition, staged
from tests.loopback.expressing import EVERYTHING, ExpressiveBridge, ExpressiveSession

RETRACT, REPLACE = "urn:xmpp:message-retract:1", "urn:xmpp:message-correct:0"


class SlowSession(ExpressiveSession):
    """Takes what it is told when the test says so."""

    def tell(self, contact: str, text: str, kind: MessageKind, ticket: Ticket) -> None:
        self.bridge.held.put_nowait(lambda: super(SlowSession, self).tell(contact, text, kind, ticket))


class SlowBridge(ExpressiveBridge):
    def __init__(self) -> None:
        super().__init__(**EVERYTHING)
        self.held = asyncio.Queue()

    def session(self, account, sink):
        return SlowSession(self, account, sink)


@pytest.fixture
async def stage(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=SlowBridge()) as stage:
        await stage.join()
        await stage.join(BOB, nick="bob")
        await stage.silence()
        yield stage


def chat(id_, body="", payload=""):
    text = f"<body>{body}</body>" if body else ""
    return f"<message type='chat' id='{id_}' from='{ALICE}' to='bob@{JID}'>{text}{payload}</message>"


@pytest.mark.parametrize(
    ("change", "tag"),
    [
        (chat("a2", "tea", f"<replace xmlns='{REPLACE}' id='a1'/>"), f"{{{REPLACE}}}replace"),
        (chat("a2", payload=f"<retract xmlns='{RETRACT}' id='a1'/>"), f"{{{RETRACT}}}retract"),
    ],
)
async def test_a_change_of_what_was_just_sent_waits_for_it(stage, change, tag):
    stage.send(chat("a1", "tee"))
    stage.send(change)
    take = await asyncio.wait_for(stage.bridge.held.get(), 10)
    await stage.silence()  # both have been read
    take()
    # In whatever order: only what has a text is written down first.
    told = [await stage.expect("message", to="bob@localhost", from_=f"alice@{JID}") for _ in range(2)]
    assert sorted(each.find(tag) is not None for each in told) == [False, True]


async def test_what_never_gets_a_name_cannot_be_taken_back(stage, monkeypatch):
    monkeypatch.setattr(unnamed, "_PATIENCE", 0.2)
    stage.send(chat("a1", "tee"))
    stage.send(chat("a3", payload=f"<retract xmlns='{RETRACT}' id='a1'/>"))
    error = await stage.expect("message", to=ALICE, type="error", id="a3")
    assert condition(error) == "item-not-found"
