"""Which mask is written for whom, and what people may write as one."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.casemap import RFC1459
from bridges.irc.protocol.isupport import Isupport
from bridges.irc.protocol.masks import BadMask, Somebody, account_ban, mask_for, matches, quiet_ban, read_mask

_ME = Somebody("me", "~me", "gateway.example", "mine")
_BOB = Somebody("bob", "~bob", "his.host", "bobs")
_WORD = st.text(st.sampled_from("abcABC[]\\~.:-"), min_size=1, max_size=12)


def _support(*tokens: str) -> Isupport:
    support = Isupport()
    support.load(["me", *tokens, "are supported by this server"])
    return support


@pytest.mark.parametrize(
    ("tokens", "mask"),
    [
        ([], "*!*@his.host"),
        (["EXTBAN=$,ajrxz"], "$a:bobs"),
        (["EXTBAN=~,qaRG"], "~a:bobs"),
        (["EXTBAN=,ABCRm"], "R:bobs"),
        (["EXTBAN=,ABC"], "*!*@his.host"),
        (["EXTBAN=~,a", "ACCOUNTEXTBAN=a,account"], "~account:bobs"),
    ],
)
def test_an_account_is_banned_where_that_can_be(tokens: list[str], mask: str) -> None:
    assert mask_for(_BOB, _support(*tokens), _ME) == mask


def test_without_a_known_account_the_whole_host_is_banned() -> None:
    bob = Somebody("bob", "~bob", "user/bob/cloak", "")
    assert mask_for(bob, _support("EXTBAN=$,a"), _ME) == "*!*@user/bob/cloak"


def test_a_ban_of_an_ipv6_address_hits_its_network() -> None:
    bob = Somebody("bob", "bob", "2001:db8:1:2:3:4:5:6")
    assert mask_for(bob, _support(), _ME) == "*!*@2001:db8:1:2:*"
    short = Somebody("bob", "bob", "2001:db8::6")
    assert mask_for(short, _support(), _ME) == "*!*@2001:db8::6"


def test_a_ban_never_hits_whoever_sets_it() -> None:
    near = Somebody("bob", "~bob", "gateway.example")
    assert mask_for(near, _support(), _ME) == "*!*bob@gateway.example"
    same = Somebody("bob", "~me", "gateway.example")
    assert mask_for(same, _support(), _ME) == "bob!*me@gateway.example"
    with pytest.raises(BadMask):
        mask_for(_ME, _support(), _ME)


def test_without_a_host_there_is_no_ban() -> None:
    with pytest.raises(BadMask):
        mask_for(Somebody("bob"), _support("EXTBAN=$,a"), _ME)


@given(_WORD, _WORD, _WORD)
def test_a_mask_for_somebody_hits_them_whatever_their_next_nick(nick: str, user: str, host: str) -> None:
    who = Somebody(nick, user, host)
    mask = mask_for(who, _support(), _ME)
    assert matches(mask, Somebody("other", user, host), RFC1459)
    assert not matches(mask, _ME, RFC1459)


@given(st.text(st.sampled_from("ab*?!@"), max_size=12), st.text(st.sampled_from("ab"), max_size=8))
def test_masks_match_as_shells_do(mask: str, nick: str) -> None:
    who = Somebody(nick, "b", "a")
    expected = re.fullmatch(fnmatch.translate(mask), f"{nick}!b@a") is not None
    assert matches(mask, who, RFC1459) is expected


@pytest.mark.parametrize(
    ("written", "mask"),
    [
        ("*!*@host", "*!*@host"),
        ("ident@host", "*!ident@host"),
        ("host.example", "*!*@host.example"),
        ("2001:db8::/32", "*!*@2001:db8::/32"),
        ("user/bob", "*!*@user/bob"),
        ("$a:bob", "$a:bob"),
        ("~account:bob", "~account:bob"),
        ("R:Bob", "R:Bob"),
        ("$~a", "$~a"),
        ("b!u@h", "b!u@h"),
        ("*!bob", "*!bob@*"),
    ],
)
def test_what_people_write_becomes_a_whole_mask(written: str, mask: str) -> None:
    assert read_mask(written) == mask


@pytest.mark.parametrize(
    "written", ["", "bob", "bob!*@*", "bob!*", "a b", "+o", "-b", ":x", "a,b", "*!*@" + "x" * 400, "a\nb"]
)
def test_what_is_no_mask_or_would_not_last_is_refused(written: str) -> None:
    with pytest.raises(BadMask):
        read_mask(written)


@given(st.text(max_size=40))
def test_any_text_is_a_mask_of_one_word_or_refused(text: str) -> None:
    try:
        mask = read_mask(text)
    except BadMask:
        return
    assert " " not in mask
    assert mask[0] not in "+-:"
    assert read_mask(mask) == mask


def test_bans_that_silence_are_known_by_their_letter() -> None:
    assert quiet_ban(_support("EXTBAN=,ABCm")) == "m:"
    assert quiet_ban(_support("EXTBAN=~,qa")) == "~q:"
    assert quiet_ban(_support("EXTBAN=$,a", "CHANMODES=eIbq,k,l,n")) == ""
    assert account_ban(_support("ACCOUNTEXTBAN=")) == ""
