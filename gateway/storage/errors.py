"""What can go wrong with a database, in words a person can act on.

Drivers, SQLAlchemy and the operating system each have their own exceptions; here they all become one ``StorageError``
whose text says what happened, where, and what to do. Knows the drivers' error codes only, imports no driver.
"""

import socket
import sqlite3
from enum import StrEnum

from gateway.bridge import NotStored


class Trouble(StrEnum):
    """The kinds of trouble that need different fixes."""

    URL = "url"
    DIRECTORY = "directory"
    MISSING = "missing"
    MOVED = "moved"
    PERMISSION = "permission"
    NOT_A_DATABASE = "not a database"
    FUTURE = "from the future"
    LOCKED = "locked"
    FULL = "full"
    DEVICE = "device"
    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    ROW = "row"
    STATEMENT = "statement"
    CLOSED = "closed"


class StorageError(NotStored):
    """The text is one sentence of what happened and the fix; ``trouble`` tells a program which kind it is.

    Rows and statements never appear in it, for they hold what people said.
    """

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble

    @property
    def by_statement(self) -> bool:
        """The statement itself is at fault: another one in its place would have worked."""
        return self.trouble in (Trouble.ROW, Trouble.STATEMENT)


# What to say for each kind; {place} is the database, {detail} the driver's short code.
_SENTENCES = {
    Trouble.MISSING: "{place} does not exist ({detail}): create it, or correct the database URL.",
    Trouble.MOVED: "{place} was moved away or replaced while the gateway runs; what is written now can be lost when it "
    "ends: stop the gateway, put the file back, and start it.",
    Trouble.PERMISSION: "{place} may not be read and written by this user ({detail}): give the user that runs Causeway "
    "read and write access to it.",
    Trouble.NOT_A_DATABASE: "{place} is not a database or is damaged ({detail}): correct the database URL, or put a "
    "backup in its place.",
    Trouble.LOCKED: "{place} is locked by another program ({detail}): end the other program, or wait until it has "
    "finished.",
    Trouble.FULL: "{place} has no room left ({detail}): free space on its disk; Causeway goes on by itself then.",
    Trouble.DEVICE: "{place} cannot be read or written ({detail}): look for disk errors in the system log, and "
    "for a quota that is used up.",
    Trouble.CREDENTIALS: "{place} refuses the user or password ({detail}): correct them in the database URL.",
    Trouble.UNREACHABLE: "{place} cannot be reached ({detail}): see that the server runs and listens there.",
    Trouble.ROW: "{place} refuses this row ({detail}): it breaks a rule of its table or holds text that cannot be "
    "stored.",
    Trouble.STATEMENT: "{place} cannot carry out a statement ({detail}): this is a mistake in Causeway, please report it.",
    Trouble.CLOSED: "{place} is closed: start Causeway again.",
}

# https://sqlite.org/rescode.html: primary result codes.
_SQLITE_CODES = {
    sqlite3.SQLITE_PERM: Trouble.PERMISSION,
    sqlite3.SQLITE_BUSY: Trouble.LOCKED,
    sqlite3.SQLITE_LOCKED: Trouble.LOCKED,
    sqlite3.SQLITE_READONLY: Trouble.PERMISSION,
    sqlite3.SQLITE_IOERR: Trouble.DEVICE,
    sqlite3.SQLITE_CORRUPT: Trouble.NOT_A_DATABASE,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CANTOPEN: Trouble.PERMISSION,
    sqlite3.SQLITE_TOOBIG: Trouble.ROW,
    sqlite3.SQLITE_CONSTRAINT: Trouble.ROW,
    sqlite3.SQLITE_MISMATCH: Trouble.ROW,
    sqlite3.SQLITE_AUTH: Trouble.PERMISSION,
    sqlite3.SQLITE_NOTADB: Trouble.NOT_A_DATABASE,
}

