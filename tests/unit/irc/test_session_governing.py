"""Ranks, bans, lists and modes of channels, line by line."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridges.irc.inquiries import ANSWER_TIME
from bridges.irc.protocol.line import serialise
from gateway.model import Affiliation, Condition, ListEntry, Role, RoomTraits, StandingChange
from tests.unit.irc.governing import MANY, Answer, a_room, govern, rank, role, sent, settle_all
from tests.unit.irc.scripted import ME, NETWORK, Receipt

# -- ranks ---------------------------------------------------------------------------------------------------------


async def test_a_rank_is_given_when_the_server_says_so() -> None:
    scene = await a_room()
    receipt = govern(scene, rank("bob", Affiliation.ADMIN))
    assert scene.server.sent[0] == "MODE #foo +o Bob"
    assert receipt.outcome == ""
    scene.server.says(f"{ME} MODE #foo +o Bob")
    assert receipt.outcome == "done"
    await scene.finish()


async def test_a_member_who_was_operator_is_changed_in_one_line() -> None:
    scene = await a_room(names="@Nick!~nick@my.host @Bob!bob@his.host")
    receipt = govern(scene, rank("Bob", Affiliation.MEMBER))
    assert sent(scene) == ["MODE #foo +v-o Bob Bob"]
    scene.server.says(f"{ME} MODE #foo +v-o Bob Bob")
    assert receipt.outcome == "done"
    await scene.finish()


async def test_several_people_are_changed_in_as_few_lines_as_the_server_takes() -> None:
    scene = await a_room(*MANY[:2], "MODES=2")
    changes = [rank("Bob", Affiliation.OWNER), role("Carol", Role.MODERATOR), rank("Nick", Affiliation.NONE)]
    receipt = govern(scene, *changes)
    settle_all(scene)
    assert sent(scene) == ["MODE #foo +ah Bob Carol", "MODE #foo -o Nick"]
    assert receipt.outcome == "done"
    await scene.finish()


async def test_what_is_so_already_is_done_without_a_word() -> None:
    scene = await a_room()
    assert govern(scene, rank("Carol", Affiliation.MEMBER)).outcome == "done"
    assert scene.server.take() == []
    await scene.finish()


async def test_a_change_that_the_server_is_silent_about_is_done_when_it_has_said_all() -> None:
    scene = await a_room()
    receipt = govern(scene, rank("Bob", Affiliation.ADMIN))
    settle_all(scene)
    assert receipt.outcome == "done"
    await scene.finish()


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        ("482 Nick #foo :You're not channel operator", Condition.FORBIDDEN),
        ("441 Nick Bob #foo :They aren't on that channel", Condition.ITEM_NOT_FOUND),
        ("401 Nick Bob :No such nick", Condition.ITEM_NOT_FOUND),
        ("472 Nick o :is unknown mode char to me", Condition.FEATURE_NOT_IMPLEMENTED),
        ("461 Nick MODE :Not enough parameters", Condition.BAD_REQUEST),
        ("742 Nick #foo o no :MLOCK", Condition.NOT_ALLOWED),
    ],
)
async def test_a_refusal_answers_whoever_asked_in_the_servers_words(error: str, condition: Condition) -> None:
    scene = await a_room()
    receipt = govern(scene, rank("Bob", Affiliation.ADMIN))
    settle_all(scene, f":{NETWORK} {error}")
    assert receipt.why.condition is condition
    assert error.rpartition(":")[2] in receipt.why.text
    assert [call for call in scene.sink.take() if call[0] == "room_note"] == []
    await scene.finish()


async def test_of_two_questions_each_has_its_own_answer() -> None:
    scene = await a_room()
    first, second = (
        govern(scene, rank("Bob", Affiliation.ADMIN)),
        govern(scene, rank("Bob", Affiliation.OWNER)),
    )
    fences = [line[5:] for line in scene.server.sent if line.startswith("PING ")]
    scene.server.says(f":{NETWORK} 482 Nick #foo :No.", f":{NETWORK} PONG {NETWORK} {fences[0]}")
    assert first.why.condition is Condition.FORBIDDEN
    assert second.outcome == ""
    scene.server.says(f":{NETWORK} PONG {NETWORK} {fences[1]}")
    assert second.outcome == "done"
    await scene.finish()


async def test_a_server_that_does_not_answer_does_not_keep_anybody_waiting() -> None:
    scene = await a_room()
    receipt = govern(scene, rank("Bob", Affiliation.ADMIN))
    await scene.clock.advance(ANSWER_TIME + 1)
    assert receipt.why.condition is Condition.REMOTE_SERVER_TIMEOUT
    await scene.finish()


async def test_a_lost_connection_ends_every_question() -> None:
    scene = await a_room()
    receipt, answer = govern(scene, rank("Bob", Affiliation.ADMIN)), Answer()
    scene.session.entries("#foo", "ban", answer)
    scene.server.hangs_up()
    await scene.ended()
    assert receipt.why.condition is Condition.RECIPIENT_UNAVAILABLE
    assert answer.value.condition is Condition.RECIPIENT_UNAVAILABLE


async def test_nobody_who_is_absent_is_changed_and_nothing_else_either() -> None:
    scene = await a_room()
    receipt = govern(scene, rank("Bob", Affiliation.ADMIN), rank("blectre", Affiliation.ADMIN))
    assert receipt.why.condition is Condition.ITEM_NOT_FOUND
    assert scene.server.take() == []
    await scene.finish()


async def test_what_the_network_does_not_have_is_refused_with_a_sentence() -> None:
    scene = await a_room("PREFIX=(ov)@+", "CHANMODES=b,k,l,imnpst")
    assert "no owners" in govern(scene, rank("Bob", Affiliation.OWNER)).why.text
    assert "moderated" in govern(scene, role("Bob", Role.VISITOR)).why.text
    assert scene.server.take() == []
    await scene.finish()


async def test_what_is_asked_about_a_channel_we_are_not_in_is_refused() -> None:
    scene = await a_room()
    receipt, answer = Receipt(), Answer()
    scene.session.govern("#bar", [rank("Bob", Affiliation.ADMIN)], receipt)
    scene.session.room_settings("#bar", answer)
    assert receipt.why.condition is answer.value.condition is Condition.NOT_ACCEPTABLE
    assert scene.session.room_traits("#bar") == RoomTraits()
    await scene.finish()


# -- kicks and bans ------------------------------------------------------------------------------------------------


async def test_a_kick_and_a_rank_in_one_request_are_both_waited_for() -> None:
    scene = await a_room()
    receipt = govern(
        scene, StandingChange("Bob", role=Role.NONE, reason="out"), rank("Carol", Affiliation.ADMIN)
    )
    scene.server.says(f"{ME} MODE #foo +o Carol")
    assert sent(scene) == ["MODE #foo +o Carol", "KICK #foo Bob :out"]
    assert receipt.outcome == ""
    scene.server.says(f"{ME} KICK #foo Bob :out")
    assert receipt.outcome == "done"
    await scene.finish()


async def test_a_rank_that_is_refused_is_not_taken_for_the_kick_behind_it() -> None:
    scene = await a_room()
    ranked, kicked = govern(scene, rank("Carol", Affiliation.ADMIN)), govern(scene, role("Bob", Role.NONE))
    fence = next(line[5:] for line in scene.server.sent if line.startswith("PING "))
    scene.server.says(
        f":{NETWORK} 482 Nick #foo :Half-operators may not.",
        f":{NETWORK} PONG {NETWORK} {fence}",
        f"{ME} KICK #foo Bob :",
    )
    assert ranked.why.condition is Condition.FORBIDDEN
    assert kicked.outcome == "done"
    await scene.finish()


async def test_a_ban_is_of_the_host_and_the_kick_follows_once_it_stands() -> None:
    scene = await a_room()
    receipt = govern(scene, StandingChange("Bob", affiliation=Affiliation.OUTCAST, reason="spam"))
    assert sent(scene) == ["MODE #foo +b *!*@his.host"]
    scene.server.says(f"{ME} MODE #foo +b *!*@his.host")
    assert sent(scene) == ["KICK #foo Bob :spam"]
    assert receipt.outcome == ""
    scene.server.says(f"{ME} KICK #foo Bob :spam")
    assert receipt.outcome == "done"
    await scene.finish()


async def test_a_ban_that_is_refused_kicks_nobody() -> None:
    scene = await a_room()
    receipt = govern(scene, rank("Bob", Affiliation.OUTCAST))
    settle_all(scene, f":{NETWORK} 478 Nick #foo b :Channel ban list is full")
    assert receipt.why.condition is Condition.RESOURCE_CONSTRAINT
    assert len(sent(scene)) == 1
    await scene.finish()


async def test_somebody_whose_host_was_never_shown_is_asked_about_first() -> None:
    scene = await a_room(names="@Nick Bob")
    receipt = govern(scene, rank("Bob", Affiliation.OUTCAST))
    settle_all(scene, f":{NETWORK} 302 Nick :Bob=+~bob@his.host")
    assert sent(scene) == ["USERHOST Bob", "MODE #foo +b *!*@his.host"]
    assert receipt.outcome == ""
    await scene.finish()


async def test_nobody_is_banned_by_nick() -> None:
    scene = await a_room(names="@Nick Bob")
    receipt = govern(scene, rank("Bob", Affiliation.OUTCAST))
    settle_all(scene, f":{NETWORK} 302 Nick :")
    assert receipt.why.condition is Condition.NOT_ALLOWED
    assert sent(scene) == ["USERHOST Bob"]
    for mask in ("dora", "dora!*@*"):
        why = govern(scene, StandingChange(mask=mask, affiliation=Affiliation.OUTCAST)).why
        assert why.condition is Condition.ITEM_NOT_FOUND
    assert govern(scene, rank("Nick", Affiliation.OUTCAST)).why.condition is Condition.NOT_ALLOWED
    await scene.finish()


async def test_an_account_is_banned_where_the_network_can() -> None:
    scene = await a_room(*MANY, "EXTBAN=$,a", "ACCOUNTEXTBAN=a")
    scene.server.says(":Bob!bob@his.host ACCOUNT Robert")
    govern(scene, rank("Bob", Affiliation.OUTCAST))
    assert sent(scene) == ["MODE #foo +b $a:Robert"]
    await scene.finish()


async def test_bans_of_masks_come_and_go() -> None:
    scene = await a_room()
    added = govern(scene, StandingChange(mask="ident@host", affiliation=Affiliation.OUTCAST))
    lifted = govern(scene, StandingChange(mask="dora!*@*", affiliation=Affiliation.NONE))
    settle_all(scene, f"{ME} MODE #foo +b *!ident@host")
    assert sent(scene) == ["MODE #foo +b *!ident@host", "MODE #foo -b dora!*@*"]
    assert (added.outcome, lifted.outcome) == ("done", "done")
    await scene.finish()


# -- lists ---------------------------------------------------------------------------------------------------------


async def test_bans_are_listed_with_setter_and_time() -> None:
    scene = await a_room()
    answer = Answer()
    scene.session.entries("#foo", "ban", answer)
    assert sent(scene) == ["MODE #foo +b"]
    scene.server.says(
        f":{NETWORK} 367 Nick #foo *!*@a Bob!bob@his.host 1700000000",
        f":{NETWORK} 367 Nick #foo *!*@b",
        f":{NETWORK} 367 Nick #other *!*@c",
        f":{NETWORK} 368 Nick #foo :End of Channel Ban List",
    )
    assert answer.value == [ListEntry("*!*@a", "Bob", 1700000000.0), ListEntry("*!*@b")]
    await scene.finish()


async def test_a_list_that_only_operators_see_is_refused() -> None:
    scene = await a_room()
    answer = Answer()
    scene.session.entries("#foo", "exception", answer)
    settle_all(scene, f":{NETWORK} 482 Nick #foo :Only operators may see that list")
    assert answer.value.condition is Condition.FORBIDDEN
    await scene.finish()


async def test_people_are_kept_quiet_by_list_or_by_a_kind_of_ban() -> None:
    scene = await a_room("CHANMODES=beIq,k,l,imnpst")
    receipt = Receipt()
    scene.session.amend("#foo", "quiet", ["*!*@a"], ["*!*@b"], receipt)
    settle_all(scene)
    assert sent(scene) == ["MODE #foo -q+q *!*@b *!*@a"]
    assert receipt.outcome == "done"
    answer = Answer()
    scene.session.entries("#foo", "quiet", answer)
    scene.server.says(f":{NETWORK} 728 Nick #foo q *!*@a Bob 17", f":{NETWORK} 729 Nick #foo q :End")
    assert answer.value == [ListEntry("*!*@a", "Bob", 17.0)]
    await scene.finish()

    scene = await a_room(*MANY, "EXTBAN=,m")
    scene.session.amend("#foo", "quiet", ["*!*@a"], [], Receipt())
    assert sent(scene) == ["MODE #foo +b m:*!*@a"]
    found = {}
    for name in ("quiet", "ban"):
        found[name] = Answer()
        scene.session.entries("#foo", name, found[name])
        entries = [f":{NETWORK} 367 Nick #foo {mask} x 1" for mask in ("m:*!*@a", "*!*@b")]
        scene.server.says(*entries, f":{NETWORK} 368 Nick #foo :End")
    assert [each.mask for each in found["quiet"].value] == ["*!*@a"]
    assert [each.mask for each in found["ban"].value] == ["*!*@b"]
    await scene.finish()


async def test_a_list_that_the_network_does_not_have_is_named_as_missing() -> None:
    scene = await a_room()
    answer, receipt = Answer(), Receipt()
    scene.session.entries("#foo", "quiet", answer)
    scene.session.amend("#foo", "ban", ["dora"], [], receipt)
    assert "ban, exception, invitation" in answer.value.text
    assert receipt.why.condition is Condition.NOT_ACCEPTABLE
    assert scene.server.take() == []
    await scene.finish()


# -- whatever a server says ----------------------------------------------------------------------------------------


_WORD = st.one_of(
    st.sampled_from(["#foo", "Nick", "Bob", "+o", "-b", "+m", "b", "*!*@a", "1700000000", "sesame", "*", ""]),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0\r\n :", exclude_categories=["Cs"]), max_size=6
    ),
)


_COMMAND = st.sampled_from(
    [
        "302",
        "324",
        "329",
        "346",
        "347",
        "348",
        "349",
        "367",
        "368",
        "401",
        "441",
        "467",
        "472",
        "478",
        "482",
        "501",
        "696",
        "697",
        "698",
        "728",
        "729",
        "742",
        "MODE",
        "PONG",
        "KICK",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_COMMAND, st.lists(_WORD, max_size=5)), max_size=25))
async def test_no_answer_breaks_anything_and_every_question_ends_once(
    lines: list[tuple[str, list[str]]],
) -> None:
    scene = await a_room()
    receipts = [
        govern(scene, rank("Bob", Affiliation.OUTCAST), role("Carol", Role.MODERATOR)),
        govern(scene, StandingChange("Bob", role=Role.NONE)),
    ]
    answers = [Answer(), Answer()]
    scene.session.entries("#foo", "ban", answers[0])
    scene.session.room_settings("#foo", answers[1])
    ordered = Receipt()
    scene.session.order("#foo", "/mode b", ordered)
    for command, words in lines:
        middles = [word.lstrip(":") or "x" for word in words[:-1]]
        scene.server.says(serialise(command, *middles, *words[-1:], source="irc.example"))
    await scene.clock.advance(ANSWER_TIME + 1)
    await scene.clock.advance(ANSWER_TIME + 1)  # a kick may have followed a ban
    await scene.clock.advance(ANSWER_TIME + 1)
    assert all(receipt.outcome for receipt in (*receipts, ordered))
    assert all(answer.value is not None for answer in answers)
    await scene.finish()
