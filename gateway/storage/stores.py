"""All stores together, as the composition root hands them out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from gateway.bridge import Clock, Schema
from gateway.secrets import SecretBox
from gateway.storage.access import AccessStore
from gateway.storage.accounts import AccountStore
from gateway.storage.archive import ArchiveStore
from gateway.storage.archive_pages import ArchivePages
from gateway.storage.contacts import ContactStore
from gateway.storage.database import Database
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.files import FileStore
from gateway.storage.memory import MemoryStore
from gateway.storage.owned import OwnedRows
from gateway.storage.preferences import PreferenceStore
from gateway.storage.rooms import RoomStore
from gateway.storage.subscriptions import SubscriptionStore


@dataclass(frozen=True, slots=True)
class Stores:
    accounts: AccountStore
    rooms: RoomStore
    archive: ArchiveStore
    pages: ArchivePages
    subscriptions: SubscriptionStore
    contacts: ContactStore
    deliveries: DeliveryStore
    access: AccessStore
    owned: OwnedRows
    files: FileStore
    memory: MemoryStore
    preferences: PreferenceStore
    pseudonym: Callable[..., str]  # see ``SecretBox.pseudonym``

    @classmethod
    def of(cls, database: Database, secrets: SecretBox, clock: Clock, schemas: Sequence[Schema] = ()) -> Self:
        """The stores of one database, which must be running. ``schemas``: tables of bridges, which exist."""
        archive = ArchiveStore(database, clock)
        return cls(
            AccountStore(database, secrets),
            RoomStore(database, secrets),
            archive,
            ArchivePages(database, archive, clock),
            SubscriptionStore(database),
            ContactStore(database),
            DeliveryStore(database),
            AccessStore(database),
            OwnedRows(database, schemas),
            FileStore(database),
            MemoryStore(database, secrets),
            PreferenceStore(database, secrets),
            secrets.pseudonym,
        )
