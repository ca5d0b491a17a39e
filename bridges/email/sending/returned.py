"""What comes back of mails we sent, and what only looks like it.

The return address tells the mail and the recipient; only what the report says of them is taken from it. At other addresses
a report counts if it names a mail of that user's by its Message-ID: everything else is about mail that somebody else sent
in our name, and nobody is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog

from bridges.email.addresses import parse
from bridges.email.mime.letter import AutoKind, Letter, RecipientStatus
from bridges.email.sending import replies
from bridges.email.sending.bounces import Bounces
from bridges.email.sending.outcome import Kind, Outcome
from bridges.email.sending.rows import Sent
from bridges.email.sending.store import Sendings
from bridges.email.sending.telling import Teller
from bridges.email.sending.verp import Return
from gateway.bridge import BadAddress, Clock

log = structlog.get_logger(__name__)

_MOST_SHOWN = (
    5  # of what is no report, for one recipient of one mail: more comes from a machine that does not stop
)
_CODE = re.compile(r"\b([245]\d\d)[ -]")
_ACTIONS = {
    "failed": Kind.FAILED,
    "delayed": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
    "expanded": Kind.DELIVERED,  # a mailing list has it
    "relayed": Kind.RELAYED,
}
_BY_CLASS = {"2": Kind.RELAYED, "4": Kind.DELAYED, "5": Kind.FAILED}
# Of several that a report says of one recipient (an alias of many): the worst.
_ORDER = (Kind.FAILED, Kind.DELAYED, Kind.DELIVERED, Kind.RELAYED)


class What(StrEnum):
    """What a letter is, seen from the mails we sent."""

    REPORT = "report"  # dealt with: nobody has to see it
    ANSWER = "answer"  # an automatic answer (RFC 3834): to be shown in the thread of ``sent``, marked
    RETURNED = "returned"  # came back with other words: an excerpt is to be shown, as news of ``sent``
    IGNORED = "ignored"  # nobody is told; ``reason`` is for the log
    ORDINARY = "ordinary"  # a letter like others


@dataclass(frozen=True, slots=True)
class Verdict:
    what: What
    sent: Sent | None = None
    reason: str = ""


class Returns:
    """Both ways in raise ``NotStored``, and can be called again with the same letter."""

    def __init__(self, sendings: Sendings, bounces: Bounces, teller: Teller, clock: Clock) -> None:
        self._sendings = sendings
        self._bounces = bounces
        self._teller = teller
        self._clock = clock

    async def at_return_path(self, letter: Letter, place: Return) -> Verdict:
        """A letter to the return address of one recipient of one mail."""
        if place.expired:
            return Verdict(What.IGNORED, reason="its return address has expired")
        sent = await self._sendings.of_row(place.row)
        if sent is None:
            return Verdict(What.IGNORED, reason="the mail it is about is forgotten")
        outcome = about(letter, sent)
        if outcome is not None:
            await self._apply(sent, outcome)
            return Verdict(What.REPORT, sent)
        if letter.mdn is not None:
            return Verdict(What.ORDINARY, sent)
        if not await self._sendings.show_return(sent.row, _MOST_SHOWN):
            return Verdict(What.IGNORED, sent, "too many such mails came for this recipient")
        automatic = letter.automatic
        answer = automatic is not None and automatic.kind is AutoKind.REPLY
        return Verdict(What.ANSWER if answer else What.RETURNED, sent)

    async def elsewhere(self, letter: Letter, owner: str) -> Verdict:
        """A letter to a mailbox of a user."""
        report = letter.report
        if report is None or not report.standard:
            return Verdict(What.ORDINARY)
        sent = await self._sendings.of_message(report.message_id) if report.message_id else []
        if not sent and report.envelope_id:
            sent = await self._sendings.of_mail(report.envelope_id)
        sent = [each for each in sent if each.owner == owner]
        if not sent:
            return Verdict(What.IGNORED, reason="a report of a mail that was not sent here")
        for each in sent:
            matching = _naming(each, report.recipients)
            outcome = _worst(each, matching, report.reporting_mta)
            if outcome is not None:
                await self._apply(each, outcome)
        return Verdict(What.REPORT, sent[0])

    async def _apply(self, sent: Sent, outcome: Outcome) -> None:
        if outcome.kind is Kind.DELAYED:
            news = await self._sendings.delay(sent.row, outcome)
        else:
            # First what can be done twice: of the other, only the first time counts.
            await self._bounces.note(sent.owner, sent.recipient, outcome, self._clock.now())
            news = await self._sendings.reach(sent.row, outcome)
        log.info(
            "a delivery report came",
            mail=sent.mail,
            outcome=outcome.kind.value,
            status=outcome.status,
            news=news,
        )
        if news:
            self._teller.look()


def about(letter: Letter, sent: Sent) -> Outcome | None:
    """What a letter to the return address of this recipient says of it; None where it is no report."""
    report = letter.report
    if report is None:
        return None
    # An address that was forwarded is reported by its new name only: then all that is reported is this recipient.
    statuses = _naming(sent, report.recipients) or report.recipients
    return _worst(sent, statuses, report.reporting_mta)


def _naming(sent: Sent, statuses: Sequence[RecipientStatus]) -> Sequence[RecipientStatus]:
    name = sent.recipient.folded
    return [each for each in statuses if name in (_folded(each.original), _folded(each.recipient))]


def _folded(address: str) -> str:
    try:
        return parse(address).folded if address else ""
    except BadAddress:
        return ""


def _worst(sent: Sent, statuses: Sequence[RecipientStatus], reporter: str) -> Outcome | None:
    read = [outcome for each in statuses if (outcome := _outcome(each, reporter)) is not None]
    return min(read, key=lambda outcome: _ORDER.index(outcome.kind), default=None)


def _outcome(status: RecipientStatus, reporter: str) -> Outcome | None:
    said = replies.one_line(status.diagnostic)
    code = _CODE.search(said)
    kind = _ACTIONS.get(status.action) or _BY_CLASS.get((status.status or (code[1] if code else ""))[:1])
    if kind is None:
        return None
    host = replies.one_line(status.remote_mta or reporter, 100)
    return Outcome(kind, "", int(code[1]) if code else 0, status.status, said, host)
