"""Pings to ourselves: a dead server and a second gateway are noticed, and nobody else is suspected."""

import random
from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

from gateway.xmpp.heartbeat import DEADLINE, JUDGED, SILENCE, VOLLEY, Heartbeat
from tests.fakes.clock import ManualClock

JID = "irc.localhost"


class Rig:
    def __init__(self, seed: int = 1, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.sent: list[Element] = []
        self.heard = self.clock.monotonic()
        self.written = 0
        self.spaces = 0
        self.dead = 0
        self.twins = 0
        self.route: Callable[[Element], None] | None = None
        self.beat = Heartbeat(
            JID,
            clock=self.clock,
            rng=random.Random(seed),
            send=self.send,
            activity=lambda: (self.heard, self.written),
            keep_alive=self.space,
            on_dead=self.die,
            on_twin=self.twin,
        )

    def send(self, stanza: str) -> bool:
        element = fromstring(stanza)
        self.sent.append(element)
        self.written += len(stanza)
        if self.route is not None:
            self.route(element)
        return True

    def back(self, *pings: Element) -> None:
        for ping in pings:
            self.heard = self.clock.monotonic()
            assert self.beat.recognise(ping)

    def space(self) -> None:
        self.spaces += 1

    def die(self) -> None:
        self.dead += 1

    def twin(self) -> None:
        self.twins += 1


async def test_alone_means_no_alarm() -> None:
    rig = Rig()
    rig.beat.start()
    assert len(rig.sent) == VOLLEY
    rig.back(*rig.sent)
    await rig.clock.advance(JUDGED)
    assert rig.twins == 0


async def test_a_slow_server_is_no_second_gateway() -> None:
    rig = Rig()
    rig.beat.start()
    rig.back(*rig.sent[:5])
    await rig.clock.advance(JUDGED)
    assert rig.twins == 0


async def test_a_server_that_returns_no_ping_is_no_second_gateway() -> None:
    rig = Rig()
    rig.beat.start()
    await rig.clock.advance(JUDGED)
    assert rig.twins == 0


async def test_a_gap_in_what_comes_back_is_a_second_gateway() -> None:
    rig = Rig()
    rig.beat.start()
    rig.back(*rig.sent[:3], *rig.sent[4:])
    await rig.clock.advance(JUDGED)
    assert rig.twins == 1


async def test_both_gateways_notice_each_other() -> None:
    clock = ManualClock()
    rigs = [Rig(1, clock), Rig(2, clock)]
    rng = random.Random(3)
    linked: list[Rig] = []
    for rig in rigs:
        linked.append(rig)
        rig.route = lambda ping: rng.choice(linked).back(ping)
        rig.beat.start()
        await clock.advance(30.0)
    assert [rig.twins for rig in rigs] == [1, 1]
    assert [rig.dead for rig in rigs] == [0, 0]


async def test_pings_of_a_gateway_that_has_just_died_are_no_alarm() -> None:
    rig, old = Rig(1), Rig(2)
    old.beat.start()
    rig.beat.start()
    rig.back(*old.sent, *rig.sent)
    await rig.clock.advance(JUDGED)
    assert len(rig.sent) == 2 * VOLLEY
    rig.back(*rig.sent[VOLLEY:])
    await rig.clock.advance(JUDGED)
    assert rig.twins == 0


async def test_strangers_that_go_on_are_an_alarm() -> None:
    rig, other = Rig(1), Rig(2)
    rig.beat.start()
    for _ in range(2):
        other.beat.start()
        rig.back(*other.sent[-3:], *rig.sent[-VOLLEY:])
        await rig.clock.advance(JUDGED)
    assert rig.twins == 1


async def test_a_silent_server_is_asked_and_then_given_up() -> None:
    rig = Rig()
    rig.beat.start()
    rig.back(*rig.sent)
    await rig.clock.advance(SILENCE + 1)
    assert len(rig.sent) == 2 * VOLLEY
    assert rig.dead == 0
    await rig.clock.advance(DEADLINE)
    assert rig.dead == 1
    assert rig.clock.waiting == []


async def test_any_byte_is_a_sign_of_life() -> None:
    rig = Rig()
    rig.beat.start()
    for _ in range(20):
        await rig.clock.advance(30.0)
        rig.heard = rig.clock.monotonic()
    assert rig.dead == 0
    assert len(rig.sent) == VOLLEY
    assert rig.spaces > 5


async def test_only_our_own_domain_can_answer() -> None:
    rig = Rig()
    rig.beat.start()
    forged = fromstring(f"<iq from='eve@evil.example/{JID}' id='{rig.sent[0].get('id')}' type='get'/>")
    assert not rig.beat.recognise(forged)
    assert not rig.beat.recognise(fromstring(f"<iq from='x@{JID}' id='42' type='get'/>"))
    assert not rig.beat.recognise(fromstring("<iq/>"))


async def test_stopping_leaves_no_timer() -> None:
    rig = Rig()
    rig.beat.start()
    rig.beat.stop()
    assert rig.clock.waiting == []
