"""Reading the configuration: defaults, the environment, and what people are told about every kind of mistake."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.bridge import Bridge, Plugin, Services
from gateway.config import ConfigError, Settings, installed_bridges, load
from gateway.config_file import line_numbers
from gateway.settings import (
    AccessSettings,
    BridgeTable,
    DeliverySettings,
    LimitSettings,
    LogSettings,
    MediaSettings,
    StorageSettings,
    XmppSettings,
    is_loopback,
)

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


class Peer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    port: int = Field(1, ge=1, le=65535)
    password: SecretStr | None = None


class ToySettings(BaseModel):
    """The settings of a bridge that exists only here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mode: Literal["quiet", "all"] = "quiet"
    ports: tuple[int, ...] = (1, 2)
    token: SecretStr | None = None
    peers: dict[str, Peer] = Field(default_factory=dict)


def build(settings: BaseModel, services: Services) -> Bridge:
    raise AssertionError("reading the configuration builds nothing")


TOY = Plugin(ToySettings, build)
TOYS = {"toy": lambda: TOY}

GOOD = """\
[bridges.toy]
jid = "toy.example.org"
secret = "hunter2"
"""


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load(path, environ, TOYS)


def wrong(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """What a person is told about ``text``, without the directory."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    assert "hunter2" not in str(caught.value)
    return [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()]


# -- what is there ---------------------------------------------------------------------------------------------


def test_three_lines_are_a_whole_configuration(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert (settings.xmpp.host, settings.xmpp.port) == ("127.0.0.1", 5347)
    (bridge,) = settings.bridges
    assert (bridge.name, bridge.kind, bridge.jid, bridge.title) == ("toy", "toy", "toy.example.org", "")
    assert bridge.secret.get_secret_value() == "hunter2"
    assert bridge.plugin is TOY
    assert bridge.own == ToySettings()


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.storage.database == f"sqlite:///{tmp_path}/causeway.db"
    assert settings.storage.database_file == tmp_path / "causeway.db"
    assert settings.storage.key_file == tmp_path / "causeway.key"


def test_absolute_paths_and_postgresql_stay(tmp_path: Path) -> None:
    storage = '[storage]\ndatabase = "sqlite:////srv/c.db"\nkey_file = "/etc/c.key"\n'
    settings = read(tmp_path, storage + GOOD)
    assert settings.storage.database == "sqlite:////srv/c.db"
    assert settings.storage.key_file == Path("/etc/c.key")
    settings = read(tmp_path, '[storage]\ndatabase = "postgresql://c:hunter2@db/causeway"\n' + GOOD)
    assert settings.storage.database == "postgresql://c:hunter2@db/causeway"
    assert settings.storage.shown_database == "postgresql://c:***@db/causeway"
    assert settings.storage.database_file is None


def test_two_bridges_of_one_kind_have_names_of_their_own(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        GOOD
        + '[bridges.second]\nkind = "toy"\nname = "Toy 2"\njid = "T2.Example.org"\nsecret = "s"\nmode = "all"\n',
    )
    assert [(each.name, each.kind, each.jid, each.title) for each in settings.bridges] == [
        ("toy", "toy", "toy.example.org", ""),
        ("second", "toy", "t2.example.org", "Toy 2"),
    ]
    assert settings.bridges[1].own == ToySettings(mode="all")


def test_settings_and_their_text_never_show_a_secret(tmp_path: Path) -> None:
    settings = read(tmp_path, '[storage]\ndatabase = "postgresql://c:hunter2@db/causeway"\n' + GOOD)
    assert "hunter2" not in repr(settings)


# -- secrets ---------------------------------------------------------------------------------------------------

NO_SECRET = '[bridges.toy]\njid = "toy.example.org"\n'


def test_the_secret_may_be_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o640)
    settings = read(tmp_path, NO_SECRET + 'secret_file = "secret"\n')
    assert settings.bridges[0].secret.get_secret_value() == "hunter2"


def test_the_secret_may_be_in_the_environment_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, NO_SECRET, CAUSEWAY_BRIDGES__TOY__SECRET="12345")
    assert settings.bridges[0].secret.get_secret_value() == "12345"


def test_a_secret_of_the_environment_goes_before_a_file_of_the_configuration(tmp_path: Path) -> None:
    settings = read(tmp_path, NO_SECRET + 'secret_file = "absent"\n', CAUSEWAY_BRIDGES__TOY__SECRET="s")
    assert settings.bridges[0].secret.get_secret_value() == "s"


def test_a_missing_secret_is_told_with_the_ways_to_give_one(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET) == [
        "config.toml, line 1: bridges.toy has no secret: set secret or secret_file here, or the environment variable "
        "CAUSEWAY_BRIDGES__TOY__SECRET, to what the XMPP server has for this component."
    ]


def test_the_secret_of_the_example_is_refused(tmp_path: Path) -> None:
    for secret in ("change-me", "CHANGE ME: now", "changeme", "<change_me>"):
        assert wrong(tmp_path, NO_SECRET + f'secret = "{secret}"\n') == [
            "config.toml, line 3: bridges.toy.secret is still that of the example; `causeway init` makes a good one, "
            "which goes here and into the XMPP server's configuration."
        ]


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET + 'secret = ""\n') == [
        "config.toml, line 3: bridges.toy.secret is empty; put in what the XMPP server has for this component."
    ]


def test_two_secrets_are_one_too_many(tmp_path: Path) -> None:
    assert wrong(tmp_path, GOOD + 'secret_file = "secret"\n') == [
        "config.toml, line 1: bridges.toy has both secret and secret_file: keep one of them."
    ]


def test_a_secret_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n') == [
        "config.toml, line 3: bridges.toy.secret_file names secret, which cannot be read: No such file or directory."
    ]


def test_a_secret_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o644)
    assert wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n') == [
        "config.toml, line 3: bridges.toy.secret_file names secret, which everybody on this machine may read: run "
        "`chmod o= secret`."
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * 5000, "too large"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\n", "is empty"),
        (b"change-me\n", "example"),
    ],
)
def test_a_secret_file_with_nonsense_in_it_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "secret").chmod(0o600)
    (line,) = wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n')
    assert told in line


# -- mistakes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[xmpp]\nhots = 1\n",
            "line 2: xmpp.hots is not known. Did you mean host? Known in [xmpp]: host, port, allow_remote.",
        ),
        (
            "[xmmp]\nport = 1\n",
            "line 1: xmmp is not known. Did you mean xmpp? Known in this file: xmpp, storage, log, limits, access, media, "
            "delivery, bridges.",
        ),
        (
            '[media]\nlisten = "127.0.0.1:5280"\n',
            "line 1: media public_url is missing: files are given out only where both listen and public_url are set.",
        ),
        (
            '[media]\nlisten = "5280"\n',
            'line 2: media.listen is "5280", but must be an address and a port, such as "127.0.0.1:5280", or empty.',
        ),
        (
            '[media]\ntrusted_hosts = ["10.0.0.1/8"]\n',
            "line 2: media.trusted_hosts must hold host names, addresses or networks: 10.0.0.1/8 has host bits set.",
        ),
        ('[xmpp]\nport = "5347"\n', 'line 2: xmpp.port is "5347", but must be a whole number.'),
        ("[xmpp]\nport = 70000\n", "line 2: xmpp.port is 70000, but must be 65535 or less."),
        ("[xmpp]\nport = 0\n", "line 2: xmpp.port is 0, but must be 1 or more."),
        ("[xmpp]\nallow_remote = 1\n", "line 2: xmpp.allow_remote is 1, but must be true or false."),
        ("[xmpp]\nhost = 127\n", 'line 2: xmpp.host is 127, but must be text in quotes, "...".'),
        ('[xmpp]\nhost = ""\n', 'line 2: xmpp.host is "", but must have at least 1 characters.'),
        (
            '[xmpp]\nhost = "chat.example.org"\n',
            "line 1: xmpp host chat.example.org is not this machine, and the component link is not encrypted: use a "
            "tunnel (ssh -L, WireGuard) and 127.0.0.1, or set allow_remote = true if you trust the network in between.",
        ),
        ("xmpp = 1\n", "line 1: xmpp must be a table: [xmpp]."),
        (
            '[log]\nlevel = "loud"\n',
            """line 2: log.level is "loud", but must be 'debug', 'info', 'warning' or 'error'.""",
        ),
        (
            "[limits]\nlinger_seconds = nan\n",
            "line 2: limits.linger_seconds is nan, but must be a finite number.",
        ),
        (
            "[limits]\naccounts_per_user = 1.5\n",
            "line 2: limits.accounts_per_user is 1.5, but must be a whole number.",
        ),
        (
            "[limits]\nhistory_max = 2026-01-01\n",
            "line 2: limits.history_max is a date or time; no setting takes one.",
        ),
        (
            '[access]\nadmins = "ann@example.org"\n',
            'line 2: access.admins is "ann@example.org", but must be a list, [...].',
        ),
        (
            '[access]\nadmins = ["ann@example.org", "bob"]\n',
            'line 2: access.admins[2] is "bob", but must be a user\'s address without resource, such as ann@example.org.',
        ),
        (
            '[storage]\ndatabase = "mysql://x"\n',
            "line 2: storage.database must be sqlite:///FILE (four slashes for an absolute path) or "
            "postgresql://USER@HOST/NAME.",
        ),
        (
            '[storage]\ndatabase = "sqlite://causeway.db"\n',
            "line 2: storage.database must have three slashes before the file, as in sqlite:///causeway.db.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, told: str
) -> None:
    lines = wrong(tmp_path, text + GOOD)
    assert f"config.toml, {told}" in lines


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            'sercet = "hunter2"\n',
            "line 4: bridges.toy.sercet is not known. Did you mean secret? Known in [bridges.toy]: jid, secret, "
            "secret_file, kind, name, mode, ports, token, peers.",
        ),
        ('mode = "loud"\n', """line 4: bridges.toy.mode is "loud", but must be 'quiet' or 'all'."""),
        ('ports = [1, "x"]\n', 'line 4: bridges.toy.ports[2] is "x", but must be a whole number.'),
        ("token = 12345678\n", 'line 4: bridges.toy.token must be text in quotes, "...".'),
        (
            '[bridges.toy.peers."a.b"]\nprt = 1\n',
            'line 5: bridges.toy.peers."a.b".prt is not known. Did you mean port? Known in '
            '[bridges.toy.peers."a.b"]: port, password.',
        ),
        (
            '[bridges.toy.peers."a.b"]\nport = 0\n',
            'line 5: bridges.toy.peers."a.b".port is 0, but must be 1 or more.',
        ),
        (
            'peers."c".password = 12345678\n',
            'line 4: bridges.toy.peers.c.password must be text in quotes, "...".',
        ),
    ],
)
def test_mistakes_in_a_bridges_own_settings_are_told_alike(tmp_path: Path, lines: str, told: str) -> None:
    assert wrong(tmp_path, GOOD + lines) == [f"config.toml, {told}"]


@pytest.mark.parametrize(
    "jid", ["", "ann@example.org", "toy.example.org/x", "a..b", "-x.org", "a b", "x" * 300]
)
def test_a_jid_must_be_a_domain(tmp_path: Path, jid: str) -> None:
    (line,) = wrong(tmp_path, f'[bridges.toy]\njid = "{jid}"\nsecret = "s"\n')
    assert line.startswith('config.toml, line 2: bridges.toy.jid is "')
    assert line.endswith("must be a domain name such as irc.example.org.")


def test_a_missing_jid_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path, '[bridges.toy]\nsecret = "s"\n') == [
        "config.toml, line 1: bridges.toy.jid is missing."
    ]


def test_two_bridges_cannot_share_a_jid(tmp_path: Path) -> None:
    text = GOOD + '[bridges.two]\nkind = "toy"\njid = "TOY.example.org"\nsecret = "s"\n'
    assert wrong(tmp_path, text) == [
        'config.toml, line 6: bridges.two.jid is "toy.example.org", but that is the jid of [bridges.toy] already: every '
        "bridge needs a domain of its own."
    ]


def test_an_unknown_kind_is_told_with_what_is_installed(tmp_path: Path) -> None:
    assert wrong(tmp_path, GOOD.replace("[bridges.toy]", "[bridges.tyo]")) == [
        "config.toml, line 1: bridges.tyo names a kind of bridge that is not installed, tyo. Did you mean toy? Installed: "
        'toy; write kind = "..." in the table.'
    ]
    (line,) = wrong(tmp_path, GOOD + 'kind = "telex"\n')
    assert line.startswith(
        "config.toml, line 4: bridges.toy.kind names a kind of bridge that is not installed, telex."
    )


def test_a_bridge_that_does_not_load_is_told(tmp_path: Path) -> None:
    def broken() -> Plugin:
        raise ImportError("No module named 'pigeons'")

    path = tmp_path / "config.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match=r"the bridge toy does not load \(No module named 'pigeons'\)"):
        load(path, {}, {"toy": broken})


def test_a_bridge_whose_settings_take_our_names_is_refused(tmp_path: Path) -> None:
    class Greedy(BaseModel):
        jid: str = ""

    path = tmp_path / "config.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match=r"has settings with names of ours \(jid\)"):
        load(path, {}, {"toy": lambda: Plugin(Greedy, build)})


def test_a_name_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, GOOD.replace("bridges.toy", 'bridges."t o y"'))
    assert line.startswith('config.toml, line 1: bridges."t o y" is no name for a bridge')


def test_without_a_bridge_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert wrong(tmp_path, "") == [
        "config.toml: bridges is missing: without a table such as [bridges.irc] there is nothing to do."
    ]


def test_bridges_must_be_tables(tmp_path: Path) -> None:
    assert wrong(tmp_path, "bridges = 1\n") == [
        "config.toml, line 1: bridges must hold tables, such as [bridges.irc]."
    ]
    assert wrong(tmp_path, "bridges.toy = 1\n") == [
        "config.toml, line 1: bridges.toy must be a table: [bridges.toy]."
    ]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = '[xmpp]\nport = "x"\nhots = 1\n[log]\nlevel = 1\n[bridges.toy]\njid = "a b"\n'
    assert len(wrong(tmp_path, text)) == 4


# -- the file itself -------------------------------------------------------------------------------------------


def test_a_missing_file_is_told_with_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml", {}, TOYS)
    assert str(caught.value) == f"{tmp_path}/config.toml: does not exist; `causeway init` writes one"


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {}, TOYS)


def test_a_broken_line_is_told_with_its_number(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, "[xmpp]\nport = = 1\n")
    assert line == "config.toml, line 2: is not valid TOML: invalid value"


def test_an_unfinished_file_is_told(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, '[xmpp]\nhost = """abc\n')
    assert "config.toml, line 3: is not valid TOML:" in line


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'[xmpp]\nhost = "\xe9"\n')
    with pytest.raises(ConfigError, match=r"line 2: is not UTF-8; save it again in this encoding"):
        load(path, {}, TOYS)


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        load(path, {}, TOYS)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_settings_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, newline="")
    with pytest.raises(ConfigError):
        load(path, {}, TOYS)


