"""Other ways to install, with what operators may have: uv and pipx, from the registry and into homes of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from supply.archives import build, check_out
from supply.locked import REPOSITORY, REQUIREMENTS, installed, pins

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("checked-out") / "source"
    epoch = check_out(REPOSITORY, "HEAD", place)
    return next(
        path for path in build(place, epoch, tmp_path_factory.mktemp("dist")) if path.suffix == ".whl"
    )


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with both."""
    place = tmp_path_factory.mktemp("tools")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", "uv", "pipx"], check=True)
    return place / "bin"


def works(program: Path, home: Path, environment: Mapping[str, str]) -> None:
    """The installed command does what a new operator does first."""

    def said(*arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [program, *arguments], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    assert said("version").startswith("causeway ")
    for kind in ("irc", "email", "sms"):
        place = home / kind
        place.mkdir()
        config = str(place / "config.toml")
        said("init", "--kind", kind, "--domain", f"{kind}.example.org", "--output", config)
        (place / "config.toml").write_text(
            (place / "config.toml").read_text().replace("port = 5347", "port = 1")
        )
        assert f"ok    {config}: {kind} at {kind}.example.org" in said("check", "-c", config, status=1)


def test_uv_installs_the_wheel_in_the_versions_that_are_locked(wheel, tools, tmp_path):
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "UV_TOOL_DIR": str(tmp_path / "opt"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
    }
    wanted = f"{wheel}[email,sms,postgresql]"
    command = [tools / "uv", "tool", "install", "--quiet", "--python", sys.executable]
    subprocess.run([*command, "--constraints", REQUIREMENTS / "run.txt", wanted], env=environment, check=True)
    locked = {pin.name: pin.version for pin in pins(REQUIREMENTS / "run.txt")}
    for name, package in installed(tmp_path / "opt/causeway").items():
        assert name == "causeway" or locked[name] == package.version
    works(tmp_path / "bin/causeway", tmp_path, environment)


def test_pipx_installs_the_wheel(wheel, tools, tmp_path):
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "opt"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
    }
    wanted = f"{wheel}[email,sms,postgresql]"
    subprocess.run(
        [tools / "pipx", "install", "--python", sys.executable, wanted], env=environment, check=True
    )
    works(tmp_path / "bin/causeway", tmp_path, environment)
