"""Answers to queries of archives (XEP-0313): a room's at its address, a private chat's at the contact's, and all private
chats at the gateway's. Everybody sees their own archives only, for there are no others: an archive is one user's.

Knows which archive an address stands for and how a message looked; reads of one user come one after the other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog

from gateway.accounts.account import Account
from gateway.addressing import nick_for, resource_for
from gateway.bridge import BadAddress, Bridge
from gateway.chat.rendering import for_room
from gateway.history.recorder import parted
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Condition, ErrorType, Refused
from gateway.storage.archive import ACT, RETRACTED, ArchiveStore, archive_id, chat_key
from gateway.storage.archive_pages import ArchivePage, ArchivePages, NotInArchiveError, PageRequest
from gateway.storage.errors import StorageError
from gateway.storage.records import ArchivedMessage
from gateway.xmpp import mam, render
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Stanza, name_of, parse_jid
from gateway.xmpp.text import attribute, escape

_log = structlog.get_logger(__name__)

_Read = TypeVar("_Read")

#: Messages of a page at most, and if nobody says how many.
PAGE = 100
#: Characters handed to the link before it is asked whether it keeps up.
_GULP = 64 * 1024
#: Archives read at a time; others read the database too.
_READING = 2

_NO_ARCHIVE = Refused(Condition.SERVICE_UNAVAILABLE, "There is no archive at this address.")
_GONE = Refused(
    Condition.ITEM_NOT_FOUND,
    "A message that you named is not in this archive, or not any more. Ask again without naming it.",
)
_UNREADABLE = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "The archive cannot be read at the moment. Ask again in a minute.",
    ErrorType.WAIT,
)
_CONGESTED = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "The gateway has more to send than your server takes. Ask again in a minute.",
    ErrorType.WAIT,
)

#: What a body begins with by the kind of a message: XEP-0245, and what rooms put before notices.
_IN_ROOMS: Mapping[str, str] = {"action": "/me ", "notice": "[notice] "}
_IN_CHATS: Mapping[str, str] = {"action": "/me "}


@dataclass(frozen=True, slots=True)
class _Scope:
    """The archives that a query is about, by number. ``room`` empty: they are private chats, with the contacts ``peers``.
    ``sender``: only what that nick has said."""

    archives: tuple[int, ...] = ()
    room: bool = False
    sender: str = ""
    peers: Mapping[int, Address] = field(default_factory=dict)


_NOTHING = _Scope()


class Answers:
    """Of the bridge ``name``. ``send`` may refuse, ``drain`` waits while too much is on its way."""

    def __init__(
        self,
        name: str,
        bridge: Bridge,
        book: AddressBook,
        store: ArchiveStore,
        pages: ArchivePages,
        ids: IdSource,
        *,
        send: Callable[[str], bool],
        drain: Callable[[], Awaitable[None]],
        account: Callable[[str, str], Account | None],
    ) -> None:
        self._name = name
        self._bridge = bridge
        self._book = book
        self._store = store
        self._pages = pages
        self._ids = ids
        self._send = send
        self._drain = drain
        self._account = account
        self._reading = asyncio.Semaphore(_READING)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def register(self, router: Router) -> None:
        router.on("iq", mam.MAM, "get", self._about)
        router.on("iq", mam.MAM, "set", self._query)

    # -- requests ----------------------------------------------------------------------------------------------

    async def _about(self, stanza: Stanza, reply: Reply) -> None:
        """XEP-0313 §4.1.5 and §5: what can be asked, and from when to when the archive goes."""
        scope = await self._scope(stanza, "")
        name = name_of(stanza.element[0])
        if name == "query":
            reply.result(mam.form())
        elif name == "metadata":
            ends = (
                await self._read(stanza, partial(self._pages.ends, scope.archives))
                if scope.archives
                else None
            )
            found = tuple((each.stanza_id, each.sent_at) for each in ends) if ends is not None else None
            reply.result(mam.metadata((found[0], found[1]) if found is not None else None))
        else:
            text = "An archive can be asked for its form and its metadata."
            reply.error(Refused(Condition.FEATURE_NOT_IMPLEMENTED, text))

    async def _query(self, stanza: Stanza, reply: Reply) -> None:
        if name_of(stanza.element[0]) != "query":
            text = (
                "Only queries are sent to archives of this gateway; what is kept is chosen in its settings."
            )
            raise RefusedError(Refused(Condition.FEATURE_NOT_IMPLEMENTED, text))
        query = mam.read_query(stanza.element[0])
        scope = await self._scope(stanza, query.with_jid)
        page = ArchivePage((), complete=True, count=0, index=None)
        if scope.archives:
            page = await self._read(stanza, partial(self._pages.page, _request(scope, query)))
        if not await self._results(stanza, query, scope, page):
            reply.error(_CONGESTED)
            return
        ids = [message.stanza_id for _, message in page.messages] or [""]
        reply.result(mam.fin(ids[0], ids[-1], page.index, page.count, complete=page.complete))

    async def _results(self, stanza: Stanza, query: mam.Query, scope: _Scope, page: ArchivePage) -> bool:
        """Send the messages of a page; False if they cannot all be sent."""
        archive, to = attribute(stanza.to.bare), attribute(stanza.sender.full)
        written = 0
        for number, message in reversed(page.messages) if query.flipped else page.messages:
            shown = (
                self._in_room(message, archive)
                if scope.room
                else self._in_chat(message, stanza, scope, number)
            )
            text = mam.result(
                archive, to, self._ids.next(), query.id, message.stanza_id, message.sent_at, shown
            )
            if not self._send(text):
                return False
            written += len(text)
            if written >= _GULP:
                written = 0
                await self._drain()
        return True

    async def _read(self, stanza: Stanza, read: Callable[[], Awaitable[_Read]]) -> _Read:
        """One after the other for each user, and few at a time for all."""
        turn = self._turns.setdefault(stanza.sender.bare, asyncio.Lock())
        async with turn, self._reading:
            try:
                return await read()
            except NotInArchiveError as error:
                raise RefusedError(_GONE) from error
            except StorageError as error:
                _log.warning("an archive was not read", bridge=self._name, reason=str(error))
                raise RefusedError(_UNREADABLE) from error

    # -- archives ----------------------------------------------------------------------------------------------

    async def _scope(self, stanza: Stanza, with_jid: str) -> _Scope:
        try:
            address = self._book.address(stanza.to.local)
        except BadAddress as error:
            raise RefusedError(Refused(Condition.JID_MALFORMED, str(error))) from error
        if stanza.to.resource:
            raise RefusedError(_NO_ARCHIVE)
        owner = stanza.sender.bare
        if address.kind is AddressKind.ROOM:
            return self._room(owner, address, with_jid)
        if address.kind is AddressKind.CONTACT:
            fits = not with_jid or parse_jid(with_jid).bare in (owner, stanza.to.bare)
            return self._chat(owner, address) if fits else _NOTHING
        if address.kind is AddressKind.GATEWAY:
            return await self._chats(owner, with_jid)
        raise RefusedError(_NO_ARCHIVE)

    def _room(self, owner: str, address: Address, with_jid: str) -> _Scope:
        account = self._account(owner, address.network)
        # A network that is connected may fold otherwise than is usual.
        keys = {self._bridge.fold(address.name)} | (
            {account.fold(address.name)} if account is not None else set()
        )
        archives = tuple(archive_id(self._name, owner, address.network, key) for key in sorted(keys))
        if not with_jid:
            return _Scope(archives, room=True)
        room = account.room(address.name) if account is not None else None
        jid = parse_jid(with_jid)
        sender = ""
        if "@" not in jid.bare:
            sender = with_jid  # a nick
        elif jid.domain == self._book.jid:
            other = self._named(jid.local)
            if other is not None and other.kind is AddressKind.CONTACT and other.network == address.network:
                sender = other.name
            elif other is not None and other == address:
                if not jid.resource:
                    return _Scope(archives, room=True)
                sender = room.nick_behind(jid.resource) if room is not None else nick_for(jid.resource)
        elif jid.bare == owner and room is not None:
            sender = room.nick
        return _Scope(archives, room=True, sender=sender) if sender else _NOTHING

    def _chat(self, owner: str, address: Address) -> _Scope:
        number = archive_id(self._name, owner, address.network, chat_key(self._bridge.fold(address.name)))
        return _Scope((number,), peers={number: address})

    async def _chats(self, owner: str, with_jid: str) -> _Scope:
        if with_jid:
            jid = parse_jid(with_jid)
            address = self._named(jid.local) if jid.domain == self._book.jid and jid.local else None
            if address is not None and address.kind is AddressKind.ROOM and jid.resource:
                # Who writes to an occupant writes to the contact of that name.
                account = self._account(owner, address.network)
                room = account.room(address.name) if account is not None else None
                nick = room.nick_behind(jid.resource) if room is not None else nick_for(jid.resource)
                address = Address(AddressKind.CONTACT, address.network, nick)
            fits = address is not None and address.kind is AddressKind.CONTACT
            return self._chat(owner, address) if address is not None and fits else _NOTHING
        try:
            chats = await self._store.private(self._name, owner)
        except StorageError as error:
            raise RefusedError(_UNREADABLE) from error
        peers = {row.id: Address(AddressKind.CONTACT, row.network, row.peer) for row in chats}
        return _Scope(tuple(peers), peers=peers)

    def _named(self, local: str) -> Address | None:
        try:
            return self._book.address(local)
        except BadAddress:
            return None

    # -- messages ----------------------------------------------------------------------------------------------

    def _in_room(self, message: ArchivedMessage, room_attr: str) -> str:
        sender = f"{room_attr}/{attribute(resource_for(message.sender))}" if message.sender else room_attr
        id_, content = _content(message, _IN_ROOMS)
        content = for_room(content, room_attr) + render.stanza_id(room_attr, attribute(message.stanza_id))
        return mam.forwarded(sender, "", "groupchat", id_ or message.stanza_id, content)

    def _in_chat(self, message: ArchivedMessage, stanza: Stanza, scope: _Scope, number: int) -> str:
        contact, owner = attribute(self._jid(scope.peers[number])), attribute(stanza.sender.bare)
        id_, content = _content(message, _IN_CHATS)
        ends = (contact, owner) if message.sender else (owner, contact)
        content += render.stanza_id(attribute(stanza.to.bare), attribute(message.stanza_id))
        return mam.forwarded(*ends, "chat", id_ or message.stanza_id, content)

    def _jid(self, peer: Address) -> str:
        try:
            return self._book.jid_of(peer)
        except BadAddress:
            # As it was shown: who has a name that fits no address writes from the network's.
            return self._book.jid_of(Address(AddressKind.NETWORK, peer.network))


def _request(scope: _Scope, query: mam.Query) -> PageRequest:
    paging = query.paging
    limit = PAGE if paging.limit is None else min(paging.limit, PAGE)
    return PageRequest(
        scope.archives,
        query.start,
        query.end,
        scope.sender,
        query.after_id,
        query.before_id,
        query.ids,
        limit,
        paging.after or "",
        paging.before,
        paging.index,
    )


def _content(message: ArchivedMessage, prefixes: Mapping[str, str]) -> tuple[str, str]:
    """The id that the sender's client gave the message, and what is in it."""
    id_, _ = parted(message.extra)
    if message.kind in (ACT, RETRACTED):
        return id_, message.extra
    return id_, f"<body>{prefixes.get(message.kind, '')}{escape(message.body)}</body>{message.extra}"
