"""What became of mails, in the words and states of a chat: ``sending.outcome.News``.

A message is received when its mail is where the operator wants receipts to mean it: with the smarthost, or in the mailbox.
Of a mail with several recipients that takes all of them. What fails is told twice on purpose: to the message, as its error,
and in the chat, for clients show errors of what is long ago nowhere, and one of several recipients is no error of all.
"""

from typing import Literal, Protocol

from bridges.email.addresses import Mailbox
from bridges.email.people import People
from bridges.email.sending.outcome import Kind, Outcome
from gateway.bridge import NotKept
from gateway.model import Condition, DeliveryState, ErrorType, Message, MessageKind, Refused

Receipts = Literal["accepted", "dsn", "off"]

_SHOWN_TEXT = 300
#: RFC 3463 §3: by subject and detail; then by the class of the code.
_CONDITIONS: tuple[tuple[str, Condition], ...] = (
    (".1.1", Condition.ITEM_NOT_FOUND),
    (".1.0", Condition.ITEM_NOT_FOUND),
    (".1.2", Condition.REMOTE_SERVER_NOT_FOUND),
    (".1.10", Condition.ITEM_NOT_FOUND),
    (".2.1", Condition.ITEM_NOT_FOUND),
    (".2.2", Condition.RESOURCE_CONSTRAINT),
    (".2.3", Condition.POLICY_VIOLATION),
    (".3.4", Condition.POLICY_VIOLATION),
    (".4.7", Condition.REMOTE_SERVER_TIMEOUT),
    (".4.4", Condition.REMOTE_SERVER_NOT_FOUND),
    (".6.7", Condition.NOT_ACCEPTABLE),
)


class Progress(Protocol):
    """How far a mail has come for each of its recipients."""

    async def states(self, mail_id: str) -> list[Kind]:
        """Raises ``NotStored``."""

    async def subject(self, mail_id: str) -> str: ...


class MailNews:
    """``receipts``: what counts as received."""

    def __init__(self, people: People, progress: Progress, receipts: Receipts) -> None:
        self._people = people
        self._progress = progress
        self._enough = {
            "accepted": frozenset({Kind.ACCEPTED, Kind.RELAYED, Kind.DELIVERED}),
            "dsn": frozenset({Kind.RELAYED, Kind.DELIVERED}),
            "off": frozenset[Kind](),
        }[receipts]

    async def outcome(
        self, owner: str, mail_id: str, line_ids: tuple[str, ...], recipient: Mailbox, outcome: Outcome
    ) -> bool:
        """Raises ``NotStored``."""
        if not line_ids:
            return True  # no message of the user's: a receipt
        if self._people.session(owner) is None:
            return False
        try:
            match outcome.kind:
                case Kind.FAILED:
                    return await self._failed(owner, mail_id, line_ids, recipient, outcome)
                case Kind.DELAYED:
                    return await self._delayed(owner, mail_id, recipient, outcome)
                case _:
                    return await self._arrived(owner, mail_id, line_ids, outcome)
        except NotKept:
            return False

    # Each gives whether it was told: the session may end while the tables are read.

    async def _delayed(self, owner: str, mail_id: str, recipient: Mailbox, outcome: Outcome) -> bool:
        subject = await self._progress.subject(mail_id)
        text = f"Your mail{_about(subject)} is delayed; it is still tried."
        return await self._say(owner, recipient, outcome, text)

    async def _arrived(self, owner: str, mail_id: str, line_ids: tuple[str, ...], outcome: Outcome) -> bool:
        if outcome.kind in self._enough and self._enough.issuperset(await self._progress.states(mail_id)):
            return self._people.tell(owner, line_ids, DeliveryState.DELIVERED)
        return True

    async def _failed(
        self, owner: str, mail_id: str, line_ids: tuple[str, ...], recipient: Mailbox, outcome: Outcome
    ) -> bool:
        states = await self._progress.states(mail_id)
        if all(each is Kind.FAILED for each in states):
            self._people.tell(owner, line_ids, DeliveryState.FAILED, _refused(recipient, outcome))
        subject = await self._progress.subject(mail_id)
        several = "" if len(states) < 2 else f" ({len(states)} recipients)"
        what = f"Your mail{_about(subject)}{several} was not delivered."
        return await self._say(owner, recipient, outcome, what)

    async def _say(self, owner: str, recipient: Mailbox, outcome: Outcome, what: str) -> bool:
        """In the chat with the one whom it did not reach; once, by its id."""
        sink = self._people.sink(owner)
        if sink is None:
            return False
        text = f"{what} {_said(outcome)}" if outcome.text or outcome.code else what
        id_ = f"news-{outcome.key}"
        await sink.direct_committed(
            Message(recipient.folded, f"{recipient.exact}: {text}", MessageKind.NOTICE, foreign_id=id_)
        )
        return True


def _about(subject: str) -> str:
    return f' "{subject[:60]}"' if subject else ""


def _said(outcome: Outcome) -> str:
    who = outcome.remote_host or "The mail server"
    words = " ".join(filter(None, (str(outcome.code or ""), outcome.status, outcome.text[:_SHOWN_TEXT])))
    return f"{who} says: {words}"


def _refused(recipient: Mailbox, outcome: Outcome) -> Refused:
    condition = next(
        (found for ending, found in _CONDITIONS if outcome.status[1:] == ending),
        Condition.RECIPIENT_UNAVAILABLE,
    )
    if outcome.status.startswith("5.7.") or outcome.status.startswith("4.7."):
        condition = Condition.POLICY_VIOLATION
    return Refused(condition, f"Not delivered to {recipient.exact}. {_said(outcome)}", ErrorType.CANCEL)
