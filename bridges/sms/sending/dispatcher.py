"""Who is next: messages of one conversation one after the other, many conversations at once, each route with its own places.

What is left to be written is in the tables; as much as fits is in memory, in the same order. A message that has to wait
holds up what follows it in its conversation, and nobody else.
"""

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from bridges.sms.sending.carrying import Carrier
from bridges.sms.sending.messages import Message
from bridges.sms.sending.pace import Pace
from bridges.sms.sending.store import Sendings
from bridges.sms.traffic import Route
from gateway.bridge import Cancellable, Clock, NotStored
from gateway.bridge.steps import Steps
from gateway.model import Refused

log = structlog.get_logger(__name__)

_READ_AGAIN = 5.0
_LOOK = 0.05
_LONGEST_WAIT = 60.0  # seconds between two looks at the clock


@dataclass(slots=True, eq=False)
class _Conversation:
    key: tuple[str, str]
    messages: deque[Message] = field(default_factory=deque)
    waits: bool = False  # for the time of its first message


@dataclass(slots=True)
class _Lane:
    """Of one route: who waits for one of its places, with the routes that the first message will ask."""

    queue: deque[tuple[_Conversation, Sequence[Route] | Refused]] = field(default_factory=deque)
    working: int = 0
    busy: int = 0


class Dispatcher:
    """``run`` is its life, held by the caller."""

    def __init__(self, sendings: Sendings, carrier: Carrier, clock: Clock, pace: Pace) -> None:
        self._sendings = sendings
        self._carrier = carrier
        self._clock = clock
        self._pace = pace
        self._conversations: dict[tuple[str, str], _Conversation] = {}
        self._lanes: dict[str, _Lane] = {}
        self._held = 0
        self._withdrawn: set[int] = set()  # of those that are first in their conversations
        self._later: list[tuple[float, int, _Conversation]] = []
        self._ties = itertools.count()
        self._alarm: Cancellable | None = None
        self._alarm_at = 0.0
        self._steps = Steps(clock)
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        # The tables have more than we hold: whatever is new waits there, so that nothing overtakes.
        self._more = True
        self._declined = 0
        self._loaded = 0  # the last one that was taken into memory
        self._refill = asyncio.Event()

    # Messages

    def add(self, messages: Sequence[Message]) -> None:
        """New ones, committed, in their order."""
        for message in messages:
            if self._more or self._held >= self._pace.held:
                self._more = True
                self._declined += 1
            else:
                self._take(message)
        if self._more:
            self._refill.set()

    @property
    def ready(self) -> bool:
        """Whether a new message can be taken ``ahead``: all that is left to be written is in memory, with room for more."""
        return self._group is not None and not (self._more or self._stopping or self._held >= self._pace.held)

    def ahead(self, message: Message) -> None:
        """A new one that is about to be committed, behind all that was added: the beginning of its writing is noted in the
        commit that takes it. If that fails, it is to be withdrawn; if it is none that is new, whoever tries to note that is
        stopped."""
        self._take(message)

    def withdraw(self, message: Message) -> None:
        """What was taken ahead was not committed: whoever comes behind it need not wait."""
        conversation = self._conversations.get((message.owner, message.conversation))
        if conversation is None or not conversation.messages:
            return
        if conversation.messages[0].seq == message.seq:
            self._withdrawn.add(message.seq)  # whoever is at it is about to be stopped
        elif message in conversation.messages:
            conversation.messages.remove(message)
            self._held -= 1

    def forget(self, owner: str) -> None:
        """Nothing more of this user's is begun."""
        for conversation in [each for each in self._conversations.values() if each.key[0] == owner]:
            self._held -= len(conversation.messages)
            self._withdrawn.difference_update(each.seq for each in conversation.messages)
            conversation.messages.clear()
            del self._conversations[conversation.key]

    @property
    def held(self) -> int:
        return self._held

    @property
    def delayed(self) -> int:
        """Conversations that wait for a time."""
        return sum(each.waits for each in self._conversations.values())

    @property
    def under_way(self) -> int:
        return sum(lane.busy for lane in self._lanes.values())

    @property
    def routes(self) -> dict[str, int]:
        """For each route, the conversations that wait for it or are under way there."""
        return {
            name: len(lane.queue) + lane.busy
            for name, lane in self._lanes.items()
            if name and (lane.queue or lane.busy)
        }

    async def run(self) -> None:
        """Send what there is, until cancelled; then nothing is begun any more, and what is under way has ``Pace.grace``."""
        work = asyncio.create_task(self._all())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stopping = True
            until = self._clock.monotonic() + self._pace.grace
            while self.under_way and self._clock.monotonic() < until:
                await self._clock.sleep(_LOOK)
            raise
        finally:
            work.cancel()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # it was raised above, or came of the end

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in self._lanes.values():
                self._employ(lane)
            await self._fill()

    async def _fill(self) -> None:
        """Take into memory what there is in the tables, when there is room."""
        while True:
            if self._more and self._held <= self._pace.held // 2:
                declined = self._declined
                room = self._pace.held - self._held
                try:
                    messages = await self._sendings.queued(self._loaded, room)
                except NotStored as error:
                    log.warning("messages to be sent cannot be read just now", error=str(error))
                    await self._clock.sleep(_READ_AGAIN)
                    continue
                for message in messages:
                    self._take(message)
                self._more = len(messages) == room or self._declined != declined
                if self._more and self._held <= self._pace.held // 2:
                    continue
            await self._refill.wait()
            self._refill.clear()

    # Whose turn it is

    def _take(self, message: Message) -> None:
        self._loaded = max(self._loaded, message.seq)
        key = message.owner, message.conversation
        conversation = self._conversations.get(key)
        if conversation is None:
            conversation = self._conversations[key] = _Conversation(key)
        conversation.messages.append(message)
        self._held += 1
        if len(conversation.messages) == 1:
            self._line_up(conversation)

    def _line_up(self, conversation: _Conversation) -> None:
        """Its first message is next, at its route or at its time."""
        message = conversation.messages[0]
        wait = message.next_at - self._clock.now()
        # Who would wait for longer than anybody does has the time of another clock.
        if 0.0 < wait <= self._pace.longest:
            self._delay(conversation)
            return
        try:
            routes = self._carrier.routes(message)
        except Exception:
            log.exception("routes of a message cannot be chosen", message=message.id)
            at = self._clock.now() + self._pace.after_mistake
            conversation.messages[0] = replace(message, next_at=at)
            self._delay(conversation)
            return
        name = "" if isinstance(routes, Refused) else routes[0].name
        lane = self._lanes.setdefault(name, _Lane())
        lane.queue.append((conversation, routes))
        self._employ(lane)

    def _delay(self, conversation: _Conversation) -> None:
        at = conversation.messages[0].next_at
        conversation.waits = True
        heapq.heappush(self._later, (at, next(self._ties), conversation))
        self._look_at(at)

    def _employ(self, lane: _Lane) -> None:
        if self._group is None or self._stopping:
            return
        while lane.working < self._pace.at_once and len(lane.queue) > lane.working - lane.busy:
            lane.working += 1
            self._group.create_task(self._work(lane))

    def _look_at(self, at: float) -> None:
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        self._alarm_at = at
        # Not for longer, for the clock may be put right meanwhile.
        wait = min(_LONGEST_WAIT, max(0.0, at - self._clock.now()))
        self._alarm = self._clock.call_later(wait, self._due)

    def _due(self) -> None:
        self._alarm = None
        now = self._clock.now()
        # All of them, if the clock was set back: nobody knows how long they would wait.
        until = math.inf if self._steps.taken() < 0.0 else now
        due: list[_Conversation] = []
        while self._later and self._later[0][0] <= until:
            due.append(heapq.heappop(self._later)[2])
        for conversation in due:
            conversation.waits = False
            if not conversation.messages:
                continue
            if conversation.messages[0].next_at > now:
                conversation.messages[0] = replace(conversation.messages[0], next_at=now)
            self._line_up(conversation)
        if self._later:
            self._look_at(self._later[0][0])

    # Places

    async def _work(self, lane: _Lane) -> None:
        try:
            while lane.queue and not self._stopping:
                conversation, routes = lane.queue.popleft()
                if not conversation.messages:
                    continue  # forgotten meanwhile
                lane.busy += 1
                try:
                    left = await self._attempt(conversation.messages[0], routes)
                finally:
                    lane.busy -= 1
                self._after(conversation, left)
        finally:
            lane.working -= 1

    async def _attempt(self, message: Message, routes: Sequence[Route] | Refused) -> Message | None:
        try:
            return await self._carrier.carry(message, routes)
        except Exception:
            # A mistake of ours: it must not cost the place, nor come at once again.
            log.exception("a message cannot be sent", message=message.id)
            at = self._clock.now() + self._pace.after_mistake
            return replace(message, next_at=at, attempts=message.attempts + 1)

    def _after(self, conversation: _Conversation, left: Message | None) -> None:
        if not conversation.messages:
            return  # forgotten meanwhile
        if left is not None and left.seq not in self._withdrawn:
            conversation.messages[0] = left
        else:
            self._withdrawn.discard(conversation.messages.popleft().seq)
            self._held -= 1
            if self._more and self._held <= self._pace.held // 2:
                self._refill.set()
        if conversation.messages:
            self._line_up(conversation)
        else:
            del self._conversations[conversation.key]
