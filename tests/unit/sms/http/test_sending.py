"""Texts to every provider as it wants them, and what is certain after each way in which that can fail."""

import asyncio

import pytest
from aiohttp import web

from bridges.sms.traffic import Accepted, Away, Failing, Rejected, Unfit, Unknown
from gateway.model import Attachment, Condition
from tests.fakes.clock import ManualClock
from tests.fakes.sms_providers import FAMILIES, OURS, THEIRS, Said, reset
from tests.unit.sms.http.house import REFERENCE, house, submission

every = pytest.mark.parametrize("name", list(FAMILIES))


@every
async def test_a_text_goes_out_as_the_provider_wants_it_and_has_its_id(name):
    async with house(name) as h:
        assert await h.send() == Accepted(h.family.id)
        assert not h.provider.wrong
        assert len(h.provider.asked) == 1


@every
async def test_our_reference_and_address_are_with_it_where_there_are_reports(name):
    async with house(name) as h:
        await h.send()
        (asked,) = h.provider.asked
        assert (REFERENCE in str(asked)) is (name != "voipms")
        if name not in ("voipms", "bandwidth"):
            assert f"{h.url}/{REFERENCE}" in str(asked.fields)


async def test_kannel_is_given_long_texts_in_segments_each_with_a_report_of_its_own():
    async with house("kannel") as h:
        text = submission(text="sheep 😀 " * 20, concatenation=0x12C3)
        assert h.way.pieces(text) == 3
        for piece in range(3):
            async with h.way.turn() as turn:
                assert await turn.send(text, piece) == Accepted(f"{REFERENCE}.{piece + 1}")
        fields = [each.fields for each in h.provider.asked]
        assert "".join(each["text"] for each in fields) == text.text
        assert [each["udh"] for each in fields] == [f"\x05\x00\x03\x43\x03{chr(n)}" for n in (1, 2, 3)]
        assert [f"?part={REFERENCE}.{n}&" in each["dlr-url"] for n, each in enumerate(fields, 1)] == [
            True
        ] * 3


@every
async def test_what_the_provider_refuses_is_a_definite_refusal(name):
    async with house(name) as h:
        h.provider.next = [h.family.refused]
        outcome = await h.send()
        assert isinstance(outcome, Rejected)
        assert outcome.why.text.endswith(")")
        assert h.way.preset.title in outcome.why.text


@every
@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_of_the_providers_leaves_it_open(name, status):
    async with house(name) as h:
        h.provider.next = [Said(status, "<html>bad</html>")]
        assert isinstance(await h.send(), Unknown)


@every
async def test_a_connection_that_ends_before_the_answer_leaves_it_open_and_nothing_is_sent_again(name):
    async with house(name) as h:
        h.provider.next = [reset, reset]
        assert isinstance(await h.send(), Unknown)
        assert len(h.provider.asked) == 1


async def test_an_answer_that_does_not_come_leaves_it_open():
    clock = ManualClock()

    async def never(request):
        await asyncio.Event().wait()
        return web.Response()

    async with house("telnyx", clock, timeout=1) as h:
        h.provider.next = [never]
        outcome = await h.send()
        assert isinstance(outcome, Unknown)
        assert "1 seconds" in outcome.text


async def test_a_provider_that_takes_no_connections_has_taken_nothing_and_is_away_after_some_attempts():
    clock = ManualClock()
    async with house("telnyx", clock) as h:
        await h.provider.__aexit__(None, None, None)
        for _ in range(3):
            outcome = await h.send()
            assert isinstance(outcome, Rejected)
            assert outcome.failing is Failing.PASSING
        with pytest.raises(Away, match="cannot be reached"):
            await h.send()
        assert not h.way.seen().connected
        await clock.advance(10)
        assert isinstance(await h.send(), Rejected)


async def test_a_route_that_is_not_started_is_away():
    async with house("telnyx") as h:
        pass
    with pytest.raises(Away):
        await h.send()


