"""Reports about what we depend on: licences, vulnerabilities, the bill of materials."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.playground.unpacked import cache
from supply.audit import CLEAN, NOT_AUDITED, VULNERABLE, outcome
from supply.licences import permissive
from supply.locked import REPOSITORY, REQUIREMENTS, pins

TOOLS = cache() / "supply-tools"

VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(str(found) if found else 0)
"""


def said_by(*command: str | Path) -> str:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1800000000"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def bill() -> str:
    return said_by(sys.executable, "-m", "supply.sbom")


def test_the_bill_of_materials_is_valid_cyclonedx(bill):
    done = subprocess.run(
        [TOOLS / "bin/python", "-c", VALIDATE], input=bill, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_bill_of_materials_has_every_locked_package_with_hashes_and_licence(bill):
    components = {each["name"]: each for each in json.loads(bill)["components"]}
    locked = pins(REQUIREMENTS / "run.txt")
    assert set(components) == {pin.name for pin in locked}
    for pin in locked:
        each = components[pin.name]
        assert {found["content"] for found in each["hashes"]} == set(pin.hashes)
        assert each["version"] == pin.version
        assert pin.marker or each["licenses"]


def test_the_bill_of_materials_knows_who_needs_whom(bill):
    needs = {
        each["ref"].rpartition("/")[2].partition("@")[0]: each["dependsOn"]
        for each in json.loads(bill)["dependencies"]
    }
    assert any("/slixmpp@" in each for each in needs["causeway"])
    assert any("/jaraco-stream@" in each for each in needs["irc"])
    assert not any("/pytest" in each for each in needs["irc"])


def test_the_same_commit_has_the_same_bill(bill):
    assert said_by(sys.executable, "-m", "supply.sbom") == bill


def test_all_licences_are_permissive_or_named_with_a_reason():
    said = said_by(sys.executable, "-m", "supply.licences", "--tools", TOOLS)
    running = said.partition("What it is built with:")[0]
    assert "slixmpp" in running
    assert "MPL" not in running


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 AND (LGPL-2.1-only OR BSD-3-Clause)", True),
        ("LGPL-2.1-only OR MIT AND MPL-2.0", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT MIT", False),
        ("", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_expressions_of_licences_are_read_as_spdx_means_them(expression, good):
    assert permissive(expression) is good


def test_nothing_counts_as_audited_that_the_service_did_not_know():
    good = {"name": "irc", "version": "20.5.0", "vulns": []}
    bad = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.7"]}]}
    skipped = {
        "name": "yarl",
        "skip_reason": "Dependency not found on PyPI and could not be audited: yarl (1.25.1)",
    }
    assert outcome({"dependencies": [good]}).status == CLEAN
    assert outcome({"dependencies": [good, skipped]}).status == NOT_AUDITED
    assert outcome({"dependencies": []}).status == NOT_AUDITED
    assert outcome({"dependencies": [good, skipped, bad]}).status == VULNERABLE
    assert outcome({"dependencies": [bad]}).vulnerable == ("idna 3.6: PYSEC-1 (fixed in 3.7)",)
