"""The file that a backup is: a compressed tar archive that begins with a manifest of all that follows.

Reading trusts nothing: only regular files that the manifest lists are taken, with its sizes and hashes, under names that
stay where they belong.
"""

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pydantic import TypeAdapter, ValidationError

FORMAT = 1

CONFIG, DATABASE, KEY = "config.toml", "database.sqlite", "causeway.key"
DATA, MEDIA = "data/", "media/"

_MANIFEST = "manifest.json"
_MOST = 64 * 1024 * 1024  # bytes of a manifest
_CHUNK = 1024 * 1024
_LEVEL = 3  # mails and databases shrink little more with higher ones, and take a multiple of the time


class NotABackup(Exception):
    """The file is not one, is damaged, or is of a newer Causeway; the text says which."""


@dataclass(frozen=True, slots=True)
class Part:
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``made`` in Unix seconds; ``database`` is ``sqlite``, or ``postgresql``, which is not part of a backup; ``schema`` as
    ``gateway.storage.versions.Numbers``; ``key`` the id of the key file that opens the passwords; ``missing`` files that
    rows name and nobody has."""

    version: str
    made: float
    running: bool
    database: str
    schema: dict[str, int]
    key: str
    parts: dict[str, Part]
    missing: tuple[str, ...] = ()
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class _Format:
    """What every version of a manifest has."""

    format: int
    version: str = field(default="?")


_SHAPE, _FORMAT_SHAPE = TypeAdapter(Manifest), TypeAdapter(_Format)


def described(files: Mapping[str, Path]) -> dict[str, Part]:
    """What a manifest says of files. Raises ``OSError``."""
    found = {}
    for name, path in files.items():
        with path.open("rb") as file:
            found[name] = Part(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
    return found


def write(target: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Mode 0600; whole and on disk when this returns, or not there. Raises ``OSError``."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL) as tar:
                text = _SHAPE.dump_json(manifest, indent=1)
                _add(tar, _MANIFEST, io.BytesIO(text), len(text), manifest.made)
                for name, path in files.items():
                    with path.open("rb") as part:
                        _add(tar, name, part, manifest.parts[name].size, manifest.made)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    synced(target.absolute().parent)


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int, time: float) -> None:
    """Nothing of who we are goes in."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(time), 0o600
    tar.addfile(info, data)


def synced(directory: Path) -> None:
    """What was renamed in it is on disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reader:
    """A backup that is read from its beginning to its end. Everything raises ``NotABackup``."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> Manifest:
        member = self._next()
        if member is None or member.name != _MANIFEST or not member.isreg() or member.size > _MOST:
            raise NotABackup("it does not begin with a manifest, so `causeway backup` has not made it.")
        with _broken():
            text = self._data(member).read()
        try:
            form = _FORMAT_SHAPE.validate_json(text)
            if form.format > FORMAT:
                raise NotABackup(f"it was made by Causeway {form.version}, which is newer: install that one.")
            manifest = _SHAPE.validate_json(text)
        except ValidationError:
            raise NotABackup("its manifest is damaged.") from None
        for name in manifest.parts:
            _sound(name)
        return manifest

    def parts(self) -> Iterator[tuple[str, "PartReader"]]:
        """All of them, each to be read before the next; afterwards it is certain that none is missing."""
        missing = dict(self.manifest.parts)
        while (member := self._next()) is not None:
            part = missing.pop(member.name, None)
            if part is None or not member.isreg() or member.size != part.size:
                raise NotABackup(f"{member.name!r} is not what the manifest says.")
            yield member.name, PartReader(self._data(member), member.name, part)
        if missing:
            raise NotABackup(f"it is cut off: {len(missing)} parts are missing.")

    def _next(self) -> tarfile.TarInfo | None:
        with _broken():
            return self._tar.next()

    def _data(self, member: tarfile.TarInfo) -> IO[bytes]:
        return cast("IO[bytes]", self._tar.extractfile(member))  # of regular files there is one


class PartReader:
    def __init__(self, data: IO[bytes], name: str, part: Part) -> None:
        self._data = data
        self._name = name
        self._part = part

    def save(self, path: Path) -> None:
        """Into a new file, mode 0600, on disk when this returns. Raises ``OSError`` too."""
        digest = hashlib.sha256()
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while chunk := self._chunk():
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != self._part.sha256:
            raise NotABackup(f"{self._name!r} is damaged.")

    def _chunk(self) -> bytes:
        with _broken():
            return self._data.read(_CHUNK)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Raises ``NotABackup`` and ``OSError``."""
    with path.open("rb") as file, ExitStack() as stack:
        with _broken():
            tar = stack.enter_context(tarfile.open(fileobj=file, mode="r|gz"))
        yield Reader(tar)


@contextmanager
def _broken() -> Iterator[None]:
    """What tarfile, gzip and zlib raise of damaged files."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise NotABackup(f"it is damaged, or no backup at all ({error}).") from None


def _sound(name: str) -> None:
    """A name in a manifest that can be nothing but a file below a directory of ours."""
    path = PurePosixPath(name)
    known = name in {CONFIG, DATABASE, KEY} or name.startswith((DATA, MEDIA))
    if not known or ".." in path.parts or path.is_absolute() or str(path) != name or "\0" in name:
        raise NotABackup(f"its manifest names {name!r}.")
