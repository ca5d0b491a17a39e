"""What stands between a finished mail and the queue: how much one user may send, and to whom.

Bounds abuse, and what a stolen account can do. Whoever is written to is known, and wanted, from the commit of the mail on.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Executable

from bridges.email.addresses import Mailbox
from bridges.email.composing.outgoing import Finished, NotTaken, Outbox
from bridges.email.config import LimitSettings
from bridges.email.identity import Identities
from bridges.email.people import People
from bridges.email.receiving.contacts import Contacts, EmailContact
from bridges.email.receiving.rates import Rates
from bridges.email.sending.store import Sendings
from bridges.email.suspensions import Suspensions
from gateway.bridge import Clock, Values
from gateway.model import Condition, ErrorType, Refused

_log = structlog.get_logger(__name__)

_DAY = 86_400.0
_JUDGED = 50  # the last recipients of a user that are looked at
_ENOUGH = 10  # fewer tell nothing
_NEWCOMER = 3  # part of the limits


class Departures:
    """``composing.outgoing.Outbox`` before another one."""

    def __init__(
        self,
        queue: Outbox,
        limits: LimitSettings,
        *,
        sendings: Sendings,
        contacts: Contacts,
        identities: Identities,
        people: People,
        suspensions: Suspensions,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._sendings = sendings
        self._contacts = contacts
        self._identities = identities
        self._people = people
        self._suspensions = suspensions
        self._clock = clock
        # What is a third is paid for with three: so newcomers and others have the same buckets.
        self._mails = Rates(limits.mails_per_hour * _NEWCOMER, clock)
        self._strangers = Rates(limits.new_people_per_day * _NEWCOMER, clock, _DAY)

    def reconfigure(self, limits: LimitSettings) -> None:
        """These hold from now on."""
        self._limits = limits
        self._mails.allow(limits.mails_per_hour * _NEWCOMER)
        self._strangers.allow(limits.new_people_per_day * _NEWCOMER)

    async def submit(self, finished: Finished, *also: tuple[Executable, Values]) -> None:
        owner = finished.owner
        await self._judge(owner)
        known = [await self._contacts.find(owner, each.folded) for each in finished.recipients]
        strangers = sum(1 for each in known if not each.written)
        price = self._price(owner)
        if not self._mails.free(owner, price):
            raise NotTaken(_too_fast(f"{self._limits.mails_per_hour * _NEWCOMER // price} mails an hour"))
        if strangers and not self._strangers.free(owner, strangers * price):
            allowed = self._limits.new_people_per_day * _NEWCOMER // price
            raise NotTaken(_too_fast(f"{allowed} new people a day"))
        written = [
            _written(each, mailbox, finished.time or self._clock.now())
            for each, mailbox in zip(known, finished.recipients, strict=True)
        ]
        try:
            await self._queue.submit(finished, *also, *(self._contacts.saving(each) for each in written))
        except BaseException:
            for each in written:
                self._contacts.doubt(owner, each.address)
            raise
        self._mails.take(owner, price)
        self._strangers.take(owner, strangers * price)
        self._learn(owner, written)

    def _price(self, owner: str) -> int:
        """Of one mail: three thirds, or one."""
        since = min((each.created for each in self._identities.of(owner)), default=0.0)
        newcomer = self._clock.now() - since < self._limits.newcomer_days * _DAY
        return _NEWCOMER if not newcomer else _NEWCOMER * _NEWCOMER

    async def _judge(self, owner: str) -> None:
        """Whoever writes to many who do not exist has bought the addresses."""
        if not self._suspensions.suspended(owner):
            failed, of = await self._sendings.share_of_failures(owner, _JUDGED)
            if of < _ENOUGH or failed * 100 <= of * self._limits.bounce_percent:
                return
            if not await self._suspensions.suspend(owner, f"{failed} of the last {of} mails came back"):
                return  # an admin has looked at it already
        text = (
            "Your mail was not sent: too much of what you sent came back, so this gateway sends nothing for you until its "
            "operator allows it again."
        )
        raise NotTaken(Refused(Condition.POLICY_VIOLATION, text))

    def _learn(self, owner: str, contacts: Sequence[EmailContact]) -> None:
        session = self._people.session(owner)
        if session is not None:
            for each in contacts:
                session.learnt(each)


def _written(contact: EmailContact, mailbox: Mailbox, now: float) -> EmailContact:
    return replace(contact, exact=contact.exact or mailbox.exact, written=now)


def _too_fast(allowed: str) -> Refused:
    text = f"Your mail was not sent: this gateway sends at most {allowed} for you. Send it again later."
    return Refused(Condition.POLICY_VIOLATION, text, ErrorType.WAIT)
