"""How the gateway is, told to people over XMPP: users see it in its presence, admins are written to, once for a trouble and
once when it is over.

What comes and goes within seconds is told to nobody, and nobody is told the same twice within minutes. Knows no cause.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.bridge import Cancellable, Clock
from gateway.contacts.known import Standing, standing
from gateway.model import Availability
from gateway.ops.health import Ailment, Health
from gateway.ops.lasting import lasting
from gateway.texts import Text, joined

#: Seconds that a trouble lasts, or is over, before anybody hears of it.
SETTLED = 5.0
#: Seconds between two changes of a presence that everybody is told, of many in a row; and between two messages to admins
#: about one thing.
SPACING = 30.0
QUIET = 600.0
#: Of a trouble that could not be told while it lasted, because the link itself was down: told afterwards if it was so long.
_WORTH = 60.0

_TROUBLE = Text("This gateway cannot carry messages at the moment. Its operator can see why.")


#: Seconds between two looks while something is under way.
_LOOK = 1.0


class Voices(Protocol):
    """The components, by the names of their bridges."""

    def speaking(self) -> Sequence[str]:
        """Those whose link is up."""

    def tell_admins(self, bridge: str, text: str) -> None:
        """Write to all admins, in the name of this bridge's gateway."""

    def show(self, bridge: str) -> None:
        """Tell those who see this bridge's gateway how it is now, by ``Bulletin.standing``."""


@dataclass(slots=True)
class _Case:
    """An ailment as it is told. Times are monotonic; ``gone`` is since when it is over."""

    ailment: Ailment
    since: float
    gone: float | None = None
    settled: bool = False
    told: bool = False


class Bulletin:
    """See the module's text. ``haste``: how many times faster than usual all of it is."""

    def __init__(self, health: Health, voices: Voices, clock: Clock, haste: float = 1.0) -> None:
        self._health = health
        self._voices = voices
        self._clock = clock
        self._settled = SETTLED / haste
        self._spacing = SPACING / haste
        self._pause = _LOOK / haste
        self._cases: dict[str, _Case] = {}
        self._quiet: dict[str, float] = {}  # until when nobody is written to about a key
        self._shown: dict[str, tuple[Ailment, ...]] = {}
        self._changes: dict[
            str, tuple[float, float]
        ] = {}  # when presence changed the last time but one, and the last time
        self._timer: Cancellable | None = None
        health.listen(self._wake)

    def close(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()

    def standing(self, bridge: str, *, admin: bool) -> Standing | None:
        """How a bridge's gateway shows itself because of what ails it; None where nothing does. Users see only what matters
        to them, in general words: the rest names files and machines."""
        shown = self._shown.get(bridge, ())
        hard = any(each.hard for each in shown)
        if not shown or not (hard or admin):
            return None
        words = joined(" ", (each.text for each in shown)) if admin else _TROUBLE
        return standing(Availability.EXTENDED_AWAY if hard else Availability.AWAY, words)

    # -- in time -----------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(0.0, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock.monotonic()
        self._note(now)
        speaking = self._voices.speaking()
        for key, case in list(self._cases.items()):
            self._tell(key, case, speaking, now)
        under_way = any(not case.told or case.gone is not None for case in self._cases.values())
        for bridge in speaking:
            under_way |= not self._show(bridge, now)
        if under_way:
            self._timer = self._clock.call_later(self._pause, self._look)

    def _note(self, now: float) -> None:
        """What there is, and what is not there any more."""
        there = {each.key: each for each in self._health}
        for key, ailment in there.items():
            case = self._cases.setdefault(key, _Case(ailment, now))
            case.ailment, case.gone = ailment, None
            case.settled = case.settled or now - case.since >= self._settled
        for key in self._cases.keys() - there.keys():
            case = self._cases[key]
            if not case.settled:
                del self._cases[key]
            elif case.gone is None:
                case.gone = now

    def _tell(self, key: str, case: _Case, speaking: Sequence[str], now: float) -> None:
        over = case.gone is not None and now - case.gone >= self._settled
        lasted = (case.gone if case.gone is not None else now) - case.since
        if not speaking or not (over or (case.settled and case.gone is None)):
            return
        voice = case.ailment.bridge if case.ailment.bridge in speaking else speaking[0]
        if not over and not case.told and self._quiet.get(key, now) <= now:
            case.told = True
            self._quiet[key] = now + QUIET
            self._voices.tell_admins(voice, Text("Trouble: {what}", what=case.ailment.text))
        elif over:
            if case.told or lasted >= _WORTH:
                over_now = Text("Over, after {time}: {what}", time=lasting(lasted), what=case.ailment.text)
                self._voices.tell_admins(voice, over_now)
            del self._cases[key]

    def _show(self, bridge: str, now: float) -> bool:
        """Whether all is shown that there is to show."""
        wanted = tuple(
            case.ailment
            for case in self._cases.values()
            if case.settled and case.ailment.bridge in {"", bridge}
        )
        if wanted == self._shown.get(bridge, ()):
            return True
        earlier, last = self._changes.get(bridge, (-math.inf, -math.inf))
        if now - earlier < 2 * self._spacing:
            return False
        self._changes[bridge] = (last, now)
        self._shown[bridge] = wanted
        self._voices.show(bridge)
        return True
