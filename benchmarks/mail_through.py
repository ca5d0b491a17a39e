"""Mail from LMTP to the stanza, through the whole gateway as a child process: ``python -m benchmarks.mail_through``.

The mail server's side is Postfix's smtp-source with four connections, the XMPP server's the fake of the other benchmarks. A
mail counts when its message is on the component link. Limits that hold for one user are lifted, and the mail is spread
over a number of users, as it is in life. Beside it, the same load into Postfix's smtp-sink, which throws everything away:
what the load itself can do on this machine.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

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


async def measure(mails: int, size: int, users: int, connections: int, cores: str) -> dict[str, float]:
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
                *(_load(directory, lmtp, user, each, size, connections) for user in range(users))
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


async def thrown_away(mails: int, size: int, users: int, connections: int) -> float:
    """Mails a second into smtp-sink."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.chmod(directory, 0o755)
        sink = await SmtpSink.start(directory, "-L")
        try:
            began, each = time.monotonic(), mails // users
            await asyncio.gather(
                *(_load(directory, sink.port, user, each, size, connections) for user in range(users))
            )
            return each * users / (time.monotonic() - began)
        finally:
            await sink.stop()


async def _load(directory: Path, port: int, user: int, mails: int, size: int, connections: int) -> None:
    place = directory / f"load{user}"
    place.mkdir()
    options = ["-L", "-s", str(connections), "-m", str(mails), "-l", str(size), "-d"]
    options += ["-f", "sender@elsewhere.example", "-t", f"u{user}@gw.example"]
    await smtp_source(place, f"inet:{LOOPBACK}:{port}", *options, within=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--connections", type=int, default=1, help="of the load of each user")
    parser.add_argument(
        "--cores", default="0,1", help="of the gateway with its reading worker, as taskset has them"
    )
    given = parser.parse_args()
    os.umask(0o022)
    load = given.mails, given.size, given.users, given.connections
    found = asyncio.run(measure(*load, given.cores))
    found["smtp-sink a second"] = asyncio.run(thrown_away(*load))
    for name, value in found.items():
        print(f"{name:>20}  {value:.4g}")


if __name__ == "__main__":
    main()
