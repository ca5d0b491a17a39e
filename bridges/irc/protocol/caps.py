"""IRCv3 capability negotiation (302) as a state machine."""

from collections.abc import Iterable

from bridges.irc.protocol.line import Line
from bridges.irc.protocol.sasl import SaslEngine


class CapNegotiator:
    """Feed it every CAP, AUTHENTICATE, 001, 410, 421, 451 and 900-908 line (others are ignored); send what it returns."""

    offered: dict[str, str]  # name -> value
    enabled: set[str]  # acknowledged
    finished: bool  # nothing of ours holds registration up any more (END sent, or the server has no CAP)
    failed: bool  # required SASL did not succeed (``sasl.outcome`` says why): END is not sent, close the connection

    def __init__(
        self, wanted: Iterable[str], *, sasl: SaslEngine | None = None, require_sasl: bool = False
    ) -> None:
        raise NotImplementedError

    def start(self) -> list[str]:
        """The first lines, to be sent before NICK and USER."""
        raise NotImplementedError

    def feed(self, line: Line) -> list[str]:
        """The lines to send in answer."""
        raise NotImplementedError
