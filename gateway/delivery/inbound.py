"""From the network to the user: every private message is written down, then sent, then watched until it has arrived.

    committed -> sent -> confirmed by a barrier (handed) -> a minute without a bounce (accepted) -> forgotten
                                                          -> the client's receipt (delivered), its marker (read)

What the user's server sends back waits in the user's spool. Knows the ledger and the courier; how a stanza comes and goes is
the component's business.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from gateway.accounts.account import Account
from gateway.bridge import BadAddress, Clock, NotKept
from gateway.delivery import words
from gateway.delivery.counts import InboundCounts
from gateway.delivery.courier import Courier, Parcel
from gateway.delivery.entry import Entry, entry_of, key_of, key_of_message, names_of
from gateway.delivery.holding import Held, Holding
from gateway.delivery.journal import Journal, Kept
from gateway.ids import IdSource
from gateway.model import Address, AddressKind, Condition, DeliveryState, ErrorType, Message, Refused
from gateway.ops.status import Direction
from gateway.ops.traffic import Traffic
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.errors import StorageError
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.text import strip_forbidden

_log = structlog.get_logger(__name__)

#: Seconds in which a server may still send back what it has taken: one of a user far away asks another first.
_BOUNCE_SECONDS = 60.0
#: Messages watched for that at a time, and settled ones remembered for markers.
_WATCHED, _REMEMBERED = 20_000, 5_000
#: Seconds after which a message is told to be an old one.
_OLD = 30.0
_LOOKUPS = 100
_LONGEST_ID = 200  # of the network's ids that serve as ids of stanzas

#: The user's server could not deliver it now; anything else is its last word (RFC 6121 §8.5, RFC 6120 §8.3.3).
_LATER = frozenset(
    {
        Condition.INTERNAL_SERVER_ERROR,
        Condition.RECIPIENT_UNAVAILABLE,
        Condition.REMOTE_SERVER_NOT_FOUND,
        Condition.REMOTE_SERVER_TIMEOUT,
        Condition.RESOURCE_CONSTRAINT,
        Condition.SERVICE_UNAVAILABLE,
        Condition.UNDEFINED_CONDITION,
    }
)
_SPOOL_FULL = Refused(
    Condition.RESOURCE_CONSTRAINT, "More waited for the user than is kept, or for longer.", ErrorType.WAIT
)
_FLOODED = Refused(
    Condition.RESOURCE_CONSTRAINT, "More came than the user is shown at a time.", ErrorType.WAIT
)


#: Other addresses for what ``peer`` writes to ``owner`` now, see ``gateway.rooms.asides``; usually none.
Copies = Callable[[str, str, str], Sequence[tuple[str, str, str]]]

#: What a stanza of ours is known by to whom it went to: user, our address, id.
_Mark = tuple[str, str, str]


def _mark_of(entry: Entry) -> _Mark:
    return entry.owner, entry.jid, entry.stanza_id


class Inbound:
    """One component's inbound half of the ledger."""

    def __init__(
        self,
        bridge: str,
        *,
        book: AddressBook,
        journal: Journal,
        store: DeliveryStore,
        courier: Courier,
        clock: Clock,
        ids: IdSource,
        send: Callable[..., bool],
        spawn: Callable[[Awaitable[None]], None],
        traffic: Traffic,
        mark_read: Callable[[Entry], None] | None,
        heard: Callable[[Entry], None] = lambda entry: None,
        introduce: Callable[[Entry], str] = lambda entry: "",
        copies: Copies = lambda owner, network, peer: (),
    ) -> None:
        self.counts = InboundCounts()
        self._bridge = bridge
        self._book = book
        self._journal = journal
        self._store = store
        self._courier = courier
        self._clock = clock
        self._ids = ids
        self._send = send
        self._spawn = spawn
        self._traffic = traffic
        self._mark_read = mark_read
        self._heard = heard
        self._introduce = introduce
        self._copies = copies
        self._holding = Holding(journal, self._kept)
        self._last = 0.0
        self._open: dict[_Mark, Entry] = {}  # all that is not settled
        self._handed: dict[str, Entry] = {}  # may still be sent back, oldest first
        self._settled: dict[_Mark, Entry] = {}  # for markers that come later
        self._dropped: dict[str, list[Entry]] = {}  # of which the users do not know yet
        self._telling: dict[str, int] = {}  # of how many of them they are being told
        self._lookups = 0

    # -- from the network --------------------------------------------------------------------------------------

    def received(self, account: Account, message: Message, extra: str = "", held: Held | None = None) -> None:
        """Somebody wrote to the user. ``extra`` is ready XML that goes with the text. ``held``: it has its row already."""
        if held is not None:
            _, text = self._addressed(account, message)
            self._holding.release(held, text, extra, message.kind)
            return
        key = key_of_message(self._bridge, account.owner, account.network, message)
        entry = self._entry(account, message, extra, key)
        self._journal.enter(entry, partial(self._kept, entry), key)

    def hold(self, account: Account, message: Message, extra: str = "") -> Held:
        """Write a message down that cannot go out yet: as much of it as would be left if this process ended."""
        key = key_of_message(self._bridge, account.owner, account.network, message)
        return self._holding.hold(self._entry(account, message, extra, key), key)

    def drop(self, held: Held) -> None:
        """What was held does not go out at all; the user is told by whoever says so."""
        self._traffic.fail(Direction.IN, _FLOODED)
        self._holding.drop(held, self._clock.now(), _FLOODED)

    async def committed(self, account: Account, message: Message, extra: str = "") -> None:
        """As ``received``; returns once it is safe. Raises ``NotKept``."""
        key = key_of_message(self._bridge, account.owner, account.network, message)
        entry = self._entry(account, message, extra, key)
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def then(outcome: Kept | StorageError) -> None:
            if isinstance(outcome, StorageError):
                if not safe.done():
                    safe.set_exception(
                        NotKept(Refused(Condition.INTERNAL_SERVER_ERROR, str(outcome), ErrorType.WAIT))
                    )
                return
            self._kept(entry, outcome)
            if not safe.done():
                safe.set_result(None)

        self._journal.enter(entry, then, key, patient=True)
        await safe

    def _entry(self, account: Account, message: Message, extra: str, key: str) -> Entry:
        jid, text = self._addressed(account, message)
        # In the order in which it came, whatever the clock does: what waits is sorted by it.
        now = self._last = max(self._clock.now(), self._last + 1e-6)
        self.counts.received += 1
        id_ = key or self._ids.next()  # the same message has the same id, however often it comes
        foreign_id = strip_forbidden(message.foreign_id)
        return Entry(
            id=id_,
            bridge=self._bridge,
            owner=account.owner,
            network=account.network,
            inbound=True,
            room=False,
            peer=strip_forbidden(message.sender),
            kind=message.kind,
            body=text,
            extra=extra,
            parts="",
            said_at=message.time if message.time is not None else now,
            stanza_type="chat",
            stanza_id=foreign_id if 0 < len(foreign_id) <= _LONGEST_ID else id_,
            origin="",
            jid=jid,
            foreign_id=foreign_id,
            unreported="",
            receipt=False,
            markable=False,
            state=DeliveryState.QUEUED,
            condition="",
            error_type="",
            reason="",
            attempts=0,
            handed=False,
            active=True,
            created=now,
            changed=now,
        )

    def _addressed(self, account: Account, message: Message) -> tuple[str, str]:
        """The address it comes from, and its body."""
        text = strip_forbidden(message.text)
        try:
            jid = self._book.jid_of(Address(AddressKind.CONTACT, account.network, message.sender))
        except BadAddress:
            # A name that fits no address still has something to say.
            jid = self._book.jid_of(Address(AddressKind.NETWORK, account.network))
            text = f"{strip_forbidden(message.sender)}: {text}"
        return jid, words.bounded(text)

    def _kept(self, entry: Entry, outcome: Kept | StorageError) -> None:
        if outcome is not Kept.KNOWN:
            self._traffic.people_in += 1
            if self._traffic.verbosity.debug:
                self._traffic.tell(
                    "message taken", entry.id, network=entry.network, network_id=entry.foreign_id
                )
            self._heard(entry)
            entry.extra += self._introduce(entry)
        if outcome is Kept.NEW:
            self._open[_mark_of(entry)] = entry
            self._courier.take(Parcel(entry))
        elif outcome is Kept.KNOWN:
            self.counts.known += 1
        else:
            # The network does not keep it for us: better sent without a record than not at all.
            self.counts.unwritten += 1
            for stanza in self.stanzas(entry, late=False):
                self._send(stanza, keep=True)

    # -- to the user -------------------------------------------------------------------------------------------

    def stanzas(self, entry: Entry, *, late: bool) -> list[str]:
        stamp = late or self._clock.now() - entry.said_at > _OLD
        markable = self._mark_read is not None and bool(entry.foreign_id)
        copies = self._copies(entry.owner, entry.network, entry.peer)
        return [words.message(entry, stamp=stamp, markable=markable, copy=copy) for copy in copies or (None,)]

    def arrived(self, entry: Entry) -> None:
        """The user's server has it. It may still send it back."""
        entry.handed = True
        entry.changed = self._clock.now()
        if self._traffic.verbosity.debug:
            self._traffic.tell("message shown", entry.id, network_id=entry.foreign_id)
        self._journal.note(entry)
        self._watch(entry)

    def _watch(self, entry: Entry) -> None:
        self._handed[entry.id] = entry
        if len(self._handed) > _WATCHED:
            self._accept(self._handed.pop(next(iter(self._handed))))

    def sweep(self) -> None:
        """To be called every few seconds."""
        horizon = self._clock.now() - _BOUNCE_SECONDS
        while self._handed:
            entry = next(iter(self._handed.values()))
            if entry.changed > horizon:
                break
            del self._handed[entry.id]
            self._accept(entry)
        for owner, lost in self._dropped.items():
            if owner not in self._telling and not self._courier.spooled(owner):
                self._telling[owner] = 0
                self._courier.take(Parcel(lost[0], ("dropped",)))

    def _accept(self, entry: Entry) -> None:
        self._finish(entry, DeliveryState.ACCEPTED)

    def _finish(self, entry: Entry, state: DeliveryState, why: Refused | None = None) -> bool:
        if not entry.advance(state, self._clock.now(), why):
            return False
        entry.settle()
        self._journal.note(entry)
        mark = _mark_of(entry)
        self._open.pop(mark, None)
        self._settled[mark] = entry
        if len(self._settled) > _REMEMBERED:
            del self._settled[next(iter(self._settled))]
        return True

    # -- what comes back ---------------------------------------------------------------------------------------

    def bounced(self, owner: str, jid: str, id_: str, why: Refused) -> bool:
        """The user's server sent a message of our address ``jid`` back; whether it was one that is still watched."""
        entry = self._open.get((owner, jid, id_))
        if entry is None:
            return False
        if not entry.handed and not self._courier.flies(entry.id):
            return True  # the same bounce again: it is in the spool already
        self._handed.pop(entry.id, None)
        self._courier.forget(entry.id)
        self.counts.bounced += 1
        if why.condition in _LATER:
            entry.handed = False
            entry.attempts += 1
            entry.changed = self._clock.now()
            self._journal.note(entry)
            self._courier.back(Parcel(entry))
            return True
        self.counts.failed += 1
        self._traffic.fail(Direction.IN, why, entry.id, names_of(entry))
        _log.warning(
            "a user's server refuses messages", message=entry.id, owner=owner, condition=why.condition.value
        )
        self._finish(entry, DeliveryState.FAILED, why)
        return True

    def marked(self, owner: str, jid: str, network: str, id_: str, *, read: bool) -> None:
        """A client of the user has received a message of our address ``jid``, or shown it."""
        mark = owner, jid, id_
        entry = self._open.get(mark) or self._settled.get(mark)
        if entry is not None:
            self._mark(entry, read=read)
        elif read and self._lookups < _LOOKUPS:
            self._lookups += 1
            self._spawn(self._mark_old(mark, network))

    def _mark(self, entry: Entry, *, read: bool) -> None:
        self._handed.pop(entry.id, None)
        self._courier.forget(entry.id)
        moved = self._finish(entry, DeliveryState.READ if read else DeliveryState.DELIVERED)
        if moved and read and self._mark_read is not None and entry.foreign_id:
            self._mark_read(entry)

    async def _mark_old(self, mark: _Mark, network: str) -> None:
        """One that fell out of memory long ago."""
        owner, _, id_ = mark
        key = key_of(self._bridge, owner, network, inbound=True, foreign_id=id_)
        try:
            row = await self._store.by_id(key) or await self._store.by_id(id_)
        except StorageError as error:
            _log.warning("a read mark was not looked up", reason=str(error))
            return
        finally:
            self._lookups -= 1
        if row is not None and row.inbound and not row.active:
            entry = entry_of(row)
            if _mark_of(entry) == mark and entry.bridge == self._bridge:
                self._mark(entry, read=True)

    # -- what fell out of a spool ------------------------------------------------------------------------------

    def dropped(self, entry: Entry) -> None:
        self.counts.dropped += 1
        self._traffic.fail(Direction.IN, _SPOOL_FULL, entry.id)
        entry.advance(DeliveryState.FAILED, self._clock.now(), _SPOOL_FULL)
        entry.body = entry.extra = ""
        self._open.pop(_mark_of(entry), None)
        self._journal.note(entry)  # and stays active: the user has to be told
        self._dropped.setdefault(entry.owner, []).append(entry)

    def loss(self, entry: Entry) -> list[str]:
        """The word to a user about everything that fell out, of which ``entry`` is the first."""
        lost = self._dropped.get(entry.owner, [entry])
        count = self._telling[entry.owner] = len(lost)
        what = "A message" if count == 1 else f"{count} messages"
        senders = ", ".join(dict.fromkeys(each.peer for each in lost[:1000]))[:300]
        text = (
            f"{what} from {senders} could not be kept for you: more came than is kept while you cannot be reached, or "
            "it waited for too long. Ask for it again."
        )
        return [words.note(self._book.jid, entry.owner, f"{entry.id}-lost", text)]

    def told(self, entry: Entry) -> None:
        """The user knows of what fell out."""
        lost = self._dropped.pop(entry.owner, [entry])
        count = self._telling.pop(entry.owner, len(lost))
        for each in lost[:count]:
            each.settle()
            self._journal.note(each)
        if lost[count:]:
            self._dropped[entry.owner] = lost[count:]

    # -- after a start -----------------------------------------------------------------------------------------

    def restore(self, entry: Entry) -> None:
        """An active row of an earlier process."""
        self._last = max(self._last, entry.created)
        if entry.state is DeliveryState.FAILED:
            self._dropped.setdefault(entry.owner, []).append(entry)
            return
        self._open[_mark_of(entry)] = entry
        if entry.handed:
            entry.changed = self._clock.now()
            self._watch(entry)
        else:
            self._courier.take(Parcel(entry, late=True))

    def forget(self, owner: str) -> None:
        """The user's data is to be erased."""
        for mark in [mark for mark in self._open if mark[0] == owner]:
            self._handed.pop(self._open.pop(mark).id, None)
        for mark in [mark for mark in self._settled if mark[0] == owner]:
            del self._settled[mark]
        self._holding.forget(owner)
        self._dropped.pop(owner, None)
        self._telling.pop(owner, None)
