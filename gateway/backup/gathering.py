"""Files that others write and delete, held as they are at one time: by further names (hard links), which cost nothing.

Whoever keeps files here writes each once, gives it its name when it is whole, and its row after that. So a row's file is
there, unless it was deleted since the rows were read.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".backup-"


@contextmanager
def holding(directory: Path) -> Iterator["Held"]:
    """Names for files below ``directory``, until the block ends; of a directory that is not there nothing."""
    place = directory / f"{_PREFIX}{os.getpid()}"
    if directory.is_dir():
        for left in directory.glob(f"{_PREFIX}*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        place.mkdir(mode=0o700)
    try:
        yield Held(directory, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Held:
    """What is below ``directory``, by paths relative to it."""

    def __init__(self, directory: Path, place: Path) -> None:
        self._directory = directory
        self._place = place

    def hold(self) -> None:
        """Hold all that is there now, besides what is held already. Raises ``OSError``."""
        if not self._place.is_dir():
            return
        for where, directories, names in os.walk(self._directory):
            directories[:] = [each for each in directories if not each.startswith(_PREFIX)]
            here = Path(where)
            there = self._place / here.relative_to(self._directory)
            there.mkdir(mode=0o700, exist_ok=True)
            for name in names:
                # What is deleted just now is needed by nobody; a link made earlier will do.
                with suppress(FileNotFoundError, FileExistsError):
                    os.link(here / name, there / name, follow_symlinks=False)

    def release(self) -> None:
        """Hold nothing any more."""
        shutil.rmtree(self._place, ignore_errors=True)
        if self._directory.is_dir():
            self._place.mkdir(mode=0o700)

    def files(self) -> dict[str, Path]:
        """What is held: where it is to be read."""
        if not self._place.is_dir():
            return {}
        return {
            path.relative_to(self._place).as_posix(): path
            for path in sorted(self._place.rglob("*"))
            if stat.S_ISREG(path.lstat().st_mode)  # a link could lead anywhere
        }
