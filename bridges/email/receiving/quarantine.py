"""Mail that is held: what users can see of it, and what becomes of it by their word. Raises ``NotStored``."""

from collections.abc import Callable, Sequence

from bridges.email.addresses import Mailbox
from bridges.email.receiving.arrivals import Arrival, Arrivals, State
from bridges.email.receiving.intake import Waiting
from bridges.email.receiving.screening import Choice, Reason, Screening

_MOST = 100  # of one listing; the oldest first


class Quarantine:
    """``wake`` is told whose mail can be shown now."""

    def __init__(
        self, arrivals: Arrivals, screening: Screening, waiting: Waiting, wake: Callable[[str], None]
    ) -> None:
        self._arrivals = arrivals
        self._screening = screening
        self._waiting = waiting
        self._wake = wake

    async def held(self, owner: str) -> Sequence[Arrival]:
        """``reason``, ``author``, ``subject`` and ``received`` say what it is."""
        return await self._arrivals.held(owner, _MOST)

    async def release(self, owner: str, ids: Sequence[str]) -> int:
        """Show them, whatever the rules say. Returns how many that are."""
        count = await self._arrivals.release(owner, ids)
        if count:
            self._wake(owner)
        return count

    async def drop(self, owner: str, ids: Sequence[str]) -> int:
        """Their senders are told nothing."""
        held = [each for each in await self._arrivals.held(owner) if each.id in set(ids)]
        return await self._drop(owner, held)

    async def decide(self, owner: str, mailbox: Mailbox, choice: Choice) -> int:
        """What a user decides about somebody, and about all that is held of them. Returns how many mails it concerned."""
        await self._screening.decide(owner, mailbox, choice)
        held = await self._arrivals.held(owner, author=mailbox.folded)
        if choice in (Choice.ALLOW, Choice.ONCE):
            return await self.release(owner, [each.id for each in held])
        return await self._drop(owner, held)

    async def expire(self, before: float) -> int:
        """Drop what came before that time, and still is held."""
        count = 0
        while held := await self._arrivals.expired(before):
            for owner in dict.fromkeys(each.owner for each in held):
                count += await self._drop(
                    owner, [each for each in held if each.owner == owner], Reason.EXPIRED
                )
        return count

    async def _drop(self, owner: str, held: Sequence[Arrival], reason: Reason = Reason.REFUSED) -> int:
        held = [each for each in held if each.state is State.HELD]
        count = await self._arrivals.drop(owner, [each.id for each in held], reason)
        self._waiting.add(owner, -count, -sum(each.size for each in held))
        return count
