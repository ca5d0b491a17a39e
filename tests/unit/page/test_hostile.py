"""What the listener does with requests that nobody means well with."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ops.health import Ailment
from gateway.page.requests import BODY_LIMIT, _fields, number
from gateway.page.server import BOUNDS
from gateway.web.server import Bounds
from tests.unit.page.house import house
from tests.unit.page.test_entry import csrf

WAIT = 10


async def raw(port: int, data: bytes, *, first: bool = False) -> bytes:
    """Everything that is answered until the connection ends, or the ``first`` line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.readline() if first else reader.read(), WAIT)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def get(path: str, *headers: str) -> bytes:
    lines = "".join(f"{each}\r\n" for each in headers)
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode()


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../server.py",
        "/assets/..%2fserver.py",
        "/assets/%2e%2e/%2e%2e/secrets.py",
        "/assets//etc/passwd",
        "/assets/style.css",
        "/assets/style.css%00",
        "/assets/..\\server.py",
        "/../../etc/passwd",
        "//etc/passwd",
        "/assets/",
        "/templates/base.html",
    ],
)
async def test_no_path_reaches_a_file(path):
    async with house() as place:
        answer = await raw(place.port, get(path))
        assert answer.split(b" ", 2)[1] in {b"400", b"404"}
        assert b"import" not in answer
        assert b"root:" not in answer


async def test_every_answer_is_closed_to_other_sites():
    async with house() as place:
        await place.sign_in()
        name = next(iter((await place.get("/"))[1].split('href="assets/')[1:])).split('"')[0]
        for path in ("/", "/login", "/none", f"/assets/{name}", "/healthz", "/metrics", "/events"):
            async with place.session.get(path, allow_redirects=False) as response:
                policy = response.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; ")
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Referrer-Policy"] == "same-origin"
                kept = "immutable" if path.startswith("/assets") else "no-store"
                assert kept in response.headers["Cache-Control"]
                assert "Python" not in response.headers["Server"]


async def test_pages_hold_nothing_that_the_policy_forbids():
    async with house() as place:
        await place.sign_in()
        for path in ("/", "/accounts", "/failures", "/limits", "/access", "/doctor", "/gateway"):
            text = (await place.get(path))[1]
            for word in (
                "<style",
                " style=",
                "onclick",
                "onload",
                "javascript:",
                "http://",
                "https://",
                "<script>",
            ):
                assert word not in text, (path, word)


async def test_a_form_that_is_too_large_is_not_read():
    async with house() as place:
        await place.sign_in()
        for body in (b"x" * (BODY_LIMIT + 1), b"x" * 1_000_000):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            assert (await place.post("/login", body, headers=headers))[0] == 413
        many = "&".join(f"a{number}=1" for number in range(300))
        assert (await place.post("/login", many.encode(), headers=headers))[0] == 400


async def test_a_form_without_end_is_left():
    async def endless():
        for _ in range(64):
            yield bytes(16_384)

    async with house() as place:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with place.session.post("/login", data=endless(), headers=headers) as response:
            assert response.status == 413


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain", ""])
async def test_only_plain_forms_are_taken(kind):
    async with house() as place:
        status, _, _ = await place.post("/login", b"token=x", headers={"Content-Type": kind})
        assert status == 415


async def test_heads_that_are_too_large_are_refused():
    async with house() as place:
        assert b" 400 " in await raw(place.port, get("/?" + "x" * 10_000))
        assert b" 400 " in await raw(place.port, get("/", "X: " + "x" * 10_000))
        assert b" 400 " in await raw(place.port, get("/", *(f"X-{number}: y" for number in range(500))))


@pytest.mark.parametrize(
    "data",
    [
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nabcde",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x5\r\n\r\nabcde",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\nabcde",
        b"POST /login HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"POST /login HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\r\n" * 5 + b"garbage\r\n\r\n",
    ],
)
async def test_what_two_servers_could_read_differently_is_refused(data):
    async with house() as place:
        answer = await raw(place.port, data)
        assert answer == b"" or answer.split(b" ", 2)[1] == b"400", answer
        assert answer.count(b"HTTP/1.") <= 1


async def test_a_head_that_drips_ends_the_connection():
    async with house(bounds=Bounds(head_seconds=0.1)) as place:
        assert await raw(place.port, b"GET / HTTP/1.1\r\nHost: loc") == b""
        assert (await place.get("/healthz"))[0] == 200


