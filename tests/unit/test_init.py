"""``causeway init``: the files it writes and the blocks it prints."""

import os
import re
from io import StringIO
from pathlib import Path

import pytest

from bridges.email.config import EmailSettings
from bridges.sms.config import SmsSettings
from gateway import cli
from gateway.config import load
from gateway.init import SERVERS, CannotInit, init
from gateway.secrets import SecretBox


def written(tmp_path: Path, server: str | None = "prosody", *, force: bool = False) -> tuple[Path, str]:
    out = StringIO()
    config = tmp_path / "config.toml"
    init("irc.example.org", "irc", server, config, force=force, out=out)
    return config, out.getvalue()


@pytest.mark.parametrize("server", [*SERVERS, None])
def test_what_is_written_is_a_valid_configuration_with_its_key(tmp_path: Path, server: str | None) -> None:
    config, _ = written(tmp_path, server)
    settings = load(config, {})
    assert settings.bridges[0].jid == "irc.example.org"
    assert len(settings.bridges[0].secret.get_secret_value()) >= 32
    SecretBox.load(settings.storage.key_file)


def test_both_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        written(tmp_path)
    finally:
        os.umask(old)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "config.toml": 0o600,
        "causeway.key": 0o600,
    }


@pytest.mark.parametrize(
    ("server", "block"),
    [
        (
            "prosody",
            'Component "irc.example.org"\n    modules_enabled = {{ "privilege" }}\n    component_secret = "{secret}"',
        ),
        (
            "ejabberd",
            "module: ejabberd_service\n    access: all\n    global_routes: false\n    hosts:\n"
            '      "irc.example.org":\n        password: "{secret}"',
        ),
        ("openfire", "subdomain irc, shared secret {secret}"),
    ],
)
def test_the_servers_block_has_the_real_domain_and_secret(tmp_path: Path, server: str, block: str) -> None:
    config, text = written(tmp_path, server)
    secret = load(config, {}).bridges[0].secret.get_secret_value()
    assert block.format(secret=secret) in text
    for other in set(SERVERS) - {server}:
        assert f"Tell {SERVERS[other].title} " not in text


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_the_servers_block_grants_what_users_profit_from(tmp_path: Path, server: str) -> None:
    _, text = written(tmp_path, server)
    assert {"prosody": 'VirtualHost "example.org"', "ejabberd": "mod_privilege:"}[server] in text


def test_the_domain_of_the_users_can_be_another_than_that_above(tmp_path: Path) -> None:
    out = StringIO()
    init(
        "irc.example.org",
        "irc",
        "prosody",
        tmp_path / "config.toml",
        force=False,
        out=out,
        users="people.example",
    )
    assert 'VirtualHost "people.example"\n' in out.getvalue()


def test_the_port_is_the_servers(tmp_path: Path) -> None:
    config, _ = written(tmp_path, "openfire")
    assert load(config, {}).xmpp.port == 5275


def test_without_a_server_all_are_explained_with_their_ports(tmp_path: Path) -> None:
    _, text = written(tmp_path, None)
    for server in SERVERS.values():
        assert f"Tell {server.title} about the component" in text
    assert "Set port = 5275 under [xmpp]" in text


def test_the_next_commands_are_told(tmp_path: Path) -> None:
    config, text = written(tmp_path)
    assert text.endswith(f"causeway doctor -c {config}\n    causeway run -c {config}\n")


def test_an_existing_file_is_left_alone_unless_forced(tmp_path: Path) -> None:
    config, _ = written(tmp_path)
    before = config.read_text()
    with pytest.raises(CannotInit, match="exists already and was left alone, for it has a bridge irc"):
        written(tmp_path)
    assert config.read_text() == before
    written(tmp_path, force=True)
    assert config.read_text() != before


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    written(tmp_path)
    key = (tmp_path / "causeway.key").read_bytes()
    _, text = written(tmp_path, force=True)
    assert (tmp_path / "causeway.key").read_bytes() == key
    assert f"Kept {tmp_path}/causeway.key" in text


@pytest.mark.parametrize("jid", ["ann@example.org", "a b", "", 'x"y'])
def test_a_domain_that_is_none_is_refused_before_anything_is_written(tmp_path: Path, jid: str) -> None:
    with pytest.raises(CannotInit, match=r"must be a domain name such as irc\.example\.org"):
        init(jid, "irc", "prosody", tmp_path / "config.toml", force=False, out=StringIO())
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_bridge_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(CannotInit, match=r'There is no bridge "telex" here: .* one of .*irc'):
        init("t.example.org", "telex", None, tmp_path / "config.toml", force=False, out=StringIO())


def test_a_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotInit, match="create its directory"):
        init("t.example.org", "irc", None, tmp_path / "no" / "config.toml", force=False, out=StringIO())


def test_the_command_line_reaches_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "c.toml")
    assert cli.main(["init", "--domain", "irc.example.org", "--server", "ejabberd", "--output", output]) == 0
    assert "ejabberdctl reload_config" in capsys.readouterr().out
    assert cli.main(["init", "--domain", "irc.example.org", "--output", output]) == 1
    assert "exists already" in capsys.readouterr().err