VALUES = st.recursive(
    st.none().map(lambda _: 0)
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*XmppSettings.model_fields, *BridgeTable.model_fields, "mode", "ports", "peers", "admins", "x y"]
)


@given(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.sampled_from(["xmpp", "access", "bridges.toy", "bridges.toy.peers"]),
)
def test_any_value_in_any_place_is_settings_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any], name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "values.toml"
    path.write_text(f"[{name}]\n" + "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items()))
    try:
        load(path, {}, TOYS)
    except ConfigError as error:
        told = [str(problem) for problem in error.problems]
    else:
        told = []
    assert "\n" not in "".join(told)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(char):08x}" for char in value if not "\ud800" <= char <= "\udfff") + '"'
        )
    return str(value)


def test_lines_are_found_for_tables_dotted_and_quoted_keys() -> None:
    text = (
        '\na.b = 1\n[c] # x\n"d e" = 2\ns = """\nnot = this\n"""\n[c."f.g".h]\ni = [\n  1,\n]\nj=1\n[[k]]\n'
    )
    assert line_numbers(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("c",): 3,
        ("c", "d e"): 4,
        ("c", "s"): 5,
        ("c", "f.g", "h"): 8,
        ("c", "f.g", "h", "i"): 9,
        ("c", "f.g", "h", "j"): 12,
    }


