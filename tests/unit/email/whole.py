"""The whole email bridge without a server behind it: what is sent waits in the queue, what comes is brought by the test."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.parts import Parts
from bridges.email.receiving.lmtp import Offered
from bridges.email.session import EmailSession
from gateway.bridge import Account, BridgeCommand, Invocation, NextStep, Services
from gateway.clock import SystemClock
from gateway.model import Address, AddressKind, MessageKind
from gateway.playground.process import free_ports
from gateway.testing import RecordingSink, RecordingTicket

ANN, BOB, CAROL = "ann@localhost", "bob@far.example", "carol@far.example"
GATEWAY = Address(AddressKind.GATEWAY, "", "")


def account(**settings: str) -> Account:
    return Account("ann", "", "ann", settings, address=ANN)


@asynccontextmanager
async def bridge_of(services: Services, **more: object) -> AsyncIterator[EmailBridge]:
    """Of ann, who has registered."""
    nobody, listening = free_ports(2)
    settings = EmailSettings.model_validate(
        {
            "domains": ["gw.example"],
            "address_template": "{local}@gw.example",
            "local_domains": ["localhost"],
            "alias_domain": "gw.example",
            "window": 0,
            "smarthost": {"port": nobody},
            "lmtp": {"listen": f"127.0.0.1:{listening}"},
            "trust": {"authserv_ids": ["mx.example"]},
        }
        | more
    )
    bridge = EmailBridge(settings, replace(services, clock=SystemClock()))
    running = asyncio.create_task(bridge.run())
    assert await bridge.validate(account()) is None
    try:
        yield bridge
    finally:
        running.cancel()
        await asyncio.wait([running])


@asynccontextmanager
async def session(bridge: EmailBridge, **settings: str) -> AsyncIterator[tuple[EmailSession, RecordingSink]]:
    sink = RecordingSink()
    one = bridge.session(account(**settings), sink)
    running = asyncio.create_task(one.run())
    await sink.wait("online")
    try:
        yield one, sink
    finally:
        one.close("")
        await running


async def told(one: EmailSession, address: str, text: str) -> object:
    """What becomes of a line: a refusal, or the ids it has."""
    ticket = RecordingTicket()
    one.tell(address, text, MessageKind.CHAT, ticket)
    outcome = await ticket.outcome()
    return outcome.arguments[0] if outcome.arguments else ()


async def bring(parts: Parts, text: str, *fields: str, author: str = BOB, to: str = "ann@gw.example") -> int:
    """An authenticated mail comes; the code that is answered."""
    head = (
        f"Authentication-Results: mx.example; dmarc=pass header.from={author.partition('@')[2]}",
        f"From: {author}",
        f"To: {to}",
        f"Message-ID: <{abs(hash((text, fields)))}@far.example>",
        *fields,
    )
    raw = ("\r\n".join(head) + f"\r\n\r\n{text}\r\n").encode()
    (reply,) = await parts.receiving.intake.mail(Offered(author, (to,), raw, "mx.example"))
    return reply.code


async def run(bridge: EmailBridge, node: str, *pages: Mapping[str, tuple[str, ...]]) -> NextStep:
    """A command at the gateway, as ann fills it in: the last answer."""
    commands: dict[str, BridgeCommand] = {each.node: each for each in bridge.commands(GATEWAY)}
    values: dict[str, tuple[str, ...]] = {}
    step = await commands[node].run(Invocation("ann", GATEWAY))
    for stage, page in enumerate(pages, 1):
        values |= page
        step = await commands[node].run(Invocation("ann", GATEWAY, stage=stage, values=values))
    return step
