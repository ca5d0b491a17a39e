"""Is the server still there, and are we alone? Both questions are answered by pings to ourselves through the server.

A component may always write to itself: every server routes that back, whatever its own domain is called and whichever
modules it has. So one thing serves both purposes. A silent server that does not bring a ping back is dead. And since a
stream is processed in order, a ping that is missing while a later one came back was given to somebody else: a second
gateway with the same JID, which ejabberd accepts without a word and shares the traffic with. A ping that we never sent
tells the same.
Knows time, randomness and how to send; knows neither the connection nor its states.
"""

import random
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.bridge import Cancellable, Clock
from gateway.xmpp.text import attribute

#: Seconds of silence after which we ask, and how long the answer may take.
SILENCE = 60.0
DEADLINE = 20.0
#: Seconds after which a volley of pings is judged.
JUDGED = 5.0
#: Pings in a volley: with two gateways, the chance that one of them gets all of its own back is 1 in 4,096.
VOLLEY = 12

_PREFIX = "causeway-link-"


class Heartbeat:
    """For one connection after another: ``start`` after each handshake, ``stop`` at its end."""

    def __init__(
        self,
        jid: str,
        *,
        clock: Clock,
        rng: random.Random,
        send: Callable[[str], bool],
        activity: Callable[[], tuple[float, int]],
        keep_alive: Callable[[], None],
        on_dead: Callable[[], None],
        on_twin: Callable[[], None],
    ) -> None:
        """``activity`` tells when bytes were last heard (monotonic) and how many were ever sent; ``keep_alive`` writes a
        space. ``on_dead`` and ``on_twin`` come at most once for every ``start``."""
        self._jid = jid
        self._clock = clock
        self._random = rng
        self._send = send
        self._activity = activity
        self._keep_alive = keep_alive
        self._on_dead = on_dead
        self._on_twin = on_twin
        self._ours = f"{_PREFIX}{rng.getrandbits(64):016x}-"
        self._sent = 0
        self._volley: dict[str, bool] = {}  # id -> whether it has come back
        self._stranger = False  # heard one since the last judgement
        self._strange = 0  # judgements that saw one
        self._seen_sent = 0
        self._asked: float | None = None
        self._alone = True
        self._timer: Cancellable | None = None
        self._judge: Cancellable | None = None

    def start(self) -> None:
        self.stop()
        self._alone = True
        self._stranger = False
        self._strange = 0
        self._ask()
        self._timer = self._clock.call_later(SILENCE, self._look)

    def stop(self) -> None:
        for timer in (self._timer, self._judge):
            if timer is not None:
                timer.cancel()
        self._timer = self._judge = None
        self._volley = {}
        self._asked = None

    def recognise(self, iq: Element) -> bool:
        """Whether this iq is one of our pings (or another gateway's), so that nobody else needs to see it."""
        ident = iq.get("id") or ""
        if not ident.startswith(_PREFIX) or not self._from_us(iq.get("from") or ""):
            return False
        if not ident.startswith(self._ours):
            self._stranger = True
            self._ask()
        elif ident in self._volley:
            self._volley[ident] = True
        return True

    def _from_us(self, sender: str) -> bool:
        # Servers check the sender, so nobody else can write to us in our own name.
        return sender.partition("/")[0].rpartition("@")[2] == self._jid

    def _ask(self) -> None:
        """A volley, unless one is under way or the answer is known."""
        if self._judge is not None or not self._alone:
            return
        self._volley = {}
        self._judge = self._clock.call_later(JUDGED, self._judged)
        self._ping()

    def _ping(self) -> None:
        # Many local parts and resources on both sides, since ejabberd can balance by any of them.
        jid = attribute(self._jid)
        for _ in range(VOLLEY):
            self._sent += 1
            ident = f"{self._ours}{self._sent}"
            nonce = f"{self._random.getrandbits(48):012x}"
            self._volley[ident] = False
            if not self._send(
                f"<iq from='link-{nonce}@{jid}/{nonce}' to='{nonce}-link@{jid}/{nonce}' id='{ident}' type='get'>"
                "<ping xmlns='urn:xmpp:ping'/></iq>"
            ):
                break

    def _judged(self) -> None:
        self._judge = None
        back = list(self._volley.values())
        # In order: what is missing before the last one that came back went elsewhere; what is missing behind it is late.
        while back and not back[-1]:
            back.pop()
        stranger, self._stranger = self._stranger, False
        # Pings of a gateway that has just died may still have been under way: only the second time they are evidence.
        self._strange += stranger
        if False in back or self._strange > 1:
            self._alone = False
            self._on_twin()
        elif stranger:
            self._ask()

    def _look(self) -> None:
        heard, sent = self._activity()
        now = self._clock.monotonic()
        if self._asked is not None and heard < self._asked:
            self.stop()
            self._on_dead()
            return
        self._asked = None
        if sent == self._seen_sent:
            self._keep_alive()
        self._seen_sent = sent
        wait = heard + SILENCE - now
        if wait <= 0:
            self._asked = now
            self._ask()
            if self._judge is None:
                self._ping()
            wait = DEADLINE
        self._timer = self._clock.call_later(wait, self._look)
