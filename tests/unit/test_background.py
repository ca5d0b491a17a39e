"""What a bridge does besides its sessions: it runs with the component, and its failure ends nothing else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway.background import background
from gateway.bridge import Bridge, Capabilities


@dataclass
class Busy:
    """As much of a bridge as is asked for."""

    capabilities: Capabilities
    failure: Exception | None = None
    heard: list[str] = field(default_factory=list)

    async def run(self) -> None:
        self.heard.append("started")
        if self.failure is not None:
            raise self.failure
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.heard.append("ended")

    async def trial(self) -> Sequence[str]:
        return ()


@pytest.mark.parametrize(
    ("able", "failure", "heard"),
    [
        (True, None, ["started", "ended"]),
        (True, OSError("no"), ["started"]),
        (False, None, []),
    ],
)
async def test_a_bridge_runs_as_long_as_its_component(
    able: bool, failure: Exception | None, heard: list[str]
) -> None:
    bridge = Busy(Capabilities("test", "Test", background=able), failure)
    async with background("test", cast("Bridge", bridge)):
        await asyncio.sleep(0)
    assert bridge.heard == heard


async def test_the_end_of_a_component_is_not_swallowed() -> None:
    bridge = Busy(Capabilities("test", "Test", background=True))

    async def component() -> None:
        async with background("test", cast("Bridge", bridge)):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await component()
    assert bridge.heard == ["started", "ended"]
