"""XEP-0106, resources and aliases, against the standard library's stringprep as the oracle of what servers do."""

import stringprep
from unicodedata import ucd_3_2_0

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.addressing import (
    MAX_PART,
    Aliases,
    Unescapable,
    escape,
    nick_for,
    resource_for,
    stable_local,
    stable_resource,
    unescape,
)

# All of Unicode, lone surrogates too, and often the characters that matter here.
ANY = st.text(st.characters()) | st.text(
    st.sampled_from("\\ 0123456789abcdefABCDEFxh\"&'/:<>@#%İßé\u0301אبﬁＦ😀\u200d\u00a0\ud800")
)
SEQUENCES = ["\\20", "\\22", "\\26", "\\27", "\\2f", "\\3a", "\\3c", "\\3e", "\\40", "\\5c"]


def prepared(text: str, *, fold: bool) -> str | None:
    """What RFC 3454 makes of ``text`` under nodeprep (``fold``) or resourceprep; None where it refuses."""
    mapped = "".join(char for char in text if not stringprep.in_table_b1(char))
    if fold:
        mapped = "".join(map(stringprep.map_table_b2, mapped))
    mapped = ucd_3_2_0.normalize("NFKC", mapped)
    refused = [
        *(
            stringprep.in_table_a1,
            stringprep.in_table_c12,
            stringprep.in_table_c21_c22,
            stringprep.in_table_c3,
        ),
        *(stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7),
        *(stringprep.in_table_c8, stringprep.in_table_c9),
    ]
    if fold:
        refused += [stringprep.in_table_c11, "\"&'/:<>@".__contains__]
    if not mapped or any(table(char) for char in mapped for table in refused):
        return None
    if any(map(stringprep.in_table_d1, mapped)):
        ends = stringprep.in_table_d1(mapped[0]) and stringprep.in_table_d1(mapped[-1])
        if not ends or any(map(stringprep.in_table_d2, mapped)):
            return None
    return mapped


