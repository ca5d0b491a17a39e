"""The archives of one component, put together: what is written down, and who is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.accounts.account import Account
from gateway.bridge import Bridge, Services
from gateway.delivery.entry import Entry
from gateway.history.answers import Answers
from gateway.history.recorder import Recorder
from gateway.ids import IdSource
from gateway.rooms.habits import Habits
from gateway.storage.stores import Stores
from gateway.xmpp import mam
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.router import Router


@dataclass(frozen=True, slots=True)
class ArchivePolicy:
    """What the operator decided: whether there are archives at all, and whether what users say is recorded who have not said
    whether they want that."""

    kept: bool = True
    recorded: bool = True


class Archives:
    """``account`` finds one by user and network; ``send`` and ``drain`` are the link's."""

    def __init__(
        self,
        name: str,
        bridge: Bridge,
        book: AddressBook,
        services: Services,
        stores: Stores,
        policy: ArchivePolicy,
        *,
        send: Callable[[str], bool],
        drain: Callable[[], Awaitable[None]],
        account: Callable[[str, str], Account | None],
    ) -> None:
        ids = IdSource(services.clock, services.random)
        usual = Habits(record=policy.recorded)

        def habits(owner: str, network: str) -> Habits:
            found = account(owner, network)
            return found.habits if found is not None else usual

        now = services.clock.now
        self.recorder = Recorder(name, bridge, stores.archive, ids, now, habits, on=policy.kept)
        self._answers = Answers(
            name, bridge, book, stores.archive, stores.pages, ids, send=send, drain=drain, account=account
        )

    @property
    def features(self) -> frozenset[str]:
        """What addresses with an archive announce."""
        return mam.FEATURES if self.recorder.on else frozenset()

    def register(self, router: Router) -> None:
        if self.recorder.on:
            self._answers.register(router)

    def heard(self, then: Callable[[Entry], None]) -> Callable[[Entry], None]:
        """``then``, and write down what a contact said."""
        return _both(then, self.recorder.heard)

    def taken(self, then: Callable[[Entry], None]) -> Callable[[Entry], None]:
        """``then``, and write down what a contact was told."""
        return _both(then, self.recorder.sent)


def _both(first: Callable[[Entry], None], second: Callable[[Entry], None]) -> Callable[[Entry], None]:
    def call(entry: Entry) -> None:
        first(entry)
        second(entry)

    return call
