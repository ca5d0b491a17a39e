"""The ad-hoc commands that every bridge with networks has: look at one's connections, set them up, end them.

Nodes are readable: terminal clients list them instead of the titles.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge
from gateway.model import AccountState, AddressKind, Field, FieldKind
from gateway.storage.stores import Stores
from gateway.texts import Text, joined
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Again, Command, Done, Execution, Outcome, Page

_APPLIED = Text("Configuration successfully applied.")
_NOWHERE = Text("You are not connected to any network.")

_STATES: dict[AccountState, Text] = {
    AccountState.IDLE: Text("idle"),
    AccountState.WAITING: Text("waiting for its turn"),
    AccountState.CONNECTING: Text("connecting"),
    AccountState.CONNECTED: Text("connected"),
    AccountState.TRANSIENT_DISCONNECT: Text("disconnected"),
    AccountState.BAD_CREDENTIALS: Text("refused, change your password"),
    AccountState.STOPPED: Text("stopped"),
}


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
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._stores = stores
        self._name = name
        self._allowed = allowed

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if target.resource or address.kind in (AddressKind.ROOM, AddressKind.CONTACT):
            return None
        if not address.network:
            return [*self._everywhere(), *self._of_any_network()]
        if not target.local:
            return [*self._everywhere(), *self._of_network(address.network, "server-configure")]
        return self._of_network(address.network, "configure")

    def _everywhere(self) -> list[Command]:
        return [
            Command(
                "ping",
                Text("Do a ping"),
                lambda execution: Done(Text("Pong")),
                self._allowed,
                Text("Shows that the gateway is there."),
            ),
            Command(
                "connections",
                Text("Show my connections"),
                self._connections,
                self._allowed,
                Text("The networks you are connected to, and your rooms there."),
            ),
            Command(
                "disconnect",
                Text("Disconnect from a network"),
                self._disconnect,
                self._allowed,
                Text("Leaves all rooms of the network."),
            ),
        ]

    def _of_network(self, network: str, configure: str) -> list[Command]:
        """At the address of a network, or of a gateway to one network only."""
        irc = self._bridge.capabilities.gateway_type == "irc"
        return [
            Command(
                configure,
                Text("Configure {network}", network=network),
                self._configure,
                self._allowed,
                Text("Your own settings for this network."),
            ),
            Command(
                "get-irc-connection-info" if irc else "connection-info",
                Text("Show the state of my connection to {network}", network=network),
                self._connection_info,
                self._allowed,
            ),
            Command(
                "reconnect",
                Text("Connect to {network} anew", network=network),
                self._reconnect,
                self._allowed,
            ),
        ]

    def _of_any_network(self) -> list[Command]:
        """The same for people who can only write to the gateway itself: they are asked for the network first."""
        if not self._bridge.capabilities.networks:
            return []
        return [
            Command(
                "configure-network",
                Text("Configure a network"),
                self._configure,
                self._allowed,
                Text("Your own settings for one network: nick, password and the like."),
            ),
            Command(
                "reconnect-network",
                Text("Connect to a network anew"),
                self._reconnect,
                self._allowed,
                Text("Ends the connection, if there is one, and starts another; you stay in your rooms."),
            ),
        ]

    # -- everything the user has -------------------------------------------------------------------------------

    def _connections(self, execution: Execution) -> Outcome:
        accounts = self._accounts.of(execution.requester.bare)
        return Done(joined("\n", map(_described, accounts)) if accounts else _NOWHERE)

    def _disconnect(self, execution: Execution) -> Outcome:
        accounts = self._accounts.of(execution.requester.bare)
        if not accounts:
            return Done(_NOWHERE)
        if not execution.stage:
            options = tuple((account.network, account.network) for account in accounts)
            return Page(
                Form(
                    Text("Disconnect from a network"),
                    (
                        Field("network", Text("Network"), FieldKind.CHOICE, required=True, options=options),
                        Field("quit-message", Text("Parting message")),
                    ),
                    Text("You leave all rooms of the network."),
                )
            )
        account = self._accounts.find(execution.requester.bare, execution.text("network"))
        if account is None:
            return Done(Text("You are not connected to that network any more."))
        message = execution.text("quit-message")
        # Room presence follows the answer: the client that asked has seen its command end by then.
        return Done(
            Text("Disconnected from {network}.", network=account.network),
            then=lambda: account.abandon(message),
        )

    # -- one network -------------------------------------------------------------------------------------------

    def _network(self, execution: Execution) -> str | Page | Again:
        """The network it is about: that of the address, else the one asked for on the first page."""
        network = self._book.address(execution.target.local).network
        if network:
            return network
        if not execution.stage:
            mine = self._accounts.of(execution.requester.bare)
            return Page(
                Form(
                    Text("Which network?"),
                    (
                        Field(
                            "network",
                            Text("Network"),
                            default=mine[0].network if mine else "",
                            help=Text("Its name as it stands in the addresses of its rooms."),
                            required=True,
                        ),
                    ),
                ),
                last=False,
            )
        try:
            address = self._bridge.address(execution.text("network").strip())
        except BadAddress as error:
            return Again(str(error))
        if address.kind is not AddressKind.NETWORK:
            return Again(Text("This is not the name of a network."))
        return address.network

    def _filled(self, execution: Execution) -> bool:
        """Whether the page about the network itself was filled in, not only the one that asks which it is."""
        asked = not self._book.address(execution.target.local).network
        return execution.stage > (1 if asked else 0)

    def _configure(self, execution: Execution) -> Outcome | Awaitable[Outcome]:
        network = self._network(execution)
        if not isinstance(network, str):
            return network
        return self._save(execution, network) if self._filled(execution) else self._show(execution, network)

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
            Text("Configure {network}", network=network),
            fields,
            Text(
                "Your own settings for {network}. They are used from the next connection on.", network=network
            ),
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
        network = self._network(execution)
        if not isinstance(network, str):
            return network
        account = self._accounts.find(execution.requester.bare, network)
        if account is None:
            return Done(Text("You are not connected to {network}.", network=network))
        return Done(_described(account))

    def _reconnect(self, execution: Execution) -> Outcome:
        network = self._network(execution)
        if not isinstance(network, str):
            return network
        account = self._accounts.find(execution.requester.bare, network)
        if account is None:
            return Done(Text("You are not connected to {network}; join one of its rooms.", network=network))
        return Done(Text("Connecting anew."), then=account.reconnect)


def _described(account: Account) -> Text:
    status = account.status
    parts: list[str] = [Text("{network}: {state}", network=account.network, state=_STATES[status.state])]
    if account.connected:
        parts.append(Text("as {nick}", nick=account.nick))
    if status.reason:
        parts.append(f"({status.reason})")
    if status.next_try is not None:
        moment = f"{datetime.fromtimestamp(status.next_try, UTC):%H:%M:%S}"
        parts.append(Text("next try at {time} UTC", time=moment))
    lines: list[str] = [joined(" ", parts)]
    for room in account.rooms.values():
        lines.append(
            Text("  {room}: {count} of your clients", room=room.address.name, count=len(room.attendees))
        )
    return joined("\n", lines)