@pytest.mark.parametrize(
    ("said", "failing", "condition", "operator"),
    [
        (Said(401, {}), Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, True),
        (Said(402, {}), Failing.ROUTE, Condition.RESOURCE_CONSTRAINT, True),
        (Said(413, {}), Failing.ROUTE, Condition.NOT_ACCEPTABLE, False),
        (Said(400, {"code": 21211}), Failing.MESSAGE, Condition.ITEM_NOT_FOUND, False),
        (Said(400, {"code": 21610}), Failing.MESSAGE, Condition.NOT_ALLOWED, False),
        (Said(400, {"code": 21408}), Failing.ROUTE, Condition.FORBIDDEN, False),
        (Said(400, {"code": 30007}), Failing.MESSAGE, Condition.POLICY_VIOLATION, False),
        (Said(400, {"code": 30034}), Failing.ROUTE, Condition.POLICY_VIOLATION, True),
        (Said(400, {"code": 99999}), Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, False),
        (Said(400, "no json"), Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, False),
    ],
)
async def test_refusals_say_whom_they_concern(said, failing, condition, operator):
    async with house("twilio") as h:
        h.provider.next = [said]
        outcome = await h.send()
        assert isinstance(outcome, Rejected)
        assert (outcome.failing, outcome.why.condition, outcome.operator) == (failing, condition, operator)


@pytest.mark.parametrize(
    "said",
    [Said(302, "", {"Location": "/x"}), Said(408, ""), Said(409, "{}"), Said(201, "no json"), Said(201, {})],
)
async def test_answers_that_say_nothing_leave_it_open(said):
    async with house("twilio") as h:
        h.provider.next = [said]
        assert isinstance(await h.send(), Unknown)
        assert len(h.provider.asked) == 1


async def test_parts_of_which_some_were_refused_leave_it_open():
    async with house("vonage-sms") as h:
        parts = [{"status": "0", "message-id": "1"}, {"status": "5", "error-text": "internal"}]
        h.provider.next = [Said(200, {"messages": parts}), Said(200, {"messages": []})]
        assert isinstance(await h.send(), Unknown)
        assert isinstance(await h.send(), Unknown)


async def test_a_provider_that_asks_for_patience_gets_the_same_text_again_later():
    clock = ManualClock()
    async with house("telnyx", clock) as h:
        h.provider.next = [Said(429, {}, {"Retry-After": "7"}), Said(429, {})]
        sending = asyncio.create_task(h.send())
        await h.provider.until(asked=1)
        await _until_asleep(clock, 7.0)
        with pytest.raises(Away, match="pause"):
            await h.send()
        await clock.advance(7)
        await h.provider.until(asked=2)
        await _until_asleep(clock, 2.0)
        await clock.advance(2)
        assert await sending == Accepted("t-1")
        first, _, last = h.provider.asked
        assert first.fields == last.fields
        assert first.headers["Idempotency-Key"] == last.headers["Idempotency-Key"] == REFERENCE


async def test_after_a_minute_of_patience_another_route_may_have_it():
    clock = ManualClock()
    async with house("telnyx", clock) as h:
        h.provider.next = [Said(429, {}, {"Retry-After": "90"})]
        outcome = await h.send()
        assert isinstance(outcome, Rejected)
        assert (outcome.failing, outcome.later) == (Failing.PASSING, 90.0)


async def test_kannel_that_is_full_kept_nothing():
    async with house("kannel") as h:
        h.provider.next = [Said(503, "Temporal failure, try again later.")]
        outcome = await h.send()
        assert isinstance(outcome, Rejected)
        assert outcome.failing is Failing.PASSING


@pytest.mark.parametrize(("text", "coding"), [("plain ü € text", "0"), ("мир", "2"), ("😀", "2"), ("ç", "2")])
async def test_kannel_is_told_the_coding_that_a_text_needs(text, coding):
    async with house("kannel") as h:
        await h.send(submission(text=text))
        assert (h.provider.asked[0].fields["coding"], h.provider.asked[0].fields["text"]) == (coding, text)


async def test_where_nothing_reaches_us_no_reports_are_asked_for():
    async with house("kannel", web="") as h:
        await h.send()
        assert "dlr-url" not in h.provider.asked[0].fields
        assert "web.listen" in h.intake.troubles[0]


