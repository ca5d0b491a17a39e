"""The servers that unit tests share."""

from collections.abc import Iterator

import pytest

from tests.rig.postgres import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server
