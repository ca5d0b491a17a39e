"""Reading the configuration again, when reading fails: the gateway goes on with what it has, and says why."""

import pytest

from gateway.config import ConfigError
from gateway.reloading import Reloading
from gateway.settings import Settings


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConfigError(["config.toml, line 3: is not right."]), "line 3"),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError"),
        (OSError(5, "Input/output error"), "OSError"),
    ],
)
async def test_whatever_the_file_makes_the_reader_raise_is_told_and_ends_nothing(
    error: Exception, told: str
) -> None:
    def read() -> Settings:
        raise error

    # Nobody else is asked before the file is read.
    done = await Reloading(None, None, None, None, read).again()
    assert told in done.problem
    assert (done.changed, done.restart) == ((), ())
