"""Group texts to providers that want a request for every member, and what comes from such groups."""

import pytest
from pydantic import ValidationError

from bridges.sms.http import library
from bridges.sms.http.preset import Preset
from bridges.sms.http.reading import Reader
from bridges.sms.traffic import Accepted, Rejected, Submission
from gateway.model import Attachment
from tests.fakes.sms_groups import VonageGroups, vonage_message
from tests.fakes.sms_providers import OURS, THEIRS
from tests.fakes.sms_signing import form
from tests.unit.sms.http.house import House, house, submission

OTHERS, THIRD = "+15553334444", "+15557778888"
GROUP = (THEIRS, OTHERS, THIRD)
BARE = [each[1:] for each in GROUP]
PICTURE = (Attachment(url="https://files.example/1.jpg", media_type="image/jpeg"),)
URL = "https://gw.example/x/main/s"


async def _sent(h: House, given: Submission, piece: int) -> object:
    async with h.way.turn() as turn:
        return await turn.send(given, piece)


async def test_every_member_has_a_request_that_names_all_others() -> None:
    async with house("vonage-messages") as h:
        groups = VonageGroups()
        group = submission(recipients=GROUP, text="hello")
        assert h.way.pieces(group) == 3
        h.provider.next = [groups.take] * 3
        outcomes = [await _sent(h, group, piece) for piece in range(3)]
    assert outcomes == [Accepted(f"uuid-{each}") for each in BARE]
    assert groups.phones == {frozenset(BARE): [(each, "hello") for each in BARE]}
    assert {each.fields["client_ref"] for each in h.provider.asked} == {group.reference}


async def test_a_picture_goes_to_a_group_like_a_text() -> None:
    async with house("vonage-messages") as h:
        groups = VonageGroups()
        h.provider.next = [groups.take]
        given = submission(recipients=GROUP, text="look", media=PICTURE)
        assert await _sent(h, given, 1) == Accepted(f"uuid-{BARE[1]}")
        (asked,) = h.provider.asked
    assert asked.fields["image"] == {"url": PICTURE[0].url, "caption": "look"}
    assert asked.fields["mms"] == {"participants": [BARE[0], BARE[2]]}


async def test_one_recipient_has_one_request_whatever_groups_have() -> None:
    async with house("vonage-messages") as h:
        assert h.way.pieces(submission()) == 1
        assert h.way.pieces(submission(media=PICTURE)) == 1
    async with house("telnyx") as h:
        assert h.way.pieces(submission(recipients=GROUP)) == 1


async def test_what_one_member_is_refused_says_nothing_of_the_others() -> None:
    async with house("vonage-messages") as h:
        groups = VonageGroups(refused={BARE[1]})
        group = submission(recipients=GROUP)
        h.provider.next = [groups.take] * 3
        outcomes = [await _sent(h, group, piece) for piece in range(3)]
    assert [type(each) for each in outcomes] == [Accepted, Rejected, Accepted]


def test_a_message_of_a_group_names_who_else_has_it() -> None:
    reader = Reader("main", library.preset("vonage-messages"))
    post = vonage_message(URL, BARE[0], [*BARE[1:], OURS[1:]], text="hello")
    (news,) = reader.read(post.request("https://gw.example/x"))
    assert (news.sender, news.recipient, news.others) == (THEIRS, OURS, (OTHERS, THIRD))
    assert news.text == "hello"


def test_the_words_under_a_picture_are_its_text() -> None:
    reader = Reader("main", library.preset("vonage-messages"))
    image = {"url": "https://api.nexmo.com/1.jpg", "caption": "look"}
    post = vonage_message(URL, BARE[0], BARE[1:], message_type="image", image=image)
    (news,) = reader.read(post.request("https://gw.example/x"))
    assert (news.text, [each.url for each in news.media]) == ("look", [image["url"]])


def test_twilio_names_the_others_of_a_group_in_numbered_fields() -> None:
    reader = Reader("main", library.preset("twilio"))
    more = {"OtherRecipients0": OTHERS, "OtherRecipients1": THIRD}
    post = form(URL, MessageSid="MM1", From=THEIRS, To=OURS, Body="hello", NumMedia="0", **more)
    (news,) = reader.read(post.request("https://gw.example/x"))
    assert (news.sender, news.recipient, news.others) == (THEIRS, OURS, (OTHERS, THIRD))


def test_what_twilio_s_conversations_say_of_the_same_message_is_not_a_second_one() -> None:
    reader = Reader("main", library.preset("twilio"))
    post = form(
        URL, EventType="onMessageAdded", MessageSid="IM1", ConversationSid="CH1", Author=THEIRS, Body="hello"
    )
    assert reader.read(post.request("https://gw.example/x")) == []


@pytest.mark.parametrize(
    ("document", "ways", "words"),
    [
        ({"to": "{recipient}"}, {}, "does not fill in"),
        (
            {"to": "{recipient}", "and": "{others}", "key": "{reference}"},
            {"idempotent": True},
            "one reference",
        ),
        ({"to": "{recipient}", "and": "{others}", "key": "{reference}-{piece}"}, {"idempotent": True}, ""),
    ],
)
def test_a_request_for_each_recipient_tells_them_apart_and_who_the_others_are(
    document: dict[str, str], ways: dict[str, bool], words: str
) -> None:
    whole = {
        "title": "T",
        "ways": {"groups": True, **ways},
        "send": [{"url": "https://x.example", "each": "recipients", "document": document}],
    }
    if not words:
        assert Preset.model_validate(whole).send
        return
    with pytest.raises(ValidationError, match=words):
        Preset.model_validate(whole)
