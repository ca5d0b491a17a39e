"""What the scenarios share: a directory that daemons can enter, IRC servers, and people."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.playground.inspircd import InspIRCd
from gateway.playground.ngircd import NgIRCd
from tests.scenario.stage import Company, Stage


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """pytest's own directories are closed to the users that daemons become."""
    with tempfile.TemporaryDirectory(prefix="causeway-test-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inspircd(directory: Path) -> AsyncIterator[InspIRCd]:
    place = directory / "inspircd"
    place.mkdir()
    server = await InspIRCd.start(place)
    try:
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ngircd(directory: Path) -> AsyncIterator[NgIRCd]:
    place = directory / "ngircd"
    place.mkdir()
    server = await NgIRCd.start(place)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def company(stage: Stage) -> AsyncIterator[Company]:
    """``stage`` is each module's own fixture."""
    people = Company(stage)
    try:
        yield people
    finally:
        await people.goodbye()
    stage.assert_calm()
