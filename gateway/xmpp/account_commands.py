"""The ad-hoc commands that every bridge with networks has: look at one's connections, and begin them anew.

Nodes are readable: terminal clients list them instead of the titles.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import cast

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge, Clock, Detailed
from gateway.model import AccountState, AddressKind, Details, Field
from gateway.texts import Text, joined
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Again, Command, Done, Execution, Outcome, Page

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
    """``available`` is what ``Commands`` asks."""

    def __init__(
        self,
        bridge: Bridge,
        book: AddressBook,
        accounts: Accounts,
        clock: Clock,
        allowed: Callable[[Jid], bool],
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._clock = clock
        self._allowed = allowed
        self._noun = bridge.capabilities.network_noun
        # "IRC server": get-irc-connection-info, which scripts know.
        kind, _, rest = self._noun.lower().partition(" ")
        self._info = f"get-{kind}-connection-info" if rest else "connection-info"

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if target.resource or address.kind in (AddressKind.ROOM, AddressKind.CONTACT):
            return None
        if target.local:
            return self._of_network("")
        of_networks = self._of_network("" if address.network else "-network")
        return [*self._everywhere(), *(of_networks if address.network or self._has_networks else ())]

    @property
    def _has_networks(self) -> bool:
        return self._bridge.capabilities.networks

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
                "hello",
                Text("Receive a custom greeting"),
                _greet,
                self._allowed,
                Text("Shows that forms work."),
            ),
            Command(
                "connections",
                Text("Show my connections"),
                self._connections,
                self._allowed,
                Text("The networks you are connected to, and your rooms there."),
            ),
        ]

    def _of_network(self, suffix: str) -> list[Command]:
        """About one network: that of the address, or, for people who can only write to the gateway itself, one that they are
        asked for first."""
        return [
            Command(
                self._info + suffix,
                Text("Returns various information about your connection to this {noun}.", noun=self._noun),
                self._connection_info,
                self._allowed,
                Text("How you are connected, since when, and which of your clients are in which rooms."),
            ),
            Command(
                f"reconnect{suffix}",
                Text("Connect to a {noun} anew", noun=self._noun),
                self._reconnect,
                self._allowed,
                Text("Ends the connection, if there is one, and starts another; you stay in your rooms."),
            ),
        ]

    # -- everything the user has -------------------------------------------------------------------------------

    def _connections(self, execution: Execution) -> Outcome:
        accounts = self._accounts.of(execution.requester.bare)
        return Done(joined("\n", map(_described, accounts)) if accounts else _NOWHERE)

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

    def _connection_info(self, execution: Execution) -> Outcome:
        network = self._network(execution)
        if not isinstance(network, str):
            return network
        account = self._accounts.find(execution.requester.bare, network)
        if account is None or not account.connected:
            text = Text("You are not connected to the {noun} {network}", noun=self._noun, network=network)
            return Done(text if account is None else joined("\n", [text, _state(account)]))
        details = Details()
        if self._bridge.capabilities.details:
            details = cast("Detailed", account.session).details()  # the capability says that it can
        return Done(
            joined("\n", [self._connected(account, details.place), *_presence(account), *details.more])
        )

    def _connected(self, account: Account, place: str) -> Text:
        seconds = max(0.0, self._clock.monotonic() - (account.online_since or 0.0))
        since = datetime.fromtimestamp(self._clock.now() - seconds, UTC)
        return Text(
            "Connected to {noun} {network}{place} since {time} ({seconds} seconds ago).",
            noun=self._noun,
            network=account.network,
            place=f" {place}" if place else "",
            time=f"{since:%Y-%m-%d %H:%M:%S}",
            seconds=int(seconds),
        )

    def _reconnect(self, execution: Execution) -> Outcome:
        network = self._network(execution)
        if not isinstance(network, str):
            return network
        account = self._accounts.find(execution.requester.bare, network)
        if account is None:
            return Done(Text("You are not connected to {network}; join one of its rooms.", network=network))
        return Done(Text("Connecting anew."), then=account.reconnect)


def _greet(execution: Execution) -> Outcome:
    if not execution.stage:
        field = Field("name", Text("Your name"), required=True)
        return Page(Form(Text("Configure your name."), (field,), Text("Please provide your name.")))
    return Done(Text("Hello {name}!", name=execution.text("name")))


def _presence(account: Account) -> Iterator[Text]:
    """Which of the user's clients are in which rooms."""
    for room in account.rooms.values():
        resources = [jid.partition("/")[2] for jid in room.attendees]
        parts = {"room": room.address.name, "count": len(resources), "resources": " ".join(resources)}
        if not resources:
            yield Text("{room}, without any of your clients", room=room.address.name)
        elif len(resources) == 1:
            yield Text("{room} from {count} resource: {resources}", **parts)
        else:
            yield Text("{room} from {count} resources: {resources}", **parts)


def _state(account: Account) -> Text:
    status = account.status
    parts: list[str] = [_STATES[status.state]]
    if status.reason:
        parts.append(f"({status.reason})")
    if status.next_try is not None:
        moment = f"{datetime.fromtimestamp(status.next_try, UTC):%H:%M:%S}"
        parts.append(Text("next try at {time} UTC", time=moment))
    return joined(" ", parts)


def _described(account: Account) -> Text:
    head = Text("{network}: {state}", network=account.network, state=_state(account))
    if account.connected:
        head = joined(" ", [head, Text("as {nick}", nick=account.nick)])
    lines: list[str] = [head]
    for room in account.rooms.values():
        lines.append(
            Text("  {room}: {count} of your clients", room=room.address.name, count=len(room.attendees))
        )
    return joined("\n", lines)
