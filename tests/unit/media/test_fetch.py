"""The guarded fetcher against servers, names and links that mean harm."""

import asyncio
import ipaddress
import ssl
import zlib

import pytest

from gateway.bridge import MediaError
from gateway.media.dialling import Dialler
from gateway.media.fetch import Fetcher, FileLimits
from gateway.media.pictures import PictureLimits, Pictures
from gateway.media.targets import Targets, Trusted
from gateway.media.transfers import Transfers
from gateway.model import Attachment, Condition
from gateway.playground.certificate import make_certificate
from tests.fakes.web import Exchange, WebServer
from tests.unit.media.conftest import png
from tests.waiting import eventually

LIMIT = 100_000


async def no_names(host):
    raise OSError(f"{host} was looked up")


@pytest.fixture
def fetcher(spool):
    def make(resolve=no_names, trusted=("127.0.0.0/8",), tls=None, seconds=5.0, transfers=None):
        dialler = Dialler(Targets(Trusted.of(trusted)), resolve, agent="test", tls=tls)
        return Fetcher(
            dialler,
            spool,
            Pictures(PictureLimits()),
            transfers or Transfers(per_user=2, total=4),
            FileLimits(LIMIT, seconds),
        )

    return make


async def refusal(fetcher, url, **attachment):
    with pytest.raises(MediaError) as caught:
        await fetcher.fetch(Attachment(url=url, **attachment), "ann")
    return caught.value.refused


def left_over(spool):
    return list(spool.directory.iterdir())


async def test_a_file_is_fetched_hashed_and_named_by_what_it_is(web, fetcher, spool):
    data = png(30, 20)
    url = web.says("/a%20picture.html", "200 OK", data, Content_Type="text/html")
    with await fetcher().fetch(Attachment(url=url), "ann") as blob:
        assert blob.path.read_bytes() == data
        assert (blob.name, blob.media_type, blob.size) == ("a picture.png", "image/png", len(data))
        assert (blob.width, blob.height) == (30, 20)
    assert not left_over(spool)


async def test_redirects_are_followed_three_times_and_no_more(web, fetcher):
    web.says("/file", "200 OK", b"here")
    for step in range(5):
        target = f"/step{step - 1}" if step else "/file"
        web.says(f"/step{step}", "302 Found", Location=target)
    with await fetcher().fetch(Attachment(url=web.url("/step2")), "ann") as blob:
        assert blob.size == 4
    assert "more than 3 times" in (await refusal(fetcher(), web.url("/step4"))).text


async def test_credentials_are_sent_to_the_host_of_the_link_and_to_no_other(web, fetcher):
    seen = []

    def at(server, path, location=""):
        async def handler(exchange: Exchange) -> None:
            seen.append((exchange.path, exchange.headers.get("authorization")))
            if location:
                exchange.answer("302 Found", Location=location)
            else:
                exchange.answer("200 OK", b"here")

        server.routes[path] = handler
        return server.url(path)

    async with WebServer() as other:
        away = at(other, "/away", at(web, "/last"))
        url = at(web, "/start", at(web, "/near", away))
        with await fetcher().fetch(Attachment(url=url), "ann", {"Authorization": "Basic YTpi"}):
            pass
    assert seen == [("/start", "Basic YTpi"), ("/near", "Basic YTpi"), ("/away", None), ("/last", None)]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/1",
        "https://user:secret@127.0.0.1/",
        "https://[fe80::1%25lo]/",
        "//10.0.0.1/x",
        "https://[",
    ],
)
async def test_a_redirect_to_a_place_inside_is_not_followed(web, fetcher, target):
    url = web.says("/trap", "302 Found", Location=target)
    why = await refusal(fetcher(), url)
    assert why.text
    assert web.asked == [("GET", "/trap")]


