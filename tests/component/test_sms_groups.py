"""Group texts through the whole SMS bridge, to a provider that has a request for every member."""

from pathlib import Path

from gateway.model import DeliveryState, MessageKind
from gateway.testing import RecordingTicket
from tests.component.sms_scene import Scene, scene
from tests.fakes.sms_groups import VonageGroups, vonage_message, vonage_report
from tests.fakes.sms_providers import THEIRS

OTHERS, THIRD = "+15553334444", "+15557778888"
GROUP = (THEIRS, OTHERS, THIRD)
BARE = [each[1:] for each in GROUP]


async def _written(s: Scene, text: str) -> str:
    ticket = RecordingTicket()
    s.user.tell(",".join(GROUP), text, MessageKind.CHAT, ticket)
    outcome = await ticket.outcome()
    assert outcome.name == "done", outcome
    await s.provider.until(asked=3)
    return str(outcome.arguments[0][0])


async def test_a_group_has_a_text_once_each_of_its_members_has_it_and_answers(tmp_path: Path) -> None:
    async with scene("vonage-messages", tmp_path) as s:
        groups = VonageGroups()
        s.provider.next = [groups.take] * 3
        id = await _written(s, "hello all")
        assert sorted(groups.phones[frozenset(BARE)]) == sorted((each, "hello all") for each in BARE)
        reference = s.provider.asked[0].fields["client_ref"]
        for number, each in enumerate(BARE):
            assert not [call for call in s.sink.calls if call.name == "delivery"]
            report = vonage_report(f"{s.address()}/{reference}", each, reference, "delivered")
            assert await s.call(report, str(number)) == 200
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (id, DeliveryState.DELIVERED)
        answer = vonage_message(s.address(), BARE[1], [BARE[0], BARE[2]], text="thanks")
        assert await s.call(answer, "answer") == 200
        shown = (await s.sink.wait("direct")).arguments[0]
        assert shown.sender == ",".join(sorted(GROUP))
        assert shown.text.endswith("thanks")
        assert len(s.provider.asked) == 3


async def test_a_member_that_does_not_get_it_is_named_and_all_others_do(tmp_path: Path) -> None:
    async with scene("vonage-messages", tmp_path) as s:
        groups = VonageGroups(refused={BARE[0]})
        s.provider.next = [groups.take] * 3
        id = await _written(s, "hello all")
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (id, DeliveryState.FAILED)
        assert told.arguments[2].text.startswith(f"{THEIRS}: This is no number")
        assert sorted(each for each, _ in groups.phones[frozenset(BARE)]) == sorted(BARE[1:])
