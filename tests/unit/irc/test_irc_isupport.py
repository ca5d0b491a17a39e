"""ISUPPORT: defaults, typed values, negation, escapes and nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.irc.protocol.isupport import MAX_TOKENS, UNLIMITED, Chanmodes, Isupport

WORDS = "are supported by this server"


def told(*tokens: str) -> Isupport:
    isupport = Isupport()
    isupport.load(["nick", *tokens, WORDS])
    return isupport


def test_everything_has_a_usable_value_before_the_server_spoke() -> None:
    isupport = Isupport()
    assert isupport.casemapping.name == "rfc1459"
    assert isupport.chantypes == "#&"
    assert (isupport.prefix_modes, isupport.prefix_symbols) == ("ov", "@+")
    assert isupport.chanmodes == Chanmodes("b", "k", "l", "imnpst")
    assert (isupport.linelen, isupport.modes, isupport.monitor) == (512, 3, 0)
    assert isupport.topiclen == UNLIMITED
    assert (isupport.whox, isupport.utf8only, isupport.network, isupport.statusmsg) == (False, False, "", "")
    assert isupport.limit("PRIVMSG") == 1


def test_what_real_servers_tell_is_understood() -> None:
    isupport = told(
        "CASEMAPPING=ascii",
        "CHANTYPES=#&+",
        "PREFIX=(qaohv)~&@%+",
        "CHANMODES=Ibeg,k,Hfl,CMmnpst,future",
        "STATUSMSG=@+",
        "NICKLEN=30",
        "TOPICLEN=330",
        "KICKLEN=",
        "LINELEN=2048",
        "MODES",
        "MONITOR=100",
        "TARGMAX=PRIVMSG:4,join:,KICK:1",
        "CHANLIMIT=#&:50,+:,!:0",
        "MAXLIST=bI:100,e:5",
        "NETWORK=My\\x20Net\\xC3\\xA9",
        "ELIST=cmnTU",
        "EXCEPTS",
        "INVEX=J",
        "BOT=B",
        "WHOX",
        "UTF8ONLY",
        "SAFELIST",
        "UNHEARD/of=\\x3D",
    )
    assert isupport.casemapping.name == "ascii"
    assert (isupport.prefix_modes, isupport.prefix_symbols) == ("qaohv", "~&@%+")
    assert isupport.symbol_of["h"] == "%"
    assert isupport.mode_of["~"] == "q"
    assert isupport.chanmodes == Chanmodes("Ibeg", "k", "Hfl", "CMmnpst")
    assert (isupport.nicklen, isupport.topiclen, isupport.kicklen) == (30, 330, UNLIMITED)
    assert (isupport.linelen, isupport.modes, isupport.monitor) == (2048, UNLIMITED, 100)
    assert isupport.targmax == {"PRIVMSG": 4, "JOIN": UNLIMITED, "KICK": 1}
    assert [isupport.limit(command) for command in ("PRIVMSG", "JOIN", "WHOIS")] == [4, UNLIMITED, 1]
    assert isupport.chanlimit == {"#": 50, "&": 50, "+": UNLIMITED, "!": UNLIMITED}
    assert isupport.maxlist == {"b": 100, "I": 100, "e": 5}
    assert isupport.network == "My Neté"
    assert (isupport.elist, isupport.excepts, isupport.invex, isupport.bot) == ("CMNTU", "e", "J", "B")
    assert isupport.whox
    assert isupport.utf8only
    assert isupport.safelist
    assert isupport.tokens["UNHEARD/OF"] == "="


def test_a_token_told_again_replaces_and_a_negated_one_is_as_if_never_told() -> None:
    isupport = told("NICKLEN=30", "WHOX", "CASEMAPPING=ascii")
    assert isupport.load(["nick", "NICKLEN=20", "CASEMAPPING=ascii", WORDS]) == {"NICKLEN"}
    assert isupport.nicklen == 20
    assert isupport.load(["nick", "-NICKLEN", "-WHOX", "-CASEMAPPING", "-NEVERTOLD", WORDS]) == {
        "NICKLEN",
        "WHOX",
        "CASEMAPPING",
    }
    assert isupport.nicklen == UNLIMITED
    assert not isupport.whox
    assert isupport.casemapping.name == "rfc1459"
    assert isupport.tokens == {}


def test_a_server_may_have_no_prefixes_and_no_channels() -> None:
    isupport = told("PREFIX=", "CHANTYPES=")
    assert (isupport.prefix_modes, isupport.prefix_symbols) == ("", "")
    assert not isupport.is_channel("#x")


@pytest.mark.parametrize(
    "token",
    ["PREFIX=ov", "PREFIX=(ov)@", "PREFIX=(ov", "PREFIX=(oo)@+", "PREFIX=)(", "PREFIX=(ov)@@", "PREFIX=@+"],
)
def test_a_malformed_prefix_counts_as_not_told(token: str) -> None:
    assert told(token).prefix_modes == "ov"


@pytest.mark.parametrize(
    ("token", "attribute", "value"),
    [
        ("NICKLEN=abc", "nicklen", UNLIMITED),
        ("NICKLEN=-5", "nicklen", UNLIMITED),
        ("NICKLEN=²", "nicklen", UNLIMITED),
        ("MODES=99999999999999999999", "modes", 3),
        ("LINELEN=1", "linelen", 512),
        ("LINELEN=999999999", "linelen", 65536),
        ("CHANMODES=b,k", "chanmodes", Chanmodes("b", "k", "l", "imnpst")),
        ("CASEMAPPING=", "casemapping", None),
        ("EXCEPTS=ab", "excepts", "e"),
        ("BOT=", "bot", ""),
    ],
)
def test_a_malformed_value_counts_as_not_told(token: str, attribute: str, value: object) -> None:
    found = getattr(told(token), attribute)
    assert found.name == "rfc1459" if value is None else found == value


def test_a_token_cannot_shadow_anything_of_ours() -> None:
    isupport = told("LOAD=1", "TOKENS=1", "__CLASS__=1", "IS_CHANNEL", "_DERIVE=x")
    assert isupport.is_channel("#x")
    assert isinstance(isupport.tokens, dict)
    isupport.load(["nick", "WHOX", WORDS])
    assert isupport.whox


def test_the_number_of_tokens_is_bounded() -> None:
    isupport = told(*(f"T{number}" for number in range(2 * MAX_TOKENS)))
    assert len(isupport.tokens) == MAX_TOKENS


@given(st.lists(st.text()), st.lists(st.text()))
def test_whatever_a_server_tells_nothing_is_raised(first: list[str], second: list[str]) -> None:
    isupport = Isupport()
    isupport.load(first)
    isupport.load(second)


NAMES = [
    "PREFIX",
    "CHANMODES",
    "TARGMAX",
    "CHANLIMIT",
    "MAXLIST",
    "LINELEN",
    "MODES",
    "CHANTYPES",
    "STATUSMSG",
    "BOT",
]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(alphabet="()@+ov,:1-\\x2", max_size=12))))
def test_whatever_values_known_tokens_have_they_stay_usable(tokens: list[tuple[str, str]]) -> None:
    isupport = told(*(f"{name}={value}" for name, value in tokens))
    assert len(isupport.prefix_modes) == len(isupport.prefix_symbols) == len(isupport.symbol_of)
    assert isupport.linelen >= 512
    assert isupport.limit("PRIVMSG") >= 0
    isupport.split_status("@+#x")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("@#x", ("@", "#x")),
        ("@+#x", ("@+", "#x")),
        ("#x", ("", "#x")),
        ("+x", ("", "+x")),  # "+" is a channel type here, too
        ("bob", ("", "bob")),
        ("@bob", ("", "@bob")),
        ("@", ("", "@")),
        ("", ("", "")),
    ],
)
def test_statusmsg_is_told_from_channels(target: str, expected: tuple[str, str]) -> None:
    assert told("STATUSMSG=@+", "CHANTYPES=#+").split_status(target) == expected


def test_without_statusmsg_no_target_has_a_status() -> None:
    assert Isupport().split_status("@#x") == ("", "@#x")
