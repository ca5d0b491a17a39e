"""In-band registration (XEP-0077) and the same as commands: the doors to ``Registrations``."""

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from gateway.doors import links
from gateway.doors.registrations import Registrations
from gateway.model import Condition, Field, FieldKind, Refused
from gateway.storage.records import RegistrationState
from gateway.texts import Languages, Text
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form, find_form, read_submission, render_form, said
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Jid, Stanza, name_of
from gateway.xmpp.steps import Again, Category, Command, Done, Execution, Outcome, Page
from gateway.xmpp.xml import child_content, element, text_element

REGISTER = "jabber:iq:register"

#: XEP-0077 §14.1: what clients without forms can be asked.
_LEGACY = frozenset(
    {
        "username",
        "nick",
        "password",
        "name",
        "first",
        "last",
        "email",
        "address",
        "city",
        "state",
        "zip",
        "phone",
        "url",
        "date",
        "misc",
        "text",
    }
)
_VALUE_MOST = 4096

_NOT_HERE = Refused(
    Condition.SERVICE_UNAVAILABLE, "Nobody registers at this address; the gateway itself takes it."
)
_NOT_NEEDED = Refused(
    Condition.SERVICE_UNAVAILABLE,
    "Nobody has to register with this gateway: join a room, or write to somebody.",
)
_NOT_ALONE = Refused(Condition.BAD_REQUEST, "A request to unregister holds nothing but <remove/>.")


class NoRegisterDoor:
    """For networks where nobody registers: says so to clients that ask all the same (XEP-0077 §3.1)."""

    def register(self, router: Router) -> None:
        router.on("iq", REGISTER, "get", self.asked)
        router.on("iq", REGISTER, "set", self.asked)

    def asked(self, _stanza: Stanza, _reply: Reply) -> None:
        raise RefusedError(_NOT_NEEDED)


class RegisterDoor:
    """``title`` is what the operator calls the gateway; ``jid`` its address."""

    def __init__(self, title: str, jid: str, registrations: Registrations, languages: Languages) -> None:
        self._title = title
        self._jid = jid
        self._registrations = registrations
        self._languages = languages

    def register(self, router: Router) -> None:
        router.on("iq", REGISTER, "get", self.asked)
        router.on("iq", REGISTER, "set", self.filled)

    # -- XEP-0077 ----------------------------------------------------------------------------------------------

    async def asked(self, stanza: Stanza, reply: Reply) -> None:
        """What to fill in, as plain fields for old clients and as a form."""
        _check_place(stanza)
        owner = stanza.sender.bare
        language = self._languages.best(stanza.lang)
        form = said(await self._form(owner), lambda text: self._languages.say(text, language))
        reply.result(
            element(
                "query",
                REGISTER,
                None,
                "<registered/>" if self._registrations.of(owner) is not None else "",
                text_element("instructions", form.instructions),
                *(_legacy(field) for field in form.fields if field.name in _LEGACY),
                render_form(form),
            )
        )

    async def filled(self, stanza: Stanza, reply: Reply) -> None:
        _check_place(stanza)
        query = stanza.payload
        if query is None or name_of(query) != "query":
            raise RefusedError(Refused(Condition.BAD_REQUEST, "One registers with a <query/> element."))
        owner = stanza.sender.bare
        if query.find(f"{{{REGISTER}}}remove") is not None:
            if len(query) > 1:
                raise RefusedError(_NOT_ALONE)
            await self._registrations.remove(owner)
            reply.result()
            self._registrations.leave(owner)
            return
        form = find_form(query)
        if form is not None and form.get("type") == "cancel":
            reply.result()
            return
        submitted = read_submission(form) if form is not None else _plain(query)
        await self._registrations.submit(stanza.sender, submitted)
        reply.result()
        self._registrations.welcome(stanza.sender)

    async def _form(self, owner: str) -> Form:
        fields = await self._registrations.fields(owner)
        text = Text("Fill this in to use {title}.", title=self._title)
        if self._registrations.of(owner) is not None:
            text = Text(
                "You are registered with {title}. What you change is used from the next login on.",
                title=self._title,
            )
        return Form(Text("Register with {title}", title=self._title), fields, text, REGISTER)

    # -- the same as commands ----------------------------------------------------------------------------------

    def commands(self, allowed: Callable[[Jid], bool]) -> Sequence[Command]:
        def registered(user: Jid) -> bool:
            return self._registrations.of(user.bare) is not None

        return (
            Command(
                "register",
                Text("Register, or change my registration"),
                self._register,
                allowed,
                Text("Tells this gateway what it needs to know to log you in."),
                Category.ACCOUNT,
            ),
            Command(
                "preferences",
                Text("Preferences"),
                self._prefer,
                registered,
                Text("How this gateway treats you."),
                Category.ACCOUNT,
            ),
            Command(
                "unregister",
                Text("Unregister"),
                self._unregister,
                registered,
                Text("Logs you out for good and deletes what is stored about you."),
                Category.ACCOUNT,
            ),
        )

    async def _register(self, execution: Execution) -> Outcome:
        requester = execution.requester
        if not execution.stage:
            form = await self._form(requester.bare)
            return Page(Form(form.title, form.fields, form.instructions))
        try:
            state = await self._registrations.submit(requester, execution.values)
        except RefusedError as refusal:
            return Again(refusal.refused.text or refusal.refused.condition.value)
        note = Text(
            "You are registered. Write to the gateway whenever you need something: {link}",
            link=links.message(self._jid, "help"),
        )
        if state is RegistrationState.PENDING:
            note = Text("Your registration waits for the operator's approval.")
        return Done(note, then=lambda: self._registrations.welcome(requester))

    async def _prefer(self, execution: Execution) -> Outcome:
        owner = execution.requester.bare
        if not execution.stage:
            record = self._registrations.of(owner)
            label, help_ = self._registrations.staying()
            default = "true" if record is None or record.stays else "false"
            stays = Field("stay-online", label, FieldKind.BOOLEAN, default, help_)
            return Page(Form(Text("Preferences"), (stays,)))
        await self._registrations.prefer(owner, stays=execution.text("stay-online") == "true")
        return Done(Text("Saved."))

    async def _unregister(self, execution: Execution) -> Outcome:
        owner = execution.requester.bare
        if not execution.stage:
            sure = Field("sure", Text("Unregister?"), FieldKind.BOOLEAN, "false", required=True)
            text = Text("You are logged out for good, and what is stored about you is deleted.")
            return Page(Form(Text("Unregister"), (sure,), text))
        if execution.text("sure") != "true":
            return Done(Text("You stay registered."))
        await self._registrations.remove(owner)
        return Done(Text("You are not registered any more."), then=lambda: self._registrations.leave(owner))


def _check_place(stanza: Stanza) -> None:
    if stanza.to.local or stanza.to.resource:
        raise RefusedError(_NOT_HERE)


def _legacy(field: Field) -> str:
    # XEP-0077 §4: never a password in clear.
    return text_element(field.name, "" if field.kind is FieldKind.SECRET else field.default)


def _plain(query: Element) -> dict[str, tuple[str, ...]]:
    """The plain fields of a client that knows no forms."""
    return {
        name: (value,)
        for name in _LEGACY
        if (value := child_content(query, name, REGISTER, _VALUE_MOST)) is not None
    }
