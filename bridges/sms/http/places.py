"""Places of groups at a provider that has to be told of a group before it can be sent to: made once, then known by id.

Nothing is kept beyond our end: places are made under a name of ours that is the same for the same people, so that the
provider says which are there. Making one sends nothing, whatever becomes of the request.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import aiohttp
import structlog

from bridges.sms.http import picking, spelling
from bridges.sms.http.calling import Answered, Call, Caller
from bridges.sms.http.failings import Meaning, rejected
from bridges.sms.http.preset import Place, Preset
from bridges.sms.traffic import Accepted, Failing, NotTaken, Outcome, Rejected, Submission

_log = structlog.get_logger(__name__)

_MOST = 2_000
_MEMBERS = 100  # of one place
T = TypeVar("T")
_TROUBLES = (aiohttp.ClientError, OSError, ValueError)  # TimeoutError is an OSError


class Places:
    """Of one route; ``fetch`` makes a request, and raises what aiohttp raises."""

    def __init__(self, caller: Caller, preset: Preset, fetch: Callable[[Call], Awaitable[Answered]]) -> None:
        self._caller = caller
        self._preset = preset
        self._fetch = fetch
        self._known: OrderedDict[str, str] = OrderedDict()
        self._members: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    async def of(self, submission: Submission, now: float) -> str | Rejected:
        """The id of the place that it is sent to; empty where it needs none. Raises ``filling.Unfilled``."""
        place = self._preset.place
        if place is None or not self._caller.placed(submission):
            return ""
        group = self._caller.group(submission)
        if group in self._known:
            return self._known[group]
        made = await self._made(place, submission, now)
        if isinstance(made, Accepted):
            _remember(self._known, group, made.id)
            return made.id
        if isinstance(made, Rejected):
            return made
        return rejected(Meaning.PROVIDER, self._preset.title, words=made.text)

    async def _made(self, place: Place, submission: Submission, now: float) -> Outcome:
        try:
            answered = await self._fetch(self._caller.about(place.make, now, submission))
            code = picking.text(self._caller.said(answered), self._preset.answer.code)
            if code in place.there:
                answered = await self._fetch(self._caller.about(place.find, now, submission))
        except _TROUBLES as error:
            _log.warning("a group was not made at its provider", reason=type(error).__name__)
            return rejected(Meaning.PROVIDER, self._preset.title, words="it cannot be reached")
        return self._caller.judged(answered, now)

    def judged(self, submission: Submission, outcome: Outcome) -> Outcome:
        """What became of a text: one whose place is gone may be sent once there is another."""
        place = self._preset.place
        if place is None or not isinstance(outcome, Rejected) or outcome.code not in place.gone:
            return outcome
        self._known.pop(self._caller.group(submission), None)
        return replace(outcome, failing=Failing.PASSING)

    async def who(self, place: str, member: str, now: float) -> str:
        """The phone of a member, as ``traffic`` has it; empty for those who are none. Raises ``NotTaken``."""
        known = self._members.get(place)
        if known is None or member not in known:
            known = await self._asked(place, now)
            _remember(self._members, place, known)
        return known.get(member, "")

    async def _asked(self, id: str, now: float) -> Mapping[str, str]:
        place = self._preset.place
        if place is None:
            return {}
        try:
            answered = await self._fetch(self._caller.about(place.members, now, place=id))
        except _TROUBLES as error:
            raise NotTaken(f"whom it is about cannot be asked just now ({type(error).__name__})") from error
        if answered.status not in self._preset.answer.taken:
            raise NotTaken(f"whom it is about was not answered ({answered.status})")
        items = picking.every(self._caller.said(answered), place.items)[:_MEMBERS]
        written = self._preset.numbers.receive
        return {
            picking.text(each, place.member): spelling.incoming(picking.text(each, place.number), written)
            for each in items
        }


def _remember(known: OrderedDict[str, T], key: str, value: T) -> None:
    known[key] = value
    if len(known) > _MOST:
        known.popitem(last=False)
