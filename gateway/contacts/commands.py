"""Commands about contacts: take over the network's contact list, and see what the user's server allows us to do."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from gateway.accounts.account import Account
from gateway.contacts.service import ContactService
from gateway.model import Address, AddressKind, Field, FieldKind
from gateway.texts import Text, joined
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import VALUES_LIMIT, Form
from gateway.xmpp.presence import Subscriptions
from gateway.xmpp.privilege import Right
from gateway.xmpp.privileges import Privileges
from gateway.xmpp.render import NO_ANNOUNCEMENT
from gateway.xmpp.roster import SUGGESTED_LIMIT, RosterItem, Rosters, suggestion
from gateway.xmpp.stanza import Jid, parse_jid
from gateway.xmpp.steps import Command, Done, Execution, NoteType, Outcome, Page
from gateway.xmpp.text import attribute, escape

_log = structlog.get_logger(__name__)

Allowed = Callable[[Jid], bool]


class CommandContext(Protocol):
    """What the commands need."""

    jid: str
    contacts: ContactService
    subscriptions: Subscriptions
    privileges: Privileges
    rosters: Rosters

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def accounts_of(self, owner: str) -> Sequence[Account]: ...

    def jid_of(self, address: Address) -> str | None: ...


class ContactCommands:
    """A provider of commands. ``allowed`` and ``admin`` say who may run them."""

    def __init__(self, context: CommandContext, allowed: Allowed, admin: Allowed, *, lists: bool) -> None:
        self._context = context
        self._allowed = allowed
        self._admin = admin
        self._lists = lists

    def available(self, target: Jid, requester: Jid) -> Sequence[Command] | None:
        if target.local or target.resource:
            return None
        commands = [
            Command(
                "privileges",
                Text("Show what my server lets this gateway do"),
                self._show,
                self._allowed,
            )
        ]
        if self._lists:
            commands.append(
                Command("import-contacts", Text("Take over my contacts"), self._import, self._allowed)
            )
        return commands

    # -- privileges --------------------------------------------------------------------------------------------

    def _show(self, execution: Execution) -> Outcome:
        privileges = self._context.privileges
        domain = execution.requester.domain
        domains = sorted({domain, *privileges.domains}) if self._admin(execution.requester) else [domain]
        return Done(joined("\n", (line for each in domains for line in self._described(each))))

    def _described(self, domain: str) -> list[str]:
        rights = self._context.privileges.granted(domain)
        if rights is None:
            return [
                Text(
                    "{domain} lets this gateway do nothing beyond what everybody may. That is enough.",
                    domain=domain,
                )
            ]
        lines: list[str] = [
            Text(
                "{domain} lets this gateway do this for its users ({version}):",
                domain=domain,
                version=rights.namespace,
            )
        ]
        lines += [f"- {line}" for line in rights.described()] or [Text("- nothing")]
        for right, seconds in self._context.privileges.resting(domain).items():
            lines.append(
                Text(
                    "- {right} failed several times; tried again in {seconds} s",
                    right=right.value,
                    seconds=round(seconds),
                )
            )
        if rights.message and not rights.carbons:
            lines.append(
                Text(
                    "- message is not used: this version of the server does not copy such messages to the user"
                )
            )
        return lines

    # -- contacts ----------------------------------------------------------------------------------------------

    def _import(self, execution: Execution) -> Outcome | Awaitable[Outcome]:
        found = self._listed(execution.requester)
        if not found:
            return Done(
                Text("There is nobody in your list of contacts, or you are not connected."), NoteType.WARN
            )
        if not execution.stage:
            return _question(found)
        chosen = found
        if len(found) <= VALUES_LIMIT:
            wanted = frozenset(execution.values.get("contacts", ()))
            chosen = [item for item in found if item.jid in wanted]
        if not chosen:
            return Done(Text("Nobody was chosen, so nothing was changed."))
        if self._context.privileges.may(execution.requester.domain, Right.ROSTER_SET):
            return self._write(execution.requester, chosen)
        return self._suggest(execution.requester, chosen)

    def _listed(self, requester: Jid) -> list[RosterItem]:
        items = []
        for account in self._context.accounts_of(requester.bare):
            for contact in self._context.contacts.listed(account.owner, account.network):
                jid = self._context.jid_of(Address(AddressKind.CONTACT, account.network, contact.name))
                if jid is not None:
                    items.append(
                        RosterItem(jid, contact.display_name or contact.name, "both", (account.network,))
                    )
        return items

    async def _write(self, requester: Jid, items: Sequence[RosterItem]) -> Outcome:
        """The server writes the roster, and says afterwards who is in it."""
        rosters = self._context.rosters
        try:
            for item in items:
                await rosters.write(requester.bare, item)
            roster = await rosters.read(requester.bare)
        except RefusedError as error:
            _log.info("contacts could not be written to a roster", user=requester.bare, reason=str(error))
            return self._suggest(requester, items)
        for item in items:
            if (known := roster.get(item.jid)) is not None and known.subscription == "both":
                self._context.subscriptions.grant(requester.bare, parse_jid(item.jid).local)
        return Done(
            Text("One contact is in your roster now.")
            if len(items) == 1
            else Text("{count} contacts are in your roster now.", count=len(items))
        )

    def _suggest(self, requester: Jid, items: Sequence[RosterItem]) -> Outcome:
        """XEP-0144: one message; what becomes of it is the client's and the user's affair."""
        names = "\n".join(f"{item.name}: xmpp:{item.jid}" for item in items[:SUGGESTED_LIMIT])
        text = f"Your contacts, to be added to your roster:\n{names}"
        message = (
            f"<message from='{attribute(self._context.jid)}' to='{attribute(requester.full)}'>"
            f"<body>{escape(text)}</body>{suggestion(items)}{NO_ANNOUNCEMENT}</message>"
        )
        told = [
            Text(
                "Your server does not let this gateway write your roster. Your contacts were sent to you as a suggestion: "
                "your client asks you about them, or shows them as a message."
            )
        ]
        if len(items) > SUGGESTED_LIMIT:
            told.append(Text("The first {count} of them, that is.", count=SUGGESTED_LIMIT))
        return Done(
            joined(" ", told),
            then=lambda: self._sent(message),
        )

    def _sent(self, message: str) -> None:
        self._context.send(message, keep=True)


def _question(found: Sequence[RosterItem]) -> Page:
    title, instructions = (
        Text("Take over my contacts"),
        Text("Those you choose are added to your roster; nobody is removed."),
    )
    if len(found) > VALUES_LIMIT:
        everyone = Text("All {count} contacts are added to your roster; nobody is removed.", count=len(found))
        return Page(Form(title, (), everyone))
    options = tuple((item.jid, item.name) for item in found)
    everybody = "\n".join(item.jid for item in found)
    field = Field("contacts", Text("Contacts"), FieldKind.CHOICES, default=everybody, options=options)
    return Page(Form(title, (field,), instructions))
