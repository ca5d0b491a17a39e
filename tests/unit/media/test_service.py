"""Media as one process has it: directories, the web server, and what it says when they cannot be had."""

import aiohttp
import pytest

from gateway.clock import SystemClock
from gateway.media.service import MediaService
from gateway.playground.process import free_ports
from gateway.settings import MediaSettings
from gateway.storage.database import opened
from gateway.storage.files import FileStore
from gateway.web.server import CannotServe, serving


@pytest.fixture
async def files(tmp_path):
    async with opened(f"sqlite:///{tmp_path}/test.db", clock=SystemClock()) as database:
        yield FileStore(database)


async def test_what_an_earlier_life_left_on_the_way_is_removed(tmp_path, files):
    left = tmp_path / "media" / "passing" / "left"
    left.parent.mkdir(parents=True)
    left.touch()
    async with MediaService(MediaSettings(directory=tmp_path / "media"), files, SystemClock(), "x").running():
        assert not left.exists()


async def test_a_directory_that_cannot_be_made_is_told_with_its_key(tmp_path, files):
    (tmp_path / "media").touch()
    service = MediaService(MediaSettings(directory=tmp_path / "media"), files, SystemClock(), "x")
    with pytest.raises(CannotServe, match=r"media\.directory"):
        async with service.running():
            pass


async def test_files_are_given_out_only_where_it_is_wanted(tmp_path, files):
    service = MediaService(MediaSettings(directory=tmp_path / "media"), files, SystemClock(), "x")
    assert service.routes() == []


async def test_files_are_given_out_by_the_gateways_web_server(tmp_path, files):
    (port,) = free_ports(1)
    settings = MediaSettings(
        directory=tmp_path / "media", listen=f"127.0.0.1:{port}", public_url="https://files.example"
    )
    service = MediaService(settings, files, SystemClock(), "x")
    url = f"http://127.0.0.1:{port}/file/{'x' * 32}/a"
    async with aiohttp.ClientSession() as session:
        async with (
            service.running(),
            serving("127.0.0.1", port, service.routes()),
            session.get(url) as response,
        ):
            assert response.status == 404
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)
