"""Group commit of mails: what comes while one commit runs shares the next, and every statement serves all of its mails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bridges.email.receiving.arrivals import Arrival, Arrivals, Raw
from gateway.bridge import NotStored

_MOST = 200  # mails of one commit
#: Turns of the loop in which more may come. Servers that heard of one commit bring their next mails at the same time: 1,340
#: a second are taken so on four connections, and 750 without. Of an idle loop, turns take no time.
_TURNS = 10


@dataclass(frozen=True, slots=True)
class _Mail:
    raw: Raw
    arrivals: Sequence[Arrival]
    done: "asyncio.Future[int | None]"


class Keeping:
    """Mails on their way into the tables."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._waiting: list[_Mail] = []
        self._task: asyncio.Task[None] | None = None

    async def keep(self, raw: Raw, arrivals: Sequence[Arrival]) -> int | None:
        """Returns once all of it is committed: how many rows are new, None if that is not known. Raises ``NotStored``. Goes
        on if the caller is cancelled: a connection that was cut takes nobody else's mail with it."""
        mail = _Mail(raw, arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(mail)
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        return await mail.done

    async def close(self) -> None:
        """Returns once nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _write(self) -> None:
        try:
            while self._waiting:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._one(group)
        finally:
            self._task = None

    async def _one(self, group: Sequence[_Mail]) -> None:
        expected = [1 + len(mail.arrivals) for mail in group]
        try:
            new = await self._arrivals.keep([(mail.raw, mail.arrivals) for mail in group])
        except NotStored as error:
            for mail in group:
                if not mail.done.done():
                    mail.done.set_exception(NotStored(str(error)))
            return
        except BaseException:
            for mail in group:
                mail.done.cancel()
            raise
        whole = new == sum(expected)
        for mail, rows in zip(group, expected, strict=True):
            if not mail.done.done():
                mail.done.set_result(rows if whole else (new if len(group) == 1 else None))
