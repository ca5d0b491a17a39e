"""What ``requirements/*.txt`` lock, and what installed packages say about themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
REQUIREMENTS = REPOSITORY / "requirements"

_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*(?:\\|$)"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked version. ``marker`` says on which systems it is installed, empty for all; ``hashes`` are SHA-256 of the
    files that may be."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """A package's name as it is compared (PyPA's specification of names)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> list[Pin]:
    """In the order of the file."""
    found: list[tuple[re.Match[str], list[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _PIN.match(line):
            found.append((match, []))
        elif found:
            found[-1][1].extend(_HASH.findall(line))
    return [
        Pin(normal(match["name"]), match["version"], (match["marker"] or "").strip(), tuple(hashes))
        for match, hashes in found
    ]


def installed(environment: Path | None = None) -> Mapping[str, Distribution]:
    """Packages by name: of the environment in a directory, or of the one that runs this."""
    if environment is None:
        return {normal(each.name): each for each in distributions()}
    places = [str(each) for each in environment.glob("lib/python*/site-packages")]
    return {normal(each.name): each for each in distributions(path=places)}
