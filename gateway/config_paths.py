"""Files that settings name, wherever they stand: relative ones start at the directory of the configuration, not at the
directory in which somebody happens to start us."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

_T = TypeVar("_T", bound=BaseModel)


def placed(settings: _T, base: Path) -> _T:
    """``settings`` with every path in it below ``base``, but for absolute ones; the same object where there is none."""
    changed = {
        name: new
        for name in type(settings).model_fields
        if (new := _placed(value := getattr(settings, name), base)) is not value
    }
    return settings.model_copy(update=changed) if changed else settings


def _placed(value: object, base: Path) -> object:
    if isinstance(value, Path):
        return value if value.is_absolute() else base / value
    if isinstance(value, BaseModel):
        return placed(value, base)
    if isinstance(value, tuple):
        found = tuple(_placed(each, base) for each in value)
        return value if all(new is old for new, old in zip(found, value, strict=True)) else found
    if isinstance(value, Mapping):
        mapped = {key: _placed(each, base) for key, each in value.items()}
        return value if all(mapped[key] is each for key, each in value.items()) else mapped
    return value
