"""The whole SMS bridge over real HTTP both ways: texts to a provider, its callbacks through the gateway's web server."""

import pytest

from gateway.model import DeliveryState, MessageKind
from gateway.testing import RecordingTicket
from tests.component.sms_scene import Scene, scene
from tests.fakes.sms_providers import FAMILIES, TEXT, THEIRS

SEVERAL = ["twilio", "telnyx", "bandwidth", "kannel"]


@pytest.mark.parametrize("name", SEVERAL)
async def test_a_text_goes_out_and_its_receipt_and_an_answer_come_back(name, tmp_path):
    async with scene(name, tmp_path) as s:
        ticket = RecordingTicket()
        s.user.tell(THEIRS, TEXT, MessageKind.CHAT, ticket)
        outcome = await ticket.outcome()
        assert outcome.name == "done"
        await s.provider.until(asked=1)
        assert not s.provider.wrong
        reference = _reference(s)
        report = FAMILIES[name].report(s.address(), reference, "delivered")
        assert await s.call(report, "1") == 200
        told = await s.sink.wait("delivery")
        assert told.arguments[:2] == (outcome.arguments[0][0], DeliveryState.DELIVERED)
        assert await s.call(FAMILIES[name].message(s.address()), "2") == 200
        assert await s.call(FAMILIES[name].message(s.address()), "3") == 200  # the same message again
        shown = await s.sink.wait("direct")
        assert (shown.arguments[0].sender, shown.arguments[0].text) == (THEIRS, TEXT)
        assert await s.call(FAMILIES[name].report(s.address(), reference, "delivered"), "4") == 200
        assert len([call for call in s.sink.calls if call.name == "direct"]) == 1


def _reference(s: Scene) -> str:
    """Ours, as the provider was given it."""
    asked = s.provider.asked[0].fields
    if s.name == "bandwidth":
        return str(asked["tag"])
    key = {"twilio": "StatusCallback", "telnyx": "webhook_url", "kannel": "dlr-url"}[s.name]
    return str(asked[key]).partition("?")[0].rpartition("/")[2]


async def test_an_open_address_gives_nothing_away(tmp_path):
    async with scene("telnyx", tmp_path) as s:
        for path in ("/bridge/sms/main/x", "/bridge/sms/", "/bridge/sms/other/x/y"):
            async with s.session.post(path, data=b"{}") as response:
                assert (response.status, await response.read()) == (404, b"")
