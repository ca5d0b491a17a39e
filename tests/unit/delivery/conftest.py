from pathlib import Path

import pytest

from tests.unit.delivery.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(f"sqlite:///{tmp_path}/ledger.db")
