"""What a user writes, on its way to the queue: from which number, whether it may be sent at all, and in which form.

All of it is decided before a row is written, in the order in which the user wrote to that place. Once the row is there, the
ticket is done, and ``sending`` answers for the rest.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridges.sms import addresses
from bridges.sms.config import SmsSettings
from bridges.sms.conversations import Conversations
from bridges.sms.groups import Groups
from bridges.sms.numbers import Numbers, OurNumber, ordered
from bridges.sms.people import People
from bridges.sms.policy import Policy, Request, price
from bridges.sms.receiving.routing import FULL
from bridges.sms.sending.messages import Outgoing
from bridges.sms.settings import Mode
from bridges.sms.traffic import Route
from gateway.bridge import BadAddress, Contained, NotStored, Ticket
from gateway.model import Attachment, Condition, ErrorType, Refused

_log = structlog.get_logger(__name__)

_WAITING_MOST = 200  # messages of one user that wait here
_LONGEST = 20_000  # characters of a message

_NOT_STORED = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "The gateway cannot write to its database just now, so nothing was sent. Please try again.",
    ErrorType.WAIT,
)
_FAILED = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "The gateway failed at that, and nothing was sent; its operator finds the reason in the log.",
)
_TOO_MANY = Refused(
    Condition.RESOURCE_CONSTRAINT,
    "Too many of your messages wait already; this one was not sent.",
    ErrorType.WAIT,
)
_NO_NUMBER = Refused(
    Condition.NOT_ALLOWED, "No number is yours at this gateway. Ask its operator for one, then write again."
)
_NO_ROUTE = Refused(
    Condition.INTERNAL_SERVER_ERROR,
    "The number that you write from has no route that works; the operator has to look at the configuration.",
)
_NOT_TEXT = Refused(Condition.NOT_ACCEPTABLE, "Your message has a NUL character, which texts cannot carry.")
_EMPTY = Refused(Condition.NOT_ACCEPTABLE, "There is nothing to send in this message.")


@dataclass(frozen=True, slots=True)
class Draft:
    """``place`` is the contact's or room's name; ``parties`` are whom it goes to, ``ours`` the number it has to come from,
    or empty."""

    owner: str
    place: str
    parties: tuple[str, ...]
    text: str
    attachments: tuple[Attachment, ...] = ()
    ours: str = ""


class Sending(Protocol):
    """``bridges.sms.sending``."""

    async def submit(self, outgoing: Outgoing) -> str:
        """Our id of it, once it is committed; the same reference twice is one. Raises ``NotStored``."""

    async def known(self, owner: str, reference: str) -> str | None:
        """The id of what was submitted under that reference. Raises ``NotStored``."""


class Consent(Protocol):
    """``bridges.sms.consent``."""

    async def refusal(self, ours: str, theirs: str) -> Refused | None:
        """Why nothing may be sent from a number of ours to somebody. Raises ``NotStored``."""


class Pools(Protocol):
    """``bridges.sms.receiving.routing``."""

    async def choose(self, owner: str, theirs: str, candidates: Sequence[str]) -> str | None: ...

    async def wrote(self, owner: str, ours: str, theirs: str) -> bool: ...

    async def let_go(self, owner: str, ours: str, theirs: str) -> None: ...


class Teams(Protocol):
    """``bridges.sms.receiving.ownership``."""

    async def wrote(
        self, owner: str, ours: OurNumber, party: str, text: str, reference: str = ""
    ) -> Refused | None:
        """A member writes to somebody: the others see it, once for each reference. Why it is not to be sent: another
        member sees to that conversation. Raises ``NotStored``."""


class Routes(Protocol):
    def find(self, name: str) -> Route | None: ...


class Counting(Protocol):
    """``bridges.sms.text``."""

    def __call__(self, text: str) -> int:
        """Segments that a text takes as a rule."""


class Departures:
    """``plain`` makes a text cheaper where that changes nothing that matters."""

    def __init__(
        self,
        settings: SmsSettings,
        *,
        numbers: Numbers,
        conversations: Conversations,
        groups: Groups,
        people: People,
        policy: Policy,
        sending: Sending,
        consent: Consent,
        pools: Pools,
        teams: Teams,
        routes: Routes,
        count: Counting,
        plain: Callable[[str], str],
        spawn: Callable[[Awaitable[None]], None],
    ) -> None:
        self._settings = settings
        self._numbers = numbers
        self._conversations = conversations
        self._groups = groups
        self._people = people
        self._policy = policy
        self._sending = sending
        self._consent = consent
        self._pools = pools
        self._teams = teams
        self._routes = routes
        self._count = count
        self._plain = plain
        self._spawn = spawn
        self._lines: dict[tuple[str, str], deque[tuple[Draft, Ticket]]] = {}
        self._waiting: dict[str, int] = {}

    def reconfigure(self, settings: SmsSettings) -> None:
        """These hold from now on."""
        self._settings = settings

    def write(self, draft: Draft, ticket: Ticket) -> None:
        if self._waiting.get(draft.owner, 0) >= _WAITING_MOST:
            ticket.refused(_TOO_MANY)
            return
        self._waiting[draft.owner] = self._waiting.get(draft.owner, 0) + 1
        key = draft.owner, draft.place
        line = self._lines.get(key)
        if line is not None:
            line.append((draft, ticket))
            return
        self._lines[key] = deque([(draft, ticket)])
        self._spawn(self._work_off(key))

    async def _work_off(self, key: tuple[str, str]) -> None:
        line = self._lines[key]
        try:
            while line:
                draft, ticket = line[0]
                await self._one(draft, ticket)
                line.popleft()
                self._less(draft.owner)
        finally:
            del self._lines[key]
            for draft, _ in line:
                self._less(draft.owner)

    def _less(self, owner: str) -> None:
        left = self._waiting[owner] - 1
        if left:
            self._waiting[owner] = left
        else:
            del self._waiting[owner]

    async def _one(self, draft: Draft, ticket: Ticket) -> None:
        sent: str | Refused = _FAILED
        # Where this is cancelled, the gateway ends. The core has the message still, and gives it to us again: whether it has
        # been written down by then, its reference tells.
        with Contained(_log, "a message of a user failed"):
            try:
                sent = await self._send(draft, ticket.reference)
            except NotStored:
                sent = _NOT_STORED
            except BadAddress as error:
                sent = Refused(Condition.NOT_ALLOWED, str(error))
        if isinstance(sent, Refused):
            ticket.refused(sent)
        else:
            ticket.done((sent,))

    async def _send(self, draft: Draft, reference: str) -> str | Refused:
        outgoing = await self._outgoing(draft, reference)
        if not isinstance(outgoing, Refused):
            return await self._sending.submit(outgoing)
        # What was taken before, and comes again since we were killed before we said so, is not refused now. Whoever asks
        # first asks the database for every message; so what comes again is judged again, and is still one message.
        known = await self._sending.known(draft.owner, reference) if reference else None
        return known or outgoing

    async def _outgoing(self, draft: Draft, reference: str) -> Outgoing | Refused:
        if "\0" in draft.text:
            return _NOT_TEXT
        if not draft.text.strip() and not draft.attachments:
            return _EMPTY
        if len(draft.text) > _LONGEST:
            return Refused(Condition.NOT_ACCEPTABLE, f"A text can have {_LONGEST} characters at most.")
        recipients = tuple(addresses.wire(each) for each in draft.parties)
        for each in draft.parties:
            await self._conversations.find(draft.owner, each)  # it is held from now on
        ours = await self._from(draft)
        if isinstance(ours, Refused):
            return ours
        found = await self._allowed(draft, ours, reference)
        if isinstance(found, Refused):
            if ours.mode is Mode.POOL:
                await self._let_go(draft, ours)
            return found
        text, media = found
        for party in draft.parties:
            await self._conversations.wrote(draft.owner, party, ours.number)
        return Outgoing(
            draft.owner, f"{ours.number} {draft.place}", ours.number, recipients, text, reference, media
        )

    async def _allowed(
        self, draft: Draft, ours: OurNumber, reference: str
    ) -> tuple[str, tuple[Attachment, ...]] | Refused:
        """Text and files as they are to be sent."""
        for each in draft.parties:
            if (why := await self._consent.refusal(ours.number, each)) is not None:
                return why
        names = ordered(self._settings.ways, ours.routes, draft.parties[0])
        routes = [route for name in names if (route := self._routes.find(name)) is not None]
        shaped = self._shaped(draft, routes)
        if isinstance(shaped, Refused):
            return shaped
        text, media = shaped
        if (why := self._judged(draft, ours, text, media)) is not None:
            return why
        if ours.mode is Mode.TEAM and (
            why := await self._teams.wrote(draft.owner, ours, *_for_colleagues(draft), reference)
        ):
            return why
        return shaped

    # -- from which number -------------------------------------------------------------------------------------

    async def _from(self, draft: Draft) -> OurNumber | Refused:
        """The number that the conversation is held over; else the best one for this destination."""
        candidates = self._numbers.of(draft.owner)
        if not candidates:
            return _NO_NUMBER
        first = draft.parties[0]
        before = draft.ours or self._before(draft)
        kept = next((each for each in candidates if each.number == before), None)
        if kept is not None and (kept.mode is not Mode.POOL or await self._taken(draft, kept.number)):
            return kept
        if draft.ours:
            return Refused(
                Condition.NOT_ALLOWED,
                f"{addresses.label(draft.ours)} is not your number any more, so this group has ended.",
            )
        personal = self._people.personal(draft.owner)
        ranked = self._numbers.senders(draft.owner, first, personal.number)
        for each in ranked:
            if each.mode is not Mode.POOL:
                return each
            pool = [one.number for one in ranked if one.mode is Mode.POOL]
            chosen = await self._pools.choose(draft.owner, first, pool)
            if chosen is not None and await self._taken(draft, chosen):
                return next(one for one in ranked if one.number == chosen)
            break
        return FULL

    async def _taken(self, draft: Draft, ours: str) -> bool:
        """Whether the conversations with all of them are the user's, over a pool's number: any of a group may answer."""
        return all([await self._pools.wrote(draft.owner, ours, each) for each in draft.parties])

    async def _let_go(self, draft: Draft, ours: OurNumber) -> None:
        """Whoever was never texted is nobody's: else what they write would come to whoever tried to text them."""
        for each in draft.parties:
            known = self._conversations.of(draft.owner, each)
            if known is None or not known.wrote or known.number != ours.number:
                await self._pools.let_go(draft.owner, ours.number, each)

    def _before(self, draft: Draft) -> str:
        if len(draft.parties) > 1:
            group = self._groups.with_members(draft.owner, draft.parties)
            return group.ours if group is not None else ""
        known = self._conversations.of(draft.owner, draft.parties[0])
        return known.number if known is not None else ""

    # -- in which form -----------------------------------------------------------------------------------------

    def _shaped(self, draft: Draft, routes: Sequence[Route]) -> tuple[str, tuple[Attachment, ...]] | Refused:
        """Text and files as the number's routes can have them: files that no route carries are links in the text."""
        if not routes:
            return _NO_ROUTE
        if len(draft.parties) > 1:
            able = [each for each in routes if each.ways.groups]
            if not able:
                return Refused(
                    Condition.NOT_ALLOWED,
                    "The number that you write from cannot send to groups, and this gateway never sends one by one in "
                    "silence: nobody would see who else got it. Write to each of them.",
                )
            size = max(each.ways.group_size for each in able)
            if size and len(draft.parties) > size:
                return Refused(
                    Condition.NOT_ACCEPTABLE, f"A group has at most {size} people with this provider."
                )
            routes = able
        text = self._plain(draft.text) if self._people.personal(draft.owner).plain else draft.text
        if not draft.attachments:
            return text, ()
        if any(_carries(each, draft.attachments) for each in routes):
            return text, draft.attachments
        links = [each.url for each in draft.attachments if each.url]
        if len(links) != len(draft.attachments):
            return Refused(
                Condition.NOT_ACCEPTABLE, "This file has no address on the web, so it cannot be sent."
            )
        missing = [link for link in links if link not in text]
        return "\n".join(filter(None, (text, *missing))), ()

    def _judged(
        self, draft: Draft, ours: OurNumber, text: str, media: tuple[Attachment, ...]
    ) -> Refused | None:
        segments = max(1, self._count(text)) * len(draft.parties)
        cost = sum(
            (price(self._settings, ordered(self._settings.ways, ours.routes, each)[0], each) or 0.0)
            * segments
            / len(draft.parties)
            for each in draft.parties
        )
        known = [self._conversations.of(draft.owner, each) for each in draft.parties]
        request = Request(
            draft.owner,
            ours,
            draft.parties,
            # A message with files is one to the provider, however long its text is.
            segments if not media else len(draft.parties),
            cost,
            new=sum(1 for each in known if each is None or not (each.wrote or each.heard)),
            heard=all(each is not None and bool(each.heard) for each in known),
        )
        return self._policy.judge(request)


def _for_colleagues(draft: Draft) -> tuple[str, str]:
    """Whose chat they are shown it in (a room is its user's alone), and what."""
    files = [each.url or each.name for each in draft.attachments]
    new = [each for each in files if each and each not in draft.text]
    return addresses.group(draft.parties), "\n".join(filter(None, (draft.text, *new)))


def _carries(route: Route, attachments: Sequence[Attachment]) -> bool:
    ways = route.ways
    if not ways.media or len(attachments) > ways.media_count:
        return False
    size = sum(each.size or 0 for each in attachments)
    types = ways.media_types
    return (not ways.media_size or size <= ways.media_size) and all(
        each.url.startswith(("https://", "http://"))
        and (
            not types
            or not each.media_type
            or each.media_type in types
            or f"{each.media_type.partition('/')[0]}/*" in types
        )
        for each in attachments
    )
