"""Reading the configuration: defaults, hosts, and what comes from the environment."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.values import is_loopback
from tests.unit.config.toys import GOOD, TOY, ToySettings, read, wrong


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
    assert settings.storage.directory == tmp_path / "data"


def test_absolute_paths_and_postgresql_stay(tmp_path: Path) -> None:
    storage = '[storage]\ndatabase = "sqlite:////srv/c.db"\nkey_file = "/etc/c.key"\n'
    settings = read(tmp_path, storage + GOOD)
    assert settings.storage.database == "sqlite:////srv/c.db"
    assert settings.storage.key_file == Path("/etc/c.key")
    settings = read(tmp_path, '[storage]\ndatabase = "postgresql://c:hunter2@db/causeway"\n' + GOOD)
    assert settings.storage.database == "postgresql://c:hunter2@db/causeway"
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
    (line,) = wrong(tmp_path, GOOD, CAUSEWAY_NONSENSE__X="1")
    assert line.startswith(
        "environment variable CAUSEWAY_NONSENSE__X: nonsense is not known. Known in the conf"
    )
    lines = wrong(tmp_path, GOOD, CAUSEWAY_BRIDGES__TYO__JID="toy2.example.org")
    assert {line.partition(": ")[0] for line in lines} == {"environment variable CAUSEWAY_BRIDGES__TYO__JID"}


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