# PostgreSQL appendix A; the longest prefix decides.
_SQL_STATES = {
    "08": Trouble.UNREACHABLE,
    "22": Trouble.ROW,
    "23": Trouble.ROW,
    "25006": Trouble.PERMISSION,
    "28": Trouble.CREDENTIALS,
    "3D000": Trouble.MISSING,
    "40": Trouble.LOCKED,
    "42501": Trouble.PERMISSION,
    "53": Trouble.UNREACHABLE,
    "53100": Trouble.FULL,
    "54": Trouble.ROW,
    "55P03": Trouble.LOCKED,
    "57": Trouble.UNREACHABLE,
    "58": Trouble.DEVICE,
    "XX001": Trouble.NOT_A_DATABASE,
    "XX002": Trouble.NOT_A_DATABASE,
}

# Tried in order: the first class that fits decides.
_PLAIN_CLASSES: tuple[tuple[type[BaseException], Trouble], ...] = (
    (FileNotFoundError, Trouble.MISSING),
    (PermissionError, Trouble.PERMISSION),
    (OSError, Trouble.UNREACHABLE),
    (sqlite3.ProgrammingError, Trouble.ROW),  # a value of a type that cannot be bound
    (sqlite3.InterfaceError, Trouble.ROW),
    (sqlite3.DataError, Trouble.ROW),
    (UnicodeError, Trouble.ROW),
    (ValueError, Trouble.ROW),
    (TypeError, Trouble.ROW),
    (OverflowError, Trouble.ROW),
)


def trouble(kind: Trouble, place: str, detail: str = "") -> StorageError:
    """The usual sentence for a kind of trouble."""
    return StorageError(kind, _SENTENCES[kind].format(place=place, detail=detail))


def explain(error: BaseException, place: str) -> StorageError:
    """Whatever a driver, SQLAlchemy or the system raised, as a ``StorageError`` about ``place``."""
    if isinstance(error, StorageError):
        return error
    for cause in _causes(error):
        found = _diagnose(cause)
        if found is not None:
            return trouble(found[0], place, found[1])
    return trouble(Trouble.STATEMENT, place, type(error).__name__)


def _causes(error: BaseException) -> list[BaseException]:
    """The innermost last: SQLAlchemy keeps the driver's exception in ``orig``, its adapters in ``__cause__``."""
    chain: list[BaseException] = []
    following: object = error
    while isinstance(following, BaseException) and following not in chain:
        chain.append(following)
        following = getattr(following, "orig", None) or following.__cause__
    return chain


def _diagnose(error: BaseException) -> tuple[Trouble, str] | None:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        kind = _SQLITE_CODES.get(code & 0xFF, Trouble.STATEMENT)
        return kind, str(getattr(error, "sqlite_errorname", code))
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        for length in (5, 2):
            if state[:length] in _SQL_STATES:
                return _SQL_STATES[state[:length]], f"SQLSTATE {state}"
        return Trouble.STATEMENT, f"SQLSTATE {state}"
    if isinstance(error, socket.gaierror):
        return Trouble.UNREACHABLE, "the host name is unknown"
    if isinstance(error, ConnectionRefusedError):
        return Trouble.UNREACHABLE, "connection refused"
    if isinstance(error, TimeoutError):
        return Trouble.UNREACHABLE, "no answer in time"
    if _is_lost_connection(error):
        return Trouble.UNREACHABLE, "the connection was lost"
    for kind_of, kind in _PLAIN_CLASSES:
        if isinstance(error, kind_of):
            return kind, _detail(error)
    return None


def _is_lost_connection(error: BaseException) -> bool:
    # asyncpg has no code for a connection that died under it: it says that it "is closed", or, if that happened while a
    # command was being sent, that its own state is wrong. Either way only a new connection helps.
    name = type(error).__name__
    return name == "InternalClientError" or (
        name == "InterfaceError" and "connection" in str(error) and "closed" in str(error)
    )


def _detail(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
