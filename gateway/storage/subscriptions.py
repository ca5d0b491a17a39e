"""Presence subscriptions between users and foreign contacts (RFC 6121 §3), as the gateway keeps them."""

from sqlalchemy import select

from gateway.storage.database import Database
from gateway.storage.records import StoredSubscription, SubscriptionState
from gateway.storage.schema import subscriptions
from gateway.storage.statements import delete_by, upsert


class SubscriptionStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._save = upsert(database.dialect, subscriptions)
        self._forget = delete_by(subscriptions, ("bridge", "owner", "contact_local"))

    async def all(self, bridge: str) -> list[StoredSubscription]:
        query = select(subscriptions).where(subscriptions.c.bridge == bridge)
        rows = await self._database.read(query.order_by(subscriptions.c.owner, subscriptions.c.contact_local))
        return [
            StoredSubscription(
                row.bridge, row.owner, row.contact_local, SubscriptionState(row.state), row.pending
            )
            for row in rows
        ]

    async def save(self, subscription: StoredSubscription) -> None:
        """Insert or replace."""
        await self._database.write(self._save, _values(subscription))

    def post_save(self, subscription: StoredSubscription) -> bool:
        """As ``save``, with the next commit; False if too much waits already."""
        return self._database.post(self._save, _values(subscription))

    async def forget(self, bridge: str, owner: str, contact_local: str) -> None:
        await self._database.write(self._forget, _place(bridge, owner, contact_local))

    def post_forget(self, bridge: str, owner: str, contact_local: str) -> bool:
        """As ``forget``, with the next commit; False if too much waits already."""
        return self._database.post(self._forget, _place(bridge, owner, contact_local))


def _place(bridge: str, owner: str, contact_local: str) -> dict[str, object]:
    return {"bridge": bridge, "owner": owner, "contact_local": contact_local}


def _values(subscription: StoredSubscription) -> dict[str, object]:
    place = _place(subscription.bridge, subscription.owner, subscription.contact_local)
    return place | {"state": subscription.state.value, "pending": subscription.pending}
