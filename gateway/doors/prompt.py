"""From what a person writes to an address: the gateway prompt (XEP-0100 §6.3), search (XEP-0055), and a command for clients
that have neither."""

from collections.abc import Callable, Sequence
from typing import cast
from xml.etree.ElementTree import Element

from gateway.bridge import BadAddress, Bridge, LookingUp
from gateway.doors import links
from gateway.model import Address, AddressKind, Condition, Field, Refused
from gateway.texts import Languages, Text, joined
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import DATA, Form, find_form, read_submission, render_form, said
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Jid, Stanza, name_of
from gateway.xmpp.steps import Again, Command, Done, Execution, Outcome, Page
from gateway.xmpp.xml import child_content, element, text_element

GATEWAY = "jabber:iq:gateway"
SEARCH = "jabber:iq:search"

_TEXT_MOST = 1000  # characters that a person may write
_ADDRESS = "address"


class PromptDoor:
    def __init__(
        self, bridge: Bridge, book: AddressBook, languages: Languages, allowed: Callable[[Jid], bool]
    ) -> None:
        self._bridge = bridge
        self._book = book
        self._languages = languages
        self._allowed = allowed
        can = bridge.capabilities
        self._label = can.prompt or Text("Address")
        self._help = can.prompt_help or Text(
            "Write the address of a person or a room as this network has it."
        )

    def register(self, router: Router) -> None:
        router.on("iq", GATEWAY, "get", self.prompt)
        router.on("iq", GATEWAY, "set", self.prompted)
        router.on("iq", SEARCH, "get", self.search)
        router.on("iq", SEARCH, "set", self.searched)

    def commands(self) -> Sequence[Command]:
        return (
            Command(
                "find-address",
                Text("Find the address of a person or room"),
                self._find,
                self._allowed,
                Text(
                    "Tells which XMPP address somebody has on the other network, so that you can write to them."
                ),
            ),
        )

    def address(self, text: str) -> Address:
        """What a person means. Raises ``BadAddress``."""
        text = text.strip()
        if not text or len(text) > _TEXT_MOST:
            raise BadAddress("Please write one address.")
        if self._bridge.capabilities.lookup:
            # The capability says that the bridge can (``gateway.bridge.LookingUp``).
            found = cast("LookingUp", self._bridge).lookup(text)
        else:
            found = self._bridge.address(text)
        if found.kind is AddressKind.GATEWAY:
            raise BadAddress("Please write one address.")
        return found

    # -- XEP-0100 §6.3 -----------------------------------------------------------------------------------------

    def prompt(self, stanza: Stanza, reply: Reply) -> None:
        self._check_place(stanza)
        say = self._say(stanza)
        reply.result(
            element(
                "query",
                GATEWAY,
                None,
                text_element("desc", say(self._help)),
                text_element("prompt", say(self._label)),
            )
        )

    def prompted(self, stanza: Stanza, reply: Reply) -> None:
        self._check_place(stanza)
        text = child_content(_query(stanza), "prompt", GATEWAY, _TEXT_MOST) or ""
        try:
            jid = self._book.jid_of(self.address(text))
        except BadAddress as error:
            raise RefusedError(Refused(Condition.NOT_ACCEPTABLE, str(error))) from error
        reply.result(element("query", GATEWAY, None, text_element("jid", jid)))

    # -- XEP-0055 ----------------------------------------------------------------------------------------------

    def search(self, stanza: Stanza, reply: Reply) -> None:
        self._check_place(stanza)
        form = said(self._form(SEARCH), self._say(stanza))
        reply.result(
            element(
                "query",
                SEARCH,
                None,
                text_element("instructions", form.instructions),
                "<nick/>",  # the one field of clients without forms that comes near
                render_form(form),
            )
        )

    def searched(self, stanza: Stanza, reply: Reply) -> None:
        """One result at most; an address that there cannot be is found nowhere."""
        self._check_place(stanza)
        query = _query(stanza)
        form = find_form(query)
        if form is not None:
            text = "".join(read_submission(form).get(_ADDRESS, ()))
        else:
            text = child_content(query, "nick", SEARCH, _TEXT_MOST) or ""
        try:
            address = self.address(text)
            jid = self._book.jid_of(address)
        except BadAddress:
            reply.result(element("query", SEARCH))
            return
        name = address.name or address.network
        found = _found(jid, name, self._say(stanza)) if form is not None else _found_plain(jid, name)
        reply.result(element("query", SEARCH, None, found))

    def _form(self, form_type: str = "") -> Form:
        field = Field(_ADDRESS, self._label, help=self._help, required=True)
        return Form(Text("Find an address"), (field,), "" if not form_type else self._help, form_type)

    # -- the same as a command ---------------------------------------------------------------------------------

    def _find(self, execution: Execution) -> Outcome:
        if not execution.stage:
            return Page(self._form())
        try:
            address = self.address(execution.text(_ADDRESS))
            jid = self._book.jid_of(address)
        except BadAddress as error:
            return Again(str(error))
        link = links.join(jid) if address.kind is AddressKind.ROOM else links.message(jid)
        return Done(joined("\n", [jid, link]))

    # -- pieces ------------------------------------------------------------------------------------------------

    def _check_place(self, stanza: Stanza) -> None:
        if stanza.to.local or stanza.to.resource:
            raise RefusedError(
                Refused(Condition.SERVICE_UNAVAILABLE, "Only the gateway itself can be asked that.")
            )
        if not self._allowed(stanza.sender):
            raise RefusedError(
                Refused(Condition.FORBIDDEN, "This gateway is not open to your address; ask its operator.")
            )

    def _say(self, stanza: Stanza) -> Callable[[str], str]:
        language = self._languages.best(stanza.lang)
        return lambda text: self._languages.say(text, language)


def _query(stanza: Stanza) -> Element:
    query = stanza.payload
    if query is None or name_of(query) != "query":
        raise RefusedError(Refused(Condition.BAD_REQUEST, "This is asked with a <query/> element."))
    return query


def _found(jid: str, name: str, say: Callable[[str], str]) -> str:
    """XEP-0055 §4: a form with a table of one line."""
    columns = (("jid", "jid-single", say(Text("XMPP address"))), ("name", "text-single", say(Text("Name"))))
    return element(
        "x",
        DATA,
        {"type": "result"},
        element("field", "", {"var": "FORM_TYPE", "type": "hidden"}, text_element("value", SEARCH)),
        element(
            "reported",
            "",
            None,
            *(
                element("field", "", {"var": var, "type": type_, "label": label})
                for var, type_, label in columns
            ),
        ),
        element(
            "item",
            "",
            None,
            *(
                element("field", "", {"var": var}, text_element("value", value))
                for var, value in (("jid", jid), ("name", name))
            ),
        ),
    )


def _found_plain(jid: str, name: str) -> str:
    return element("item", "", {"jid": jid}, text_element("nick", name))
