"""What a user can do with a mail that was shown: see it whole, answer an invitation, unsubscribe.

The mail is read again from what came, for as long as that is kept; nothing is sent from here.
"""

import shutil
from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote

from bridges.email.addresses import Mailbox, parse
from bridges.email.mime.invitations import reply
from bridges.email.mime.letter import Answer, AutoKind, Invitation, Letter, Person
from bridges.email.receiving.arrivals import Arrival, Arrivals, Kind, State
from bridges.email.receiving.neighbours import Reading
from bridges.email.receiving.originals import Gone, Originals
from bridges.email.receiving.residents import Residents
from bridges.email.receiving.trust import Believed, judge
from gateway.bridge import BadAddress, Clock
from gateway.model import Condition, Refused


@dataclass(frozen=True, slots=True)
class InvitationAnswer:
    """To be mailed to the organizer (RFC 6047): ``calendar`` is a text/calendar body, ``method`` its parameter."""

    organizer: Mailbox
    subject: str
    text: str
    calendar: bytes
    method: str = "REPLY"


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """How to leave a list. ``post`` is an https URL that takes the POST of RFC 8058 (body ``List-Unsubscribe=One-Click``, no
    cookies, no redirects to elsewhere; the target is a stranger's, so: public addresses only). Else ``mail`` is whom to
    write to, with ``subject``; else ``page`` is for the user's own browser."""

    name: str
    post: str = ""
    mail: Mailbox | None = None
    subject: str = ""
    page: str = ""


_WORDS = {Answer.ACCEPTED: "Accepted", Answer.DECLINED: "Declined", Answer.TENTATIVE: "Tentative"}


class Actions:
    """All of it raises ``NotStored`` and OSError; a ``Refused`` is for the user."""

    def __init__(
        self,
        arrivals: Arrivals,
        originals: Originals,
        residents: Residents,
        reading: Reading,
        clock: Clock,
        believed: Callable[[Arrival], Believed],
        scratch: Path,
    ) -> None:
        self._arrivals = arrivals
        self._originals = originals
        self._residents = residents
        self._reading = reading
        self._clock = clock
        self._believed = believed
        self._scratch = scratch

    async def original(self, owner: str, mail_id: str) -> bytes | Refused:
        """A mail of the user's as it came, shown or held."""
        arrival = await self._arrivals.one(mail_id)
        if arrival is None or arrival.owner != owner or arrival.kind is not Kind.USER:
            return _UNKNOWN
        try:
            return await self._originals.read(arrival.raw)
        except Gone:
            return _UNKNOWN

    async def answer_invitation(self, owner: str, mail_id: str, answer: Answer) -> InvitationAnswer | Refused:
        letter = await self._letter(owner, mail_id)
        if isinstance(letter, Refused):
            return letter
        invitation = letter.invitation
        if invitation is None or invitation.method not in ("REQUEST", ""):
            return Refused(Condition.NOT_ACCEPTABLE, "That mail is no invitation that can be answered.")
        try:
            organizer = parse(invitation.organizer.address if invitation.organizer is not None else "")
        except BadAddress:
            return Refused(
                Condition.NOT_ACCEPTABLE, "The invitation does not say who invites: write to its sender."
            )
        attendee = self._attendee(owner, invitation)
        if attendee is None:
            return Refused(
                Condition.NOT_ACCEPTABLE, "None of your addresses is invited: write to its sender."
            )
        subject = f"{_WORDS[answer]}: {invitation.summary}".strip()
        text = f"{attendee.name or attendee.address}: {_WORDS[answer].lower()}."
        calendar = reply(invitation, attendee, answer, self._clock.now())
        return InvitationAnswer(organizer, subject, text, calendar)

    async def unsubscribe(self, owner: str, mail_id: str) -> Unsubscription | Refused:
        letter = await self._letter(owner, mail_id)
        if isinstance(letter, Refused):
            return letter
        lists = letter.lists
        if lists is None or not (lists.one_click or lists.unsubscribe):
            return Refused(Condition.NOT_ACCEPTABLE, "That mail does not say how to unsubscribe.")
        name = lists.name or lists.id or (letter.from_[0].address if letter.from_ else "the list")
        if lists.one_click and await self._proven(mail_id, letter):
            return Unsubscription(name, post=lists.one_click)
        for url in lists.unsubscribe:
            if url.lower().startswith("mailto:") and (mail := _mailto(url)) is not None:
                return Unsubscription(name, mail=mail[0], subject=mail[1])
        pages = [url for url in lists.unsubscribe if url.lower().startswith("https:")]
        if pages:
            return Unsubscription(name, page=pages[0])
        return Refused(Condition.NOT_ACCEPTABLE, "That mail does not say how to unsubscribe.")

    async def shown(self, owner: str, mail_id: str) -> tuple[Arrival, Letter] | None:
        """A mail that the user was shown; None if it is not known, or not kept any more."""
        arrival = await self._arrivals.one(mail_id)
        letter = await self._letter(owner, mail_id)
        return (arrival, letter) if arrival is not None and not isinstance(letter, Refused) else None

    async def list_of(self, owner: str, mail_id: str) -> str:
        """The address of the mailing list that a mail came by; empty for all others."""
        letter = await self._letter(owner, mail_id)
        if isinstance(letter, Refused) or letter.lists is None or letter.automatic is None:
            return ""
        listed = letter.automatic.kind is AutoKind.LIST and not letter.lists.closed
        return letter.lists.post if listed else ""

    async def _proven(self, mail_id: str, letter: Letter) -> bool:
        """RFC 8058 §4: one click only where nobody else can have written the fields. Else a forged mail would make us call
        a stranger's URL."""
        arrival = await self._arrivals.one(mail_id)
        author = letter.sole_author.address if letter.sole_author is not None else None
        return arrival is not None and judge(letter.trace, author, self._believed(arrival)).proven

    def _attendee(self, owner: str, invitation: Invitation) -> Person | None:
        own = self._residents.addresses(owner)
        for attendee in invitation.attendees:
            try:
                mailbox = parse(attendee.person.address)
            except BadAddress:
                continue
            if mailbox.folded in own or mailbox.base.folded in own:
                return attendee.person
        return None

    async def _letter(self, owner: str, mail_id: str) -> Letter | Refused:
        arrival = await self._arrivals.one(mail_id)
        if arrival is None or arrival.owner != owner or arrival.state is not State.SHOWN:
            return _UNKNOWN
        desk = self._scratch / f"{mail_id}-action"
        try:
            path = await self._originals.lay_out(arrival.raw, desk)
            return await self._reading.read(path, desk / "files")
        except Gone:
            return _UNKNOWN
        finally:
            await to_thread(shutil.rmtree, desk, ignore_errors=True)


_UNKNOWN = Refused(Condition.ITEM_NOT_FOUND, "That mail is not known here, or not kept any more.")


def _mailto(url: str) -> tuple[Mailbox, str] | None:
    address, _, query = url[len("mailto:") :].partition("?")
    try:
        mailbox = parse(unquote(address))
    except BadAddress:
        return None
    try:
        subjects = parse_qs(query, max_num_fields=10).get("subject", ["unsubscribe"])
    except ValueError:
        return None
    subject = "".join(each for each in subjects[0] if each.isprintable())
    return mailbox, subject[:200]