async def test_a_redirect_without_a_place_is_refused(web, fetcher):
    await refusal(fetcher(), web.says("/x", "302 Found", Location="https://["))
    why = await refusal(fetcher(seconds=2), web.says("/y", "302 Found"))
    assert "more than 3 times" in why.text


async def test_a_file_that_never_ends_is_cut_off(web, fetcher, spool):
    async def flood(exchange: Exchange):
        exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
        while not exchange.writer.is_closing():
            exchange.write(b"x" * 10_000)
            await exchange.writer.drain()

    web.routes["/flood"] = flood
    assert "larger than the 0.1 MB" in (await refusal(fetcher(), web.url("/flood"))).text
    assert not left_over(spool)


async def test_a_file_that_trickles_is_cut_off_in_time(web, fetcher, spool):
    async def trickle(exchange: Exchange):
        exchange.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not exchange.writer.is_closing():
            exchange.write(b"x")
            await asyncio.sleep(0.01)

    web.routes["/slow"] = trickle
    why = await refusal(fetcher(seconds=0.3), web.url("/slow"))
    assert why.condition is Condition.REMOTE_SERVER_TIMEOUT
    assert not left_over(spool)


async def test_a_server_that_never_answers_is_given_up(web, fetcher):
    async def silence(exchange: Exchange):
        await exchange.reader.read()

    web.routes["/mute"] = silence
    assert "within 0.3 seconds" in (await refusal(fetcher(seconds=0.3), web.url("/mute"))).text


async def test_a_length_over_the_limit_is_refused_unread(web, fetcher):
    url = web.says("/big", "200 OK", b"", Content_Length="10000000000")
    assert "larger" in (await refusal(fetcher(), url)).text


async def test_a_file_shorter_than_its_length_is_refused(web, fetcher, spool):
    url = web.says("/short", "200 OK", b"only this", Content_Length="5000")
    assert "before the file was complete" in (await refusal(fetcher(), url)).text
    assert not left_over(spool)


async def test_a_file_longer_than_its_length_is_never_taken_for_the_whole(web, fetcher, spool):
    async def two_lies(exchange: Exchange):
        exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123")
        await exchange.writer.drain()
        await asyncio.sleep(0.05)
        exchange.write(b"456789")

    web.routes["/late"] = two_lies
    assert "not the file that you sent" in (await refusal(fetcher(), web.url("/late"), size=10)).text
    await refusal(fetcher(), web.says("/long", "200 OK", b"0123456789", Content_Length="4"), size=10)
    assert not left_over(spool)


async def test_another_file_than_the_one_announced_is_refused(web, fetcher, spool):
    url = web.says("/swapped", "200 OK", b"something else")
    assert "not the file that you sent" in (await refusal(fetcher(), url, sha256="0" * 64)).text
    assert not left_over(spool)


async def test_a_size_announced_over_the_limit_asks_nobody(web, fetcher):
    await refusal(fetcher(), web.url("/x"), size=LIMIT + 1)
    assert web.asked == []


async def test_packed_content_is_refused_not_unpacked(web, fetcher):
    bomb = zlib.compress(b"\x00" * 5_000_000)
    url = web.says("/bomb", "200 OK", bomb, Content_Encoding="deflate")
    assert "packed" in (await refusal(fetcher(), url)).text


async def test_an_empty_file_is_refused(web, fetcher, spool):
    assert "empty" in (await refusal(fetcher(), web.says("/0", "200 OK"))).text
    assert not left_over(spool)


async def test_a_web_page_is_no_picture(web, fetcher, spool):
    page = b"\n<!DOCTYPE html><html><body>Log in first</body></html>"
    url = web.says("/cat.jpg", "200 OK", page, Content_Type="image/jpeg")
    assert "web page" in (await refusal(fetcher(), url)).text
    url = web.says("/cat.jpg", "200 OK", page, Content_Type="text/html")
    assert "web page" in (await refusal(fetcher(), url, media_type="image/jpeg")).text
    assert not left_over(spool)


