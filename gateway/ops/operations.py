"""The desk of a running gateway (see ``gateway.ops.desk``): what it shows and does, put together of those who know and can.

Decides nothing but what is asked too much; numbers, traces and findings are made by others.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, get_args

import structlog

from gateway import logs
from gateway.bridge import Finding
from gateway.doors.decisions import Undecidable
from gateway.doors.limits import LIMITS
from gateway.fleet import Fleet
from gateway.ops.desk import DeskError, LimitView, Login, Reloaded, RuleView
from gateway.ops.health import Health
from gateway.ops.service_manager import ServiceManager
from gateway.ops.status import FailureGroup, GatewayView, Point, Span, TraceView
from gateway.reloading import Reloading
from gateway.storage.errors import StorageError

_CONFIGURATION = "configuration"

_log = structlog.get_logger(__name__)


class Numbers(Protocol):
    """Who counts, and knows where messages are. See ``Desk`` for all of these."""

    def status(self, sessions: int = 0) -> GatewayView: ...

    def metrics(self) -> bytes: ...

    def history(self, bridge: str, span: Span) -> Sequence[Point]: ...

    def failures(self) -> Sequence[FailureGroup]: ...

    async def trace(self, id_: str) -> Sequence[TraceView]: ...


class Doctor(Protocol):
    """Who tries everything. See ``Desk.doctor``."""

    def __call__(self, bridge: str, login: Login | None = None) -> AsyncIterator[Finding]: ...


class Operations:
    """See the module's text."""

    def __init__(
        self,
        fleet: Fleet,
        health: Health,
        reloading: Reloading,
        manager: ServiceManager,
        numbers: Numbers | None = None,
        doctor: Doctor | None = None,
    ) -> None:
        self.health = health
        self.log_level: str = fleet.settings.log.level
        self._fleet = fleet
        self._reloading = reloading
        self._manager = manager
        self._numbers = numbers
        self._doctor = doctor

    # -- what can be seen --------------------------------------------------------------------------------------

    def status(self, sessions: int = 0) -> GatewayView:
        return self._counting.status(sessions)

    def metrics(self) -> bytes:
        return self._counting.metrics()

    def history(self, bridge: str, span: Span) -> Sequence[Point]:
        self._fleet.member(bridge)
        return self._counting.history(bridge, span)

    def failures(self) -> Sequence[FailureGroup]:
        return self._counting.failures()

    async def trace(self, id_: str) -> Sequence[TraceView]:
        try:
            return await self._counting.trace(id_)
        except StorageError as error:
            raise DeskError(str(error)) from error

    @property
    def _counting(self) -> Numbers:
        if self._numbers is None:
            raise DeskError("Nothing is counted here.")
        return self._numbers

    async def doctor(self, bridge: str = "", login: Login | None = None) -> AsyncIterator[Finding]:
        if bridge:
            self._fleet.member(bridge)
        if self._doctor is None:
            raise DeskError("There is nobody here who could try it.")
        async for finding in self._doctor(bridge, login):
            yield finding

    # -- limits and rules --------------------------------------------------------------------------------------

    def limits(self, bridge: str) -> Sequence[LimitView]:
        held = self._fleet.of(bridge).doors.limits
        return [
            LimitView(each.name, each.label, held.value(each), held.configured(each), each.least, each.most)
            for each in LIMITS
        ]

    async def change_limits(self, bridge: str, values: Mapping[str, int | None], author: str) -> None:
        held = self._fleet.of(bridge).doors.limits
        known = {each.name: each for each in LIMITS}
        for name, value in values.items():
            limit = known.get(name)
            if limit is None:
                raise DeskError(f"There is no limit {name!r}; there is {', '.join(known)}.")
            if value is not None and not limit.least <= value <= limit.most:
                raise DeskError(f"{name} is a whole number from {limit.least} to {limit.most}, not {value}.")
        wanted = {
            name: None if value == held.configured(known[name]) else value for name, value in values.items()
        }
        try:
            await held.change(wanted)
        except StorageError as error:
            raise DeskError(f"The limits stay as they were: {error}") from error
        _log.info("limits changed", bridge=bridge, author=author, **values)

    def rules(self) -> Sequence[RuleView]:
        return sorted(self._rules(), key=lambda each: (each.bridge, each.subject))

    def _rules(self) -> Iterator[RuleView]:
        for name, component in self._fleet.items():
            for rule in component.access.rules:
                yield RuleView(name, rule.subject, rule.allow, rule.reason, rule.author, rule.created)

    async def decide(self, bridge: str, subject: str, allow: bool, reason: str, author: str) -> None:
        decisions = self._fleet.of(bridge).doors.decisions
        try:
            known = await decisions.decide(subject, allow=allow, reason=reason, author=author)
        except (Undecidable, StorageError) as error:
            raise DeskError(str(error)) from error
        decisions.end_barred(known)
        _log.info("access decided", bridge=bridge, subject=known, allow=allow, author=author)

    async def lift(self, bridge: str, subject: str, author: str) -> None:
        try:
            lifted = await self._fleet.of(bridge).access.lift(subject.strip().lower())
        except StorageError as error:
            raise DeskError(f"The rule stays: {error}") from error
        if not lifted:
            raise DeskError(f"There is no rule about {subject} on {bridge}.")
        _log.info("access rule lifted", bridge=bridge, subject=subject, author=author)

    # -- the whole ---------------------------------------------------------------------------------------------

    def set_log_level(self, level: str, author: str) -> None:
        chosen = next((each for each in get_args(logs.Level) if each == level), None)
        if chosen is None:
            raise DeskError(f"There is no log level {level!r}; there is {', '.join(get_args(logs.Level))}.")
        self._fleet.set_log_level(chosen)
        self.log_level = chosen
        _log.warning("log level changed", to=chosen, author=author)

    async def restart(self, bridge: str, author: str) -> None:
        _log.info("a bridge is restarted", bridge=bridge, author=author)
        await self._fleet.restart(bridge)
        _log.info("a bridge was restarted", bridge=bridge)

    async def reload(self, author: str) -> Reloaded:
        level, configured = self.log_level, self._fleet.settings.log.level
        self._manager.reloading()
        try:
            done = await self._reloading.again()
        finally:
            self._manager.ready()
        if done.problem:
            _log.error("configuration not reloaded", reason=done.problem, author=author)
            text = f"The configuration cannot be read again, and the one of before holds: {done.problem}"
            self.health.report(_CONFIGURATION, text, hard=False)
        else:
            if done.failed:
                self.health.report(_CONFIGURATION, " ".join(done.failed), hard=False)
            else:
                self.health.clear(_CONFIGURATION)
            self.log_level = self._fleet.settings.log.level
            if level != self.log_level == configured:
                told = f"The log level is {configured} again, as configured; it was {level}."
                done = replace(done, changed=(*done.changed, told))
            _log.info(
                "configuration reloaded",
                changed=done.changed,
                needs_restart=done.restart,
                failed=done.failed,
                author=author,
            )
        return done