# -- the environment -------------------------------------------------------------------------------------------


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "[xmpp]\nport = 1\n" + GOOD,
        CAUSEWAY_XMPP__PORT="5275",
        CAUSEWAY_LOG__LEVEL="debug",
        CAUSEWAY_LIMITS__LINGER_SECONDS="1.5",
        CAUSEWAY_ACCESS__ADMINS='["Ann@Example.org"]',
        CAUSEWAY_STORAGE__KEY_FILE="/run/key",
        CAUSEWAY_BRIDGES__TOY__MODE="all",
        CAUSEWAY_BRIDGES__TOY__PORTS="[3]",
        CAUSEWAY_BRIDGES__TOY__TOKEN="123",
        PATH="/bin",
    )
    assert settings.xmpp.port == 5275
    assert settings.log.level == "debug"
    assert settings.limits.linger_seconds == 1.5
    assert settings.access.admins == ("ann@example.org",)
    assert settings.storage.key_file == Path("/run/key")
    own = settings.bridges[0].own
    assert own == ToySettings(mode="all", ports=(3,), token=SecretStr("123"))


def test_a_bridge_can_come_from_the_environment_alone(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "",
        CAUSEWAY_BRIDGES__SECOND__KIND="toy",
        CAUSEWAY_BRIDGES__SECOND__JID="toy.example.org",
        CAUSEWAY_BRIDGES__SECOND__SECRET="s",
        CAUSEWAY_BRIDGES__SECOND__MODE="all",
    )
    assert (settings.bridges[0].name, settings.bridges[0].own) == ("second", ToySettings(mode="all"))


