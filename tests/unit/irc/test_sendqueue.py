from bridges.irc.sendqueue import SendQueue
from gateway.model import Condition, Refused
from tests.fakes.clock import ManualClock


class Parcel:
    def __init__(self) -> None:
        self.withdrawn = False
        self.sent = 0
        self.why: list[Refused] = []

    def written(self) -> None:
        self.sent += 1

    def lost(self, why: Refused) -> None:
        self.why.append(why)


class Bench:
    def __init__(self, burst: int = 3, rate: float = 1.0, limit: int = 5) -> None:
        self.clock = ManualClock()
        self.wire: list[str] = []
        self.writable = True
        self.queue = SendQueue(self.clock, burst=burst, rate=rate, limit=limit)
        self.queue.outlet = self

    def send(self, line: str) -> None:
        self.wire.append(line)


async def test_a_burst_goes_at_once_and_the_rest_line_by_line() -> None:
    bench = Bench()
    for number in range(6):
        assert bench.queue.put(str(number))
    assert bench.wire == ["0", "1", "2"]
    await bench.clock.advance(1)
    assert bench.wire == ["0", "1", "2", "3"]
    await bench.clock.advance(2)
    assert bench.wire[4:] == ["4", "5"]
    assert bench.clock.waiting == []


async def test_tokens_come_back_up_to_the_burst() -> None:
    bench = Bench()
    for number in range(4):
        bench.queue.put(str(number))
    await bench.clock.advance(100)
    bench.wire.clear()
    for number in range(5):
        bench.queue.put(str(number))
    assert len(bench.wire) == 3


async def test_urgent_lines_overtake() -> None:
    bench = Bench(burst=1)
    bench.queue.put("a")
    bench.queue.put("b")
    bench.queue.urgent("PONG")
    assert bench.wire == ["a", "PONG"]


async def test_nothing_overtakes_a_line_that_waits() -> None:
    bench = Bench(burst=1)
    bench.queue.put("a")
    bench.queue.put("b")
    await bench.clock.advance(0.5)
    assert not bench.queue.now("c")
    bench.queue.put("c")
    await bench.clock.advance(5)
    assert bench.wire == ["a", "b", "c"]


async def test_the_queue_is_bounded() -> None:
    bench = Bench()
    assert [bench.queue.put("x") for _ in range(10)] == [True] * 8 + [False] * 2
    assert bench.queue.free == 0


async def test_without_a_rate_there_is_no_timer() -> None:
    bench = Bench(rate=0)
    for number in range(100):
        assert bench.queue.put(str(number))
    assert len(bench.wire) == 100
    assert bench.clock.waiting == []


async def test_a_connection_that_takes_nothing_holds_lines_back_until_it_does() -> None:
    bench = Bench(rate=0)
    bench.writable = False
    parcel = Parcel()
    assert bench.queue.put("x", parcel)
    assert bench.wire == []
    assert bench.clock.waiting == []
    bench.writable = True
    bench.queue.pump()
    assert bench.wire == ["x"]
    assert parcel.sent == 1


async def test_withdrawn_lines_cost_nothing() -> None:
    bench = Bench(burst=1)
    parcel = Parcel()
    bench.queue.put("a")
    bench.queue.put("b", parcel)
    bench.queue.put("c")
    parcel.withdrawn = True
    await bench.clock.advance(1)
    assert bench.wire == ["a", "c"]
    assert parcel.sent == 0


async def test_closing_tells_whose_lines_were_lost() -> None:
    bench = Bench(burst=1)
    parcel = Parcel()
    for _ in range(3):
        bench.queue.put("a", parcel)
    why = Refused(Condition.RECIPIENT_UNAVAILABLE, "over")
    bench.queue.close(why)
    assert (parcel.sent, parcel.why) == (1, [why, why])
    assert bench.clock.waiting == []
