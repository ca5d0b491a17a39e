"""The outgoing queue: order, bounds, what survives a lost connection and what is told about the rest."""

import asyncio
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.outbox import CHUNK, Counters, Outbox, OutboxLimits, note_delay
from tests.fakes.clock import ManualClock, settle

MESSAGE = "<message from='irc.localhost' to='alice@localhost' id='{}'><body>hello</body></message>"


class Wire:
    """A connection that keeps what is written, and pauses its outbox when ``room`` is used up."""

    def __init__(self, outbox: Outbox, room: float = float("inf")) -> None:
        self.outbox = outbox
        self.room = room
        self.closing = False
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.writes.append(data)
        self.room -= len(data)
        if self.room <= 0:
            self.outbox.writable(False)

    def ids(self) -> list[str]:
        return [e.get("id", "") for e in fromstring(b"<s>" + b"".join(self.writes) + b"</s>")]


class Rig:
    def __init__(self, **limits: float) -> None:
        self.clock = ManualClock()
        self.counters = Counters()
        self.dropped: list[int] = []
        self.outbox = Outbox(
            "irc.localhost",
            clock=self.clock,
            counters=self.counters,
            limits=OutboxLimits(**limits),  # type: ignore[arg-type]
            on_dropped=self.dropped.append,
        )

    def up(self, room: float = float("inf")) -> Wire:
        wire = Wire(self.outbox, room)
        self.outbox.attach(wire)
        return wire

    def send(self, *numbers: int, keep: bool = False) -> list[bool]:
        return [self.outbox.send(MESSAGE.format(number), keep=keep) for number in numbers]


async def test_what_is_sent_in_one_turn_is_one_write() -> None:
    rig = Rig()
    wire = rig.up()
    assert all(rig.send(*range(100)))
    assert wire.writes == []
    await settle()
    assert len(wire.writes) == 1
    assert wire.ids() == [str(n) for n in range(100)]
    assert (rig.counters.sent, rig.counters.sent_bytes) == (100, len(wire.writes[0]))


async def test_a_flood_is_written_in_chunks_a_turn() -> None:
    rig = Rig()
    wire = rig.up()
    count = 3 * CHUNK // len(MESSAGE)
    rig.send(*range(count))
    await settle()
    assert len(wire.writes) > 2
    assert max(map(len, wire.writes)) < CHUNK + 200
    assert wire.ids() == [str(n) for n in range(count)]


async def test_without_a_link_only_what_is_to_be_kept_waits() -> None:
    rig = Rig()
    assert rig.send(1) == [False]
    assert rig.send(2, 3, keep=True) == [True, True]
    assert rig.counters.dropped == {"link-down": 1}
    wire = rig.up()
    rig.send(4)
    await settle()
    assert wire.ids() == ["2", "3", "4"]


async def test_a_lost_link_keeps_what_was_not_written_in_order() -> None:
    rig = Rig()
    first = rig.up(room=1)
    rig.send(1, keep=True)
    await settle()
    rig.send(2, keep=True)
    rig.send(3)
    rig.send(4, keep=True)
    rig.outbox.detach()
    rig.send(5, keep=True)
    second = rig.up()
    await settle()
    assert first.ids() == ["1"]
    assert second.ids() == ["2", "4", "5"]
    assert rig.counters.dropped == {"link-down": 1}


async def test_what_its_sender_owns_is_not_dropped_by_a_full_queue_but_goes_with_the_link() -> None:
    rig = Rig(pending_count=3)
    wire = rig.up(room=0)
    rig.outbox.writable(False)
    assert rig.send(1, 2, 3, 4) == [True, True, True, False]
    assert rig.outbox.send(MESSAGE.format(5), owned=True)
    rig.outbox.writable(True)
    wire.room = float("inf")
    await settle()
    assert wire.ids() == ["1", "2", "3", "5"]
    assert rig.outbox.send(MESSAGE.format(6), owned=True)
    rig.outbox.detach()
    assert not rig.outbox.send(MESSAGE.format(7), owned=True)
    again = rig.up()
    await settle()
    assert again.writes == []


async def test_nothing_is_written_to_a_closing_connection() -> None:
    rig = Rig()
    wire = rig.up()
    wire.closing = True
    rig.send(1, keep=True)
    await settle()
    rig.outbox.detach()
    again = rig.up()
    await settle()
    assert again.ids() == ["1"]


async def test_a_short_wait_leaves_no_note_and_a_long_one_a_delay() -> None:
    rig = Rig()
    rig.send(1, keep=True)
    await rig.clock.advance(60.0)
    rig.send(2, keep=True)
    await rig.clock.advance(4.0)
    wire = rig.up()
    await settle()
    late, prompt = fromstring(b"<s>" + b"".join(wire.writes) + b"</s>")
    delay = late.find("{urn:xmpp:delay}delay")
    assert delay is not None
    assert (delay.get("from"), delay.get("stamp")) == ("irc.localhost", "2023-11-14T22:13:20Z")
    assert prompt.find("{urn:xmpp:delay}delay") is None


