"""One mail on its way from its row to the chat: read, judged, screened, put into its thread, shown, and marked as done.

Every step but the last can be done again without harm, so nothing is written down in between: the core knows a mail by its
id and shows it once, and one commit at the end says all that was learnt. Whoever is killed here begins again at the row.
"""

import shutil
from asyncio import Future, to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.seals import LOOP_HEADER, Seals
from bridges.email.composing.subjects import base
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime.letter import AutoKind, File, Letter, Person
from bridges.email.mime.reading import unread
from bridges.email.receiving import joining
from bridges.email.receiving.arrivals import Arrival, Arrivals, Kind, State, Statement
from bridges.email.receiving.closing import Closings
from bridges.email.receiving.contacts import Contacts
from bridges.email.receiving.joining import Joined
from bridges.email.receiving.neighbours import Folding, Reading, Replies, Returns, Rooming
from bridges.email.receiving.originals import Gone, Originals
from bridges.email.receiving.presentation import Context, Shown, present, question, when
from bridges.email.receiving.residents import Operator, Residents
from bridges.email.receiving.screening import Reason, Screening, Step, Verdict, learnt
from bridges.email.receiving.trust import Believed, Standing, Trust, judge
from gateway.bridge import BadAddress, Clock, Sink
from gateway.model import Attachment, Contact, Enrichment, Message, Reply

log = structlog.get_logger(__name__)

_HEADER = 64 * 1024  # octets that are looked at of a mail that is not read
_LONG = 20_000  # code points of a text whose quotes are looked for in a thread of its own
_QUOTED = 300  # code points of the mail that is answered, for clients that do not know it
_AHEAD = 50  # mails of one user that are shown, and whose end is not committed


class NotNow(Exception):
    """A mail cannot be shown just now, and nothing is wrong with it: its user's session is not there."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a mail is. ``closing`` is the commit that says so, where it is still to come: until then nobody else may show
    it. ``NotStored`` is in it if it failed."""

    state: State
    closing: "Future[None] | None" = None


