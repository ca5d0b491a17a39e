"""Putting a backup in place. Everything is read, checked and made ready beside its place first; then it is renamed.

So a backup that is damaged, or does not fit, changes nothing. What is in the way is moved aside, if that is wanted, and
never deleted. Blocks.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.backup.archive import CONFIG, Manifest, NotABackup, PartReader, Reader, reading
from gateway.backup.making import Say, schemas_of
from gateway.backup.settled import settle, upgrade
from gateway.backup.snapshot import Damaged, check
from gateway.backup.stage import Stage
from gateway.bridge import Clock, Migration
from gateway.config import ConfigError
from gateway.config_file import read
from gateway.control.place import connected
from gateway.secrets import SecretBox, SecretError
from gateway.settings import Settings
from gateway.storage.errors import StorageError
from gateway.storage.offline import in_use
from gateway.storage.versions import known

Load = Callable[[Path], Settings]

_LOOK = 5.0  # seconds
_KEY_FILE = "key_file"  # ours, and of that something else is said


class NotRestored(Exception):
    """Nothing was changed; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``force``: what is in the way is moved aside. ``send_waiting``: the gateway did not run since the backup was made, so
    what waits in it may go out."""

    force: bool = False
    send_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """``settled``: messages that will not be sent, for they may have been; None where nobody looked. ``aside``: where what
    was in the way is now. ``beside``: where the backup's configuration is, if another one holds."""

    manifest: Manifest
    settings: Settings
    settled: int | None
    aside: tuple[Path, ...]
    beside: Path | None


def restore(backup: Path, config: Path, load: Load, clock: Clock, say: Say, wish: Wish) -> Restored:
    """``config`` says where everything goes; if it is not there, it is made of the backup's. Raises ``NotRestored``; then
    all is as it was."""
    try:
        with reading(backup) as reader, ExitStack() as stack:
            return _restore(reader, config, load, clock, say, wish, stack)
    except NotABackup as error:
        raise NotRestored(f"{backup} cannot be restored: {error}") from None
    except ConfigError as error:
        raise NotRestored(f"the configuration cannot be used\n{error}") from None
    except StorageError as error:
        raise NotRestored(str(error)) from None
    except Damaged as error:
        raise NotRestored(f"The database in {backup} is damaged ({error}): use another backup.") from None
    except OSError as error:
        raise NotRestored(f"{error.filename or backup}: {error.strerror or error}.") from None


def _restore(
    reader: Reader, config: Path, load: Load, clock: Clock, say: Say, wish: Wish, stack: ExitStack
) -> Restored:
    manifest, parts = reader.manifest, reader.parts()
    first, part = next(parts, ("", None))
    if first != CONFIG or part is None:
        raise NotABackup("its configuration is missing.")
    # In its own directory, where its relative paths begin.
    draft = config.with_name(f".{config.name}.{os.getpid()}.restored")
    stack.callback(draft.unlink, missing_ok=True)
    part.save(draft)
    there = config.exists()
    settings = load(config) if there else _loaded(draft, config, load)
    _usable(manifest, settings, wish)
    stage = Stage(settings, manifest, stack)
    beside = None
    if not there:
        stage.also(draft, config)
    elif config.read_bytes() != draft.read_bytes():
        beside = config.with_name(f"{config.name}.from-backup")
        stage.also(draft, beside)
    if not wish.force and (way := stage.in_the_way()):
        names = ", ".join(map(str, way))
        raise NotRestored(f"{names} would be replaced. Move that away, or have it moved aside with --force.")
    say(f"unpacking {len(manifest.parts)} files")
    _unpack(parts, stage)
    settled = None
    if stage.database is not None:
        settled = _prepared(stage.database, settings, clock, say, wish)
    aside = stage.put_in_place(clock.now())
    return Restored(manifest, settings, settled, aside, beside)


