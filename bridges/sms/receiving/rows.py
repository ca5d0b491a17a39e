"""Rows of receiving as values, and how their contents are written down: JSON, without what has its default.

Knows no table. What stands in a row was written by us, but maybe by an older version of us: keys that are missing have their
defaults.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Lamp, Nature
from gateway.model import Attachment, MessageKind


@dataclass(frozen=True, slots=True)
class Taken:
    """A message, or a piece of one, that a route was told we have. ``id`` is ours, in the order in which they came."""

    id: str
    again: str
    received: float
    inbound: Inbound


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one user is to be shown: in the chat with ``contact``, or by the gateway itself if that is empty. The core knows
    it by ``id``. ``at`` puts a user's deliveries in order. ``others`` are the further phones of a group."""

    owner: str
    id: str
    at: float
    contact: str
    ours: str
    text: str
    kind: MessageKind = MessageKind.CHAT
    time: float | None = None
    route: str = ""
    files: tuple[Attachment, ...] = ()
    others: tuple[str, ...] = ()
    theirs: str = ""  # the sender as the network has it, where ``contact`` does not say

    def to(self, owner: str) -> "Delivery":
        return replace(self, owner=owner)


# -- what was taken --------------------------------------------------------------------------------------------------


def write_inbound(inbound: Inbound) -> str:
    values: dict[str, Any] = {"r": inbound.route, "s": inbound.sender, "o": inbound.recipient}
    if inbound.id:
        values["i"] = inbound.id
    if inbound.text:
        values["t"] = inbound.text
    if inbound.data:
        values["d"] = b64encode(inbound.data).decode()
    if inbound.alphabet is not Alphabet.TEXT:
        values["a"] = inbound.alphabet.value
    if inbound.locking or inbound.single:
        values["n"] = [inbound.locking, inbound.single]
    if (part := inbound.concatenation) is not None:
        values["c"] = [part.reference, part.total, part.number, part.width]
    if inbound.nature is not Nature.MESSAGE:
        values["k"] = inbound.nature.value
    if (lamp := inbound.lamp) is not None:
        values["l"] = [lamp.kind, lamp.on, lamp.count]
    if inbound.port is not None:
        values["p"] = inbound.port
    if inbound.others:
        values["g"] = inbound.others
    if inbound.media:
        values["m"] = [_write_file(each) for each in inbound.media]
    if inbound.time is not None:
        values["w"] = inbound.time
    return json.dumps(values, separators=(",", ":"))


def read_inbound(content: str) -> Inbound:
    values = json.loads(content)
    locking, single = values.get("n", (0, 0))
    part, lamp = values.get("c"), values.get("l")
    return Inbound(
        route=values["r"],
        sender=values["s"],
        recipient=values["o"],
        id=values.get("i", ""),
        text=values.get("t", ""),
        data=b64decode(values.get("d", "")),
        alphabet=Alphabet(values.get("a", Alphabet.TEXT)),
        locking=locking,
        single=single,
        concatenation=Concatenation(*part) if part is not None else None,
        nature=Nature(values.get("k", Nature.MESSAGE)),
        lamp=Lamp(*lamp) if lamp is not None else None,
        port=values.get("p"),
        others=tuple(values.get("g", ())),
        media=tuple(map(_read_file, values.get("m", ()))),
        time=values.get("w"),
    )


# -- what is to be shown ---------------------------------------------------------------------------------------------


def write_delivery(delivery: Delivery) -> str:
    """All that has no column."""
    values: dict[str, Any] = {"t": delivery.text}
    if delivery.kind is not MessageKind.CHAT:
        values["k"] = delivery.kind.value
    if delivery.time is not None:
        values["w"] = delivery.time
    if delivery.route:
        values["r"] = delivery.route
    if delivery.files:
        values["m"] = [_write_file(each) for each in delivery.files]
    if delivery.others:
        values["g"] = delivery.others
    if delivery.theirs:
        values["s"] = delivery.theirs
    return json.dumps(values, separators=(",", ":"))


def read_delivery(owner: str, id_: str, at: float, contact: str, ours: str, content: str) -> Delivery:
    values = json.loads(content)
    return Delivery(
        owner=owner,
        id=id_,
        at=at,
        contact=contact,
        ours=ours,
        text=values["t"],
        kind=MessageKind(values.get("k", MessageKind.CHAT)),
        time=values.get("w"),
        route=values.get("r", ""),
        files=tuple(map(_read_file, values.get("m", ()))),
        others=tuple(values.get("g", ())),
        theirs=values.get("s", ""),
    )


# -- files -----------------------------------------------------------------------------------------------------------

_BYTES = frozenset({"data", "thumbnail"})
_FILE_FIELDS = tuple(each.name for each in fields(Attachment) if each.name != "path")


def _write_file(file: Attachment) -> dict[str, object]:
    """Never a ``path``: files on this machine do not outlive us."""
    values = {name: getattr(file, name) for name in _FILE_FIELDS}
    return {
        name: b64encode(value).decode() if name in _BYTES else value
        for name, value in values.items()
        if value
    }


def _read_file(values: Mapping[str, Any]) -> Attachment:
    known: dict[str, Any] = {
        name: b64decode(value) if name in _BYTES else value
        for name, value in values.items()
        if name in _FILE_FIELDS
    }
    return Attachment(**known)
