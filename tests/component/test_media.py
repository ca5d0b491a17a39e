"""Files through a whole component: from the loopback network to XMPP and back."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from gateway.model import Attachment, Enrichment, Message
from gateway.playground.process import free_ports
from gateway.settings import MediaSettings
from gateway.testing.recorder import RecordingAnswer
from tests.component.stage import ALICE, BOB, JID, ROOM, C, condition, kind, staged
from tests.fakes.web import Exchange, WebServer
from tests.loopback.sharing import SharingBridge
from tests.unit.media.conftest import png

PICTURE = png(30, 20)
DIGEST = hashlib.sha256(PICTURE).hexdigest()
OOB = "{jabber:x:oob}x/{jabber:x:oob}url"
SFS = "{urn:xmpp:sfs:0}file-sharing"
INFO, ITEMS, UPLOAD = (
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "urn:xmpp:http:upload:0",
)


@pytest.fixture
async def web():
    async with WebServer() as server:
        yield server


@pytest.fixture
async def media(tmp_path, server):
    """A component whose bridge takes files."""
    settings = MediaSettings(
        directory=tmp_path / "media", trusted_hosts=("127.0.0.1",), timeout_seconds=1, max_file_mb=0.1
    )
    async with staged(tmp_path, server=server, build=SharingBridge, media=settings) as stage:
        yield stage


def has(tag):
    return lambda each: each.find(f".//{{{tag}}}query") is not None


async def upload_service(stage, slot, limit=1):
    """Play the XMPP server's part until ``limit`` slots are given or refused: ``slot`` is what answers a request."""
    link = stage.link
    asked = await link.expect(has(ITEMS))
    assert asked.get("to") == "localhost"
    items = f"<query xmlns='{ITEMS}'><item jid='upload.localhost'/></query>"
    stage.send(f"<iq type='result' id='{asked.get('id')}' from='localhost' to='{JID}'>{items}</iq>")
    asked = await link.expect(lambda each: has(INFO)(each) and each.get("to") == "upload.localhost")
    info = f"<query xmlns='{INFO}'><feature var='{UPLOAD}'/></query>"
    stage.send(f"<iq type='result' id='{asked.get('id')}' from='upload.localhost' to='{JID}'>{info}</iq>")
    for _ in range(limit):
        asked = await link.expect(lambda each: each.find(f"{{{UPLOAD}}}request") is not None)
        type_, payload = slot(asked.find(f"{{{UPLOAD}}}request"))
        stage.send(
            f"<iq type='{type_}' id='{asked.get('id')}' from='upload.localhost' to='{JID}'>{payload}</iq>"
        )


def slot_on(web):
    def slot(request):
        name = request.get("filename")
        put, get = web.url(f"/put/{name}"), f"https://upload.example/{name}"
        return "result", f"<slot xmlns='{UPLOAD}'><put url='{put}'/><get url='{get}'/></slot>"

    return slot


def forbidden(_):
    error = "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    return "error", f"<error type='auth'>{error}</error>"


def takes(web, path, status="201 Created"):
    came = []

    async def take(exchange: Exchange):
        came.append(await exchange.body())
        exchange.answer(status)

    web.routes[path] = take
    return came


def carol_of(stage):
    """Bob's session, which the tests speak through."""
    return stage.bridge.people["bob"]


async def both_in(stage):
    await stage.join(ALICE, ROOM, "alice")
    await stage.join(BOB, ROOM, "bob")
    await stage.silence()


def words(stanza):
    return stanza.findtext(f"{C}body")


def from_bob_to_alice(each):
    return kind("message", to="alice@localhost")(each) and each.find(f"{C}body") is not None


async def test_a_picture_arrives_as_link_and_metadata_and_its_caption_after_it(media, web):
    await both_in(media)
    came = takes(web, "/put/cat.png")
    file = Attachment("cat.jpg", "image/jpeg", data=PICTURE)
    sink = media.bridge.people["alice"].sink
    sink.direct(Message("bob", "My cat", foreign_id="m1", attachments=(file,)))
    sink.direct(Message("bob", "as promised"))
    await upload_service(media, slot_on(web))
    first = await media.link.expect(from_bob_to_alice)
    url = "https://upload.example/cat.png"
    assert words(first) == first.findtext(OOB) == url
    sharing = first.find(SFS)
    assert sharing.get("disposition") == "inline"
    meta = {each.tag.partition("}")[2]: each.text for each in sharing.find("{urn:xmpp:file:metadata:0}file")}
    assert (meta["name"], meta["media-type"], meta["size"]) == ("cat.png", "image/png", str(len(PICTURE)))
    assert (meta["width"], meta["height"]) == ("30", "20")
    assert "thumbnail" in meta
    assert came == [PICTURE]
    assert words(await media.link.expect(from_bob_to_alice)) == "My cat"
    assert words(await media.link.expect(from_bob_to_alice)) == "as promised"


