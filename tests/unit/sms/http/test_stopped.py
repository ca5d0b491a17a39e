"""What a provider says by refusing a text: that somebody has told it STOP."""

from bridges.sms.traffic import NotTaken, OptOut, Rejected
from tests.fakes.sms_providers import OURS, THEIRS, Said
from tests.unit.sms.http.house import house


async def test_a_stop_that_the_provider_knows_is_known_here_from_then_on():
    async with house("twilio") as h:
        h.provider.next = [Said(400, {"code": 21610}), Said(400, {"code": 21610}), Said(400, {"code": 21211})]
        assert isinstance(await h.send(), Rejected)
        assert h.intake.news == [OptOut(h.way.name, OURS, THEIRS)]
        h.intake.refusals = [NotTaken("no room")]
        assert isinstance(await h.send(), Rejected)
        assert isinstance(await h.send(), Rejected)
        assert len(h.intake.news) == 1
