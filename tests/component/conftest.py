import pytest

from tests.component.doorstep import OPEN
from tests.component.stage import JID, staged
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback import LoopbackSettings
from tests.loopback.registering import RegisteringBridge


@pytest.fixture
async def server():
    async with FakeXmppServer(domains={JID: "s3cret"}) as server:
        yield server


@pytest.fixture
async def stage(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        yield stage


@pytest.fixture
async def registering(tmp_path, server):
    bridge = RegisteringBridge(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge, access=OPEN) as stage:
        yield stage
