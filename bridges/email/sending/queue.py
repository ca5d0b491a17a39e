"""The queue before the smarthost: every mail is in a table before it is tried, and tried until its outcome is known.

A mail is sent at least once, with the same Message-ID at every attempt. SMTP makes a second copy unavoidable in two cases:
the answer to the whole mail is lost on its way (RFC 5321 §4.5.3.2.6), or we end between that answer and the commit that
notes it. Everywhere else a mail that was not accepted as a whole does not exist for the server.

Each worker has one connection, and one mail on it. What is wrong with the smarthost itself delays all mails and is the
failure of none.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Executable

from bridges.email.composing.outgoing import Finished
from bridges.email.sending.envelope import Envelope, Unsendable
from bridges.email.sending.faults import SmarthostTrouble
from bridges.email.sending.files import Files
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.replies import Reply
from bridges.email.sending.rows import Job
from bridges.email.sending.schedule import Schedule, step
from bridges.email.sending.smarthost import Connection, Cut, Refused, Unknown
from bridges.email.sending.store import Sendings
from bridges.email.sending.turns import Turns
from bridges.email.sending.upkeep import Upkeep
from bridges.email.sending.verp import new_row
from gateway.bridge import Clock, NotStored, Values, Verbosity

log = structlog.get_logger(__name__)

Connect = Callable[[], Awaitable[Connection]]
ReturnPath = Callable[[str, float], str]

_LOOK = 0.05
_STORE_AGAIN = (0.5, 1.0, 2.0, 5.0, 10.0)


class Watcher(Protocol):
    """Who looks at what the queue notes: the teller, and what counts failures of contacts."""

    def look(self) -> None: ...

    async def failed(self, job: Job, outcome: Outcome) -> None:
        """The smarthost has refused a recipient for good."""


class Keeper(Protocol):
    """Who puts what was sent with its user's sent mails."""

    def owing(self, owner: str, mail: str) -> tuple[Executable, Values]:
        """Is committed together with the server's word that it has the mail; once for each recipient."""

    def look(self) -> None:
        """Something was."""


@dataclass(slots=True)
class QueueCounts:
    """For metrics: outcomes of attempts."""

    accepted: int = 0
    postponed: int = 0
    failed: int = 0
    unknown: int = 0


