"""Where a message is, by any id that somebody may have of it.

Looks in the ledger, in the rooms as they are in memory, in the archive, and asks the bridges. What it tells is for
operators: no message is quoted, neither sender nor recipient named; only steps, networks and reasons (see ``failures``).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import cast

import structlog

from gateway.bridge import NotStored, Passage, Tracing
from gateway.delivery.entry import Entry, entry_of, names_of
from gateway.history.recorder import origin
from gateway.model import DeliveryState
from gateway.ops.failures import cause_of
from gateway.ops.status import Direction, TraceView
from gateway.rooms.history import Said
from gateway.rooms.room import Room
from gateway.storage.archive import Trace
from gateway.storage.stores import Stores
from gateway.xmpp.component import Component

_log = structlog.get_logger(__name__)

_MOST = 20
_LONGEST = 1_000  # Message-IDs are long
_STEPS = 200
#: Rooms looked at in one turn of the loop.
_ROOMS = 200
_GATEWAY = "gateway"
#: Messages that ids of a bridge's lead on to.
_ON = 5
#: For how long archives are searched for an id that they have no index of.
_SEARCH = 5.0

Step = tuple[float, str, str, str]


class Tracer:
    """``components`` are those of now."""

    def __init__(self, components: Mapping[str, Component], stores: Stores) -> None:
        self._components = components
        self._stores = stores

    async def trace(self, id_: str) -> Sequence[TraceView]:
        """The latest first, a few at most. Raises ``StorageError``."""
        id_ = id_.strip()
        if not id_ or len(id_) > _LONGEST or "\0" in id_:
            return []
        found = [
            await self._of_entry(entry_of(row)) for row in await self._stores.deliveries.named(id_, _MOST)
        ]
        found.extend(await self._in_rooms(id_, {view.bridge for view in found}))
        known = {view.bridge for view in found}
        for name, component in list(self._components.items()):
            if name not in known:
                found.extend(await self._of_bridge(name, component, id_))
                found.extend(_failed(name, component, id_))
        if not found:
            found.extend(await self._of_client(id_))
        return found[:_MOST]

    # -- private messages, and those of rooms that the ledger keeps --------------------------------------------

    async def _of_entry(self, entry: Entry) -> TraceView:
        steps = list(_ledger_steps(entry))
        component = self._components.get(entry.bridge)
        if component is not None:
            # Bridges that keep messages know them by their own ids, and some by ours.
            for id_ in filter(None, dict.fromkeys((entry.id, entry.foreign_id))):
                passages = (_step(entry.bridge, each) for each in await self._passages(component, id_))
                steps.extend(each for each in passages if each not in steps)
        direction = Direction.IN if entry.inbound else Direction.OUT
        return TraceView(entry.id, entry.bridge, direction, _state(entry), _ordered(steps))

    async def _of_bridge(self, name: str, component: Component, id_: str) -> list[TraceView]:
        """What only the bridge knows; or, where it says by which id the core knows the message, all that is known."""
        passages = await self._passages(component, id_)
        if not passages:
            return []
        on = dict.fromkeys(each.known_as for each in passages if each.known_as not in ("", id_))
        rows = [row for each in list(on)[:_ON] for row in await self._stores.deliveries.named(each, _MOST)]
        entries = {entry.id: entry for entry in map(entry_of, rows) if entry.bridge == name}
        if entries:
            return [await self._of_entry(entry) for entry in entries.values()]
        steps = _ordered([_step(name, each) for each in passages])
        return [TraceView(id_, name, None, steps[-1][2], steps)]

    async def _passages(self, component: Component, id_: str) -> Sequence[Passage]:
        if not component.bridge.capabilities.tracing:
            return ()
        try:
            # The capability says that it can.
            return (await cast("Tracing", component.bridge).passages(id_))[:_STEPS]
        except NotStored as error:
            _log.warning(
                "a bridge could not look for a message", bridge=component.settings.name, reason=str(error)
            )
            return ()

    # -- what was said in rooms --------------------------------------------------------------------------------

    async def _in_rooms(self, id_: str, known: Set[str]) -> list[TraceView]:
        """``known``: of these bridges the ledger had it, which says more than an archive."""
        found: list[TraceView] = []
        seen: set[tuple[str, str]] = set()
        looked = 0
        for name, component in list(self._components.items()):
            for room in [room for account in component.accounts for room in account.rooms.values()]:
                looked += 1
                if looked % _ROOMS == 0:
                    await asyncio.sleep(0)
                meant = room.id_of(id_) or id_  # a part is known by the whole
                for said in room.history.latest():
                    if (said.stanza_id == meant or said.id == id_) and (name, said.stanza_id) not in seen:
                        seen.add((name, said.stanza_id))
                        found.append(_of_room(name, room, said))
                        break
                if len(found) >= _MOST:
                    return found
        for kept in await self._stores.archive.named(id_, _MOST):
            if kept.bridge not in known and not any(view.bridge == kept.bridge for view in found):
                found.append(_archived(id_, kept))
        return found

    async def _of_client(self, id_: str) -> list[TraceView]:
        """What is in the archives alone, of a room that is closed, by the id that the sender's client gave it."""
        kept = await self._stores.archive.beginning(origin(id_), _MOST, _SEARCH)
        return [_archived(id_, each) for each in kept]


