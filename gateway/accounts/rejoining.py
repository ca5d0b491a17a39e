"""Rooms of one account that are not yet as they should be: those that refused us for now, and are tried again; and those
that the network has put us into: the user is invited, and they are left again if nobody comes."""

from typing import TYPE_CHECKING

from gateway.accounts.context import AccountContext
from gateway.rooms.room import Room

if TYPE_CHECKING:
    from gateway.accounts.account import Account

#: Seconds until a room that is full or throttled is tried again for clients that were in it before: the first time, doubling
#: up to the longest.
_FIRST = 30.0
_LONGEST = 1800.0
#: Seconds for a client to come into a room that the network has put the user into.
_BROUGHT_SECONDS = 300.0


# An empty set of its own would cost every account 200 bytes.
_NONE: frozenset[str] = frozenset()


class Rejoining:
    """Of one account."""

    __slots__ = ("_account", "_context", "_offered", "_refused")

    def __init__(self, account: "Account", context: AccountContext) -> None:
        self._account = account
        self._context = context
        self._offered = _NONE
        self._refused: dict[str, int] = {}  # by room: "not now", so often since we were in

    @property
    def offering(self) -> bool:
        """Whether somebody may yet come to a room that we are in."""
        return bool(self._offered)

    def session_over(self) -> None:
        self._offered = _NONE

    def settled(self, room: str) -> None:
        """We are in, or nobody wants to be."""
        self._refused.pop(room, None)

    def refused(self, room: Room) -> None:
        """Not now, but maybe later."""
        tries = self._refused.get(room.key, 0)
        self._refused[room.key] = tries + 1
        delay = min(_LONGEST, _FIRST * 2 ** min(tries, 10))
        self._context.clock.call_later(delay, lambda: self._account.enter_again(room))

    def brought(self, room: str) -> None:
        """The network has put us where no client is (a forced join, a forward): the user is invited, and the room left if
        nobody comes."""
        account, session = self._account, self._account.session

        def overdue() -> None:
            if session is not None and session is account.session:
                self._offered -= {room}
                if room not in account.rooms:
                    session.leave(room, "")
                account.give_up_if_idle()

        if session is not None and not account.closing and room not in self._offered:
            self._offered |= {room}
            self._context.invited(account, room, "", f"{account.network} has put you into this room.")
            self._context.clock.call_later(_BROUGHT_SECONDS, overdue)
