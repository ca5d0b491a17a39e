"""Ad-hoc commands (XEP-0050): what a requester may run at an address, and the running of it, page by page.

Knows nothing of what commands do; which there are at an address is said by a provider, who may run one by
the command.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import isawaitable
from xml.etree.ElementTree import Element

from gateway.model import Condition, ErrorType, FieldKind, Refused
from gateway.texts import Languages, Text
from gateway.xmpp.command_sessions import Session, Sessions, Stage
from gateway.xmpp.disco import DiscoInfo, DiscoItem, Identity, ItemList
from gateway.xmpp.errors import RefusedError, error_element
from gateway.xmpp.forms import (
    DATA,
    DataSet,
    Datum,
    Values,
    check,
    find_form,
    read_submission,
    render_data,
    render_form,
    said,
)
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import LANG, Jid, Stanza, name_of
from gateway.xmpp.steps import (
    COMMANDS,
    Again,
    Command,
    Done,
    Execution,
    NoteType,
    Outcome,
    Page,
    Step,
    everybody,
    problem,
)
from gateway.xmpp.xml import element, text_element

__all__ = [
    "COMMANDS",
    "Again",
    "Command",
    "Commands",
    "Done",
    "Execution",
    "NoteType",
    "Outcome",
    "Page",
    "Step",
    "everybody",
]

#: Given the target and the requester: the commands there, whether or not the requester may run them, in the
#: order in which they are listed; None where the address has none at all.
CommandsFor = Callable[[Jid, Jid], Sequence[Command] | None]

_PAGES_LIMIT = 50  # of one session; more is a command that never ends

_ACTIONS = frozenset({"execute", "cancel", "prev", "next", "complete"})
#: What each kind of page takes as "this page is filled in"; biboumi takes ``next`` for ``complete``, and
#: clients rely on it.
_FORWARD = {True: frozenset({"execute", "complete", "next"}), False: frozenset({"execute", "next"})}

# XEP-0050 §4.4
_NO_COMMANDS = Refused(
    Condition.FEATURE_NOT_IMPLEMENTED, "There are no commands at this address.", ErrorType.CANCEL
)
_NO_SUCH = Refused(
    Condition.ITEM_NOT_FOUND, "There is no such command at this address. Please fetch the list again."
)
_FORBIDDEN = Refused(Condition.FORBIDDEN, "You are not allowed to run this command.", ErrorType.CANCEL)
_BUSY = Refused(
    Condition.UNEXPECTED_REQUEST, "The last step of this command is still running. Please wait for it."
)
_ENDLESS = Refused(
    Condition.RESOURCE_CONSTRAINT, "This command has had too many pages. Please start it again."
)


@dataclass(frozen=True, slots=True)
class _Request:
    stanza: Stanza
    reply: Reply
    payload: Element
    node: str
    session_id: str
    action: str
    language: str
    say: Callable[[str], str]


def together(*providers: CommandsFor) -> CommandsFor:
    """The commands of several providers, in their order."""

    def offered(target: Jid, requester: Jid) -> Sequence[Command] | None:
        found = [commands for provider in providers if (commands := provider(target, requester)) is not None]
        return [command for commands in found for command in commands] if found else None

    return offered


class Commands:
    """Runs the commands that ``commands_for`` names, in the requester's language as far as there is one."""

    def __init__(
        self, commands_for: CommandsFor, sessions: Sessions, languages: Languages | None = None
    ) -> None:
        self._commands_for = commands_for
        self._sessions = sessions
        self._languages = languages or Languages({})

    def register(self, router: Router) -> None:
        router.on("iq", COMMANDS, "set", self.handle)

    def info(self, target: Jid, node: str, requester: Jid) -> DiscoInfo | None:
        """A ``disco.InfoProvider`` for the node of the list and the nodes of the commands."""
        if not node:
            return None
        offered = self._commands_for(target, requester)
        if offered is None:
            return None
        if node == COMMANDS:
            return DiscoInfo(
                (Identity("automation", "command-list", Text("Commands")),), frozenset({COMMANDS})
            )
        command = _named(offered, node)
        if command is None:
            return None
        if not command.allowed(requester):
            raise RefusedError(_FORBIDDEN)
        return DiscoInfo((Identity("automation", "command-node", command.name),), frozenset({COMMANDS, DATA}))

    def items(self, target: Jid, node: str, requester: Jid) -> ItemList | None:
        """A ``disco.ItemsProvider`` for the same nodes: the commands that the requester may run."""
        if not node:
            return None
        offered = self._commands_for(target, requester)
        if node == COMMANDS:
            if offered is None:
                raise RefusedError(_NO_COMMANDS)
            return ItemList(
                [
                    DiscoItem(target.full, command.name, command.node)
                    for command in offered
                    if command.allowed(requester)
                ]
            )
        # XEP-0030 §7: what exists and has no items has an empty list
        return ItemList(()) if offered is not None and _named(offered, node) is not None else None

    def handle(self, stanza: Stanza, reply: Reply) -> Awaitable[None] | None:
        """Answer one request to execute, continue or cancel."""
        payload = stanza.payload
        if payload is None or name_of(payload) != "command":
            raise RefusedError(Refused(Condition.BAD_REQUEST, "Commands are run with a <command/> element."))
        language = self._languages.best(payload.get(LANG) or stanza.lang)
        request = _Request(
            stanza,
            reply,
            payload,
            payload.get("node", ""),
            payload.get("sessionid", ""),
            payload.get("action") or "execute",
            language,
            partial(self._languages.say, language=language),
        )
        try:
            return self._act(request)
        except RefusedError as refusal:
            refusal.payload = refusal.payload or _echo(request)
            raise

    def _act(self, request: _Request) -> Awaitable[None] | None:
        command = self._command(request)
        if request.action not in _ACTIONS:
            raise problem(
                "malformed-action", "The action of a command is execute, next, prev, complete or cancel."
            )
        requester, target = request.stanza.sender, request.stanza.to
        if not request.session_id:
            if request.action != "execute":
                raise problem(
                    "bad-sessionid", "Only a running command can be continued. Please start it first."
                )
            return self._step(request, command, None, Execution(requester, target, command.node))
        session = self._sessions.find(request.session_id, requester, target, command.node)
        if request.action == "cancel":
            self._sessions.end(session)
            _answer(request, session.id, "canceled")
            return None
        if session.busy:
            raise RefusedError(_BUSY)
        if request.action == "prev":
            self._back(request, session)
            return None
        return self._forward(request, command, session)

    def _command(self, request: _Request) -> Command:
        offered = self._commands_for(request.stanza.to, request.stanza.sender)
        if offered is None:
            raise RefusedError(_NO_COMMANDS)
        command = _named(offered, request.node)
        if command is None:
            raise RefusedError(_NO_SUCH)
        if not command.allowed(request.stanza.sender):
            # Biboumi puts the error inside the command as well, and its clients look for it there.
            raise RefusedError(_FORBIDDEN, payload=_echo(request, error_element(_FORBIDDEN)))
        return command

    def _back(self, request: _Request, session: Session) -> None:
        if len(session.stages) < 2:
            raise problem("bad-action", "This is the first page; there is none before it.")
        session.stages.pop()
        _show(request, session)

    def _forward(self, request: _Request, command: Command, session: Session) -> Awaitable[None] | None:
        stage = session.stages[-1]
        if request.action not in _FORWARD[stage.page.last]:
            raise problem("bad-action", "This command has another page; please go on to it.")
        form = find_form(request.payload)
        # XEP-0050 §3.5.1: the type of the form does not matter, "cancel" included
        submitted = read_submission(form) if form is not None else {}
        try:
            stage.values = check(stage.page.form.fields, submitted)
        except RefusedError as refusal:
            raise problem("bad-payload", refusal.refused.text) from refusal
        return self._step(request, command, session, _execution(session))

    def _step(
        self, request: _Request, command: Command, session: Session | None, execution: Execution
    ) -> Awaitable[None] | None:
        outcome = command.run(execution)
        if isawaitable(outcome):
            return self._wait(request, session, outcome)
        self._conclude(request, session, outcome)
        return None

    async def _wait(self, request: _Request, session: Session | None, awaited: Awaitable[Outcome]) -> None:
        if session is None:
            self._conclude(request, None, await awaited)
            return
        session.busy = True
        try:
            outcome = await awaited
        finally:
            session.busy = False
        self._conclude(request, session, outcome)

    def _conclude(self, request: _Request, session: Session | None, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            if session is not None:
                self._sessions.end(session)
            identifier = session.id if session is not None else self._sessions.new_id()
            _answer(request, identifier, "completed", *_results(request, outcome))
            if outcome.then is not None:
                outcome.then()
            return
        if session is not None and session.ended:  # canceled while the step ran
            _answer(request, session.id, "canceled")
            return
        if isinstance(outcome, Again):
            if session is None:
                raise RuntimeError(f"command {request.node!r} asks again before it has asked")
            _show(request, session, outcome.note)
            return
        if session is None:
            session = self._sessions.open(request.stanza.sender, request.stanza.to, request.node)
        elif len(session.stages) >= _PAGES_LIMIT:
            self._sessions.end(session)
            raise RefusedError(_ENDLESS)
        session.stages.append(Stage(outcome))
        _show(request, session)


def _named(offered: Sequence[Command], node: str) -> Command | None:
    return next((command for command in offered if command.node == node), None)


def _execution(session: Session) -> Execution:
    return execution_of(session.requester, session.target, session.node, session.stages)


def execution_of(requester: Jid, target: Jid, node: str, stages: Sequence[Stage]) -> Execution:
    """What the next step is told when all of ``stages`` are filled in."""
    values: dict[str, tuple[str, ...]] = {}
    for stage in stages:
        values.update(stage.values or {})
    return Execution(requester, target, node, len(stages), values, stages[-1].page.memo if stages else "")


def _show(request: _Request, session: Session, wrong: str = "") -> None:
    stage = session.stages[-1]
    page = stage.page
    forward = "complete" if page.last else "next"
    # XEP-0050 §3.4: without "execute" it would mean "next", which must then be among them
    actions = element(
        "actions", "", {"execute": forward}, "<prev/>" if len(session.stages) > 1 else "", f"<{forward}/>"
    )
    say = request.say
    form = said(page.form, say)
    note = _note(say(page.note), page.note_type)
    if wrong:
        # Gajim shows the note above the form and the instructions in it; Converse.js 14 shows notes of the first page and of
        # the end only, but the instructions of every page. So the reason goes there.
        note = _note(say(Text("That did not work.")), NoteType.ERROR)
        form = replace(form, instructions="\n".join(filter(None, (say(wrong), form.instructions))))
    _answer(request, session.id, "executing", actions, render_form(form, _shown(stage)), note)


def _shown(stage: Stage) -> Values | None:
    """What was filled in before, on a page that is shown again: an emptied field stays empty."""
    if stage.values is None:
        return None
    return {
        field.name: stage.values.get(field.name, ())
        for field in stage.page.form.fields
        if field.kind is not FieldKind.FIXED
    }


def _results(request: _Request, done: Done) -> tuple[str, ...]:
    """What a command ends with: first the data, then the note (XEP-0050 §3.3)."""
    text = request.say(done.note)
    if request.stanza.sender.resource.startswith("profanity"):
        # Profanity 0.13 takes the note for a format of printf: an address such as nick%server ends it with a fault.
        text = text.replace("%", "%%")
    note = _note(text, done.note_type)
    if not done.result:
        return (note,)
    lines = tuple(request.say(done.result).split("\n"))
    label = request.say(Text("Result"))
    return (render_data(DataSet("", (Datum("result", lines, label, "text-multi"),))), note)


def _note(text: str, type_: NoteType) -> str:
    return text_element("note", text, "", {"type": type_.value}) if text else ""


def _answer(request: _Request, session_id: str, status: str, *parts: str) -> None:
    attributes = {
        "node": request.node,
        "sessionid": session_id,
        "status": status,
        "xml:lang": request.language,
    }
    request.reply.result(element("command", COMMANDS, attributes, *parts))


def _echo(request: _Request, *parts: str) -> str:
    attributes = {"node": request.node or None, "sessionid": request.session_id or None}
    return element("command", COMMANDS, attributes, *parts)
