"""What a component tells of itself to whoever watches over it, and what it is told to show of it."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.contacts.known import Standing
from gateway.xmpp.diagnosis import LinkStatus


def _nobody(_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Lookout:
    """``link`` hears of every change of the link's state, ``twin`` that another gateway has the same JID, ``faulty`` that
    the bridge's work of its own has failed. ``standing`` is asked how the gateway is to show itself to a user, an admin
    or not, because of some trouble; None if there is none."""

    link: Callable[[LinkStatus], None] = _nobody
    twin: Callable[[str], None] = _nobody
    faulty: Callable[[Exception], None] = _nobody
    standing: Callable[[bool], Standing | None] = lambda admin: None
