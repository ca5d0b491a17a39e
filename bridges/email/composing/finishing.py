"""A draft becomes a mail: its lines one text, its subject, its thread, its recipients, and the file that is sent.

Decides nothing that was not asked of it, and has no effects but the file: what fails half-way can be done again.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from bridges.email.composing import building, cleaning, quoting, subjects
from bridges.email.composing.building import Calendar, Enclosure, Party, Sheet
from bridges.email.composing.choosing import Choice, Chooser, Wish, to_all
from bridges.email.composing.drafts import Details, Draft, Drafts, Line, LineState
from bridges.email.composing.files import Files
from bridges.email.composing.outgoing import Finished
from bridges.email.composing.places import Author, Letterhead, Limits, Place, Quotes
from bridges.email.composing.seals import LOOP_HEADER, ORIGIN_HEADER
from bridges.email.composing.threads import Mail
from bridges.email.mime.letter import Person
from gateway.model import Condition, Refused, Reply

_log = structlog.get_logger(__name__)

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail, as it is sent and as it is remembered. ``notes`` are sentences that the user is to read."""

    finished: Finished
    mail: Mail
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Content:
    """What the lines of a draft say together."""

    text: str
    subject: str
    to_all: bool
    details: Details
    calendar: Calendar | None
    enclosures: tuple[Enclosure, ...]


def new_id(chance: random.Random, length: int = 20) -> str:
    return "".join(chance.choice(_ALPHABET) for _ in range(length))


class Finisher:
    """``drafts_at`` holds the files of lines, ``outbound`` takes finished mails."""

    def __init__(
        self,
        drafts: Drafts,
        chooser: Chooser,
        letterhead: Callable[[], Letterhead],
        limits: Callable[[], Limits],
        *,
        drafts_at: Files,
        outbound: Files,
        chance: random.Random,
    ) -> None:
        self._drafts = drafts
        self._chooser = chooser
        self._letterhead = letterhead
        self._limits = limits
        self._drafts_at = drafts_at
        self._outbound = outbound
        self._random = chance

    async def finish(
        self, draft: Draft, lines: Sequence[Line], author: Author, now: float
    ) -> Ready | Refused:
        """Raises ``NotStored`` and ``OSError``: then it can be tried again."""
        content = self._content(lines)
        if not content.text.strip() and not content.enclosures and content.calendar is None:
            text = "Your mail was not sent: there is nothing in it. Write the subject and the text in one message."
            return Refused(Condition.NOT_ACCEPTABLE, text)
        details = content.details
        wish = Wish(
            await self._answered(draft.owner, details.reply),
            details.thread,
            content.subject,
            content.to_all,
        )
        place = Place(draft.place, draft.recipients, draft.thread)
        choice = await self._chooser.choose(draft.owner, author, place, wish, draft.id, now)
        if isinstance(choice, Refused):
            return choice
        sheet = self._sheet(draft, content, choice, author, now)
        name = f"{draft.id}.eml"
        size = await self._outbound.write(name, lambda out: building.write(sheet, out))
        if size > self._limits().size:
            text = f"Your mail was not sent: it has {size:,} bytes, and this gateway sends {self._limits().size:,} at most."
            return Refused(Condition.NOT_ACCEPTABLE, text)
        finished = Finished(
            mail_id=draft.id,
            owner=draft.owner,
            sender=Person(author.name, author.mailbox.exact),
            recipients=tuple(each.mailbox for each in (*choice.to, *choice.cc)),
            message_id=draft.message_id,
            path=self._outbound.path(name),
            size=size,
            needs_smtputf8=sheet.needs_smtputf8,
            line_ids=tuple(each.id for each in lines),
            subject=sheet.subject,
            time=now,
        )
        return Ready(finished, _remembered(draft, sheet, content, choice), choice.notes)

    async def discard(self, mail_id: str) -> None:
        """The file of a mail that will not be sent, if there is one; what cannot be deleted is found at the next start."""
        try:
            await self._outbound.drop([f"{mail_id}.eml"])
        except OSError as error:
            _log.warning("the file of a mail could not be deleted", mail=mail_id, reason=str(error))

    async def _answered(self, owner: str, reply: str) -> str:
        """The mail that a reply means: a message of the user's own is named by its line."""
        line = await self._drafts.by_id(owner, reply) if reply else None
        return line.draft if line is not None and line.state is LineState.SENT else reply

    def _content(self, lines: Sequence[Line]) -> _Content:
        text = "\n".join(each.text for each in lines if each.text)
        everybody, text = to_all(text)
        subject, text = subjects.given(text)
        if not everybody:
            everybody, text = to_all(text)
        details = [each.details for each in lines]
        first = next((each for each in details if each.reply or each.reply_text), Details())
        return _Content(
            text=text,
            subject=subject or next((each.subject for each in details if each.subject), ""),
            to_all=everybody,
            details=Details(
                reply=first.reply,
                reply_author=first.reply_author,
                reply_text=first.reply_text,
                thread=next((each.thread for each in details if each.thread), ""),
            ),
            calendar=next((Calendar(each.method, each.calendar) for each in details if each.calendar), None),
            enclosures=tuple(
                Enclosure(self._drafts_at.path(each.path), each.name, each.media_type, each.size or 0)
                for line in lines
                for each in line.files
            ),
        )

    def _sheet(self, draft: Draft, content: _Content, choice: Choice, author: Author, now: float) -> Sheet:
        parent = choice.parent
        subject = cleaning.one_line(content.subject, subjects.LONGEST)
        if not subject and parent is not None:
            subject = subjects.answering(parent.subject)
        subject = subject or subjects.first_words(content.text)
        return Sheet(
            sender=Party(author.name, author.mailbox),
            to=choice.to,
            cc=choice.cc,
            subject=subject or f"Message from {cleaning.one_line(author.name, 60) or author.mailbox.local}",
            message_id=draft.message_id,
            time=now,
            boundary=new_id(self._random),
            text=content.text,
            references=(*parent.references, parent.message_id) if parent is not None else (),
            quote=_quote(content.details, choice, author),
            footer=self._letterhead().footer,
            html=author.html,
            enclosures=content.enclosures,
            calendar=content.calendar,
            receipt_wanted=author.receipts_wanted,
            marks=(
                (LOOP_HEADER, self._letterhead().seals.loop(draft.id)),
                (ORIGIN_HEADER, self._letterhead().seals.origin(draft.owner)),
            ),
        )


def _quote(details: Details, choice: Choice, author: Author) -> str:
    """Of the mail that is answered, where the user wants it; of a message that we do not know, what the client told."""
    if author.quotes is Quotes.NEVER:
        return ""
    if choice.parent is not None and (choice.explicit or author.quotes is Quotes.ALWAYS):
        return quoting.quote(choice.parent)
    if details.reply_text and not choice.explicit and not choice.elsewhere:
        return quoting.quote_of(Reply(details.reply, details.reply_author, details.reply_text))
    return ""


def _remembered(draft: Draft, sheet: Sheet, content: _Content, choice: Choice) -> Mail:
    return Mail(
        id=draft.id,
        owner=draft.owner,
        message_id=draft.message_id,
        thread=choice.thread,
        subject=sheet.subject,
        sender=Person(sheet.sender.name, sheet.sender.mailbox.exact),
        recipients=tuple(Person(each.name, each.mailbox.exact) for each in (*choice.to, *choice.cc)),
        time=sheet.time,
        references=tuple(building.kept_references(sheet.references)),
        text=cleaning.remembered(content.text),
        contact=draft.place,
        sent_by_us=True,
    )
