"""``causeway backup`` and ``causeway restore``."""

import argparse
import os
import sys
import time
from pathlib import Path

from gateway import logs
from gateway.backup.archive import KEY, Manifest
from gateway.backup.making import NotMade, copy_key, make
from gateway.backup.restoring import NotRestored, Restored, Wish, restore
from gateway.clock import SystemClock
from gateway.commands.durations import moment
from gateway.commands.terminal import plain
from gateway.config import ConfigError, load
from gateway.settings import Settings
from gateway.storage.urls import without_password

OK, FAILED, BAD_CONFIG = 0, 1, 78


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("warning")
    try:
        return _backup(arguments) if arguments.name == "backup" else _restore(arguments)
    except ConfigError as error:
        print(f"causeway: the configuration cannot be used\n{error}", file=sys.stderr)
        return BAD_CONFIG
    except (NotMade, NotRestored) as error:
        print(f"causeway: {error}", file=sys.stderr)
        return FAILED


def _say(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


def _backup(arguments: argparse.Namespace) -> int:
    settings = load(arguments.config, os.environ)
    if arguments.key is not None:
        copy_key(settings.storage.key_file, arguments.key)
    made = make(
        settings,
        arguments.config,
        arguments.target,
        with_key=arguments.with_key,
        now=time.time(),
        say=_say,
    )
    manifest = made.manifest
    files = len(manifest.parts)
    print(f"{arguments.target}: {files} files, {made.size / 1e6:.1f} MB, Causeway {manifest.version}.")
    for name in manifest.missing:
        print(f"Missing already, though the database names it: {plain(name)}")
    if manifest.database == "postgresql":
        _tell_of_pg_dump(settings)
    _tell_of_key(settings, manifest, arguments.key)
    return OK


def _tell_of_pg_dump(settings: Settings) -> None:
    url = without_password(settings.storage.database)
    print(
        "The database is not in it, for it is PostgreSQL's: make a dump of it now (it asks for the password):\n"
        f"  pg_dump --format=custom --file=causeway.dump '{url}'"
    )


def _tell_of_key(settings: Settings, manifest: Manifest, copied: Path | None) -> None:
    if KEY in manifest.parts:
        print("The key file is in it: whoever has this file can read all passwords that users have stored.")
    elif copied is not None:
        print(f"The key file is copied to {copied}: keep it apart from the backup.")
    else:
        print(
            f"The key file {settings.storage.key_file} (key id {manifest.key}) is not in it, and without it nobody can read "
            "the passwords that users have stored. It never changes: keep one copy of it, somewhere else (--key FILE)."
        )


def _restore(arguments: argparse.Namespace) -> int:
    done = restore(
        arguments.backup,
        arguments.config,
        lambda path: load(path, os.environ),
        SystemClock(),
        _say,
        Wish(arguments.force, arguments.send_waiting),
    )
    print(f"Restored the backup of {moment(done.manifest.made)}, made by Causeway {done.manifest.version}.")
    for path in done.aside:
        print(f"What was there before is now {path}.")
    for name in done.manifest.missing:
        print(f"It was missing in the backup already: {plain(name)}")
    _tell_of_waiting(done)
    print("Next:")
    for number, step in enumerate(_next_steps(done, arguments.config), 1):
        print(f"  {number}. {step}")
    return OK


def _tell_of_waiting(done: Restored) -> None:
    if done.settled:
        print(
            f"{done.settled} messages waited to be sent when the backup was made. They may have been sent since, so they "
            "are not sent again: their senders are told that nobody knows."
        )
        if not done.manifest.running:
            print(
                "The gateway did not run then. If it has not run since either, restore once more with --force "
                "--send-waiting, before you start it."
            )
    elif done.settled is None and done.manifest.database == "sqlite":
        print("Messages that waited when the backup was made are sent, as you wanted.")


def _next_steps(done: Restored, config: Path) -> list[str]:
    steps = []
    storage = done.settings.storage
    if done.manifest.database == "postgresql":
        url = without_password(storage.database)
        steps.append(f"restore the database: pg_restore --clean --if-exists --dbname='{url}' causeway.dump")
        steps.append(f"have nothing sent twice: causeway db settle -c {config}")
    if not storage.key_file.exists():
        steps.append(f"put the key file (key id {done.manifest.key}) back at {storage.key_file}, mode 0600")
    if done.beside is not None:
        steps.append(f"compare {config}, which holds, with the backup's: {done.beside}")
    steps.append(f"look whether all is well: causeway check -c {config}")
    steps.append("start the gateway: systemctl start causeway")
    return steps
