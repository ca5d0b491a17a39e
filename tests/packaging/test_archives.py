"""What is released: the same bytes every time, all that belongs in it and nothing else, and a command that works."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply.archives import build, check_out
from supply.locked import REPOSITORY, REQUIREMENTS, normal, pins

_SOURCES_OF_TEXTS = {".po", ".pot"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The files of what is released, and its time."""
    place = tmp_path_factory.mktemp("checked-out") / "source"
    return place, check_out(REPOSITORY, "HEAD", place)


@pytest.fixture(scope="module")
def elsewhere(source: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files as somebody else has them: at another place, from another time."""
    place = tmp_path_factory.mktemp("somewhere") / "else"
    shutil.copytree(source[0], place, symlinks=True)
    for path in place.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o066)
            os.utime(path, (1_000_000_000, 1_000_000_000))
    return place


@pytest.fixture(scope="module")
def sources(source: tuple[Path, int]) -> set[str]:
    return {str(path.relative_to(source[0])) for path in source[0].rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def archives(source, sources, elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By their endings. (The other two first: setuptools leaves its own files among the sources.)"""
    return {path.suffix: path for path in build(*source, tmp_path_factory.mktemp("dist"))}


@pytest.fixture(scope="module")
def wheel(archives: Mapping[str, Path]) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(archives[".whl"]) as opened:
        yield opened


@pytest.mark.slow  # two builds; `scripts/test --slow`, before a release
def test_another_directory_time_zone_and_umask_give_the_same_bytes(
    archives, source, elsewhere, tmp_path, monkeypatch
):
    old = os.umask(0)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    try:
        again = build(elsewhere, source[1], tmp_path / "again")
    finally:
        os.umask(old)
    assert {path.name: path.read_bytes() for path in again} == {
        path.name: path.read_bytes() for path in archives.values()
    }


def test_archives_do_not_tell_who_made_them(archives, wheel):
    with tarfile.open(archives[".gz"]) as packed:
        assert {(each.uid, each.gid, each.uname, each.gname) for each in packed} == {(0, 0, "", "")}
        assert len({each.mtime for each in packed}) == 1
    assert not any(each.external_attr >> 16 & 0o7002 for each in wheel.infolist())


def test_the_wheel_has_all_files_of_the_packages_and_nothing_else(wheel, sources):
    ours = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert ours == {
        each
        for each in sources
        if each.startswith(("gateway/", "bridges/")) and Path(each).suffix not in _SOURCES_OF_TEXTS
    }


def test_the_source_archive_has_all_sources(archives, sources):
    with tarfile.open(archives[".gz"]) as packed:
        names = {each.name.partition("/")[2] for each in packed if not each.isdir()}
    assert sources <= names


def test_all_that_the_wheel_asks_for_with_any_extra_is_locked(wheel):
    (place,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    asked = [
        Requirement(line.removeprefix("Requires-Dist: "))
        for line in wheel.read(place).decode().splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    locked = {pin.name: pin.version for pin in pins(REQUIREMENTS / "run.txt")}
    assert {"email", "sms", "postgresql"} <= {
        str(each.marker).partition('extra == "')[2].rstrip('"')
        for each in asked
        if "extra ==" in str(each.marker)
    }
    for each in asked:
        assert each.specifier.contains(locked[normal(each.name)]), each


@pytest.fixture(scope="module")
def installation(tmp_path_factory, wheel) -> Path:
    """The wheel in an environment of its own, with the dependencies of the one that runs the tests."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory)
    (place,) = directory.glob("lib/python*/site-packages")
    wheel.extractall(place)
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (place / "dependencies.pth").write_text("\n".join(theirs))
    return directory


def run(installation: Path, program: str) -> str:
    done = subprocess.run(
        [installation / "bin/python", "-c", f"import sys; from gateway.cli import main\n{program}"],
        cwd=installation,  # the clone's own directories would be found first
        env={"PATH": os.environ["PATH"], "HOME": str(installation), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_from_the_wheel_alone_configurations_of_all_bridges_are_written_and_read(installation):
    said = run(
        installation,
        """
import gateway
from pathlib import Path
from gateway.config import load
assert gateway.__file__.startswith(sys.prefix), gateway.__file__
assert main(["version"]) == 0
for kind in ("irc", "email", "sms"):
    assert main(["init", "--kind", kind, "--domain", f"{kind}.example.org", "--output", f"{kind}.toml"]) == 0
    print(kind, [each.jid for each in load(Path(f"{kind}.toml"), {}).bridges])
""",
    )
    assert said.startswith("causeway 0.1.0\n")
    for kind in ("irc", "email", "sms"):
        assert f"{kind} ['{kind}.example.org']" in said


def test_the_wheel_brings_the_command(wheel):
    (points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "causeway = gateway.cli:main" in wheel.read(points).decode()
