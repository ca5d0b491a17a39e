"""Getting in: where to connect and with which certificate, and the login, no step of which may take for ever.

Knows the clock and what outlives a connection (STS policies, certificates). What is said at the door is ``login``'s, what
happens inside ``life``'s.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from bridges.irc import sts
from bridges.irc.alarm import NEVER
from bridges.irc.backlog import Seen
from bridges.irc.certificates import Certificates
from bridges.irc.common import Connection
from bridges.irc.crowd import Crowd
from bridges.irc.dial import Endpoint, TlsSettings
from bridges.irc.dialling import dial
from bridges.irc.errands import Errands
from bridges.irc.login import Login
from bridges.irc.profile import Profile
from bridges.irc.protocol.line import Line
from bridges.irc.protocol.mechanisms import Derivation
from gateway.bridge import Clock, Services, SessionEnded
from gateway.model import Condition, Refused


@dataclass(frozen=True, slots=True)
class Security:
    """What all sessions of a bridge remember of networks and users."""

    policies: sts.Policies
    certificates: Certificates
    crowd: Crowd
    seen: Seen

    @classmethod
    def of(cls, services: Services) -> "Security":
        return cls(
            sts.Policies(services.memory, services.clock),
            Certificates(services.memory, services.clock),
            Crowd(services.clock),
            Seen(services.memory, services.clock),
        )


class Hall(Protocol):
    """What the login needs of the session around it."""

    def urgent(self, line: str) -> None:
        """Send a line past the queue."""

    def need(self, at: float) -> None:
        """Have ``Entry.expire`` called at ``at`` (monotonic seconds) or before."""

    def progress(self, text: str) -> None:
        """Tell the user of a step."""

    def failed(self, why: SessionEnded) -> None:
        """End the session: the login failed while nobody was calling."""


class Entry:
    """One session's way in; of several connections if the server sends us to an encrypted one."""

    __slots__ = (
        "_clock",
        "_endpoint",
        "_errands",
        "_hall",
        "_login_by",
        "_policy",
        "_profile",
        "_random",
        "_security",
        "_step_by",
        "_work",
        "login",
        "upgrade",
    )

    def __init__(
        self, profile: Profile, security: Security, clock: Clock, rng: random.Random, hall: Hall
    ) -> None:
        self._profile = profile
        self._security = security
        self._clock = clock
        self._random = rng
        self._hall = hall
        self._endpoint: Endpoint | None = None  # that we are connected to
        self._policy: tuple[int, int] | None = None  # port and duration that the server told
        self._step_by = self._login_by = NEVER
        self._errands = Errands("login")
        self._work: Derivation | None = None
        self.upgrade: Endpoint | None = None  # where the server sends us before it talks to us
        self.login = Login(profile, rng)

    @property
    def port(self) -> int:
        """That we are connected to; 0 while we are not."""
        return self._endpoint.port if self._endpoint is not None else 0

    def place(self) -> AbstractContextManager[None]:
        """While inside, we are one of those that the server sees from here. Raises ``SessionEnded`` if there are enough."""
        profile = self._profile
        host = profile.endpoints[0].host if profile.endpoints else profile.network
        return self._security.crowd.place(host, profile.network, profile.settings.max_connections)

    # -- connecting --------------------------------------------------------------------------------------------

    async def open(self, attempt: Callable[[Endpoint], Awaitable[Connection]]) -> Connection:
        """The first connection that opens. Raises ``SessionEnded``."""
        certificate = await self._security.certificates.find(self._profile.user, self._profile.network)
        endpoints = [
            each
            if certificate is None or each.tls is None
            else replace(each, tls=replace(each.tls, certificate=certificate.pem))
            for each in await self._endpoints()
        ]

        async def attempted(endpoint: Endpoint) -> Connection:
            connection = await attempt(endpoint)
            self._endpoint = endpoint
            return connection

        connection = await dial(self._profile, attempted, self._hall.progress, endpoints=endpoints)
        encrypted = self._endpoint is not None and self._endpoint.tls is not None
        self.login = Login(
            self._profile,
            self._random,
            encrypted=encrypted,
            certificate=encrypted and certificate is not None,
            official=self._endpoint is not None and self._endpoint.official,
        )
        return connection

    async def _endpoints(self) -> tuple[Endpoint, ...]:
        upgrade, self.upgrade = self.upgrade, None
        if upgrade is not None:
            return (upgrade,)
        endpoints = self._profile.endpoints
        if not endpoints:
            return endpoints
        policy = await self._security.policies.find(endpoints[0].host)
        return sts.enforced(policy, endpoints, self._usual_tls())

    def _usual_tls(self) -> TlsSettings:
        settings = self._profile.settings
        secure = next((each.tls for each in self._profile.endpoints if each.tls is not None), None)
        return secure or TlsSettings(ca_file=settings.ca_file, fingerprint=settings.fingerprint)

    # -- logging in --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The connection is there."""
        now = self._clock.monotonic()
        self._login_by = now + self._profile.settings.login_timeout
        self._step_by = now + self._profile.settings.login_step_timeout
        for line in self.login.start():
            self._hall.urgent(line)
        self._hall.need(min(self._login_by, self._step_by))

    def feed(self, line: Line) -> None:
        """A line of the server: until the welcome every one, after it those of CAP and SASL. Raises ``SessionEnded``."""
        answers = self.login.feed(line)
        self._transport_policy()
        if self.upgrade is not None:
            return
        self._answer(answers)
        if self.login.welcome:
            self._login_by = NEVER
        if not self.login.waiting:
            self._step_by = NEVER
        elif line.command in ("CAP", "AUTHENTICATE") or line.command.startswith("90"):
            self._step_by = self._clock.monotonic() + self._profile.settings.login_step_timeout
            self._hall.need(self._step_by)

    def expire(self, now: float) -> float:
        """Go on without what was not answered; when to look again. Raises ``SessionEnded``."""
        if now >= self._login_by:
            words = f"{self._profile.network} did not let us in within {self._profile.settings.login_timeout:.0f} seconds."
            raise SessionEnded(Refused(Condition.REMOTE_SERVER_TIMEOUT, words))
        if now >= self._step_by:
            self._step_by = NEVER
            self._answer(self.login.overdue())
            if self.login.waiting:
                self._step_by = now + self._profile.settings.login_step_timeout
        return min(self._login_by, self._step_by)

    def close(self) -> None:
        """The connection is over."""
        self._errands.cancel()
        self._step_by = self._login_by = NEVER
        if self._policy is not None and self._endpoint is not None:
            self._security.policies.said(self._endpoint.host, *self._policy)
            self._policy = None

    def _answer(self, lines: list[str]) -> None:
        for line in lines:
            self._hall.urgent(line)
        work = self.login.work
        if work is not None and work is not self._work:
            self._work = work
            self._errands.run(self._derive(work))

    async def _derive(self, work: Derivation) -> None:
        key = await asyncio.to_thread(work)
        try:
            self._answer(self.login.worked(work, key))
        except SessionEnded as ended:
            self._hall.failed(ended)

    def _transport_policy(self) -> None:
        """What the server says of encryption (IRCv3 sts), each part where it counts."""
        value = self.login.transport_policy
        endpoint = self._endpoint
        if not value or endpoint is None:
            return
        if endpoint.tls is None:
            port = sts.upgrade(value)
            if port is not None:
                tls = replace(self._usual_tls(), verify=True)
                self.upgrade = replace(endpoint, port=port, tls=tls)
                self._hall.progress(f"The server wants encryption: connecting to port {port}.")
        elif endpoint.tls.verify and not endpoint.tls.fingerprint:
            # Only where the authorities vouch for the server: a policy counts for all users.
            seconds = sts.duration(value)
            if seconds is not None and self._policy != (endpoint.port, seconds):
                self._policy = (endpoint.port, seconds)
                self._security.policies.said(endpoint.host, endpoint.port, seconds)
