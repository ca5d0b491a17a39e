"""The configuration form of a room (XEP-0045 §10.2): one form, put together from the parts that several sides contribute.

Knows neither what the fields mean nor where their values go: a part does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from gateway.bridge import BadAddress
from gateway.model import Address, AddressKind, Condition, ErrorType, Field, Refused
from gateway.texts import Languages
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.forms import Form, Values, check, find_form, read_submission, render_form, said
from gateway.xmpp.render import MUC_OWNER
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Jid, Stanza, name_of
from gateway.xmpp.xml import element

ROOM_CONFIG = "http://jabber.org/protocol/muc#roomconfig"

_NO_ROOM = Refused(Condition.SERVICE_UNAVAILABLE, "This address is not a room.")
_NOT_OPEN = Refused(Condition.FORBIDDEN, "This gateway is not open to your address; ask its operator.")
_NO_FORM = Refused(Condition.BAD_REQUEST, "A room is configured with a form.")
_NOT_TO_DESTROY = Refused(
    Condition.NOT_ALLOWED, "Rooms of this network end when everybody has left them.", ErrorType.CANCEL
)
_NOTHING = Refused(Condition.NOT_ALLOWED, "There is nothing to configure in this room.", ErrorType.CANCEL)


class RoomPart(Protocol):
    """Some fields of the form of a room, and what becomes of them. Names of fields are unique among all parts."""

    async def fields(self, user: Jid, room: Address) -> Sequence[Field]:
        """What to ask ``user``, with the present values as defaults; none where there is nothing to ask. Raises
        ``RefusedError`` only where the whole form makes no sense without the answer."""

    async def submit(self, user: Jid, room: Address, values: Values) -> None:
        """``values`` are those of the part's own fields that were submitted, checked against them; what a field that is
        absent means is the part's to say. Returns once they are in force; raises ``RefusedError``."""


class OwnerDoor:
    """``form`` makes one of the fields of a room; ``parts`` in the order in which theirs are shown and put into force."""

    def __init__(
        self,
        book: AddressBook,
        allowed: Callable[[Jid], bool],
        languages: Languages,
        form: Callable[[Address, Sequence[Field]], Form],
        parts: Sequence[RoomPart],
    ) -> None:
        self._book = book
        self._allowed = allowed
        self._languages = languages
        self._form = form
        self._parts = parts

    def register(self, router: Router) -> None:
        router.on("iq", MUC_OWNER, "get", self.asked)
        router.on("iq", MUC_OWNER, "set", self.filled)

    async def asked(self, stanza: Stanza, reply: Reply) -> None:
        room = self._room(stanza)
        language = self._languages.best(stanza.lang)
        fields = [field for part in self._parts for field in await part.fields(stanza.sender, room)]
        if not fields:
            raise RefusedError(_NOTHING)
        form = said(
            replace(self._form(room, fields), form_type=ROOM_CONFIG),
            lambda text: self._languages.say(text, language),
        )
        reply.result(element("query", MUC_OWNER, None, render_form(form)))

    async def filled(self, stanza: Stanza, reply: Reply) -> None:
        room = self._room(stanza)
        query = stanza.payload
        if query is None or name_of(query) != "query":
            raise RefusedError(_NO_FORM)
        if query.find(f"{{{MUC_OWNER}}}destroy") is not None:
            raise RefusedError(_NOT_TO_DESTROY)
        form = find_form(query)
        if form is None:
            raise RefusedError(_NO_FORM)
        submitted = read_submission(form) if form.get("type") != "cancel" else {}
        submitted.pop("FORM_TYPE", None)
        # §10.1.2: clients send an empty form blindly when they think that they made the room; it says nothing.
        if submitted:
            chosen = [
                (part, check(await part.fields(stanza.sender, room), submitted)) for part in self._parts
            ]
            for part, values in chosen:
                await part.submit(stanza.sender, room, values)
        reply.result()

    def _room(self, stanza: Stanza) -> Address:
        try:
            address = self._book.address(stanza.to.local)
        except BadAddress as error:
            raise RefusedError(Refused(Condition.JID_MALFORMED, str(error))) from error
        if address.kind is not AddressKind.ROOM or stanza.to.resource:
            raise RefusedError(_NO_ROOM)
        if not self._allowed(stanza.sender):
            raise RefusedError(_NOT_OPEN)
        return address
