"""The parts of a backup beside the places where they belong, until all are ready; then they go there, all or none."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.backup.archive import DATA, DATABASE, KEY, MEDIA, Manifest, NotABackup, synced
from gateway.backup.making import GIVEN
from gateway.secrets import SecretBox, SecretError
from gateway.settings import Settings

_COMPANIONS = ("-wal", "-shm", "-journal")  # of an SQLite database
_PREFIX = ".restored-"


@dataclass(frozen=True, slots=True)
class _Move:
    source: Path
    target: Path


class Stage:
    """Where parts are put first. Removed with ``stack``, but for what is in its place by then."""

    def __init__(self, settings: Settings, manifest: Manifest, stack: ExitStack) -> None:
        self._stack = stack
        self._moves: list[_Move] = []
        self._last: list[_Move] = []
        self._roots: dict[str, Path] = {}
        self.database: Path | None = None
        file = settings.storage.database_file
        if DATABASE in manifest.parts and file is not None:
            self.database = self._beside(file)
            self._roots[DATABASE] = self.database
        self._database_file = file
        data = settings.storage.directory
        bridges = {name.split("/", 2)[1] for name in manifest.parts if name.startswith(DATA)}
        for bridge in sorted(bridges):
            self._roots[f"{DATA}{bridge}/"] = self._below(data, bridge)
        if any(name.startswith(MEDIA) for name in manifest.parts):
            self._roots[MEDIA] = self._below(settings.media.directory, GIVEN)
        key = settings.storage.key_file
        if KEY in manifest.parts and not (key.exists() and _key_id(key) == manifest.key):
            self._roots[KEY] = self._beside(key)
        else:
            self._roots[KEY] = self._beside(key, wanted=False)

    def also(self, source: Path, target: Path) -> None:
        """Put a file in place after everything else; what is there is replaced."""
        self._last.append(_Move(source, target))

    def place(self, name: str) -> Path:
        """Where a part is to be put now. Raises ``NotABackup``."""
        for root, path in self._roots.items():
            if name == root:
                return path
            if root.endswith("/") and name.startswith(root):
                found = path / name.removeprefix(root)
                found.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                return found
        raise NotABackup(f"nobody knows where {name!r} belongs.")

    def in_the_way(self) -> list[Path]:
        return [path for move in self._moves for path in self._there(move.target)]

    def put_in_place(self, now: float) -> tuple[Path, ...]:
        """Where what was in the way is now. Raises ``OSError``; then all is as it was."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        done: list[_Move] = []
        aside = []
        try:
            for move in (*self._moves, *self._last):
                _give(move.source, move.target.parent)
                for path in self._there(move.target) if move not in self._last else ():
                    away = path.with_name(f"{path.name}.before-restore-{stamp}")
                    _moved(_Move(path, away), done)
                    aside.append(away)
                if move.target.is_dir():
                    move.target.rmdir()  # an empty one
                _moved(move, done)
        except BaseException:
            for move in reversed(done):
                move.target.rename(move.source)
            raise
        for directory in {move.target.parent for move in done}:
            synced(directory)
        return tuple(aside)

    def _there(self, target: Path) -> Iterator[Path]:
        """What is in the way of a target."""
        if target.is_dir():
            if any(target.iterdir()):
                yield target
        elif target.exists():
            yield target
        if target == self._database_file:
            for ending in _COMPANIONS:
                companion = target.with_name(target.name + ending)
                if companion.exists():
                    yield companion

    def _make(self, path: Path) -> None:
        """A directory that stays only if something is put there."""
        if not path.exists():
            path.mkdir(mode=0o700)
            self._stack.callback(_unmake, path)
            _give(path, path.parent)

    def _beside(self, target: Path, *, wanted: bool = True) -> Path:
        """A file that is to become ``target``."""
        self._make(target.parent)
        path = target.with_name(f"{_PREFIX}{os.getpid()}-{target.name}")
        self._stack.callback(_remove_file, path)
        if wanted:
            self._moves.append(_Move(path, target))
        return path

    def _below(self, directory: Path, name: str) -> Path:
        """A directory that is to become ``directory / name``."""
        self._make(directory)
        place = directory / f"{_PREFIX}{os.getpid()}"
        self._stack.callback(shutil.rmtree, place, ignore_errors=True)
        path = place / name
        path.mkdir(mode=0o700, parents=True)
        self._moves.append(_Move(path, directory / name))
        return path


def _key_id(path: Path) -> str:
    try:
        return SecretBox.load(path).key_id
    except SecretError:
        return ""


def _unmake(path: Path) -> None:
    with suppress(OSError):  # there is something in it
        path.rmdir()


def _remove_file(path: Path) -> None:
    for each in (path, *(path.with_name(path.name + ending) for ending in _COMPANIONS)):
        each.unlink(missing_ok=True)


def _moved(move: _Move, done: list[_Move]) -> None:
    os.replace(move.source, move.target)
    done.append(move)


def _give(path: Path, like: Path) -> None:
    """What root puts there belongs to whom the directory belongs to."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    paths = [path, *path.rglob("*")] if path.is_dir() else [path]
    for each in paths:
        os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)
