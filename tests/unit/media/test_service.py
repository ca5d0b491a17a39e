"""Media as one process has it: directories, the web server, and what it says when they cannot be had."""

import aiohttp
import pytest

from gateway.bridge import MediaError
from gateway.clock import SystemClock
from gateway.media.refusals import refused
from gateway.media.service import MediaService
from gateway.media.transfers import Transfers
from gateway.model import Attachment, Message
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


class NoSlots:
    """No upload service."""

    async def slot(self, file, user):
        raise refused("no slot")


async def test_other_limits_hold_for_the_next_file(tmp_path, files):
    settings = MediaSettings(
        directory=tmp_path / "media", listen="127.0.0.1:1", public_url="https://files.example", keep_days=1
    )
    service = MediaService(settings, files, SystemClock(), "x")
    publisher = service.publisher("irc", NoSlots())
    message = Message("carol", "", attachments=(Attachment("a.bin", data=bytes(3000)),), foreign_id="m1")
    async with service.running():
        (said,) = await publisher.publish("ann@example.org", message)
        assert said.text.startswith("https://files.example/file/")
        small = settings.model_copy(update={"max_file_mb": 0.002})
        service.reconfigure(small)
        (said,) = await publisher.publish("ann@example.org", message)
        assert "larger than the 0.002 MB" in said.text
        with pytest.raises(MediaError, match="larger than"):
            await service.fetcher.fetch(
                Attachment("a", size=3000, url="https://far.example/a"), "ann@example.org"
            )
        service.reconfigure(settings.model_copy(update={"quota_user_mb": 0.001}))
        (said,) = await publisher.publish("ann@example.org", message)
        assert "0.001 MB that the gateway keeps for one user" in said.text
        unencrypted = Attachment("a", url="http://127.0.0.1:1/a")
        with pytest.raises(MediaError, match="not encrypted"):
            await service.fetcher.fetch(unencrypted, "ann@example.org")
        service.reconfigure(settings.model_copy(update={"trusted_hosts": ("127.0.0.1",)}))
        with pytest.raises(MediaError, match="does not take connections"):
            await service.fetcher.fetch(unencrypted, "ann@example.org")


async def test_other_numbers_of_transfers_leave_those_under_way_alone():
    transfers = Transfers(per_user=1, total=1)
    async with transfers.turn("ann"):
        transfers.allow(per_user=2, total=2)
        async with transfers.turn("ann"), transfers.turn("ann"):
            transfers.allow(per_user=1, total=1)
        async with transfers.turn("ann"):
            pass
    async with transfers.turn("ann"):
        pass
