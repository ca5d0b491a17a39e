"""Callbacks of every provider: what they say is kept before they are answered, and only genuine ones are."""

import asyncio
import json
from dataclasses import replace

import pytest

from bridges.sms.http.signatures import Scheme
from bridges.sms.http.webhooks import Replays, RouteDesk, Terms
from bridges.sms.traffic import Inbound, NotTaken, Report, Stage
from gateway.model import Condition
from tests.fakes import sms_signing as signing
from tests.fakes.clock import ManualClock
from tests.fakes.sms_providers import FAMILIES, OURS, TEXT, THEIRS
from tests.fakes.sms_signing import Post, document, form
from tests.unit.sms.http.house import BASE, REFERENCE, house

every = pytest.mark.parametrize("name", list(FAMILIES))
SIGNED = [name for name in FAMILIES if FAMILIES[name].sign is not signing.unsigned or name == "vonage-sms"]
reporting = pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].report])
ANSWERS = {
    "twilio": (200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml"),
    "voipms": (200, b"ok", "text/plain"),
    "46elks": (204, b"", "text/plain"),
}


def text_of(inbound):
    return inbound.text or inbound.data.decode("utf-16-be")


@every
async def test_a_message_is_kept_and_then_answered_as_the_provider_wants_it(name):
    async with house(name) as h:
        h.intake.gate.clear()
        calling = asyncio.create_task(h.call(h.family.message(h.url)))
        await asyncio.sleep(0)
        assert not calling.done()
        h.intake.gate.set()
        answer = await calling
        assert (answer.status, answer.body, answer.media_type) == ANSWERS.get(name, (200, b"", "text/plain"))
        (news,) = h.intake.news
        assert isinstance(news, Inbound)
        assert (news.route, news.sender, news.recipient, text_of(news)) == ("main", THEIRS, OURS, TEXT)
        assert news.id
        assert not news.others


@reporting
async def test_a_report_is_about_what_we_sent(name):
    async with house(name) as h:
        await h.send()
        answer = await h.call(h.family.report(h.url, REFERENCE, "delivered"))
        assert answer.status < 300
        (news,) = h.intake.news
        assert isinstance(news, Report)
        assert news.stage is (Stage.CARRIER if name == "bandwidth" else Stage.DELIVERED)
        assert news.reference == REFERENCE
        assert news.id == h.family.id
        assert news.recipient in (THEIRS, "")


@reporting
async def test_a_report_of_failure_says_why(name):
    async with house(name) as h:
        await h.call(h.family.report(h.url, REFERENCE, "failed"))
        (news,) = h.intake.news
        assert isinstance(news, Report)
        assert news.stage is Stage.FAILED
        expected = {
            "twilio": Condition.RECIPIENT_UNAVAILABLE,
            "telnyx": Condition.RECIPIENT_UNAVAILABLE,
            "vonage-sms": Condition.RECIPIENT_UNAVAILABLE,
            "plivo": Condition.RECIPIENT_UNAVAILABLE,
            "sinch": Condition.RECIPIENT_UNAVAILABLE,
            "messagebird": Condition.RECIPIENT_UNAVAILABLE,
            "kannel": Condition.RECIPIENT_UNAVAILABLE,
            "bandwidth": Condition.ITEM_NOT_FOUND,
        }.get(name, Condition.SERVICE_UNAVAILABLE)
        assert news.why is not None
        assert news.why.condition is expected


async def test_real_receipts_of_a_carrier_count_where_the_operator_has_them():
    async with house("bandwidth", coverage="handset") as h:
        await h.call(h.family.report(h.url, REFERENCE, "delivered"))
        assert h.intake.news[0].stage is Stage.DELIVERED


@pytest.mark.parametrize("name", SIGNED)
async def test_without_a_signature_or_with_another_nothing_is_taken(name):
    async with house(name, webhook_password=None, webhook_user="") as h:
        post = h.family.message(h.url)
        bare = await h.call(post, sign=False)
        assert bare.status == (503 if name == "vonage-messages" else 401)
        if name == "vonage-sms":
            signed = h.family.prepare(post, h.clock.now())
            answer = await h.webhooks.answer(replace(signed, body=signed.body + b"&x=1").request(BASE))
        else:
            headers = h.family.sign(
                replace(post, url=post.url + "x", body=post.body + b" "), h.clock.now(), "1"
            )
            answer = await h.webhooks.answer(post.request(BASE, **headers))
        assert answer.status == 403
        assert not h.intake.news


@pytest.mark.parametrize("name", SIGNED)
async def test_what_is_sent_again_is_taken_once_and_answered_as_before(name):
    async with house(name) as h:
        request = h.request(h.family.message(h.url))
        first, second = await h.webhooks.answer(request), await h.webhooks.answer(request)
        assert (first.status, first.body) == (second.status, second.body)
        assert len(h.intake.news) == 1


@every
async def test_what_could_not_be_kept_is_the_providers_to_send_again(name):
    async with house(name) as h:
        request = h.request(h.family.message(h.url))
        h.intake.refusals = [NotTaken("the disk is full")]
        assert (await h.webhooks.answer(request)).status == 503
        assert (await h.webhooks.answer(request)).status < 300
        assert len(h.intake.news) == 1


async def test_what_will_never_be_kept_is_not_sent_again():
    async with house("telnyx") as h:
        h.intake.refusals = [NotTaken("no", never=True)]
        assert (await h.call(h.family.message(h.url))).status == 422


async def test_a_commit_that_takes_too_long_is_answered_in_time():
    async with house("kannel") as h:
        h.intake.gate.clear()
        terms = Terms(BASE, {})
        desk = RouteDesk("main", h.way.preset, "s", terms, h.intake, h.clock, seconds=0.01)
        answer = await desk.take(h.family.message(f"{BASE}/main/s").request(BASE), "")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_a_wrong_clock_is_ours_to_mend_and_the_provider_tries_again():
    clock = ManualClock()
    async with house("telnyx", clock) as h:
        request = h.request(h.family.message(h.url))
        await clock.advance(301)
        assert (await h.webhooks.answer(request)).status == 503
        assert not h.intake.news


@every
async def test_other_addresses_do_not_exist(name):
    async with house(name) as h:
        post = h.family.message(h.url)
        for wrong in (
            "",
            "main",
            "main/",
            "main/x",
            "other/x",
            f"main/{h.url[-32:]}0",
            f"main/{h.url[-32:]}/A B",
            "\udcff",
        ):
            request = replace(h.request(post), path=wrong)
            assert (await h.webhooks.answer(request)).status == 404, wrong
        assert not h.intake.news


async def test_the_secret_part_of_the_address_is_the_same_after_a_restart():
    async with house("telnyx") as h:
        first = h.url
        assert await h.webhooks.secret("main") == first.rpartition("/")[2]
        assert len(first.rpartition("/")[2]) == 32
        assert await h.webhooks.secret("other") != first.rpartition("/")[2]


async def test_the_login_is_asked_for_where_it_is_set():
    async with house("46elks") as h:
        post = h.family.message(h.url)
        for headers in ({}, signing.login("u", "wrong"), signing.login("x", "w")):
            answer = await h.webhooks.answer(post.request(BASE, **headers))
            assert (answer.status, bool(answer.headers["WWW-Authenticate"])) == (401, True)
        assert (await h.call(post)).status == 204


async def test_callbacks_come_from_the_sources_only_where_they_are_set():
    async with house("46elks", sources=["198.51.100.0/24"]) as h:
        post = h.family.message(h.url)
        assert (await h.call(replace(post, remote="203.0.113.9"))).status == 403
        assert (await h.call(replace(post, remote="nonsense"))).status == 403
        assert (await h.call(post)).status == 204


@pytest.mark.parametrize(
    ("name", "web", "given", "words"),
    [
        ("kannel", BASE, {"webhook_password": None}, "set webhook_user and webhook_password"),
        ("46elks", "http://gw.example/bridge/sms", {}, "without TLS"),
        ("twilio", "", {}, "set web.listen and web.public_url"),
    ],
)
async def test_callbacks_that_could_be_anybodys_are_not_taken_at_all(name, web, given, words):
    async with house(name, web=web, **given) as h:
        assert words in h.intake.troubles[0]
        assert not h.way.address
        assert any(words in each for each in await h.way.trial())


@pytest.mark.parametrize(
    "web", ["http://127.0.0.1:5290/bridge/sms", "http://10.1.2.3/bridge/sms", "http://localhost/x"]
)
async def test_on_ones_own_network_callbacks_need_no_more_than_their_address(web):
    async with house("kannel", web=web, webhook_password=None) as h:
        assert h.way.address.startswith(web)


async def test_a_method_that_the_provider_does_not_use_is_refused():
    async with house("telnyx") as h:
        request = replace(h.request(h.family.message(h.url)), method="PUT")
        answer = await h.webhooks.answer(request)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@every
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"{", b"\xff\xfe\0", b"a=b", b'{"data":' * 50, b"[" * 5000]
)
async def test_what_is_genuine_and_makes_no_sense_is_told_the_operator_and_sent_again(name, body):
    async with house(name) as h:
        if name == "vonage-sms":
            post = form(h.url, nothing="x")
        elif h.family.message(h.url).method == "GET" or name == "kannel":
            post = Post(f"{h.url}?nothing=x", method="GET")
        else:
            kind = signing.FORM if name in ("twilio", "plivo", "46elks") else signing.JSON
            post = Post(h.url, body, kind)
        if name in ("twilio", "plivo") and not body.isascii():
            post = Post(h.url, b"", signing.FORM)
        answer = await h.call(post)
        assert not h.intake.news
        assert answer.status in (500, 403)
        assert answer.status == 403 or "not understood" in h.intake.troubles[0]


