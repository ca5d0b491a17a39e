"""What a user has set: for the gateway as a whole, for a network, for a room. The narrower goes before the wider, and both
before what the operator says.

Some settings are the core's own, the same on every network (``Habits``); all others are the bridge's. Values are texts, as
``Field.default`` has them; what is not there is not set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from gateway.bridge import Adjustable, Bridge, Crowded, Registering
from gateway.model import Crowd, Field, FieldKind
from gateway.rooms.habits import Habits
from gateway.storage.preferences import GATEWAY
from gateway.storage.stores import Stores
from gateway.texts import Text

Settings = Mapping[str, str]

#: Names of the core's own settings; scripts know them.
HISTORY = "max_history_length"
RECORD = "record_history"
PERSISTENT = "persistent"
OCCUPANTS = "occupants"
SPEAKERS_ABOVE = "speakers_above"

_HISTORY_BOUNDS = (0, 10_000)
_CROWD_BOUNDS = (0, 1_000_000)
_SPEAKERS, _ALL = "speakers", "all"
_UNSET = "unset"


@dataclass(frozen=True, slots=True)
class Everything:
    """All that a user set which concerns one network. ``rooms`` go by ``Bridge.fold``."""

    common: Settings
    network: Settings
    rooms: Mapping[str, Settings]


class Preferences:
    """``name`` is the bridge's in the configuration; ``usual`` are the habits of users who set nothing."""

    def __init__(self, name: str, bridge: Bridge, stores: Stores, usual: Habits) -> None:
        self._name = name
        self._bridge = bridge
        self._stores = stores
        self._usual = usual
        # The capability says that the bridge can.
        self._adjustable = cast("Adjustable", bridge) if bridge.capabilities.adjustable else None

    # -- what holds --------------------------------------------------------------------------------------------

    async def everything(self, owner: str, network: str) -> Everything:
        return Everything(
            await self.common(owner),
            await self._stores.accounts.settings(self._name, owner, network),
            await self._rooms(owner, network),
        )

    async def common(self, owner: str) -> Settings:
        found = await self._stores.preferences.read(self._name, owner, GATEWAY)
        return found.get(GATEWAY, {})

    async def of_room(self, owner: str, network: str, room: str) -> Settings:
        return (await self._rooms(owner, network)).get(self._bridge.fold(room), {})

    async def habits(self, owner: str, network: str, room: str) -> Habits:
        """How a room is kept for its user."""
        everything = await self.everything(owner, network)
        return self._merged(network, everything, everything.rooms.get(self._bridge.fold(room), {}))

    def _merged(self, network: str, everything: Everything, room: Settings) -> Habits:
        habits = self._common_habits(everything.common)
        if (history := _number(everything.network.get(HISTORY, ""), _HISTORY_BOUNDS)) is not None:
            habits = replace(habits, history=history)
        if (record := room.get(RECORD)) is not None:
            habits = replace(habits, record=record == "true")
        if (persistent := room.get(PERSISTENT)) is not None:
            habits = replace(habits, persistent=persistent == "true")
        return replace(habits, crowd=_crowd(_crowd(self._crowd(network), everything.network), room))

    def _crowd(self, network: str) -> Crowd:
        """What holds where the user has not chosen; the capability says that the bridge can tell."""
        if not self._bridge.capabilities.crowds:
            return Crowd()
        return cast("Crowded", self._bridge).crowd(network)

    def _common_habits(self, common: Settings) -> Habits:
        usual = self._usual
        history = _number(common.get(HISTORY, ""), _HISTORY_BOUNDS)
        habits = Habits(
            usual.history if history is None else history,
            _truth(common, RECORD, usual.record),
            _truth(common, PERSISTENT, usual.persistent),
        )
        return usual if habits == usual else habits  # one object for all who set nothing

    async def _rooms(self, owner: str, network: str) -> Mapping[str, Settings]:
        found = await self._stores.preferences.read(self._name, owner, network)
        return {key: values for key, values in found.items() if key != GATEWAY}

    # -- what can be set, and what is --------------------------------------------------------------------------

    async def gateway_fields(self, owner: str) -> list[Field]:
        return _filled_in(self._at_gateway(), await self.common(owner))

    async def network_fields(self, owner: str, network: str) -> list[Field]:
        everything = await self.everything(owner, network)
        return _filled_in(self._at_network(network, everything.common), everything.network)

    async def room_fields(self, owner: str, network: str, room: str) -> list[Field]:
        everything = await self.everything(owner, network)
        mine = everything.rooms.get(self._bridge.fold(room), {})
        return _filled_in(self._at_room(network, room, everything), mine)

    def _at_gateway(self) -> list[Field]:
        own = self._own_fields(self._usual) if self._bridge.capabilities.rooms else []
        return [*own, *(self._adjustable.gateway_fields() if self._adjustable is not None else ())]

    def _at_network(self, network: str, common: Settings) -> list[Field]:
        own = self._own_fields(self._common_habits(common))[:1] if self._bridge.capabilities.rooms else []
        return [*self._bridge.fields(network), *own, *self._crowd_fields(self._crowd(network))]

    def _at_room(self, network: str, room: str, everything: Everything) -> list[Field]:
        habits = self._merged(network, everything, {})
        record = Field(
            RECORD,
            Text("Record history for this room"),
            FieldKind.CHOICE,
            _UNSET,
            Text("If unset, the value is the one configured globally"),
            options=tuple((each, each) for each in (_UNSET, "true", "false")),
        )
        persistent = Field(
            PERSISTENT,
            Text("Persistent"),
            FieldKind.BOOLEAN,
            _word(habits.persistent),
            Text("Stay in this room when all your clients have left it; what is said there is kept for you."),
        )
        own = self._adjustable.room_fields(network, room, everything.network) if self._adjustable else ()
        return [record, *own, persistent, *self._crowd_fields(habits.crowd)]

    def _crowd_fields(self, crowd: Crowd) -> Sequence[Field]:
        if not self._bridge.capabilities.crowds:
            return ()
        return (
            Field(
                OCCUPANTS,
                Text("Who is shown in big rooms"),
                FieldKind.CHOICE,
                _SPEAKERS if crowd.speakers else _ALL,
                Text(
                    "Of rooms with thousands of people, you can be shown only moderators and those who speak: quiet, and "
                    "easy on your client."
                ),
                options=(
                    (_ALL, Text("everybody")),
                    (_SPEAKERS, Text("moderators and who speaks")),
                ),
            ),
            Field(
                SPEAKERS_ABOVE,
                Text("Big rooms have more people than"),
                default=str(crowd.above),
                help=Text("0: all rooms."),
                bounds=_CROWD_BOUNDS,
            ),
        )

    def _own_fields(self, habits: Habits) -> list[Field]:
        return [
            Field(
                HISTORY,
                Text("Max history length"),
                default=str(habits.history),
                help=Text("The number of messages you are shown when you join a room."),
                bounds=_HISTORY_BOUNDS,
            ),
            Field(
                RECORD,
                Text("Record history"),
                FieldKind.BOOLEAN,
                _word(habits.record),
                Text("Whether what is said in your rooms is kept in the archive."),
            ),
            Field(
                PERSISTENT,
                Text("Make all channels persistent"),
                FieldKind.BOOLEAN,
                _word(habits.persistent),
                Text("Stay in all rooms when your clients have left them."),
            ),
        ]

    # -- setting it --------------------------------------------------------------------------------------------

    async def set_gateway(self, owner: str, values: Mapping[str, Sequence[str]]) -> None:
        """Replace what is set for the gateway; what is absent is not set any more."""
        fields = self._at_gateway()
        found = _set(fields, values)
        await self._stores.preferences.save(self._name, owner, GATEWAY, GATEWAY, found, _secrets(fields))

    async def set_network(self, owner: str, network: str, values: Mapping[str, Sequence[str]]) -> None:
        """The same for a network. Raises ``BadAddress`` for what the bridge does not take."""
        fields = self._at_network(network, await self.common(owner))
        found = _set(fields, values)
        self._bridge.check(found)
        secret: frozenset[str] = _secrets(fields)
        if self._bridge.capabilities.registration:
            # What was registered stands beside it, and stays.
            registered = cast("Registering", self._bridge).registration_fields()
            asked = {field.name for field in fields}
            secret |= _secrets(registered)
            stored = await self._stores.accounts.settings(self._name, owner, network)
            kept = {field.name for field in registered if field.name not in asked}
            found |= {name: value for name, value in stored.items() if name in kept}
        await self._stores.accounts.save_settings(self._name, owner, network, found, secret)

    async def set_room(
        self, owner: str, network: str, room: str, values: Mapping[str, Sequence[str]]
    ) -> None:
        """The same for a room."""
        fields = self._at_room(network, room, await self.everything(owner, network))
        found = _set(fields, values)
        if self._adjustable is not None:
            self._adjustable.check_rooms(found)
        key = self._bridge.fold(room)
        await self._stores.preferences.save(self._name, owner, network, key, found, _secrets(fields))


