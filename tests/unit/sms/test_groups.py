"""Group texts as rooms, and as one chat until the room is entered."""

from dataclasses import dataclass, field

from bridges.sms.groups import Group, Groups, room_of
from gateway.bridge import Services
from gateway.model import Message, Refused
from gateway.testing import RecordingSink

ALICE, OURS = "alice@example.org", "+15551230001"
BOB, CAROL = "+12125550100", "+12125550101"


@dataclass
class Present:
    recording: RecordingSink | None = field(default_factory=RecordingSink)
    names: dict[str, str] = field(default_factory=dict)

    def sink(self, owner: str) -> RecordingSink | None:
        return self.recording

    def called(self, owner: str, party: str) -> str:
        return self.names.get(party, "")


async def _opened(groups: Groups, *members: str) -> Group:
    group = await groups.open(ALICE, OURS, members or (CAROL, BOB))
    assert isinstance(group, Group)
    return group


async def test_a_group_is_the_same_whoever_wrote_first_and_after_a_restart(services: Services) -> None:
    groups = Groups(services, Present())
    group = await _opened(groups)
    assert await _opened(groups, BOB, CAROL, OURS) == group
    again = Groups(services, Present())
    await again.restore()
    assert again.of(ALICE) == [group]
    assert again.with_members(ALICE, (BOB, CAROL)) == group
    assert group.party == f"{BOB},{CAROL}"


async def test_a_text_of_a_group_invites_into_its_room_once_and_is_one_chat_until_then(
    services: Services,
) -> None:
    present = Present(names={BOB: "Bob"})
    groups, sink = Groups(services, present), present.recording
    assert sink is not None
    for number in range(2):
        assert await groups.say(ALICE, OURS, (BOB, CAROL), Message(BOB, "hello", foreign_id=f"i{number}"))
    room = room_of(OURS, (BOB, CAROL))
    [invited] = sink.named("invited")
    assert invited.arguments == (room, BOB, "Group text: Bob, +1 212-555-0101")
    first, second = sink.named("direct")
    message = first.arguments[0]
    assert (message.sender, message.text) == (f"{BOB},{CAROL}", "<Bob> hello")
    assert [each.name for each in message.enrichment.recipients] == [CAROL]
    assert second.arguments[0].foreign_id == "i1"


async def test_whoever_is_in_the_room_is_told_there(services: Services) -> None:
    present = Present(names={BOB: "Bob", CAROL: "bob"})  # two of one name: numbers
    groups, sink = Groups(services, present), present.recording
    assert sink is not None
    group = await _opened(groups)
    assert groups.join(ALICE, sink, group.room, "alice")
    [joined] = sink.named("room_joined")
    assert [each.nick for each in joined.arguments[2]] == [BOB, CAROL, "alice"]
    assert await groups.say(ALICE, OURS, (BOB, CAROL), Message(BOB, "hello"))
    [said] = sink.named("room_message")
    assert (said.arguments[0], said.arguments[1].sender) == (group.room, BOB)
    assert not sink.named("direct")
    groups.gone(ALICE)
    assert await groups.say(ALICE, OURS, (BOB, CAROL), Message(BOB, "again"))
    assert sink.named("direct")


async def test_one_person_is_no_group_and_nobody_is_told_in_absence(services: Services) -> None:
    present = Present()
    groups = Groups(services, present)
    assert not await groups.say(ALICE, OURS, (BOB, OURS), Message(BOB, "hello"))
    present.recording = None
    assert not await groups.say(ALICE, OURS, (BOB, CAROL), Message(BOB, "hello"))
    assert groups.of(ALICE) == []


async def test_groups_have_names_and_are_given_up(services: Services) -> None:
    groups = Groups(services, Present())
    group = await _opened(groups)
    assert await groups.call(ALICE, group.room, "Family")
    again = Groups(services, Present())
    await again.restore()
    [known] = again.of(ALICE)
    assert again.title(known) == "Family"
    assert await again.close(ALICE, group.room)
    assert not await again.close(ALICE, group.room)
    assert not again.join(ALICE, RecordingSink(), group.room, "alice")


async def test_groups_of_one_user_are_bounded(services: Services) -> None:
    groups = Groups(services, Present())
    for each in range(300):
        await _opened(groups, BOB, f"+1310555{each:04}")
    assert isinstance(await groups.open(ALICE, OURS, (CAROL, BOB)), Refused)
