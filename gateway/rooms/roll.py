"""The roll of a room: all who are there, also those that clients are not shown, as its items (XEP-0045 §6.5)."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import overload

from gateway.addressing import resource_for
from gateway.xmpp.disco import DiscoItem


class Roll(Sequence[DiscoItem]):
    """Items are made of the page that is shown only. ``jid`` is the room's."""

    def __init__(self, jid: str, nicks: Sequence[str]) -> None:
        self._jid = jid
        self._nicks = sorted(nicks)

    def __len__(self) -> int:
        return len(self._nicks)

    @overload
    def __getitem__(self, at: int) -> DiscoItem: ...

    @overload
    def __getitem__(self, at: slice) -> list[DiscoItem]: ...

    def __getitem__(self, at: int | slice) -> DiscoItem | list[DiscoItem]:
        if isinstance(at, slice):
            return [self._item(nick) for nick in self._nicks[at]]
        return self._item(self._nicks[at])

    def find(self, nick: str) -> int | None:
        at = bisect_left(self._nicks, nick)
        return at if at < len(self._nicks) and self._nicks[at] == nick else None

    def _item(self, nick: str) -> DiscoItem:
        return DiscoItem(f"{self._jid}/{resource_for(nick)}", nick)