async def test_a_wrong_content_type_does_not_matter_where_the_body_is_signed():
    async with house("telnyx") as h:
        post = replace(h.family.message(h.url), kind="text/plain; charset=nonsense")
        assert (await h.call(post)).status == 200
        assert len(h.intake.news) == 1


async def test_text_of_any_kind_arrives_as_databases_can_hold_it():
    async with house("sinch") as h:
        for n, written in enumerate([r"a\u0000b", r"\ud83d\ude00", r"\ud83d x", r"\udc00"]):
            body = (
                f'{{"type":"mo_text","from":"15551112222","to":"15550001111","id":"{n}","body":"{written}"}}'
            )
            assert (await h.call(Post(h.url, body.encode()), once=str(n))).status == 200
        assert [each.text for each in h.intake.news] == ["ab", "😀", "\ufffd x", "\ufffd"]


async def test_all_events_of_one_callback_are_kept_or_all_come_again():
    async with house("bandwidth") as h:
        one = json.loads(h.family.message(h.url).body)[0]
        events = [one, {"type": "new-kind"}, {**one, "message": {**one["message"], "id": "b-10"}}]
        h.intake.refusals = [NotTaken("full")]
        assert (await h.call(document(h.url, events))).status == 503
        assert (await h.call(document(h.url, events))).status == 200
        assert [each.id for each in h.intake.news] == ["b-9", "b-10"]


