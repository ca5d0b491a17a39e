import pytest

from tests.component.stage import JID, staged
from tests.fakes.xmpp_server import FakeXmppServer


@pytest.fixture
async def server():
    async with FakeXmppServer(domains={JID: "s3cret"}) as server:
        yield server


@pytest.fixture
async def stage(tmp_path, server):
    async with staged(tmp_path, server=server) as stage:
        yield stage