class Showing:
    """``believed`` is asked for at every mail; ``domains`` are those of our Message-IDs, in A-labels; ``scratch`` is a
    directory for mails that are dealt with."""

    def __init__(
        self,
        closings: Closings,
        arrivals: Arrivals,
        originals: Originals,
        threads: Threads,
        contacts: Contacts,
        screening: Screening,
        residents: Residents,
        operator: Operator,
        returns: Returns,
        replies: Replies,
        rooms: Rooming,
        reading: Reading,
        folding: Folding,
        seals: Seals,
        clock: Clock,
        believed: Callable[[Arrival], Believed],
        domains: frozenset[str],
        scratch: Path,
    ) -> None:
        self._closings = closings
        self._arrivals = arrivals
        self._originals = originals
        self._threads = threads
        self._contacts = contacts
        self._screening = screening
        self._residents = residents
        self._operator = operator
        self._returns = returns
        self._replies = replies
        self._rooms = rooms
        self._reading = reading
        self._folding = folding
        self._seals = seals
        self._clock = clock
        self._believed = believed
        self._domains = domains
        self._scratch = scratch

    async def show(self, arrival: Arrival, *, poisoned: bool = False) -> Ending:
        """Bring a mail as far as it goes; returns where it is then. ``poisoned``: it is not to be read, for that ended
        badly. Raises ``NotNow``, ``NotKept``, ``NotStored`` and OSError where it has to be tried again."""
        # Before anything is read: mail may wait for weeks.
        if arrival.kind is Kind.USER and self._residents.sink(arrival.owner) is None:
            raise NotNow
        try:
            short = None if poisoned else await self._originals.short(arrival.raw)
            at_once = self._reading.at_once(short) if short is not None else None
            if at_once is not None and short is not None:
                return await self._go(arrival, at_once, _Files(short, None))
        except Gone:
            return await self._gone(arrival)
        desk = self._scratch / arrival.id
        try:
            path = await self._originals.lay_out(arrival.raw, desk)
            if poisoned:
                letter = await to_thread(_unread, path)
            else:
                letter = await self._reading.read(path, desk / "files")
            return await self._go(arrival, letter, _Files(path, desk))
        except Gone:
            return await self._gone(arrival)
        finally:
            await to_thread(shutil.rmtree, desk, ignore_errors=True)

    async def _gone(self, arrival: Arrival) -> Ending:
        log.error("a mail is not there any more", mail=arrival.id)
        return await self._settle(arrival, State.DROPPED, "gone")

    async def _go(self, arrival: Arrival, letter: Letter, files: "_Files") -> Ending:
        match arrival.kind:
            case Kind.USER:
                return await self._for_user(arrival, letter, files)
            case Kind.OPERATOR:
                return await self._for_operator(arrival, letter, files)
            case Kind.RETURNED:
                return await self._returned(arrival, letter, files)

    # What it can be

    async def _for_user(self, arrival: Arrival, letter: Letter, files: "_Files") -> Ending:
        owner = arrival.owner
        if joining.parents(letter) or self._closings.pending(owner) >= _AHEAD:
            await self._closings.of(owner)  # what it answers may just have been shown
        if await self._is_own(owner, letter):
            # Directly it is a loop; through a list it was shown when it was written.
            listed = letter.lists is not None
            return await self._settle(arrival, State.DROPPED, Reason.COPY if listed else Reason.LOOP)
        if (letter.report is not None or letter.mdn is not None) and not arrival.released:
            about_us = await self._returns.reported(owner, letter)
            if about_us or letter.report is not None:
                # A report about what we never sent: somebody else wrote mail in the user's name.
                return await self._settle(arrival, State.DROPPED, "report" if about_us else "foreign report")
        trust = self._judge(arrival, letter)
        proven = _mailbox(letter.sole_author) if trust.proven else None
        joined = await joining.join(self._threads, owner, letter, proven, new=arrival.id)
        author = _mailbox(letter.sole_author) if trust.shown_as_said else proven
        verdict = await self._screening.verdict(
            owner, letter, trust, released=arrival.released, answer=joined.invited
        )
        if verdict.step is Step.DROP:
            return await self._settle(arrival, State.DROPPED, verdict.reason)
        if verdict.step in (Step.HOLD, Step.ASK):
            return await self._hold(arrival, letter, trust, verdict)
        return Ending(State.SHOWN, await self._deliver(arrival, letter, trust, joined, author, files))

    async def _for_operator(self, arrival: Arrival, letter: Letter, files: "_Files") -> Ending:
        trust = self._judge(arrival, letter)
        note = f"Mail to {arrival.recipient}:"
        if letter.complaint is not None and (whose := await self._returns.complained(letter.complaint)):
            note = f"{whose}\n{note}"
        context = Context(trust, frozenset(), recipient=arrival.recipient, returned=note)
        shown = present(letter, letter.text, letter.spans, (), context)
        enrichment = Enrichment(spans=shown.spans)
        await self._operator.receive(
            Message(
                "",
                shown.text,
                foreign_id=arrival.id,
                time=when(letter, arrival.received, self._clock.now()),
                attachments=await files.attachments(letter, original=shown.original),
                enrichment=enrichment,
                text_first=True,
            )
        )
        return await self._settle(arrival, State.SHOWN)

    async def _returned(self, arrival: Arrival, letter: Letter, files: "_Files") -> Ending:
        found = await self._returns.returned(parse(arrival.recipient), letter)
        if found is None or not found.note:
            return await self._settle(arrival, State.DROPPED, "" if found is not None else "foreign report")
        if self._residents.sink(found.owner) is None:
            raise NotNow
        sent = await self._threads.by_id(found.owner, found.mail)
        author = _mailbox(letter.sole_author)
        # Only whoever has the mail knows where it came from: the return address vouches for the one that it was made for.
        trust = self._judge(arrival, letter)
        ours = author is not None and author.folded == found.recipient
        trust = Trust(Standing.PROVEN) if ours else trust
        joined = Joined(sent.thread, sent, (sent,), invited=True) if sent is not None else Joined(arrival.id)
        for_owner = replace(arrival, owner=found.owner)
        closing = await self._deliver(
            for_owner, letter, trust, joined, author if trust.proven else None, files, note=found.note
        )
        return Ending(State.SHOWN, closing)

    # How

    def _judge(self, arrival: Arrival, letter: Letter) -> Trust:
        author = letter.sole_author.address if letter.sole_author is not None else None
        return judge(letter.trace, author, self._believed(arrival))

    async def _is_own(self, owner: str, letter: Letter) -> bool:
        """Whether it is a mail of this user's that comes back. One of another user of ours is a mail like any other."""
        for name, value in letter.trace:
            if name.lower() == LOOP_HEADER.lower() and (mail_id := self._seals.looped(value)) is not None:
                mail = await self._threads.by_id(owner, mail_id)
                if mail is not None and mail.sent_by_us:
                    return True
        # Only ours can be one of ours: others are not looked for.
        if letter.message_id.rpartition("@")[2].rstrip(">").lower() not in self._domains:
            return False
        known = (await self._threads.by_message_ids(owner, [letter.message_id])).get(letter.message_id)
        return known is not None and known.sent_by_us

    async def _hold(self, arrival: Arrival, letter: Letter, trust: Trust, verdict: Verdict) -> Ending:
        statements = [self._arrivals.holding(arrival.id, verdict.reason, verdict.party, letter.subject[:200])]
        if verdict.step is Step.ASK and await self._screening.to_ask(arrival.owner, verdict.party):
            sink = self._sink(arrival.owner)
            text = question(letter, trust, verdict.party)
            await sink.direct_committed(Message("", text, foreign_id=f"{arrival.id}-ask"))
            if verdict.party:
                now = self._clock.now()
                contact = await self._contacts.find(arrival.owner, verdict.party)
                statements.append(self._contacts.saving(replace(contact, asked=now, heard=now)))
        await self._close(arrival.owner, verdict.party, statements)
        return Ending(State.HELD)

    async def _deliver(
        self,
        arrival: Arrival,
        letter: Letter,
        trust: Trust,
        joined: Joined,
        author: Mailbox | None,
        files: "_Files",
        note: str = "",
    ) -> "Future[None] | None":
        """Returns the commit that ends it, if it is to come."""
        owner, sink = arrival.owner, self._sink(arrival.owner)
        contact = await self._contacts.find(owner, author.folded) if author is not None else None
        texts, people = [each.text for each in joined.mails], joining.people(joined)
        if len(letter.text) > _LONG:
            folded = await to_thread(self._folding, letter, texts, people)
        else:
            folded = self._folding(letter, texts, people)
        mailbox = parse(arrival.recipient)
        # Who is not proven to be somebody is in nobody's room either.
        sure = author is not None and trust.proven
        in_room = sure and self._rooms.shown(owner, joined.thread, _post(letter))
        context = Context(
            trust,
            self._residents.addresses(owner),
            joined.subject,
            recipient=mailbox.exact,
            tag=mailbox.tag,
            returned=note,
            room=in_room,
        )
        shown = present(letter, folded.text, folded.spans, folded.cuts, context)
        name = letter.sole_author.name if letter.sole_author is not None else ""
        if contact is not None and sure and name != contact.name:
            sink.contact(Contact(contact.address, name or contact.name))
        message = Message(
            author.folded if author is not None else "",
            shown.text,
            foreign_id=arrival.id,
            time=when(letter, arrival.received, self._clock.now()),
            attachments=await files.attachments(letter, original=shown.original),
            enrichment=await self._enrichment(owner, letter, joined, author, shown),
            text_first=True,
        )
        mail = _mail(arrival, letter, joined, author, folded.text)
        room = await self._rooms.say(owner, mail, _post(letter), message) if sure else ""
        if room:
            mail = replace(mail, contact=room)
        else:
            await sink.direct_committed(message)
        statements = [
            self._arrivals.settling(arrival.id, State.SHOWN),
            self._threads.remembering(mail),
        ]
        if contact is not None and author is not None:
            statements.append(self._contacts.saving(learnt(contact, author, name, trust, self._clock.now())))
        closing = self._close(owner, author.folded if author is not None else "", statements)
        if not room:
            return closing
        await closing  # a room does not know a mail again
        return None

    async def _enrichment(
        self, owner: str, letter: Letter, joined: Joined, author: Mailbox | None, shown: Shown
    ) -> Enrichment:
        if author is None:
            return Enrichment(spans=shown.spans, recipients=shown.recipients)
        reply = None
        if joined.parent is not None:
            parent = joined.parent
            sent = parent.sent_by_us
            id_ = await self._replies.message_of(owner, parent.id) if sent else parent.id
            if id_:
                reply = Reply(id_, "" if sent else parent.contact, parent.text[:_QUOTED])
        # A subject is part of the text where it is new. As an element, clients show it above every answer, and a forger's
        # above the warning.
        return Enrichment(reply, "", joined.thread, shown.spans, recipients=shown.recipients)

    def _sink(self, owner: str) -> Sink:
        sink = self._residents.sink(owner)
        if sink is None:
            raise NotNow
        return sink

    async def _settle(self, arrival: Arrival, state: State, reason: str = "") -> Ending:
        await self._closings.add(arrival.owner, [self._arrivals.settling(arrival.id, state, reason)])
        return Ending(state)

    def _close(self, owner: str, address: str, statements: Sequence[Statement]) -> "Future[None]":
        def closed(closing: "Future[None]") -> None:
            if closing.cancelled() or closing.exception() is not None:
                self._contacts.doubt(owner, address)

        closing = self._closings.add(owner, statements)
        closing.add_done_callback(closed)
        return closing


