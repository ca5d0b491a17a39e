"""What the parts of this bridge ask of one another, where they call it by different names. Nothing is decided here."""

from collections.abc import Callable, Sequence

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.threads import Threads
from bridges.email.mime import folding
from bridges.email.mime.letter import Complaint, Letter, Person, Role
from bridges.email.people import People
from bridges.email.receiving.neighbours import Folded, Return
from bridges.email.receiving.presentation import Cut
from bridges.email.sending.bounces import Bounces
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.returned import Returns, What
from bridges.email.sending.rows import Job, Sent
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import ReturnPaths
from bridges.email.suspensions import Suspensions
from gateway.bridge import BadAddress, Clock
from gateway.model import DeliveryState

_NOTES = {
    What.ANSWER: "An automatic answer to your mail:",
    What.RETURNED: "Your mail came back with these words:",
}


def fold(letter: Letter, texts: Sequence[str], people: Sequence[Person]) -> Folded:
    """``receiving.showing.Folding``."""
    known = [word for each in people for word in (each.name, each.address) if word]
    folded = folding.fold(letter, texts, known)
    cuts = tuple(Cut(each.at, each.lines, each.role is Role.SIGNATURE) for each in folded.cuts)
    return Folded(folded.text, folded.spans, cuts)


class Answers:
    """``receiving.showing.Returns``: what comes back, in the words of those who show it."""

    def __init__(
        self,
        returns: Returns,
        paths: ReturnPaths,
        sendings: Sendings,
        people: People,
        suspensions: Suspensions,
        clock: Clock,
    ) -> None:
        self._suspensions = suspensions
        self._returns = returns
        self._paths = paths
        self._sendings = sendings
        self._people = people
        self._clock = clock

    def is_return(self, mailbox: Mailbox) -> bool:
        return self._paths.read(mailbox, self._clock.now()) is not None

    async def returned(self, recipient: Mailbox, letter: Letter) -> Return | None:
        place = self._paths.read(recipient, self._clock.now())
        if place is None:
            return None
        verdict = await self._returns.at_return_path(letter, place)
        if verdict.sent is None:
            return None
        sent = verdict.sent
        return Return(sent.owner, sent.mail, sent.recipient.folded, _NOTES.get(verdict.what, ""))

    async def complained(self, complaint: Complaint) -> str:
        """Only whoever got a mail knows its return address and its id: nobody else can complain of it."""
        sent = await self._complained_of(complaint)
        if sent is None:
            return ""
        what = f"a mail to {sent.recipient.exact} was called {complaint.kind or 'abuse'}"
        if complaint.kind == "not-spam":
            return f"Of {sent.owner}: {what}."
        if await self._suspensions.suspend(sent.owner, what):
            return (
                f"Of {sent.owner}: {what}. The gateway sends nothing more for this user, until you allow it with the "
                "command “suspended-users”."
            )
        return f"Of {sent.owner}, whom you have let send again: {what}."

    async def _complained_of(self, complaint: Complaint) -> Sent | None:
        try:
            place = self._paths.read(parse(complaint.sender), self._clock.now())
        except BadAddress:
            place = None
        if place is not None:
            return await self._sendings.of_row(place.row)
        sent = await self._sendings.of_message(complaint.message_id) if complaint.message_id else []
        return sent[0] if sent else None

    async def reported(self, owner: str, letter: Letter) -> bool:
        if letter.mdn is not None:
            return await self._read(owner, letter)
        verdict = await self._returns.elsewhere(letter, owner)
        return verdict.what is What.REPORT

    async def _read(self, owner: str, letter: Letter) -> bool:
        """RFC 8098: somebody says that the user's mail was displayed. Only whoever got it can know its Message-ID."""
        if letter.mdn is None or not letter.mdn.message_id:
            return False
        sent = [
            each for each in await self._sendings.of_message(letter.mdn.message_id) if each.owner == owner
        ]
        if sent and letter.mdn.kind == "displayed":
            self._people.tell(owner, sent[0].line_ids, DeliveryState.READ)
        return bool(sent)


class Lines:
    """``receiving.showing.Replies`` and ``news.Progress``, by what was sent."""

    def __init__(self, sendings: Sendings, threads: Threads) -> None:
        self._sendings = sendings
        self._threads = threads

    async def message_of(self, owner: str, mail_id: str) -> str:
        sent = await self._sendings.of_mail(mail_id)
        mine = [each for each in sent if each.owner == owner and each.line_ids]
        return mine[0].line_ids[0] if mine else ""

    async def states(self, mail_id: str) -> list[Kind]:
        return [each.state for each in await self._sendings.of_mail(mail_id)]

    async def subject(self, mail_id: str) -> str:
        sent = await self._sendings.of_mail(mail_id)
        return sent[0].subject if sent else ""


class Watching:
    """``sending.queue.Watcher``."""

    def __init__(self, teller: Teller, bounces: Bounces, now: Callable[[], float]) -> None:
        self._teller = teller
        self._bounces = bounces
        self._now = now

    def look(self) -> None:
        self._teller.look()

    async def failed(self, job: Job, outcome: Outcome) -> None:
        await self._bounces.note(job.owner, job.recipient, outcome, self._now())
