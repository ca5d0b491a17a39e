"""Until where the server has come: known by pings, a second apart, and only while something is said."""

import asyncio
from xml.etree.ElementTree import fromstring

import pytest

from gateway.xmpp.barrier import Barrier
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.stanza import COMPONENT, Stanza
from tests.fakes.clock import ManualClock

JID = "gw.localhost"


class Around:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.asked: list[str] = []
        self.confirmed: list[int] = []
        self.takes = True
        self.iq = IqTracker(self.send, self.clock)
        self.barrier = Barrier(JID, self.iq, self.clock, lambda epoch, when: self.confirmed.append(epoch))

    def send(self, stanza: str) -> bool:
        if self.takes:
            self.asked.append(fromstring(stanza).get("id") or "")
        return self.takes

    def answer(self, kind: str = "result") -> None:
        inner = (
            "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            if kind == "error"
            else ""
        )
        iq = f"<iq xmlns='{COMPONENT}' type='{kind}' id='{self.asked.pop(0)}' from='{JID}' to='{JID}'>{inner}</iq>"
        self.iq.accept(Stanza(fromstring(iq)))


@pytest.fixture
def around() -> Around:
    around = Around()
    around.barrier.up()
    return around


async def test_in_silence_nobody_is_asked(around):
    await around.clock.advance(100)
    assert around.asked == []


@pytest.mark.parametrize("kind", ["result", "error"])
async def test_an_epoch_is_safe_when_the_barrier_after_its_own_is_back(around, kind):
    epoch = around.barrier.stamp()
    await around.clock.advance(1)
    around.answer(kind)
    assert around.confirmed == [], "killed now, the server could still take it along"
    await around.clock.advance(1)
    around.answer(kind)
    assert around.confirmed == [epoch]
    await around.clock.advance(10)
    assert around.asked == []


async def test_a_thousand_messages_need_no_more_than_one(around):
    assert len({around.barrier.stamp() for _ in range(1000)}) == 1
    await around.clock.advance(1)
    assert len(around.asked) == 1


async def test_a_late_answer_of_a_lost_link_confirms_nothing(around):
    around.barrier.stamp()
    await around.clock.advance(1)
    first = around.barrier.lost()
    assert first == 1
    around.answer()
    around.barrier.up()
    assert around.barrier.stamp() > first
    await around.clock.advance(1)
    around.answer()
    assert around.confirmed == []


async def test_what_is_not_answered_is_asked_again(around):
    epoch = around.barrier.stamp()
    await around.clock.advance(1)
    around.asked.clear()
    await around.clock.advance(31)
    assert len(around.asked) == 1
    around.answer()
    assert around.confirmed == [epoch], "it came after the epoch's own as well"


async def test_an_outbox_that_refuses_is_tried_again(around):
    around.barrier.stamp()
    around.takes = False
    await around.clock.advance(5)
    around.takes = True
    await around.clock.advance(1)
    assert len(around.asked) == 1


async def test_at_the_end_one_answer_is_enough(around):
    epoch = around.barrier.stamp()
    ending = asyncio.create_task(around.barrier.finish())
    await asyncio.sleep(0)
    around.answer()
    await ending
    assert around.confirmed == [epoch]


async def test_a_server_that_does_not_answer_holds_up_no_end(around):
    around.barrier.stamp()
    ending = asyncio.create_task(around.barrier.finish())
    await around.clock.advance(3)
    await ending
    assert around.confirmed == []
