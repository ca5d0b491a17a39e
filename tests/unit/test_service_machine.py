"""``causeway init --system``: what it makes, for whom, and when it does not."""

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest

from gateway.config import load
from gateway.init import KEY_FILE, CannotInit, init
from gateway.service.machine import CannotPrepare, Machine

PYTHON = Path("/usr/bin/python3")


class System:
    """A system that has no user of ours until a command makes one. What is its user's is really that of the tests."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []

    def run(self, command: Sequence[str]) -> None:
        self.ran.append(tuple(command))

    def owner(self, user: str) -> tuple[int, int]:
        if not any(command[0] in {"systemd-sysusers", "useradd"} for command in self.ran):
            raise KeyError(user)
        return os.getuid(), os.getgid()

    def machine(self, root: Path, program: Path) -> Machine:
        return Machine(program, PYTHON, root, self.run, self.owner, lambda: 0)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "opt/bin/causeway"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_paths_of_a_service_are_in_its_own_directories(tmp_path: Path) -> None:
    config = tmp_path / "etc/config.toml"
    config.parent.mkdir()
    init(
        "irc.example.org",
        "irc",
        "prosody",
        config,
        force=False,
        out=StringIO(),
        data=Path("/var/lib/causeway"),
    )
    settings = load(config, {})
    assert settings.storage.database == "sqlite:////var/lib/causeway/causeway.db"
    assert settings.storage.key_file == config.with_name(KEY_FILE)
    own = (settings.storage.directory, settings.media.directory, settings.operator.socket)
    assert all(path.is_relative_to("/var/lib/causeway") for path in own)


def test_a_service_that_is_made_again_keeps_all_there_is_and_says_so(tmp_path: Path) -> None:
    config, data = tmp_path / "config.toml", Path("/var/lib/causeway")

    def made(jid: str, kind: str) -> str:
        out = StringIO()
        init(jid, kind, "prosody", config, force=False, out=out, data=data)
        return out.getvalue()

    first = made("irc.example.org", "irc")
    with config.open("a") as file:
        file.write("# what its operator has written\n")
    there = (config.read_bytes(), config.with_name(KEY_FILE).read_bytes())
    again = made("irc.example.org", "irc")
    assert (config.read_bytes(), config.with_name(KEY_FILE).read_bytes()) == there
    assert again.startswith(f"Kept {config}: it has [bridges.irc] at irc.example.org already.")
    secret = load(config, {}).bridges[0].secret.get_secret_value()
    assert secret in first
    assert secret in again
    with pytest.raises(CannotInit, match="it has a bridge irc"):
        made("other.example.org", "irc")
    assert (config.read_bytes(), config.with_name(KEY_FILE).read_bytes()) == there


def test_without_data_elsewhere_all_is_beside_the_configuration(tmp_path: Path) -> None:
    out = StringIO()
    init("irc.example.org", "irc", "prosody", tmp_path / "config.toml", force=False, out=out)
    assert load(tmp_path / "config.toml", {}).storage.database == f"sqlite:///{tmp_path}/causeway.db"
    assert f"causeway run -c {tmp_path / 'config.toml'}" in out.getvalue()


@pytest.mark.parametrize("home", ["/home/ann/.local/bin/causeway", "/root/.local/bin/causeway"])
def test_a_program_in_a_home_is_refused_since_the_service_cannot_see_it(home: str) -> None:
    with pytest.raises(CannotPrepare, match="home"):
        Machine(Path(home), PYTHON, user_id=lambda: 0).prepare()


def test_an_interpreter_in_a_home_is_refused_too(program: Path) -> None:
    with pytest.raises(CannotPrepare, match="home"):
        Machine(program, Path("/root/.local/share/uv/python/bin/python3.11"), user_id=lambda: 0).prepare()


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotPrepare, match="There is no"):
        Machine(tmp_path / "causeway", PYTHON, user_id=lambda: 0).prepare()


def test_only_root_may(program: Path) -> None:
    with pytest.raises(CannotPrepare, match="sudo"):
        Machine(program, PYTHON, user_id=lambda: 1000).prepare()


def test_a_user_is_made_once_with_directories_that_nobody_else_enters(tmp_path: Path, program: Path) -> None:
    system = System()
    machine = system.machine(tmp_path, program)
    old = os.umask(0)
    try:
        machine.prepare()
        machine.prepare()
    finally:
        os.umask(old)
    assert len(system.ran) == 1
    assert {path.stat().st_mode & 0o777 for path in (machine.data, machine.config.parent)} == {0o700}


def test_the_unit_starts_the_program_that_wrote_it_and_is_read_again(tmp_path: Path, program: Path) -> None:
    system, out = System(), StringIO()
    machine = system.machine(tmp_path, program)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    machine.prepare()
    machine.finish((), out)
    unit = (tmp_path / "etc/systemd/system/causeway.service").read_text()
    assert f"\nExecStart={program} run -c /etc/causeway/config.toml\n" in unit
    assert system.ran[-1] == ("systemctl", "daemon-reload")
    assert "systemctl enable --now causeway" in out.getvalue()


def test_where_systemd_does_not_run_nobody_is_asked_to_read_the_unit(tmp_path: Path, program: Path) -> None:
    system = System()
    machine = system.machine(tmp_path, program)
    machine.prepare()
    machine.finish((), StringIO())
    assert ("systemctl", "daemon-reload") not in system.ran
