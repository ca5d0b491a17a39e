"""When one account logs in: as long as it is wanted, in its turn, unless the network bars us; and again after a pause that
grows, or sooner if there is a reason.

What a session is, and what its end means for rooms, is the account's business.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from gateway.accounts.context import AccountContext
from gateway.accounts.pacing import Backoff
from gateway.bridge import Contained, SessionEnded
from gateway.model import AccountState, Condition, Refused
from gateway.texts import Text

if TYPE_CHECKING:
    from gateway.accounts.account import Account

_log = structlog.get_logger(__name__)


class Trying:
    """Of one account."""

    __slots__ = ("_account", "_context", "_logged_in", "_wake")

    def __init__(self, account: "Account", context: AccountContext) -> None:
        self._account = account
        self._context = context
        self._logged_in: Callable[[], None] | None = None  # gives back the turn
        self._wake: asyncio.Event | None = None  # while the next try is waited for

    async def run(self) -> None:
        """Stay connected as long as that is wanted. Ends when it is not, or when trying again is pointless."""
        account, backoff = self._account, self._context.backoff()
        while account.wanted:
            ended = await self._one_session(backoff)
            if ended is None:
                continue
            account.lost(ended)
            if not ended.retry or not account.wanted:
                break
            delay = max(ended.delay, backoff.next())
            next_try = self._context.clock.now() + delay
            account.show(AccountState.TRANSIENT_DISCONNECT, ended.refused.text, next_try)
            await self._rest(delay, ended.sooner)
        if account.status.state not in (AccountState.BAD_CREDENTIALS, AccountState.STOPPED):
            account.show(AccountState.IDLE)

    def now(self) -> None:
        """Do not wait any longer for the next try."""
        if self._wake is not None:
            self._wake.set()

    def welcomed(self) -> None:
        """We are logged in: others may."""
        self._context.breaker.welcomed(self._account.network)
        if self._logged_in is not None:
            self._logged_in()
            self._logged_in = None

    async def _one_session(self, backoff: Backoff) -> SessionEnded | None:
        """Log in and stay; None when it was closed by us."""
        account, network, breaker = self._account, self._account.network, self._context.breaker
        if (barred := breaker.bar(network)) is not None:
            return barred
        account.show(AccountState.WAITING)
        async with self._context.turn(network) as logged_in:
            if not account.wanted:
                return None
            if (barred := breaker.bar(network)) is not None:
                return barred
            breaker.trying(network)
            account.show(AccountState.CONNECTING)
            self._logged_in = logged_in
            try:
                return await self._lived()
            finally:
                self._logged_in = None
                if (stood := account.session_over()) is not None:
                    backoff.stood(stood)

    async def _lived(self) -> SessionEnded | None:
        """What the session ended with. A defect in one must not end the others."""
        account = self._account
        with Contained(_log, "session failed", network=account.network):
            try:
                await account.live()
            except SessionEnded as ended:
                self._context.breaker.ended(account.network, account.owner, ended.ban)
                return ended
            return None
        text = Text(
            "The gateway failed while connected to {network}; its log tells more.", network=account.network
        )
        return SessionEnded(Refused(Condition.INTERNAL_SERVER_ERROR, text))

    async def _rest(self, delay: float, sooner: asyncio.Future[None] | None) -> None:
        """Wait for the time of the next try, or until there is a reason for one, or somebody asks for it."""
        wake = self._wake = asyncio.Event()
        handle = self._context.clock.call_later(delay, wake.set)
        if sooner is not None:
            sooner.add_done_callback(lambda _: wake.set())
        try:
            await wake.wait()
        finally:
            handle.cancel()
            if sooner is not None:
                sooner.cancel()
            self._wake = None
