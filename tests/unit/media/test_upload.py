"""Putting files into slots, with upload services that fail in every way."""

import asyncio

import pytest

from gateway.bridge import Blob, MediaError
from gateway.clock import SystemClock
from gateway.media.dialling import Dialler, system_resolve
from gateway.media.refusals import refused
from gateway.media.slots import Slot
from gateway.media.tally import Place
from gateway.media.targets import Targets, Trusted
from gateway.media.upload import Upload
from tests.fakes.web import Exchange

DATA = bytes(range(256)) * 2000


class Slots:
    """Hands out one slot after the other on ``web``."""

    def __init__(self, web, headers=()):
        self.web = web
        self.headers = headers
        self.asked = 0

    async def slot(self, file, user):
        self.asked += 1
        return Slot(self.web.url(f"/put{self.asked}"), f"https://get.example/{self.asked}", self.headers)


@pytest.fixture
def blob(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Blob(path, "a.bin", "application/octet-stream", len(DATA), "00" * 32)


def upload(slots, **options):
    dialler = Dialler(Targets(Trusted(), own=True), system_resolve, agent="test")
    options = {"seconds": 5.0, "pause": 0.0} | options
    return Upload(Place.COMPONENT, slots, dialler, SystemClock(), **options)


def takes(web, path):
    """Let the server take a file at ``path``; gives what came."""
    came = {}

    async def take(exchange: Exchange):
        came["body"], came["headers"] = await exchange.body(), exchange.headers
        exchange.answer("201 Created")

    web.routes[path] = take
    return came


async def test_the_file_is_put_with_its_type_length_and_the_slots_headers(web, blob):
    came = takes(web, "/put1")
    url = await upload(Slots(web, (("Authorization", "Bearer x"),))).publish(blob, "ann")
    assert url == "https://get.example/1"
    assert came["body"] == DATA
    headers = came["headers"]
    assert headers["content-length"] == str(len(DATA))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["authorization"] == "Bearer x"
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("403 Forbidden", "refuses"),
        ("413 Large", "too large"),
        ("507 Full", "no space"),
        ("302 Found", "does not take"),
    ],
)
async def test_a_refused_file_is_not_tried_again(web, blob, status, word):
    async def refuse(exchange: Exchange):
        await exchange.body()
        exchange.answer(status, Location="http://127.0.0.1:1/")

    web.routes["/put1"] = refuse
    slots = Slots(web)
    with pytest.raises(MediaError, match=word):
        await upload(slots).publish(blob, "ann")
    assert slots.asked == 1


async def test_a_file_refused_before_it_is_sent_is_refused_in_words(web, blob):
    async def refuse(exchange: Exchange):
        exchange.answer("413 Content Too Large")

    web.routes["/put1"] = web.routes["/put2"] = refuse
    with pytest.raises(MediaError):
        await upload(Slots(web)).publish(blob, "ann")


async def test_after_a_passing_trouble_another_slot_is_asked_for(web, blob):
    web.says("/put1", "503 Busy")
    came = takes(web, "/put2")
    assert await upload(Slots(web)).publish(blob, "ann") == "https://get.example/2"
    assert came["body"] == DATA


async def test_after_a_reset_in_the_middle_another_slot_is_asked_for(web, blob):
    async def reset(exchange: Exchange):
        await exchange.reader.readexactly(1000)
        exchange.reset()

    web.routes["/put1"] = reset
    takes(web, "/put2")
    assert await upload(Slots(web)).publish(blob, "ann") == "https://get.example/2"
    web.routes["/put2"] = reset
    with pytest.raises(MediaError, match="broke"):
        await upload(Slots(web)).publish(blob, "ann")


async def test_a_service_that_never_answers_is_given_up(web, blob):
    async def silence(exchange: Exchange):
        await exchange.reader.read()

    web.routes["/put1"] = silence
    slots = Slots(web)
    with pytest.raises(MediaError, match=r"within 0\.3 seconds"):
        await upload(slots, seconds=0.3).publish(blob, "ann")
    assert slots.asked == 1


async def test_a_service_that_never_reads_is_given_up(web, tmp_path):
    over = asyncio.Event()

    async def stall(exchange: Exchange):
        await over.wait()

    web.routes["/put1"] = stall
    path = tmp_path / "large"
    path.write_bytes(bytes(20_000_000))
    large = Blob(path, "a.bin", "application/octet-stream", 20_000_000, "00" * 32)
    with pytest.raises(MediaError, match=r"within 0\.5 seconds"):
        await upload(Slots(web), seconds=0.5).publish(large, "ann")
    over.set()


async def test_no_slot_no_upload(web, blob):
    class Closed:
        async def slot(self, file, user):
            raise refused("Not for you.")

    with pytest.raises(MediaError, match="Not for you"):
        await upload(Closed()).publish(blob, "ann")
    assert not web.asked


async def test_a_slot_without_encryption_across_a_network_is_not_used(blob):
    class Naked:
        async def slot(self, file, user):
            return Slot("http://8.8.8.8/put", "https://get.example/1")

    with pytest.raises(MediaError):
        await upload(Naked()).publish(blob, "ann")
