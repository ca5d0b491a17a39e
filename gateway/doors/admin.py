"""What admins do by command: look at connections, shut people out, change limits, let registrations in."""

from collections.abc import Callable, Iterable, Sequence

from gateway.accounts.directory import Accounts
from gateway.bridge import Clock
from gateway.doors.access import Access
from gateway.doors.limits import LIMITS, RuntimeLimits
from gateway.doors.registrations import Registrations
from gateway.model import Exit, Field, FieldKind
from gateway.storage.records import AccessRule
from gateway.texts import Text, joined
from gateway.values import bare_jid, domain
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import parse_jid
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, NoteType, Outcome, Page, Step

_LISTED = 200
_REASON_MOST = 500


class AdminCommands:
    """``name`` is the bridge's name in the configuration; ``registrations`` None where the bridge has none. ``reload`` reads
    the configuration again, and says what is wrong with it."""

    def __init__(
        self,
        name: str,
        accounts: Accounts,
        access: Access,
        limits: RuntimeLimits,
        registrations: Registrations | None,
        clock: Clock,
        reload: Callable[[], str] | None = None,
    ) -> None:
        self._name = name
        self._accounts = accounts
        self._access = access
        self._limits = limits
        self._registrations = registrations
        self._clock = clock
        self._reload = reload

    def commands(self) -> Sequence[Command]:
        found = [
            self._command(
                "all-connections",
                Text("Show everybody's connections"),
                self._connections,
                Text("How many there are, and the first of them; or those of one user or domain."),
            ),
            self._command(
                "block",
                Text("Shut out an address or a domain"),
                self._block,
                Text("Ends what they have going on and answers nothing any more but that they are shut out."),
            ),
            self._command(
                "allow",
                Text("Let in an address or a domain"),
                self._allow,
                Text("Also if the configuration, or a rule about the domain, would keep it out."),
            ),
            self._command(
                "access",
                Text("Show and lift the rules of access"),
                self._rules,
                Text("What was decided with “block” and “allow”, and how to take it back."),
            ),
            self._command(
                "limits",
                Text("Show and change limits"),
                self._change_limits,
                Text("They hold at once and after a restart, in place of what the configuration says."),
            ),
        ]
        if self._reload is not None:
            found.append(
                self._command(
                    "reload",
                    Text("Reload Causeway's configuration"),
                    self._read_again,
                    Text("What needs a restart to change is named in the log."),
                )
            )
        if self._registrations is not None:
            found.append(
                self._command(
                    "registrations",
                    Text("Decide about registrations"),
                    self._decide,
                    Text("Who waits to be let in."),
                )
            )
        return found

    def _command(self, node: str, name: Text, run: Step, help_: Text) -> Command:
        return Command(node, name, run, self._access.admin, help_, Category.ADMIN)

    # -- connections -------------------------------------------------------------------------------------------

    def _connections(self, execution: Execution) -> Outcome:
        if not execution.stage:
            field = Field("of", Text("Of whom"), help=Text("An address or a domain; empty for everybody."))
            return Page(Form(Text("Show everybody's connections"), (field,)))
        wanted = execution.text("of").strip().lower()
        lines = sorted(
            f"{account.status.state}: {account.owner} on {account.network}"
            for account in self._accounts
            if not wanted or _concerns(account.owner, wanted)
        )
        shown: list[str] = [Text("{count} connections", count=len(lines)), *lines[:_LISTED]]
        if len(lines) > _LISTED:
            shown.append(Text("and {count} more", count=len(lines) - _LISTED))
        return Done(joined("\n", shown))

    def _read_again(self, execution: Execution) -> Outcome:
        wrong = self._reload() if self._reload is not None else ""
        if wrong:
            return Done(
                Text("The configuration was not reloaded, and the old one holds: {reason}", reason=wrong),
                NoteType.ERROR,
            )
        return Done(Text("Configuration reloaded."))

    # -- access ------------------------------------------------------------------------------------------------

    async def _block(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(_about_somebody(Text("Shut out an address or a domain")))
        subject = _subject(execution.text("subject"))
        if subject is None:
            return Again(Text("This is neither an address, such as ann@example.org, nor a domain."))
        if subject in self._access.policy.admins:
            return Again(Text("{subject} is an admin, and admins cannot be shut out.", subject=subject))
        reason = execution.text("reason")[:_REASON_MOST]
        await self._access.decide(self._rule(execution, subject, reason, allow=False))
        text = Text("{subject} is shut out. “access” takes it back.", subject=subject)
        return Done(text, then=lambda: self._end_barred(subject))

    def _end_barred(self, subject: str) -> None:
        reason = "An operator of the gateway has shut you out."
        for account in self._accounts:
            if _concerns(account.owner, subject) and not self._access.allowed(parse_jid(account.owner)):
                account.standing = False
                account.abandon(reason, Exit.KICKED)

    async def _allow(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(_about_somebody(Text("Let in an address or a domain")))
        subject = _subject(execution.text("subject"))
        if subject is None:
            return Again(Text("This is neither an address, such as ann@example.org, nor a domain."))
        reason = execution.text("reason")[:_REASON_MOST]
        await self._access.decide(self._rule(execution, subject, reason, allow=True))
        return Done(Text("{subject} may use the gateway.", subject=subject))

    def _rule(self, execution: Execution, subject: str, reason: str, *, allow: bool) -> AccessRule:
        return AccessRule(self._name, subject, allow, reason, execution.requester.bare, self._clock.now())

    async def _rules(self, execution: Execution) -> Outcome:
        rules = sorted(self._access.rules, key=lambda rule: rule.subject)
        if execution.stage:
            chosen = execution.values.get("lift", ())
            lifted = [subject for subject in chosen if await self._access.lift(subject)]
            if not lifted:
                return Done(Text("Nothing was changed."))
            return Done(Text("No rule any more about: {subjects}", subjects=", ".join(lifted)))
        if not rules:
            return Done(Text("Nobody was shut out or let in by command."))
        options = tuple((rule.subject, _described(rule)) for rule in rules[:_LISTED])
        field = Field("lift", Text("Rules to take back"), FieldKind.CHOICES, options=options)
        return Page(Form(Text("Rules of access"), (field,)))

    # -- limits ------------------------------------------------------------------------------------------------

    async def _change_limits(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(
                Form(
                    Text("Limits"),
                    tuple(
                        Field(
                            limit.name,
                            limit.label,
                            default=str(self._limits.value(limit)),
                            help=Text(
                                "The configuration says {number}; leave it empty for that.",
                                number=self._limits.configured(limit),
                            ),
                        )
                        for limit in LIMITS
                    ),
                    Text("Where 0 can be given, it stands for no limit."),
                )
            )
        values: dict[str, int | None] = {}
        for limit in LIMITS:
            if limit.name not in execution.values:
                continue
            text = execution.text(limit.name).strip()
            number = int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else None
            if text and (number is None or not limit.least <= number <= limit.most):
                return Again(
                    Text(
                        "{label}: write a whole number from {least} to {most}.",
                        label=limit.label,
                        least=limit.least,
                        most=limit.most,
                    )
                )
            values[limit.name] = None if number == self._limits.configured(limit) else number
        await self._limits.change(values)
        return Done(Text("The limits hold from now on. What is over them already is left as it is."))

    # -- registrations -----------------------------------------------------------------------------------------

    async def _decide(self, execution: Execution) -> Outcome:
        if self._registrations is None:
            return Done(Text("This gateway has no registrations."), NoteType.ERROR)
        waiting = self._registrations.pending
        if not execution.stage:
            if not waiting:
                return Done(Text("Nobody waits to be let in."))
            options = tuple((owner, owner) for owner in waiting[:_LISTED])
            verdicts = (("approve", Text("Let them in")), ("reject", Text("Turn them away")))
            return Page(
                Form(
                    Text("Decide about registrations"),
                    (
                        Field("users", Text("Who"), FieldKind.CHOICES, required=True, options=options),
                        Field(
                            "verdict",
                            Text("What"),
                            FieldKind.CHOICE,
                            "approve",
                            required=True,
                            options=verdicts,
                        ),
                    ),
                )
            )
        decide = (
            self._registrations.approve
            if execution.text("verdict") == "approve"
            else self._registrations.reject
        )
        decided = [owner for owner in execution.values.get("users", ()) if await decide(owner)]
        return Done(
            Text("Decided: {users}", users=", ".join(decided)) if decided else Text("Nothing was changed.")
        )


def _about_somebody(title: Text) -> Form:
    return Form(
        title,
        (
            Field(
                "subject",
                Text("Address or domain"),
                help=Text("Such as ann@example.org, or example.org for everybody there."),
                required=True,
            ),
            Field("reason", Text("Reason, for your own records")),
        ),
    )


def _subject(text: str) -> str | None:
    """A bare JID or a domain as XMPP compares them; None if it is neither."""
    text = text.strip()
    for read in (bare_jid, domain):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _concerns(owner: str, subject: str) -> bool:
    return owner == subject or owner.rpartition("@")[2] == subject


def _described(rule: AccessRule) -> str:
    verb = Text("let in: {subject}", subject=rule.subject)
    if not rule.allow:
        verb = Text("shut out: {subject}", subject=rule.subject)
    parts: Iterable[str] = (verb, rule.reason, Text("by {author}", author=rule.author))
    return joined(", ", [part for part in parts if part])
