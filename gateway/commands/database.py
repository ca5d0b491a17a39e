"""``causeway db``: the database's schema, seen and changed from the command line."""

import argparse
import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway import logs
from gateway.backup.making import schemas_of
from gateway.backup.settled import settle, upgrade
from gateway.backup.snapshot import Damaged, copy
from gateway.bridge import Migration
from gateway.check_storage import place_of
from gateway.clock import SystemClock
from gateway.commands.durations import moment
from gateway.commands.terminal import plain, table
from gateway.config import ConfigError, load
from gateway.settings import Settings
from gateway.storage.errors import StorageError, Trouble, explain, trouble
from gateway.storage.offline import in_use, looking
from gateway.storage.urls import without_password
from gateway.storage.versions import CORE, RELEASES, Applied, applied, count_since, known, latest

OK, FAILED, BAD_USAGE, BAD_CONFIG = 0, 1, 2, 78

#: What people miss of what came since: (what it is, table, column of time).
_SINCE = (
    ("messages in archives", "archive", "sent_at"),
    ("private messages in the ledger", "deliveries", "created"),
    ("accounts", "accounts", "created"),
    ("registrations", "registrations", "created"),
)


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("warning")
    try:
        settings = load(arguments.config, os.environ)
        _there(settings)
        return _ACTIONS[arguments.action](settings, arguments)
    except ConfigError as error:
        print(f"causeway: the configuration cannot be used\n{error}", file=sys.stderr)
        return BAD_CONFIG
    except (StorageError, _Refused) as error:
        print(f"causeway: {error}", file=sys.stderr)
        return FAILED


class _Refused(Exception):
    """The text says why, and what to do."""


def _there(settings: Settings) -> None:
    """Looking is not to make a database. Raises ``StorageError``."""
    file = settings.storage.database_file
    if file is not None and not file.exists():
        raise trouble(Trouble.MISSING, f"The database {file}", "no such file")


def _alone(settings: Settings) -> None:
    if asyncio.run(in_use(settings.storage.database)):
        raise _Refused("The database is in use: end the gateway first (`systemctl stop causeway`).")


async def _history(settings: Settings) -> list[Applied]:
    async with looking(settings.storage.database) as connection:
        return await applied(connection, place_of(settings.storage))


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    """0: it is as this program has it; 1: it has to be migrated, or is too new."""
    history = asyncio.run(_history(settings))
    there, ours = latest(history), known(schemas_of(settings))
    print(place_of(settings.storage))
    rows = [("TABLES", "VERSION", "THIS CAUSEWAY", "")]
    same = True
    for series in sorted({*there, *ours}, key=lambda each: (each != CORE, each)):
        migrations = ours.get(series)
        newest = migrations[-1].number if migrations else None
        number = there.get(series, 0)
        same = same and newest in {None, number}
        rows.append((series, str(number), str(newest or "-"), _verdict(number, newest)))
    print("\n".join(f"  {line.rstrip()}" for line in table(rows)))
    return OK if same else FAILED


def _verdict(number: int, newest: int | None) -> str:
    if newest is None:
        return "of a bridge that is not configured"
    if number < newest:
        return "is migrated at the next start, or by `causeway db migrate`"
    return "too new: install a newer Causeway" if number > newest else ""


def _migrate(settings: Settings, arguments: argparse.Namespace) -> int:
    _alone(settings)
    before = asyncio.run(_history(settings))
    ours = known(schemas_of(settings))
    due = _due(latest(before), ours)
    if not due:
        print("There is nothing to migrate.")
    elif not arguments.no_backup:
        _copy(settings)
    # Also where nothing is due: a database that is too new is refused there.
    asyncio.run(upgrade(settings.storage.database, schemas_of(settings), SystemClock()))
    for series, migration in due:
        print(f"{series} {migration.number}: {migration.name}")
    return OK


def _due(there: Mapping[str, int], ours: Mapping[str, Sequence[Migration]]) -> list[tuple[str, Migration]]:
    return [
        (series, each)
        for series, migrations in ours.items()
        for each in migrations
        if each.number > there.get(series, 0)
    ]


def _copy(settings: Settings) -> None:
    file = settings.storage.database_file
    if file is None:
        url = without_password(settings.storage.database)
        raise _Refused(
            f"Make a dump first: pg_dump --format=custom --file=causeway.dump '{url}'. Then say --no-backup."
        )
    target = file.with_name(f"{file.name}.before-migration-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        copy(file, target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise explain(error, f"The database {file}") from None
    except Damaged as error:
        target.unlink(missing_ok=True)
        raise _Refused(f"{file} is damaged ({error}): restore a backup.") from None
    _like(file, target)
    print(f"The database as it was: {target}")


def _like(file: Path, copied: Path) -> None:
    if os.geteuid() == 0:
        owner = file.stat()
        os.chown(copied, owner.st_uid, owner.st_gid)


def _settle(settings: Settings, arguments: argparse.Namespace) -> int:
    _alone(settings)
    url, schemas = settings.storage.database, schemas_of(settings)
    asyncio.run(upgrade(url, schemas, SystemClock()))
    count = asyncio.run(settle(url, schemas, time.time()))
    print(
        f"{count} messages waited to be sent. They will not be: their senders are told that nobody knows whether they were."
    )
    return OK


def _downgrade_check(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _numbers(arguments.version)
    if wanted is None:
        print(
            f"causeway: {plain(arguments.version)} is no release of Causeway known here ({', '.join(RELEASES)}); or "
            "write the schema that it knows, such as core=9,email=2.",
            file=sys.stderr,
        )
        return BAD_USAGE
    history = asyncio.run(_history(settings))
    beyond = [each for each in history if each.number > wanted.get(each.series, each.number)]
    if not beyond:
        print(f"{plain(arguments.version)} can use this database.")
        return OK
    print(f"{plain(arguments.version)} refuses to start with this database, for it does not know:")
    for each in beyond:
        print(f"  {each.series} {each.number}: {each.name} (since {moment(each.time)})")
    print("  (It says so, and changes nothing.)")
    first = min(each.time for each in beyond)
    lost = asyncio.run(_lost(settings, first))
    print(f"Going back means restoring a backup from before {moment(first)}. What came since is lost:")
    for line in lost or ["nothing that is counted here"]:
        print(f"  {line}")
    return FAILED


def _numbers(text: str) -> Mapping[str, int] | None:
    """Of a release, or as they are written: ``9``, ``core=9,email=2``."""
    if text in RELEASES:
        return RELEASES[text]
    found: dict[str, int] = {}
    for part in text.split(","):
        series, _, number = part.rpartition("=")
        if not (number.isascii() and number.isdigit()):
            return None
        found[series or CORE] = int(number)
    return found


async def _lost(settings: Settings, since: float) -> list[str]:
    async with looking(settings.storage.database) as connection:
        counts = [(what, await count_since(connection, name, column, since)) for what, name, column in _SINCE]
    return [f"{count} {what}" for what, count in counts if count]


_ACTIONS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "status": _status,
    "migrate": _migrate,
    "settle": _settle,
    "downgrade-check": _downgrade_check,
}
