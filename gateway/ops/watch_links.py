"""The links to the XMPP server, as ailments: a short interruption is none of weight, a long or a refused one is, and until
the first one is made nothing is carried at all."""

from gateway.bridge import Cancellable, Clock
from gateway.ops.health import Health
from gateway.texts import Text, joined
from gateway.xmpp.diagnosis import LinkState, LinkStatus

#: Seconds that a link may be away before it counts: a server that is restarted takes no longer.
GRACE = 10.0


class LinkWatch:
    """Of all bridges, by name."""

    def __init__(self, health: Health, clock: Clock) -> None:
        self._health = health
        self._clock = clock
        self._reasons: dict[str, str] = {}  # of links that are down
        self._grave: set[str] = set()
        self._new: set[str] = set()  # bridges that had no link since they began
        self._timers: dict[str, Cancellable] = {}

    def begun(self, bridge: str) -> None:
        """The bridge has just been made: until its link is there for the first time, it carries nothing."""
        self._new.add(bridge)
        text = Text("The link of {bridge} to the XMPP server is not there yet.", bridge=bridge)
        self._health.report(f"link of {bridge}", text, bridge=bridge, usual=True)

    def changed(self, bridge: str, status: LinkStatus) -> None:
        if status.state in (LinkState.UP, LinkState.CLOSED):
            self._new.discard(bridge)
            self._over(bridge)
            self._health.clear(f"twin of {bridge}")
        elif status.state is not LinkState.CONNECTING:
            self._reasons[bridge] = status.reason
            if status.state is LinkState.REFUSED or bridge in self._new:
                self._grave.add(bridge)
            elif bridge not in self._timers:
                self._timers[bridge] = self._clock.call_later(GRACE, lambda: self._lasting(bridge))
            self._report(bridge)

    def twin(self, bridge: str, reason: str) -> None:
        """Another gateway has the same JID."""
        self._health.report(f"twin of {bridge}", reason, bridge=bridge)

    def _lasting(self, bridge: str) -> None:
        self._grave.add(bridge)
        self._report(bridge)

    def _report(self, bridge: str) -> None:
        text = Text("The link of {bridge} to the XMPP server is down.", bridge=bridge)
        if self._reasons[bridge]:
            text = joined(" ", (text, self._reasons[bridge]))
        self._health.report(f"link of {bridge}", text, bridge=bridge, hard=bridge in self._grave)

    def _over(self, bridge: str) -> None:
        timer = self._timers.pop(bridge, None)
        if timer is not None:
            timer.cancel()
        self._reasons.pop(bridge, None)
        self._grave.discard(bridge)
        self._health.clear(f"link of {bridge}")