async def test_a_person_who_wants_no_more_texts_is_told_besides_the_message():
    async with house("twilio") as h:
        fields = {"MessageSid": "SM9", "From": THEIRS, "To": OURS, "Body": "STOP", "OptOutType": "STOP"}
        await h.call(form(h.url, **fields))
        await h.call(form(h.url, **{**fields, "MessageSid": "SM10", "Body": "START", "OptOutType": "START"}))
        await h.call(form(h.url, **{**fields, "MessageSid": "SM11", "Body": "HELP", "OptOutType": "HELP"}))
        stopped, first, started, second, third = h.intake.news
        assert (stopped.ours, stopped.theirs, stopped.stopped) == (OURS, THEIRS, True)
        assert (started.stopped, first.text, second.text, third.text) == (False, "STOP", "START", "HELP")


async def test_a_report_that_the_operator_has_to_see_to_is_told_him():
    async with house("twilio") as h:
        fields = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "30034"}
        await h.call(form(h.url, **fields))
        assert "30034" in h.intake.troubles[0]
        assert h.intake.news[0].why.condition is Condition.POLICY_VIOLATION


async def test_an_opted_out_recipient_shows_in_the_report():
    async with house("vonage-sms") as h:
        fields = {"messageId": "1", "msisdn": "15551112222", "status": "failed", "err-code": "9"}
        await h.call(form(h.url, **fields))
        assert h.intake.news[0].optout


@pytest.mark.parametrize("name", list(FAMILIES))
async def test_what_happens_is_counted_for_the_operator(name):
    async with house(name) as h:
        await h.call(h.family.message(h.url))
        assert h.way.seen().counts["received"] == 1
        assert h.way.seen().connected
        assert h.way.seen().callbacks == h.url


def test_the_table_of_what_was_taken_forgets_the_oldest():
    table = Replays(2)
    for each in (b"1", b"2", b"3"):
        table.add(each)
    assert [each in table for each in (b"1", b"2", b"3")] == [False, True, True]


def test_every_scheme_has_a_provider_in_the_tests():
    tested = {FAMILIES[name].sign for name in FAMILIES}
    assert len(tested) == len(Scheme) - 1  # vonage-sms signs within the form; unsigned stands for none
