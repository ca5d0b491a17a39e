"""A gateway's directory as it is when a gateway has run: configuration, key, database, files."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from gateway import cli
from gateway.backup.making import schemas_of
from gateway.backup.settled import upgrade
from gateway.clock import SystemClock
from gateway.config import load
from gateway.secrets import SecretBox

CONFIG = """\
[media]
directory = "media"
[bridges.irc]
jid = "irc.example.org"
secret = "hunter2"
[bridges.email]
jid = "email.example.org"
secret = "hunter2"
domains = ["mail.example.org"]
[bridges.email.lmtp]
listen = "127.0.0.1:2525"
[bridges.email.smarthost]
host = "127.0.0.1"
[bridges.email.trust]
authserv_ids = ["mx.example.org"]
[bridges.sms]
jid = "sms.example.org"
secret = "hunter2"
region = "US"
[bridges.sms.routes.up]
kind = "kannel"
url = "http://127.0.0.1:1/x"
username = "u"
password = "p"
[[bridges.sms.numbers]]
number = "+12025550121"
routes = ["up"]
"""


@pytest.fixture
def home(stopped: Path, tmp_path: Path) -> Path:
    """The directory of a gateway that was stopped."""
    return Path(shutil.copytree(stopped, tmp_path / "home"))


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It is copied for every test."""
    place = tmp_path_factory.mktemp("stopped")
    config = place / "config.toml"
    config.write_text(CONFIG)
    SecretBox.create(place / "causeway.key")
    settings = load(config, os.environ)
    asyncio.run(upgrade(settings.storage.database, schemas_of(settings), SystemClock()))
    for name, text in (
        ("data/email/outbound/m1", "a mail"),
        ("data/email/drafts/d1-f", "a picture"),
        ("media/given/abc", "a file"),
    ):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty directory."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    return place


def typed(home: Path, *words: str | Path) -> int:
    """Type a command for the gateway in that directory; its exit status."""
    return cli.main([*map(str, words), "-c", str(home / "config.toml")])
