"""One attached mailbox, for as long as its user's session lives: watched for new mail, and sent through.

Owns the wishes about the mailbox (what was read), which outlive a connection. A trouble that the user has to
hear of ends the session, with words about what to do.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from bridges.email.attached.account import Mailing
from bridges.email.attached.dialling import Dialling, Obstacle, login_of, of_imap, of_smtp, of_token
from bridges.email.attached.hosts import NotReached
from bridges.email.attached.lanes import Lane, Lanes
from bridges.email.attached.tokens import NoToken
from bridges.email.imap.client import ImapError
from bridges.email.imap.watch import Attached, Cursors, Statement, Taking, Watch, Wishes
from bridges.email.sending.faults import Fault, SmarthostTrouble
from bridges.email.sending.filing import Filings
from bridges.email.sending.smarthost import Connection
from gateway.bridge import NotStored, SessionEnded
from gateway.model import Condition, ErrorType, Refused

_AGAIN = 15.0  # seconds before a server that is away is asked again, at least


class Custodians:
    """All of them. ``largest``: octets of a mail; of larger ones only the header is taken."""

    def __init__(
        self,
        dialling: Dialling,
        lanes: Lanes,
        cursors: Cursors,
        taking: Taking,
        filings: Filings,
        *,
        largest: int,
        now: Callable[[], float],
    ) -> None:
        self.dialling = dialling
        self.lanes = lanes
        self.cursors = cursors
        self.taking = taking
        self.filings = filings
        self.largest = largest
        self.now = now
        self._wishes: dict[str, Wishes] = {}

    def wishes(self, owner: str) -> Wishes:
        return self._wishes.setdefault(owner, Wishes())

    def read(self, owner: str, mail: str) -> None:
        """The user has seen a mail here. Of users without a mailbox elsewhere nothing is kept."""
        wishes = self._wishes.get(owner)
        if wishes is not None:
            wishes.mark_read(mail)

    def forget(self, owner: str) -> None:
        """The user is erased."""
        self._wishes.pop(owner, None)
        self.dialling.tokens.forget(owner)


class Keeper:
    """``sending.queue.Keeper`` of a mailbox: what is owed to it is in the tables, and its watch is told to look there."""

    def __init__(self, filings: Filings, wishes: Wishes) -> None:
        self._filings = filings
        self._wishes = wishes

    def owing(self, owner: str, mail: str) -> Statement:
        return self._filings.owing(owner, mail)

    def look(self) -> None:
        self._wishes.keep_sent()


class Custody:
    def __init__(self, custodians: Custodians, owner: str, mailing: Mailing) -> None:
        self._custodians = custodians
        self._owner = owner
        self._mailing = mailing
        self._wishes = custodians.wishes(owner)
        self._obstacle: asyncio.Future[Obstacle] = asyncio.get_running_loop().create_future()
        self._lane = Lane(
            custodians.lanes,
            owner,
            mailing.mailbox,
            mailing.smtp.name,
            self._connect,
            None if mailing.keeps_sent else Keeper(custodians.filings, self._wishes),
        )

    async def run(self, online: Callable[[], None], over: asyncio.Future[None]) -> None:
        """Until it is ``over``; ``online`` is called once the mailbox is open. Raises ``SessionEnded``."""
        lane = asyncio.ensure_future(self._lane.run())
        watching = asyncio.ensure_future(self._watch(online))
        tasks = (lane, watching)
        try:
            ends: list[asyncio.Future[Any]] = [*tasks, over, self._obstacle]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._obstacle.done():
                raise _ended(self._obstacle.result())
            for each in tasks:
                if each.done():
                    each.result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks)

    async def _watch(self, online: Callable[[], None]) -> None:
        custodians = self._custodians

        async def attempt(mailing: Mailing) -> None:
            server = await custodians.dialling.imap(mailing)
            attached = Attached(self._owner, mailing.mailbox.exact, server, login_of(mailing))
            watch = Watch(
                attached,
                custodians.cursors,
                custodians.taking,
                custodians.filings,
                largest=custodians.largest,
                now=custodians.now,
                wishes=self._wishes,
            )
            await watch.run(online)

        try:
            await custodians.dialling.logged_in(self._owner, self._mailing, attempt)
        except NoToken as error:
            raise _ended(of_token(error)) from error
        except NotReached as error:
            raise _ended(Obstacle(str(error))) from error
        except ImapError as error:
            raise _ended(of_imap(error)) from error
        except (NotStored, OSError) as error:
            text = "The gateway cannot keep your mail just now. It tries again."
            raise SessionEnded(Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT)) from error

    async def _connect(self) -> Connection:
        place = self._mailing.smtp.name
        try:
            return await self._custodians.dialling.connect(self._owner, self._mailing)
        except SmarthostTrouble as trouble:
            self._report(of_smtp(trouble, place))
            raise
        except NoToken as error:
            self._report(of_token(error))
            raise SmarthostTrouble(Fault.LOGIN, place, str(error)) from error
        except NotStored as error:
            raise SmarthostTrouble(Fault.CONNECT, place, str(error)) from error

    def _report(self, obstacle: Obstacle) -> None:
        if obstacle.lasting and not self._obstacle.done():
            self._obstacle.set_result(obstacle)


def _ended(obstacle: Obstacle) -> SessionEnded:
    if obstacle.lasting:
        condition = Condition.NOT_AUTHORIZED if obstacle.credentials else Condition.NOT_ACCEPTABLE
        return SessionEnded(Refused(condition, obstacle.text), retry=False, credentials=True)
    refused = Refused(Condition.REMOTE_SERVER_NOT_FOUND, obstacle.text, ErrorType.WAIT)
    return SessionEnded(refused, delay=_AGAIN)
