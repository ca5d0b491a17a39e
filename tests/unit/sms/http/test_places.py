"""Groups that have to be made at the provider before they can be sent to."""

from contextlib import AbstractAsyncContextManager

import pytest

from bridges.sms.http.filling import fields, value
from bridges.sms.traffic import Accepted, Failing, Rejected, Report, Stage, Unfit, Unknown
from gateway.model import Attachment
from tests.fakes.sms_groups import TwilioConversations
from tests.fakes.sms_providers import OURS, THEIRS, Said, reset
from tests.unit.sms.http.house import House, house, submission

OTHERS, THIRD = "+15553334444", "+15557778888"
GROUP = (THEIRS, OTHERS, THIRD)


def _conversations(h: House, requests: int) -> TwilioConversations:
    conversations = TwilioConversations()
    h.provider.next = [conversations.take] * requests
    return conversations


def _house() -> AbstractAsyncContextManager[House]:
    # Both APIs are at the one simulated provider, whose address the house fills in.
    return house("twilio", more_values={"conversations": "IS1", "service": "MG1"})


def _asked(h: House) -> list[str]:
    return [f"{each.method} {each.path.rpartition('/')[2]}" for each in h.provider.asked]


async def test_a_group_is_made_once_and_written_to() -> None:
    async with _house() as h:
        conversations = _conversations(h, 3)
        assert await h.send(submission(recipients=GROUP, text="hello")) == Accepted("IM1")
        assert await h.send(submission(recipients=GROUP[::-1], text="again")) == Accepted("IM2")
        assert _asked(h) == ["POST ConversationWithParticipants", "POST Messages", "POST Messages"]
    (shown,) = conversations.phones.values()
    assert shown == [(each, text) for text in ("hello", "again") for each in GROUP]
    assert [each for each in conversations.participants["CH1"].values() if "projected_address" in each] == [
        {"projected_address": OURS}
    ]


async def test_a_group_that_is_there_from_before_is_found_by_its_name() -> None:
    conversations = TwilioConversations()
    for requests, expected in ((2, "IM1"), (3, "IM2")):
        async with _house() as h:
            h.provider.next = [conversations.take] * requests
            assert await h.send(submission(recipients=GROUP)) == Accepted(expected)
    assert list(conversations.names.values()) == ["CH1"]


async def test_a_group_that_is_gone_is_made_again_at_the_next_attempt() -> None:
    async with _house() as h:
        conversations = _conversations(h, 5)
        await h.send(submission(recipients=GROUP))
        conversations.names.clear()
        conversations.participants.clear()
        outcome = await h.send(submission(recipients=GROUP))
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.PASSING
        assert isinstance(await h.send(submission(recipients=GROUP)), Accepted)


async def test_a_number_that_can_be_in_no_group_is_a_refusal_and_nothing_is_written() -> None:
    async with _house() as h:
        conversations = _conversations(h, 1)
        conversations.refused.add(OTHERS)
        outcome = await h.send(submission(recipients=GROUP))
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.MESSAGE
        assert not conversations.phones


@pytest.mark.parametrize("trouble", [reset, Said(500, {}), Said(200, {})])
async def test_making_a_group_sends_nothing_so_that_it_can_be_tried_again(trouble: object) -> None:
    async with _house() as h:
        h.provider.next = [trouble]
        outcome = await h.send(submission(recipients=GROUP))
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.PASSING
        assert len(h.provider.asked) == 1


async def test_what_became_of_a_text_in_a_group_is_as_open_as_of_any_other() -> None:
    async with _house() as h:
        h.provider.next = [TwilioConversations().take, reset]
        assert isinstance(await h.send(submission(recipients=GROUP)), Unknown)


async def test_reports_name_the_member_that_is_asked_for_once() -> None:
    async with _house() as h:
        conversations = _conversations(h, 3)
        await h.send(submission(recipients=GROUP))
        for number, each in enumerate(GROUP):
            post = conversations.report(h.url, each, "IM1", "delivered")
            assert (await h.call(post, str(number))).status == 200
        failed = conversations.report(h.url, THIRD, "IM1", "undelivered", "21610")
        assert (await h.call(failed, "failed")).status == 200
        assert len(h.provider.asked) == 3
    reports = [each for each in h.intake.news if isinstance(each, Report)]
    assert [(each.id, each.recipient, each.stage) for each in reports] == [
        *(("IM1", each, Stage.DELIVERED) for each in GROUP),
        ("IM1", THIRD, Stage.FAILED),
    ]
    assert reports[-1].optout


async def test_a_report_whose_member_cannot_be_asked_for_now_is_to_come_again() -> None:
    async with _house() as h:
        conversations = _conversations(h, 2)
        await h.send(submission(recipients=GROUP))
        post = conversations.report(h.url, THEIRS, "IM1", "delivered")
        h.provider.next = [Said(500, {}), reset, conversations.take]
        assert [(await h.call(post, each)).status for each in "abc"] == [503, 503, 200]


async def test_a_report_about_nobody_is_none() -> None:
    async with _house() as h:
        conversations = _conversations(h, 3)
        await h.send(submission(recipients=GROUP))
        conversations.participants["CH1"]["MBodd"] = {"address": "+15550009999"}
        post = conversations.report(h.url, "+15550009999", "IM1", "delivered")
        del conversations.participants["CH1"]["MBodd"]
        assert (await h.call(post)).status == 200
        assert not h.intake.news


async def test_groups_carry_no_files_there_and_need_the_service() -> None:
    picture = (Attachment(url="https://files.example/1.jpg", media_type="image/jpeg"),)
    async with _house() as h:
        assert h.way.ways.groups
        with pytest.raises(Unfit, match="no files in group texts"):
            h.way.pieces(submission(recipients=GROUP, media=picture))
    async with house("twilio") as h:
        assert not h.way.ways.groups


def test_a_text_is_repeated_for_each_of_several_values() -> None:
    values = {"to": ("a", "b"), "none": (), "one": "c"}
    assert value(["<{to*}>", "<{one}>", "<{none*}>"], values) == ["<a>", "<b>", "<c>"]
    assert fields({"x": ("{{{to*}}}", "{one}"), "y": "{none*}"}, values) == [
        ("x", "{a}"),
        ("x", "{b}"),
        ("x", "c"),
    ]
