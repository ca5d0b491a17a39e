"""Into channels and out of them: refused joins by numeric, invitations, knocks, bans before kicks, and who is logged in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.irc.expulsions import Expulsions
from bridges.irc.numerics import REFUSES_INVITE, REFUSES_JOIN
from bridges.irc.standing import Standing
from gateway.model import Address, AddressKind, Departure, Exit, Hat, Refused
from tests.unit.irc.scripted import BOB, ME, NETWORK, Receipt, Scene

# irc.md 6.9 as far as it is about joins: what the server says, and what the client is told.
REFUSALS = [
    ("403 Nick #foo :No such channel", "item-not-found", "cancel"),
    ("405 Nick #foo :You have joined too many channels", "resource-constraint", "wait"),
    ("407 Nick #foo :Duplicate recipients", "bad-request", "modify"),
    ("437 Nick #foo :Nick/channel is temporarily unavailable", "resource-constraint", "wait"),
    ("461 Nick #foo :Not enough parameters", "bad-request", "modify"),
    ("470 Nick #foo ##foo :Forwarding to another channel", "redirect", "modify"),
    ("471 Nick #foo :Cannot join channel (+l)", "service-unavailable", "wait"),
    ("473 Nick #foo :Cannot join channel (+i)", "registration-required", "auth"),
    ("474 Nick #foo :Cannot join channel (+b)", "forbidden", "auth"),
    ("475 Nick #foo :Cannot join channel (+k)", "not-authorized", "auth"),
    ("476 Nick #foo :Bad Channel Mask", "jid-malformed", "modify"),
    ("477 Nick #foo :Cannot join channel (+r)", "registration-required", "auth"),
    ("478 Nick #foo b :Channel list is full", "resource-constraint", "wait"),
    ("479 Nick #foo :Illegal channel name", "jid-malformed", "modify"),
    ("480 Nick #foo :Cannot join channel (+j) - throttled", "resource-constraint", "wait"),
    ("480 Nick #foo :Cannot join channel (SSL required)", "policy-violation", "modify"),
    ("485 Nick #foo :Cannot join channel (closed)", "forbidden", "auth"),
    ("489 Nick #foo :Cannot join channel (+z)", "policy-violation", "modify"),
    ("490 Nick #foo :All users must use TLS", "policy-violation", "modify"),
    ("495 Nick #foo :You must wait after being kicked", "resource-constraint", "wait"),
    ("500 Nick #foo :Too many join requests", "resource-constraint", "wait"),
    ("517 Nick #foo :Disabled", "undefined-condition", "cancel"),
    ("519 Nick #foo :Cannot join channel (Admin only)", "forbidden", "auth"),
    ("520 Nick #foo :Cannot join channel (IRCops only)", "forbidden", "auth"),
    ("524 Nick #foo :Cannot join channel", "bad-request", "modify"),
    ("531 Nick #foo :You are not permitted", "forbidden", "auth"),
    ("544 Nick #foo :Only so many", "undefined-condition", "cancel"),
    ("707 Nick #foo :Throttled", "resource-constraint", "wait"),
    ("926 Nick #foo :Channel is forbidden", "forbidden", "auth"),
]


async def asking() -> Scene:
    scene = await Scene().login("KNOCK")
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    assert scene.server.take() == ["JOIN #foo"]
    scene.sink.take()
    return scene


@pytest.mark.parametrize(("line", "condition", "kind"), REFUSALS)
async def test_every_refusal_of_a_join_reaches_who_waits_with_the_servers_words(
    line: str, condition: str, kind: str
) -> None:
    scene = await asking()
    scene.server.says(f":{NETWORK} {line}")
    (refusal,) = [call for call in scene.sink.take() if call[0] == "room_refused"]
    _, room, why = refusal
    assert (room, why.condition, why.error_type) == ("#foo", condition, kind)
    assert line.partition(" :")[2] in why.text
    await scene.clock.advance(30)
    assert [call for call in scene.sink.take() if call[0] == "room_refused"] == [], "told once"
    await scene.finish()


def test_the_table_has_every_refusal_there_is() -> None:
    assert {line.split(" ")[0] for line, _, _ in REFUSALS} == REFUSES_JOIN


async def test_a_forward_says_where_to_and_being_let_in_there_is_told_though_nobody_asked() -> None:
    scene = await asking()
    scene.server.says(f":{NETWORK} 470 Nick #foo ##foo :Forwarding to another channel")
    why = scene.sink.take()[0][2]
    assert why.address == Address(AddressKind.ROOM, NETWORK, "##foo")
    scene.enter("##foo", "Nick")
    assert scene.sink.take()[0][:3] == ("room_joined", "##foo", "Nick")
    await scene.finish()


async def test_who_is_not_invited_is_told_how_to_knock_where_one_can() -> None:
    scene = await asking()
    scene.server.says(f":{NETWORK} 473 Nick #foo :Cannot join channel (+i)")
    assert "KNOCK #foo" in scene.sink.take()[0][2].text
    await scene.finish()


async def test_a_kick_right_after_a_ban_that_fits_is_a_ban() -> None:
    scene = await Scene().in_room()
    scene.server.says(":Eve!e@h MODE #foo +b *!bob@his.*", ":Eve!e@h KICK #foo Bob :out")
    assert scene.sink.take()[-1] == ("departed", ["#foo"], "Bob", Departure(Exit.BANNED, "out", "Eve"))
    scene.server.says(f"{BOB} JOIN #foo")
    await scene.clock.advance(6)
    scene.server.says(":Eve!e@h KICK #foo Bob :again")
    assert scene.sink.take()[-1][3].exit is Exit.KICKED, "that ban is an old one"
    await scene.finish()


@pytest.mark.parametrize("ban", ["*!*@other.host", "Nobody!*@*", "$r:Bob", "$a:other", ""])
async def test_a_ban_of_somebody_else_does_not_make_a_kick_a_ban(ban: str) -> None:
    scene = await Scene().in_room()
    scene.server.says(f":Eve!e@h MODE #foo +b {ban}", ":Eve!e@h KICK #foo Bob :out")
    assert scene.sink.take()[-1][3].exit is Exit.KICKED
    await scene.finish()


@pytest.mark.parametrize("ban", ["$a:BobsAccount", "~account:bobsaccount", "R:bobsaccount", "~a:bobsaccount"])
async def test_a_ban_of_an_account_counts_where_the_account_is_known(ban: str) -> None:
    scene = await Scene().in_room()
    scene.server.says(
        f"{BOB} ACCOUNT bobsaccount", f":Eve!e@h MODE #foo +b {ban}", ":Eve!e@h KICK #foo Bob :out"
    )
    assert scene.sink.take()[-1][3].exit is Exit.BANNED
    await scene.finish()


@given(st.text(), st.text(), st.text())
@settings(max_examples=200)
def test_no_mask_is_too_odd_to_be_compared(mask: str, nick: str, identity: str) -> None:
    expulsions = Expulsions(Standing("Nick"))
    expulsions.banned("#foo", mask, 0.0)
    assert expulsions.is_ban("#foo", nick, None, 1.0) in (True, False)
    assert not expulsions.is_ban("#bar", nick, None, 1.0)


def test_hostile_masks_take_no_time() -> None:
    expulsions = Expulsions(Standing("Nick"))
    for _ in range(100):
        expulsions.banned("#foo", "*a" * 150 + "b", 0.0)
    assert not expulsions.is_ban("#foo", "a" * 300, None, 1.0)


async def test_accounts_make_people_the_same_for_ever_and_are_told_as_hats() -> None:
    scene = await Scene().in_room()
    scene.server.says(
        ":Eve!e@h JOIN #foo eves :Eve Real",
        ":Joe!j@h JOIN #foo * :Joe Real",
        ":Joe!j@h ACCOUNT joes",
        ":Joe!j@h ACCOUNT *",
        f"{BOB} MODE #foo +ov Eve Eve",
    )
    told = [call[2] for call in scene.sink.take() if call[0] == "arrived"]
    assert [(each.nick, each.stable) for each in told] == [
        ("Eve", "eves"),
        ("Joe", ""),
        ("Joe", "joes"),
        ("Joe", ""),
        ("Eve", "eves"),
    ]
    assert told[0].hats == (Hat("account", "Account: eves"),)
    assert told[1].hats == ()
    assert told[-1].hats == (Hat("op", "Operator"), Hat("voice", "Voice"), Hat("account", "Account: eves"))
    await scene.finish()


async def test_an_invitation_goes_out_and_its_answer_comes_back() -> None:
    scene = await Scene().in_room("#Foo")
    ticket = Receipt()
    scene.session.invite("#foo", "Eve", "tea", ticket)
    assert scene.server.take() == ["INVITE Eve #Foo"]
    scene.server.says(f":{NETWORK} 341 Nick Eve #Foo")
    assert ticket.outcome == "done"
    await scene.finish()


INVITE_REFUSALS = {
    "401": ("Eve", "item-not-found"),
    "403": ("#foo", "item-not-found"),
    "406": ("Eve", "item-not-found"),
    "442": ("#foo", "not-acceptable"),
    "443": ("Eve #foo", "conflict"),
    "482": ("#foo", "forbidden"),
    "518": ("#foo", "forbidden"),
    "716": ("Eve", "forbidden"),
}


@pytest.mark.parametrize("numeric", sorted(INVITE_REFUSALS))
async def test_a_refused_invitation_is_the_tickets(numeric: str) -> None:
    about, condition = INVITE_REFUSALS[numeric]
    assert numeric in REFUSES_INVITE
    scene = await Scene().in_room()
    ticket = Receipt()
    scene.session.invite("#foo", "Eve", "", ticket)
    scene.server.says(f":{NETWORK} {numeric} Nick {about} :the words of the server")
    assert ticket.why.condition == condition
    assert "the words of the server" in ticket.why.text
    await scene.finish()


@pytest.mark.parametrize("nick", ["", "two words", "#foo", "a,b", "x\r\nQUIT"])
async def test_nobody_is_invited_by_a_name_that_is_none(nick: str) -> None:
    scene = await Scene().in_room()
    ticket = Receipt()
    scene.session.invite("#foo", nick, "", ticket)
    assert isinstance(ticket.outcome, Refused)
    assert scene.server.take() == []
    await scene.finish()


async def test_an_invitation_from_somebody_is_told_once_in_a_while() -> None:
    scene = await Scene().login()
    scene.server.says(f"{BOB} INVITE Nick :#bar", f"{BOB} INVITE nick #BAR", f"{BOB} INVITE Nick two words")
    assert scene.sink.take() == [("invited", "#bar", "Bob", "")]
    await scene.clock.advance(61)
    scene.server.says(f"{BOB} INVITE Nick #bar")
    assert scene.sink.take() == [("invited", "#bar", "Bob", "")]
    await scene.finish()


async def test_a_flood_of_invitations_is_cut_off() -> None:
    scene = await Scene().login()
    scene.server.says(*(f":spam{number}!s@h INVITE Nick #spam{number}" for number in range(500)))
    assert len(scene.sink.take()) <= 20
    await scene.finish()


async def test_invitations_of_others_are_a_note_in_the_room() -> None:
    scene = await Scene().in_room()
    scene.server.says(f"{BOB} INVITE Eve #foo", f"{BOB} INVITE Eve #elsewhere")
    assert scene.sink.take() == [("room_note", "#foo", "Bob invites Eve to #foo.")]
    await scene.finish()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("710 #foo #foo Eve!e@h :has asked for an invite.", "e@h"),
        ("710 Nick #foo Eve!e@h :is KNOCKing: let me in", "e@h: let me in"),
        ("710 Nick #foo Eve", ""),
    ],
)
async def test_a_knock_is_told(line: str, reason: str) -> None:
    scene = await Scene().in_room()
    scene.server.says(f":{NETWORK} {line}", f":{NETWORK} {line}")
    assert scene.sink.take() == [("knocked", "#foo", "Eve", reason)]
    await scene.finish()


async def test_our_own_mask_is_learnt_from_an_extended_join_too() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f"{ME} JOIN #foo myaccount :Nick Name", f":{NETWORK} 366 Nick #foo :End")
    (joined,) = [call for call in scene.sink.take() if call[0] == "room_joined"]
    assert [(each.nick, each.identity, each.stable) for each in joined[3]] == [
        ("Nick", "~nick@my.host", "myaccount")
    ]
    await scene.finish()


async def test_who_speaks_is_there_as_long_as_the_list_of_occupants_has_not_ended() -> None:
    scene = await Scene().login()
    scene.session.join("#foo", "Nick", "")
    await scene.clock.advance(0)
    scene.server.says(f"{ME} JOIN #foo", f":{NETWORK} 353 Nick = #foo :Nick")
    await scene.clock.advance(16)
    scene.sink.take()
    scene.server.says(f"{BOB} PRIVMSG #foo :hello", f"{BOB} PRIVMSG #foo :again", ":a.server NOTICE #foo :hm")
    assert [call[0] for call in scene.sink.take()] == [
        "arrived",
        "room_message",
        "room_message",
        "room_message",
    ]
    scene.server.says(f":{NETWORK} 353 Nick = #foo :Nick @Bob Eve", f":{NETWORK} 366 Nick #foo :End")
    (joined,) = scene.sink.take()
    assert [each.nick for each in joined[3]] == ["Nick", "Bob", "Eve"], "the end came late, and still counts"
    scene.server.says(":Joe!j@h PRIVMSG #foo :from outside")
    assert [call[0] for call in scene.sink.take()] == ["room_message"], "now we know that he is not in"
    await scene.finish()


async def test_bots_and_staff_are_known_by_what_they_say() -> None:
    scene = await Scene().in_room()
    scene.server.says(
        f"@bot {BOB} PRIVMSG #foo :beep",
        f"@bot {BOB} PRIVMSG #foo :beep",
        "@bot :Joe!j@h PRIVMSG #foo :from outside",
        "@bot;draft/oper=x :Eve!e@h JOIN #foo",
    )
    bob, *said, eve = scene.sink.take()
    assert (bob[0], bob[2].hats) == ("arrived", (Hat("bot", "Bot"),))
    assert [call[0] for call in said] == ["room_message"] * 3
    assert eve[2].hats == (Hat("oper", "IRC operator"), Hat("bot", "Bot"))
    await scene.finish()


@pytest.mark.parametrize(
    ("line", "condition", "kind"),
    [
        ("431 Nick :No nickname given", "not-acceptable", "modify"),
        ("432 Nick Wanted :Erroneous Nickname", "not-acceptable", "modify"),
        ("433 Nick Wanted :Nickname is already in use", "conflict", "cancel"),
        ("436 Nick Wanted :Nickname collision KILL", "conflict", "cancel"),
        ("437 Nick Wanted :Nick/channel is temporarily unavailable", "conflict", "cancel"),
        ("438 Nick Wanted :Nick change too fast", "not-acceptable", "wait"),
        ("447 Nick #foo :Can not change nickname while on #foo (+N)", "not-acceptable", "wait"),
    ],
)
async def test_a_nick_that_cannot_be_had_is_the_error_of_who_asked(
    line: str, condition: str, kind: str
) -> None:
    scene = await Scene().in_room()
    ticket = Receipt()
    scene.session.rename("Wanted", ticket)
    assert scene.server.take() == ["NICK Wanted"]
    scene.server.says(f":{NETWORK} {line}")
    assert (ticket.why.condition, ticket.why.error_type) == (condition, kind)
    assert line.partition(" :")[2] in ticket.why.text
    assert not [call for call in scene.sink.take() if call[0] == "renamed"]
    await scene.finish()