async def test_a_body_that_drips_ends_the_connection():
    async with house(body_seconds=0.1, bounds=Bounds(farewell_seconds=0.1)) as place:
        data = (
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 10\r\n\r\ntok"
        )
        assert b" 408 " in await raw(place.port, data, first=True)


async def dropped(port: int, cookie: str, path: str, *, again: bool) -> bool:
    """Ask, once or ``again`` and again, and read nothing of what is answered, until the connection is cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
    try:
        async with asyncio.timeout(3 * WAIT):
            writer.write(request)
            while True:
                # A single byte finds out, too, whether there is somebody at the other end.
                writer.write(request * 100 if again else b"\r")
                await writer.drain()
                await asyncio.sleep(0)
    except ConnectionError:
        return True
    finally:
        writer.close()
        reader.feed_eof()


async def test_a_client_that_reads_nothing_is_dropped():
    async with house(bounds=Bounds(stalled_seconds=0.1)) as place:
        await place.sign_in()
        assert await dropped(place.port, place.cookie(), "/", again=True)
        assert (await place.get("/healthz"))[0] == 200


async def test_a_viewer_that_reads_nothing_is_dropped():
    async with house(bounds=Bounds(stalled_seconds=0.1)) as place:
        await place.sign_in()
        # More than all buffers in between can hold.
        ailment = Ailment("disk", "It is full. " * 2_000_000)
        place.desk.view = replace(place.desk.view, ailments=(ailment,))
        assert await dropped(place.port, place.cookie(), "/events?of=overview", again=False)
        assert (await place.get("/healthz"))[0] == 200


@pytest.mark.parametrize("strangers", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_connections_beyond_the_bound_are_refused_and_the_others_served(strangers):
    patient = replace(BOUNDS, head_seconds=600)  # on a machine however busy
    async with house(bounds=patient) as place:
        await place.get("/healthz")  # this one stays
        held = [await _connected(place.port) for _ in range(BOUNDS.connections - 1)]
        for _ in range(strangers // 100):
            pairs = [await _connected(place.port) for _ in range(100)]
            ends = await asyncio.wait_for(asyncio.gather(*(_ended(reader) for reader, _ in pairs)), WAIT)
            assert all(ends)
            assert (await place.get("/healthz"))[0] == 200
            for _, writer in pairs:
                writer.close()
        for reader, writer in held:
            writer.write(get("/healthz"))
            assert b" 200 " in await asyncio.wait_for(reader.readline(), WAIT)
            writer.close()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda each: each.decode("latin-1")))
def test_any_fields_are_texts_that_can_be_shown(text):
    for name, value in _fields(text).items():
        for each in (name, value):
            each.encode()
            assert all(character >= " " for character in each)


@given(st.text(max_size=20))
def test_any_text_is_some_number(text):
    assert 1 <= number(text, 1, 9) <= 9


FIELDS = st.dictionaries(
    st.sampled_from(
        (
            "bridge",
            "state",
            "q",
            "page",
            "id",
            "span",
            "notice",
            "subject",
            "reason",
            "decision",
            "level",
            "of",
        )
    ),
    st.text(max_size=40)
    | st.sampled_from(["irc", "1", "-1", "9" * 30, "%00", "\ud800", "\u202e<b>", "allow"]),
    max_size=6,
)


async def test_no_query_and_no_form_is_too_odd():
    async with house() as place:
        await place.sign_in()
        form = {"csrf": csrf((await place.get("/"))[1])}
        loop = asyncio.get_running_loop()
        odd: list[dict[str, str]] = []

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(FIELDS)
        def collect(fields):
            odd.append({name: value.encode("utf-8", "replace").decode() for name, value in fields.items()})

        await loop.run_in_executor(None, collect)
        for fields in odd:
            for path in ("/", "/accounts", "/messages", "/failures", "/limits", "/access", "/restart"):
                status, text, _ = await place.get(path, params=fields)
                assert status in {200, 404}, (path, fields, text)
            for path in ("/limits", "/decide", "/lift", "/log-level", "/restart", "/doctor"):
                status, text, _ = await place.post(path, {**fields, **form})
                assert status in {200, 303, 422}, (path, fields, text)
