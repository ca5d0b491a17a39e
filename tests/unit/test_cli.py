"""The command line: what is understood, what is said, which status it ends with."""

import argparse
import os
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from gateway import cli, start
from gateway.secrets import SecretError
from gateway.settings import Settings

CONFIG = '[bridges.irc]\njid = "irc.example.org"\nsecret = "hunter2"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out == f"causeway {version('causeway')}\n"
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"causeway {version('causeway')}\n"


def test_help_shows_every_command_examples_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for part in ("run", "check", "init", "playground", "version", "examples:", "exit status:", "78"):
        assert part in text


@pytest.mark.parametrize("command", ["run", "check", "init", "version"])
def test_every_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    assert f"usage: causeway {command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["chek"], ["run", "--fast"], ["init", "--server", "telex"]])
def test_a_wrong_command_line_is_status_2_and_said_on_standard_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "usage: causeway" in streams.err


@pytest.mark.parametrize("command", ["check", "doctor"])
def test_who_reads_the_first_lines_only_gets_no_traceback_after_them(command: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out, redirect_stdout(out):
        assert cli.main([command, "-c", str(tmp_path / "missing.toml")]) == 0


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys; from gateway.cli import main; main(['version']); main(['--help']);"
        "print([name for name in ('pydantic', 'sqlalchemy', 'slixmpp', 'structlog', 'irc') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("causeway ")


# -- run -------------------------------------------------------------------------------------------------------


def test_run_with_a_wrong_configuration_is_status_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "-c", str(tmp_path / "none.toml")]) == 78
    assert capsys.readouterr().err == (
        f"causeway: the configuration cannot be used\n{tmp_path}/none.toml: does not exist; `causeway init` writes one\n"
    )


def test_run_hands_settings_and_path_to_the_gateway(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Settings, Path]] = []

    def run(settings: Settings, path: Path) -> int:
        seen.append((settings, path))
        return 0

    monkeypatch.setattr(start, "run", run)
    monkeypatch.setattr(start.logs, "set_up", lambda *_: None)  # logging belongs to the whole process
    assert cli.main(["run", "-c", str(config)]) == 0
    ((settings, path),) = seen
    assert path == config
    assert settings.bridges[0].jid == "irc.example.org"


def test_what_stops_the_start_is_one_sentence_on_standard_error(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(settings: Settings, path: Path) -> int:
        raise SecretError("The key file is gone: restore it.")

    monkeypatch.setattr(start, "run", run)
    monkeypatch.setattr(start.logs, "set_up", lambda *_: None)  # logging belongs to the whole process
    assert cli.main(["run", "-c", str(config)]) == 1
    assert capsys.readouterr().err == "causeway: The key file is gone: restore it.\n"


def test_run_without_a_key_file_says_which_one_is_missing(config: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "run", "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"causeway: The key file {config.parent}/causeway.key does not exist" in done.stderr
    assert "Traceback" not in done.stderr


# -- playground ------------------------------------------------------------------------------------------------


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A playground in which nothing is started."""
    module = ModuleType("gateway.playground.console")

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--tour", action="store_true")

    async def playground_main(arguments: argparse.Namespace) -> int:
        if not arguments.tour:
            raise KeyboardInterrupt
        return 3

    module.__dict__.update(add_arguments=add_arguments, playground_main=playground_main)
    monkeypatch.setitem(sys.modules, "gateway.playground.console", module)
    return module


@pytest.mark.usefixtures("console")
def test_the_playground_brings_its_own_arguments_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["playground", "--help"]) == 0
    assert "--tour" in capsys.readouterr().out
    assert cli.main(["playground", "--tour"]) == 3


@pytest.mark.usefixtures("console")
def test_an_interrupted_command_is_status_130() -> None:
    assert cli.main(["playground"]) == 130
