"""The socket's place in the file system: made, found, and taken away again. Knows nothing of what is said on it.

A path in a socket's address has at most 107 bytes. Longer ones are reached through ``/proc/self/fd`` of their directory.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MOST = 107
_BACKLOG = 16
#: Seconds that somebody who listens may take to let us in.
_PATIENCE = 5.0


class Occupied(Exception):
    """Another process listens on that socket."""


def listening(path: Path) -> tuple[socket.socket, int]:
    """A socket that listens at ``path``, mode 0600, and its inode; what a dead process left there is removed. Raises
    ``Occupied``, and ``OSError``."""
    with _directory(path) as directory:
        name = _name(path, directory)
        # Two that start together would each remove the other's.
        fcntl.flock(directory, fcntl.LOCK_EX)
        if path.is_socket():
            if _alive(name):
                raise Occupied(str(path))
            path.unlink()
        made = socket.socket(socket.AF_UNIX)
        try:
            made.bind(name)
            os.chmod(path, 0o600)  # before anybody can be let in
            made.listen(_BACKLOG)
            made.setblocking(False)
            return made, path.lstat().st_ino
        except BaseException:
            made.close()
            raise


def connected(path: Path, timeout: float) -> socket.socket:
    """A connection to whoever listens at ``path``. Raises ``OSError``."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(timeout)
        with _directory(path) as directory:
            made.connect(_name(path, directory))
    except BaseException:
        made.close()
        raise
    return made


def remove(path: Path, inode: int) -> None:
    """Take a socket away, unless another one is there by now. ``inode`` is the number of ours."""
    with suppress(FileNotFoundError):
        if path.lstat().st_ino == inode:
            path.unlink()


def _alive(name: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(name)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it is too busy to let us in, or does not want to: somebody is there
            return True
        return True


@contextmanager
def _directory(path: Path) -> Iterator[int]:
    directory = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield directory
    finally:
        os.close(directory)


def _name(path: Path, directory: int) -> str:
    """How ``path`` is called in an address, as long as its directory is open."""
    whole = str(path.absolute())
    return whole if len(os.fsencode(whole)) <= _MOST else f"/proc/self/fd/{directory}/{path.name}"
