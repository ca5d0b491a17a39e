"""What admins decide by command: who has which number, whether texts go on, whom to text again; and how routes are."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bridges.sms.addresses import label
from bridges.sms.numbers import Kind, OurNumber
from bridges.sms.office import Office, Parts
from bridges.sms.settings import Mode
from gateway.bridge import Ask, AskAgain, BridgeCommand, Finish, Invocation, NextStep, NotStored
from gateway.model import Field, FieldKind

Step = Callable[[Invocation], Awaitable[NextStep]]

_NUMBER, _WHAT = "number", "what"
_SHOWN_MOST = 100


class Declare(Protocol):
    """Makes a command that says in words what went wrong."""

    def __call__(
        self, node: str, name: str, run: Step, help_: str = "", *, admins: bool = False
    ) -> BridgeCommand: ...


class AdminCommands:
    def __init__(self, office: Office, command: Declare) -> None:
        self._office = office
        self._command = command

    def declared(self) -> Sequence[BridgeCommand]:
        return (
            self._command("sms-routes", "Routes, and what waits", self._routes, admins=True),
            self._command(
                "sms-numbers", "Give users numbers", self._numbers, "Or take them away.", admins=True
            ),
            self._command(
                "sms-breaker",
                "Let texts go on",
                self._breaker,
                "After too many were sent at once.",
                admins=True,
            ),
            self._command("sms-allow-again", "Text somebody again who said STOP", self._allow, admins=True),
        )

    @property
    def _parts(self) -> Parts:
        parts = self._office.parts
        if parts is None:
            raise NotStored("The bridge has not begun.")
        return parts

    async def _routes(self, invocation: Invocation) -> NextStep:
        standing = await self._parts.sender.standing()
        lines = []
        for route in self._office.routes.all:
            seen = route.seen()
            counts = ", ".join(f"{value} {name}" for name, value in seen.counts.items() if value)
            lines.append(
                f"{route.name}: {'connected' if seen.connected else 'NOT CONNECTED'}"
                f"{f' ({seen.detail})' if seen.detail else ''}, {seen.waiting} waiting{f'; {counts}' if counts else ''}"
            )
            # Those of users' own accounts are theirs.
            if seen.callbacks and route.name in self._office.settings.routes:
                lines.append(
                    f"    Tell the provider this address for what comes in, and nobody else: {seen.callbacks}"
                )
        states = ", ".join(f"{value} {name}" for name, value in standing.states.items())
        return Finish(f"Messages: {states or 'none'}.", result="\n".join(lines) or "There is no route.")

    async def _numbers(self, invocation: Invocation) -> NextStep:
        numbers = self._office.numbers
        if not invocation.stage:
            shown = "\n".join(
                f"{called(each)}: {', '.join(each.members) or 'nobody'}{sort(each)}" for each in numbers.all()
            )
            options = (("give", "Give it to the user"), ("take", "Take it away"))
            fields = (
                Field("shown", "Numbers", FieldKind.FIXED, shown or "none"),
                Field(_WHAT, "What to do", FieldKind.CHOICE, "give", options=options, required=True),
                Field(_NUMBER, "Number", required=True),
                Field("user", "XMPP address of the user", required=True),
            )
            return Ask("Give users numbers", fields)
        number, user = invocation.text(_NUMBER).strip(), invocation.text("user").strip().lower()
        if invocation.text(_WHAT) == "give":
            await numbers.assign(user, number, Kind.ASSIGNED)
            found = await self._parts.receiving.reroute()
            waited = f" {found} texts that had come for nobody are on the way." if found else ""
            return Finish(f"{label(number)} is {user}'s. Who has not registered yet can do so now.{waited}")
        if await numbers.release(user, number):
            return Finish(f"{label(number)} is {user}'s no more.")
        return AskAgain(f"{number} is not {user}'s, or the configuration says so: then it is changed there.")

    async def _breaker(self, invocation: Invocation) -> NextStep:
        stopped = self._office.policy.stopped
        if not invocation.stage:
            if not stopped:
                return Finish("Nothing is stopped.")
            options = tuple(
                (prefix or "all", f"{prefix or 'everything'}: {why}") for prefix, why in stopped.items()
            )
            return Ask(
                "Let texts go on", (Field(_WHAT, "To", FieldKind.CHOICES, options=options, required=True),)
            )
        chosen = ["" if each == "all" else each for each in invocation.values.get(_WHAT, ())]
        return Finish(f"{sum(self._office.policy.resume(each) for each in chosen)} may be texted again.")

    async def _allow(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            stopped = await self._parts.receiving.ledger.stopped(limit=_SHOWN_MOST)
            if not stopped:
                return Finish("Nobody has said STOP.")
            options = tuple(
                (
                    f"{each.ours} {each.theirs}",
                    f"{label(each.theirs)} to {label(each.ours) if each.ours else 'all'}",
                )
                for each in stopped
            )
            which = Field(_WHAT, "Who", FieldKind.CHOICES, options=options, required=True)
            return Ask("Text somebody again who said STOP", (which,), "Only if they have asked for it.")
        lifted = 0
        for each in invocation.values.get(_WHAT, ()):
            ours, _, theirs = each.partition(" ")
            lifted += await self._parts.receiving.consent.lift(ours, theirs)
        return Finish(f"{lifted} can be texted again.")


def called(ours: OurNumber) -> str:
    """A number of ours with the name that it has."""
    return f"{label(ours.number)} ({ours.name})" if ours.name else label(ours.number)


def sort(ours: OurNumber) -> str:
    """Whose it is, where it is not one user's."""
    return "" if ours.mode is Mode.PERSONAL else f" [{ours.mode.value}]"
