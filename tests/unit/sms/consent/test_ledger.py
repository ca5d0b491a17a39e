"""Who said STOP is not texted any more, users know why, and it is undone as it was done."""

import pytest
from sqlalchemy import select

from bridges.sms.consent.ledger import Ledger, Source
from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.consent.tables import OPTOUTS
from bridges.sms.receiving.receiving import Terms
from bridges.sms.traffic import NotTaken, OptOut
from gateway.bridge import Services
from gateway.model import Condition, ErrorType, MessageKind
from tests.fakes.clock import ManualClock
from tests.unit.sms.consent.conftest import STARTED, STOPPED
from tests.unit.sms.receiving.house import ALICE, BOB, OURS, TEAM, House

NOTICE = (
    "[+1 555-123-4567 wants no more texts from +1 555-000-0001. What you write is not sent until they text START to "
    "it.]"
)


async def _refused(house: House, ours: str = OURS, theirs: str = BOB) -> bool:
    return await house.receiving.ledger.refusal(ours, theirs) is not None


async def test_stop_is_shown_told_once_and_kept_to(house: House) -> None:
    await house.bring("STOP")
    await house.bring("Stop ")
    await house.bring("Thank you")
    assert await house.chat().has(4) == ["STOP", NOTICE, "Stop ", "Thank you"]
    notice = house.chat().shown[1]
    assert (notice.sender, notice.kind) == (BOB, MessageKind.NOTICE)
    refused = await house.receiving.ledger.refusal(OURS, BOB)
    assert refused is not None
    assert refused.condition is Condition.NOT_ALLOWED
    assert refused.error_type is ErrorType.CANCEL
    assert refused.text == (
        "+1 555-123-4567 texted STOP to +1 555-000-0001 on 2023-11-14, so nothing may be sent. They have to text START to "
        "+1 555-000-0001 first."
    )


async def test_stop_is_of_one_pair_of_numbers(house: House) -> None:
    await house.bring("STOP")
    await house.chat().has(2)
    assert not await _refused(house, TEAM)
    assert not await _refused(house, theirs=ALICE)


async def test_start_undoes_it_and_means_nothing_otherwise(house: House) -> None:
    await house.bring("START")
    await house.bring("STOP")
    await house.bring("UNSTOP")
    texts = await house.chat().has(5)
    assert texts[0:2] == ["START", "STOP"]
    assert texts[4] == (
        "[+1 555-123-4567 wants texts again: texts from +1 555-000-0001 to +1 555-123-4567 are sent again.]"
    )
    assert not await _refused(house)


async def test_every_member_of_a_team_is_told(house: House) -> None:
    await house.bring("STOP", recipient=TEAM)
    for owner in ("romeo@x", "juliet@x", "nurse@x"):
        assert len(await house.chat(owner).has(2)) == 2


async def test_it_outlives_us(house: House) -> None:
    await house.bring("STOP")
    await house.chat().has(2)
    await house.kill()
    house.start()
    assert await _refused(house)
    await house.bring("STOP")
    await house.bring("Bye", sender=ALICE)
    assert (await house.chat().has(4))[2:] in (["STOP", "Bye"], ["Bye", "STOP"])


async def test_words_of_the_operator_count(house: House) -> None:
    await house.bring("end")
    await house.bring("BASTA")
    await house.chat().has(3)
    assert await _refused(house)


async def test_names_that_cannot_be_answered_stop_nothing(house: House) -> None:
    await house.bring("STOP", sender="MyBank")
    await house.bring("STOP", sender="")
    await house.bring("Hello")
    assert sorted(await house.chat().has(3)) == ["Hello", "STOP", "STOP"]


# -- what providers say ----------------------------------------------------------------------------------------------


async def test_a_provider_that_says_so_is_believed_and_users_are_told_once(house: House) -> None:
    for _ in range(2):
        await house.receiving.intake.opted(OptOut("main", OURS, BOB))
    assert await house.chat().has(1) == [
        "[The provider says that +1 555-123-4567 wants no more texts from +1 555-000-0001. What you write is not sent "
        "until they text START to it.]"
    ]
    refused = await house.receiving.ledger.refusal(OURS, BOB)
    assert refused is not None
    assert refused.text.startswith("The provider says since 2023-11-14 that +1 555-123-4567 wants no texts")
    await house.bring("STOP")
    await house.receiving.intake.opted(OptOut("main", OURS, BOB, stopped=False))
    texts = await house.chat().has(3)
    assert "are sent again" in texts[2]
    assert not await _refused(house)


async def test_a_text_and_the_provider_say_it_and_the_user_is_told_once(house: House) -> None:
    await house.bring("STOP")
    await house.chat().has(2)
    await house.receiving.intake.opted(OptOut("main", OURS, BOB))
    await house.bring("Hello", sender=ALICE)
    assert len(await house.chat().has(3)) == 3