def _loaded(draft: Path, config: Path, load: Load) -> Settings:
    """The backup's configuration, which is to be ``config``."""
    try:
        return load(draft)
    except ConfigError as error:
        problems = error.problems
    missing = [each.missing for each in problems if each.missing is not None]
    if len(missing) == len(problems):
        names = ", ".join(
            dict.fromkeys(map(str, (*missing, *_absent(read(draft).data, draft.absolute().parent))))
        )
        raise NotRestored(
            f"The configuration in the backup names files that backups do not hold: {names}. Put them there, then restore "
            "again."
        )
    wrong = "\n".join(str(each).replace(str(draft), f"{CONFIG} in the backup") for each in problems)
    raise NotRestored(
        f"The configuration in the backup cannot be used\n{wrong}\nWrite a corrected one to {config}, then restore again: "
        "the one that is there holds."
    )


def _absent(table: Mapping[str, Any], base: Path) -> Iterator[Path]:
    """Files of the operator's that are named and not there."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _absent(value, base)
        elif isinstance(value, list):
            yield from _absent({f"{name} {number}": each for number, each in enumerate(value)}, base)
        elif name.endswith("_file") and name != _KEY_FILE and isinstance(value, str) and value:
            path = base / value
            yield from () if path.exists() else (path,)


def _unpack(parts: Iterator[tuple[str, PartReader]], stage: Stage) -> None:
    for name, part in parts:
        part.save(stage.place(name))
    if stage.database is not None:
        check(stage.database)


def _prepared(database: Path, settings: Settings, clock: Clock, say: Say, wish: Wish) -> int | None:
    url, schemas = f"sqlite:///{database.absolute()}", schemas_of(settings)
    asyncio.run(upgrade(url, schemas, clock))
    if wish.send_waiting:
        return None
    say("settling what waited to go out")
    return asyncio.run(settle(url, schemas, clock.now()))


def _usable(manifest: Manifest, settings: Settings, wish: Wish) -> None:
    """That the backup fits this program, this configuration and this moment."""
    if _answers(settings.operator.socket):
        raise NotRestored("The gateway runs: end it first (`systemctl stop causeway`).")
    if manifest.database == "sqlite":
        if settings.storage.database_file is None:
            raise NotRestored(
                "The backup is of an SQLite database, but storage.database names another one: write sqlite:///FILE there."
            )
        if asyncio.run(in_use(settings.storage.database)):
            raise NotRestored(
                f"{settings.storage.database_file} is in use: end the program that has it open."
            )
    elif settings.storage.database_file is not None:
        raise NotRestored(
            "The backup is of a gateway with PostgreSQL, but storage.database names an SQLite file: correct it."
        )
    _schema_known(manifest, known(schemas_of(settings)))
    _key_fits(manifest, settings.storage.key_file, wish)


def _schema_known(manifest: Manifest, ours: Mapping[str, Sequence[Migration]]) -> None:
    for series, number in manifest.schema.items():
        migrations = ours.get(series)
        if migrations is None:
            continue  # of a bridge that is not configured any more: its tables stay as they are
        newest = migrations[-1].number
        if number > newest:
            raise NotRestored(
                f"The backup was made by Causeway {manifest.version}, with version {number} of its {series} tables; this "
                f"Causeway knows versions up to {newest} only: install that one, or a newer one."
            )


def _key_fits(manifest: Manifest, key_file: Path, wish: Wish) -> None:
    if not key_file.exists():
        return  # it is said at the end
    try:
        there = SecretBox.load(key_file).key_id
    except SecretError as error:
        raise NotRestored(str(error)) from None
    if there != manifest.key and not wish.force:
        raise NotRestored(
            f"The key file {key_file} (key id {there}) does not open the passwords in this backup (key id {manifest.key}): "
            "put the right one there; or restore with --force, and have users set their passwords anew."
        )


def _answers(socket: Path) -> bool:
    try:
        connected(socket, _LOOK).close()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return False
    except OSError:
        return True  # somebody is there
    return True
