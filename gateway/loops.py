"""Bridges that relay into each other: noticed by what comes back, and cut.

A loop looks like one user saying the same text again and again, each time at once after having heard it from the same
sender. Only then: many people saying "ok", somebody repeating a command, a bot announcing the same thing twice are
none. Only users who have just repeated themselves are listened to, so that ordinary messages cost next to nothing.

Knows users, places and texts; nothing of stanzas. Shared by all components of a process: loops go through several.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.bridge import Clock

#: A place to talk: the component, the network, the folded name of a room or person.
Place = tuple[str, str, str]

#: Seconds. Machines answer within the first; what has not come round often enough in the second is forgotten; once cut, a
#: place is distrusted for the third.
PROMPT = 3.0
WINDOW = 60.0
DISTRUST = 600.0

#: Texts this short are said by people to each other, so they have to come round more often.
_SHORT = 12
#: So often for texts that came back where they were said without the mark of a relay: people do mimic each other.
_MIMICRY = 3
#: Bounds: texts said lately (twice as many at most; those of some seconds when all users together say as much as they may,
#: and no more than a processor's cache holds), users and texts of theirs that are watched, senders of one text, places that
#: were cut.
_TEXTS, _USERS, _TRACKS, _SENDERS, _CUTS = 4_000, 10_000, 50, 8, 1_000

#: What relays put before a text: <nick>, [nick], (nick).
_OPENING = frozenset("<[(")
_RELAYED = re.compile(r"\s*(?:<[^<>\n]{1,100}>|\[[^][\n]{1,100}\]|\([^()\n]{1,100}\))[ :]*")


def core(text: str) -> tuple[str, int]:
    """``text`` with the innermost relay's mark only, since marks pile up as a text goes round; and how many there were."""
    if text[:1] not in _OPENING:
        return text, 0
    start = begin = marks = 0
    while marks < 50 and (found := _RELAYED.match(text, begin)) is not None:
        start, begin = begin, found.end()
        marks += 1
    return text[start:].lstrip(), marks


_Key = tuple[str, int]  # where it is said, digest of what
_Sender = tuple[Place, str]


@dataclass(slots=True)
class _Track:
    """A text that a user has repeated at one place. Times are monotonic."""

    place: Place
    begun: float
    said: float
    heard: float = 0.0  # promptly after it had been said, for the last time
    sender: _Sender | None = None  # who was heard then
    answer: int = 0  # digest of what a person answered last
    turns: dict[_Sender, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loop:
    """A text that was cut after so many ``turns``. ``fresh``: nobody has been told of this place yet."""

    owner: str
    place: Place
    turns: int
    fresh: bool


class Loops:
    """``watched`` are the users whose messages from networks are to be told to ``heard``."""

    def __init__(self, clock: Clock) -> None:
        self.watched: dict[str, dict[_Key, _Track]] = {}
        self._monotonic = clock.monotonic
        self._said: dict[int, float] = {}  # digest of user, address and text: since when
        self._said_before: dict[int, float] = {}  # the generation before
        self._cut: dict[tuple[str, Place], float] = {}

    def first(self, owner: str, where: str, text: str) -> bool:
        """The user writes ``text`` to the address ``where``: whether that is new, and so cannot be a loop. Hot: asked of
        every message; only of those that are not new need ``said`` be asked."""
        said = hash((owner, where, core(text)[0] if text[:1] in _OPENING else text))
        now = self._monotonic()
        before = self._said.get(said)
        if before is None:
            before = self._said_before.get(said)
        if before is not None and now - before <= WINDOW:
            return False
        self._said[said] = now
        if len(self._said) > _TEXTS:
            self._said_before, self._said = self._said, {}
        return True

    def said(self, owner: str, where: str, text: str, most: int, place: Callable[[], Place]) -> Loop | None:
        """The user writes ``text`` to the address ``where``, which is ``place`` (worked out only if need be). A loop if it
        has come round ``most`` times, and then must not go out."""
        if self.first(owner, where, text):
            return None
        essence, marks = core(text)
        said = hash((owner, where, essence))
        now = self._monotonic()
        first = self._said[said] if said in self._said else self._said_before[said]
        track = self._track(owner, (where, hash(essence)), first, now, place)
        turns = 0
        if track.sender is not None and track.heard >= track.said and now - track.heard <= PROMPT:
            turns = track.turns[track.sender] = track.turns.get(track.sender, 0) + 1
        track.said = now
        distrusted = self._cut.get((owner, track.place), 0.0) > now
        if turns < (2 if distrusted else _enough(most, essence, marks, track)):
            return None
        self._remember_cut(owner, track.place, now)
        return Loop(owner, track.place, turns, fresh=not distrusted)

    def heard(self, owner: str, place: Place, sender: str, text: str, *, direct: bool = False) -> None:
        """A user who is ``watched`` is shown ``text``. ``direct``: by a person, whose answers need not be what was said."""
        tracks = self.watched.get(owner, {})
        digest = hash(core(text)[0])
        now = self._monotonic()
        for key, track in list(tracks.items()):
            if now - track.begun > WINDOW:
                del tracks[key]
                continue
            answered = direct and track.place == place
            if key[1] == digest or (answered and track.answer == digest):
                _came_back(track, (place, sender), now)
            if answered:
                track.answer = digest
        if not tracks:
            self.watched.pop(owner, None)

    def _track(self, owner: str, key: _Key, first: float, now: float, place: Callable[[], Place]) -> _Track:
        tracks = self.watched.get(owner)
        if tracks is None:
            if len(self.watched) >= _USERS:
                del self.watched[next(iter(self.watched))]
            tracks = self.watched[owner] = {}
        track = tracks.get(key)
        if track is None or track.begun != first:
            if len(tracks) >= _TRACKS and key not in tracks:
                del tracks[next(iter(tracks))]
            track = tracks[key] = _Track(place(), first, now)
        return track

    def _remember_cut(self, owner: str, place: Place, now: float) -> None:
        self._cut[owner, place] = now + DISTRUST
        if len(self._cut) > _CUTS:
            self._cut = {key: until for key, until in self._cut.items() if until > now}
        if len(self._cut) > _CUTS:
            del self._cut[next(iter(self._cut))]


def _came_back(track: _Track, sender: _Sender, now: float) -> None:
    if now - track.said <= PROMPT and (sender in track.turns or len(track.turns) < _SENDERS):
        track.heard, track.sender = now, sender


def _enough(most: int, essence: str, marks: int, track: _Track) -> int:
    """How many turns make a loop."""
    if marks:
        return most
    if track.sender is not None and track.sender[0] == track.place:
        most *= _MIMICRY
    return most if len(essence) > _SHORT else 2 * most
