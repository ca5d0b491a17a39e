"""Texts that wait in a database that comes from a backup: they may have been sent since, and a second one costs money and
trust. Their users are told that nobody knows."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridges.sms.consent.tables import OPTOUTS
from bridges.sms.sending.states import MessageState, PieceState
from bridges.sms.sending.tables import MESSAGES, PIECES
from gateway.model import Condition

_M, _P = MESSAGES.c, PIECES.c
_WHY = (
    "The gateway was restored from a backup that was made before it had sent your text: nobody knows whether it went out "
    "since. Ask, or send it again."
)


async def settle(connection: AsyncConnection, now: float) -> int:
    """``gateway.bridge.Settle``."""
    queued = select(_M.id).where(_M.bridge == _P.bridge, _M.state == MessageState.QUEUED.value)
    unclear = [each.value for each in PieceState if each.rank < PieceState.ACCEPTED.rank]
    await connection.execute(
        update(PIECES)
        .where(_P.message.in_(queued.scalar_subquery()), _P.state.in_(unclear))
        .values(state=PieceState.LOST.value, doubtful=False)
    )
    waiting = (
        update(MESSAGES)
        .where(_M.state == MessageState.QUEUED.value)
        .values(
            state=MessageState.UNKNOWN.value,
            owed=True,
            news=_M.seq,
            text="",
            media="[]",
            condition=Condition.REMOTE_SERVER_TIMEOUT.value,
            error_type="",
            why=_WHY,
            changed=now,
        )
    )
    # What who stopped a number is to be answered, they may have been answered.
    await connection.execute(update(OPTOUTS).where(OPTOUTS.c.answer != "").values(answer=""))
    return (await connection.execute(waiting)).rowcount
