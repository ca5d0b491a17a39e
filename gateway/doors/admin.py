"""What admins do by command: look at connections, shut people out, change limits, let registrations in."""

from collections.abc import Iterable, Sequence

from gateway.accounts.directory import Accounts
from gateway.doors.access import Access
from gateway.doors.decisions import Decisions, Undecidable, concerns
from gateway.doors.limits import LIMITS, RuntimeLimits
from gateway.doors.registrations import Registrations
from gateway.model import Field, FieldKind
from gateway.ops.desk import Desk
from gateway.storage.records import AccessRule
from gateway.texts import Text, joined
from gateway.xmpp.forms import Form
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, NoteType, Outcome, Page, Step

_LISTED = 200


class AdminCommands:
    """``registrations`` is None where the bridge has none; ``desk`` where there is nothing beyond this bridge."""

    def __init__(
        self,
        accounts: Accounts,
        access: Access,
        decisions: Decisions,
        limits: RuntimeLimits,
        registrations: Registrations | None,
        desk: Desk | None = None,
    ) -> None:
        self._accounts = accounts
        self._access = access
        self._limits = limits
        self._registrations = registrations
        self._decisions = decisions
        self._desk = desk

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
        if self._desk is not None:
            found.append(
                self._command(
                    "reload",
                    Text("Reload Causeway's configuration"),
                    self._read_again,
                    Text("Says what has changed, and what needs a restart for it."),
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
            if not wanted or concerns(account.owner, wanted)
        )
        shown: list[str] = [Text("{count} connections", count=len(lines)), *lines[:_LISTED]]
        if len(lines) > _LISTED:
            shown.append(Text("and {count} more", count=len(lines) - _LISTED))
        return Done(joined("\n", shown))

    async def _read_again(self, execution: Execution) -> Outcome:
        if self._desk is None:
            return Done(Text("There is nothing to reload."), NoteType.ERROR)
        done = await self._desk.reload(execution.requester.bare)
        if done.problem:
            return Done(
                Text(
                    "The configuration was not reloaded, and the old one holds: {reason}", reason=done.problem
                ),
                NoteType.ERROR,
            )
        told: list[str] = [Text("Configuration reloaded."), *done.changed]
        if done.restart:
            told.append(Text("These need a restart: {keys}", keys=", ".join(done.restart)))
        told.extend(done.failed)
        return Done(joined("\n", told))

    # -- access ------------------------------------------------------------------------------------------------

    async def _block(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(_about_somebody(Text("Shut out an address or a domain")))
        try:
            subject = await self._decide_on(execution, allow=False)
        except Undecidable as problem:
            return Again(problem.text)
        text = Text("{subject} is shut out. “access” takes it back.", subject=subject)
        return Done(text, then=lambda: self._decisions.end_barred(subject))

    async def _allow(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(_about_somebody(Text("Let in an address or a domain")))
        try:
            subject = await self._decide_on(execution, allow=True)
        except Undecidable as problem:
            return Again(problem.text)
        return Done(Text("{subject} may use the gateway.", subject=subject))

    async def _decide_on(self, execution: Execution, *, allow: bool) -> str:
        author = execution.requester.bare
        reason = execution.text("reason")
        return await self._decisions.decide(
            execution.text("subject"), allow=allow, reason=reason, author=author
        )

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


def _described(rule: AccessRule) -> str:
    verb = Text("let in: {subject}", subject=rule.subject)
    if not rule.allow:
        verb = Text("shut out: {subject}", subject=rule.subject)
    parts: Iterable[str] = (verb, rule.reason, Text("by {author}", author=rule.author))
    return joined(", ", [part for part in parts if part])