def _filled_in(fields: Sequence[Field], values: Settings) -> list[Field]:
    return [replace(each, default=_shown(each, values.get(each.name))) for each in fields]


def _shown(field: Field, value: str | None) -> str:
    """What is set, or what holds otherwise."""
    if value is None or (field.bounds is not None and _number(value, field.bounds) is None):
        return field.default
    # An empty list is a list; of everything else, nothing is nothing set.
    return value if value or field.kind is FieldKind.LINES else field.default


def _set(fields: Sequence[Field], values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What of ``values`` differs from what holds otherwise: the rest goes on following it."""
    found: dict[str, str] = {}
    for field in fields:
        text = "\n".join(values.get(field.name, ()))
        if field.bounds is not None:
            number = _number(text.strip(), field.bounds)
            text = "" if number is None else str(number)
        if text != field.default and (text or field.kind is FieldKind.LINES):
            found[field.name] = text
    return found


def _crowd(usual: Crowd, mine: Settings) -> Crowd:
    above = _number(mine.get(SPEAKERS_ABOVE, ""), _CROWD_BOUNDS)
    chosen = mine.get(OCCUPANTS)
    return Crowd(
        usual.speakers if chosen is None else chosen == _SPEAKERS, usual.above if above is None else above
    )


def _secrets(fields: Sequence[Field]) -> frozenset[str]:
    return frozenset(each.name for each in fields if each.kind is FieldKind.SECRET)


def _number(text: str, bounds: tuple[int, int]) -> int | None:
    """A whole number within ``bounds``, else None."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        return None
    number = int(text)
    return number if bounds[0] <= number <= bounds[1] else None


def _truth(values: Settings, name: str, otherwise: bool) -> bool:
    value = values.get(name)
    return value == "true" if value else otherwise


def _word(value: bool) -> str:
    return "true" if value else "false"