def _of_room(bridge: str, room: Room, said: Said) -> TraceView:
    """One copy: each of our users in a room has one of what others say."""
    own = said.id != ""
    step = "taken by the network and shown" if own else "heard and shown"
    there = len(room.present)
    detail = f"{room.address.network}, {there} of the user's clients in the room now"
    state = "taken by the network" if own else "shown"
    direction = Direction.OUT if own else Direction.IN
    return TraceView(said.stanza_id, bridge, direction, state, ((said.time, bridge, step, detail),))


def _archived(id_: str, kept: Trace) -> TraceView:
    step = f"kept in the archive of a {'room' if kept.peer is None else 'private chat'}"
    return TraceView(id_, kept.bridge, None, "archived", ((kept.time, _GATEWAY, step, kept.network),))


def _failed(name: str, component: Component, id_: str) -> list[TraceView]:
    """Of what failed in a room nothing else is left."""
    failed = component.traffic.failures.of(id_)
    if failed is None:
        return []
    time, direction, cause = failed
    return [TraceView(id_, name, direction, "failed", ((time, _GATEWAY, "failed", cause),))]


def _ledger_steps(entry: Entry) -> Iterator[Step]:
    if entry.inbound:
        yield entry.created, _GATEWAY, "came from the network and was written down", entry.network
    else:
        yield (
            entry.created,
            _GATEWAY,
            "came from the client and was written down",
            f"stanza {entry.stanza_id}",
        )
    if entry.attempts:
        tried = "once" if entry.attempts == 1 else f"{entry.attempts} times"
        to = "to the user" if entry.inbound else "to the network"
        yield entry.created, _GATEWAY, f"given {to}", tried
    if entry.changed > entry.created or entry.state is not DeliveryState.QUEUED:
        reason = cause_of(entry.refused, names_of(entry)) if entry.condition else ""
        yield entry.changed, _GATEWAY, _state(entry), reason


_INBOUND = {
    DeliveryState.QUEUED: "waits for the user",
    DeliveryState.ACCEPTED: "taken by the user's server",
    DeliveryState.DELIVERED: "received by a client",
    DeliveryState.READ: "read",
    DeliveryState.FAILED: "failed",
    DeliveryState.UNKNOWN: "unknown",
}
_OUTBOUND = {
    DeliveryState.QUEUED: "waits for the network",
    DeliveryState.ACCEPTED: "taken by the network",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.READ: "read",
    DeliveryState.FAILED: "failed",
    DeliveryState.UNKNOWN: "unknown",
}


def _state(entry: Entry) -> str:
    if entry.state is DeliveryState.QUEUED and entry.handed:
        return "given to the user's server" if entry.inbound else "given to the network"
    return (_INBOUND if entry.inbound else _OUTBOUND)[entry.state]


def _step(bridge: str, passage: Passage) -> Step:
    return passage.time, bridge, passage.step, passage.detail


def _ordered(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step[0]))
