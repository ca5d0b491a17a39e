"""The mail servers of the rig: Postfix carries mail, and ends with us."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from gateway.playground.peers import LOOPBACK
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import NotReady
from gateway.playground.smtp_tools import smtp_source
from tests.rig.servers import Directory, StartPostfix, StartSink
from tests.unit.playground.test_process import until_gone
from tests.waiting import eventually

_START = """
import asyncio, sys
from pathlib import Path
from gateway.playground.postfix import Postfix

async def main():
    server = await Postfix.start(Path(sys.argv[1]), routes={"gw.test": "discard:"})
    print(server.child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_port_that_somebody_has_is_named(start_postfix: StartPostfix) -> None:
    with socket.create_server((LOOPBACK, 0)) as somebody:
        port = somebody.getsockname()[1]
        with pytest.raises(NotReady, match=f"{port}: another process"):
            await start_postfix(routes={}, port=port)


async def _delivered(postfix: Postfix, count: int) -> None:
    await eventually(lambda: postfix.child.output().count("status=sent") >= count, f"{count} deliveries")


async def test_postfix_carries_mail_to_lmtp(
    start_postfix: StartPostfix, start_sink: StartSink, server_directory: Directory
) -> None:
    sink = await start_sink("-L")
    postfix = await start_postfix(routes={"gw.test": lmtp(sink.host, sink.port)})
    target = f"inet:{postfix.host}:{postfix.port}"
    source = server_directory("smtp-source")
    await smtp_source(source, target, "-f", "a@elsewhere.test", "-t", "b@gw.test", "-m", "3")
    await _delivered(postfix, 3)
    await postfix.restart()
    await smtp_source(source, target, "-f", "a@elsewhere.test", "-t", "b@gw.test")
    await _delivered(postfix, 1)


async def test_postfix_ends_with_us(server_directory: Directory) -> None:
    directory = server_directory("postfix")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _START, str(directory), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    inside = [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_of(int(name), directory)]
    assert pid in inside
    process.kill()
    await process.wait()
    for one in inside:
        await until_gone(one)


def _is_of(pid: int, directory: Path) -> bool:
    try:
        return f"MAIL_CONFIG={directory}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