async def test_waiting_behind_a_stalled_server_is_a_delay_too() -> None:
    rig = Rig()
    wire = rig.up(room=1)
    rig.send(1)
    await settle()
    rig.send(2)
    rig.send(3, keep=True)
    await rig.clock.advance(10.0)
    rig.outbox.writable(True)
    await settle()
    assert b"urn:xmpp:delay" in wire.writes[1]
    assert wire.ids() == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("stanza", "noted"),
    [
        (b"<message to='a'><body>x</body></message>", True),
        (b"<message to='a'/>", True),
        (b"<presence/>", True),
        (b"<iq type='result'/>", False),
        (b"<message><delay xmlns='urn:xmpp:delay' stamp='x'/></message>", False),
        (b"<message><body>&lt;delay urn:xmpp:delay</body></message>", True),
    ],
)
def test_a_delay_is_noted_once_and_where_it_belongs(stanza: bytes, noted: bool) -> None:
    result = note_delay(stanza, "irc.localhost", 0.0)
    assert (result != stanza) is noted
    assert len(fromstring(result).findall("{urn:xmpp:delay}delay")) == (b"<delay" in result)


async def test_the_oldest_kept_goes_when_they_are_too_many() -> None:
    rig = Rig(kept_count=3)
    assert all(rig.send(*range(5), keep=True))
    await settle()
    assert rig.dropped == [2]
    assert rig.counters.dropped == {"kept-overflow": 2}
    wire = rig.up()
    await settle()
    assert wire.ids() == ["2", "3", "4"]


async def test_the_oldest_kept_goes_when_they_are_too_large() -> None:
    rig = Rig(kept_bytes=300)
    rig.send(*range(10), keep=True)
    assert rig.outbox.pending[1] <= 300
    assert rig.counters.dropped == {"kept-overflow": 10 - rig.outbox.pending[0]}


async def test_what_was_kept_too_long_is_given_up_and_told() -> None:
    rig = Rig(kept_age=3600.0)
    rig.send(1, 2, keep=True)
    await rig.clock.advance(3000.0)
    rig.send(3, keep=True)
    await rig.clock.advance(1000.0)
    wire = rig.up()
    await settle()
    assert wire.ids() == ["3"]
    assert rig.dropped == [2]


async def test_a_server_that_does_not_read_costs_a_bounded_memory() -> None:
    rig = Rig(pending_bytes=10_000, kept_bytes=20_000)
    rig.up(room=1)
    rig.send(0)
    await settle()
    for number in range(1000):
        rig.send(number)
        assert rig.outbox.pending[1] < 10_000 + 200
    for number in range(1000):
        assert rig.send(number, keep=True) == [True]
        assert rig.outbox.pending[1] <= 20_000
    count = rig.outbox.pending[0]
    assert rig.counters.dropped["overflow"] + rig.counters.dropped["kept-overflow"] == 2000 - count


async def test_drain_waits_between_the_marks_and_not_when_the_link_goes() -> None:
    rig = Rig(high_water=5000, low_water=1000)
    rig.up(room=1)
    rig.send(*range(100))
    await settle()
    rig.send(*range(100))
    assert rig.outbox.congested
    waiting = asyncio.create_task(rig.outbox.drain())
    await settle()
    assert not waiting.done()
    rig.outbox.writable(True)
    await waiting
    assert not rig.outbox.congested
    rig.up(room=1)
    rig.send(*range(200))
    await settle()
    rig.send(*range(200))
    waiting = asyncio.create_task(rig.outbox.drain())
    await settle()
    rig.outbox.detach()
    await waiting
    await rig.outbox.drain()


async def test_a_stanza_that_is_too_large_is_refused() -> None:
    rig = Rig(stanza_bytes=1000)
    rig.up()
    assert rig.outbox.send("<message to='a'>" + "x" * 2000 + "</message>") is False
    assert rig.outbox.send("<message to='a'>" + "€" * 400 + "</message>", keep=True) is False
    assert rig.outbox.send("<message to='a'>" + "x" * 900 + "</message>") is True
    assert rig.counters.dropped == {"too-large": 2}


async def test_text_that_is_none_is_refused() -> None:
    rig = Rig()
    rig.up()
    assert rig.outbox.send("<message>\ud800</message>", keep=True) is False
    assert rig.counters.dropped == {"not-text": 1}


async def test_closing_tells_what_was_kept_in_vain() -> None:
    rig = Rig()
    rig.send(1, 2, keep=True)
    rig.outbox.close()
    assert rig.dropped == [2]
    assert rig.outbox.pending == (0, 0)


ACTIONS = st.lists(
    st.sampled_from(["send", "keep", "up", "down", "stall", "resume", "settle", "later"]), max_size=60
)


@given(ACTIONS)
def test_kept_stanzas_are_written_once_in_order_or_counted(actions: list[str]) -> None:
    asyncio.run(_kept_stanzas(actions))


async def _kept_stanzas(actions: list[str]) -> None:
    rig = Rig(kept_count=5, kept_age=100.0)
    wires: list[Wire] = []
    sent, kept = 0, []
    for action in [*actions, "down", "up", "settle"]:
        attached = bool(wires) and wires[-1].outbox._writer is wires[-1]
        if action in {"send", "keep"}:
            rig.send(sent, keep=action == "keep")
            kept += [str(sent)] * (action == "keep")
            sent += 1
        elif action == "up" and not attached:
            wires.append(rig.up())
        elif action == "down":
            rig.outbox.detach()
        elif action in {"stall", "resume"}:
            rig.outbox.writable(action == "resume")
        elif action == "later":
            await rig.clock.advance(30.0)
        else:
            await settle(3)
    written = [ident for wire in wires for ident in wire.ids()]
    assert written == sorted(set(written), key=int)
    gone = [ident for ident in kept if ident not in written]
    assert sum(rig.dropped) == len(gone)
    assert len(written) + sum(rig.counters.dropped.values()) == sent
