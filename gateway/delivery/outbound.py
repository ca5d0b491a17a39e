"""From the user to the network: a message is written down, then given to the session, and followed to its end.

    committed -> handed to the session -> ticket: accepted -> reports: delivered, read
                                                 refused  -> one error, or another try where messages may wait
    not connected -> refused at once, or waits in its line where messages may wait

Knows the ledger and sessions. What is taken on is decided in ``admission``, what waits is in ``lines``, which message the
network's news is about is ``reports``' to know, and what users are told is the business of ``notices``.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.accounts.account import Account
from gateway.bridge import Capabilities, Clock, Contained
from gateway.delivery.admission import Admission
from gateway.delivery.counts import OutboundCounts
from gateway.delivery.drafts import Draft
from gateway.delivery.entry import Entry, names_of
from gateway.delivery.journal import Journal, Kept
from gateway.delivery.lines import FIRST_TRY, Lines, Place, place_of
from gateway.delivery.notices import Notices
from gateway.delivery.outgoing import Attempt, Outgoing, hand, not_connected, parts_of
from gateway.delivery.reports import Reports, Silence, fit
from gateway.ids import IdSource
from gateway.model import Address, Condition, DeliveryState, ErrorType, MessageKind, Refused
from gateway.ops.status import Direction
from gateway.ops.traffic import Traffic
from gateway.storage.deliveries import DeliveryStore
from gateway.storage.errors import StorageError
from gateway.texts import Text, joined
from gateway.xmpp.stanza import Stanza

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """``waiting`` messages of one user at most, for ``age`` seconds at most. ``acceptance_is_delivery``: the operator wants
    a receipt shown when the network has taken a message, where it can never tell more. ``report_age``: seconds after which
    nobody knows what became of a message that the network should have reported on; 0: for ever."""

    waiting: int = 1_000
    age: float = 3 * 86_400.0
    acceptance_is_delivery: bool = False
    report_age: float = 0.0


class Outbound:
    """One component's outbound half of the ledger."""

    def __init__(
        self,
        bridge: str,
        capabilities: Capabilities,
        policy: OutboundPolicy,
        *,
        journal: Journal,
        store: DeliveryStore,
        notices: Notices,
        clock: Clock,
        ids: IdSource,
        account: Callable[[str, str], Account | None],
        refuse: Callable[[Stanza, Refused], None],
        service: Callable[[Account, str], None],
        spawn: Callable[[Awaitable[None]], None],
        traffic: Traffic,
        taken: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self.counts = OutboundCounts()
        self._can = capabilities
        self._policy = policy
        self._journal = journal
        self._notices = notices
        self._clock = clock
        self._account = account
        self._refuse = refuse
        self._service = service
        self._taken = taken
        self._traffic = traffic
        self._admission = Admission(bridge, capabilities, policy.waiting, clock, ids, account, refuse)
        self._lines = Lines(clock, self._pump)
        self._reports = Reports(bridge, store, spawn)
        self._silence = Silence(self._reports, clock, spawn, self._report_age(policy), self._unknown)
        self._told: set[tuple[str, str]] = set()  # whom we told that the network is away

    def apply(self, policy: OutboundPolicy) -> None:
        """Another policy holds from now on."""
        self._policy = policy
        self._admission.most = policy.waiting
        self._silence.age = self._report_age(policy)

    def leaving(self, accounts: Iterable[tuple[str, str]]) -> None:
        """See ``Admission.leaving``."""
        self._admission.leaving(accounts)

    def _report_age(self, policy: OutboundPolicy) -> float:
        promised = self._can.delivery_reports and not self._can.silence_is_consent
        return policy.report_age if promised else 0.0

    @property
    def waiting(self) -> tuple[int, float | None]:
        """Messages that wait for their network, and when the oldest of them was written."""
        return self._lines.waiting

    # -- from the user -----------------------------------------------------------------------------------------

    def send(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> None:
        """A message to a contact, or to a room of a network with ``durable_rooms``. What cannot be our responsibility is
        refused here and now; for all else the ledger answers."""
        entry = self._admission.admit(stanza, address, outgoing)
        if entry is not None:
            self.counts.sent += 1
            self._enter(entry, stanza)

    def draft(self, stanza: Stanza, address: Address, outgoing: Outgoing) -> Draft | None:
        """As ``send``, of what may still be replaced: it is safe now, and goes out later. None: it was refused."""
        entry = self._admission.admit(stanza, address, outgoing)
        if entry is None:
            return None
        self.counts.sent += 1
        draft = Draft(
            entry,
            go=lambda entry: self._enter(entry, stanza),
            forget=self._replaced,
            refuse=partial(self._committed, entry, stanza),
        )
        self._journal.enter(entry, draft.kept)
        return draft

    def _enter(self, entry: Entry, stanza: Stanza) -> None:
        account = self._account(entry.owner, entry.network)
        entry.handed = account is not None and account.connected and place_of(entry) not in self._lines
        if self._traffic.verbosity.debug:
            self._tell("message taken", entry, stanza=entry.stanza_id)
        entry.attempts = int(entry.handed)
        self._journal.enter(entry, partial(self._committed, entry, stanza))

    def _replaced(self, entry: Entry) -> None:
        self._admission.over(entry)
        text = Text("A later correction was sent in its place.")
        entry.advance(DeliveryState.FAILED, self._clock.now(), Refused(Condition.CONFLICT, text))
        entry.settle()
        self._journal.note(entry)

    def _committed(self, entry: Entry, stanza: Stanza, outcome: Kept | StorageError) -> None:
        if isinstance(outcome, StorageError):
            self._admission.over(entry)
            text = Text(
                "The gateway could not store your message, so it has not sent it. Send it again in a minute."
            )
            self._refuse(stanza, Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT))
        elif entry.handed:
            self._hand(entry)
        else:
            place = place_of(entry)
            first = place not in self._lines
            self._wait(entry)
            account = self._account(entry.owner, entry.network)
            if first and account is not None and account.connected:
                self._pump(place)  # it was not, when this was written

    # -- to the network ----------------------------------------------------------------------------------------

    def _hand(self, entry: Entry) -> None:
        account = self._account(entry.owner, entry.network)
        if account is None or account.session is None or not account.connected:
            entry.handed = False
            self._journal.note(entry)
            if self._can.store_and_forward:
                self._wait(entry)
            else:
                self._fail(entry, not_connected(account, entry.network))
            return
        if self._traffic.verbosity.debug:
            self._tell("message given to the network", entry, attempt=entry.attempts)
        with Contained(
            _log, "a message could not be handed to its network", message=entry.id, network=entry.network
        ) as handing:
            hand(account.session, entry, Attempt(entry, self.accepted, self.refused))
        if handing.fault is not None:
            text = Text(
                "The gateway failed at sending your message; its operator finds the reason in the log."
            )
            self._fail(entry, Refused(Condition.INTERNAL_SERVER_ERROR, text))

    def _wait(self, entry: Entry, delay: float = FIRST_TRY) -> None:
        self._lines.put(entry, delay)
        account = self._account(entry.owner, entry.network)
        if account is None:
            return
        if not account.connected:
            self._tell_of_waiting(account)
        else:
            self._lines.later(place_of(entry))

    def _tell_of_waiting(self, account: Account) -> None:
        whom = (account.owner, account.network)
        if whom not in self._told:
            self._told.add(whom)
            reason = account.status.reason
            text = f"{account.network} cannot be reached just now{f': {reason}' if reason else '.'}"
            self._service(account, f"{text} Your messages wait, and are sent when it is back.")

    def online(self, account: Account) -> None:
        """The session is connected: what waited goes out."""
        self._told.discard((account.owner, account.network))
        self._lines.now(account.owner, account.network)

    def _pump(self, place: Place) -> None:
        account = self._account(place[0], place[1])
        if account is None or not account.connected:
            return
        entries, delay = self._lines.take(place)
        for entry in entries:
            # Written down first: after a crash nobody must think that it was never tried.
            entry.handed = True
            entry.attempts += 1
            entry.changed = self._clock.now()
            self.counts.repeated += entry.attempts > 1
            self._journal.enter(entry, partial(self._tried, entry, delay))

    def _tried(self, entry: Entry, delay: float, outcome: Kept | StorageError) -> None:
        if not isinstance(outcome, StorageError):
            self._hand(entry)
            return
        entry.handed = False
        self._wait(entry, delay)

    # -- what the network says ---------------------------------------------------------------------------------

    def accepted(self, entry: Entry, foreign_ids: Sequence[str]) -> None:
        """The network has taken it. ``foreign_ids`` are the ids it gave, one for each part it made of it."""
        if entry.state is not DeliveryState.QUEUED:
            return
        ids = [fit(each) for each in foreign_ids]
        entry.foreign_id = ids[0] if ids else ""
        self.counts.accepted += 1
        if self._traffic.verbosity.debug:
            self._tell("message accepted", entry, network_ids=ids)
        self._reflect(entry, ids)
        self._admission.over(entry)
        entry.handed = False
        entry.advance(DeliveryState.ACCEPTED, self._clock.now())
        self._traffic.entry_taken(entry.changed - entry.created, room=entry.room)
        if self._can.delivery_reports:
            for key in self._reports.expect(entry, ids):
                self._journal.note(entry, key)
        elif self._can.acceptance_only and not entry.room:
            self._reports.remember(entry)
        if self._can.acceptance_only and self._policy.acceptance_is_delivery:
            self._advance(entry, DeliveryState.DELIVERED)
        else:
            entry.settle()
            self._journal.note(entry)

    def _reflect(self, entry: Entry, ids: Sequence[str]) -> None:
        """A room shows the user's own message to all of the user's clients once the network has it; in a private chat it is
        remembered what the network calls it."""
        account = self._account(entry.owner, entry.network) if entry.room else None
        room = account.room(entry.peer) if account is not None else None
        if room is None:
            if not entry.room:
                self._taken(entry)
            return
        parts = parts_of(entry)
        text, kind = (parts.shown, MessageKind.CHAT) if parts.shown else (entry.body, entry.kind)
        room.said_by_us(text, kind, entry.stanza_id, entry.extra, ids, parts.kept, unkept=parts.unkept)

    def refused(self, entry: Entry, why: Refused) -> None:
        if entry.state is not DeliveryState.QUEUED:
            return
        entry.handed = False
        if why.uncertain and not self._can.recognises_repeats:
            # It may have arrived: a second attempt could be a second message.
            self._advance(entry, DeliveryState.UNKNOWN, why)
        elif self._can.store_and_forward and why.error_type is ErrorType.WAIT:
            entry.condition, entry.error_type, entry.reason = why.condition, why.error_type, why.text
            self._journal.note(entry)
            self._wait(entry)
        else:
            self._fail(entry, why)

    def _unknown(self, entry: Entry, why: Refused) -> None:
        self._advance(entry, DeliveryState.UNKNOWN, why)

    def _fail(self, entry: Entry, why: Refused) -> None:
        self._advance(entry, DeliveryState.FAILED, why)

    def reported(self, account: Account, foreign_id: str, state: DeliveryState, why: Refused | None) -> None:
        """News of a message that the network has taken."""
        foreign_id = fit(foreign_id)

        def found(entry: Entry) -> None:
            self._report(entry, foreign_id, state, why)

        self._reports.find(account.owner, account.network, foreign_id, found)

    def withdrawn(self, account: Account, foreign_id: str) -> None:
        """The user took a message back before it went out."""

        def found(entry: Entry) -> None:
            waited = entry.state is DeliveryState.QUEUED
            why = Refused(Condition.GONE, Text("It was taken back."))
            if entry.advance(DeliveryState.FAILED, self._clock.now(), why):
                if waited:
                    self._admission.over(entry)
                entry.settle()
                self._journal.note(entry)

        self._reports.find(account.owner, account.network, fit(foreign_id), found)

    def _report(self, entry: Entry, foreign_id: str, state: DeliveryState, why: Refused | None) -> None:
        if state is DeliveryState.DELIVERED:
            # Of a message in parts, each part is reported; it is there when the last one is.
            missing = [each for each in entry.unreported.split("\n") if each not in ("", foreign_id)]
            entry.unreported = "\n".join(missing)
            if missing:
                self._journal.note(entry)
                return
        self._advance(entry, state, why)

    def _advance(self, entry: Entry, state: DeliveryState, why: Refused | None = None) -> None:
        """One step further, if there is one, and the word that is due to the user."""
        before = entry.state
        if not entry.advance(state, self._clock.now(), why, late=self._can.late_failures):
            return
        entry.handed = False
        if before is DeliveryState.QUEUED:
            self._admission.over(entry)
        self.counts.delivered += state is DeliveryState.DELIVERED
        self.counts.failed += state is DeliveryState.FAILED
        self.counts.unknown += state is DeliveryState.UNKNOWN
        if state in (DeliveryState.FAILED, DeliveryState.UNKNOWN):
            self._traffic.fail(Direction.OUT, entry.refused, entry.id, names_of(entry))
        elif self._traffic.verbosity.debug:
            self._tell(f"message {state.value}", entry)
        self._notices.due(entry, before)

    def _tell(self, step: str, entry: Entry, **details: object) -> None:
        self._traffic.tell(step, entry.id, network=entry.network, **details)

    # -- time --------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """To be called every few seconds: what has waited for too long fails."""
        horizon = self._clock.now() - self._policy.age
        for entry in self._lines.overdue(horizon):
            days = f"{self._policy.age / 86_400:.3g}"
            text = Text(
                "Your message could not be sent to {contact} within {days} days.",
                contact=entry.peer,
                days=days,
            )
            if entry.reason:
                text = joined(" ", (text, Text("The last reason: {reason}", reason=entry.reason)))
            self._fail(entry, Refused(Condition.REMOTE_SERVER_TIMEOUT, text))
        self._silence.sweep()

    # -- after a start -----------------------------------------------------------------------------------------

    def restore(self, entry: Entry) -> None:
        """An active row of an earlier process."""
        self._admission.restore(entry)
        if entry.state is not DeliveryState.QUEUED:
            self._notices.restore(entry)
            return
        if self._can.store_and_forward and (not entry.handed or self._can.recognises_repeats):
            entry.handed = False
            self._lines.put(entry)
        elif entry.handed:
            text = Text(
                "The gateway was interrupted while your message was on its way to {contact}: it may or may not have "
                "arrived. Ask, or send it again.",
                contact=entry.peer,
            )
            self._advance(entry, DeliveryState.UNKNOWN, Refused(Condition.REMOTE_SERVER_TIMEOUT, text))
        else:
            text = Text(
                "The gateway was interrupted before your message was sent to {contact}. Send it again.",
                contact=entry.peer,
            )
            self._fail(entry, Refused(Condition.REMOTE_SERVER_TIMEOUT, text))

    def forget(self, owner: str) -> None:
        """The user's data is to be erased: nothing of it goes out any more."""
        self._lines.forget(owner)
        self._reports.forget(owner)
        self._admission.forget(owner)