async def test_what_waits_for_a_file_is_in_the_ledger_before_the_file_is_public(media):
    await both_in(media)
    file = Attachment("cat.jpg", "image/jpeg", data=PICTURE)
    sink = media.bridge.people["alice"].sink
    sink.direct(Message("bob", "My cat", foreign_id="m1", attachments=(file,)))
    sink.direct(Message("bob", "as promised", foreign_id="m2"))
    await media.component.deliveries.flush()
    rows = await media.component.stores.deliveries.active("loopback")
    stopped = "[A file, cat.jpg, could not be delivered: The gateway was stopped while it was on its way.]"
    assert [row.body for row in rows] == [f"My cat\n{stopped}", "as promised"]


async def test_a_text_that_a_network_has_no_lines_for_becomes_a_file(media, web):
    await both_in(media)
    came = takes(web, "/put/message.txt")
    answer, second = RecordingAnswer(), RecordingAnswer()
    sink = media.bridge.people["alice"].sink
    sink.publish("größe\nzwei", "message.txt", answer)
    sink.publish("", "message.txt", second)
    await upload_service(media, slot_on(web))
    assert (await answer.outcome()).arguments == ("https://upload.example/message.txt",)
    assert came == ["größe\nzwei".encode()]
    assert (await second.outcome()).name == "refused"


async def test_where_there_is_no_place_for_files_no_text_becomes_one(stage):
    await stage.join()
    answer = RecordingAnswer()
    stage.bridge.people["alice"].sink.publish("text", "message.txt", answer)
    assert (await answer.outcome()).name == "refused"


async def test_a_room_sees_the_picture_and_so_does_who_comes_later(media, web):
    await both_in(media)
    takes(web, "/put/cat.png")
    message = Message("bob", "", foreign_id="m2", attachments=(Attachment("cat.png", data=PICTURE),))
    alice = media.bridge.people["alice"].sink
    alice.room_message("#room", message)
    alice.room_message("#room", Message("bob", "next", foreign_id="m3"))
    await upload_service(media, slot_on(web))
    shown = await media.link.expect(kind("message", to=ALICE, type="groupchat"))
    assert words(shown) == shown.findtext(OOB) == "https://upload.example/cat.png"
    assert words(await media.link.expect(kind("message", to=ALICE, type="groupchat"))) == "next"
    alice.room_message("#room", message)  # a replay is not uploaded again
    later = ALICE.replace("phone", "desk")
    media.send(
        f"<presence from='{later}' to='{ROOM}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    old = await media.link.expect(lambda each: kind("message", to=later)(each) and each.find(OOB) is not None)
    assert words(old) == "https://upload.example/cat.png"
    assert web.asked == [("PUT", "/put/cat.png")]


@pytest.mark.parametrize("status", ["403 Forbidden", "413 Too Large", "507 Full"])
async def test_an_upload_that_fails_leaves_the_text_and_a_sentence(media, web, status):
    await both_in(media)
    takes(web, "/put/cat.png", status)
    file = Attachment("cat.png", data=PICTURE)
    media.bridge.people["alice"].sink.direct(Message("bob", "My cat", attachments=(file,)))
    await upload_service(media, slot_on(web))
    said = words(await media.link.expect(from_bob_to_alice))
    assert said.startswith("My cat\n[A file, cat.png, could not be delivered: 127.0.0.1")
    assert status[:3] in said


async def test_a_service_that_is_closed_to_us_is_told(media, web):
    await both_in(media)
    file = Attachment("cat.png", data=PICTURE)
    media.bridge.people["alice"].sink.direct(Message("bob", "", attachments=(file,)))
    await upload_service(media, forbidden)
    assert "refused it" in words(await media.link.expect(from_bob_to_alice))


async def test_where_nobody_takes_uploads_the_gateway_gives_files_out_itself(tmp_path, server):
    (port,) = free_ports(1)
    settings = MediaSettings(
        directory=tmp_path / "media",
        listen=f"127.0.0.1:{port}",
        public_url=f"http://127.0.0.1:{port}",
        trusted_hosts=("127.0.0.1",),
    )
    async with staged(tmp_path, server=server, build=SharingBridge, media=settings) as stage:
        await both_in(stage)
        file = Attachment("cat.png", data=PICTURE)
        stage.bridge.people["alice"].sink.direct(Message("bob", "", attachments=(file,)))
        await upload_service(stage, forbidden)
        shown = await stage.link.expect(from_bob_to_alice)
        assert words(shown).startswith(f"http://127.0.0.1:{port}/file/")
        # And back: what the gateway gives out, its own bridge can be sent.
        stage.send(
            f"<message type='chat' from='{BOB}' to='alice@{JID}' id='b1'><body>{words(shown)}</body>"
            f"<x xmlns='jabber:x:oob'><url>{words(shown)}</url></x></message>"
        )
        _, _, back = await asyncio.wait_for(stage.bridge.received.get(), 10)
        assert (back.data, back.name, back.sha256) == (PICTURE, "cat.png", DIGEST)


def shares(url, inner=""):
    return (
        f"<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><name>../c.gif</name></file>"
        f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{url}'/></sources></file-sharing>{inner}"
    )


async def test_a_file_sent_to_a_room_reaches_the_network_and_the_users_other_clients(media, web):
    await both_in(media)
    url = web.says("/up/x", "200 OK", PICTURE)
    media.send(
        f"<message type='groupchat' from='{ALICE}' to='{ROOM}' id='s1'><body>{url}</body>{shares(url)}</message>"
    )
    reflected = await media.link.expect(kind("message", to=ALICE, id="s1"))
    assert words(reflected) == reflected.findtext(OOB) == url
    assert reflected.find(SFS) is not None
    address, text, file = media.bridge.received.get_nowait()
    assert (address.name, text, file.name, file.data) == ("#room", "", "c.png", PICTURE)


class DurableBridge(SharingBridge):
    """Its rooms are the ledger's."""

    capabilities = replace(SharingBridge.capabilities, durable_rooms=True)


async def test_a_file_in_a_durable_room_is_reflected_as_it_was_sent(tmp_path, server, web):
    settings = MediaSettings(directory=tmp_path / "media", trusted_hosts=("127.0.0.1",))
    url = web.says("/up/x", "200 OK", PICTURE)
    async with staged(tmp_path, server=server, build=DurableBridge, media=settings) as stage:
        await both_in(stage)
        stage.send(
            f"<message type='groupchat' from='{ALICE}' to='{ROOM}' id='s1'><body>{url}</body>{shares(url)}</message>"
        )
        reflected = await stage.link.expect(kind("message", to=ALICE, id="s1"))
        assert words(reflected) == reflected.findtext(OOB) == url


async def test_a_file_with_words_arrives_with_both(media, web):
    await both_in(media)
    url = web.says("/up/x", "200 OK", PICTURE)
    media.send(
        f"<message type='chat' from='{ALICE}' to='bob@{JID}' id='s2'><body>Look</body>{shares(url)}</message>"
    )
    address, text, file = await asyncio.wait_for(media.bridge.received.get(), 10)
    assert (address.name, text, file.data) == ("bob", "Look", PICTURE)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://169.254.169.254/latest/meta-data/", "forbidden"),
        ("http://example.org/x", "not-acceptable"),
        ("aesgcm://example.org/x#00", "not-acceptable"),
    ],
)
async def test_a_link_that_is_not_fetched_is_refused_to_who_sent_it(media, url, expected):
    await both_in(media)
    for to, type_ in ((ROOM, "groupchat"), (f"bob@{JID}", "chat")):
        media.send(
            f"<message type='{type_}' from='{ALICE}' to='{to}' id='bad'><body>{url}</body>{shares(url)}</message>"
        )
        error = await media.link.expect(kind("message", to=ALICE, type="error", id="bad"))
        assert condition(error) == expected
        assert len(error.findtext(f"{C}error/{{urn:ietf:params:xml:ns:xmpp-stanzas}}text")) > 20
    assert media.bridge.received.empty()


