"""The unit for systemd: no key that systemd does not know, and as little of the machine in reach as a gateway needs."""

import subprocess
from pathlib import Path

import pytest

from gateway.app import START_AGAIN
from gateway.start import BAD_CONFIG

UNIT = Path("gateway/service/causeway.service")
DROP_INS = sorted(Path("packaging/systemd").glob("*.conf"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as an installation has it: ``verify`` wants the program to be there."""
    program = tmp_path / "causeway"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/local/bin/causeway", str(program)))
    return copy


def said_by(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(unit):
    assert said_by("systemd-analyze", "verify", "--man=no", str(unit)) == (0, "")


def test_the_exposure_of_the_unit_is_below_two(unit):
    status, report = said_by("systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit))
    assert status == 0, report


@pytest.mark.parametrize("drop_in", DROP_INS, ids=lambda path: path.stem)
def test_drop_ins_are_understood_and_keep_the_exposure_below_two(unit, drop_in):
    place = unit.with_suffix(".service.d")
    place.mkdir()
    (place / drop_in.name).write_text(drop_in.read_text())
    assert said_by("systemd-analyze", "verify", "--man=no", str(unit)) == (0, "")
    status, report = said_by("systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit))
    assert status == 0, report


def test_statuses_of_the_gateway_are_those_that_the_unit_knows():
    said = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "ExitStatus=" in line)
    assert said == {
        "RestartPreventExitStatus": str(BAD_CONFIG),
        "RestartForceExitStatus": str(START_AGAIN),
        "SuccessExitStatus": str(START_AGAIN),
    }
