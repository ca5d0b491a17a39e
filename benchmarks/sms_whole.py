"""Texts through the whole gateway, from stanza to phone and back: ``python -m benchmarks.sms_whole``.

The gateway is a child process with its database on disk, the message centre npm's ``smpp`` in another, the XMPP server the
fake of the other benchmarks. Out, a message counts when the receipt of its phone is on the component link; in, when the
message centre has its answer, and again when the stanza is there. Limits that hold for one user are lifted. aiosmpplib does
what it can of the same, and keeps nothing.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import GatewayProcess
from benchmarks.sms_smpp import theirs
from benchmarks.sms_webhooks import load
from benchmarks.watching import Found, Tally, percentile
from benchmarks.xmpp import ComponentServer
from gateway.playground.process import free_ports
from gateway.secrets import SecretBox
from tests.fakes.sms_providers import FAMILIES, OURS
from tests.rig.smsc import NodeSmsc

_JID, _SECRET = "sms.bench", "of-a-benchmark-only"
_USERS = 50
_OURS = [f"+1212555{number:04}" for number in range(_USERS)]
_CONFIG = """\
[xmpp]
port = {xmpp}

[storage]
database = "sqlite:///bench.db"

[log]
level = "warning"

[access]
admins = ["u0@users.bench"]

[web]
listen = "127.0.0.1:{web}"
public_url = "https://gw.example"

[delivery]
waiting_messages = 100000

[limits]
messages_per_minute = 0
messages_per_second_total = 0
new_contacts_per_hour = 0
signals_per_minute = 0
registrations_per_hour = 0
foreign_messages_per_minute = 0

[bridges.sms]
jid = "{jid}"
secret = "{secret}"
region = "US"

[bridges.sms.limits]
segments_per_minute = 100000
segments_per_day = 10000000
new_people_per_day = 1000000
breaker_per_minute = 10000000
breaker_per_prefix = 10000000
received_per_minute = 1000000

