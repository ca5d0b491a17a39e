"""A ``GatewayView`` as lines for people. Whatever networks and users said goes through ``plain`` here, and nowhere else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.commands.durations import briefly, lasting
from gateway.commands.terminal import Style, fit, painted, plain, wrap
from gateway.ops.health import Ailment
from gateway.ops.status import BridgeView, Direction, GatewayView, QueueView, SessionView, TrafficView

#: Anything narrower is no terminal that says the truth.
_LEAST_WIDTH = 20
_LABEL = 10
_GOOD = frozenset({"connected", "idle"})
_SOON = frozenset({"waiting", "connecting"})


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    style: Style = Style.PLAIN


def lines_of(view: GatewayView, width: int) -> list[Line]:
    """Everything there is to say."""
    width = max(width, _LEAST_WIDTH)
    return [
        *_head(view, width),
        *(line for bridge in view.bridges for line in _bridge(bridge, view.now, width)),
    ]


def screen(view: GatewayView, width: int, height: int) -> list[Line]:
    """As much as fits: of sessions as many as there is room for, then the end is cut."""
    width = max(width, _LEAST_WIDTH)
    most = max((len(bridge.sessions) for bridge in view.bridges), default=0)
    head = _head(view, width)
    for shown in range(most, -1, -1):
        lines = [
            *head,
            *(line for bridge in view.bridges for line in _bridge(bridge, view.now, width, shown)),
        ]
        if len(lines) <= height:
            return lines
    left_out = len(lines) - height + 1
    return [
        *lines[: height - 1],
        Line(fit(f"{left_out} more lines: make the window higher.", width), Style.FAINT),
    ]


def text_of(lines: Sequence[Line], colours: bool) -> list[str]:
    return [painted(line.text, line.style, colours) for line in lines]


def _head(view: GatewayView, width: int) -> Iterator[Line]:
    state = "ready" if view.ready else "DEGRADED"
    facts = (
        f"Causeway {plain(view.version)}",
        state,
        f"up {lasting(view.now - view.started)}",
        f"{view.memory / 1e6:.0f} MB",
        f"pid {view.pid}",
        f"log level {plain(view.log_level)}",
    )
    yield Line(fit(" · ".join(facts), width), Style.GOOD if view.ready else Style.BAD)
    yield Line(fit(plain(view.database), width), Style.FAINT)
    theirs = {ailment.key for bridge in view.bridges for ailment in bridge.ailments if ailment.bridge}
    for ailment in view.ailments:
        if ailment.key not in theirs:
            yield from _ailment(ailment, view.now, width, "")


def _ailment(ailment: Ailment, now: float, width: int, indent: str) -> Iterator[Line]:
    style = Style.BAD if ailment.hard else Style.WARN
    text = f"{plain(ailment.key)}: {plain(ailment.text)} (for {lasting(now - ailment.since)})"
    for line in wrap(text, width, f"{indent}! ", f"{indent}  "):
        yield Line(line, style)


def _bridge(bridge: BridgeView, now: float, width: int, sessions: int | None = None) -> Iterator[Line]:
    """With at most so many sessions."""
    yield Line("")
    yield Line(fit(f"{plain(bridge.name)}  {plain(bridge.jid)}  {plain(bridge.title)}", width), Style.STRONG)
    yield from _link(bridge, now, width)
    for ailment in bridge.ailments:
        if ailment.bridge:
            yield from _ailment(ailment, now, width, "  ")
    shown = bridge.sessions if sessions is None else bridge.sessions[:sessions]
    counts = ", ".join(f"{count} {plain(state)}" for state, count in bridge.states.items())
    yield from _row("sessions", counts or "none", width)
    for session in shown:
        yield Line(fit(f"  {'':{_LABEL}}{_session(session, now)}", width), _style_of(session))
    waiting = [_queue(queue, now) for queue in bridge.queues if queue.waiting]
    yield from _row("waiting", ", ".join(waiting) or "nothing", width)
    for direction, label in ((Direction.OUT, "to it"), (Direction.IN, "from it")):
        traffic = bridge.traffic.get(direction)
        if traffic is not None:
            yield from _row(label, _traffic(traffic), width)


def _row(label: str, text: str, width: int, style: Style = Style.PLAIN) -> Iterator[Line]:
    for line in wrap(text, width, f"  {label:{_LABEL}}", f"  {'':{_LABEL}}"):
        yield Line(line, style)


def _link(bridge: BridgeView, now: float, width: int) -> Iterator[Line]:
    link = bridge.link
    text = plain(link.state)
    if link.since is not None:
        text += f" for {lasting(now - link.since)}"
    if link.state == "up":
        yield from _row("link", text, width, Style.GOOD)
        return
    if link.reason and not any(link.reason in ailment.text for ailment in bridge.ailments):
        text += f": {plain(link.reason)}"  # else it stands right below
    yield from _row("link", text + _next(link.next_try, now), width, Style.BAD)


def _session(session: SessionView, now: float) -> str:
    text = f"{plain(session.owner)} on {plain(session.network)}: {plain(session.state)}"
    if session.rooms:
        text += f", {session.rooms} room{'s' if session.rooms != 1 else ''}"
    if session.reason:
        text += f": {plain(session.reason)}"
    return text + _next(session.next_try, now)


def _style_of(session: SessionView) -> Style:
    if session.state in _GOOD:
        return Style.PLAIN
    return Style.FAINT if session.state in _SOON else Style.WARN


def _next(time: float | None, now: float) -> str:
    if time is None:
        return ""
    return f" (next try in {lasting(time - now)})" if time > now else " (next try now)"


def _queue(queue: QueueView, now: float) -> str:
    since = f" for up to {lasting(now - queue.oldest)}" if queue.oldest is not None else ""
    return f"{queue.waiting} {plain(queue.name)}{since}"


def _traffic(traffic: TrafficView) -> str:
    text = f"{traffic.total} messages, {traffic.failed} failed, {traffic.per_second:.1f} a second"
    if traffic.p50 is None:
        return text
    return f"{text}, half of them within {briefly(traffic.p50)}, 99 of 100 within {briefly(traffic.p99)}"