async def test_a_provider_can_stop_all_of_our_numbers(house: House) -> None:
    await house.receiving.intake.opted(OptOut("main", "", BOB))
    assert await _refused(house, OURS)
    assert await _refused(house, TEAM)
    await house.bring("START")
    await house.chat().has(2)
    assert not await _refused(house, OURS)
    assert not await _refused(house, TEAM)


async def test_what_a_provider_says_is_not_taken_while_it_cannot_be_kept(house: House) -> None:
    await house.receiving.ledger.refusal(OURS, BOB)
    house.tables.broken = True
    with pytest.raises(NotTaken):
        await house.receiving.intake.opted(OptOut("main", OURS, BOB))
    house.tables.broken = False
    assert not await _refused(house)


# -- what operators do -----------------------------------------------------------------------------------------------


async def test_an_operator_can_lift_it(house: House) -> None:
    await house.bring("STOP")
    await house.chat().has(2)
    assert await house.receiving.consent.lift(OURS, BOB)
    assert not await house.receiving.consent.lift(OURS, BOB)
    assert (await house.chat().has(3))[2].startswith("[An operator has allowed it")
    assert not await _refused(house)


async def test_who_stopped_can_be_listed(house: House) -> None:
    await house.bring("STOP")
    await house.chat().has(2)
    await house.clock.advance(1)
    await house.bring("STOP", sender=ALICE, recipient=TEAM)
    await house.chat("juliet@x").has(2)
    ledger = house.receiving.ledger
    everybody = await ledger.stopped()
    assert [(each.ours, each.theirs, each.source) for each in everybody] == [
        (TEAM, ALICE, Source.TEXT),
        (OURS, BOB, Source.TEXT),
    ]
    assert [each.theirs for each in await ledger.stopped([OURS])] == [BOB]


@pytest.mark.parametrize(("stop", "told"), [("notify", 2), ("off", 1)])
async def test_an_operator_may_not_want_to_block(
    services: Services, clock: ManualClock, stop: str, told: int
) -> None:
    settings = ConsentSettings.model_validate({"stop": stop})
    house = House(services, clock, Terms("US", consent=settings))
    house.start()
    await house.bring("STOP")
    await house.bring("Hello", sender=ALICE)
    assert len(await house.chat().has(told + 1)) == told + 1
    assert not await _refused(house)
    assert house.people.answers == []
    await house.kill()


# -- answers ---------------------------------------------------------------------------------------------------------


async def test_stop_is_answered_where_the_operator_wants_it(house: House) -> None:
    await house.bring("STOP")
    await house.people.answering.wait()
    ((ours, theirs, text, reference),) = house.people.answers
    assert (ours, theirs, text) == (OURS, BOB, STOPPED)
    assert len(reference) <= 32
    assert reference.isalnum()
    house.people.answering.clear()
    await house.bring("START")
    await house.people.answering.wait()
    assert house.people.answers[1][2] == STARTED


async def test_stop_is_not_answered_where_the_provider_does(house: House) -> None:
    house.provider_answers = True
    await house.bring("STOP")
    await house.bring("Hello")
    await house.chat().has(3)
    assert house.people.answers == []
    assert await house.receiving.ledger.owed() == []


async def test_help_is_never_answered(house: House) -> None:
    await house.bring("HELP")
    await house.bring("Hello")
    assert await house.chat().has(2) == ["HELP", "Hello"]
    assert house.people.answers == []


async def test_an_answer_that_is_owed_is_sent_after_a_restart(house: House) -> None:
    settings = ConsentSettings(stop_answer=STOPPED)
    ledger = Ledger(house.services.tables, house.services.name, settings, house.clock)
    change = await ledger.heard(OURS, BOB, "STOP", reference="stop1", provider_answers=False)
    assert change is not None
    await ledger.commit(change)
    await house.kill()
    house.start()
    await house.people.answering.wait()
    assert house.people.answers == [(OURS, BOB, STOPPED, "stop1")]


async def test_what_was_taken_back_long_ago_is_forgotten_and_a_stop_never(house: House) -> None:
    ledger = house.receiving.ledger
    for number, words in ((BOB, "STOP"), ("+12125550177", "STOP"), (BOB, "START")):
        change = await ledger.heard(OURS, number, words, reference=words, provider_answers=True)
        assert change is not None
        await ledger.commit(change)
    await ledger.sweep(house.clock.now() + 1)
    rows = await house.services.tables.read(select(OPTOUTS.c.theirs, OPTOUTS.c.stopped))
    assert [(row.theirs, row.stopped) for row in rows] == [("+12125550177", True)]
