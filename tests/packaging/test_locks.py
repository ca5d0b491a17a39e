"""Locks are as fresh as can be told without a registry: they lock what is asked for, all that it needs, and no more."""

import tomllib
from collections.abc import Iterable

import pytest
from packaging.requirements import Requirement

from supply.locked import REPOSITORY, REQUIREMENTS, installed, normal, pins

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
CORE = PROJECT["project"]["dependencies"]
EXTRAS = [each for some in PROJECT["project"]["optional-dependencies"].values() for each in some]
DEV = PROJECT["dependency-groups"]["dev"]

LOCKS = {
    "run.txt": [*CORE, *EXTRAS],
    "dev.txt": [*CORE, *DEV],
    "build.txt": PROJECT["build-system"]["requires"],
}


def needed(asked: Iterable[str]) -> set[str]:
    """Names of all that ``asked`` leads to on this system."""
    packages = installed()
    found: set[str] = set()
    open_: list[tuple[Requirement, str]] = [(Requirement(each), "") for each in asked]
    seen: set[tuple[str, str]] = set()
    while open_:
        requirement, extra = open_.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = normal(requirement.name)
        found.add(name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                open_ += [(Requirement(each), wanted) for each in packages[name].requires or []]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_asked_for_is_locked_in_a_version_that_fits(lock):
    locked = {pin.name: pin.version for pin in pins(REQUIREMENTS / lock)}
    for each in map(Requirement, LOCKS[lock]):
        assert each.specifier.contains(locked[normal(each.name)]), f"{each}: run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_all_that_is_needed_and_nothing_that_is_not(lock):
    locked = pins(REQUIREMENTS / lock)
    here = needed(LOCKS[lock])
    assert here <= {pin.name for pin in locked}, "run scripts/lock"
    # What only other systems need has a marker.
    assert {pin.name for pin in locked if not pin.marker} <= here, "run scripts/lock"


@pytest.mark.parametrize("lock", sorted(path.name for path in REQUIREMENTS.glob("*.txt")))
def test_everything_is_locked_with_hashes(lock):
    assert all(pin.hashes for pin in pins(REQUIREMENTS / lock))


def test_what_runs_is_what_is_tested():
    tested = {pin.name: pin for pin in pins(REQUIREMENTS / "dev.txt")}
    assert {pin.name: pin.version for pin in pins(REQUIREMENTS / "run.txt")} == {
        pin.name: tested[pin.name].version for pin in pins(REQUIREMENTS / "run.txt")
    }