async def test_no_more_requests_are_under_way_than_the_window_has_room_for():
    gate, under_way, most = asyncio.Event(), 0, 0

    async def slow(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await gate.wait()
        under_way -= 1
        return web.json_response({"data": {"id": "t-1"}})

    async with house("telnyx", window=2) as h:
        h.provider.next = [slow] * 4
        sendings = [asyncio.create_task(h.send()) for _ in range(4)]
        await h.provider.until(asked=2)
        assert h.way.seen().waiting == 2
        gate.set()
        assert [await each for each in sendings] == [Accepted("t-1")] * 4
        assert most == 2


async def test_texts_keep_the_distance_that_the_rate_sets():
    clock = ManualClock()
    async with house("telnyx", clock, rate=2) as h:
        await h.send()
        second = asyncio.create_task(h.send())
        await _until_asleep(clock, 0.5)
        assert len(h.provider.asked) == 1
        await clock.advance(0.5)
        assert await second == Accepted("t-1")


async def test_a_turn_that_is_left_unused_is_given_back():
    async with house("telnyx", window=1) as h:
        async with h.way.turn():
            pass
        assert await h.send() == Accepted("t-1")


PICTURES = tuple(Attachment(url=f"https://files.example/{n}.jpg", media_type="image/jpeg") for n in range(2))


@pytest.mark.parametrize(
    ("name", "key"),
    [("twilio", "MediaUrl"), ("telnyx", "media_urls"), ("bandwidth", "media"), ("plivo", "media_urls")],
)
async def test_files_go_by_their_addresses(name, key):
    async with house(name) as h:
        await h.send(submission(media=PICTURES))
        assert h.provider.asked[0].fields[key] == [each.url for each in PICTURES]


async def test_voipms_numbers_files_and_takes_long_texts_another_way():
    async with house("voipms") as h:
        await h.send(submission(media=PICTURES))
        await h.send(submission(text="x" * 161))
        first, second = (each.fields for each in h.provider.asked)
        assert (first["method"], first["media1"], first["media2"]) == (
            "sendMMS",
            PICTURES[0].url,
            PICTURES[1].url,
        )
        assert "media3" not in first
        assert second["method"] == "sendMMS"


@pytest.mark.parametrize(
    ("name", "path"), [("telnyx", "/v2/messages/group_mms"), ("bandwidth", "/api/v2/users/990/messages")]
)
async def test_a_group_is_one_message(name, path):
    async with house(name) as h:
        people = (THEIRS, "+15553334444")
        await h.send(submission(recipients=people))
        (asked,) = h.provider.asked
        assert (asked.path, asked.fields["to"]) == (path, list(people))


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("twilio", {"recipients": (THEIRS, OURS)}, "no group texts"),
        ("telnyx", {"recipients": tuple(f"+1555000{n:04}" for n in range(9))}, "at most 8 people"),
        ("kannel", {"media": PICTURES}, "carries no files"),
        ("vonage-messages", {"media": PICTURES}, "at most 1 files"),
        ("bandwidth", {"text": "x" * 2049}, "at most 2048 characters"),
    ],
)
async def test_what_a_provider_can_never_take_is_told_before(name, more, words):
    async with house(name) as h:
        with pytest.raises(Unfit, match=words):
            h.way.pieces(submission(**more))
        assert h.way.pieces(submission()) == 1


async def test_credentials_for_files_go_to_the_providers_hosts_only():
    async with house("twilio") as h:
        assert h.way.media_headers("https://api.twilio.com/2010/Media/1")["Authorization"].startswith(
            "Basic "
        )
        assert h.way.media_headers("http://api.twilio.com/2010/Media/1") == {}
        assert h.way.media_headers("https://api.twilio.com.evil.example/1") is None
        assert h.way.media_headers("https://evil.example/?api.twilio.com") is None
        assert h.way.media_headers("https://api.twilio.com@evil.example/") is None
    async with house("telnyx", media_hosts=["media.example"]) as h:
        assert h.way.media_headers("https://media.telnyx.com/1") == {}
        assert h.way.media_headers("https://telnyx.com/1") is None
        assert h.way.media_headers("https://media.example/1") == {}


@pytest.mark.parametrize("name", ["twilio", "telnyx", "plivo", "messagebird", "voipms", "46elks"])
async def test_a_trial_finds_credentials_that_are_refused_and_providers_that_are_away(name):
    async with house(name) as h:
        assert await h.way.trial() == []
        h.provider.next = [
            Said(200, {"status": "invalid_credentials"}) if name == "voipms" else Said(401, {})
        ]
        (said,) = await h.way.trial()
        assert "refuses the credentials" in said
        await h.provider.__aexit__(None, None, None)
        (said,) = await h.way.trial()
        assert "cannot be reached at 127.0.0.1" in said


async def _until_asleep(clock, seconds):
    async with asyncio.timeout(10):
        while seconds not in [round(each, 3) for each in clock.waiting]:
            await asyncio.sleep(0)
