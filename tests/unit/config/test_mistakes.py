"""What people are told about every kind of mistake in a configuration."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.bridge import Plugin
from gateway.config import ConfigError, load
from tests.unit.config.toys import GOOD, build, wrong


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[xmpp]\nhots = 1\n",
            "line 2: xmpp.hots is not known. Did you mean host? Known in [xmpp]: host, port, allow_remote.",
        ),
        (
            "[xmmp]\nport = 1\n",
            "line 1: xmmp is not known. Did you mean xmpp? Known in the configuration: xmpp, storage, log, limits, access, "
            "web, operator, media, delivery, bridges.",
        ),
        (
            '[web]\nlisten = "127.0.0.1:5290"\n',
            "line 1: web public_url is missing: the web server needs both listen and public_url.",
        ),
        (
            '[web]\ntrusted_proxies = ["proxy"]\n',
            "line 2: web.trusted_proxies must hold addresses or networks: 'proxy' does not appear to be an IPv4 or IPv6 "
            "network.",
        ),
        (
            "[media]\ngive_out = true\n",
            "line 2: media.give_out needs the gateway's own web server: set web.listen and web.public_url.",
        ),
        (
            '[web]\nlisten = "127.0.0.1:5290"\npublic_url = "https://a.example"\n'
            '[media]\nlisten = "127.0.0.1:5291"\npublic_url = "https://b.example"\n',
            "line 5: media.listen is said in [web] as well: keep web.listen and web.public_url, and set media.give_out = "
            "true.",
        ),
        (
            '[media]\nlisten = "127.0.0.1:5290"\n',
            "line 1: media public_url is missing: files are given out only where both listen and public_url are set.",
        ),
        (
            '[media]\nlisten = "5290"\n',
            'line 2: media.listen is "5290", but must be an address and a port, such as "127.0.0.1:5290", or empty.',
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
        (
            '[storage]\ndatabase = "postgresql://u:hun@ter2@127.0.0.1:1/x"\n',
            "line 2: storage.database must have one @ only, before the host: write @ in the password as %40.",
        ),
        (
            '[storage]\ndatabase = "postgresql://u:hunter2/x"\n',
            "line 2: storage.database must have a number as the port, as in postgresql://USER:PASSWORD@HOST:5432/NAME.",
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
            "secret_file, kind, name, persistent_by_default, mode, ports, token, peers.",
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
