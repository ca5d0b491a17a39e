"""The book of what is sent: what each thing that happens makes of messages and pieces. Without I/O, in one order.

Whoever calls it has read the records, and commits the page; nobody else changes these rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from bridges.sms.sending.doubts import Doubt, Doubts
from bridges.sms.sending.early import Early, EarlyReports
from bridges.sms.sending.entries import (
    Answered,
    Entry,
    Failed,
    Interrupted,
    Permit,
    Postponed,
    Reported,
    Swept,
    Taken,
    Waited,
    Writing,
)
from bridges.sms.sending.matching import Learnt, Rule, about, bounded, party, rule
from bridges.sms.sending.records import Page, Piece, Place, Record
from bridges.sms.sending.states import (
    MessageState,
    PieceState,
    aggregated,
    further,
    most_telling,
    reported,
    together,
)
from bridges.sms.traffic import Accepted, Failing, Outcome, Rejected, Report, Unknown
from gateway.model import Condition, Refused

_MAYBE = "The message may or may not have been sent. Ask before you send it again."


def maybe(text: str) -> Refused:
    """Nobody knows; ``text`` says why."""
    words = f"{text.strip().rstrip('.')}. {_MAYBE}" if text.strip() else _MAYBE
    return Refused(Condition.REMOTE_SERVER_TIMEOUT, words, uncertain=True)


_NO_REPORT = maybe("The gateway lost the connection before the answer came, and no report came since")
_NETWORK_LOST = maybe("The network does not know what became of the message")
_NO_REASON = Refused(
    Condition.RECIPIENT_UNAVAILABLE, "The network could not deliver the message, and gave no reason."
)
_INTERRUPTED = maybe("The gateway ended while it handed the message over")


class Book:
    def __init__(self, now: Callable[[], float], unknown_wait: float) -> None:
        """``unknown_wait``: seconds for which a report is waited for, of pieces that may have been taken."""
        self._now = now
        self._wait = unknown_wait
        self.early = EarlyReports()
        self.doubts = Doubts()
        self.learnt: dict[str, Learnt] = {}
        self._last = 0
        self._ways: dict[type, Callable[..., object]] = {
            Taken: self._taken,
            Writing: self._writing,
            Answered: self._answered,
            Failed: self._failed,
            Postponed: self._postponed,
            Reported: self._reported,
            Interrupted: self._interrupted,
            Waited: self._waited,
            Swept: self._swept,
        }

    def begin(self, early: Iterable[Early], learnt: dict[str, Learnt]) -> None:
        """Remember what the tables have; doubts are the caller's to add."""
        self.early, self.doubts, self.learnt = EarlyReports(), Doubts(), learnt
        for each in early:
            self.early.add(each)

    def next_number(self, after: int = 0) -> int:
        """Of what has an order: greater than all before, also of earlier lives."""
        self._last = max(self._last + 1, after + 1, int(self._now() * 1_000_000))
        return self._last

    def note(self, entry: Entry, page: Page) -> object:
        """Write it on the page. What it comes to is said at each kind of entry."""
        return self._ways[type(entry)](entry, page)

    # What we do

    def _taken(self, entry: Taken, page: Page) -> bool:
        message = entry.message
        if message.id in page.records:
            return False
        if not message.seq:
            message = replace(message, seq=self.next_number())
        page.records.put(
            Record(
                message.id,
                message.owner,
                message.submission.recipients,
                message.seq,
                changed=message.created,
            )
        )
        page.new.append(message)
        page.also.extend(entry.also)
        return True

    def _writing(self, entry: Writing, page: Page) -> Permit:
        record = page.records.get(entry.id)
        if record is None or record.state is not MessageState.QUEUED:
            return Permit.STOP
        if record.seq != entry.seq:
            return Permit.STOP  # the same was submitted once more, and is sent as it was submitted first
        if record.pinned and record.route != entry.route:
            return Permit.STOP  # a mistake of ours: it must not come to two routes
        piece = record.pieces.get(entry.n)
        if piece is None:
            piece = record.pieces[entry.n] = Piece(entry.n, entry.route)
        elif not piece.state.to_write:
            if piece.state is PieceState.WRITING:
                # Whoever was at it gave up in between, by a mistake of ours.
                self._doubt(record, piece, _INTERRUPTED, again=False)
                self._settle(record, page, piece)
            return Permit.SKIP
        piece.state = PieceState.WRITING
        piece.route, piece.written = entry.route, self._now()
        piece.name("")
        piece.tries += 1
        record.route, record.total, record.counts = entry.route, entry.total, entry.counts
        self.doubts.writing(piece.route, record.of(piece.n), record.id, piece.n)
        page.touch(record, piece)
        return Permit.GO

    def _answered(self, entry: Answered, page: Page) -> bool:
        record, piece = _place(entry.id, entry.n, page)
        if record is None or piece is None:
            self.doubts.forget(entry.id)
            return False
        outcome: Outcome = entry.outcome
        if isinstance(outcome, Rejected):
            self._clear(record, piece)
            self._rejected(piece, outcome)
            # Whoever is left has to have it from the same provider, for it to be one group.
            record.pinned |= record.apart and piece.state is PieceState.FAILED
        elif isinstance(outcome, Unknown):
            self._doubt(record, piece, maybe(outcome.text), again=entry.again)
            record.pinned = True
            self._reported_before(record, piece, page)
        else:
            self._clear(record, piece)
            record.pinned = True
            self._accepted(record, piece, outcome, page)
        self._settle(record, page, piece)
        return record.state is MessageState.QUEUED

    def _rejected(self, piece: Piece, outcome: Rejected) -> None:
        if piece.state is not PieceState.WRITING:
            return  # a report was here before, and knows better
        piece.why, piece.code = outcome.why, outcome.code
        if outcome.failing is Failing.MESSAGE:
            piece.state = PieceState.FAILED
        else:
            # That this attempt was not taken says nothing of one before it.
            piece.state = PieceState.AGAIN if piece.until else PieceState.WAITING

    def _accepted(self, record: Record, piece: Piece, outcome: Accepted, page: Page) -> None:
        if piece.state.rank < PieceState.ACCEPTED.rank:
            piece.state, piece.why, piece.code = PieceState.ACCEPTED, None, ""
        if outcome.id:
            piece.name(bounded(outcome.id))
            page.records.index(record, piece)
            for early in self.early.of_answer(piece.route, piece.provider_id, record.of(piece.n)):
                self._not_early(early, page)
                self._learn(piece.route, rule(piece.provider_id, bounded(early.report.id)), page)
                self._advance(record, piece, early.report)

    def _doubt(self, record: Record, piece: Piece, why: Refused, *, again: bool) -> None:
        if piece.state is not PieceState.WRITING:
            self._clear(record, piece)
            return
        now = self._now()
        piece.state = PieceState.AGAIN if again else PieceState.UNKNOWN
        piece.until, piece.why = now + self._wait, why
        if again:
            self._clear(record, piece)
        else:
            self.doubts.unknown(piece.route, record.of(piece.n), Doubt(record.id, piece.n, piece.written))

    def _clear(self, record: Record, piece: Piece) -> None:
        self.doubts.clear(piece.route, record.of(piece.n), record.id, piece.n)

    def _interrupted(self, entry: Interrupted, page: Page) -> None:
        record, piece = _place(entry.id, entry.n, page)
        if record is not None and piece is not None and piece.state is PieceState.WRITING:
            record.pinned = True
            self._doubt(record, piece, _INTERRUPTED, again=entry.again)
            self._reported_before(record, piece, page)
            self._settle(record, page, piece)

    def _waited(self, entry: Waited, page: Page) -> None:
        record, piece = _place(entry.id, entry.n, page)
        if record is not None and piece is not None and piece.state is PieceState.UNKNOWN:
            self._clear(record, piece)
            piece.state = PieceState.LOST
            piece.why = piece.why or _NO_REPORT
            self._settle(record, page, piece)

    def _failed(self, entry: Failed, page: Page) -> None:
        record = page.records.get(entry.id)
        if record is None or record.seq != entry.seq or record.state is not MessageState.QUEUED:
            return
        record.total = max(record.total, 1)
        lost = []
        missing = []
        for n in range(record.total):
            piece = record.pieces.get(n)
            if piece is not None and piece.state is PieceState.AGAIN:
                piece.state = PieceState.LOST
                lost.append(piece)
            elif piece is None or piece.state is PieceState.WAITING:
                missing.append(n)
        for n in missing if record.apart else missing[:1]:
            piece = record.pieces.setdefault(n, Piece(n, record.route))
            piece.state, piece.why = PieceState.FAILED, entry.why
            lost.append(piece)
        self._settle(record, page, *lost)

    def _postponed(self, entry: Postponed, page: Page) -> None:
        record = page.records.get(entry.id)
        if record is not None and record.seq == entry.seq:
            record.next_at, record.attempts, record.refused = entry.next_at, entry.attempts, entry.refused
            page.touch(record)

    # What the network tells

    def _reported(self, entry: Reported, page: Page) -> None:
        report = entry.report
        place = self._by_reference(report, page) or self._by_id(report, page) or self._by_phone(report, page)
        if place is not None:
            self._advance(*place, report)
            self._settle(place[0], page, place[1])
            page.records.index(*place)
        elif report.id:
            early = Early(replace(report, reference=""), self._now())
            for key in self.early.add(early):
                page.not_early.add(key)
            page.early[early.key] = early
            page.not_early.discard(early.key)

    def _by_reference(self, report: Report, page: Page) -> Place | None:
        record = page.records.get(report.reference) if report.reference else None
        if record is None:
            return None
        here = [each for each in record.pieces.values() if each.route == report.route]
        if len(here) == 1 and record.total <= 1:
            return record, here[0]
        id = bounded(report.id)
        named = (each.what[1] for each in page.records.candidates(report.route, id) if each.what[0] is record)
        if (piece := next(named, None)) is not None:
            return record, piece
        phone = party(report.recipient) if record.apart else ""
        if phone:
            here = [each for each in here if phone in record.of(each.n)]
        fitting = [each for each in here if (phone or not each.provider_id) and not each.state.to_write]
        return (record, min(fitting, key=lambda each: each.n)) if fitting else None

    def _by_id(self, report: Report, page: Page) -> Place | None:
        if not report.id:
            return None
        id, learnt = bounded(report.id), self.learnt.setdefault(report.route, Learnt())
        match = about(id, report.recipient, page.records.candidates(report.route, id), learnt)
        if match is None:
            return None
        if match.certain:
            self._learn(report.route, match.rule, page)
        return match.what

    def _learn(self, route: str, rule: Rule | None, page: Page) -> None:
        learnt = self.learnt.setdefault(route, Learnt())
        if rule is not None and learnt.learn(rule):
            page.rules.update({(route, each): weight for each, weight in learnt.weights.items()})

    def _by_phone(self, report: Report, page: Page) -> Place | None:
        doubt = self.doubts.one(report.route, party(report.recipient), self._now())
        if doubt is None:
            return None
        record, piece = _place(doubt.id, doubt.n, page)
        return (record, piece) if record is not None and piece is not None else None

    def _reported_before(self, record: Record, piece: Piece, page: Page) -> None:
        """A report may have come before its piece was known to be in doubt."""
        for phone in record.of(piece.n):
            for early in self.early.of_party(piece.route, phone, piece.written):
                doubt = self.doubts.one(piece.route, phone, early.came)
                if doubt is None or (doubt.id, doubt.n) != (record.id, piece.n):
                    continue
                self._not_early(early, page)
                self._advance(record, piece, early.report)
                page.records.index(record, piece)

    def _advance(self, record: Record, piece: Piece, report: Report) -> None:
        if report.id and not piece.provider_id:
            piece.name(bounded(report.id))
        before = piece.state
        if len(record.of(piece.n)) > 1 and party(report.recipient) in record.parties:
            phone = party(report.recipient)
            piece.parties[phone] = reported(piece.parties.get(phone, PieceState.ACCEPTED), report.stage)
            said = together(piece.parties, len(record.recipients))
            piece.state = said if said.rank > before.rank else before
        else:
            piece.state = reported(before, report.stage)
        if piece.state is before:
            return
        record.pinned = True
        self._clear(record, piece)
        piece.code = report.code
        piece.why = None
        if piece.state is PieceState.FAILED:
            piece.why = report.why or _NO_REASON
        elif piece.state is PieceState.LOST:
            piece.why = _NETWORK_LOST

    def _not_early(self, early: Early, page: Page) -> None:
        self.early.remove(early.key)
        page.early.pop(early.key, None)
        page.not_early.add(early.key)

    def _swept(self, entry: Swept, page: Page) -> None:
        for key in self.early.before(entry.before):
            self.early.remove(key)
            page.not_early.add(key)

    # What follows for the message

    def _settle(self, record: Record, page: Page, *pieces: Piece) -> None:
        page.touch(record, *pieces)
        states = [each.state for each in record.pieces.values()]
        state = further(record.state, aggregated(record.total, states, record.counts, apart=record.apart))
        if state is not record.state:
            record.state, record.changed = state, self._now()
            if state.told:
                record.owed, record.news = True, self.next_number()
        if not record.owed:
            return  # what was told before is not told again for another reason
        wanted = PieceState.FAILED if state is MessageState.FAILED else PieceState.LOST
        whys = [each.why for each in record.pieces.values() if each.state is wanted and each.why is not None]
        record.why = None if state is MessageState.DELIVERED else _named(record, wanted, most_telling(whys))


def _place(id: str, n: int, page: Page) -> tuple[Record | None, Piece | None]:
    record = page.records.get(id)
    return record, record.pieces.get(n) if record is not None else None


def _named(record: Record, state: PieceState, why: Refused | None) -> Refused | None:
    """With the members of a group that it is about, unless it is about all of them."""
    known = {
        party: each for piece in record.pieces.values() for party, each in _parties(record, piece).items()
    }
    about = [
        number
        for number, each in zip(record.recipients, record.parties, strict=True)
        if known.get(each) is state
    ]
    if why is None or not about or len(about) == len(record.recipients):
        return why
    return replace(why, text=f"{', '.join(about)}: {why.text}")


def _parties(record: Record, piece: Piece) -> dict[str, PieceState]:
    return dict.fromkeys(record.of(piece.n), piece.state) if record.apart else piece.parties
