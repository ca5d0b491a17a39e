"""The gateway's own place for files, from the disk to the browser."""

import asyncio
import os

import aiohttp
import pytest

from gateway.bridge import Blob, MediaError
from gateway.media.store import OwnStore, StorePolicy
from gateway.storage.database import opened
from gateway.storage.files import FileStore
from gateway.web.files import file_routes
from gateway.web.server import CannotServe, serving
from gateway.web.tally import FILES, OTHER, WebTally
from tests.unit.clock import ManualClock
from tests.waiting import eventually

DATA = bytes(range(256)) * 4
DAY = 86_400.0


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def files(tmp_path, clock):
    async with opened(f"sqlite:///{tmp_path}/test.db", clock=clock) as database:
        yield FileStore(database)


@pytest.fixture
def make_store(tmp_path, files, clock):
    async def make(**policy):
        store = OwnStore(tmp_path / "given", files, clock, StorePolicy("http://files.example", **policy))
        await store.prepare()
        return store

    return make


@pytest.fixture
def blob(tmp_path):
    def make(data=DATA, name="a.png", media_type="image/png"):
        path = tmp_path / "blob"
        path.write_bytes(data)
        return Blob(path, name, media_type, len(data), "00" * 32)

    return make


@pytest.fixture
def tally():
    return WebTally(OTHER)


@pytest.fixture
async def browser(make_store, clock, tally):
    """A store, and a function that requests the path of a link."""
    store = await make_store()
    async with (
        serving("127.0.0.1", 0, file_routes(store, clock), tally=tally) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def ask(link, method="GET", **headers):
            path = link.removeprefix("http://files.example")
            async with session.request(method, path, headers=headers) as response:
                return response.status, response.headers, await response.read()

        yield store, ask


async def test_a_link_gives_the_same_bytes_with_the_right_type(browser, blob):
    store, ask = browser
    link = await store.add("irc", "ann@localhost", blob(name="schöner Tag.png"))
    assert link.startswith("http://files.example/file/")
    assert link.endswith("/sch%C3%B6ner%20Tag.png")
    status, headers, body = await ask(link)
    assert (status, body) == (200, DATA)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"].startswith("inline; filename=")
    assert "filename*=UTF-8''sch%C3%B6ner%20Tag.png" in headers["Content-Disposition"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("media_type", "disposition"),
    [
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("text/xml", "attachment"),
        ("application/pdf", "attachment"),
        ("application/octet-stream", "attachment"),
        ("text/plain", "inline"),
        ("video/mp4", "inline"),
    ],
)
async def test_what_could_hold_a_script_is_downloaded_not_shown(browser, blob, media_type, disposition):
    store, ask = browser
    _, headers, _ = await ask(await store.add("irc", "ann", blob(media_type=media_type)))
    assert headers["Content-Disposition"].startswith(disposition)
    assert headers["Content-Type"].startswith(media_type)


async def test_ranges_and_head_work(browser, blob, tally):
    store, ask = browser
    link = await store.add("irc", "ann", blob())
    status, headers, body = await ask(link, Range="bytes=10-19")
    assert (status, body, headers["Content-Range"]) == (206, DATA[10:20], f"bytes 10-19/{len(DATA)}")
    status, _, _ = await ask(link, Range="bytes=99999-")
    assert status == 416
    status, headers, body = await ask(link, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(DATA)))
    await eventually(lambda: tally.took[FILES].count == 3)
    assert (tally.answered[FILES, "2xx"], tally.answered[FILES, "4xx"]) == (2, 1)
    assert 10 <= tally.octets[FILES] < len(DATA)  # of the range, and of the refusal


