"""What is asked of a network for what a client sent, by what the network can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridge import Capabilities
from gateway.chat.places import Target
from gateway.chat.speech import Beside, Reacted, Retracted, Speech, Spoken
from gateway.model import Condition, Enrichment, Mention, MessageKind, Refused, Reply, Span, Style
from tests.fakes.clock import ManualClock
from tests.unit.chat.support import CONTACT, FakePlace, message, speech

BOB = Target("bob", "shall we bake a cake?", "s1", "f1", own=False, recent=True)
OLD = Target("bob", "shall we bake a cake?", "s2", "f2", own=False)
MINE = Target("me", "see you at teh pub tonight", "s3", "f3", own=True, sent_id="m3", recent=True, last=True)
PLACE = FakePlace(targets={each.id: each for each in (BOB, OLD, MINE)})
QUOTE = "> bob wrote:\n> shall we bake a cake?\n"


def reply(id_, quoted=""):
    fallback = (
        f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='{len(quoted)}'/></fallback>"
        if quoted
        else ""
    )
    return f"<reply xmlns='urn:xmpp:reply:0' id='{id_}' to='#room@g/bob'/>{fallback}"


def spoken(body, xml="", place=PLACE, **can) -> Spoken:
    talk, _ = speech(**can)
    result = talk.speak(place, body, talk.read(message(xml))[1])
    assert isinstance(result, Spoken), result
    return result


def test_a_reply_goes_to_a_network_that_knows_replies_and_clients_see_it_as_it_was_sent():
    said = spoken(f"{QUOTE}yes", reply("s1", QUOTE), replies=True)
    assert (said.text, said.enrichment) == ("yes", Enrichment(Reply("f1", "bob", "shall we bake a cake?")))
    assert said.shown == f"{QUOTE}yes"
    assert f"<body start='0' end='{len(QUOTE)}'/>" in said.taken
    assert "<reply xmlns='urn:xmpp:reply:0' id='s1' to='#room@g/bob'/>" in said.taken


def test_a_reply_to_a_recent_message_addresses_its_author():
    said = spoken(f"{QUOTE}yes", reply("s1", QUOTE))
    assert (said.text, said.shown, said.taken, said.enrichment) == ("bob: yes", "bob: yes", "", None)


def test_a_reply_to_an_older_message_quotes_it_in_one_line():
    assert spoken(f"{QUOTE}yes", reply("s2", QUOTE)).text == "> <bob> shall we bake a cake?\nyes"


def test_a_reply_to_oneself_quotes():
    assert spoken("pub!", reply("s3")).text == "> <me> see you at teh pub tonight\npub!"


def test_a_reply_to_something_unknown_quotes_what_the_client_quoted():
    assert spoken(f"{QUOTE}yes", reply("gone", QUOTE)).text == "> <bob> shall we bake a cake?\nyes"
    assert spoken("yes", reply("gone")).text == "yes"
    short = "> bob: shall we bake a cake?\n"
    assert spoken(f"{short}yes", reply("gone", short)).text == "> <bob> shall we bake a cake?\nyes"


def test_a_network_may_know_what_we_do_not():
    said = spoken(f"{QUOTE}yes", reply("old-7", QUOTE), replies=True)
    assert said.enrichment == Enrichment(Reply("old-7", "bob", "shall we bake a cake?"))


def test_in_private_a_recent_message_needs_no_quote():
    assert spoken("yes", reply("s1"), FakePlace(CONTACT, PLACE.targets)).text == "yes"


def test_an_action_is_not_given_a_lead():
    said = spoken("/me nods", reply("s1"))
    assert (said.text, said.kind) == ("nods", MessageKind.ACTION)


def beside(body, text, xml, place=PLACE, **can):
    talk, _ = speech(**can)
    return talk.beside_files(place, body, text, talk.read(message(xml))[1])


def test_a_file_that_answers_says_whom_and_clients_see_the_relation():
    url = "https://files/x.png"
    found = beside(f"{QUOTE}{url}", QUOTE.strip(), reply("s1", QUOTE))
    assert (found.text, found.enrichment) == ("bob:", None)
    assert "<reply xmlns='urn:xmpp:reply:0' id='s1'" in found.taken
    assert f"end='{len(QUOTE)}'" in found.taken
    assert beside(url, "", reply("s2")).text == "> <bob> shall we bake a cake?"
    assert beside("like this", "like this", reply("s2")).text == "> <bob> shall we bake a cake?\nlike this"


def test_a_file_that_answers_does_so_without_words_where_the_network_knows_replies():
    xml = f"{reply('s1', QUOTE)}<thread>t1</thread><subject>Cake</subject>"
    found = beside(f"{QUOTE}like this", "like this", xml, replies=True, threads=True, subjects=True)
    answered = Reply("f1", "bob", "shall we bake a cake?")
    assert (found.text, found.enrichment) == (
        "like this",
        Enrichment(answered, thread="t1", subject="Cake"),
    )
    assert "<reply xmlns='urn:xmpp:reply:0' id='s1'" in found.taken
    assert beside("https://x", "", "<thread>t1</thread>", threads=True).enrichment == Enrichment(thread="t1")
    assert beside("https://x", "", "<thread>t1</thread>").enrichment is None
    correct = "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>"
    found = beside("this one", "this one", correct, corrections=True)
    assert (found.text, found.enrichment) == ("this one", Enrichment(replaces="f3"))


def test_a_file_that_corrects_is_marked_as_words_would_be():
    correct = "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>"
    found = beside("this one", "this one", correct)
    assert (found.text, found.taken, found.enrichment) == ("* this one", correct, None)
    assert beside("https://files/x.png", "", correct).text == ""


def test_a_file_alone_is_a_file_alone():
    assert beside("https://files/x.png", "", "") == Beside("")


@given(st.text(alphabet="a>👍🏽 \n", max_size=30), st.text(alphabet="xyé😀 \n", min_size=1, max_size=30))
def test_a_fallback_goes_and_the_users_text_stays(quoted, own):
    quote = "".join(f"> {line}\n" for line in quoted.split("\n"))
    said = spoken(f"{quote}{own}", reply("s1", quote), replies=True)
    assert said.own == (own if own.strip() else f"{quote}{own}")


@given(st.text(alphabet="a😀👍🏽 ", max_size=30), st.text(alphabet="xyé😀", min_size=1, max_size=30))
def test_a_client_that_counts_utf16_costs_nobody_a_word(quoted, own):
    quote = f"> {quoted}\n"
    units = len(quote.encode("utf-16-le")) // 2
    xml = reply("s1") + (
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
        f"<body start='0' end='{units}'/></fallback>"
    )
    assert spoken(f"{quote}{own}", xml, replies=True).own == own


@given(st.text(max_size=50), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=5))
def test_odd_ranges_never_raise_and_never_take_everything(body, ranges):
    bodies = "".join(f"<body start='{start}' end='{end}'/>" for start, end in ranges)
    xml = f"{reply('s1')}<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{bodies}</fallback>"
    talk, _ = speech(styling=True, mentions=True)
    said = talk.speak(PLACE, body, talk.read(message(xml))[1])
    if isinstance(said, Spoken) and body.strip(" *_~`>\n\r\t"):
        assert said.shown.strip()


def test_a_fallback_for_something_else_is_the_users_text():
    xml = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='3'/></fallback>"
    assert spoken("abc def", xml).text == "abc def"


# -- styles and mentions ---------------------------------------------------------------------------------------


def test_styles_are_read_for_networks_that_have_them_and_left_alone_for_others():
    said = spoken("*so* it is", styling=True)
    assert (said.text, said.enrichment) == ("so it is", Enrichment(spans=(Span(0, 2, Style.STRONG),)))
    assert said.shown == "*so* it is"
    assert spoken("*so* it is").text == "*so* it is"


def test_where_asterisks_are_meant_only_marks_beyond_doubt_are_styles():
    said = spoken("> ban *!*@host, *now*", styling=True, plain_marks=True)
    assert (said.text, said.shown) == ("> ban *!*@host, now", "> ban *!*@host, *now*")
    assert said.enrichment == Enrichment(spans=(Span(16, 19, Style.STRONG),))


def test_passwords_are_not_styled():
    talk = Speech(Capabilities("test", "Test", styling=True), ManualClock(), lambda address, text: True)
    said = talk.speak(PLACE, "identify *secret*", None)
    assert isinstance(said, Spoken)
    assert (said.text, said.enrichment) == ("identify *secret*", None)


def test_messages_without_marks_need_no_reading():
    talk, _ = speech(styling=True)
    assert talk.plain("nothing to see")
    assert not talk.plain("so *bold*")
    assert not talk.plain("?OTRv2?")
    assert not talk.plain("/me waves")
    assert not talk.plain("aesgcm://files.example.org/a#b")


def test_xhtml_tells_styles_that_the_body_does_not():
    html = "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{}</body></html>"
    said = spoken("so bold", html.format("so <b>bold</b>"), styling=True)
    assert (said.text, said.enrichment) == ("so bold", Enrichment(spans=(Span(3, 7, Style.STRONG),)))
    assert "<markup" in said.taken
    assert spoken("so bold", html.format("so <b>bold</b>")).enrichment is None


def test_a_correction_in_words_keeps_what_was_typed():
    said = spoken("*so* the", "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>", styling=True)
    assert (said.corrects, said.own) == ("m3", "*so* the")


def test_unstyled_text_is_left_alone():
    said = spoken("> _ <", "<unstyled xmlns='urn:xmpp:styling:0'/>", styling=True)
    assert (said.text, said.enrichment) == ("> _ <", None)


def test_markup_and_mentions_move_along_when_a_fallback_goes():
    body = f"{QUOTE}hi bob!"
    at = len(QUOTE)
    xml = reply("s1", QUOTE) + (
        f"<markup xmlns='urn:xmpp:markup:0'><span start='{at}' end='{at + 2}'><strong/></span></markup>"
        f"<reference xmlns='urn:xmpp:reference:0' type='mention' begin='{at + 3}' end='{at + 6}' "
        "uri='xmpp:%23room%40g/bob'/>"
    )
    said = spoken(body, xml, replies=True, styling=True, mentions=True)
    assert said.text == "hi bob!"
    assert said.enrichment is not None
    assert said.enrichment.spans == (Span(0, 2, Style.STRONG),)
    assert said.enrichment.mentions == (Mention(3, 6, "bob"),)
    in_words = spoken(body, xml, styling=True, mentions=True)
    assert in_words.text == "bob: hi bob!"
    assert in_words.enrichment is not None
    mention = in_words.enrichment.mentions[0]
    assert in_words.text[mention.start : mention.end] == "bob"
    assert in_words.text[slice(in_words.enrichment.spans[0].start, in_words.enrichment.spans[0].end)] == "hi"


# -- corrections -----------------------------------------------------------------------------------------------

REPLACE = "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>"


def test_a_correction_goes_to_a_network_that_knows_it():
    said = spoken("see you at the pub", REPLACE, corrections=True)
    assert (said.enrichment, said.corrects) == (Enrichment(replaces="f3"), "")
    assert "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>" in said.taken


def test_a_correction_for_other_networks_waits_to_be_said():
    said = spoken("see you at the pub", REPLACE)
    assert (said.corrects, said.own, said.enrichment) == ("m3", "see you at the pub", None)


# -- encryption ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "xml"),
    [
        ("?OTRv23?", ""),
        ("sorry", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"),
        ("sorry", "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:openpgp:0'/>"),
    ],
)
def test_encrypted_messages_are_refused_by_name(body, xml):
    talk, _ = speech()
    why = talk.speak(PLACE, body, talk.read(message(xml))[1])
    assert isinstance(why, Refused)
    assert why.condition is Condition.NOT_ACCEPTABLE
    assert "encrypted with O" in why.text


# -- reactions and retractions ---------------------------------------------------------------------------------


def reacted(id_, *emojis, place=PLACE, **can):
    talk, _ = speech(**can)
    inside = "".join(f"<reaction>{each}</reaction>" for each in emojis)
    found = talk.read(message(f"<reactions xmlns='urn:xmpp:reactions:0' id='{id_}'>{inside}</reactions>"))[1]
    return talk.react(place, found)


def test_reactions_go_to_networks_that_have_them():
    result = reacted("s1", "👍", reactions=True)
    assert isinstance(result, Reacted)
    assert (result.target, result.emojis, result.line) == ("f1", ("👍",), "")


@pytest.mark.parametrize(
    ("emojis", "can"),
    [(("👍", "🐢"), {"reactions_max": 1}), (("🐢",), {"reactions_allowed": ("👍",)})],
)
def test_reactions_beyond_the_rules_are_refused_with_the_rules(emojis, can):
    why = reacted("s1", *emojis, reactions=True, **can)
    assert isinstance(why, Refused)
    assert why.condition is Condition.NOT_ACCEPTABLE
    assert "at most 1" in why.text or "only 👍" in why.text


def test_without_reactions_they_are_refused_unless_lines_are_wanted():
    why = reacted("s1", "👍")
    assert isinstance(why, Refused)
    assert why.condition is Condition.NOT_ACCEPTABLE
    result = reacted("s1", "👍", reaction_lines=True)
    assert isinstance(result, Reacted)
    assert result.line == "bob: 👍 (“shall we bake a cake?”)"


def test_taking_a_reaction_back_is_never_said_in_words():
    for can in ({}, {"reaction_lines": True}):
        result = reacted("s1", **can)
        assert isinstance(result, Reacted)
        assert (result.line, result.target) == ("", "")


def test_a_reaction_to_something_unknown_is_not_found():
    why = reacted("gone", "👍", reactions=True)
    assert isinstance(why, Refused)
    assert why.condition is Condition.ITEM_NOT_FOUND


@pytest.mark.parametrize(
    ("id_", "can", "expected"),
    [
        ("s3", {"retractions": True}, Retracted),
        ("s1", {"retractions": True}, Condition.FORBIDDEN),
        ("gone", {"retractions": True}, Condition.ITEM_NOT_FOUND),
        ("s3", {}, Condition.FEATURE_NOT_IMPLEMENTED),
        ("s3", {"retraction_lines": True}, Retracted),
    ],
)
def test_what_becomes_of_a_retraction(id_, can, expected):
    talk, _ = speech(**can)
    found = talk.read(message(f"<retract xmlns='urn:xmpp:message-retract:1' id='{id_}'/>"))[1]
    assert found is not None
    result = talk.retract(PLACE, found)
    if isinstance(result, Refused):
        assert result.condition is expected
    else:
        assert isinstance(result, expected)
        assert (result.target, result.line) == (
            ("f3", "") if "retractions" in can else ("", "(I take back my last message.)")
        )
