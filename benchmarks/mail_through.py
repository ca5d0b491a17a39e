"""Mail from LMTP to the stanza, through the whole gateway as a child process: ``python -m benchmarks.mail_through``.

The mail server's side is Postfix's smtp-source with four connections, or with ``--together`` a load that sends the commands
of a mail together, as Postfix's own delivery does and smtp-source does not. The XMPP server's is the fake of the other
benchmarks. A mail counts when its message is on the component link. Limits that hold for one user are lifted, and the
mail is spread over a number of users, as it is in life. Beside it, the same load into Postfix's smtp-sink, which throws
everything away: what the load itself can do on this machine.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing import get_context
from pathlib import Path

from benchmarks.mail_load import bring
from benchmarks.process import GatewayProcess
from benchmarks.watching import Tally
from benchmarks.xmpp import ComponentServer
from gateway.playground.peers import LOOPBACK
from gateway.playground.process import free_ports
from gateway.playground.smtp_tools import SmtpSink, smtp_source
from gateway.secrets import SecretBox

_JID, _SECRET = "mail.bench", "of-a-benchmark-only"
_CONFIG = """\
[xmpp]
port = {xmpp}

[storage]
database = "sqlite:///bench.db"

[log]
level = "warning"

[limits]
foreign_messages_per_minute = 0

[bridges.email]
jid = "{jid}"
secret = "{secret}"
domains = ["gw.example"]
address_template = "{{local}}@gw.example"
local_domains = ["users.bench"]

[bridges.email.lmtp]
listen = "{host}:{lmtp}"

[bridges.email.limits]
received_per_hour = 1000000
received_from_one_per_hour = 1000000
waiting_size = 2000000000
"""


async def _register(server: ComponentServer, users: int) -> None:
    for number in range(users):
        server.send(
            f"<iq type='set' id='r{number}' from='u{number}@users.bench/x' to='{_JID}'>"
            "<query xmlns='jabber:iq:register'><nick>U</nick></query></iq>"
        )
    await asyncio.sleep(1.5 + users / 50)


Load = Callable[[Path, int, int, int, int, int], Awaitable[None]]


async def measure(
    mails: int, size: int, users: int, connections: int, load: Load, cores: str
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        server = ComponentServer(_JID, _SECRET)
        await server.start()
        (lmtp,) = free_ports(1)
        config = directory / "config.toml"
        config.write_text(
            _CONFIG.format(xmpp=server.port, jid=_JID, secret=_SECRET, host=LOOPBACK, lmtp=lmtp),
            encoding="utf-8",
        )
        SecretBox.create(directory / "causeway.key")
        command = [sys.executable, "-m", "gateway", "run", "-c", str(config)]
        process = await GatewayProcess.start(command, cores, directory)
        try:
            await server.ready(30)
            await _register(server, users)
            messages = Tally(b"<body>")
            server.watchers.append(messages)
            before, cpu, began = messages.count, process.cpu_seconds(), time.monotonic()
            each = mails // users
            await asyncio.gather(
                *(load(directory, lmtp, user, each, size, connections) for user in range(users))
            )
            accepted = time.monotonic() - began
            await messages.reach(before + each * users, 120, "messages")
            return {
                "mails": each * users,
                "accepted a second": each * users / accepted,
                "shown a second": each * users / (messages.reached_at - began),
                "CPU ms each": (process.cpu_seconds() - cpu) * 1000 / (each * users),
                "MiB": process.resident_bytes() / 2**20,
            }
        finally:
            await process.kill()
            await server.stop()


async def thrown_away(mails: int, size: int, users: int, connections: int, load: Load) -> float:
    """Mails a second into smtp-sink."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.chmod(directory, 0o755)
        sink = await SmtpSink.start(directory, "-L")
        try:
            began, each = time.monotonic(), mails // users
            await asyncio.gather(
                *(load(directory, sink.port, user, each, size, connections) for user in range(users))
            )
            return each * users / (time.monotonic() - began)
        finally:
            await sink.stop()


async def _one_by_one(directory: Path, port: int, user: int, mails: int, size: int, connections: int) -> None:
    place = directory / f"load{user}"
    place.mkdir()
    options = ["-L", "-s", str(connections), "-m", str(mails), "-l", str(size), "-d"]
    options += ["-f", "sender@elsewhere.example", "-t", f"u{user}@gw.example"]
    await smtp_source(place, f"inet:{LOOPBACK}:{port}", *options, within=120)


async def _together(directory: Path, port: int, user: int, mails: int, size: int, connections: int) -> None:
    context = get_context("spawn")
    recipients = [f"u{user}@gw.example"]
    loads = [
        context.Process(
            target=bring, args=(port, user * connections + number, mails // connections, size, recipients)
        )
        for number in range(connections)
    ]
    for each in loads:
        each.start()
    await asyncio.gather(*(asyncio.to_thread(each.join) for each in loads))
    if any(each.exitcode for each in loads):
        raise RuntimeError("not all mail was taken")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--connections", type=int, default=1, help="of the load of each user")
    parser.add_argument(
        "--cores", default="0,1", help="of the gateway with its reading worker, as taskset has them"
    )
    parser.add_argument("--together", action="store_true", help="the commands of a mail in one write")
    given = parser.parse_args()
    os.umask(0o022)
    load = _together if given.together else _one_by_one
    work = given.mails, given.size, given.users, given.connections, load
    found = asyncio.run(measure(*work, given.cores))
    found["smtp-sink a second"] = asyncio.run(thrown_away(*work))
    for name, value in found.items():
        print(f"{name:>20}  {value:.4g}")


if __name__ == "__main__":
    main()
