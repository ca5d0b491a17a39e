"""A channel that is governed by a scripted server: what is asked, and what became of it."""

from typing import Any

from gateway.model import Affiliation, Refused, Role, StandingChange
from tests.unit.irc.scripted import NETWORK, Receipt, Scene

MANY = ("PREFIX=(qaohv)~&@%+", "CHANMODES=beI,k,l,imnpst", "EXCEPTS", "INVEX", "MODES=4")
NAMES = "@Nick!~nick@my.host Bob!bob@his.host +Carol!carol@her.host"


class Answer:
    """``gateway.bridge.Answer``; fails if it is given twice."""

    def __init__(self) -> None:
        self.value: Any = None

    def told(self, value: Any) -> None:
        assert self.value is None
        self.value = value

    def refused(self, why: Refused) -> None:
        assert self.value is None
        self.value = why


async def a_room(*isupport: str, names: str = NAMES) -> Scene:
    scene = await Scene({"networks": {NETWORK: {"throttle_rate": 0}}}).login(*(isupport or MANY))
    return await scene.in_room(names=names)


def govern(scene: Scene, *changes: StandingChange) -> Receipt:
    receipt = Receipt()
    scene.session.govern("#foo", changes, receipt)
    return receipt


def sent(scene: Scene) -> list[str]:
    """What was sent, without the fences; those are answered by ``settle``."""
    return [line for line in scene.server.take() if not line.startswith("PING causeway-")]


def settle_all(scene: Scene, *lines: str) -> None:
    """The server says ``lines``, and the end of every answer."""
    fences = [line for line in scene.server.sent if line.startswith("PING causeway-")]
    scene.server.says(*lines, *(f":{NETWORK} PONG {NETWORK} {line[5:]}" for line in fences))


def role(nick: str, wanted: Role) -> StandingChange:
    return StandingChange(nick, role=wanted)


def rank(nick: str, wanted: Affiliation) -> StandingChange:
    return StandingChange(nick, affiliation=wanted)
