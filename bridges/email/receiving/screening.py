"""Whose mail a user gets to see: block lists, decisions about people, spam marks, and the first mail of a stranger.

Rules, in this order. Who is blocked is refused at the border, where the mail is known to be theirs; a bounce for a forged
mail would go to somebody who has nothing to do with it, so that is dropped. Marked spam is held. Whoever the user wrote to
or allowed is shown. Strangers are shown, asked about or held, as the user wants it. What the user released is shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from bridges.email.addresses import Mailbox, parse
from bridges.email.mime.letter import AutoKind, Letter
from bridges.email.receiving import replies
from bridges.email.receiving.blocks import Blocks
from bridges.email.receiving.contacts import Contacts, Decision, EmailContact
from bridges.email.receiving.heading import Heading
from bridges.email.receiving.replies import Reply
from bridges.email.receiving.residents import FirstContact, Residents
from bridges.email.receiving.trust import Believed, Trust, judge
from gateway.bridge import BadAddress, Clock

_ASK_AGAIN = 7 * 86_400.0  # seconds after which a user is asked about the same stranger once more


class Reason(StrEnum):
    """Why a mail is held, or was dropped; kept in tables."""

    STRANGER = "stranger"
    CLOSED = "closed"
    SPAM = "spam"  # marked by the mail server
    UNWANTED = "unwanted"  # by a decision of the user
    UNVERIFIED = "unverified"
    BLOCKED = "blocked"
    LOOP = "loop"
    COPY = "copy"
    REFUSED = "refused"  # by a decision of the user about this mail
    EXPIRED = "expired"


class Step(Enum):
    SHOW = "show"
    ASK = "ask"  # hold it, and ask the user
    HOLD = "hold"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``party`` is whom it is about, a folded mailbox: the author, or the mailing list; empty if nobody can be named."""

    step: Step
    reason: str = ""
    party: str = ""


class Choice(StrEnum):
    """A user's answer to the question about a stranger."""

    ALLOW = "allow"
    ONCE = "once"
    BLOCK = "block"
    SPAM = "spam"


class Screening:
    """``intake.Gate``, and the same rules for a mail that was read. Raises ``NotStored``. ``believed`` is asked for at
    every mail: an operator can change it."""

    def __init__(
        self,
        contacts: Contacts,
        blocks: Blocks,
        residents: Residents,
        clock: Clock,
        believed: Callable[[], Believed],
        *,
        hold_unverified: bool = False,
    ) -> None:
        self._contacts = contacts
        self._blocks = blocks
        self._residents = residents
        self._clock = clock
        self._believed = believed
        self._hold_unverified = hold_unverified

    # At the border

    async def refuses_sender(self, owner: str, sender: Mailbox) -> Reply | None:
        return replies.BLOCKED if await self._blocked(owner, sender) else None

    async def refuses_mail(self, owner: str, mail: Heading) -> Reply | None:
        closed = self._residents.policy(owner) is FirstContact.CLOSED
        author = mail.author
        if author is None:
            return None
        contact = await self._contacts.find(owner, author.folded)
        blocked = contact.decision is Decision.BLOCK or self._blocks.blocked(owner, author)
        if not blocked and (not closed or contact.wanted):
            return None
        if mail.listed or not judge(mail.fields, author.exact, self._believed()).proven:
            return None  # it is dropped or held, and nobody is told
        return replies.BLOCKED if blocked else replies.STRANGER

    async def _blocked(self, owner: str, mailbox: Mailbox) -> bool:
        if self._blocks.blocked(owner, mailbox):
            return True
        return (await self._contacts.find(owner, mailbox.folded)).decision is Decision.BLOCK

    # A mail that was read

    async def verdict(
        self, owner: str, letter: Letter, trust: Trust, *, released: bool, answer: bool
    ) -> Verdict:
        """``answer``: it belongs to a thread in which its author was written to."""
        parties = self._parties(letter)
        contacts = [await self._contacts.find(owner, each.folded) for each in parties]
        party = contacts[-1].address if contacts else ""
        if released:
            return Verdict(Step.SHOW, party=party)
        for mailbox, contact in zip(parties, contacts, strict=True):
            if contact.decision is Decision.BLOCK or self._blocks.blocked(owner, mailbox):
                return Verdict(Step.DROP, Reason.BLOCKED, party)
        if any(contact.decision is Decision.SPAM for contact in contacts):
            return Verdict(Step.HOLD, Reason.UNWANTED, party)
        wanted = answer or any(contact.wanted for contact in contacts)
        if trust.spam and not (wanted and trust.proven):
            return Verdict(Step.HOLD, Reason.SPAM, party)
        if self._hold_unverified and not trust.proven and (wanted or any(each.proven for each in contacts)):
            return Verdict(Step.HOLD, Reason.UNVERIFIED, party)
        if wanted:
            return Verdict(Step.SHOW, party=party)
        return _STRANGERS[self._residents.policy(owner)](party)

    async def to_ask(self, owner: str, party: str) -> bool:
        """Whether the user is to be asked about a stranger now."""
        if not party:
            return True
        contact = await self._contacts.find(owner, party)
        return not contact.asked or contact.asked < self._clock.now() - _ASK_AGAIN

    def _parties(self, letter: Letter) -> Sequence[Mailbox]:
        """Who may be known to the user: the author, and the list that passed the mail on, which is whom one question is
        about."""
        found = []
        author = letter.sole_author or next(iter(letter.from_), None)
        through = (
            letter.lists.post
            if letter.automatic and letter.automatic.kind is AutoKind.LIST and letter.lists
            else ""
        )
        for address in (author.address if author else "", through):
            try:
                found.append(parse(address))
            except BadAddress:
                continue
        return found

    # What the user says

    async def decide(self, owner: str, mailbox: Mailbox, choice: Choice) -> None:
        """About somebody, for good. ``ONCE`` decides about one mail only, and changes nothing here."""
        if choice is Choice.ONCE:
            return
        contact = await self._contacts.find(owner, mailbox.folded)
        decision = _DECISIONS[choice]
        # Who is blocked was written to once, and is not wanted for that any more.
        written = contact.written if decision is Decision.ALLOW else 0.0
        await self._contacts.save(
            replace(contact, exact=contact.exact or mailbox.exact, decision=decision, written=written)
        )


def learnt(contact: EmailContact, mailbox: Mailbox, name: str, trust: Trust, now: float) -> EmailContact:
    """What a mail says of its author. Only a proven one says anything: of the others it is not known whose they are."""
    if not trust.proven:
        return replace(contact, exact=contact.exact or mailbox.exact, heard=now)
    return replace(
        contact,
        exact=mailbox.exact,
        name=name or contact.name,
        heard=now,
        proven=now,
        enforcing=trust.enforcing or contact.enforcing,
    )


_DECISIONS = {Choice.ALLOW: Decision.ALLOW, Choice.BLOCK: Decision.BLOCK, Choice.SPAM: Decision.SPAM}
_STRANGERS: dict[FirstContact, Callable[[str], Verdict]] = {
    FirstContact.OPEN: lambda party: Verdict(Step.SHOW, party=party),
    FirstContact.ASK: lambda party: Verdict(Step.ASK, Reason.STRANGER, party),
    FirstContact.CLOSED: lambda party: Verdict(Step.HOLD, Reason.CLOSED, party),
}