def test_underscores_of_a_variable_match_other_signs_of_a_name(tmp_path: Path) -> None:
    text = '[bridges.My-toy]\nkind = "toy"\njid = "toy.example.org"\n'
    settings = read(tmp_path, text, CAUSEWAY_BRIDGES__MY_TOY__SECRET="s")
    assert settings.bridges[0].name == "My-toy"


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert wrong(tmp_path, GOOD, CAUSEWAY_XMPP__PORT="abc") == [
        'environment variable CAUSEWAY_XMPP__PORT: xmpp.port is "abc", but must be a whole number.'
    ]
    assert wrong(tmp_path, GOOD, CAUSEWAY_XMPP__HOTS="hunter2") == [
        "environment variable CAUSEWAY_XMPP__HOTS: xmpp.hots is not known. Did you mean host? Known in [xmpp]: host, "
        "port, allow_remote."
    ]


def test_a_variable_with_one_underscore_too_few_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path, GOOD, CAUSEWAY_XMPP_HOST="127.0.0.1") == [
        "environment: CAUSEWAY_XMPP_HOST sets nothing: two underscores part table and key. Did you mean "
        "CAUSEWAY_XMPP__HOST?"
    ]


def test_a_variable_below_a_value_that_is_no_table_is_told(tmp_path: Path) -> None:
    (line,) = wrong(tmp_path, "xmpp = 1\n" + GOOD, CAUSEWAY_XMPP__PORT="1")
    assert line == "environment variable CAUSEWAY_XMPP__PORT: xmpp must be a table: [xmpp]."


