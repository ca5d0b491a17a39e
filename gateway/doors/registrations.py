"""Registrations (XEP-0100 §4.1 to §4.5): who has one, the flows around it, and the account that stands behind it.

Owns the registrations and knows which clients of registered users are online. Through which door somebody registers is the
doors' business; what is asked for, and whether it is right, the bridge's.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Protocol

import structlog

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts, TooMany
from gateway.bridge import Account as Login
from gateway.bridge import BadAddress, Bridge, Clock, Registering
from gateway.contacts.known import AWAY, Standing, standing
from gateway.doors import links
from gateway.doors.access import Access, RegistrationMode
from gateway.doors.personal import PersonalData
from gateway.limits import Kind, Limits
from gateway.model import AccountState, Availability, Condition, Field, FieldKind, Refused
from gateway.storage.records import RegistrationState, StoredRegistration
from gateway.storage.stores import Stores
from gateway.texts import Text
from gateway.xmpp.errors import RefusedError, error_element
from gateway.xmpp.forms import Values, check, in_words
from gateway.xmpp.stanza import Jid, Stanza, parse_jid
from gateway.xmpp.text import attribute

_log = structlog.get_logger(__name__)

#: Seconds for the bridge to find out whether a registration is good; the request itself has 30.
_VALIDATION = 25.0
_CLIENTS_MOST = 50  # of one user, remembered as online

_CLOSED = Refused(Condition.NOT_ALLOWED, "This gateway takes no new registrations; ask its operator.")
_FORBIDDEN = Refused(Condition.FORBIDDEN, "This gateway is not open to your address; ask its operator.")
_LATE = Refused(
    Condition.REMOTE_SERVER_TIMEOUT,
    "The network did not answer in time, so your registration could not be checked. Please try again later.",
)
_RUNNING = Refused(
    Condition.UNEXPECTED_REQUEST, "Your last attempt to register is still being checked. Please wait for it."
)
_UNKNOWN = Refused(Condition.REGISTRATION_REQUIRED, "You are not registered with this gateway.")

HERE = standing(Availability.AVAILABLE, "")

_FAILED: dict[AccountState, Condition] = {
    AccountState.BAD_CREDENTIALS: Condition.NOT_AUTHORIZED,
    AccountState.STOPPED: Condition.NOT_ALLOWED,
}


class RegistrationContext(Protocol):
    """What is needed of the component."""

    jid: str
    bridge: Bridge
    clock: Clock
    accounts: Accounts
    usage: Limits

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def tell(self, user: str, text: str) -> None:
        """A chat message of the gateway itself."""

    def ask_to_see(self, owner: str) -> None:
        """A subscription request of the gateway, unless there was one."""

    def standing_changed(self, owner: str) -> None:
        """The gateway shows itself differently to a user now."""

    def spawn(self, work: Awaitable[None]) -> None: ...


class Registrations:
    """``name`` is the bridge's name in the configuration; the bridge has the capability ``registration``."""

    def __init__(
        self,
        name: str,
        bridge: Registering,
        context: RegistrationContext,
        stores: Stores,
        access: Access,
        personal: PersonalData,
    ) -> None:
        self._name = name
        self._bridge = bridge
        self._context = context
        self._stores = stores
        self._access = access
        self._personal = personal
        self._records: dict[str, StoredRegistration] = {}
        self._clients: dict[str, set[str]] = {}  # online ones of registered users, by bare JID
        self._checking: set[str] = set()

    # -- life --------------------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """Remember the registrations; those that stay logged in are logged in at once."""
        for record in await self._stores.access.registrations(self._name):
            self._records[record.owner] = record
            if record.stays:
                self._log_in(record.owner)

    def probe(self) -> None:
        """Ask where registered users are: the link came up, and what they did meanwhile is unknown (XEP-0100 §4.4)."""
        self._clients.clear()
        us = attribute(self._context.jid)
        for owner, record in self._records.items():
            if record.state is RegistrationState.ACTIVE:
                self._context.send(f"<presence type='probe' from='{us}' to='{attribute(owner)}'/>")

    def of(self, owner: str) -> StoredRegistration | None:
        return self._records.get(owner)

    @property
    def pending(self) -> list[str]:
        """Who waits for an admin's word, longest first."""
        waiting = (each for each in self._records.values() if each.state is RegistrationState.PENDING)
        return [each.owner for each in sorted(waiting, key=lambda each: each.created)]

    # -- registering -------------------------------------------------------------------------------------------

    async def fields(self, owner: str) -> tuple[Field, ...]:
        """What to fill in, with what is known in it; secrets are never shown, and need not be given again."""
        stored = await self._settings(owner) if owner in self._records else {}
        return tuple(
            _with_value(field, stored.get(field.name)) for field in self._bridge.registration_fields()
        )

    async def submit(self, user: Jid, submitted: Values) -> RegistrationState:
        """Register a user, or change the registration. Raises ``RefusedError`` with what XEP-0100 §4.1.2 wants, and
        ``StorageError``. ``welcome`` comes after the answer."""
        owner = user.bare
        self._may(user)
        if owner in self._checking:
            raise RefusedError(_RUNNING)
        refused = self._context.usage.take(owner, Kind.REGISTRATIONS)
        if refused is not None:
            raise RefusedError(refused)
        self._checking.add(owner)
        try:
            values = await self._checked(owner, submitted)
            return await self._save(owner, values)
        finally:
            self._checking.discard(owner)

    def _may(self, user: Jid) -> None:
        if not self._access.allowed(user):
            raise RefusedError(_FORBIDDEN)
        if self._access.policy.registration is RegistrationMode.CLOSED and user.bare not in self._records:
            raise RefusedError(_CLOSED)

    async def _checked(self, owner: str, submitted: Values) -> dict[str, str]:
        stored = await self._settings(owner) if owner in self._records else {}
        fields = [_with_value(field, stored.get(field.name)) for field in self._bridge.registration_fields()]
        given = in_words(check(fields, submitted))
        # XEP-0077 §3.3: everything is sent, and what is missing is empty; but a secret that was not shown is not lost.
        values = {field.name: given.get(field.name, "") for field in fields}
        for field in fields:
            if field.kind is FieldKind.SECRET and not values[field.name]:
                values[field.name] = stored.get(field.name, "")
        try:
            async with asyncio.timeout(_VALIDATION):
                refused = await self._bridge.validate(
                    Login(owner, self._bridge.home, self._nick(owner), values)
                )
        except TimeoutError as error:
            raise RefusedError(_LATE) from error
        if refused is not None:
            raise RefusedError(refused)
        return values

    async def _save(self, owner: str, values: dict[str, str]) -> RegistrationState:
        # What was set for the network besides stays.
        besides = self._context.bridge.fields(self._bridge.home)
        fields = (*self._bridge.registration_fields(), *besides)
        stored = await self._settings(owner)
        kept = {field.name: stored[field.name] for field in besides if field.name in stored}
        secret = {field.name for field in fields if field.kind is FieldKind.SECRET}
        await self._stores.accounts.save_settings(self._name, owner, self._bridge.home, kept | values, secret)
        record = self._records.get(owner)
        if record is None:
            approval = self._access.policy.registration is RegistrationMode.APPROVAL
            state = RegistrationState.PENDING if approval else RegistrationState.ACTIVE
            record = StoredRegistration(self._name, owner, state, created=self._context.clock.now())
            await self._stores.access.save_registration(record)
            self._records[owner] = record
            _log.info("registered", bridge=self._name, user=owner, state=record.state)
        return record.state

    def welcome(self, client: Jid) -> None:
        """What follows a registration that was answered (XEP-0100 §4.1.1): contact with the user, then the login."""
        record = self._records.get(client.bare)
        if record is None:
            return
        self._context.ask_to_see(record.owner)
        if record.state is RegistrationState.PENDING:
            self._announce_pending(record.owner)
            return
        self._online(client)
        account = self._account(record.owner)
        if account is not None:
            account.reconnect()  # with what was registered now
        else:
            self._log_in(record.owner)

    def _announce_pending(self, owner: str) -> None:
        self._context.tell(
            owner, Text("Your registration waits for the operator's approval. You will be told here.")
        )
        link = links.command(self._context.jid, "registrations")
        for admin in self._access.policy.admins:
            self._context.tell(
                admin, Text("{user} wants to register. Decide here: {link}", user=owner, link=link)
            )

    async def approve(self, owner: str) -> bool:
        """Let somebody in who waits; whether somebody did. Raises ``StorageError``."""
        record = self._records.get(owner)
        if record is None or record.state is not RegistrationState.PENDING:
            return False
        record = replace(record, state=RegistrationState.ACTIVE)
        await self._stores.access.save_registration(record)
        self._records[owner] = record
        self._context.tell(owner, Text("Your registration was approved. Welcome!"))
        self._log_in(owner)
        return True

    async def reject(self, owner: str) -> bool:
        record = self._records.get(owner)
        if record is None or record.state is not RegistrationState.PENDING:
            return False
        self._context.tell(owner, Text("Your registration was not approved; what you entered was deleted."))
        await self.remove(owner)
        self.leave(owner)
        return True

    def staying(self) -> tuple[Text, Text]:
        """What the preference is called, and what it is about."""
        can = self._context.bridge.capabilities
        if can.local_sessions:
            return (
                Text("Show me {noun} also while I am offline", noun=can.network_noun),
                Text("If not, it waits until the first of your clients comes online."),
            )
        return (
            Text("Stay logged in while I am offline"),
            Text(
                "If not, you are logged in when the first of your clients comes online, and out with the last."
            ),
        )

    async def prefer(self, owner: str, *, stays: bool) -> None:
        """Whether to stay logged in while the user is offline. Raises ``RefusedError`` and ``StorageError``."""
        record = self._records.get(owner)
        if record is None:
            raise RefusedError(_UNKNOWN)
        self._records[owner] = record = replace(record, stays=stays)
        await self._stores.access.save_registration(record)

    # -- unregistering -----------------------------------------------------------------------------------------

    async def remove(self, owner: str) -> None:
        """Forget a registration with all that belongs to it; ``leave`` comes after the answer. Raises ``RefusedError`` and
        ``StorageError``."""
        if owner not in self._records:
            raise RefusedError(_UNKNOWN)
        await self._personal.erase(owner)
        self._records.pop(owner, None)
        _log.info("unregistered", bridge=self._name, user=owner)

    def leave(self, owner: str) -> None:
        self._personal.leave(owner, "You are not registered with this gateway any more.")

    def forget(self, owner: str) -> None:
        """The user's data was erased."""
        self._records.pop(owner, None)
        self._clients.pop(owner, None)

    async def _removed(self, owner: str) -> None:
        await self.remove(owner)
        self.leave(owner)

    # -- presence ----------------------------------------------------------------------------------------------

    def presence(self, stanza: Stanza) -> None:
        """Presence of a user to the gateway itself. Taking the gateway out of one's roster is unregistering."""
        owner = stanza.sender.bare
        if owner not in self._records:
            return
        if stanza.type == "available":
            self._online(stanza.sender)
            self._log_in(owner)
        elif stanza.type == "unavailable":
            self._offline(stanza.sender)
        elif stanza.type == "unsubscribe":
            self._context.spawn(self._removed(owner))

    def _online(self, client: Jid) -> None:
        clients = self._clients.setdefault(client.bare, set())
        if client.resource and len(clients) < _CLIENTS_MOST:
            clients.add(client.full)

    def _offline(self, client: Jid) -> None:
        clients = self._clients.get(client.bare, set())
        if client.resource:
            clients.discard(client.full)
        else:
            clients.clear()  # the server answers a probe for a user without clients
        record = self._records[client.bare]
        account = self._account(client.bare)
        if not clients and not record.stays and account is not None:
            account.release()

    # -- the account behind it ---------------------------------------------------------------------------------

    def _log_in(self, owner: str) -> None:
        if self._records[owner].state is not RegistrationState.ACTIVE:
            return
        if not self._access.allowed(parse_jid(owner)):
            return
        try:
            account = self._context.accounts.open(owner, self._bridge.home, self._nick(owner))
        except TooMany as error:
            self._context.tell(owner, error.refused.text)
            return
        account.standing = True
        self._context.accounts.start(account)

    def standing(self, owner: str) -> Standing:
        """How the gateway shows itself: to registered users as available while they are logged in (XEP-0100 §4.4.1)."""
        record = self._records.get(owner)
        if record is None:
            return HERE
        if record.state is RegistrationState.PENDING:
            return standing(Availability.UNAVAILABLE, "Your registration waits for the operator's approval.")
        account = self._account(owner)
        if account is None:
            return AWAY
        return HERE if account.connected else standing(Availability.UNAVAILABLE, account.status.reason)

    def status_changed(self, account: Account) -> None:
        """The gateway shows whether the user is logged in. A login that failed for good is told (XEP-0100 §4.4.2): as a
        presence error, and in words."""
        if account.network != self._bridge.home or account.owner not in self._records:
            return
        self._context.standing_changed(account.owner)
        condition = _FAILED.get(account.status.state)
        if condition is None:
            return
        why = Refused(condition, account.status.reason)
        us, them = attribute(self._context.jid), attribute(account.owner)
        self._context.send(
            f"<presence type='error' from='{us}' to='{them}'>{error_element(why)}</presence>", keep=True
        )
        link = links.command(self._context.jid, "register")
        text = Text(
            "You are not logged in any more: {reason} Change your registration here: {link}",
            reason=account.status.reason,
            link=link,
        )
        self._context.tell(account.owner, text)

    def _account(self, owner: str) -> Account | None:
        return self._context.accounts.find(owner, self._bridge.home)

    def _nick(self, owner: str) -> str:
        try:
            return self._context.bridge.nick(parse_jid(owner).local)
        except BadAddress:
            return ""

    async def _settings(self, owner: str) -> dict[str, str]:
        return await self._stores.accounts.settings(self._name, owner, self._bridge.home)


def _with_value(field: Field, stored: str | None) -> Field:
    if stored is None:
        return field
    if field.kind is FieldKind.SECRET:
        label = Text("{label} (set; empty keeps it)", label=field.label)
        return replace(field, label=label, default="", required=field.required and not stored)
    return replace(field, default=stored)
