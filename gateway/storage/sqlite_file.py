"""A file of SQLite's: how it is named to be opened, and whether what is open is still what is at its place."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from gateway.storage.errors import Trouble, trouble

#: Of a file, whatever it is called: its device and its number there. No other has them for as long as it is open.
Identity = tuple[int, int]


def url_of(path: Path, **query: str) -> URL:
    """``query``: see https://www.sqlite.org/uri.html."""
    name = f"file:{quote(str(path.absolute()))}"
    return URL.create("sqlite+aiosqlite", database=name, query={"uri": "true", **query})


def only_looking(path: Path) -> dict[str, str]:
    """What a URI for SQLite has to say so that a reader leaves no file behind (https://www.sqlite.org/wal.html, "Read-Only
    Databases"): a log of others is read as it is, with an index of our own where nobody holds theirs; without one
    everything is in the file itself. Not for a process that has the file open, for all of it would share that index."""
    log, index = (path.with_name(f"{path.name}{each}") for each in ("-wal", "-shm"))
    return {"readonly_shm": "1"} if log.exists() and index.exists() else {"immutable": "1"}


def identity(path: Path) -> Identity | None:
    """None: nothing is there. Raises ``OSError``."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def see(path: Path, opened: Identity | None, place: str) -> None:
    """Raises ``StorageError`` if ``opened`` is not what is at ``path``; ``place`` is how messages name it."""
    try:
        found = identity(path)
    except OSError as error:
        kind = Trouble.PERMISSION if isinstance(error, PermissionError) else Trouble.DEVICE
        raise trouble(kind, place, error.strerror or type(error).__name__) from error
    if found != opened:
        raise trouble(Trouble.MOVED, place)