@dataclass(frozen=True, slots=True)
class _Files:
    """A mail as it came, as a file or, of a simple one, as it is; and a place for what is made of it."""

    mail: Path | bytes
    desk: Path | None

    async def attachments(self, letter: Letter, *, original: bool) -> tuple[Attachment, ...]:
        found = [_attachment(each) for each in letter.attachments]
        if original:
            name = f"{base(letter.subject)[:60].strip() or 'mail'}.eml"
            found.append(await self._original(name))
        return tuple(found)

    async def _original(self, name: str) -> Attachment:
        if isinstance(self.mail, bytes) or self.desk is None:
            data = self.mail if isinstance(self.mail, bytes) else await to_thread(self.mail.read_bytes)
            return Attachment(name, "message/rfc822", len(data), data=data)
        copy = self.desk / "original.eml"  # the core takes it away
        await to_thread(shutil.copyfile, self.mail, copy)
        return Attachment(name, "message/rfc822", copy.stat().st_size, path=copy)


def _unread(path: Path) -> Letter:
    with path.open("rb") as file:
        return unread(file.read(_HEADER), path.stat().st_size, "This mail could not be read here.")


def _attachment(file: File) -> Attachment:
    return Attachment(
        file.name, file.media_type, file.size, data=file.data, path=file.path, sha256=file.sha256
    )


def _mail(arrival: Arrival, letter: Letter, joined: Joined, author: Mailbox | None, text: str) -> Mail:
    return Mail(
        id=arrival.id,
        owner=arrival.owner,
        message_id=letter.message_id,
        thread=joined.thread,
        subject=letter.subject,
        sender=letter.sole_author or next(iter(letter.from_), Person("", "")),
        recipients=(*letter.to, *letter.cc),
        time=arrival.received,
        references=joining.references(letter),
        text=text,
        contact=author.folded if author is not None else "",
    )


def _post(letter: Letter) -> str:
    """The address of the mailing list that it came by; empty for all else."""
    listed = letter.automatic is not None and letter.automatic.kind is AutoKind.LIST
    return letter.lists.post if listed and letter.lists is not None else ""


def _mailbox(person: Person | None) -> Mailbox | None:
    if person is None:
        return None
    try:
        return parse(person.address)
    except BadAddress:
        return None