# -- hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST.", "xmpp.localhost"]
)
def test_these_hosts_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::", "0.0.0.0", "example.org", "localhost.example.org"])
def test_these_hosts_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)


def test_another_machine_can_be_allowed(tmp_path: Path) -> None:
    settings = read(tmp_path, '[xmpp]\nhost = "10.0.0.1"\nallow_remote = true\n' + GOOD)
    assert settings.xmpp.host == "10.0.0.1"


# -- the example -----------------------------------------------------------------------------------------------

COMMENTED = re.compile(r"#(?=[\w\"\[])")


def everything_uncommented() -> dict[str, Any]:
    lines = EXAMPLE.read_text().splitlines()
    return tomllib.loads(
        "\n".join(COMMENTED.sub("", line, count=1) if line[:1] == "#" else line for line in lines)
    )


def flat(table: dict[str, Any], key: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for name, value in table.items():
        found |= flat(value, (*key, name)) if isinstance(value, dict) else {(*key, name): value}
    return found


def defaults(model: type[BaseModel], key: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """What TOML would have to say for every field of ``model``; ... where the field has no default."""
    found: dict[tuple[str, ...], Any] = {}
    for name, field in model.model_fields.items():
        value = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(value, dict):
            # A table of tables: the example shows one entry.
            entry = get_args(field.annotation)[1]
            found |= defaults(entry, (*key, name, "irc.libera.chat"))
        elif field.is_required():
            found[*key, name] = ...
        else:
            found[*key, name] = (
                list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
            )
    return found


def test_the_example_has_every_key_with_its_default_and_no_other() -> None:
    expected = {("bridges", "irc", "secret"): ...}
    for name, model in {
        "xmpp": XmppSettings,
        "storage": StorageSettings,
        "log": LogSettings,
        "limits": LimitSettings,
        "access": AccessSettings,
        "media": MediaSettings,
        "delivery": DeliverySettings,
    }.items():
        expected |= defaults(model, (name,))
    expected |= defaults(BridgeTable, ("bridges", "irc"))
    expected |= defaults(installed_bridges()["irc"]().settings, ("bridges", "irc"))
    found = flat(everything_uncommented())
    assert set(found) == set(expected)
    for key, default in expected.items():
        # None cannot be written in TOML; the example has an empty text there. ... stands for "must be set".
        if default not in (None, ...):
            assert found[key] == default, key
            assert type(found[key]) is type(default), key


def test_only_the_secret_of_the_example_has_to_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(EXAMPLE, {})
    (problem,) = caught.value.problems
    assert problem.key == "bridges.irc.secret"
    assert load(EXAMPLE, {"CAUSEWAY_BRIDGES__IRC__SECRET": "s"}).bridges[0].jid == "irc.example.org"


def test_the_example_says_something_about_every_table() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for before, line in pairwise(lines):
        if line.lstrip("#").startswith("["):
            assert before.startswith("# "), line
