"""``doctor`` as a command for admins: everything that the gateway depends on is tried, and what is wrong told with the lines
that put it right."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from gateway.bridge import Finding, Verdict
from gateway.doctor.report import as_chat
from gateway.model import Field, FieldKind
from gateway.ops.desk import Desk, DeskError
from gateway.texts import Text
from gateway.xmpp.forms import Form
from gateway.xmpp.stanza import Jid
from gateway.xmpp.steps import Category, Command, Done, Execution, NoteType, Outcome, Page

#: Seconds for all of it: clients wait for 30 at least, and so does the router.
_SECONDS = 22.0


class Examining:
    """``name`` is the bridge's; ``desk`` None where there is nothing beyond it."""

    def __init__(
        self, name: str, desk: Desk | None, admin: Callable[[Jid], bool], seconds: float = _SECONDS
    ) -> None:
        self._name = name
        self._desk = desk
        self._admin = admin
        self._seconds = seconds

    def commands(self) -> Sequence[Command]:
        if self._desk is None:
            return ()
        return (
            Command(
                "doctor",
                Text("Try everything that the gateway depends on"),
                self._examine,
                self._admin,
                Text("What is wrong is told with the lines that put it right. It takes some seconds."),
                Category.ADMIN,
            ),
        )

    async def _examine(self, execution: Execution) -> Outcome:
        if self._desk is None:
            return Done(Text("There is nothing to try."), NoteType.ERROR)
        if not execution.stage:
            return Page(self._form())
        bridge = self._name if execution.text("what") == "bridge" else ""
        try:
            findings = await self._found(self._desk, bridge)
        except DeskError as error:
            return Done(str(error), NoteType.ERROR)
        summary, text = as_chat(findings)
        bad = any(each.verdict is Verdict.FAIL for each in findings)
        return Done(summary, NoteType.WARN if bad else NoteType.INFO, result=text)

    def _form(self) -> Form:
        options = (("all", Text("Everything")), ("bridge", Text("Only this gateway")))
        return Form(
            Text("Try everything that the gateway depends on"),
            (Field("what", Text("What to try"), FieldKind.CHOICE, "all", required=True, options=options),),
            Text("It takes some seconds. Users notice nothing of it."),
        )

    async def _found(self, desk: Desk, bridge: str) -> Sequence[Finding]:
        """What is known in time."""
        found: list[Finding] = []
        try:
            async with asyncio.timeout(self._seconds), aclosing(_each(desk, bridge)) as findings:
                async for finding in findings:
                    found.append(finding)
        except TimeoutError:
            text = "It takes longer than you can be kept waiting here: run `causeway doctor` on the gateway's machine."
            found.append(Finding(Verdict.UNKNOWN, text, "the rest"))
        return found


async def _each(desk: Desk, bridge: str) -> AsyncGenerator[Finding, None]:
    async for finding in desk.doctor(bridge):
        yield finding
