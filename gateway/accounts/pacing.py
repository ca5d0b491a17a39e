"""When to try again, and whose turn it is: back-off after failures, and pacing of logins so that a network never sees all of
our users at its door at once."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from gateway.bridge import Clock

#: Users name networks, so doors without anybody at them are cleared away beyond this number.
_GATES_KEPT = 200


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Seconds: ``first`` doubles up to ``longest``, each drawn between half and the whole; a session that stood ``stable``
    seconds starts anew."""

    first: float = 10.0
    longest: float = 1800.0
    stable: float = 600.0


class Backoff:
    """The delays of one account: 5-10, 10-20, 20-40 ... seconds."""

    __slots__ = ("_failures", "_policy", "_random")

    def __init__(self, policy: BackoffPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._random = rng
        self._failures = 0

    def stood(self, seconds: float) -> None:
        """The last session lasted so long."""
        if seconds >= self._policy.stable:
            self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next(self) -> float:
        policy = self._policy
        # The exponent is bounded: a network may be gone for months.
        delay: float = min(policy.longest, policy.first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return delay * (0.5 + self._random.random() / 2)


@dataclass(frozen=True, slots=True)
class PacingPolicy:
    """``concurrent`` logins under way per network, ``spacing`` seconds between two of them, ``total`` over all networks."""

    concurrent: int = 3
    spacing: float = 2.0
    total: int = 50


class _Gate:
    """The door of one network."""

    __slots__ = ("next_start", "slots", "users")

    def __init__(self, concurrent: int) -> None:
        self.slots = asyncio.Semaphore(concurrent)
        self.next_start = 0.0
        self.users = 0


class _Turn:
    """One turn, given back once, however often somebody says so. It lives as long as the session, so it is small."""

    __slots__ = ("_network", "_pacer", "_taken", "gate")

    def __init__(self, pacer: "Pacer", network: str) -> None:
        self.gate: _Gate | None = None
        self._pacer = pacer
        self._network = network
        self._taken: tuple[asyncio.Semaphore, ...] = ()

    async def __aenter__(self) -> Callable[[], None]:
        try:
            await self._pacer.admit(self._network, self)
        except BaseException:
            self.give_back()
            raise
        return self.give_back

    async def __aexit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        taken, self._taken = self._taken, ()
        for slots in taken:
            slots.release()
        gate, self.gate = self.gate, None
        if gate is not None:
            self._pacer.leave(gate)

    async def take(self, slots: asyncio.Semaphore) -> None:
        await slots.acquire()
        self._taken = (*self._taken, slots)


class Pacer:
    """Hands out turns to log in."""

    def __init__(self, policy: PacingPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._total = asyncio.Semaphore(policy.total)
        self._gates: dict[str, _Gate] = {}

    def apply(self, policy: PacingPolicy) -> None:
        """Another policy for all turns from now on; those that are taken or waited for come on top of its numbers."""
        self._policy = policy
        self._total = asyncio.Semaphore(policy.total)
        before, self._gates = self._gates, {}
        for network, gate in before.items():
            self._gates[network] = _Gate(policy.concurrent)
            self._gates[network].next_start = gate.next_start

    def turn(self, network: str) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Wait for a turn on ``network``. Gives a function that gives it back early, once logged in; leaving the block does
        too."""
        return _Turn(self, network)

    async def admit(self, network: str, turn: "_Turn") -> None:
        """Wait until ``turn`` may begin; it is given what it has to give back as it comes."""
        gate = self._gates.setdefault(network, _Gate(self._policy.concurrent))
        gate.users += 1
        turn.gate = gate
        await turn.take(gate.slots)
        await turn.take(self._total)
        await self._space(gate)

    def leave(self, gate: _Gate) -> None:
        gate.users -= 1
        if len(self._gates) > _GATES_KEPT:
            now = self._clock.monotonic()
            self._gates = {
                name: each for name, each in self._gates.items() if each.users or each.next_start > now
            }

    async def _space(self, gate: _Gate) -> None:
        now = self._clock.monotonic()
        start = max(now, gate.next_start)
        gate.next_start = start + self._policy.spacing
        if start > now:
            await self._clock.sleep(start - now)