class Queue:
    """``bridges.email.composing.outgoing.Outbox``. ``run`` is its life, held by the caller.

    ``lane`` tells queues apart that share tables: empty for the operator's smarthost, else whose own server it sends
    through. ``return_path`` makes the envelope sender of a recipient's row, empty for none. ``keeper`` puts
    what was taken with what was sent, where the server does not."""

    def __init__(
        self,
        sendings: Sendings,
        directory: Path,
        connect: Connect,
        return_path: ReturnPath,
        watcher: Watcher,
        *,
        clock: Clock,
        chance: random.Random,
        connections: int = 4,
        place: str = "the mail server",
        reports_of_success: bool = True,
        lane: str = "",
        schedule: Schedule | None = None,
        keeper: Keeper | None = None,
        verbosity: Verbosity | None = None,
        bridge: str = "",
    ) -> None:
        self._verbosity = verbosity or Verbosity()
        self._bridge = bridge
        self._sendings = sendings
        self._directory = directory
        self._connect = connect
        self._return_path = return_path
        self._watcher = watcher
        self._clock = clock
        self._chance = chance
        self._connections = connections
        self._place = place
        self._success = reports_of_success
        self._keeper = keeper
        self._lane = lane
        self._schedule = schedule if schedule is not None else Schedule()
        self.counts = QueueCounts()
        self._troubles = 0
        self._why = ""
        self._turns = Turns(sendings, clock, self._schedule, lane, connections)
        self._upkeep = Upkeep(
            sendings,
            Files(directory, sendings),
            self._turns.ready,
            watcher.look,
            clock,
            self._schedule,
            lane,
        )

    # What others call

    async def submit(self, finished: Finished, *also: tuple[Executable, Values]) -> None:
        """Take a mail: committed on return, with ``also``. Raises ``NotStored``."""
        rows = [new_row(self._chance) for _ in finished.recipients]
        await self._sendings.take(finished, rows, self._lane, also)
        self._turns.add(
            [
                Job(
                    row,
                    finished.owner,
                    finished.mail_id,
                    recipient,
                    finished.path.name,
                    finished.size,
                    finished.needs_smtputf8,
                    finished.time,
                )
                for row, recipient in zip(rows, finished.recipients, strict=True)
            ]
        )

    def look(self) -> None:
        """Somebody else has put a mail into the tables."""
        self._turns.look_at(self._clock.now())

    @property
    def under_way(self) -> int:
        """Mails that are being handed over just now."""
        return self._turns.ready.under_way

    @property
    def troubles(self) -> int:
        """How many attempts in a row have not reached the smarthost."""
        return self._troubles

    @property
    def trouble(self) -> str:
        """Why the smarthost takes nothing just now, in a sentence; empty if it does, as far as is known."""
        return self._why if self._troubles else ""

    async def run(self, grace: float = 5.0) -> None:
        """Send what there is, until cancelled; then no further mail is begun, and those under way have ``grace`` seconds:
        one that is cut off after its end may come twice."""
        work = asyncio.create_task(self._all())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._drain(grace)
            raise
        finally:
            work.cancel()
            await asyncio.wait([work])
            if not work.cancelled():
                work.exception()  # it was raised above, or came of the end

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._connections):
                group.create_task(self._work())
            group.create_task(self._turns.fill())
            group.create_task(self._upkeep.run())

    async def _drain(self, within: float) -> None:
        self._turns.stop()
        until = self._clock.monotonic() + within
        while self._turns.ready.under_way and self._clock.monotonic() < until:
            await self._clock.sleep(_LOOK)

    # Workers

    async def _work(self) -> None:
        connection: Connection | None = None
        try:
            while True:
                job = await self._turns.next(self._schedule.idle if connection is not None else None)
                if job is not None:
                    connection = await self._attempt(job, connection)
                    self._turns.go()
                elif connection is not None:
                    self._turns.open -= 1
                    leaving, connection = connection, None
                    await leaving.quit()
        finally:
            if connection is not None:
                connection.drop()

    async def _attempt(self, job: Job, connection: Connection | None) -> Connection | None:
        """Try a job; gives the connection for the next one."""
        tried = True
        try:
            if connection is None:
                connection = await self._opened()
            tried = connection is not None and await self._send(job, connection)
        except Exception:
            # A mistake of ours: it must not cost the worker, nor come at once again.
            log.exception("a mail cannot be sent", mail=job.mail)
            if connection is not None:
                connection.drop()
            await self._later(replace(job, attempts=job.attempts + 1), self._schedule.after_later[-1])
        except BaseException:
            if connection is not None:
                connection.drop()
            raise
        finally:
            if tried:
                self._turns.done(job)
            else:
                self._turns.ready.back(job)
        if connection is not None and not connection.usable:
            self._turns.open -= 1
            connection = None
        return connection

    async def _opened(self) -> Connection | None:
        """None where there is none to be had."""
        self._turns.open += 1
        try:
            connection = await self._connect()
        except SmarthostTrouble as trouble:
            self._turns.open -= 1
            self._trouble(trouble, self._turns.open)
            return None
        if self._troubles:
            log.info("the smarthost takes mail again", smarthost=self._place)
            self._turns.unblock()
        self._troubles = 0
        return connection

    def _trouble(self, trouble: SmarthostTrouble, others: int) -> None:
        if others > 0:
            # It takes mail, but not on so many connections.
            log.info("the smarthost wants fewer connections", connections=others, reason=str(trouble))
            self._turns.narrow(others)
            return
        self._troubles += 1
        self._why = str(trouble)
        delay = step(self._schedule.after_trouble, self._troubles)
        # The first, and then now and then: the text says what to do.
        tell = log.warning if self._troubles in (1, 10) or self._troubles % 100 == 0 else log.info
        tell("the smarthost takes no mail", fault=trouble.fault.name, reason=str(trouble), seconds=delay)
        self._turns.block(delay)

    async def _send(self, job: Job, connection: Connection) -> bool:
        """One attempt, and what it means; False where it counts as none."""
        now = self._clock.now()
        if job.time <= now - self._schedule.give_up:
            return True  # the sweep says so
        stale = connection.sent > 0
        envelope = Envelope(
            self._return_path(job.row, now),
            job.recipient,
            job.size,
            job.mail,
            job.smtputf8,
            self._success,
        )
        delays = self._schedule
        try:
            reply = await connection.send(envelope, self._directory / job.file)
        except Refused as refused:
            if refused.reply.temporary:
                count = job.attempts + 1
                await self._later(
                    replace(job, attempts=count), step(delays.after_later, count), _outcome(refused.reply)
                )
            else:
                await self._reached(job, _outcome(refused.reply, Kind.FAILED))
        except Unsendable as error:
            await self._reached(job, Outcome(Kind.FAILED, "", error.code, error.status, error.text))
        except Cut as cut:
            if stale:
                return False  # the connection was old; a new one will tell whether it is this mail
            count = job.cuts + 1
            log.info("the smarthost broke off", mail=job.mail, reason=str(cut), times=count)
            await self._later(replace(job, cuts=count), step(delays.after_cut, count))
        except Unknown as unknown:
            await self._unknown(replace(job, unknowns=job.unknowns + 1), unknown)
        except SmarthostTrouble as trouble:
            self._trouble(trouble, others=0)
            return False
        except FileNotFoundError:
            log.error("a mail is gone from its directory", mail=job.mail)
            await self._reached(job, Outcome(Kind.FAILED, "", text="This gateway has lost the mail."))
        else:
            await self._reached(job, _outcome(reply, Kind.ACCEPTED))
        return True

    async def _unknown(self, job: Job, unknown: Unknown) -> None:
        self.counts.unknown += 1
        delays = self._schedule.after_unknown
        log.warning(
            "nobody knows whether a mail was taken", mail=job.mail, reason=str(unknown), times=job.unknowns
        )
        if job.unknowns <= len(delays):
            await self._later(job, step(delays, job.unknowns))
            return
        text = (
            f"The mail server broke off {job.unknowns} times after it had the whole mail. "
            "It may have arrived, even more than once; ask before you send it again."
        )
        await self._reached(job, Outcome(Kind.FAILED, "", 0, "4.4.2", text))

    # What is noted

    async def _reached(self, job: Job, outcome: Outcome) -> None:
        self.counts.accepted += outcome.kind is Kind.ACCEPTED
        self.counts.failed += outcome.kind is Kind.FAILED
        accepted = outcome.kind is Kind.ACCEPTED
        self._tell("written to the network" if accepted else "refused by the network", job, outcome)
        kept = self._keeper if accepted else None

        async def note() -> None:
            also = (kept.owing(job.owner, job.mail),) if kept is not None else ()
            await self._sendings.reach(job.row, outcome, *also)
            if outcome.kind is Kind.FAILED:
                await self._watcher.failed(job, outcome)

        await self._noted(note)
        self._watcher.look()
        if kept is not None:
            kept.look()

    async def _later(self, job: Job, delay: float, outcome: Outcome | None = None) -> None:
        self.counts.postponed += 1
        self._tell("put off by the network", job, outcome)
        at = self._clock.now() + delay
        await self._noted(lambda: self._sendings.postpone(job, at, outcome))
        self._turns.look_at(at)

    def _tell(self, step: str, job: Job, outcome: Outcome | None) -> None:
        """For the log."""
        if self._verbosity.debug:
            code, status = (outcome.code, outcome.status) if outcome is not None else (0, "")
            self._verbosity.tell(
                f"message {step}", job.mail, self._bridge, mail=job.mail, code=code, status=status
            )

    async def _noted(self, note: Callable[[], Awaitable[None]]) -> None:
        """What has happened is written down, however long the database is away: the row would be tried again otherwise."""
        attempt = 0
        while True:
            try:
                await note()
            except NotStored as error:
                attempt += 1
                delay = step(_STORE_AGAIN, attempt)
                log.warning("what became of a mail cannot be noted", error=str(error), seconds=delay)
                await self._clock.sleep(delay)
            else:
                return


def _outcome(reply: Reply, kind: Kind = Kind.WAITING) -> Outcome:
    return Outcome(kind, "", reply.code, reply.status, reply.text)
