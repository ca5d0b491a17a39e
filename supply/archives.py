"""Build the source archive and the wheel of what git knows, byte by byte the same wherever and whenever that is done:

    python -m supply.archives [--revision REVISION] [DIRECTORY]

Files come from git and not from the directory, where setuptools would take along what is left in ``build/``. The wheel is
built from the source archive, so that the archive is known to be whole.
"""

import argparse
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_DIRECTORY_MODE, _FILE_MODE, _PROGRAM_MODE = 0o755, 0o644, 0o755
#: What work leaves in a directory that git does not know (.gitignore).
_LEFT_BEHIND = (
    ".git",
    ".venv",
    ".*_cache",
    ".uv-cache",
    ".hypothesis",
    "build",
    "dist",
    "__pycache__",
    "*.egg-info",
    "*.pyc",
)


class CannotBuild(Exception):
    """One sentence of why."""


def check_out(repository: Path, revision: str, target: Path) -> int:
    """The files of ``revision`` in the new directory ``target``; gives the time of the archives, in Unix seconds. Where
    there is no git, as in an unpacked source archive, the files that are there. Raises ``CannotBuild``."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if not (repository / ".git").exists():
        shutil.copytree(repository, target, ignore=shutil.ignore_patterns(*_LEFT_BEHIND), symlinks=True)
        return int(fixed or (repository / "pyproject.toml").stat().st_mtime)
    with tarfile.open(fileobj=io.BytesIO(_git(repository, "archive", revision))) as archive:
        archive.extractall(target, filter="data")
    return int(fixed or _git(repository, "log", "-1", "--format=%ct", revision))


def build(checked_out: Path, epoch: int, output: Path) -> list[Path]:
    """The archives of the files in ``checked_out``, written to ``output``. Raises ``CannotBuild``."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        source = output / _made(checked_out, place / "sdist", "build_sdist", epoch).name
        _rewrite(place / "sdist" / source.name, source, epoch)
        with tarfile.open(source) as archive:
            archive.extractall(place / "unpacked", filter="data")
        (unpacked,) = (place / "unpacked").iterdir()
        made = _made(unpacked, place / "wheel", "build_wheel", epoch)
        wheel = output / made.name
        wheel.write_bytes(made.read_bytes())
    return [source, wheel]


def _made(source: Path, output: Path, hook: str, epoch: int) -> Path:
    """What setuptools builds (PEP 517), in a process of its own: it goes by its directory, environment and umask."""
    output.mkdir()
    program = f"import setuptools.build_meta as backend; backend.{hook}({str(output)!r})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(f"setuptools failed ({hook}):\n{done.stderr}")
    (made,) = output.iterdir()
    return made


def _rewrite(made: Path, target: Path, epoch: int) -> None:
    """The archive again, without who made it and when: setuptools leaves users, times and the compressor's time in it."""
    with (
        tarfile.open(made) as old,
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            content = old.extractfile(member) if member.isfile() else None
            program = member.mode & 0o100
            member.mode = _DIRECTORY_MODE if member.isdir() else _PROGRAM_MODE if program else _FILE_MODE
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.pax_headers = {}
            new.addfile(member, content)


def _git(repository: Path, *arguments: str) -> bytes:
    # Whoever builds need not own the clone.
    command = ["git", "-c", f"safe.directory={repository}", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise CannotBuild(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser("scripts/build", description="Build the source archive and the wheel.")
    parser.add_argument("output", nargs="?", type=Path, default=Path("dist"), metavar="DIRECTORY")
    parser.add_argument("--revision", default="HEAD", help="what to build (default: HEAD)")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "source"
            epoch = check_out(Path(__file__).resolve().parent.parent, arguments.revision, source)
            for archive in build(source, epoch, arguments.output):
                print(archive)
    except CannotBuild as error:
        print(f"scripts/build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
