"""Who is told what became of messages."""

from bridges.sms.conversations import Conversations
from bridges.sms.people import People
from bridges.sms.sending.messages import Tidings
from gateway.bridge import Services
from gateway.model import DeliveryState


async def test_who_is_away_is_to_be_told_later_and_nobody_never(services: Services) -> None:
    people = People(Conversations(services))
    assert not await people.told(Tidings("id", "alice@example.org", DeliveryState.DELIVERED))
    # Answers to STOP, and codes: else their rows would be kept for ever.
    assert await people.told(Tidings("id", "", DeliveryState.FAILED))