async def test_a_wrong_type_is_corrected(web, fetcher):
    url = web.says("/cat.jpg", "200 OK", png(2, 2), Content_Type="image/jpeg")
    with await fetcher().fetch(Attachment(url=url, media_type="image/jpeg", name="cat.jpg"), "ann") as blob:
        assert (blob.name, blob.media_type) == ("cat.png", "image/png")


async def test_a_picture_that_unpacks_to_gigabytes_is_refused(web, fetcher, spool):
    bomb = png(60_000, 60_000, rows=1)
    url = web.says("/bomb.png", "200 OK", bomb, Content_Type="image/png")
    assert "60000 by 60000" in (await refusal(fetcher(), url)).text
    assert not left_over(spool)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "500 Oops", "206 Partial Content"])
async def test_what_the_server_does_not_give_is_told_with_its_words(web, fetcher, status):
    assert status in (await refusal(fetcher(), web.says("/no", status, b"sorry"))).text


async def test_a_port_where_nobody_listens_is_told(web, fetcher):
    async with WebServer() as gone:
        url = gone.url("/x")
    why = await refusal(fetcher(), url)
    assert why.condition is Condition.REMOTE_SERVER_NOT_FOUND


async def test_a_reset_in_the_middle_is_told(web, fetcher, spool):
    async def reset(exchange: Exchange):
        exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello")
        await exchange.writer.drain()
        exchange.reset()

    web.routes["/reset"] = reset
    assert "broke" in (await refusal(fetcher(), web.url("/reset"))).text
    assert not left_over(spool)


# -- names that lead elsewhere ------------------------------------------------------------------------------------


class Answers:
    """A resolver that gives one answer after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        return [ipaddress.ip_address(each) for each in self.answers.pop(0)]


@pytest.fixture
async def secure(tmp_path):
    """A server for https://files.example.org, and what trusts it."""
    certificate = make_certificate(tmp_path, names=("files.example.org",))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate.certificate, certificate.key)
    async with WebServer(tls=served) as server:
        yield server, ssl.create_default_context(cafile=str(certificate.authority))


async def test_a_host_is_resolved_once_and_that_address_connected_to(secure, fetcher):
    server, tls = secure
    server.says("/f", "200 OK", b"data")
    resolve = Answers(["127.0.0.1"], ["10.0.0.1"])
    url = server.url("/f", "files.example.org")
    with await fetcher(resolve, tls=tls).fetch(Attachment(url=url), "ann") as blob:
        assert blob.size == 4
    assert resolve.asked == ["files.example.org"]


async def test_a_name_that_moves_inside_between_two_requests_is_caught(secure, fetcher):
    server, tls = secure
    server.says("/f", "302 Found", Location="/g")
    server.says("/g", "200 OK", b"secret")
    resolve = Answers(["127.0.0.1"], ["192.168.1.1"])
    why = await refusal(fetcher(resolve, tls=tls), server.url("/f", "files.example.org"))
    assert why.condition is Condition.FORBIDDEN
    assert server.asked == [("GET", "/f")]


async def test_a_name_of_an_inside_address_is_refused(fetcher):
    for inside in ("10.1.2.3", "::1", "64:ff9b::a00:1", "::ffff:127.0.0.1"):
        why = await refusal(fetcher(Answers([inside])), "https://innocent.example/")
        assert why.condition is Condition.FORBIDDEN


async def test_of_mixed_addresses_only_the_public_ones_are_used(fetcher, secure):
    server, tls = secure
    server.says("/f", "200 OK", b"data")
    resolve = Answers(["10.0.0.1", "127.0.0.1", "::1"])
    with await fetcher(resolve, tls=tls).fetch(
        Attachment(url=server.url("/f", "files.example.org")), "ann"
    ) as blob:
        assert blob.size == 4


