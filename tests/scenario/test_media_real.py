"""Files both ways over real upload services: Prosody's http_file_share, ejabberd's mod_http_upload."""

import asyncio
import hashlib
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import aiohttp
import pytest
import pytest_asyncio

from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.media.service import MediaService
from gateway.model import Attachment, Message
from gateway.playground.clients import XmppClient
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component as Peer
from gateway.playground.peers import User
from gateway.playground.process import free_ports
from gateway.playground.prosody import Prosody
from gateway.secrets import SecretBox
from gateway.settings import MediaSettings
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from gateway.web.server import serving
from gateway.xmpp.component import Component, ComponentSettings
from gateway.xmpp.link import LinkState
from tests.loopback.sharing import SharingBridge
from tests.unit.media.conftest import png
from tests.waiting import eventually

JID = "gw.localhost"
ROOM = f"#room@{JID}"
C = "{jabber:client}"
UPLOAD = "urn:xmpp:http:upload:0"
PICTURE = png(120, 80)
NOTE = "Grüße\n".encode() * 5000


@dataclass
class Scene:
    server: Prosody | Ejabberd
    bridge: SharingBridge
    alice: XmppClient
    store: str  # what links to the gateway's own files begin with

    def from_carol(self, *attachments: Attachment, text: str = "") -> None:
        """Somebody on the loopback network writes to alice."""
        self.bridge.people["alice"].sink.direct(Message("carol", text, attachments=attachments))

    async def said(self) -> Element:
        return await self.alice.expect(
            lambda one: (
                (one.get("from") or "").startswith(f"carol@{JID}") and one.find(f"{C}body") is not None
            ),
            "something that carol says",
        )


def only_for(directory: Path, *lists: str) -> None:
    """Give ejabberd's upload service an access rule, as docs/operators.md has it."""
    config = json.loads((directory / "ejabberd.yml").read_text())
    config["modules"]["mod_http_upload"]["access"] = "uploads"
    config["acl"] = {"local": {"user_regexp": ""}, "gateways": {"server": JID}}
    config["access_rules"]["uploads"] = [{"allow": each} for each in lists]
    (directory / "ejabberd.yml").write_text(json.dumps(config))


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["prosody", "ejabberd-granted", "ejabberd-closed"]
)
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prosody | Ejabberd]:
    """One for all tests; each has a user of its own."""
    name, _, access = str(request.param).partition("-")
    cls = {"prosody": Prosody, "ejabberd": Ejabberd}[name]
    place = tmp_path_factory.mktemp("xmpp")
    running = await cls.start(place, components=[Peer(JID, "s3cret")])
    try:
        if access:
            only_for(place, "local", *(["gateways"] if access == "granted" else []))
            await running.restart()
        yield running
    finally:
        await running.stop()


_numbers = itertools.count(1)


@pytest.fixture
async def scene(server: Prosody | Ejabberd, tmp_path: Path) -> AsyncIterator[Scene]:
    user = User(f"alice{next(_numbers)}", "pw")
    await server.add_user(user)
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        database = await stack.enter_async_context(opened(f"sqlite:///{tmp_path}/test.db", clock=clock))
        stores = Stores.of(database, SecretBox.create(tmp_path / "key"), clock)
        (port,) = free_ports(1)
        store = f"http://127.0.0.1:{port}"
        media = MediaService(
            MediaSettings(
                directory=tmp_path / "media",
                trusted_hosts=("127.0.0.1",),
                listen=f"127.0.0.1:{port}",
                public_url=store,
            ),
            stores.files,
            clock,
            "test",
        )
        await stack.enter_async_context(media.running())
        await stack.enter_async_context(serving("127.0.0.1", port, media.routes()))
        services = Services(clock, random.Random(5), "1.0", media.fetcher)
        bridge = SharingBridge(services)
        settings = ComponentSettings(
            "loop",
            "Loopback",
            JID,
            "s3cret",
            server.host,
            server.component_port,
            backoff=BackoffPolicy(first=0.05),
        )
        component = Component(
            settings, bridge, services, stores, Pacer(PacingPolicy(spacing=0), clock), media
        )
        running = asyncio.create_task(component.run())
        stack.push_async_callback(asyncio.wait_for, running, 10)
        stack.push_async_callback(component.close, "The show is over.")
        await eventually(lambda: component.link.status.state is LinkState.UP)
        alice = await XmppClient.connect(server.host, server.c2s_port, user.jid, user.password)
        stack.push_async_callback(alice.close)
        await alice.join(ROOM, "alice")
        yield Scene(server, bridge, alice, store)


async def get(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


@pytest.mark.parametrize(
    ("name", "data", "type_"), [("a cat.jpg", PICTURE, "image/png"), ("note.txt", NOTE, "text/plain")]
)
async def test_a_file_from_the_network_is_a_link_to_the_same_bytes(
    scene: Scene, request: pytest.FixtureRequest, name: str, data: bytes, type_: str
) -> None:
    scene.from_carol(Attachment(name, data=data), text="for you")
    shown = await scene.said()
    url = shown.findtext(f"{C}body")
    assert url is not None
    closed = "closed" in request.node.name
    assert url.startswith(f"{scene.store}/file/") is closed
    assert shown.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == url
    file = shown.find("{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file")
    assert file is not None
    meta = {each.tag.partition("}")[2]: each.text for each in file}
    assert (meta["media-type"], meta["size"]) == (type_, str(len(data)))
    assert await get(url) == data
    assert (await scene.said()).findtext(f"{C}body") == "for you"


async def test_a_file_of_a_user_reaches_the_network(scene: Scene) -> None:
    alice = scene.alice
    wanted = f"<request xmlns='{UPLOAD}' filename='ca t.png' size='{len(PICTURE)}' content-type='image/png'/>"
    answer = await alice.iq("upload.localhost", wanted)
    slot = answer.find(f"{{{UPLOAD}}}slot")
    assert slot is not None
    put, got = (slot.find(f"{{{UPLOAD}}}{each}") for each in ("put", "get"))
    assert put is not None
    assert got is not None
    headers = {each.get("name", ""): each.text or "" for each in put}
    async with (
        aiohttp.ClientSession() as session,
        session.put(
            put.get("url", ""), data=PICTURE, headers=headers | {"Content-Type": "image/png"}
        ) as response,
    ):
        assert response.status == 201
    url = got.get("url", "")
    for to, type_ in ((ROOM, "groupchat"), (f"alice@{JID}", "chat")):
        alice.send(
            f"<message to={quoteattr(to)} type='{type_}' id='f-{type_}'><body>{url}</body>"
            f"<x xmlns='jabber:x:oob'><url>{url}</url></x></message>"
        )
        _, text, file = await asyncio.wait_for(scene.bridge.received.get(), 10)
        assert (text, file.data, file.media_type) == ("", PICTURE, "image/png")
        assert file.sha256 == hashlib.sha256(PICTURE).hexdigest()
        assert file.name.endswith(".png")
