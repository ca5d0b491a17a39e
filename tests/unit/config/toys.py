"""A bridge that exists only in these tests, configurations with it, and how they are read."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gateway.bridge import Bridge, Plugin, Services
from gateway.config import ConfigError, Settings, load


class Peer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    port: int = Field(1, ge=1, le=65535)
    password: SecretStr | None = None


class ToySettings(BaseModel):
    """The settings of a bridge that exists only here."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mode: Literal["quiet", "all"] = "quiet"
    ports: tuple[int, ...] = (1, 2)
    token: SecretStr | None = None
    peers: dict[str, Peer] = Field(default_factory=dict)


def build(settings: BaseModel, services: Services) -> Bridge:
    raise AssertionError("reading the configuration builds nothing")


TOY = Plugin(ToySettings, build)
TOYS = {"toy": lambda: TOY}

GOOD = """\
[bridges.toy]
jid = "toy.example.org"
secret = "hunter2"
"""


NO_SECRET = '[bridges.toy]\njid = "toy.example.org"\n'


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load(path, environ, TOYS)


def wrong(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """What a person is told about ``text``, without the directory."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    assert "hunter2" not in str(caught.value)
    return [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()]
