"""How the gateway is, put together when somebody looks: links, sessions, queues and traffic of each bridge.

Asks those who own it, and keeps nothing. Counting all sessions of ten thousand users takes a millisecond or two; a view of a
session is only made for those that are asked for.
"""

import os
from collections import Counter
from collections.abc import Mapping
from heapq import nsmallest
from pathlib import Path
from typing import cast

import structlog

from gateway.accounts.account import Account
from gateway.bridge import Contained, Measure, Measured, MeasureKind
from gateway.member import Member
from gateway.model import AccountState
from gateway.ops.health import Health
from gateway.ops.status import (
    BEING_MADE,
    FAILED,
    BridgeView,
    Direction,
    FilesView,
    LinkView,
    QueueView,
    SessionView,
)
from gateway.ops.traffic import Traffic
from gateway.xmpp.component import Component

_log = structlog.get_logger(__name__)

#: Who is in trouble comes first.
_RANK: Mapping[AccountState, int] = {
    AccountState.BAD_CREDENTIALS: 0,
    AccountState.STOPPED: 1,
    AccountState.TRANSIENT_DISCONNECT: 2,
    AccountState.CONNECTING: 3,
    AccountState.WAITING: 4,
    AccountState.IDLE: 5,
    AccountState.CONNECTED: 6,
}
#: What a bridge's measures are called that count what waits.
WAITING = "_waiting"
_MEASURES = 1_000


def resident() -> int:
    """Bytes of memory of this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def bridge_view(
    component: Component, health: Health, sessions: int, files: Mapping[Direction, FilesView] | None = None
) -> BridgeView:
    """``sessions``: of so many, the troubled ones first."""
    settings, link = component.settings, component.link
    status = link.status
    return BridgeView(
        name=settings.name,
        kind=component.bridge.capabilities.gateway_type,
        title=settings.title,
        jid=settings.jid,
        link=LinkView(status.state.value, status.reason, status.next_try, link.since),
        states=states(component),
        sessions=_sessions(component, sessions) if sessions > 0 else (),
        queues=(*queues(component), *_own_queues(component)),
        traffic=component.traffic.view(),
        ailments=health.of(settings.name),
        files=files or {},
    )


def absent_view(member: Member, health: Health, traffic: Traffic | None) -> BridgeView:
    """Of a bridge between two lives."""
    settings = member.settings
    reason = f"It failed ({member.failed})." if member.failed else ""
    return BridgeView(
        name=settings.name,
        kind=settings.kind,
        title=settings.title,
        jid=settings.jid,
        link=LinkView(FAILED if member.failed else BEING_MADE, reason, member.next_try),
        states={},
        traffic=traffic.view() if traffic is not None else {},
        ailments=health.of(settings.name),
    )


def states(component: Component) -> dict[str, int]:
    """How many sessions are in each state."""
    return dict(Counter(account.status.state.value for account in component.accounts))


def _sessions(component: Component, most: int) -> tuple[SessionView, ...]:
    chosen = nsmallest(most, component.accounts, key=_order)
    return tuple(
        SessionView(
            each.owner,
            each.network,
            each.status.state.value,
            str(each.status.reason),
            each.status.next_try,
            len(each.rooms),
        )
        for each in chosen
    )


def _order(account: Account) -> tuple[int, str, str]:
    return _RANK[account.status.state], account.owner, account.network


def queues(component: Component) -> tuple[QueueView, ...]:
    """Those that every bridge has, always all of them."""
    deliveries = component.deliveries
    for_network, oldest = deliveries.outbound.waiting
    turns, flying, spooled = deliveries.courier.counts
    return (
        QueueView("network", for_network, oldest),
        QueueView("user", spooled, deliveries.courier.oldest),
        QueueView("turn", turns),
        QueueView("confirmation", flying),
        QueueView("commit", deliveries.uncommitted),
        QueueView("server", component.link.pending[0]),
    )


def _own_queues(component: Component) -> list[QueueView]:
    """What waits in the bridge itself."""
    found = []
    for each in measures(component):
        if each.kind is MeasureKind.GAUGE and each.name.endswith(WAITING):
            name = " ".join((each.name.removesuffix(WAITING), *(value for _, value in each.labels)))
            found.append(QueueView(name, int(each.value)))
    return found


def measures(component: Component) -> list[Measure]:
    """Those of the bridge; empty if it has none, or fails."""
    if not component.bridge.capabilities.measured:
        return []
    # The other numbers are wanted all the more.
    with Contained(_log, "a bridge failed to count", bridge=component.settings.name):
        # The capability says that it has them.
        return list(cast("Measured", component.bridge).measures())[:_MEASURES]
    return []
