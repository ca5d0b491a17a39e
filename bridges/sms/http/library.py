"""The presets that come with Causeway, read from their files once."""

import tomllib
from functools import cache
from importlib.resources import files

from bridges.sms.http.preset import Preset

GENERIC = "generic"
"""Of the operator's own making: in the configuration, not here."""

_DIRECTORY = "presets"
_ENDING = ".toml"


@cache
def names() -> tuple[str, ...]:
    """Of all presets, sorted."""
    found = (files("bridges.sms.http") / _DIRECTORY).iterdir()
    return tuple(sorted(each.name.removesuffix(_ENDING) for each in found if each.name.endswith(_ENDING)))


@cache
def preset(name: str) -> Preset:
    """Raises ``KeyError`` where there is none of that name."""
    if name not in names():
        raise KeyError(name)
    text = (files("bridges.sms.http") / _DIRECTORY / f"{name}{_ENDING}").read_text("utf-8")
    return Preset.model_validate(tomllib.loads(text))
