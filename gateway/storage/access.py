"""Who has registered, who may do so, and the limits that admins changed at run time."""

from collections.abc import Mapping

from sqlalchemy import select

from gateway.storage.database import Database
from gateway.storage.records import AccessRule, RegistrationState, StoredRegistration
from gateway.storage.schema import access_rules, limits, registrations
from gateway.storage.statements import delete_by, upsert


class AccessStore:
    """What is awaited is committed when the call returns, and raises ``StorageError`` otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._save_registration = upsert(database.dialect, registrations, only=("state", "stays"))
        self._save_rule = upsert(database.dialect, access_rules)
        self._forget_rule = delete_by(access_rules, ("bridge", "subject"))
        self._save_limit = upsert(database.dialect, limits)
        self._forget_limit = delete_by(limits, ("bridge", "name"))

    async def registrations(self, bridge: str) -> list[StoredRegistration]:
        query = select(registrations).where(registrations.c.bridge == bridge).order_by(registrations.c.owner)
        return [
            StoredRegistration(row.bridge, row.owner, RegistrationState(row.state), row.stays, row.created)
            for row in await self._database.read(query)
        ]

    async def save_registration(self, registration: StoredRegistration) -> None:
        """Insert or replace; ``created`` stays what it was at first."""
        values = {
            "state": registration.state.value,
            "stays": registration.stays,
            "created": registration.created,
        }
        await self._database.write(
            self._save_registration, {"bridge": registration.bridge, "owner": registration.owner, **values}
        )

    async def rules(self, bridge: str) -> list[AccessRule]:
        query = select(access_rules).where(access_rules.c.bridge == bridge).order_by(access_rules.c.subject)
        return [
            AccessRule(row.bridge, row.subject, row.allow, row.reason, row.author, row.created)
            for row in await self._database.read(query)
        ]

    async def save_rule(self, rule: AccessRule) -> None:
        """Insert or replace."""
        values = {"allow": rule.allow, "reason": rule.reason, "author": rule.author, "created": rule.created}
        await self._database.write(self._save_rule, {"bridge": rule.bridge, "subject": rule.subject} | values)

    async def forget_rule(self, bridge: str, subject: str) -> None:
        await self._database.write(self._forget_rule, {"bridge": bridge, "subject": subject})

    async def limits(self, bridge: str) -> dict[str, int]:
        rows = await self._database.read(select(limits).where(limits.c.bridge == bridge))
        return {row.name: row.value for row in rows}

    async def change_limits(self, bridge: str, values: Mapping[str, int | None]) -> None:
        """Keep the values; None goes back to what the configuration says."""
        await self._database.write_all(
            [
                (self._forget_limit, {"bridge": bridge, "name": name})
                if value is None
                else (self._save_limit, {"bridge": bridge, "name": name, "value": value})
                for name, value in values.items()
            ]
        )
