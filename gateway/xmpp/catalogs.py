"""The rooms of a network as the items of its address (XEP-0030 with XEP-0059): ``#channel (people): topic``.

Items are made of the page that is shown only: a network may have fifty thousand rooms.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import cast, overload

from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge, Clock, ListsRooms
from gateway.delivery.outgoing import not_connected
from gateway.model import Address, AddressKind, Catalog, Listed, Refused
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.disco import DiscoItem, ItemList
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import Jid, parse_jid

#: Seconds after a question in which the next one of the same client is taken for one for a further page.
_PAGING = 120.0
_REMEMBERED = 1000
_MAX_NAME = 250


class Catalogs:
    """A provider of items for ``Disco``."""

    def __init__(self, bridge: Bridge, book: AddressBook, accounts: Accounts, clock: Clock) -> None:
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._clock = clock
        self._asked: OrderedDict[tuple[str, str], float] = OrderedDict()

    def items(self, target: Jid, node: str, requester: Jid) -> Awaitable[ItemList] | None:
        """Raises ``RefusedError``, as does what is returned."""
        if node or not self._bridge.capabilities.room_list:
            return None
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if address.kind is not AddressKind.NETWORK:
            return None
        account = self._accounts.find(requester.bare, address.network)
        if account is None or account.session is None or not account.connected:
            raise RefusedError(not_connected(account, address.network))
        session = cast("ListsRooms", account.session)
        return self._listed(session, address.network, anew=self._anew(requester.full, address.network))

    async def _listed(self, session: ListsRooms, network: str, *, anew: bool) -> ItemList:
        told: asyncio.Future[Catalog | Refused] = asyncio.get_running_loop().create_future()
        session.list_rooms(_Future(told), anew=anew)
        catalog = await told
        if isinstance(catalog, Refused):
            raise RefusedError(catalog)
        rooms = _Rooms(catalog.rooms, network, self._book)

        def find(jid: str) -> int | None:
            try:
                return rooms.find(self._book.address(parse_jid(jid).local).name, self._bridge.fold)
            except BadAddress:
                return None

        return ItemList(rooms, large=True, complete=catalog.complete, find=find)

    def _anew(self, requester: str, network: str) -> bool:
        """Whether somebody begins to look. Further pages are to fit those before."""
        key, now = (requester, network), self._clock.monotonic()
        last = self._asked.pop(key, None)
        self._asked[key] = now
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        return last is None or now - last > _PAGING


class _Future:
    """``gateway.bridge.Answer``."""

    def __init__(self, future: asyncio.Future[Catalog | Refused]) -> None:
        self._future = future

    def told(self, value: Catalog) -> None:
        if not self._future.done():
            self._future.set_result(value)

    def refused(self, why: Refused) -> None:
        if not self._future.done():
            self._future.set_result(why)


class _Rooms(Sequence[DiscoItem]):
    def __init__(self, rooms: tuple[Listed, ...], network: str, book: AddressBook) -> None:
        self._rooms = rooms
        self._network = network
        self._book = book

    def __len__(self) -> int:
        return len(self._rooms)

    @overload
    def __getitem__(self, at: int) -> DiscoItem: ...

    @overload
    def __getitem__(self, at: slice) -> list[DiscoItem]: ...

    def __getitem__(self, at: int | slice) -> DiscoItem | list[DiscoItem]:
        if isinstance(at, slice):
            return [self._item(room) for room in self._rooms[at]]
        return self._item(self._rooms[at])

    def find(self, name: str, fold: Callable[[str], str]) -> int | None:
        """In two passes, for folding fifty thousand names takes a while, and servers fold those in a JID themselves."""
        for alike in (str.lower, fold):
            key = alike(name)
            for at, room in enumerate(self._rooms):
                if alike(room.name) == key:
                    return at
        return None

    def _item(self, room: Listed) -> DiscoItem:
        people = "" if room.people is None else f" ({room.people})"
        topic = f": {room.topic}" if room.topic else ""
        jid = self._book.jid_of(Address(AddressKind.ROOM, self._network, room.name))
        return DiscoItem(jid, f"{room.name}{people}{topic}"[:_MAX_NAME])