async def test_a_network_without_files_gets_the_link_as_text(stage):
    await both_in(stage)
    url = "https://upload.example/x.png"
    stage.send(f"<message type='groupchat' from='{ALICE}' to='{ROOM}' id='t1'>{shares(url)}</message>")
    seen = await stage.link.expect(kind("message", to=BOB, type="groupchat"))
    assert words(seen) == url
    reflected = await stage.link.expect(kind("message", to=ALICE, id="t1"))
    assert reflected.findtext(OOB) == url
    stage.send(f"<message type='chat' from='{ALICE}' to='bob@{JID}' id='t2'>{shares(url)}</message>")
    seen = await stage.link.expect(kind("message", to="bob@localhost", type="chat"))
    assert words(seen) == url


async def test_without_media_what_a_network_sends_is_not_lost(stage):
    await both_in(stage)
    file = Attachment("cat.png", data=PICTURE, caption="purring")
    stage.bridge.people["alice"].sink.direct(Message("bob", "My cat", attachments=(file,)))
    said = words(await stage.link.expect(from_bob_to_alice))
    assert said.startswith("My cat\n[A file, cat.png,")
    assert "purring" in said


class AnsweringBridge(SharingBridge):
    """Files in it can be answers, and are about something."""

    capabilities = replace(
        SharingBridge.capabilities, replies=True, threads=True, subjects=True, durable_rooms=True
    )


@pytest.mark.parametrize("durable", [True, False])
async def test_what_a_file_is_besides_goes_with_it(tmp_path, server, web, durable):
    def build(services):
        bridge = AnsweringBridge(services)
        bridge.capabilities = replace(bridge.capabilities, durable_rooms=durable)
        return bridge

    settings = MediaSettings(directory=tmp_path / "media", trusted_hosts=("127.0.0.1",))
    url = web.says("/up/x", "200 OK", PICTURE)
    inner = "<thread>t1</thread><subject>Tea</subject>"
    async with staged(tmp_path, server=server, build=build, media=settings) as stage:
        await both_in(stage)
        for to, type_ in ((ROOM, "groupchat"), (f"bob@{JID}", "chat")):
            stage.send(
                f"<message type='{type_}' from='{ALICE}' to='{to}' id='s1'><body>{url}</body>{shares(url)}{inner}</message>"
            )
            await asyncio.wait_for(stage.bridge.received.get(), 10)
            assert stage.bridge.enrichments.pop() == Enrichment(thread="t1", subject="Tea"), to
