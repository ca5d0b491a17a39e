"""From what is configured to routes: the one place that knows of every kind."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from bridges.sms.config import RouteSettings
from bridges.sms.gammu.route import Modem
from bridges.sms.gammu.settings import GammuRoute
from bridges.sms.http import building as http
from bridges.sms.http.jwt import BadKey
from bridges.sms.http.route import HttpWay
from bridges.sms.http.webhooks import Webhooks
from bridges.sms.smpp.route import Centre
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.traffic import Away, Intake, Route, Seen, Submission, Turn, Ways
from gateway.bridge import Finding, Services, Verdict, WebRequest


def built(name: str, settings: RouteSettings, services: Services, webhooks: Webhooks) -> Route:
    """A route that lacks something says so, and harms no other."""
    if isinstance(settings, SmppRoute):
        return Centre(name, settings, services.clock, services.random)
    if isinstance(settings, GammuRoute):
        return Modem(name, settings, services.clock)
    try:
        return http.built(name, settings, services, webhooks)
    except OSError as error:
        return Unusable(
            name, f"{error.filename} cannot be read: {error.strerror}. Correct it, and start again."
        )
    except BadKey as error:
        return Unusable(name, f"Its key is none: {error}. Correct it, and start again.")


def replayed(route: Route, request: WebRequest) -> Sequence[str]:
    """What a callback that was written down would have come to."""
    if not isinstance(route, HttpWay):
        return [f"The route {route.name} has no callbacks."]
    return route.replayed(request)


class Unusable:
    """``traffic.Route`` that never sends anything."""

    def __init__(self, name: str, why: str) -> None:
        self._name = name
        self._why = why

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> Ways:
        return Ways()

    def pieces(self, submission: Submission) -> int:
        return 1

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        raise Away(self._why)

    async def run(self, intake: Intake) -> None:
        intake.trouble(self._name, self._why)
        await asyncio.get_running_loop().create_future()

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        return None

    def seen(self) -> Seen:
        return Seen(False, self._why)

    async def trial(self) -> Sequence[str]:
        return [self._why]

    async def examined(self) -> Sequence[Finding]:
        return [Finding(Verdict.FAIL, self._why, f"route {self._name}")]
