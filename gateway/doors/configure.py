"""What users set, at every door: for the gateway, for a network, for a room. A form that is sent in replaces all that was
set there; what is missing in it is set no more.

What there is to set, and what it means, ``gateway.accounts.preferences`` and the bridge know. Scripts know the nodes, the
titles and the names of the fields.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from gateway.accounts.directory import Accounts
from gateway.accounts.preferences import Preferences
from gateway.bridge import Adjusts, BadAddress, Bridge, Registering
from gateway.model import Address, AddressKind, Condition, Field, Refused
from gateway.texts import Text
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form, Values
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, Outcome, Page

APPLIED = Text("Configuration successfully applied.")

_PLACE = "place"
_ASKING: dict[AddressKind, Callable[[], Form]] = {
    AddressKind.NETWORK: lambda: _asking(
        Text("Which network?"), Text("Network"), Text("Its name as it stands in the addresses of its rooms.")
    ),
    AddressKind.ROOM: lambda: _asking(
        Text("Which room?"),
        Text("Room"),
        Text("Its name and network, as they stand in its address before the last @."),
    ),
}


class Configuring:
    """``available`` is what ``Commands`` asks. A ``gateway.doors.owner.RoomPart``, too."""

    def __init__(
        self,
        bridge: Bridge,
        book: AddressBook,
        accounts: Accounts,
        preferences: Preferences,
        allowed: Callable[[Jid], bool],
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._preferences = preferences
        self._allowed = allowed

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        can = self._bridge.capabilities
        if target.resource or address.kind is AddressKind.CONTACT:
            return None
        if target.local:
            return [self._command("configure", address)]
        found: list[Command] = []
        if can.rooms or can.adjustable:
            node = "global-configure" if address.network else "configure"
            found.append(self._command(node, Address(AddressKind.GATEWAY)))
        if self._home is not None:
            found.append(self._command("account-configure", Address(AddressKind.NETWORK, self._home)))
        elif address.network:
            found.append(self._command("server-configure", Address(AddressKind.NETWORK, address.network)))
        elif can.networks:
            found.append(self._command("configure-network", Address(AddressKind.NETWORK)))
        if can.rooms:
            found.append(self._command("configure-room", Address(AddressKind.ROOM)))
        return found

    @property
    def _home(self) -> str | None:
        """Where users have their account, if they can set something for it and know of no networks."""
        can = self._bridge.capabilities
        home = cast("Registering", self._bridge).home if can.registration and not can.networks else None
        return home if home is not None and self._bridge.fields(home) else None

    def _command(self, node: str, about: Address) -> Command:
        """``about`` without a network stands for whichever the user will be asked for."""
        can = self._bridge.capabilities
        if about.kind is AddressKind.GATEWAY:
            name = Text("Configure a few settings")
        elif about.kind is AddressKind.NETWORK and about.network == self._home:
            name = Text("Configure my account")
        elif about.network:
            noun = can.room_noun if about.name else can.network_noun
            name = Text("Configure a few settings for that {noun}", noun=noun)
        else:
            name = _NAMES[about.kind]

        def run(execution: Execution) -> Outcome | Awaitable[Outcome]:
            return self._run(execution, about)

        return Command(node, name, run, self._allowed, _HELP[about.kind], Category.ACCOUNT)

    def _run(self, execution: Execution, about: Address) -> Outcome | Awaitable[Outcome]:
        if about.kind is AddressKind.GATEWAY or about.network:
            return self._step(execution, about, execution.stage)
        if not execution.stage:
            return Page(_ASKING[about.kind](), last=False)
        try:
            meant = self._bridge.address(execution.text(_PLACE).strip())
        except BadAddress as error:
            return Again(str(error))
        if meant.kind is not about.kind:
            return Again(_WRONG[about.kind])
        return self._step(execution, meant, execution.stage - 1)

    async def _step(self, execution: Execution, about: Address, stage: int) -> Outcome:
        owner = execution.requester.bare
        if not stage:
            return Page(await self._form(owner, about))
        try:
            await self._save(owner, about, execution.values)
        except BadAddress as error:
            return Again(str(error))
        return Done(APPLIED)

    # -- forms -------------------------------------------------------------------------------------------------

    async def _form(self, owner: str, about: Address) -> Form:
        preferences, can = self._preferences, self._bridge.capabilities
        if about.kind is AddressKind.GATEWAY:
            return Form(
                Text("Configure some global default settings."),
                tuple(await preferences.gateway_fields(owner)),
                Text("Edit the form, to configure your global settings for the component."),
            )
        if about.kind is AddressKind.NETWORK and about.network == self._home:
            account = tuple(await preferences.network_fields(owner, about.network))
            return Form(Text("Configure my account"), account)
        if about.kind is AddressKind.NETWORK:
            return Form(
                Text("Configure the {noun} {network}", noun=can.network_noun, network=about.network),
                tuple(await preferences.network_fields(owner, about.network)),
                Text(
                    "Edit the form, to configure the settings of the {noun} {network}",
                    noun=can.network_noun,
                    network=about.network,
                ),
            )
        return self.room_form(about, await preferences.room_fields(owner, about.network, about.name))

    def room_form(self, room: Address, fields: Sequence[Field]) -> Form:
        can = self._bridge.capabilities
        return Form(
            Text(
                "Configure the {noun} {room} on {kind} {network}",
                noun=can.room_noun,
                room=room.name,
                kind=can.network_noun.rpartition(" ")[2],
                network=room.network,
            ),
            tuple(fields),
            Text(
                "Edit the form, to configure the settings of the {noun} {room}",
                noun=can.room_noun,
                room=room.name,
            ),
        )

    async def _save(self, owner: str, about: Address, values: Values) -> None:
        """Raises ``BadAddress``."""
        preferences = self._preferences
        if about.kind is AddressKind.GATEWAY:
            await preferences.set_gateway(owner, values)
            for account in self._accounts.of(owner):
                await account.adjust()
            return
        if about.kind is AddressKind.NETWORK:
            await preferences.set_network(owner, about.network, values)
        else:
            await preferences.set_room(owner, about.network, about.name, values)
        found = self._accounts.find(owner, about.network)
        if found is None:
            return
        await found.adjust()
        if about.kind is AddressKind.NETWORK and about.network == self._home:
            found.reconnect()  # nothing stands between the user and what was set, and no connection is lost by it
        elif about.kind is AddressKind.NETWORK:
            found.retry()
        elif self._bridge.capabilities.adjustable and found.session is not None:
            # The capability says that the session can.
            mine = await preferences.of_room(owner, about.network, about.name)
            cast("Adjusts", found.session).adjust(about.name, mine)

    # -- gateway.doors.owner.RoomPart --------------------------------------------------------------------------

    async def fields(self, user: Jid, room: Address) -> Sequence[Field]:
        return await self._preferences.room_fields(user.bare, room.network, room.name)

    async def submit(self, user: Jid, room: Address, values: Values) -> None:
        try:
            await self._save(user.bare, room, values)
        except BadAddress as error:
            raise RefusedError(Refused(Condition.NOT_ACCEPTABLE, str(error))) from error


_NAMES = {
    AddressKind.NETWORK: Text("Configure a network"),
    AddressKind.ROOM: Text("Configure a room"),
}
_WRONG = {
    AddressKind.NETWORK: Text("This is not the name of a network."),
    AddressKind.ROOM: Text("This is not the address of a room."),
}
_HELP = {
    AddressKind.GATEWAY: Text("How your rooms are kept: history, archive, staying in while you are away."),
    AddressKind.NETWORK: Text("Your own settings for one network: nick, password and the like."),
    AddressKind.ROOM: Text("Your own settings for one room: archive, staying in while you are away."),
}


def _asking(title: Text, label: Text, help_: Text) -> Form:
    return Form(title, (Field(_PLACE, label, help=help_, required=True),))
