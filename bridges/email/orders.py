"""What users order by a word in a chat: ``.room``, ``.original``, ``.accept`` and so on. Each is about one mail: the one
that is replied to, else the newest that came in that chat.

``.send`` and ``.cancel`` are about what is being written, and the composer's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridges.email.addresses import parse
from bridges.email.composing.building import Calendar
from bridges.email.composing.composer import Composer
from bridges.email.composing.places import Place, Said
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime.letter import Answer
from bridges.email.people import People
from bridges.email.receiving.actions import Actions, Unsubscription
from bridges.email.receiving.quarantine import Quarantine
from bridges.email.receiving.screening import Choice
from bridges.email.rooms import ThreadRooms
from gateway.bridge import BadAddress, Contained, MediaError, NotStored, Services, Ticket
from gateway.model import Attachment, Condition, ErrorType, Message, MessageKind, Refused

_log = structlog.get_logger(__name__)

_AGES = 10 * 365 * 86_400.0

_NO_MAIL = Refused(Condition.ITEM_NOT_FOUND, "There is no mail here that this could be about.")
_NOT_STORED = Refused(
    Condition.INTERNAL_SERVER_ERROR, "The gateway cannot read its database just now.", ErrorType.WAIT
)
_FAILED = Refused(
    Condition.INTERNAL_SERVER_ERROR, "The gateway failed at that; its operator finds the reason in the log."
)
_GONE = Refused(Condition.ITEM_NOT_FOUND, "That mail is not kept here any more.")


@dataclass(frozen=True, slots=True)
class Order:
    """``chat`` is the key of a contact or room; ``about`` the id of the mail that was replied to, or empty."""

    owner: str
    chat: str
    about: str = ""


class Parts(Protocol):
    """What orders need of the bridge."""

    composer: Composer
    threads: Threads

    @property
    def actions(self) -> Actions: ...

    @property
    def quarantine(self) -> Quarantine: ...


class Unasked:
    """A ticket for a mail that the user did not write as a message: what goes wrong is said in the chat."""

    reference = ""

    def __init__(self, people: People, order: Order) -> None:
        self._people = people
        self._order = order

    def done(self, foreign_ids: object = ()) -> None:
        """The composer tells what becomes of the mail."""

    def refused(self, why: Refused) -> None:
        self._people.notice(self._order.owner, self._order.chat, why.text)


class Orders:
    """``known`` are the words. What is ordered is done in a task of ``spawn``."""

    def __init__(
        self,
        services: Services,
        people: People,
        rooms: ThreadRooms,
        parts: Parts,
        spawn: Callable[[Awaitable[None]], None],
    ) -> None:
        self._services = services
        self._people = people
        self._rooms = rooms
        self._parts = parts
        self._spawn = spawn
        self._words: dict[str, Callable[[Order], Awaitable[str | Refused]]] = {
            ".help": self._help,
            ".room": self._room,
            ".close": self._close,
            ".original": self._original,
            ".accept": self._answering(Answer.ACCEPTED),
            ".decline": self._answering(Answer.DECLINED),
            ".tentative": self._answering(Answer.TENTATIVE),
            ".unsubscribe": self._unsubscribe,
            ".block": self._deciding(Choice.BLOCK, "{who} is blocked: their mail is refused."),
            ".allow": self._deciding(Choice.ALLOW, "Mail of {who} is shown from now on."),
        }

    def known(self, text: str) -> bool:
        return text.strip().lower() in self._words

    def take(self, text: str, order: Order, ticket: Ticket) -> None:
        """Do it; the ticket is done when it is."""
        self._spawn(self._do(text.strip().lower(), order, ticket))

    async def _do(self, word: str, order: Order, ticket: Ticket) -> None:
        said = await self.done(word, order)
        if isinstance(said, Refused):
            ticket.refused(said)
            return
        ticket.done()
        if said:
            self._people.notice(order.owner, order.chat, said)

    async def done(self, word: str, order: Order) -> str | Refused:
        """Do it; what there is to say, which may be nothing."""
        with Contained(_log, "an order of a user failed", order=word):
            try:
                return await self._words[word](order)
            except NotStored:
                return _NOT_STORED
            except OSError:
                return _GONE
            except MediaError as error:
                return error.refused
        return _FAILED

    async def _meant(self, order: Order) -> Mail | None:
        threads = self._parts.threads
        if order.about:
            mail = await threads.by_id(order.owner, order.about)
            return mail if mail is not None and not mail.sent_by_us else None
        newest = await threads.newest(order.owner, order.chat, self._services.clock.now() - _AGES)
        if newest is None or not newest.sent_by_us:
            return newest
        mails = await threads.of_thread(order.owner, newest.thread)
        return next((each for each in mails if not each.sent_by_us), newest)

    # -- the orders --------------------------------------------------------------------------------------------

    async def _help(self, order: Order) -> str:
        return (
            "What you write goes as one mail after some seconds of silence. .send sends it now, .cancel drops it. A first "
            'line "Subject: ..." gives it a subject, and begins a new thread. @all at the beginning writes to all '
            "recipients of the mail that you answer. About the newest mail here, or the one you reply to: .room opens its "
            "thread as a room, .original shows it as it came, .accept, .decline and .tentative answer an invitation, "
            ".unsubscribe leaves a mailing list. .block and .allow are about the person."
        )

    async def _room(self, order: Order) -> str | Refused:
        mail = await self._meant(order)
        if mail is None:
            return _NO_MAIL
        post = await self._parts.actions.list_of(order.owner, mail.id)
        earlier = await self._parts.threads.of_thread(order.owner, mail.thread)
        opened = await self._rooms.open(order.owner, mail, earlier, post)
        if isinstance(opened, Refused):
            return opened
        sink = self._people.sink(order.owner)
        if sink is not None:
            sink.invited(opened.room, order.chat, opened.subject)
        return ""

    async def _close(self, order: Order) -> str | Refused:
        if await self._rooms.close(order.owner, order.chat):
            return ""
        return Refused(Condition.NOT_ACCEPTABLE, "This is no room; .close is written in one.")

    async def _original(self, order: Order) -> str | Refused:
        mail = await self._meant(order)
        if mail is None:
            return _NO_MAIL
        raw = await self._parts.actions.original(order.owner, mail.id)
        if isinstance(raw, Refused):
            return raw
        sink = self._people.sink(order.owner)
        if sink is not None:
            file = Attachment("mail.eml", "message/rfc822", len(raw), data=raw)
            message = Message(order.chat, "The mail as it came:", MessageKind.NOTICE, attachments=(file,))
            if order.chat.startswith("#"):
                sink.room_message(order.chat, message)
            else:
                sink.direct(message)
        return ""

    def _answering(self, answer: Answer) -> Callable[[Order], Awaitable[str | Refused]]:
        async def answering(order: Order) -> str | Refused:
            mail = await self._meant(order)
            if mail is None:
                return _NO_MAIL
            found = await self._parts.actions.answer_invitation(order.owner, mail.id, answer)
            if isinstance(found, Refused):
                return found
            calendar = Calendar(found.method, found.calendar.decode("utf-8"))
            said = Said(found.text, subject=found.subject, thread=mail.thread, calendar=calendar)
            place = Place.contact(found.organizer)
            self._parts.composer.write(order.owner, place, said, Unasked(self._people, order))
            return f"Your answer goes to {found.organizer.exact}."

        return answering

    async def _unsubscribe(self, order: Order) -> str | Refused:
        mail = await self._meant(order)
        if mail is None:
            return _NO_MAIL
        found = await self._parts.actions.unsubscribe(order.owner, mail.id)
        return found if isinstance(found, Refused) else await self._leave(order, found)

    async def _leave(self, order: Order, how: Unsubscription) -> str:
        if how.post:
            # RFC 8058 §3.1
            await self._services.media.submit(how.post, {"List-Unsubscribe": "One-Click"}, order.owner)
            return f"{how.name} was told that you want no more of its mail."
        if how.mail is not None:
            said = Said("unsubscribe", subject=how.subject)
            self._parts.composer.write(
                order.owner, Place.contact(how.mail), said, Unasked(self._people, order)
            )
            return f"A mail to {how.mail.exact} says that you want no more of {how.name}."
        return f"{how.name} wants you to do it on its web page: {how.page}"

    def _deciding(self, choice: Choice, words: str) -> Callable[[Order], Awaitable[str | Refused]]:
        async def deciding(order: Order) -> str | Refused:
            try:
                mailbox = parse(order.chat)
            except BadAddress:
                return Refused(Condition.NOT_ACCEPTABLE, "That is written in the chat with a person.")
            await self._parts.quarantine.decide(order.owner, mailbox, choice)
            session = self._people.session(order.owner)
            if session is not None:
                await session.look_again(mailbox.folded)
            return words.format(who=mailbox.exact)

        return deciding
