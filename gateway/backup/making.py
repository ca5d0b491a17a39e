"""Making a backup, of a gateway that runs or of one that does not. Blocks."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from gateway.backup import archive
from gateway.backup.archive import CONFIG, DATA, DATABASE, KEY, MEDIA, Manifest
from gateway.backup.gathering import Held, holding
from gateway.backup.snapshot import Damaged, copy
from gateway.bridge import Schema
from gateway.secrets import SecretBox, SecretError
from gateway.settings import Settings
from gateway.storage.errors import StorageError, Trouble, explain, trouble
from gateway.storage.offline import in_use, transaction
from gateway.storage.versions import applied, latest

Say = Callable[[str], None]

GIVEN = "given"  # below media.directory: files with links
_TRIES = 5


class NotMade(Exception):
    """There is no backup; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    manifest: Manifest
    size: int


@dataclass(frozen=True, slots=True)
class _Moment:
    """A database as of one time, and the files that were there then."""

    schema: dict[str, int]
    files: Mapping[str, Path]
    missing: tuple[str, ...]


def schemas_of(settings: Settings) -> dict[str, Schema]:
    """Of the kinds of bridges that are configured."""
    found = {each.kind: each.plugin.schema for each in settings.bridges}
    return {kind: schema for kind, schema in found.items() if schema is not None}


def make(settings: Settings, config: Path, target: Path, *, with_key: bool, now: float, say: Say) -> Made:
    """Write a backup to ``target``, which must not exist. Raises ``NotMade``."""
    if target.exists():
        raise NotMade(f"{target} exists already: name another file, or remove it.")
    try:
        key = SecretBox.load(settings.storage.key_file).key_id
        with ExitStack() as stack:
            data = stack.enter_context(holding(settings.storage.directory))
            given = stack.enter_context(holding(settings.media.directory / GIVEN))
            database = target.with_name(f".{target.name}.{os.getpid()}.db")
            stack.callback(database.unlink, missing_ok=True)
            running = asyncio.run(in_use(settings.storage.database))
            moment = _moment(settings, database, data, given, say)
            files = {CONFIG: config, **moment.files}
            if with_key:
                files[KEY] = settings.storage.key_file
            say(f"packing {len(files)} files")
            parts = archive.described(files)
            kind = "sqlite" if DATABASE in files else "postgresql"
            manifest = Manifest(
                version("causeway"), now, running, kind, moment.schema, key, parts, moment.missing
            )
            archive.write(target, manifest, files)
    except (StorageError, SecretError) as error:
        raise NotMade(str(error)) from None
    except Damaged as error:
        raise NotMade(
            f"The database is damaged ({error}): stop the gateway, and restore an earlier backup, or save what can be read "
            "with `sqlite3 causeway.db .recover`."
        ) from None
    except OSError as error:
        raise NotMade(
            f"{error.filename or target} cannot be read or written ({error.strerror}): run this as root or as the gateway's "
            "user, to a place with room for database and files."
        ) from None
    return Made(manifest, target.stat().st_size)


def _moment(settings: Settings, database: Path, data: Held, given: Held, say: Say) -> _Moment:
    """Files of messages that come and go meanwhile can be missed; then it is done once more."""
    file = settings.storage.database_file
    for attempt in range(1, _TRIES + 1):
        _hold(data, given)
        if file is None:
            url = settings.storage.database
        else:
            database.unlink(missing_ok=True)
            say(f"copying {file}")
            _copied(file, database)
            url = f"sqlite:///{database.absolute()}"
        # Those that have come since the first look, and whose rows are in the copy.
        _hold(data, given)
        files = {
            **{f"{DATA}{name}": path for name, path in data.files().items()},
            **{f"{MEDIA}{name}": path for name, path in given.files().items()},
        }
        schema, named = asyncio.run(_named(url, schemas_of(settings)))
        missing = tuple(sorted(named - files.keys()))
        if not missing or attempt == _TRIES or file is None:
            break
        say(f"{len(missing)} files were deleted meanwhile; looking again")
        _release(data, given)
    return _Moment(schema, files if file is None else {DATABASE: database, **files}, missing)


def _hold(*places: Held) -> None:
    for each in places:
        each.hold()


def _release(*places: Held) -> None:
    for each in places:
        each.release()


def _copied(file: Path, database: Path) -> None:
    if not file.exists():
        raise trouble(Trouble.MISSING, f"The database {file}", "no such file")
    try:
        copy(file, database)
    except sqlite3.Error as error:
        raise explain(error, f"The database {file}") from None


async def _named(url: str, schemas: Mapping[str, Schema]) -> tuple[dict[str, int], set[str]]:
    """How far the schema is, and what files rows name, as parts of a backup."""
    named: set[str] = set()
    async with transaction(url) as connection:
        found = latest(await applied(connection, "The database"))
        for kind, schema in schemas.items():
            # A database of an older version is read by its own program only.
            if schema.files is not None and found.get(kind) == schema.migrations[-1].number:
                named |= {f"{DATA}{bridge}/{path}" for bridge, path in await schema.files(connection)}
    return found, named


def copy_key(source: Path, target: Path) -> None:
    """Raises ``NotMade``."""
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with source.open("rb") as file, os.fdopen(descriptor, "wb") as copied:
            shutil.copyfileobj(file, copied)
            copied.flush()
            os.fsync(copied.fileno())
    except OSError as error:
        raise NotMade(f"The key file cannot be copied to {target}: {error.strerror}.") from None
