"""How a room is kept for its user; where it comes from is ``gateway.accounts.preferences``'s to know."""

from dataclasses import dataclass

from gateway.model import Crowd
from gateway.rooms.history import USUAL_STANZAS

_EVERYBODY = Crowd()


@dataclass(frozen=True, slots=True)
class Habits:
    """``history`` counts the messages that a client is shown which does not say how many it wants."""

    history: int = USUAL_STANZAS
    record: bool = True  # what is said is archived
    persistent: bool = False  # we stay in when the user's clients have left
    crowd: Crowd = _EVERYBODY  # whom of a big room they are shown


USUAL = Habits()