def test_without_a_domain_and_a_terminal_the_option_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    assert cli.main(["init"]) == 2
    assert "causeway init --domain irc.example.org" in capsys.readouterr().err


def test_a_bridge_that_needs_more_gets_it(tmp_path: Path) -> None:
    out, config = StringIO(), tmp_path / "config.toml"
    init("mail.example.org", "email", "prosody", config, force=False, out=out)
    (bridge,) = load(config, {}).bridges
    assert isinstance(bridge.own, EmailSettings)
    assert bridge.own.domains == ("mail.example.org",)
    assert bridge.own.address_template == "{local}@mail.example.org"
    assert bridge.own.local_domains == ("example.org",)
    assert bridge.own.lmtp.address == ("127.0.0.1", 2424)
    text = out.getvalue()
    assert text.index("Tell Prosody about the component") < text.index("Tell your mail server about its mail")
    assert "    transport_maps = inline:{ { mail.example.org = lmtp:inet:127.0.0.1:2424 } }\n" in text
    assert text.endswith(f"causeway doctor -c {config}\n    causeway run -c {config}\n")


def test_what_postfix_is_told_is_what_the_page_for_operators_says_and_tests(tmp_path: Path) -> None:
    out = StringIO()
    init("mail.example.org", "email", "prosody", tmp_path / "config.toml", force=False, out=out)
    part = out.getvalue().partition("Tell your mail server about its mail")[2].partition("Exim")[0]
    lines = [line.strip() for line in part.splitlines() if " = " in line]
    page = (Path(__file__).parents[2] / "docs" / "email.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert set(lines) <= set(page)


def test_mail_needs_a_domain_with_a_dot(tmp_path: Path) -> None:
    with pytest.raises(
        CannotInit, match='The domain "mail" cannot be used: mail addresses need one with a dot'
    ):
        init("mail", "email", "prosody", tmp_path / "config.toml", force=False, out=StringIO())
    assert list(tmp_path.iterdir()) == []


def test_texting_gets_what_it_needs_and_lines_to_fill_in(tmp_path: Path) -> None:
    out, config = StringIO(), tmp_path / "config.toml"
    init("sms", "sms", "prosody", config, force=False, out=out)
    (bridge,) = load(config, {}).bridges
    assert isinstance(bridge.own, SmsSettings)
    assert not bridge.own.routes
    assert "docs/sms.md" in out.getvalue()
    text = config.read_text()
    filled = re.sub(r"^#(?=[\[a-z])", "", text, flags=re.MULTILINE).replace(
        'system_id = ""', 'system_id = "x"'
    )
    config.write_text(filled)
    (bridge,) = load(config, {}).bridges
    assert isinstance(bridge.own, SmsSettings)
    assert [each.routes for each in bridge.own.numbers] == [tuple(bridge.own.routes)]


def added(config: Path, jid: str, kind: str, server: str = "prosody") -> str:
    out = StringIO()
    init(jid, kind, server, config, force=False, out=out)
    return out.getvalue()


def test_a_second_bridge_is_added_and_nothing_else_changed(tmp_path: Path) -> None:
    config, _ = written(tmp_path)
    config.write_text(f"{config.read_text()}# mine\n[limits]\nmax_accounts_total = 7\n")
    config.chmod(0o640)
    before, key = config.read_text(), (tmp_path / "causeway.key").read_bytes()
    text = added(config, "mail.example.org", "email")
    assert config.read_text().startswith(before)
    assert config.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "causeway.key").read_bytes() == key
    settings = load(config, {})
    assert [each.name for each in settings.bridges] == ["irc", "email"]
    assert settings.limits.max_accounts_total == 7
    assert "Added [bridges.email] to" in text
    assert "in place of all that is there:" in text


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_lines_for_a_second_bridge_hold_for_the_first_too(tmp_path: Path, server: str) -> None:
    """One list of rights for all: a second one would hide the first."""
    config, _ = written(tmp_path)
    text = added(config, "mail.example.org", "email", server)
    for bridge in load(config, {}).bridges:
        assert bridge.secret.get_secret_value() in text
        assert text.count(f'"{bridge.jid}"') >= 2
    assert text.count("privileged_entities = {") + text.count("mod_privilege:\n") == 1


def test_what_cannot_be_added_changes_nothing(tmp_path: Path) -> None:
    config, _ = written(tmp_path)
    before = config.read_text()
    jid = load(config, {}).bridges[0].jid
    for again, kind in ((jid, "irc"), (jid, "email")):
        with pytest.raises(CannotInit, match="was left alone, for it has a bridge"):
            added(config, again, kind)
    assert config.read_text() == before
    for odd in ("no = = toml\n", 'bridges = { irc = { jid = "irc.example.org", secret = "x" } }\n'):
        config.write_text(odd)
        with pytest.raises(CannotInit, match="nothing can be added to it"):
            added(config, "mail.example.org", "email")
        assert config.read_text() == odd


def test_a_secret_that_is_not_in_the_file_is_not_made_up(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[bridges.irc]\njid = "irc.example.org"\n')
    text = added(config, "mail.example.org", "email")
    assert 'component_secret = "the secret in Causeway\'s configuration"' in text
