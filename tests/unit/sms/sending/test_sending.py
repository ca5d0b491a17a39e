"""A message from its commit to what its owner hears, over one route."""

from bridges.sms.sending.states import MessageState, PieceState
from bridges.sms.traffic import Stage
from gateway.model import DeliveryState
from tests.unit.sms.sending.office import Office


async def test_a_message_is_sent_once_and_its_delivery_told(office: Office) -> None:
    async with office.open():
        id = await office.send("hello")
        written = await office.a.until(1)
        assert written.submission.reference == id
        await office.report(written, Stage.DELIVERED)
        await office.told.until(1)
        known = await office.known(id)
    assert office.told.states == [(id, DeliveryState.DELIVERED)]
    assert known.state is MessageState.DELIVERED
    assert known.pieces == ((PieceState.DELIVERED, "a", 1),)
    assert office.a.texts == [("hello", 0)]
