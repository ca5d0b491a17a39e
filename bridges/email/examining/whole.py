"""``causeway doctor`` for mail: puts together what is examined."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from ipaddress import ip_address

from bridges.email.addresses import ascii_domain
from bridges.email.config import EmailSettings
from bridges.email.examining import domains, house, way_in, way_out
from bridges.email.examining.domains import Sending
from bridges.email.examining.names import Dns, Names, NoAnswer
from bridges.email.office import Office
from bridges.email.sending.smarthost import Smarthost
from bridges.email.sending.trial import Trial
from gateway.bridge import Clock, Finding
from gateway.bridge.examining import Examination, side_by_side

_ANSWER_SECONDS = 10.0  # of the smarthost, which may be busy; it has several steps
_SECONDS = 25.0
_DOMAINS = 20  # that are looked up at most

Outgoing = Callable[[], Sequence[str]]


async def examine(
    settings: EmailSettings,
    office: Office,
    clock: Clock,
    smarthost: Callable[[], Smarthost],
    *,
    names: Names | None = None,
    outgoing: Outgoing = domains.outgoing,
) -> AsyncIterator[Finding]:
    """``names`` and ``outgoing``, the addresses of this machine, are others' in tests."""
    looked_up = names or Dns()
    way = asyncio.create_task(way_out.smarthost(settings, smarthost, _ANSWER_SECONDS, clock.now()))
    whole = _Whole(settings, office, clock, looked_up, outgoing, way)
    try:
        async with aclosing(side_by_side(list(whole.examinations()))) as found:
            async for finding in found:
                yield finding
    finally:
        way.cancel()
        await asyncio.gather(way, return_exceptions=True)
        await looked_up.close()


class _Whole:
    def __init__(
        self,
        settings: EmailSettings,
        office: Office,
        clock: Clock,
        names: Names,
        outgoing: Outgoing,
        way: asyncio.Task[tuple[Sequence[Finding], Trial | None]],
    ) -> None:
        self._settings = settings
        self._office = office
        self._clock = clock
        self._names = names
        self._outgoing = outgoing
        self._way = way

    def examinations(self) -> Iterator[Examination]:
        settings = self._settings
        ours = [ascii_domain(each) for each in settings.domains]
        name = settings.return_domain
        yield Examination("configuration of mail", partial(house.configured, settings))
        yield Examination("lmtp", partial(way_in.door_of, settings.lmtp, name, ours), _SECONDS)
        yield Examination("smarthost", self._smarthost, _SECONDS)
        for each in dict.fromkeys([*ours[:_DOMAINS], name]):
            yield Examination(f"dns of {each}", partial(self._domain, each), _SECONDS)
        yield Examination("name of the mail server", self._pointer, _SECONDS)
        yield Examination("reading of mail", partial(house.reading, self._office), _SECONDS)
        yield Examination("mail queue", partial(house.waiting, self._office, settings, self._clock.now()))

    async def _smarthost(self) -> Sequence[Finding]:
        return (await asyncio.shield(self._way))[0]

    async def _domain(self, name: str) -> Sequence[Finding]:
        return await domains.domain(self._names, name, await self._sending())

    async def _pointer(self) -> Sequence[Finding]:
        return await domains.pointer(self._names, await self._sending())

    async def _sending(self) -> Sending:
        """From where our mail goes into the world, as far as one can see: from the smarthost."""
        own, (_, tried) = self._settings.smarthost, await asyncio.shield(self._way)
        if own.local:
            returns = self._settings.return_domain
            called = next(
                (each for each in (tried.name if tried else "", socket.gethostname()) if "." in each), ""
            )
            return Sending(returns, self._outgoing(), called or f"mail.{returns}")
        try:
            addresses: Sequence[str] = [str(ip_address(own.host))]
        except ValueError:
            try:
                addresses = await self._names.addresses(own.host)
            except NoAnswer:
                addresses = ()
        return Sending(self._settings.return_domain, addresses, own.host, ours=False)
