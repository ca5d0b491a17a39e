"""The chat door: commands run by writing to the gateway, for clients that have no other way.

Whatever somebody writes is answered with one message to the client that wrote it: the list of commands, the next question of
a form, the outcome. Knows the commands only as ``gateway.xmpp.steps`` declares them, and neither logs nor repeats what
people answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable

from gateway.doors import links, questions
from gateway.doors.reply import BotContext, Reply
from gateway.doors.talks import Talk, Talks
from gateway.limits import Kind
from gateway.model import Condition, Field, FieldKind, Refused
from gateway.texts import Languages, Text, joined
from gateway.xmpp.command_sessions import Stage
from gateway.xmpp.commands import CommandsFor, execution_of
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import check, defaults
from gateway.xmpp.stanza import LANG, Jid, Stanza
from gateway.xmpp.steps import Again, Category, Command, Done, NoteType, Outcome, Page

_BODY_MOST = 16 * 1024  # characters that are read
_PAGES_MOST = 50
_THREAD_MOST = 512

_CATEGORIES: dict[Category, Text] = {
    Category.GENERAL: Text("Commands"),
    Category.ACCOUNT: Text("Your account"),
    Category.DATA: Text("Your data"),
    Category.ADMIN: Text("Administration"),
}

_WORDS: dict[str, Text] = {
    "help": Text("help"),
    "back": Text("back"),
    "cancel": Text("cancel"),
    "done": Text("done"),
    "next": Text("next"),
}

_SEVERITY: dict[NoteType, Text] = {
    NoteType.WARN: Text("Careful: {text}"),
    NoteType.ERROR: Text("That did not work: {text}"),
}


class Bot:
    """Talks about the commands that ``commands_for`` names. ``title`` is what the operator calls the gateway."""

    def __init__(
        self, title: str, commands_for: CommandsFor, languages: Languages, context: BotContext
    ) -> None:
        self._title = title
        self._commands_for = commands_for
        self._languages = languages
        self._context = context
        self._talks = Talks(context.clock, self._forgotten)

    def close(self) -> None:
        self._talks.close()

    def heard(self, stanza: Stanza) -> None:
        """Somebody wrote to an address of ours that is nobody's but the gateway's own."""
        refused = self._context.usage.take(stanza.sender.bare, Kind.COMMANDS)
        if refused is not None:
            self._context.refuse(stanza, refused)
            return
        body = stanza.child("body")
        text = ((body.text if body is not None else None) or "")[:_BODY_MOST]
        wanted = (body.get(LANG) if body is not None else None) or stanza.lang
        talk = self._talks.find((stanza.sender.full, stanza.to.bare))
        language = self._languages.best(wanted)
        if talk is None:
            thread = (stanza.text("thread") or "")[:_THREAD_MOST]
            reply = Reply(stanza.sender, stanza.to, language, thread, self._languages, self._context)
            self._choose(reply, text)
            return
        talk.language = language
        self._continue(talk, text)

    # -- without a command -------------------------------------------------------------------------------------

    def _choose(self, reply: Reply, text: str) -> None:
        commands = self._offered(reply.target, reply.requester)
        word, _, rest = text.strip().partition(" ")
        if _is(word, "help", reply.say) or word == "?":
            self._help(reply, commands, rest.strip())
            return
        if _is(word, "cancel", reply.say) or _is(word, "back", reply.say):
            reply.tell(Text("There is nothing to cancel."))
            return
        command, ahead = _find(commands, text.strip(), reply.say), ""
        if command is None and rest.strip():
            command, ahead = _find(commands, word, reply.say), rest.strip()
        if command is None:
            link = links.message(reply.target.bare, "help")
            reply.tell(Text("I do not know that. Write “help” to see what I can do. {link}", link=link))
            return
        talk = Talk(reply.requester, reply.target, command, reply.language, reply.thread, ahead=ahead)
        self._talks.open(talk)
        self._step(talk)

    def _offered(self, target: Jid, requester: Jid) -> list[Command]:
        """In the order of their categories, for the numbers follow what is shown."""
        offered = [each for each in self._commands_for(target, requester) or () if each.allowed(requester)]
        return [each for category in Category for each in offered if each.category is category]

    def _help(self, reply: Reply, commands: Sequence[Command], which: str) -> None:
        if which and (command := _find(commands, which, reply.say)) is not None:
            link = links.command(reply.target.bare, command.node)
            parts = [Text("{name} ({node})", name=command.name, node=command.node), command.help, link]
            reply.tell(joined("\n", [part for part in parts if part]))
            return
        if not commands:
            reply.tell(Text("There is nothing here that you may do; ask the operator of this gateway."))
            return
        parts = [Text("This is {title}. Write the number or the name of what you want.", title=self._title)]
        shown: Category | None = None
        for number, command in enumerate(commands, 1):
            if command.category is not shown:
                shown = command.category
                parts.append(Text("\n{category}:", category=_CATEGORIES[shown]))
            parts.append(
                Text("{number}. {name} ({node})", number=number, name=command.name, node=command.node)
            )
        parts.append(
            Text(
                "\nLater, “back” goes back by one question and “cancel” stops. “help 1” tells more about number 1."
            )
        )
        reply.tell(joined("\n", parts))

    # -- in a command ------------------------------------------------------------------------------------------

    def _continue(self, talk: Talk, text: str) -> None:
        reply = self._reply(talk)
        word = text.strip()
        if _is(word, "cancel", reply.say):
            self._talks.end(talk)
            reply.tell(Text("“{name}” is cancelled.", name=talk.command.name))
        elif talk.busy:
            reply.tell(Text("I am still at it; one moment please. “cancel” stops waiting."))
        elif _is(word, "back", reply.say):
            self._back(talk, reply)
        elif _is(word, "help", reply.say) or word == "?":
            reply.tell(
                joined(
                    "\n",
                    [
                        Text("You are in “{name}”.", name=talk.command.name),
                        Text(
                            "“back” goes back by one question, “cancel” stops, “done” takes the other answers as they are. "
                            "To answer with one of these words, put = before it."
                        ),
                        "",
                        self._question(talk),
                    ],
                )
            )
        elif not talk.lines and _is(word, "done", reply.say):
            self._submit(talk)
        elif not talk.fields:
            if _is(word, "next", reply.say):
                self._submit(talk)
            else:
                reply.tell(self._question(talk))
        else:
            self._answer(talk, text, reply)

    def _answer(self, talk: Talk, text: str, reply: Reply) -> None:
        field = talk.field
        if field.kind is FieldKind.LINES:
            gathered = self._gathered(talk, text)
            if gathered is None:
                reply.tell(Text("Noted. Go on, or write a single full stop when you are done."))
                return
            text = gathered
        try:
            talk.answers[field.name] = questions.answer(field, text, reply.say)
        except questions.Keep:
            if field.required and not any(_current(talk, field)):
                reply.tell(Text("This one has to be given."))
                return
            talk.answers.setdefault(field.name, _current(talk, field))
        except questions.Unclear as unclear:
            reply.tell(joined("\n", [unclear.text, Text("Please answer again: {label}", label=field.label)]))
            return
        talk.at += 1
        if talk.at < len(talk.fields):
            reply.tell(self._question(talk))
        else:
            self._submit(talk)

    def _gathered(self, talk: Talk, text: str) -> str | None:
        """A longer answer once it is complete."""
        lines, complete = questions.ended(text)
        if (
            not talk.lines
            and len(lines) == 1
            and not complete
            and questions.leaves_or_empties(text, self._reply(talk).say)
        ):
            return text
        talk.lines += lines
        if not complete and sum(map(len, talk.lines)) < _BODY_MOST:
            return None
        gathered, talk.lines = "\n".join(talk.lines), []
        return gathered

    def _back(self, talk: Talk, reply: Reply) -> None:
        talk.lines = []
        if talk.at:
            talk.at -= 1
        elif len(talk.stages) > 1:
            talk.stages.pop()
            self._begin_page(talk, talk.stages[-1].values)
            talk.at = max(0, len(talk.fields) - 1)
        else:
            reply.tell(joined("\n", [Text("This is the first question."), self._question(talk)]))
            return
        reply.tell(self._question(talk))

    def _submit(self, talk: Talk) -> None:
        stage = talk.stages[-1]
        answers = {field.name: _current(talk, field) for field in talk.fields}
        try:
            stage.values = check(stage.page.form.fields, answers)
        except RefusedError as refusal:
            self._again(talk, refusal.refused.text)
            return
        self._step(talk)

    def _step(self, talk: Talk) -> None:
        try:
            outcome = talk.command.run(
                execution_of(talk.requester, talk.target, talk.command.node, talk.stages)
            )
        except RefusedError as refusal:
            self._refused(talk, refusal.refused)
            return
        if isawaitable(outcome):
            talk.busy = True
            self._context.spawn(self._wait(talk, outcome))
        else:
            self._conclude(talk, outcome)

    async def _wait(self, talk: Talk, awaited: Awaitable[Outcome]) -> None:
        try:
            outcome = await awaited
        except RefusedError as refusal:
            self._refused(talk, refusal.refused)
        except Exception:
            self._refused(
                talk,
                Refused(
                    Condition.INTERNAL_SERVER_ERROR,
                    Text("The gateway failed at this. Its operator finds the reason in the log."),
                ),
            )
            raise
        else:
            self._conclude(talk, outcome)
        finally:
            talk.busy = False

    def _conclude(self, talk: Talk, outcome: Outcome) -> None:
        reply = self._reply(talk)
        if isinstance(outcome, Done):
            # Also when it was cancelled meanwhile: it has happened, and whoever asked must know.
            self._talks.end(talk)
            parts = [_noted(outcome.note, outcome.note_type), outcome.result]
            reply.tell(joined("\n", [part for part in parts if part]) or Text("Done."))
            if outcome.then is not None:
                outcome.then()
            return
        if talk.ended:
            return
        if isinstance(outcome, Again):
            self._again(talk, outcome.note)
            return
        if len(talk.stages) >= _PAGES_MOST:
            self._talks.end(talk)
            reply.tell(Text("This command has had too many pages. Please start it again."))
            return
        talk.stages.append(Stage(outcome))
        self._begin_page(talk, None)
        ahead, talk.ahead = talk.ahead, ""
        if ahead and talk.fields:
            self._answer(talk, ahead, reply)
        else:
            reply.tell(self._page(talk, outcome))

    def _refused(self, talk: Talk, why: Refused) -> None:
        text = why.text or why.condition.value
        if talk.ended:
            return
        if talk.stages:
            self._again(talk, text)
        else:
            self._talks.end(talk)
            self._reply(talk).tell(text)

    def _again(self, talk: Talk, problem: str) -> None:
        """The same page from its first question on, with what was answered as what stays."""
        answers = talk.answers
        self._begin_page(talk, answers)
        self._reply(talk).tell(joined("\n", [_noted(problem, NoteType.ERROR), "", self._question(talk)]))

    def _begin_page(self, talk: Talk, answers: questions.Answers | None) -> None:
        talk.fields = questions.asked(talk.stages[-1].page.form.fields)
        talk.answers = dict(answers or {})
        talk.at = 0
        talk.lines = []

    # -- what is said ------------------------------------------------------------------------------------------

    def _page(self, talk: Talk, page: Page) -> str:
        form = page.form
        shown = [field.default for field in form.fields if field.kind is FieldKind.FIXED]
        parts = [form.title, form.instructions, *shown, _noted(page.note, page.note_type)]
        head = joined("\n", [part for part in parts if part])
        return joined("\n\n", [part for part in (head, self._question(talk)) if part])

    def _question(self, talk: Talk) -> str:
        if not talk.fields:
            last = not talk.stages or talk.stages[-1].page.last
            return (
                Text("Write “done” to finish, or “cancel”.")
                if last
                else Text("Write “next” to go on, or “cancel”.")
            )
        field = talk.field
        return questions.question(field, talk.at + 1, len(talk.fields), _current(talk, field))

    def _forgotten(self, talk: Talk) -> None:
        self._reply(talk).tell(
            Text("I have not heard from you for a while, so “{name}” has ended.", name=talk.command.name)
        )

    def _reply(self, talk: Talk) -> Reply:
        return Reply(talk.requester, talk.target, talk.language, talk.thread, self._languages, self._context)


def _is(text: str, word: str, say: Callable[[str], str]) -> bool:
    return text.casefold() in (word, say(_WORDS[word]).casefold())


def _find(commands: Sequence[Command], text: str, say: Callable[[str], str]) -> Command | None:
    """By the number shown, the node or the title."""
    if text.isdecimal() and 0 < len(text) < 6 and 0 < int(text) <= len(commands):
        return commands[int(text) - 1]
    word = text.casefold()
    return next(
        (
            each
            for each in commands
            if word in (each.node.casefold(), each.name.casefold(), say(each.name).casefold())
        ),
        None,
    )


def _current(talk: Talk, field: Field) -> tuple[str, ...]:
    """What the field's value is if nothing else is said."""
    answered = talk.answers.get(field.name)
    return defaults(field) if answered is None else answered


def _noted(text: str, type_: NoteType) -> str:
    severity = _SEVERITY.get(type_)
    return Text(severity.template, text=text) if severity is not None and text else text
