"""What all parts of one session share, and how they take in lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridges.irc.alarm import Alarm
from bridges.irc.channels import Channels
from bridges.irc.protocol.line import Line
from bridges.irc.sendqueue import SendQueue
from bridges.irc.standing import Standing
from gateway.bridge import Clock, Sink

# A command's handler and the number of parameters without which the line is not looked at.
Handlers = Mapping[str, tuple[Callable[[Line], None], int]]


@dataclass(frozen=True, slots=True)
class Common:
    network: str  # as users write it
    sink: Sink
    clock: Clock
    standing: Standing
    channels: Channels
    queue: SendQueue
    alarm: Alarm
