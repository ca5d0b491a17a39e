"""Who is next: mails that can be tried now, by turns of their users: nobody's hundred mails hold up another's one."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from bridges.email.sending.rows import Job


class Ready:
    """In memory, and bounded by whoever fills it; the tables have the rest. ``each``: how many of one user may be on their
    way at a time."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._queues: OrderedDict[str, deque[Job]] = OrderedDict()
        self._held: set[str] = set()
        self._under_way: dict[str, int] = {}
        self.waiting = 0

    def __contains__(self, row: str) -> bool:
        """Whether it waits here, or is on its way."""
        return row in self._held

    @property
    def under_way(self) -> int:
        return len(self._held) - self.waiting

    def add(self, job: Job) -> bool:
        """False where it is here already."""
        if job.row in self._held:
            return False
        self._held.add(job.row)
        self._queues.setdefault(job.owner, deque()).append(job)
        self.waiting += 1
        return True

    def take(self) -> Job | None:
        """The next one, which is on its way until ``done``."""
        for owner in self._turns():
            if self._under_way.get(owner, 0) < self._each:
                queue = self._queues[owner]
                job = queue.popleft()
                self.waiting -= 1
                self._under_way[owner] = self._under_way.get(owner, 0) + 1
                if queue:
                    self._queues.move_to_end(owner)
                else:
                    del self._queues[owner]
                return job
        return None

    def done(self, job: Job) -> None:
        """It is not on its way any more; the tables know when it is due again."""
        self._held.discard(job.row)
        self._ended(job.owner)

    def back(self, job: Job) -> None:
        """It was not tried; it is the next of its user."""
        self._ended(job.owner)
        self._queues.setdefault(job.owner, deque()).appendleft(job)
        self.waiting += 1

    def discard(self, row: str) -> bool:
        """Take one out that waits; False where it is on its way."""
        if row not in self._held:
            return True
        for owner, queue in self._queues.items():
            for job in queue:
                if job.row == row:
                    queue.remove(job)
                    self._held.discard(row)
                    self.waiting -= 1
                    if not queue:
                        del self._queues[owner]
                    return True
        return False

    def _ended(self, owner: str) -> None:
        left = self._under_way.get(owner, 1) - 1
        if left > 0:
            self._under_way[owner] = left
        else:
            self._under_way.pop(owner, None)

    def _turns(self) -> Iterator[str]:
        yield from list(self._queues)