async def test_nobody_guesses_lists_or_climbs(browser, blob, tmp_path):
    store, ask = browser
    link = await store.add("irc", "ann", blob())
    token = link.split("/")[4]
    assert len(token) >= 32
    assert token not in os.listdir(tmp_path / "given")[0]
    for path in (
        "/",
        "/file/",
        f"/file/{token}",
        f"/file/{token[:-1]}A/a.png" if token[-1] != "A" else f"/file/{token[:-1]}B/a.png",
        "/file/x/a.png",
        f"/file/{'x' * 5000}/a.png",
        "/file/..%2f..%2fetc/passwd",
        "/file/%00/a",
        f"/file/{os.listdir(tmp_path / 'given')[0]}/a.png",
    ):
        status, _, body = await ask(path)
        assert status in (404, 400), path
        assert DATA not in body
    status, _, _ = await ask(link, "POST")
    assert status == 405
    status, _, _ = await ask(link, "DELETE")
    assert status == 405


async def test_a_link_expires(browser, blob, clock):
    store, ask = browser
    link = await store.add("irc", "ann", blob())
    await clock.advance(29 * DAY)
    assert (await ask(link))[0] == 200
    await clock.advance(1 * DAY)
    assert (await ask(link))[0] == 404


async def test_what_has_expired_is_deleted(make_store, blob, clock, tmp_path):
    store = await make_store(days=1)
    await store.add("irc", "ann", blob())
    assert await store.sweep() == 0
    await clock.advance(DAY)
    assert await store.sweep() == 1
    assert os.listdir(tmp_path / "given") == []


async def test_files_whose_owner_had_everything_erased_are_deleted(make_store, blob, clock, files, tmp_path):
    store = await make_store()
    await store.add("irc", "ann", blob())
    (key,) = os.listdir(tmp_path / "given")
    await files.forget([key])
    os.utime(tmp_path / "given" / key, (clock.now(), clock.now()))
    assert await store.sweep() == 0  # its row may be on its way
    await clock.advance(7200)
    assert await store.sweep() == 1


async def test_a_file_that_is_gone_from_the_disk_is_not_there(browser, blob, tmp_path):
    store, ask = browser
    link = await store.add("irc", "ann", blob())
    for path in (tmp_path / "given").iterdir():
        path.unlink()
    assert (await ask(link))[0] == 404


async def test_the_oldest_files_of_a_user_make_room(make_store, blob, clock):
    store = await make_store(per_user=2500)
    links = []
    for _ in range(3):
        links.append(await store.add("irc", "ann", blob()))
        await clock.advance(1)
    others = await store.add("irc", "bob", blob())
    found = [await store.find(link.split("/")[4]) for link in [*links, others]]
    assert [each is not None for each in found] == [False, True, True, True]
    with pytest.raises(MediaError, match="keeps for one user"):
        await store.add("irc", "ann", blob(bytes(2501)))


async def test_when_all_space_is_taken_the_next_file_is_refused(make_store, blob, tmp_path):
    store = await make_store(total=1500)
    await store.add("irc", "ann", blob())
    with pytest.raises(MediaError, match="no space"):
        await store.add("irc", "bob", blob())
    assert len(os.listdir(tmp_path / "given")) == 1


async def test_quotas_hold_for_files_that_come_together(make_store, blob, tmp_path):
    store = await make_store(total=3500)
    file = blob()
    done = await asyncio.gather(*(store.add("irc", f"u{n}", file) for n in range(6)), return_exceptions=True)
    assert [isinstance(each, MediaError) for each in done].count(False) == 3
    assert len(os.listdir(tmp_path / "given")) == 3


async def test_a_disk_that_cannot_be_written_is_told_and_leaves_nothing(make_store, blob, files):
    store = await make_store()
    file = blob()
    file.path.unlink()
    with pytest.raises(MediaError, match="could not store"):
        await store.add("irc", "ann", file)
    assert await files.size() == 0


async def test_a_taken_port_is_told_in_words(make_store, clock):
    store = await make_store()
    async with serving("127.0.0.1", 0, file_routes(store, clock)) as port:
        with pytest.raises(CannotServe, match=f"127.0.0.1:{port}"):
            async with serving("127.0.0.1", port, []):
                pass
