"""What networks tell of users' contacts, so that names and pictures are there right after a start. Pictures are kept once,
under the SHA-1 of their bytes, which is also their name on the XMPP side (XEP-0084 §4)."""

from hashlib import sha1
from typing import Any

from sqlalchemy import Row, delete, select

from gateway.model import Contact, Picture
from gateway.storage.database import Database
from gateway.storage.records import StoredContact
from gateway.storage.schema import contacts, pictures
from gateway.storage.statements import upsert


class ContactStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._save = upsert(database.dialect, contacts)
        self._save_picture = upsert(database.dialect, pictures)

    async def all(self, bridge: str) -> list[StoredContact]:
        """Everybody. Equal pictures are one object."""
        query = select(contacts).where(contacts.c.bridge == bridge)
        rows = await self._database.read(
            query.order_by(contacts.c.owner, contacts.c.network, contacts.c.name)
        )
        shown = {
            row.id: Picture(bytes(row.data), row.media_type)
            for row in await self._database.read(
                select(pictures).where(
                    pictures.c.id.in_(select(contacts.c.picture).where(contacts.c.bridge == bridge))
                )
            )
        }
        return [_contact(row, shown) for row in rows]

    def post_save(self, stored: StoredContact) -> bool:
        """Insert or replace with the next commit; False if too much waits already."""
        contact = stored.contact
        picture = contact.picture
        id_ = sha1(picture.data, usedforsecurity=False).hexdigest() if picture is not None else ""
        if picture is not None and not self._database.post(
            self._save_picture, {"id": id_, "media_type": picture.media_type, "data": picture.data}
        ):
            return False
        return self._database.post(
            self._save,
            {
                "bridge": stored.bridge,
                "owner": stored.owner,
                "network": stored.network,
                "name": contact.name,
                "display_name": contact.display_name,
                "picture": id_,
                "about": contact.about,
                "listed": contact.listed,
            },
        )

    async def tidy(self) -> None:
        """Let go of pictures that nobody has any more."""
        await self._database.write(delete(pictures).where(pictures.c.id.not_in(select(contacts.c.picture))))


def _contact(row: Row[Any], shown: dict[str, Picture]) -> StoredContact:
    contact = Contact(row.name, row.display_name, shown.get(row.picture), row.about, row.listed)
    return StoredContact(row.bridge, row.owner, row.network, contact)
