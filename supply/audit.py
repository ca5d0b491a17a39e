"""Ask pip-audit for known vulnerabilities of what is locked, and be honest about what could not be asked:

    python -m supply.audit PIP-AUDIT [--service pypi|osv] [LOCK ...]

pip-audit calls what its service does not answer for "skipped", and is content. Here nothing counts as looked at but what
was.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supply.locked import REQUIREMENTS

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one file of locks: how many packages were looked at, what was found, and what nobody could say anything about."""

    looked_at: int
    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def status(self) -> int:
        if self.vulnerable:
            return VULNERABLE
        return NOT_AUDITED if self.unknown or not self.looked_at else CLEAN


def outcome(answer: Mapping[str, Any]) -> Outcome:
    """What pip-audit's JSON says."""
    looked_at = 0
    vulnerable: list[str] = []
    unknown: list[str] = []
    for each in answer["dependencies"]:
        if "skip_reason" in each:
            unknown.append(each["name"])
            continue
        looked_at += 1
        for found in each["vulns"]:
            fixed = ", ".join(found.get("fix_versions") or []) or "no version yet"
            vulnerable.append(f"{each['name']} {each['version']}: {found['id']} (fixed in {fixed})")
    return Outcome(looked_at, tuple(vulnerable), tuple(unknown))


def ask(program: Path, service: str, lock: Path) -> Outcome | str:
    """The outcome, or why there is none."""
    command = [str(program), "--disable-pip", "--require-hashes", "-r", str(lock), "-s", service]
    done = subprocess.run(
        [*command, "-f", "json", "--progress-spinner", "off", "--timeout", "15"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return outcome(json.loads(done.stdout))
    except (ValueError, KeyError):
        return (done.stderr.strip().splitlines() or [f"pip-audit ended with status {done.returncode}"])[-1]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "scripts/audit", description="Look for known vulnerabilities of what is locked."
    )
    parser.add_argument("program", type=Path, help="pip-audit")
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    parser.add_argument(
        "locks", nargs="*", type=Path, metavar="LOCK", help="default: what runs and what it is built with"
    )
    arguments = parser.parse_args(argv)
    statuses = [CLEAN]
    for lock in arguments.locks or [REQUIREMENTS / "run.txt", REQUIREMENTS / "build.txt"]:
        answer = ask(arguments.program, arguments.service, lock)
        if isinstance(answer, str):
            print(f"{lock.name}: NOT AUDITED: {answer}")
            statuses.append(NOT_AUDITED)
            continue
        print(
            f"{lock.name}: {answer.looked_at} packages looked at, {len(answer.vulnerable)} known vulnerabilities."
        )
        for found in answer.vulnerable:
            print(f"  {found}")
        if answer.unknown:
            print(f"  NOT AUDITED, for {arguments.service} did not know them: {', '.join(answer.unknown)}")
        statuses.append(answer.status)
    return VULNERABLE if VULNERABLE in statuses else max(statuses)


if __name__ == "__main__":
    sys.exit(main())