class Log:
    """An AliasLog that keeps what it is told."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def remember(self, alias: str, text: str) -> None:
        self.known[alias] = text

    def forget(self, alias: str) -> None:
        del self.known[alias]


# -- XEP-0106 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "local"),
    [
        # the specification's own examples (§2.5, §4.4 and its mappings of mail, SIP, IMPS, LDAP and IRC)
        ("d'artagnan", "d\\27artagnan"),
        ("treville@musketeers.lit", "treville\\40musketeers.lit"),
        ("\\3and\\2is\\5cool@example.com", "\\5c3and\\2is\\5c5cool\\40example.com"),
        ("c:\\5commas@example.com", "c\\3a\\5c5commas\\40example.com"),
        ("\\2plus\\2is\\4", "\\2plus\\2is\\4"),
        ("foo\\bar", "foo\\bar"),
        ("foob\\41r", "foob\\41r"),
        ("somenick!user\"&'/:<>\\3address", "somenick!user\\22\\26\\27\\2f\\3a\\3c\\3e\\5c3address"),
        ("space cadet", "space\\20cadet"),
        ('call me "ishmael"', "call\\20me\\20\\22ishmael\\22"),
        ("at&t guy", "at\\26t\\20guy"),
        ("/.fanboy", "\\2f.fanboy"),
        ("::foo::", "\\3a\\3afoo\\3a\\3a"),
        ("<foo>", "\\3cfoo\\3e"),
        ("user@host", "user\\40host"),
        ("c:\\net", "c\\3a\\net"),
        ("c:\\\\net", "c\\3a\\\\net"),
        ("c:\\cool stuff", "c\\3a\\cool\\20stuff"),
        ("&local%irc.example.net", "\\26local%irc.example.net"),
        ("", ""),
    ],
)
def test_the_examples_of_the_specification_go_both_ways(text: str, local: str) -> None:
    assert escape(text) == local
    assert unescape(local) == text


@given(ANY)
@example("\\5c20")
@example("\\\\20\\")
def test_every_text_comes_back_from_its_escaped_form(text: str) -> None:
    assume(not (text.startswith(" ") or text.endswith(" ")))
    local = escape(text)
    assert unescape(local) == text
    assert not set(local) & set(" \"&'/:<>@")


@given(ANY)
def test_a_space_at_either_end_is_refused_and_nothing_else(text: str) -> None:
    refused = text.startswith(" ") or text.endswith(" ")
    try:
        local = escape(text)
    except Unescapable:
        assert refused
    else:
        assert not refused
        assert not local.startswith("\\20")
        assert not local.endswith("\\20") or text.endswith("\\20")


@given(ANY)
@example("abc\\4")
@example("\\")
@example("a\\5c5c5c")
@example("\\2F\\3A")
def test_unescaping_takes_any_text_and_undoes_only_the_ten_sequences(local: str) -> None:
    text = unescape(local)
    if not any(sequence in local for sequence in SEQUENCES):
        assert text == local


def test_unescaping_happens_exactly_once() -> None:
    assert unescape("\\5c5c20") == "\\5c20"
    assert unescape("\\5c20") == "\\20"


@given(st.text(st.characters(exclude_characters="\\ \"&'/:<>@")))
def test_text_without_special_characters_is_its_own_escaped_form(text: str) -> None:
    assert escape(text) == text == unescape(text)


def test_capital_hexadecimal_digits_are_no_escape() -> None:
    assert unescape("a\\2Fb") == "a\\2Fb"
    assert escape("a\\2Fb") == "a\\2Fb"


# -- what servers leave alone ----------------------------------------------------------------------------------


@given(ANY)
@example("אבג")
@example("אבג1")
@example("אabc")
@example("ɏ")
def test_a_stable_local_part_is_one_that_nodeprep_returns_unchanged(text: str) -> None:
    if stable_local(text):
        assert prepared(text, fold=True) == text
    elif text and len(text) < 200 and prepared(text, fold=True) == text:
        # Only newer normalisation than Unicode 3.2's may make us more careful than the standard.
        assert any(ord(char) > 127 for char in text)


@given(ANY)
@example("É")
def test_a_stable_resource_is_one_that_resourceprep_returns_unchanged(text: str) -> None:
    if stable_resource(text):
        assert prepared(text, fold=False) == text


@pytest.mark.parametrize("part", ["x" * 1024, "é" * 512, ""])
def test_parts_that_are_empty_or_over_1023_bytes_are_not_stable(part: str) -> None:
    assert not stable_local(part)
    assert not stable_resource(part)


@pytest.mark.parametrize("part", ["x" * 1023, "é" * 511])
def test_parts_of_1023_bytes_are_stable(part: str) -> None:
    assert stable_local(part)
    assert stable_resource(part)


# -- resources -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nick", "resource"),
    [
        ("Carol", "Carol"),
        ("[away]^", "[away]^"),
        ("Zoë", "Zoë"),
        ("Straße", "Straße"),
        ("שלום", "שלום"),
        ("back\\slash", "back\\slash"),
        ("a\\xab", "a\\x5cxab"),
        ("a\\xAB", "a\\xAB"),
        ("Zoë😀", "Zoë\\xf0\\x9f\\x98\\x80"),
        ("ﬁx", "\\xef\\xac\\x81x"),
        ("a\u200db", "a\\xe2\\x80\\x8db"),
        ("e\u0301", "e\\xcc\\x81"),
        ("bell\x07", "bell\\x07"),
        ("", "\\xff"),
    ],
)
def test_a_nick_stands_as_resource_or_is_spelled_out(nick: str, resource: str) -> None:
    assert resource_for(nick) == resource
    assert nick_for(resource) == nick


def test_a_nick_of_mixed_direction_is_spelled_out_where_it_mixes() -> None:
    resource = resource_for("danaשלום")
    assert resource.startswith("dana\\x")
    assert nick_for(resource) == "danaשלום"


@given(ANY)
@example("\\x5cxab")
@example("\\xff")
@example("\\\\xff")
@example("\ud83d\ude00")
@example("e\u0301\\xcc")
def test_every_nick_has_a_stable_resource_of_its_own(nick: str) -> None:
    resource = resource_for(nick)
    assert stable_resource(resource)
    assert prepared(resource, fold=False) == resource
    if "\\xfe" not in resource or "\\xfe" in nick:
        assert nick_for(resource) == nick


@given(ANY)
def test_reading_a_resource_never_fails(text: str) -> None:
    nick_for(text)


@pytest.mark.parametrize("nick", ["x" * 2000, "😀" * 100, "é" * 600])
def test_a_nick_too_long_for_a_resource_is_cut_and_stays_distinct(nick: str) -> None:
    first, second = resource_for(nick), resource_for(nick + "y")
    assert first != second
    assert stable_resource(first)
    assert len(first.encode()) <= MAX_PART


# -- aliases ---------------------------------------------------------------------------------------------------


@given(ANY)
@example("")
@example(" ends ")
@example("\\h" + "0" * 40)
@example("UPPER")
def test_every_text_has_a_stable_local_part_that_the_table_reverses(text: str) -> None:
    aliases = Aliases()
    local = aliases.local(text)
    assert stable_local(local)
    assert aliases.text(local) == text


def test_readable_text_needs_no_alias() -> None:
    aliases = Aliases()
    assert aliases.local("#python%irc.libera.chat") == "#python%irc.libera.chat"
    assert aliases.local("ann@example.org") == "ann\\40example.org"
    assert len(aliases) == 0


def test_text_too_long_once_escaped_gets_an_alias() -> None:
    aliases = Aliases()
    local = aliases.local("@" * 342)
    assert local.startswith("\\h")
    assert aliases.text(local) == "@" * 342
    assert aliases.local("@" * 341) == "\\40" * 341


def test_text_that_looks_like_an_alias_gets_one_of_its_own() -> None:
    aliases = Aliases()
    alias = aliases.local(" padded")
    assert aliases.local(alias) != alias
    assert aliases.text(aliases.local(alias)) == alias


def test_an_unknown_alias_stands_for_nothing() -> None:
    assert Aliases().text("\\h" + "0" * 40) is None


def test_aliases_survive_a_restart_through_their_log() -> None:
    log = Log()
    alias = Aliases(log).local("A Long Name ")
    assert Aliases(known=log.known.items()).text(alias) == "A Long Name "


def test_a_log_entry_that_does_not_match_its_text_is_not_believed() -> None:
    alias = Aliases().local("Alice ")
    assert Aliases(known=[(alias, "Mallory ")]).text(alias) is None


def test_the_table_forgets_what_was_not_used_for_longest() -> None:
    log = Log()
    aliases = Aliases(log, capacity=2)
    first, second = aliases.local("1 "), aliases.local("2 ")
    aliases.text(first)
    third = aliases.local("3 ")
    assert (aliases.text(first), aliases.text(second), aliases.text(third)) == ("1 ", None, "3 ")
    assert set(log.known) == {first, third}
