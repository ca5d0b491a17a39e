"""Who can read what the gateway keeps: nobody else, whatever umask it was started with."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from gateway.init import init
from gateway.playground.process import free_ports
from tests.fakes.xmpp_server import FakeXmppServer
from tests.waiting import eventually

_MORE = """
[web]
listen = "127.0.0.1:{web}"
public_url = "https://gateway.example.org"

[media]
give_out = true

[bridges.email]
jid = "mail.localhost"
secret = "another one"
domains = ["mail.localhost"]
address_template = "{{local}}@mail.localhost"
local_domains = ["localhost"]

[bridges.email.lmtp]
listen = "127.0.0.1:{lmtp}"

[bridges.email.smarthost]
host = "127.0.0.1"
port = {smarthost}
"""


@pytest.fixture
async def server():
    async with FakeXmppServer(
        domains={"irc.localhost": "one secret", "mail.localhost": "another one"}
    ) as server:
        yield server


def configured(directory: Path, port: int) -> Path:
    """As ``causeway init`` writes it, with an email bridge and a web server besides."""
    config = directory / "config.toml"
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        init("irc.localhost", "irc", "prosody", config, force=False, out=nowhere)
    secret = next(line for line in config.read_text().splitlines() if line.startswith("secret"))
    text = (
        config.read_text().replace(secret, 'secret = "one secret"').replace("port = 5347", f"port = {port}")
    )
    web, lmtp, smarthost = free_ports(3)
    config.write_text(text + _MORE.format(web=web, lmtp=lmtp, smarthost=smarthost))
    return config


async def test_nothing_that_the_gateway_makes_is_open_to_others(tmp_path, server):
    place = tmp_path / "etc"
    place.mkdir(mode=0o755)
    config = configured(place, server.port)
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "run", "-c", str(config), stdout=out, stderr=out, umask=0
        )
    try:
        await eventually(lambda: log.read_text().count("link up") == 2, "both links are up", within=20)
        await eventually((place / "causeway.sock").exists, "the control socket is there")
        made = list(place.rglob("*"))
        assert {"causeway.db", "causeway.db-wal", "data", "media", "causeway.sock"} <= {
            path.name for path in made
        }
        open_ = {
            path: oct(stat.S_IMODE(path.lstat().st_mode)) for path in made if path.lstat().st_mode & 0o077
        }
        assert open_ == {}
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 15)
    assert process.returncode == 0


async def test_a_key_that_others_can_read_keeps_the_gateway_from_starting(tmp_path, server):
    config = configured(tmp_path, server.port)
    (tmp_path / "causeway.key").chmod(0o640)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "run", "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert f"chmod 600 {tmp_path / 'causeway.key'}" in said.decode()
    assert not (tmp_path / "causeway.db").exists()
