"""After a start: everything that was wanted before is wanted again, without anybody doing anything."""

from dataclasses import replace

import structlog

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts, Resting, TooMany
from gateway.rooms.habits import USUAL
from gateway.rooms.history import HistoryRequest
from gateway.rooms.people import Attendance, Attendee
from gateway.storage.records import RestoredAccount
from gateway.storage.stores import Stores
from gateway.xmpp.text import attribute

_log = structlog.get_logger(__name__)

#: Seconds that the networks' clocks may differ from ours: what is shown twice has the same id, what is missed is missed.
_SKEW = 5.0


async def restore(
    bridge: str, domain: str, accounts: Accounts, stores: Stores, linger: float, *, seen: float | None = None
) -> None:
    """Open the stored accounts of ``bridge`` with their rooms and clients. Clients are absent until the presence check has
    found them; a room whose clients all stay away is left after ``linger`` seconds. What was said before ``seen`` (Unix
    seconds) the clients know."""
    await stores.preferences.prepare(bridge)  # all rooms ask for them at once
    await stores.memory.prepare(bridge)  # and all sessions for this
    restored = 0
    for stored in await stores.accounts.all(bridge):
        kept = stored.account
        if kept.stopped:
            accounts.rest(kept.owner, kept.network, _resting(stored))
        if kept.stopped or not stored.rooms:
            continue
        try:
            account = accounts.open(kept.owner, kept.network, kept.nick)
        except TooMany as error:
            _log.warning("account not restored", network=kept.network, reason=str(error))
            continue
        _furnish(account, stored, domain, linger, seen)
        accounts.start(account)
        restored += 1
    if restored:
        _log.info("accounts restored", bridge=bridge, count=restored)


def _resting(stored: RestoredAccount) -> list[Resting]:
    rooms = (each.room for each in stored.rooms)
    return [Resting(room.name, room.password or "") for room in rooms if room.persistent]


def _furnish(
    account: Account, stored: RestoredAccount, domain: str, linger: float, seen: float | None
) -> None:
    history = HistoryRequest() if seen is None else HistoryRequest(since=seen - _SKEW)
    for restored in stored.rooms:
        kept = restored.room
        room = account.want(kept.name, kept.nick, kept.password or "")
        room.habits = replace(USUAL, persistent=kept.persistent)  # until they are read
        for resource in restored.resources:
            room.attendees[resource.jid] = Attendee(
                jid=resource.jid,
                jid_attr=attribute(resource.jid),
                room_local=resource.room_local,
                room_attr=attribute(f"{resource.room_local}@{domain}"),
                nick=resource.nick,
                history=history,
                attendance=Attendance.ABSENT,
            )
        account.linger(room, linger)
