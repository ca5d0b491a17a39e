"""Commands of the SMS bridge, at the gateway's own address: what a text would cost, numbers, groups, colleagues."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from bridges.sms import addresses
from bridges.sms.addresses import label
from bridges.sms.admin_commands import AdminCommands, called, sort
from bridges.sms.numbers import Kind, NotFree, OurNumber, ordered
from bridges.sms.office import Office, Parts
from bridges.sms.own import NotUsable
from bridges.sms.policy import price
from bridges.sms.settings import Mode
from bridges.sms.text.counting import count, explained
from bridges.sms.traffic import Route
from gateway.bridge import (
    Ask,
    AskAgain,
    BadAddress,
    BridgeCommand,
    Finish,
    Invocation,
    NextStep,
    NotStored,
)
from gateway.model import Field, FieldKind, Refused

Step = Callable[[Invocation], Awaitable[NextStep]]

_NOT_YET = Finish("The gateway has just begun; try again in a moment.", failed=True)
_NOT_STORED = Finish("The gateway cannot use its database just now; try again in a minute.", failed=True)
_NUMBER, _WHO, _WHAT, _NAME = "number", "who", "what", "name"
_SHOWN_MOST = 100
_GROUP_TITLE = 100


class SmsCommands:
    """``gateway.bridge.Commanding``, all of it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def declared(self) -> Sequence[BridgeCommand]:
        one = self._command
        return (
            one(
                "segments",
                "What a text would take",
                self._segments,
                "Counts the SMS, says why, and what it costs.",
            ),
            one("my-numbers", "My numbers and what I have used today", self._mine),
            one("name-number", "Call somebody by a name", self._name, "Only you see it."),
            one("group", "Write to several people as a group", self._group, "Makes a room of some numbers."),
            one("leave-group", "Give up a group", self._leave, "It comes back when somebody writes to it."),
            one(
                "hand-over",
                "Hand a conversation to a colleague",
                self._hand_over,
                "Of a number that you share.",
            ),
            one("opted-out", "Who does not want my texts", self._opted_out),
            one(
                "own-account",
                "Use my own account at a provider",
                self._own,
                "With its number, at your expense.",
            ),
            one("give-up-number", "Give up a number", self._give_up),
            *AdminCommands(self._office, one).declared(),
        )

    def _command(
        self, node: str, name: str, run: Step, help_: str = "", *, admins: bool = False
    ) -> BridgeCommand:
        async def guarded(invocation: Invocation) -> NextStep:
            if self._office.parts is None:
                return _NOT_YET
            try:
                return await run(invocation)
            except NotStored:
                return _NOT_STORED
            except (BadAddress, NotFree) as error:
                return AskAgain(str(error))

        return BridgeCommand(node, name, guarded, help_, admins)

    @property
    def _parts(self) -> Parts:
        parts = self._office.parts
        if parts is None:
            raise NotStored("The bridge has not begun.")
        return parts

    def _party(self, invocation: Invocation, name: str = _WHO) -> str:
        return addresses.party(invocation.text(name).strip(), self._office.place)

    # -- before a text is sent ---------------------------------------------------------------------------------

    async def _segments(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            fields = (
                Field("text", "The text", FieldKind.LINES, required=True),
                Field(_WHO, "For whom", help="Their number, if you want to know what it costs."),
            )
            return Ask("What a text would take", fields)
        text = invocation.text("text")
        counted = count(text)
        lines = [f"{explained(counted)}."]
        if counted.segments > self._office.settings.limits.segments_per_message:
            lines.append(
                f"More than {self._office.settings.limits.segments_per_message} are not sent for one message here."
            )
        if invocation.text(_WHO).strip():
            lines += self._cost(invocation.user, self._party(invocation), counted.segments)
        # Below the note, for after a form Converse.js (14) shows notes far above it.
        return Finish(f"{counted.segments} SMS.", result="\n".join(lines))

    def _cost(self, owner: str, party: str, segments: int) -> list[str]:
        office = self._office
        preferred = office.people.personal(owner).number
        ranked = office.numbers.senders(owner, party, preferred)
        known = office.conversations.of(owner, party)
        ours = next((each for each in ranked if known is not None and each.number == known.number), None)
        ours = ours or (ranked[0] if ranked else None)
        if ours is None:
            return ["You have no number to send it from."]
        lines = [f"It would come from {called(ours)}."]
        each = price(office.settings, ordered(office.settings.ways, ours.routes, party)[0], party)
        if each is not None:
            lines.append(
                f"It would cost about {each * segments:.4g} {office.settings.currency}".rstrip() + "."
            )
        return lines

    # -- numbers -----------------------------------------------------------------------------------------------

    async def _mine(self, invocation: Invocation) -> NextStep:
        office, owner = self._office, invocation.user
        lines = [f"{called(each)}{sort(each)}" for each in office.numbers.of(owner)]
        usage, limits = office.policy.usage(owner), office.settings.limits
        used = (
            f"Today you have sent {usage.segments} of {limits.segments_per_day} SMS, and texted {usage.people} of "
            f"{limits.new_people_per_day} new numbers."
        )
        if limits.spend_per_day:
            used += f" That cost {usage.spent:.4g} of {limits.spend_per_day:g} {office.settings.currency}.".replace(
                " .", "."
            )
        return Finish(used, result="\n".join(lines) or "No number is yours.")

    async def _own(self, invocation: Invocation) -> NextStep:
        own = self._office.own
        presets = own.presets
        if not presets:
            return Finish("This gateway takes no accounts of users' own.", failed=True)
        if not invocation.stage:
            options = tuple(presets.items())
            which = Field(
                "preset", "Provider", FieldKind.CHOICE, options[0][0], options=options, required=True
            )
            return Ask("Use my own account at a provider", (which,), last=False)
        preset = invocation.text("preset")
        try:
            if invocation.stage == 1:
                return Ask(f"My account at {presets.get(preset, '')}", tuple(own.fields(preset)))
            filled = {
                name: "\n".join(values) for name, values in invocation.values.items() if name != "preset"
            }
            route = await own.attach(invocation.user, preset, filled)
        except NotUsable as error:
            return AskAgain(str(error))
        callback = (
            f" Give this address to the provider, for messages that come: {address}"
            if (address := await self._address(route))
            else ""
        )
        return Finish(
            f"Texts go over your account from now on. Register with the gateway if you have not.{callback}"
        )

    async def _address(self, route: Route) -> str:
        """Where callbacks of a route are taken; it may just have begun."""
        for _ in range(50):
            if found := route.seen().callbacks:
                return found
            await self._office.services.clock.sleep(0.1)
        return ""

    async def _give_up(self, invocation: Invocation) -> NextStep:
        office, owner = self._office, invocation.user
        mine = [each for each in office.numbers.assignments(owner) if each.kind is not Kind.ASSIGNED]
        if not invocation.stage:
            if not mine:
                return Finish(
                    "You have no number that you can give up; those that an admin gave you, an admin takes back."
                )
            options = tuple((each.number, label(each.number)) for each in mine)
            which = Field(_NUMBER, "Number", FieldKind.CHOICE, options[0][0], options=options, required=True)
            return Ask("Give up a number", (which,), "What comes to it does not reach you any more.")
        number = invocation.text(_NUMBER)
        gone = await office.own.detach(owner, number) or await office.numbers.release(owner, number)
        return Finish(
            f"{label(number)} is given up." if gone else "That is no number of yours.", failed=not gone
        )

    async def _name(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            return Ask(
                "Call somebody by a name", (_who(), Field(_NAME, "Name", help="Empty: by the number again."))
            )
        office, owner, party = self._office, invocation.user, self._party(invocation)
        mine = office.numbers.of(owner)
        if not mine:
            return Finish("You have no number here.", failed=True)
        name = " ".join(invocation.text(_NAME).split())[:60]
        await office.conversations.call(owner, party, mine[0].number, name)
        session = office.people.session(owner)
        if session is not None:
            session.met(party)
        return Finish(
            f"{label(party)} is called {name} from now on."
            if name
            else f"{label(party)} has no name any more."
        )

    # -- groups ------------------------------------------------------------------------------------------------

    async def _group(self, invocation: Invocation) -> NextStep:
        if not invocation.stage:
            fields = (
                Field(
                    "people",
                    "Their numbers",
                    FieldKind.LINES,
                    required=True,
                    help="One a line, without your own.",
                ),
                Field(_NAME, "What the group is called", help="Only you see it."),
            )
            return Ask("Write to several people as a group", fields)
        written = [line for line in invocation.text("people").splitlines() if line.strip()]
        parties = {addresses.party(each.strip(), self._office.place) for each in written}
        if len(parties) < 2 or not all(map(addresses.is_number, parties)):
            return AskAgain("A group takes two phone numbers at least, one a line.")
        office, owner = self._office, invocation.user
        preferred = office.people.personal(owner).number
        able = [each for each in office.numbers.senders(owner, min(parties), preferred) if self._groups(each)]
        if not able:
            return Finish("None of your numbers can send to groups.", failed=True)
        title = " ".join(invocation.text(_NAME).split())[:_GROUP_TITLE]
        opened = await office.groups.open(owner, able[0].number, sorted(parties), title)
        if isinstance(opened, Refused):
            return Finish(opened.text, failed=True)
        sink = office.people.sink(owner)
        if sink is not None:
            sink.invited(opened.room, opened.party, office.groups.title(opened))
        called = office.groups.title(opened)
        return Finish(
            f"You are invited to the room of {called} ({opened.room}). It writes from {label(opened.ours)}."
        )

    def _groups(self, ours: OurNumber) -> bool:
        routes = (self._office.routes.find(each) for each in ours.routes)
        return any(each is not None and each.ways.groups for each in routes)

    async def _leave(self, invocation: Invocation) -> NextStep:
        groups = self._office.groups
        mine = groups.of(invocation.user)
        if not invocation.stage:
            if not mine:
                return Finish("You are in no groups.")
            options = tuple((each.room, groups.title(each)) for each in mine[:_SHOWN_MOST])
            which = Field(_WHAT, "Groups", FieldKind.CHOICES, options=options, required=True)
            return Ask("Give up groups", (which,))
        gone = [
            each for each in invocation.values.get(_WHAT, ()) if await groups.close(invocation.user, each)
        ]
        return Finish(f"{len(gone)} given up.")

    # -- colleagues --------------------------------------------------------------------------------------------

    async def _hand_over(self, invocation: Invocation) -> NextStep:
        teams = [each for each in self._office.numbers.of(invocation.user) if each.mode is Mode.TEAM]
        if not teams:
            return Finish("You share no number with a team.", failed=True)
        if not invocation.stage:
            colleagues = {one for each in teams for one in each.members} - {invocation.user}
            options = tuple(
                (each, f"{self._office.people.name(each)} ({each})") for each in sorted(colleagues)
            )
            if not options:
                return Finish("You have no colleagues there.", failed=True)
            to = Field("to", "Colleague", FieldKind.CHOICE, options[0][0], options=options, required=True)
            return Ask("Hand a conversation to a colleague", (_who("The conversation with"), to))
        party = self._party(invocation)
        known = self._office.conversations.of(invocation.user, party)
        ours = next((each for each in teams if known is not None and each.number == known.number), teams[0])
        said = await self._parts.receiving.ownership.hand_over(
            invocation.user, invocation.text("to"), ours, party
        )
        return Finish(said.text, failed=True) if isinstance(said, Refused) else Finish(said)

    async def _opted_out(self, invocation: Invocation) -> NextStep:
        owner, numbers = invocation.user, self._office.numbers.of(invocation.user)
        # Whom others know by a pool, or by their own numbers, is not this user's to hear.
        mine = {each.number for each in numbers if each.mode is not Mode.POOL}
        stopped = await self._parts.receiving.ledger.stopped([each.number for each in numbers])
        lines = [
            f"{label(each.theirs)}, of {label(each.ours) if each.ours else 'all numbers'}, since {_day(each.at)}"
            for each in stopped
            if each.ours in mine or self._office.conversations.texted(owner, each.theirs)
        ][:_SHOWN_MOST]
        return Finish(
            "Who does not want texts from your numbers:" if lines else "Nobody.", result="\n".join(lines)
        )


def _who(text: str = "Whom") -> Field:
    return Field(_WHO, text, help="A phone number, like +15551234567.", required=True)


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
