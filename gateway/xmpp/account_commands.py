"""The ad-hoc commands that every bridge with networks has: look at one's connections, set them up, end them.

Nodes are readable: terminal clients list them instead of the titles.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge
from gateway.model import Address, AddressKind, Field, FieldKind
from gateway.storage.stores import Stores
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Again, Command, Done, Execution, Outcome, Page

_LISTED = 200
_APPLIED = "Configuration successfully applied."


class AccountCommands:
    """``available`` is what ``Commands`` asks. ``name`` is the bridge's name in the configuration."""

    def __init__(
        self,
        bridge: Bridge,
        book: AddressBook,
        accounts: Accounts,
        stores: Stores,
        name: str,
        allowed: Callable[[Jid], bool],
        admin: Callable[[Jid], bool],
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._stores = stores
        self._name = name
        self._allowed = allowed
        self._admin = admin

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if target.resource or address.kind in (AddressKind.ROOM, AddressKind.CONTACT):
            return None
        commands: list[Command] = []
        if not address.network or not target.local:
            commands += [
                Command("ping", "Do a ping", lambda execution: Done("Pong"), self._allowed),
                Command("connections", "Show my connections", self._connections, self._allowed),
                Command("disconnect", "Disconnect from a network", self._disconnect, self._allowed),
                Command("all-connections", "Show everybody's connections", self._all, self._admin),
            ]
        if address.network:
            node = "configure" if target.local else "server-configure"
            commands += [
                Command(node, f"Configure {address.network}", self._configure, self._allowed),
                Command(
                    "get-irc-connection-info"
                    if self._bridge.capabilities.gateway_type == "irc"
                    else "connection-info",
                    f"Show the state of my connection to {address.network}",
                    self._connection_info,
                    self._allowed,
                ),
                Command("reconnect", f"Connect to {address.network} anew", self._reconnect, self._allowed),
            ]
        return commands

    # -- everything the user has -------------------------------------------------------------------------------

    def _connections(self, execution: Execution) -> Outcome:
        accounts = self._accounts.of(execution.requester.bare)
        return Done("\n".join(map(_described, accounts)) or "You are not connected to any network.")

    def _all(self, execution: Execution) -> Outcome:
        """For admins: how many there are, and the first of them by state."""
        lines = sorted(
            f"{account.status.state}: {account.owner} on {account.network}" for account in self._accounts
        )
        rest = [f"and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
        return Done("\n".join([f"{len(lines)} connections", *lines[:_LISTED], *rest]))

    def _disconnect(self, execution: Execution) -> Outcome:
        accounts = self._accounts.of(execution.requester.bare)
        if not accounts:
            return Done("You are not connected to any network.")
        if not execution.stage:
            options = tuple((account.network, account.network) for account in accounts)
            return Page(
                Form(
                    "Disconnect from a network",
                    (
                        Field("network", "Network", FieldKind.CHOICE, required=True, options=options),
                        Field("quit-message", "Parting message"),
                    ),
                    "You leave all rooms of the network.",
                )
            )
        account = self._accounts.find(execution.requester.bare, execution.text("network"))
        if account is None:
            return Done("You are not connected to that network any more.")
        message = execution.text("quit-message")
        # Room presence follows the answer: the client that asked has seen its command end by then.
        return Done(f"Disconnected from {account.network}.", then=lambda: account.abandon(message))

    # -- one network -------------------------------------------------------------------------------------------

    def _network(self, execution: Execution) -> Address:
        return self._book.address(execution.target.local)

    def _account(self, execution: Execution) -> Account | None:
        return self._accounts.find(execution.requester.bare, self._network(execution).network)

    def _configure(self, execution: Execution) -> Awaitable[Outcome]:
        network = self._network(execution).network
        return self._save(execution, network) if execution.stage else self._show(execution, network)

    async def _show(self, execution: Execution, network: str) -> Outcome:
        stored = await self._stores.accounts.settings(self._name, execution.requester.bare, network)
        fields = tuple(
            # What is set is shown, but a secret never leaves: an empty one means "as it was".
            Field(
                each.name,
                each.label,
                each.kind,
                stored.get(each.name, each.default),
                each.help,
                options=each.options,
            )
            if each.kind is not FieldKind.SECRET
            else Field(
                each.name, each.label + (" (set; empty keeps it)" if stored.get(each.name) else ""), each.kind
            )
            for each in self._bridge.fields(network)
        )
        form = Form(
            f"Configure {network}",
            fields,
            f"Your own settings for {network}. They are used from the next connection on.",
        )
        return Page(form)

    async def _save(self, execution: Execution, network: str) -> Outcome:
        owner = execution.requester.bare
        stored = await self._stores.accounts.settings(self._name, owner, network)
        fields = self._bridge.fields(network)
        values = {each.name: execution.text(each.name) for each in fields}
        for each in fields:
            if each.kind is FieldKind.SECRET and not values[each.name]:
                values[each.name] = stored.get(each.name, "")
        try:
            self._bridge.check(values)
        except BadAddress as error:
            return Again(str(error))
        secret = frozenset(each.name for each in fields if each.kind is FieldKind.SECRET)
        await self._stores.accounts.save_settings(self._name, owner, network, values, secret)
        account = self._accounts.find(owner, network)
        if account is not None:
            account.retry()
        return Done(_APPLIED)

    def _connection_info(self, execution: Execution) -> Outcome:
        account = self._account(execution)
        if account is None:
            return Done(f"You are not connected to {self._network(execution).network}.")
        return Done(_described(account))

    def _reconnect(self, execution: Execution) -> Outcome:
        account = self._account(execution)
        if account is None:
            return Done(
                f"You are not connected to {self._network(execution).network}; join one of its rooms."
            )
        return Done("Connecting anew.", then=account.reconnect)


def _described(account: Account) -> str:
    status = account.status
    lines = [f"{account.network}: {status.state}"]
    if account.connected:
        lines[0] += f" as {account.nick}"
    if status.reason:
        lines[0] += f" ({status.reason})"
    if status.next_try is not None:
        moment = datetime.fromtimestamp(status.next_try, UTC)
        lines[0] += f", next try at {moment:%H:%M:%S} UTC"
    for room in account.rooms.values():
        clients = len(room.attendees)
        lines.append(f"  {room.address.name}: {clients} {'client' if clients == 1 else 'clients'}")
    return "\n".join(lines)
