"""Real mails, which ``scripts/corpora`` fetches and nobody commits."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gateway.playground import unpacked

#: Directories of the cache, and which of their files are mails.
_PLACES = {
    "bounceparser": "t/corpus/*.msg",
    "cpython": "msg_*.txt",
    "dkimpy": "dkim/tests/data/*.*",
    "flufl.bounce": "tests/data/*.txt",
    "mail-parser": "tests/mails/*",
    "talon": "tests/fixtures/**/*.eml",
}
_HEADER = re.compile(rb"(?:From |>From |[A-Za-z-]{2,40}:)")


def place(name: str) -> Path:
    """Where the corpus of that name is. Fails where it was not fetched: nothing of it is optional."""
    found = unpacked.cache() / "corpora" / name
    if not found.is_dir():
        raise FileNotFoundError(
            f"there are no mails in {found}; in Causeway's source tree, run scripts/corpora"
        )
    return found


@cache
def paths() -> tuple[Path, ...]:
    """Every mail, in order."""
    found = (path for name, pattern in _PLACES.items() for path in sorted(place(name).glob(pattern)))
    return tuple(
        path for path in found if path.is_file() and _HEADER.match(path.read_bytes()[:100]) is not None
    )


def mails() -> Iterator[tuple[str, bytes]]:
    """Name and content of every mail."""
    for path in paths():
        yield f"{path.parent.name}/{path.name}", path.read_bytes()
