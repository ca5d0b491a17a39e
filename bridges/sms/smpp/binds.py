"""The connections of one route, each made again for ever: at once when one has stood, later and later while they
fail, and rarely while the message centre refuses our login for good.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bridges.sms.smpp.bodies import Bind
from bridges.sms.smpp.dialling import Connector, Endpoint
from bridges.sms.smpp.link import Failed, Link, Listener
from bridges.sms.smpp.session import Mode, Timing
from bridges.sms.smpp.turns import Turns
from gateway.bridge import Clock

log = structlog.get_logger(__name__)

# §5.1.3: refusals of a login that will be the same until somebody changes something.
_RINVPASWD, _RINVSYSID, _RINVSYSTYP, _RBINDFAIL, _RALYBND = 0x0E, 0x0F, 0x53, 0x0D, 0x05
_LASTING: Final = frozenset({_RINVPASWD, _RINVSYSID, _RINVSYSTYP})
_SLOW: Final = frozenset({_RBINDFAIL, _RALYBND})

_PATIENCE: Final = 10  # attempts that fail for whatever reason before the operator is told: some minutes

#: What can be done about it, by the status of a refusal.
_REMEDIES: Final = {
    _RINVPASWD: "the password is wrong (ESME_RINVPASWD): correct `password`",
    _RINVSYSID: "it knows no such system_id (ESME_RINVSYSID): correct `system_id`",
    _RINVSYSTYP: "it does not want this system_type (ESME_RINVSYSTYP): correct `system_type`",
    _RBINDFAIL: "it refuses the login (ESME_RBINDFAIL): check `system_id` and `password`, whether it knows this machine's "
    "address, and how many `binds` it allows",
    _RALYBND: "it says that we are bound already (ESME_RALYBND): lower `binds`, or end the other program of this account",
}


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between attempts, each drawn between half and the whole: ``first`` doubles up to ``longest``,
    ``lasting`` after what only people can change, ``slow`` at least after what may be so. A connection that stood
    ``stable`` seconds starts anew."""

    first: float = 1.0
    longest: float = 60.0
    slow: float = 30.0
    lasting: float = 300.0
    stable: float = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """Where to and as whom; made anew for each attempt, for files change."""

    endpoint: Endpoint
    bind: Bind


class Binds:
    """``modes``: one for each connection. ``login`` raises ``Failed``. ``trouble`` tells the operator."""

    def __init__(
        self,
        name: str,
        modes: Sequence[Mode],
        login: Callable[[], Awaitable[Login]],
        *,
        timing: Timing,
        window: int,
        listener: Listener,
        turns: Turns,
        trouble: Callable[[str], None],
        clock: Clock,
        rng: random.Random,
        connector: Connector,
        pauses: Pauses,
    ) -> None:
        self._name = name
        self._modes = tuple(modes)
        self._login = login
        self._timing = timing
        self._window = window
        self._listener = listener
        self._turns = turns
        self._trouble = trouble
        self._clock = clock
        self._random = rng
        self._connector = connector
        self._pauses = pauses
        self.links: list[Link] = []
        self.since: float | None = None  # Unix seconds: since when there is the present state
        self.attempts = 0

    async def run(self) -> None:
        """Until cancelled; then it says goodbye."""
        try:
            async with asyncio.TaskGroup() as group:
                for number, mode in enumerate(self._modes, 1):
                    group.create_task(self._hold(f"{self._name}/{number}", mode))
        finally:
            self._turns.close()

    async def open(self, name: str, mode: Mode) -> Link:
        """One connection. Raises ``Failed``."""
        login = await self._login()
        try:
            return await Link.open(
                login.endpoint,
                login.bind,
                mode,
                name=name,
                timing=self._timing,
                window=self._window,
                listener=self._listener,
                clock=self._clock,
                connector=self._connector,
            )
        except Failed as failed:
            raise _explained(failed, login.endpoint) from failed

    async def _hold(self, name: str, mode: Mode) -> None:
        failures = 0
        while True:
            self.attempts += 1
            try:
                link = await self.open(name, mode)
            except Failed as failed:
                failures += 1
                delay = self._delay(failures, failed)
                worth_telling = failed.lasting or failed.status in _SLOW or failures >= _PATIENCE
                log.warning("no SMPP session", link=name, why=str(failed), again=round(delay, 1))
                self._turns.failed(str(failed), hopeless=failed.lasting)
                if worth_telling:
                    self._trouble(f"{failed}.")
                await self._clock.sleep(delay)
                continue
            stood = await self._stand(link)
            failures = 0 if stood >= self._pauses.stable else failures + 1
            await self._clock.sleep(self._delay(failures, None))

    async def _stand(self, link: Link) -> float:
        """Seconds for which it stood."""
        begun = self._clock.monotonic()
        self.links.append(link)
        self.since = self._clock.now()
        if link.mode is not Mode.RECEIVER:
            self._turns.joined(link)
        why = "it is being switched off"
        try:
            why = await asyncio.shield(link.closed)
        except asyncio.CancelledError:
            await link.close()
            raise
        finally:
            self.links.remove(link)
            self.since = self._clock.now()
            self._turns.left(link, why or "the session has ended")
        stood = self._clock.monotonic() - begun
        log.warning("SMPP session lost", link=link.name, why=why, stood=round(stood))
        return stood

    def _delay(self, failures: int, failed: Failed | None) -> float:
        pauses = self._pauses
        # The exponent is bounded: a message centre may be gone for months.
        delay = min(pauses.longest, pauses.first * 2.0 ** min(max(0, failures - 1), 30)) if failures else 0.0
        if failed is not None and failed.lasting:
            delay = pauses.lasting
        elif failed is not None and failed.status in _SLOW:
            delay = max(delay, pauses.slow)
        return delay * (0.5 + self._random.random() / 2)


def _explained(failed: Failed, endpoint: Endpoint) -> Failed:
    """The same, in words with the remedy."""
    if failed.status is not None:
        words = _REMEDIES.get(failed.status, f"it refuses the login with status 0x{failed.status:08x}")
        return Failed(f"{endpoint.place}: {words}", status=failed.status, lasting=failed.status in _LASTING)
    text = str(failed)
    if not text.startswith(endpoint.place):
        # There was a connection, and then no answer: as from a port that speaks something else.
        other = "does it speak TLS? Then set `tls = true`" if endpoint.context is None else "is it for SMPP?"
        text = f"{endpoint.place}: {text} ({other})"
    return Failed(text, lasting=failed.lasting)
