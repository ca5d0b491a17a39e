"""Build the source archive and the wheel of what git knows, byte by byte the same wherever and whenever that is done:

    python -m supply.archives [--revision REVISION] [DIRECTORY]

Files come from git and not from the directory, where setuptools would take along what is left in ``build/``. The wheel is
built from the source archive, so that the archive is known to be whole.
"""

import argparse
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_DIRECTORY_MODE, _FILE_MODE, _PROGRAM_MODE = 0o755, 0o644, 0o755


class CannotBuild(Exception):
    """One sentence of why."""


def build(repository: Path, revision: str, output: Path) -> list[Path]:
    """The archives of ``revision``, written to ``output``. Raises ``CannotBuild``."""
    epoch = int(
        os.environ.get("SOURCE_DATE_EPOCH") or _said(repository, "log", "-1", "--format=%ct", revision)
    )
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        checked_out = place / "source"
        with tarfile.open(fileobj=io.BytesIO(_bytes(repository, "archive", revision))) as archive:
            archive.extractall(checked_out, filter="data")
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


def _said(repository: Path, *arguments: str) -> str:
    return _bytes(repository, *arguments).decode().strip()


def _bytes(repository: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise CannotBuild(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser("scripts/build", description="Build the source archive and the wheel.")
    parser.add_argument("output", nargs="?", type=Path, default=Path("dist"), metavar="DIRECTORY")
    parser.add_argument("--revision", default="HEAD", help="what to build (default: HEAD)")
    arguments = parser.parse_args()
    try:
        for archive in build(Path(__file__).parent.parent, arguments.revision, arguments.output):
            print(archive)
    except CannotBuild as error:
        print(f"scripts/build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
