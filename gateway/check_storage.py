"""What ``check`` and ``doctor`` see of a database that they have not open: looked at as it is, never made, migrated or
changed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.backup.making import schemas_of
from gateway.bridge import Finding, Verdict
from gateway.settings import Settings, StorageSettings
from gateway.storage.errors import Trouble, trouble
from gateway.storage.urls import without_password
from gateway.storage.versions import CORE, Applied, known, latest

_SUBJECT = "database"


def place_of(storage: StorageSettings) -> str:
    """How messages name it; without secrets."""
    return f"The database {storage.database_file or without_password(storage.database)}"


def before_looking(file: Path) -> Finding | None:
    """What a database file is worth that is not there, or cannot be written; None if it can be looked at."""
    if file.exists():
        if os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK):
            return None
        error = trouble(Trouble.PERMISSION, f"The database {file}, or its directory,", "as it is now")
        return Finding(Verdict.FAIL, str(error), _SUBJECT)
    if not file.parent.is_dir():
        text = f"The directory {file.parent} for the database does not exist: create it, or correct storage.database."
        return Finding(Verdict.FAIL, text, _SUBJECT)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        text = f"The database {file} cannot be made: give the user that runs Causeway write access to {file.parent}."
        return Finding(Verdict.FAIL, text, _SUBJECT)
    return Finding(Verdict.OK, f"The database {file} will be made at the first start.", _SUBJECT)


def of_schema(settings: Settings, place: str, history: Sequence[Applied]) -> Finding:
    """How far its schema is. It is in order, or will be, unless this is a FAIL."""
    if not history:
        return Finding(Verdict.OK, f"{place} answers; its tables will be made at the first start.", _SUBJECT)
    there, ours = latest(history), known(schemas_of(settings))
    newest = {series: migrations[-1].number for series, migrations in ours.items() if migrations}
    beyond = {series: (there[series], most) for series, most in newest.items() if there.get(series, 0) > most}
    if beyond:
        said = ", ".join(
            f"{_series(each)}version {is_} (known: up to {most})" for each, (is_, most) in beyond.items()
        )
        text = (
            f"{place} is of a newer Causeway, {said}: install the Causeway that made it, or put a backup from before in its "
            "place."
        )
        return Finding(Verdict.FAIL, text, _SUBJECT)
    due = {series: most for series, most in newest.items() if _behind(series, there, most)}
    if due:
        steps = ", ".join(
            f"{_series(each)}version {there.get(each, 0)} to {most}" for each, most in due.items()
        )
        text = f"{place} will be migrated at the next start ({steps}): `causeway db migrate` does it now, and keeps a copy."
        return Finding(Verdict.NOTE, text, _SUBJECT)
    return Finding(Verdict.OK, f"{place} answers, and is of version {there[CORE]}, today's.", _SUBJECT)


def _behind(series: str, there: Mapping[str, int], most: int) -> bool:
    """A kind of bridge that is new here gets its tables without a word."""
    return there.get(series, 0 if series == CORE else most) < most


def _series(series: str) -> str:
    return "" if series == CORE else f"{series} "