[bridges.sms.routes.main]
{route}
"""
_NUMBER = """
[[bridges.sms.numbers]]
number = "{number}"
routes = ["main"]
users = ["u{user}@users.bench"]
"""
_SMPP = """\
kind = "smpp"
host = "{host}"
port = {port}
system_id = "bench"
password = "secret"
window = {window}
binds = {binds}
"""
_HTTP = """\
kind = "http"
preset = "{name}"
values = {{ {values} }}
secrets = {{ {secrets} }}
sources = ["127.0.0.0/8"]
"""
_BROUGHT = {"dest_addr_ton": 1, "dest_addr_npi": 1, "source_addr_ton": 1, "source_addr_npi": 1}


@dataclass(frozen=True, slots=True)
class House:
    """One gateway that runs, with its server and its users."""

    server: ComponentServer
    process: GatewayProcess
    web: int

    def text(self, number: int, body: str, *, people: int) -> None:
        """Message ``number`` of all: users take turns, and each has ``people`` to write to."""
        user, other = number % _USERS, (number // _USERS) % people
        phone = f"+1201{user * 1000 + other:06}1"
        self.server.send(
            f"<message type='chat' from='u{user}@users.bench/x' to='{phone}@{_JID}' id='m{number}'><body>{body}</body>"
            "<request xmlns='urn:xmpp:receipts'/></message>"
        )

    async def register(self) -> None:
        for user in range(_USERS):
            jid = f"u{user}@users.bench/x"
            self.server.send(
                f"<iq type='set' id='r{user}' from='{jid}' to='{_JID}'><query xmlns='jabber:iq:register'/></iq>"
                f"<presence from='{jid}' to='{_JID}'/>"
            )
        await asyncio.sleep(2.0)  # nothing else says that all of them are there


@asynccontextmanager
async def house(directory: Path | None, route: str, cores: str) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory(dir=directory) as name:
        place = Path(name)
        server = ComponentServer(_JID, _SECRET)
        await server.start()
        (web,) = free_ports(1)
        config = _CONFIG.format(xmpp=server.port, jid=_JID, secret=_SECRET, web=web, route=route)
        numbers = dict.fromkeys([*_OURS, OURS])
        config += "".join(
            _NUMBER.format(number=each, user=user % _USERS) for user, each in enumerate(numbers)
        )
        (place / "config.toml").write_text(config, encoding="utf-8")
        SecretBox.create(place / "causeway.key")
        command = [sys.executable, "-m", "gateway", "run", "-c", str(place / "config.toml")]
        process = await GatewayProcess.start(command, cores, place)
        try:
            await server.ready(30)
            here = House(server, process, web)
            await here.register()
            yield here
        except BaseException:
            print(process.log_tail())
            raise
        finally:
            await process.kill()
            await server.stop()


# -- over SMPP -------------------------------------------------------------------------------------------------------


async def sent(here: House, count: int, first: int, ahead: int, people: int) -> str:
    """At most ``ahead`` messages are without a receipt at a time."""
    receipts = Tally(b"<received")
    refused = Tally(b"type='error'", b'type="error"')
    here.server.watchers += [receipts, refused]
    cpu, begun = here.process.cpu_seconds(), time.monotonic()
    for number in range(count):
        if number >= ahead:
            await receipts.reach(number - ahead + 1, 60, "receipts")
        here.text(first + number, f"Message {number}: see you at eight.", people=people)
    await receipts.reach(count, 60, "receipts")
    seconds = receipts.reached_at - begun
    cpu = here.process.cpu_seconds() - cpu
    here.server.watchers.remove(receipts)
    here.server.watchers.remove(refused)
    if refused.count:
        raise RuntimeError(f"{refused.count} errors came")
    return f"{count / seconds:.0f} a second, {cpu / count * 1e6:.0f} us of CPU each"


async def brought(here: House, smsc: NodeSmsc, count: int, window: int) -> str:
    bodies = Tally(b"<body>")
    here.server.watchers.append(bodies)
    session = await smsc.session("bind_transceiver")
    cpu, begun = here.process.cpu_seconds(), time.monotonic()
    to = [each.removeprefix("+") for each in _OURS]
    done = await smsc.control.ask(
        "flood", session=session, count=count, window=window, options=_BROUGHT, to=to
    )
    await bodies.reach(count, 60, "stanzas")
    seconds = bodies.reached_at - begun
    cpu = here.process.cpu_seconds() - cpu
    here.server.watchers.remove(bodies)
    if done["statuses"] != {"0": count}:
        raise RuntimeError(f"not all messages were taken: {done['statuses']}")
    return (
        f"{count / done['seconds']:.0f} a second committed and acknowledged, {count / seconds:.0f} shown, "
        f"{cpu / count * 1e6:.0f} us of CPU each"
    )


async def paced(here: House, smsc: NodeSmsc, count: int, rate: float, people: int) -> str:
    """Milliseconds from when the stanza is written until the message centre has the message."""
    await smsc.set(clock=True)
    receipts = Tally(b"<received")
    here.server.watchers.append(receipts)
    begun, written = time.monotonic(), []
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        written.append(time.monotonic())
        here.text(number, f"P{number}", people=people)
    await receipts.reach(count, 30, "receipts")
    here.server.watchers.remove(receipts)
    arrived = dict(await smsc.control.ask("times"))
    await smsc.set(clock=False)
    took = sorted((arrived[f"P{number}"] - at) * 1000 for number, at in enumerate(written))
    shares = ", ".join(f"p{share * 100:g} {percentile(took, share):.1f} ms" for share in (0.5, 0.9, 0.99, 1))
    return f"{shares} from stanza to wire"


async def smpp(options: argparse.Namespace, name: str) -> None:
    smsc = await NodeSmsc.start(Path(name))
    try:
        route = _SMPP.format(host=smsc.host, port=smsc.port, window=options.window, binds=options.binds)
        async with house(options.directory, route, options.cores) as here:
            await smsc.set(quiet=True, style="std", receipt_after=0)
            await smsc.session()
            people = options.people
            await sent(here, _USERS * people, 0, 500, people)  # everybody knows everybody now
            for run in range(1, options.runs + 1):
                print(f"run {run}: load {os.getloadavg()[0]:.1f}", flush=True)
                if "out" in options.only:
                    said = await sent(here, options.count, 0, options.ahead, people)
                    print(f"  submit_sm with receipts: {said}", flush=True)
                if "in" in options.only:
                    for window in options.unanswered:
                        said = await brought(here, smsc, options.count, window)
                        print(f"  deliver_sm, {window} unanswered: {said}", flush=True)
                if "paced" in options.only:
                    said = await paced(here, smsc, options.paced, 100.0, people)
                    print(f"  100 a second: {said}", flush=True)
                if options.yardstick:
                    await smsc.set(style="none")
                    for what, kind in (("send", "submit_sm"), ("receive", "deliver_sm")):
                        print(
                            f"  {kind}, aiosmpplib: {await theirs(smsc, what, options.yardstick, options.window)}"
                        )
                    await smsc.set(style="std")
            print(f"  resident: {here.process.resident_bytes() / 2**20:.0f} MiB")
    finally:
        await smsc.stop()


# -- over HTTP -------------------------------------------------------------------------------------------------------


def _toml(values: dict[str, str]) -> str:
    return ", ".join(f'{key} = "{value}"' for key, value in values.items())


async def callbacks(options: argparse.Namespace, name: str) -> None:
    family = FAMILIES[name]
    route = _HTTP.format(name=name, values=_toml(family.values), secrets=_toml(family.secrets))
    async with house(options.directory, route, options.cores) as here:
        address = Found(rb"https://gw\.example/[a-z/]+/[0-9a-f]{32}")
        here.server.watchers.append(address)
        here.server.send(
            f"<iq type='set' id='c1' from='u0@users.bench/x' to='{_JID}'>"
            "<command xmlns='http://jabber.org/protocol/commands' node='sms-routes' action='execute'/></iq>"
        )
        url = await address.first(10)
        bodies = Tally(b"<body>")
        here.server.watchers.append(bodies)
        cpu, begun = here.process.cpu_seconds(), time.monotonic()
        done = await load(name, url, here.web, options.count, options.connections)
        await bodies.reach(options.count, 120, "stanzas")
        cpu = here.process.cpu_seconds() - cpu
        print(
            f"{name}: {options.count / done['seconds']:.0f} a second verified and committed, "
            f"{options.count / (bodies.reached_at - begun):.0f} shown, {cpu / options.count * 1e6:.0f} us of CPU each; "
            f"answers {done['statuses']}",
            flush=True,
        )


async def _all(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        if {"out", "in", "paced"} & set(options.only):
            await smpp(options, name)
        if "web" in options.only:
            for provider in options.providers:
                await callbacks(options, provider)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=["out", "in", "paced", "web"])
    parser.add_argument("--count", type=int, default=10_000, help="messages of each kind")
    parser.add_argument("--ahead", type=int, default=500, help="messages without a receipt at a time")
    parser.add_argument("--people", type=int, default=20, help="phones that each of the users writes to")
    parser.add_argument("--window", type=int, default=50, help="submit_sm without an answer on a connection")
    parser.add_argument("--binds", type=int, default=1)
    parser.add_argument("--unanswered", type=int, nargs="+", default=[10, 50, 200], help="of deliver_sm")
    parser.add_argument("--paced", type=int, default=2000, help="messages at 100 a second")
    parser.add_argument(
        "--yardstick", type=int, default=0, help="so many of each by aiosmpplib, in the same run"
    )
    parser.add_argument("--providers", nargs="+", default=["telnyx", "twilio"])
    parser.add_argument("--connections", type=int, default=64, help="callbacks at a time")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--cores", default="0,1", help="of the gateway, as taskset has them")
    parser.add_argument("--directory", type=Path, help="where databases are made: a disk, not memory")
    options = parser.parse_args(arguments)
    random.seed(1)
    asyncio.run(_all(options))


if __name__ == "__main__":
    main()
