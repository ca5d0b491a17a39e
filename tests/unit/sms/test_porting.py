"""A number that moves to another provider takes its conversations along."""

from pathlib import Path

from bridges.sms.traffic import Inbound, Stage
from tests.unit.sms.stage import ALICE, OURS, THEM, whole


async def test_a_number_that_moves_keeps_its_contacts_and_what_is_on_the_way(tmp_path: Path) -> None:
    number = {"number": OURS, "users": [ALICE]}
    async with whole(tmp_path, numbers=[{**number, "routes": ["one"]}]) as stage:
        alice = await stage.user()
        await stage.done("name-number", who=THEM, name="Juliet")
        id_ = await alice.sent(THEM, "we move")
        before = await stage.one.until(1)
    async with whole(tmp_path, numbers=[{**number, "routes": ["two"]}]) as stage:
        alice = await stage.user()
        contact = await alice.sink.wait("contact", lambda contact: contact.name == THEM)
        assert contact.arguments[0].display_name == "Juliet"
        await stage.one.tell(
            stage.one.report(before, Stage.DELIVERED)
        )  # of the old provider, as long as it is there
        assert (await alice.sink.wait("delivery")).arguments[0] == id_
        await alice.sent(THEM, "moved")
        assert (await stage.two.until(1)).submission.sender == OURS
        await stage.two.received(Inbound("two", THEM, OURS, "i1", "I see"))
        assert (await alice.shown("I see")).sender == THEM
