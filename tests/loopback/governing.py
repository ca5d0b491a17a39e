"""The loopback bridge with moderators: whoever made a room may do everything in it, the others nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.bridge import Account, Answer, Sink, Ticket
from gateway.model import (
    Affiliation,
    Condition,
    Departure,
    Exit,
    Field,
    FieldKind,
    ListEntry,
    Occupant,
    Refused,
    Role,
    RoomList,
    RoomSetting,
    RoomTraits,
    StandingChange,
)
from tests.loopback import LoopbackBridge, LoopbackSession, LoopbackSettings

LISTS = (RoomList("ban", "Banned", outcasts=True), RoomList("quiet", "Kept quiet"))
_NOT_YOURS = Refused(Condition.FORBIDDEN, "This room is not yours.")


@dataclass(slots=True)
class Rules:
    """What somebody decided for one room."""

    lists: dict[str, list[ListEntry]] = field(default_factory=lambda: {each.name: [] for each in LISTS})
    standings: dict[str, tuple[Affiliation, Role]] = field(default_factory=dict)
    password: str = ""
    moderated: bool = False
    colour: str = "green"


class GoverningBridge(LoopbackBridge):
    """``rules`` by room."""

    capabilities = replace(LoopbackBridge.capabilities, governing=True, orders=("/paint",))

    def __init__(self) -> None:
        super().__init__(LoopbackSettings())
        self.rules: dict[str, Rules] = {}

    def session(self, account: Account, sink: Sink) -> "GoverningSession":
        return GoverningSession(self, account, sink)


class GoverningSession(LoopbackSession):
    """``gateway.bridge.Governs`` too."""

    def __init__(self, bridge: GoverningBridge, account: Account, sink: Sink) -> None:
        super().__init__(bridge, account, sink)
        self._governing = bridge
        self.closed_lists = False  # for tests: nobody is shown them
        self.hidden = False  # for tests: nobody is told the settings

    def govern(self, room: str, changes: Sequence[StandingChange], ticket: Ticket) -> None:
        key, rules = self.fold(room), self._rules(room)
        members = self.bridge.rooms[key].members
        if next(iter(members)) != self.nick:
            ticket.refused(_NOT_YOURS)
            return
        for change in changes:
            if change.nick and change.nick not in members:
                ticket.refused(Refused(Condition.ITEM_NOT_FOUND, f"There is no {change.nick} in {room}."))
                return
        for change in changes:
            self._change(key, rules, change)
        ticket.done()

    def _change(self, key: str, rules: Rules, change: StandingChange) -> None:
        bans = rules.lists["ban"]
        if change.affiliation is Affiliation.OUTCAST:
            bans.append(ListEntry(change.mask or f"{change.nick}!*@*", self.nick, 1_700_000_000.0))
        elif change.mask:
            rules.lists["ban"] = [each for each in bans if each.mask != change.mask]
        if change.nick and (change.affiliation is Affiliation.OUTCAST or change.role is Role.NONE):
            banned = change.affiliation is Affiliation.OUTCAST
            out = Departure(Exit.BANNED if banned else Exit.KICKED, change.reason, self.nick)
            victim = self.bridge.rooms[key].members[change.nick]
            victim._out(key, out)
            victim.sink.departed([key], change.nick, out)
        elif change.nick:
            old = rules.standings.get(change.nick, (Affiliation.NONE, Role.PARTICIPANT))
            rules.standings[change.nick] = (change.affiliation or old[0], change.role or old[1])
            for member in self.bridge.rooms[key].members.values():
                member.sink.arrived(key, Occupant(change.nick, *rules.standings[change.nick]))

    def room_lists(self, room: str) -> Sequence[RoomList]:
        return LISTS

    def entries(self, room: str, name: str, answer: Answer[Sequence[ListEntry]]) -> None:
        if self.closed_lists:
            answer.refused(_NOT_YOURS)
        else:
            answer.told(list(self._rules(room).lists[name]))

    def amend(self, room: str, name: str, add: Sequence[str], remove: Sequence[str], ticket: Ticket) -> None:
        if self.closed_lists:
            ticket.refused(_NOT_YOURS)
            return
        rules = self._rules(room)
        kept = [each for each in rules.lists[name] if each.mask not in remove]
        rules.lists[name] = kept + [ListEntry(mask, self.nick) for mask in add]
        ticket.done()

    def room_settings(self, room: str, answer: Answer[Sequence[Field]]) -> None:
        rules = self._rules(room)
        if self.hidden:
            answer.refused(_NOT_YOURS)
            return
        moderated = "true" if rules.moderated else "false"
        answer.told(
            (
                Field(RoomSetting.PASSWORD, "Password", FieldKind.SECRET, rules.password),
                Field(RoomSetting.MODERATED, "Moderated", FieldKind.BOOLEAN, moderated),
                Field("colour", "Colour", FieldKind.TEXT, rules.colour),
            )
        )

    def configure(self, room: str, values: Mapping[str, str], ticket: Ticket) -> None:
        if values.get("colour") == "octarine":
            ticket.refused(Refused(Condition.NOT_ACCEPTABLE, "Nobody can see octarine."))
            return
        rules = self._rules(room)
        rules.password = values.get(RoomSetting.PASSWORD, rules.password)
        rules.moderated = values.get(RoomSetting.MODERATED, str(rules.moderated).lower()) == "true"
        rules.colour = values.get("colour", rules.colour)
        for member in self.bridge.rooms[self.fold(room)].members.values():
            member.sink.room_configured(self.fold(room))
        ticket.done()

    def room_traits(self, room: str) -> RoomTraits:
        rules = self._rules(room)
        return RoomTraits(password_protected=rules.password != "", moderated=rules.moderated)

    def order(self, room: str, text: str, ticket: Ticket) -> None:
        self.configure(room, {"colour": text.partition(" ")[2]}, ticket)

    def _rules(self, room: str) -> Rules:
        return self._governing.rules.setdefault(self.fold(room), Rules())
