"""Group texts through the whole SMS bridge, to a provider that has a request for every member."""

from pathlib import Path

from gateway.model import DeliveryState, MessageKind
from gateway.testing import RecordingTicket
from tests.component.sms_scene import Scene, scene
from tests.fakes.sms_groups import TwilioConversations, VonageGroups, vonage_message, vonage_report
from tests.fakes.sms_providers import OURS, THEIRS
from tests.fakes.sms_signing import form

OTHERS, THIRD = "+15553334444", "+15557778888"
GROUP = (THEIRS, OTHERS, THIRD)
BARE = [each[1:] for each in GROUP]


async def _written(s: Scene, text: str, requests: int = 3) -> str:
    ticket = RecordingTicket()
    s.user.tell(",".join(GROUP), text, MessageKind.CHAT, ticket)
    outcome = await ticket.outcome()
    assert outcome.name == "done", outcome
    await s.provider.until(asked=requests)
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


async def test_a_conversation_of_twilio_s_is_a_group_both_ways(tmp_path: Path) -> None:
    async with scene("twilio", tmp_path, conversations="IS1", service="MG1") as s:
        conversations = TwilioConversations()
        s.provider.next = [conversations.take] * 3
        id = await _written(s, "hello all", requests=2)
        assert sorted(conversations.phones[frozenset(GROUP)]) == sorted((each, "hello all") for each in GROUP)
        for number, each in enumerate(GROUP):
            assert not [call for call in s.sink.calls if call.name == "delivery"]
            report = conversations.report(s.address(), each, "IM1", "delivered")
            assert await s.call(report, str(number)) == 200
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (id, DeliveryState.DELIVERED)
        others = {"OtherRecipients0": THEIRS, "OtherRecipients1": THIRD}
        answer = form(
            s.address(), MessageSid="MM1", From=OTHERS, To=OURS, Body="thanks", NumMedia="0", **others
        )
        assert await s.call(answer, "answer") == 200
        shown = (await s.sink.wait("direct")).arguments[0]
        assert shown.sender == ",".join(sorted(GROUP))
        assert shown.text.endswith("thanks")


async def test_a_member_who_stopped_us_is_named_and_all_others_have_it(tmp_path: Path) -> None:
    async with scene("twilio", tmp_path, conversations="IS1", service="MG1") as s:
        conversations = TwilioConversations()
        s.provider.next = [conversations.take] * 3
        id = await _written(s, "hello all", requests=2)
        report = conversations.report(s.address(), THIRD, "IM1", "undelivered", "21610")
        assert await s.call(report, "1") == 200
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (id, DeliveryState.FAILED)
        assert told.arguments[2].text.startswith(f"{THIRD}: They have asked not to be texted")
