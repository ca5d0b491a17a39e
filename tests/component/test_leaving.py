"""What is written to a gateway that is at its end: it waits for the next start where it can, else its writer is told so."""

import asyncio
from contextlib import asynccontextmanager

from tests.component.stage import ALICE, JID, condition, staged
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.loopback.forwarding import ForwardingBridge
from tests.waiting import eventually


def written(id_: str) -> str:
    return f"<message type='chat' id='{id_}' from='{ALICE}' to='carol@{JID}'><body>{id_}</body></message>"


@asynccontextmanager
async def leaving(stage):
    """The sessions have ended, and the last question to the server is not answered before the block ends."""
    await stage.join()
    stage.component.deliveries.barrier.stamp()
    stage.link.stall()
    closing = asyncio.create_task(stage.component.close("The gateway is restarted."))
    await eventually(lambda: not list(stage.component.accounts))
    yield
    stage.link.resume()
    await closing


async def test_what_is_written_when_sessions_have_ended_goes_out_after_the_next_start(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=ForwardingBridge()) as stage:
        async with leaving(stage):
            stage.send(written("late"))
            await eventually(lambda: stage.component.deliveries.outbound.waiting[0])
        assert not [each for each in stage.link.received if each.get("type") == "error"]
    bridge = ForwardingBridge()
    async with staged(tmp_path, server=server, bridge=bridge):
        await eventually(lambda: bridge.texts == ["late"])


async def test_where_nothing_can_wait_the_writer_is_told_to_send_it_again(tmp_path, server):
    async with staged(tmp_path, server=server, bridge=LoopbackBridge(LoopbackSettings())) as stage:
        async with leaving(stage):
            stage.send(written("late"))
        error = await stage.expect("message", id="late")
        assert condition(error) == "recipient-unavailable"
        assert error.find("{jabber:component:accept}error").get("type") == "wait"
