"""Word to the user of what became of a message: which is due, and that it goes out once.

A word is owed from the commit of the state it tells until the user's server has it, so neither a crash nor a lost link
swallows it. Errors go to the client that sent the message; if that is gone by the time (a failure may come days later), to
the user as a chat message instead.
"""

from collections.abc import Mapping
from functools import partial
from xml.etree.ElementTree import Element

from gateway.bridge import Clock
from gateway.delivery import words
from gateway.delivery.courier import Courier, Parcel
from gateway.delivery.entry import Entry
from gateway.delivery.journal import Journal, Kept
from gateway.model import Condition, DeliveryState, Refused
from gateway.storage.errors import StorageError
from gateway.texts import Readers
from gateway.xmpp.iq import IqTracker

_ERROR, _RECEIPT, _DISPLAYED = "error", "receipt", "displayed"
_QUEUED, _ACCEPTED, _DELIVERED = DeliveryState.QUEUED, DeliveryState.ACCEPTED, DeliveryState.DELIVERED
_READ, _FAILED, _UNKNOWN = DeliveryState.READ, DeliveryState.FAILED, DeliveryState.UNKNOWN

#: What a step makes due. A message that failed after we said that nobody knows is no news, and no second error.
_DUE: Mapping[tuple[DeliveryState, DeliveryState], tuple[str, ...]] = {
    (_QUEUED, _FAILED): (_ERROR,),
    (_ACCEPTED, _FAILED): (_ERROR,),
    (_QUEUED, _UNKNOWN): (_ERROR,),
    (_ACCEPTED, _UNKNOWN): (_ERROR,),
    (_QUEUED, _DELIVERED): (_RECEIPT,),
    (_ACCEPTED, _DELIVERED): (_RECEIPT,),
    (_UNKNOWN, _DELIVERED): (_RECEIPT,),
    (_QUEUED, _READ): (_RECEIPT, _DISPLAYED),
    (_ACCEPTED, _READ): (_RECEIPT, _DISPLAYED),
    (_UNKNOWN, _READ): (_RECEIPT, _DISPLAYED),
    (_DELIVERED, _READ): (_DISPLAYED,),
    (_DELIVERED, _FAILED): (_ERROR,),
}
#: Seconds after which the client that sent a message may be gone.
_LATE = 60.0
_PATIENCE = 20.0
_PING = "<ping xmlns='urn:xmpp:ping'/>"
#: Answers in place of a client that is gone. A server also says ``service-unavailable`` for one that knows no pings; then
#: the user reads a chat message where an error would have done.
_GONE = frozenset(
    {
        Condition.SERVICE_UNAVAILABLE,
        Condition.RECIPIENT_UNAVAILABLE,
        Condition.ITEM_NOT_FOUND,
        Condition.GONE,
        Condition.REMOTE_SERVER_NOT_FOUND,
    }
)


class Notices:
    """What is owed to users about messages of theirs."""

    def __init__(
        self,
        jid: str,
        *,
        journal: Journal,
        courier: Courier,
        iq: IqTracker,
        clock: Clock,
        readers: Readers,
    ) -> None:
        self._jid = jid
        self._readers = readers
        self._journal = journal
        self._courier = courier
        self._iq = iq
        self._clock = clock
        self._up = False
        self._unasked: list[Entry] = []  # late errors, until the link is up to ask for the client
        self._in_words: set[str] = set()  # entries whose client is gone
        self._owed: dict[str, Parcel] = {}  # the last for each entry

    def due(self, entry: Entry, before: DeliveryState) -> None:
        """The entry has come from ``before`` to where it is."""
        wanted = self._wanted(entry, _DUE.get((before, entry.state), ()))
        entry.body = entry.extra = entry.parts = ""
        if not wanted:
            if entry.id not in self._owed:
                entry.settle()
            self._journal.note(entry)
            return
        entry.active = True
        self._journal.enter(entry, partial(self._written, entry, wanted))

    def _wanted(self, entry: Entry, due: tuple[str, ...]) -> tuple[str, ...]:
        wishes = {_ERROR: True, _RECEIPT: entry.receipt, _DISPLAYED: entry.markable}
        return tuple(word for word in due if wishes[word])

    def _written(self, entry: Entry, wanted: tuple[str, ...], outcome: Kept | StorageError) -> None:
        if isinstance(outcome, StorageError):
            self._journal.note(entry)  # it is true all the same, and will be written when that is possible
        self._owe(entry, wanted)

    def _owe(self, entry: Entry, wanted: tuple[str, ...]) -> None:
        parcel = self._owed[entry.id] = Parcel(entry, wanted)
        if _ERROR in wanted and self._clock.now() - entry.created > _LATE:
            self._ask(entry, parcel)
        else:
            self._courier.take(parcel)

    # -- is the client still there? ----------------------------------------------------------------------------

    def up(self) -> None:
        self._up = True
        unasked, self._unasked = self._unasked, []
        for entry in unasked:
            self._ask(entry, self._owed[entry.id])

    def lost(self) -> None:
        self._up = False

    def _ask(self, entry: Entry, parcel: Parcel) -> None:
        if not self._up:
            self._unasked.append(entry)
            return

        def answered(outcome: Element | Refused) -> None:
            if not self._up:
                self._unasked.append(entry)
                return
            if isinstance(outcome, Refused) and outcome.condition in _GONE:
                self._in_words.add(entry.id)
            self._courier.take(parcel)

        self._iq.request_cb(entry.origin, _PING, answered, sender=self._jid, timeout=_PATIENCE)

    # -- the courier's side ------------------------------------------------------------------------------------

    def stanzas(self, parcel: Parcel) -> list[str]:
        return [self._say(word, parcel.entry) for word in parcel.words]

    def _say(self, word: str, entry: Entry) -> str:
        if word == _RECEIPT:
            return words.receipt(entry)
        if word == _DISPLAYED:
            return words.displayed(entry)
        if entry.id in self._in_words:
            return words.error_in_words(entry, self._jid, self._readers)
        return words.error(entry, self._readers)

    def arrived(self, parcel: Parcel) -> None:
        """The user's server has it: nothing is owed any more, unless there is later news."""
        entry = parcel.entry
        self._in_words.discard(entry.id)
        if self._owed.get(entry.id) is parcel:
            del self._owed[entry.id]
            entry.settle()
            self._journal.note(entry)

    def restore(self, entry: Entry) -> None:
        """A row of an earlier process with something still owed: all that its state is told by."""
        wanted = self._wanted(entry, _DUE.get((_QUEUED, entry.state), ()))
        if wanted:
            self._owe(entry, wanted)
        else:
            entry.settle()
            self._journal.note(entry)

    def forget(self, owner: str) -> None:
        self._unasked = [each for each in self._unasked if each.owner != owner]
        for id_ in [id_ for id_, parcel in self._owed.items() if parcel.entry.owner == owner]:
            del self._owed[id_]
