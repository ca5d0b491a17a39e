"""Ending connections: a user's own, or, for admins, anybody's; of some networks or of all.

Scripts know the nodes, the names of the fields and the notes. Presence of the rooms follows the answer: the client that
asked has seen its command end by then.
"""

from collections.abc import Callable, Sequence

from gateway.accounts.account import Account
from gateway.accounts.directory import Accounts
from gateway.bridge import Bridge
from gateway.model import Field, FieldKind
from gateway.texts import Text
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Category, Command, Done, Execution, NoteType, Outcome, Page

_MESSAGE = "quit-message"
_MESSAGE_MOST = 500
#: Users offered in a list; beyond that, their addresses are asked for.
_LISTED = 200


class Disconnecting:
    """``commands`` are those at the gateway itself."""

    def __init__(
        self,
        bridge: Bridge,
        accounts: Accounts,
        allowed: Callable[[Jid], bool],
        admin: Callable[[Jid], bool],
    ) -> None:
        self._noun = bridge.capabilities.network_noun
        self._several = bridge.capabilities.networks
        self._networks = self._noun.lower().replace(" ", "-") + "s"
        self._accounts = accounts
        self._allowed = allowed
        self._admin = admin

    def commands(self) -> Sequence[Command]:
        return (
            Command(
                f"disconnect-from-{self._networks[:-1]}",
                Text("Disconnect from the selected {noun}s", noun=self._noun)
                if self._several
                else Text("Pause {noun}", noun=self._noun),
                self._from_networks,
                self._allowed,
                Text("You leave all rooms there.")
                if self._several
                else Text("Until you join a room again, or connect anew."),
                Category.ACCOUNT,
            ),
            Command(
                "disconnect-user",
                Text("Disconnect selected users from the gateway"),
                self._users,
                self._admin,
                Text("They may come back at once; block their addresses to prevent that."),
                Category.ADMIN,
            ),
        )

    # -- from some networks ------------------------------------------------------------------------------------

    def _from_networks(self, execution: Execution) -> Outcome:
        """Admins say whose connections first. The memo of the page that asks for networks says whose they are."""
        requester = execution.requester
        if self._admin(requester):
            if not execution.stage:
                return Page(self._whose(), last=False)
            if execution.stage == 1:
                owner = execution.text("jid").strip().lower()
                return self._which(owner, owner, "Killed by admin")
        elif not execution.stage:
            return self._which(requester.bare, requester.full, "")
        owner = execution.memo
        chosen = [
            account
            for network in execution.values.get(self._networks, ())
            if (account := self._accounts.find(owner, network)) is not None
        ]
        message = execution.text(_MESSAGE)[:_MESSAGE_MOST]
        others = owner != requester.bare
        whom = owner if self._admin(requester) else requester.full
        template = (
            Text(
                "{whom} was disconnected from {count} {noun}s.", whom=whom, count=len(chosen), noun=self._noun
            )
            if len(chosen) > 1
            else Text(
                "{whom} was disconnected from {count} {noun}.", whom=whom, count=len(chosen), noun=self._noun
            )
        )
        return Done(template, then=lambda: _end(chosen, message, for_good=others))

    def _whose(self) -> Form:
        owners = self._owners()
        if len(owners) <= _LISTED:
            field = Field(
                "jid",
                Text("The JID to disconnect"),
                FieldKind.CHOICE,
                required=True,
                options=tuple((owner, owner) for owner in owners),
            )
        else:
            field = Field("jid", Text("The JID to disconnect"), required=True)
        return Form(self._title(), (field,), Text("Choose a user JID"))

    def _which(self, owner: str, whom: str, message: str) -> Outcome:
        networks = sorted(account.network for account in self._accounts.of(owner) if account.wanted)
        if not networks:
            return Done(Text("User {whom} is not connected to any {noun}.", whom=whom, noun=self._noun))
        fields = (
            Field(_MESSAGE, Text("Quit message"), default=message),
            Field(
                self._networks,
                Text("The {noun}s to disconnect from", noun=self._noun.rpartition(" ")[2]),
                FieldKind.CHOICES,
                required=True,
                options=tuple((network, network or self._noun) for network in networks),
            ),
        )
        instructions = Text(
            "Choose one or more {noun}s to disconnect this JID from", noun=self._noun.rpartition(" ")[2]
        )
        return Page(Form(self._title(), fields, instructions), memo=owner)

    def _title(self) -> Text:
        return Text("Disconnect a user from selected {noun}s", noun=self._noun)

    # -- from everything ---------------------------------------------------------------------------------------

    def _users(self, execution: Execution) -> Outcome:
        if not execution.stage:
            owners = self._owners()
            if not owners:
                return Done(Text("Nobody is connected."))
            listed = len(owners) <= _LISTED
            fields = (
                Field(_MESSAGE, Text("Quit message"), default="Disconnected by admin"),
                Field(
                    "jids",
                    Text("The JIDs to disconnect"),
                    FieldKind.CHOICES if listed else FieldKind.JIDS,
                    required=True,
                    options=tuple((owner, owner) for owner in owners) if listed else (),
                ),
            )
            title = Text("Disconnect a user from the gateway")
            return Page(Form(title, fields, Text("Choose a user JID and a quit message")))
        users = [owner.lower() for owner in execution.values.get("jids", ())]
        accounts = [account for owner in users for account in self._accounts.of(owner)]
        count = len({account.owner for account in accounts})
        message = execution.text(_MESSAGE)[:_MESSAGE_MOST]
        if not count:
            return Done(Text("No user were disconnected."), NoteType.INFO)
        text = (
            Text("1 user has been disconnected.")
            if count == 1
            else Text("{count} users have been disconnected.", count=count)
        )
        return Done(text, then=lambda: _end(accounts, message, for_good=True))

    def _owners(self) -> list[str]:
        return sorted({account.owner for account in self._accounts if account.wanted})


def _end(accounts: Sequence[Account], reason: str, *, for_good: bool) -> None:
    for account in accounts:
        if for_good:
            account.standing = False
        account.abandon(reason)
