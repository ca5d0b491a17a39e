"""The commands that a bridge itself offers, made fit for every door of the gateway.

Translates between ``gateway.bridge.commands`` and ``steps``, and asks for the network where the address names none. What the
commands do is the bridge's.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import cast

from gateway.accounts.directory import Accounts
from gateway.bridge import Ask, AskAgain, BadAddress, Bridge, BridgeCommand, Commanding, Invocation, NextStep
from gateway.model import Address, AddressKind, Field
from gateway.texts import Text
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, NoteType, Outcome, Page

_ANY = Address(AddressKind.NETWORK, "")
_FIELD = "network"


class BridgeCommands:
    """``available`` is what ``Commands`` asks."""

    def __init__(
        self,
        bridge: Bridge,
        book: AddressBook,
        accounts: Accounts,
        allowed: Callable[[Jid], bool],
        admin: Callable[[Jid], bool],
    ) -> None:
        # The capability says that the bridge can.
        self._commanding = cast("Commanding", bridge) if bridge.capabilities.commands else None
        self._bridge = bridge
        self._book = book
        self._accounts = accounts
        self._allowed = allowed
        self._admin = admin

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        if self._commanding is None or target.resource:
            return None
        try:
            address = self._book.address(target.local)
        except BadAddress:
            return None
        if address.kind is AddressKind.CONTACT:
            return None
        found = [self._command(each, address) for each in self._commanding.commands(address)]
        if address.kind is AddressKind.GATEWAY and self._bridge.capabilities.networks:
            found += [self._command(each, _ANY) for each in self._commanding.commands(_ANY)]
        return found or None

    def _command(self, command: BridgeCommand, address: Address) -> Command:
        def run(execution: Execution) -> Outcome | Awaitable[Outcome]:
            about = self._about(execution) if address == _ANY else address
            if not isinstance(about, Address):
                return about
            asked = 1 if address == _ANY else 0
            return self._step(command, about, execution, execution.stage - asked)

        return Command(
            f"{command.node}-network" if address == _ANY else command.node,
            command.name,
            run,
            self._admin if command.admins_only else self._allowed,
            command.help,
            Category.ADMIN if command.admins_only else Category.ACCOUNT,
        )

    def _about(self, execution: Execution) -> Address | Page | Again:
        """The network that the first page asked for."""
        if not execution.stage:
            mine = self._accounts.of(execution.requester.bare)
            field = Field(
                _FIELD,
                Text("Network"),
                default=mine[0].network if mine else "",
                help=Text("Its name as it stands in the addresses of its rooms."),
                required=True,
            )
            return Page(Form(Text("Which network?"), (field,)), last=False)
        try:
            address = self._bridge.address(execution.text(_FIELD).strip())
        except BadAddress as error:
            return Again(str(error))
        if address.kind is not AddressKind.NETWORK:
            return Again(Text("This is not the name of a network."))
        return address

    def _step(
        self, command: BridgeCommand, about: Address, execution: Execution, stage: int
    ) -> Outcome | Awaitable[Outcome]:
        owner = execution.requester.bare
        account = self._accounts.find(owner, about.network)
        session = account.session if account is not None and account.connected else None
        memo = execution.memo if stage else ""
        next_ = command.run(Invocation(owner, about, session, stage, execution.values, memo))
        return _awaited(next_) if isawaitable(next_) else _outcome(next_)


async def _awaited(next_: Awaitable[NextStep]) -> Outcome:
    return _outcome(await next_)


def _outcome(next_: NextStep) -> Outcome:
    if isinstance(next_, AskAgain):
        return Again(next_.note)
    if isinstance(next_, Ask):
        return Page(Form(next_.title, next_.fields, next_.instructions), last=next_.last, memo=next_.memo)
    return Done(
        next_.note, NoteType.ERROR if next_.failed else NoteType.INFO, then=next_.then, result=next_.result
    )
