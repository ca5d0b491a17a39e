"""Faults are played on the stage of the scenarios: ``stage`` is each module's own, and has a network ``NET``."""

from collections.abc import AsyncIterator

import pytest

from gateway.playground.ircd import Ircd
from tests.faults.looking import NET
from tests.scenario.conftest import company, directory
from tests.scenario.stage import Company, Scene, Stage, meet

__all__ = ["company", "directory"]


@pytest.fixture
async def ircd(stage: Stage) -> AsyncIterator[Ircd]:
    """The network, which shows every line that arrives."""
    server = await Ircd().start(port=stage.play.networks[NET].port)
    yield server
    await server.stop()


@pytest.fixture
async def scene(ircd: Ircd, company: Company) -> Scene:
    return await meet(company, NET)
