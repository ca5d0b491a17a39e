"""What admins need when a network complains: who it is that somebody there sees, whether the network still lets us in, and a
word to all users.

Knows no network: what those see of a user, their bridges say (``gateway.bridge.Traceable``).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from gateway.accounts.account import Account
from gateway.accounts.breaker import Breaker
from gateway.accounts.directory import Accounts
from gateway.bridge import BadAddress, Bridge, Traceable
from gateway.model import AccountState, Field, FieldKind
from gateway.texts import Text, joined
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Category, Command, Done, Execution, NoteType, Outcome, Page, Step

_LISTED = 50
#: Characters of a token that are looked for at least: networks cut it, but fewer would be anybody's.
_SHORTEST = 6
_MESSAGE_MOST = 2000

#: Accounts that are stored, connected or not: owner, network and nick.
Known = Callable[[], Awaitable[Sequence[tuple[str, str, str]]]]


class Oversight:
    """``token`` gives ``gateway.bridge.Account.token`` of an owner; ``tell`` writes to one."""

    def __init__(
        self,
        bridge: Bridge,
        accounts: Accounts,
        known: Known,
        token: Callable[[str], str],
        breaker: Breaker,
        admin: Callable[[Jid], bool],
        tell: Callable[[str, str], None],
    ) -> None:
        self._bridge = bridge
        self._accounts = accounts
        self._known = known
        self._token = token
        self._breaker = breaker
        self._admin = admin
        self._tell = tell

    def commands(self) -> Sequence[Command]:
        return (
            self._command(
                "identify",
                Text("Find out who somebody on a network is"),
                self._identify,
                Text("By ident, address, host or nick there; or what an XMPP address has going on."),
            ),
            self._command(
                "network-bans",
                Text("Show networks that ban everybody, and try again"),
                self._bans,
                Text("Nobody logs in to such a network until it lets somebody in again."),
            ),
            self._command(
                "announce",
                Text("Write to everybody who is connected"),
                self._announce,
                Text("For instance that the gateway is going to be away for maintenance."),
            ),
        )

    def _command(self, node: str, name: Text, run: Step, help_: Text) -> Command:
        return Command(node, name, run, self._admin, help_, Category.ADMIN)

    # -- who it is ---------------------------------------------------------------------------------------------

    async def _identify(self, execution: Execution) -> Outcome:
        if not execution.stage:
            field = Field(
                "subject",
                Text("Who"),
                help=Text(
                    "An ident, an address or a host, as the network shows it; a nick; or an XMPP address."
                ),
                required=True,
            )
            return Page(Form(Text("Find out who somebody on a network is"), (field,)))
        wanted = execution.text("subject").strip().lower()
        found = await self._found(wanted)
        if not found:
            return Done(Text("Nobody known here is that."))
        shown: list[str] = found[:_LISTED]
        if len(found) > _LISTED:
            shown.append(Text("and {count} more", count=len(found) - _LISTED))
        return Done(joined("\n", shown))

    async def _found(self, wanted: str) -> list[str]:
        """Lines about all accounts that ``wanted`` may be."""
        connected = {(each.owner, each.network): each for each in self._accounts}
        known = {(owner, network): nick for owner, network, nick in await self._known()}
        known |= {key: account.nick for key, account in connected.items()}
        ident = wanted.rpartition("!")[2].partition("@")[0].lstrip("~^")
        host = wanted.rpartition("@")[2]
        lines = []
        for (owner, network), nick in sorted(known.items()):
            token = self._token(owner)
            if (
                owner == wanted
                or (len(ident) >= _SHORTEST and token.startswith(ident))
                or host in self._traces(token, network)
                or self._called(wanted, network, nick)
            ):
                lines.append(_described(owner, network, nick, token, connected.get((owner, network))))
        return lines

    def _traces(self, token: str, network: str) -> Sequence[str]:
        if not self._bridge.capabilities.traces:
            return ()
        return cast("Traceable", self._bridge).traces(token, network)  # the capability says that it can

    def _called(self, wanted: str, network: str, nick: str) -> bool:
        """Whether ``wanted`` is the nick, alone or as an address of this gateway has it."""
        try:
            address = self._bridge.address(wanted)
        except BadAddress:
            return False
        fold = self._bridge.fold
        if address.network and address.network != network:
            return fold(wanted) == fold(nick)
        return fold(address.name) == fold(nick)

    # -- bans --------------------------------------------------------------------------------------------------

    def _bans(self, execution: Execution) -> Outcome:
        cuts = self._breaker.cuts()
        if not execution.stage:
            if not cuts:
                return Done(Text("No network bans everybody."))
            options = tuple(
                (
                    cut.network,
                    Text(
                        "{network}: {words} ({count} users; next try in {minutes} minutes)",
                        network=cut.network,
                        words=cut.words,
                        count=cut.users,
                        minutes=round(cut.seconds / 60),
                    ),
                )
                for cut in cuts[:_LISTED]
            )
            field = Field(
                "networks", Text("Networks to try again at once"), FieldKind.CHOICES, options=options
            )
            return Page(Form(Text("Networks that ban everybody"), (field,)))
        chosen = [each for each in execution.values.get("networks", ()) if self._breaker.reset(each)]
        if not chosen:
            return Done(Text("Nothing was changed."))
        return Done(
            Text("Users log in again to: {networks}", networks=", ".join(chosen)),
            then=lambda: self._retry(chosen),
        )

    def _retry(self, networks: Sequence[str]) -> None:
        for account in self._accounts:
            if account.network in networks and account.status.state is AccountState.TRANSIENT_DISCONNECT:
                account.retry()

    # -- a word to all -----------------------------------------------------------------------------------------

    def _announce(self, execution: Execution) -> Outcome:
        if not execution.stage:
            field = Field("message", Text("Message"), FieldKind.LINES, required=True)
            return Page(Form(Text("Write to everybody who is connected"), (field,)))
        text = execution.text("message").strip()[:_MESSAGE_MOST]
        owners = sorted({account.owner for account in self._accounts})
        if not text or not owners:
            return Done(Text("Nobody was written to."), NoteType.WARN)

        def tell() -> None:
            for owner in owners:
                self._tell(owner, text)

        return Done(Text("Users written to: {count}", count=len(owners)), then=tell)


def _described(owner: str, network: str, nick: str, token: str, account: Account | None) -> str:
    if account is None:
        return Text(
            "{owner}: on {network} as {nick}, not now; ident {token}",
            owner=owner,
            network=network,
            nick=nick,
            token=token,
        )
    return Text(
        "{owner}: on {network} as {nick}, {state}; ident {token}",
        owner=owner,
        network=network,
        nick=nick,
        state=account.status.state,
        token=token,
    )