async def test_a_certificate_nobody_vouches_for_is_refused(secure, fetcher):
    server, _ = secure
    why = await refusal(fetcher(Answers(["127.0.0.1"])), server.url("/f", "files.example.org"))
    assert "certificate" in why.text


async def test_a_host_that_does_not_exist_is_told(fetcher):
    why = await refusal(fetcher(), "https://nowhere.example/x")
    assert "nowhere.example" in why.text


async def test_a_trusted_name_may_be_private_and_unencrypted(web, fetcher):
    web.says("/f", "200 OK", b"data")
    make = fetcher(Answers(["127.0.0.1"]), trusted=("upload.internal",))
    with await make.fetch(Attachment(url=web.url("/f", "upload.internal")), "ann") as blob:
        assert blob.size == 4


async def test_what_is_not_trusted_must_be_encrypted(fetcher):
    assert "not encrypted" in (await refusal(fetcher(), "http://files.example.org/x")).text


async def test_an_encrypted_file_is_refused_with_a_way_out(fetcher):
    why = await refusal(fetcher(), "aesgcm://files.example.org/x#0123456789abcdef")
    assert "switch encryption off" in why.text


# -- how many at a time -------------------------------------------------------------------------------------------


async def test_one_user_does_not_keep_others_from_their_turn(web, fetcher):
    go = asyncio.Event()

    async def wait(exchange: Exchange):
        await go.wait()
        exchange.answer("200 OK", b"late")

    web.routes["/wait"] = wait
    web.says("/quick", "200 OK", b"now")
    make = fetcher(transfers=Transfers(per_user=2, total=3, waiting=2))
    waiting = [asyncio.create_task(make.fetch(Attachment(url=web.url("/wait")), "greedy")) for _ in range(4)]
    await eventually(lambda: len(web.asked) >= 2)
    with await make.fetch(Attachment(url=web.url("/quick")), "modest") as blob:
        assert blob.size == 3
    with pytest.raises(MediaError, match="Too many of your files"):
        await make.fetch(Attachment(url=web.url("/quick")), "greedy")
    assert [path for _, path in web.asked].count("/wait") == 2
    go.set()
    for blob in await asyncio.gather(*waiting):
        blob.path.unlink()


async def test_a_form_is_sent_and_redirects_are_not_followed(web, fetcher):
    sent = []

    async def takes(exchange: Exchange) -> None:
        sent.append((exchange.headers["content-type"], await exchange.body(), exchange.headers.get("cookie")))
        exchange.answer("202 Accepted", Set_Cookie="a=b")

    web.routes["/leave"] = takes
    for _ in range(2):
        await fetcher().submit(web.url("/leave"), {"List-Unsubscribe": "One-Click"}, "ann")
    form = ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click", None)
    assert sent == [form, form]
    url = web.says("/on", "302 Found", Location="/leave")
    with pytest.raises(MediaError, match="answered 302 Found"):
        await fetcher().submit(url, {}, "ann")
    assert web.asked == [("POST", "/leave"), ("POST", "/leave"), ("POST", "/on")]


async def test_a_form_goes_to_public_addresses_only(web, fetcher):
    with pytest.raises(MediaError):
        await fetcher(trusted=()).submit(web.url("/leave"), {}, "ann")
    assert web.asked == []


async def test_the_answer_to_a_form_is_read_whatever_its_status_and_no_further_than_it_may_be_long(
    web, fetcher
):
    answer = await fetcher().exchange(
        web.says("/no", "400 Bad Request", b'{"error": "no"}'), {"a": "b"}, "ann"
    )
    assert (answer.status, answer.body) == (400, b'{"error": "no"}')
    answer = await fetcher().exchange(web.says("/long", "200 OK", b"x" * 200_000), {}, "ann")
    assert answer.body == b"x" * 65_536
    with pytest.raises(MediaError, match=r"private network|not encrypted"):
        await fetcher(trusted=()).exchange(web.url("/no"), {}, "ann")
