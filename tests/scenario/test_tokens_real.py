"""A mailbox elsewhere whose user logs in with a refresh token: mail servers ask who a token is, as a provider's would."""

import asyncio
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.config import EmailSettings
from bridges.email.migrations import SCHEMA
from gateway.bridge import Account, Services, SessionEnded
from gateway.clock import SystemClock
from gateway.media.dialling import Dialler, system_resolve
from gateway.media.fetch import Fetcher, FileLimits
from gateway.media.pictures import PictureLimits, Pictures
from gateway.media.spool import Spool
from gateway.media.targets import Targets, Trusted
from gateway.media.transfers import Transfers
from gateway.model import Condition, MessageKind
from gateway.playground.certificate import make_certificate
from gateway.playground.dovecot import Dovecot
from gateway.playground.postfix import Postfix, lmtp
from gateway.playground.process import free_ports
from gateway.secrets import SecretBox
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.storage.memory import BridgeMemory, MemoryStore
from gateway.testing import RecordingSink, RecordingTicket
from tests.fakes.web import Exchange, WebServer
from tests.rig.servers import Directory, StartPostfix
from tests.waiting import eventually

ADDRESS, BOB = "ann@far.example", "bob@far.example"
SECONDS = 30.0


@dataclass
class Provider:
    """Gives tokens, and tells mail servers whose they are. A refresh token is good once."""

    web: WebServer
    refresh: str = "refresh-0"
    good: set[str] = field(default_factory=set)
    given: int = 0

    def __post_init__(self) -> None:
        self.web.routes |= {"/token": self._token, "/introspect": self._introspect}

    async def _token(self, exchange: Exchange) -> None:
        form = {name: value[0] for name, value in parse_qs((await exchange.body()).decode()).items()}
        if form["refresh_token"] != self.refresh or form["client_secret"] != "hush":
            exchange.answer("400 Bad Request", b'{"error": "invalid_grant"}')
            return
        self.given += 1
        self.refresh = f"refresh-{self.given}"
        access = f"access-{self.given}"
        self.good.add(access)
        said = {"access_token": access, "refresh_token": self.refresh, "expires_in": 3600}
        exchange.answer("200 OK", json.dumps(said).encode(), Content_Type="application/json")

    async def _introspect(self, exchange: Exchange) -> None:
        (token,) = parse_qs((await exchange.body()).decode()).get("token", [""])
        said = {"active": token in self.good, "username": ADDRESS}
        exchange.answer("200 OK", json.dumps(said).encode(), Content_Type="application/json")


@dataclass
class Scene:
    bridge: EmailBridge
    provider: Provider
    dovecot: Dovecot
    account: Account
    database: Path


@pytest.fixture
async def scene(
    server_directory: Directory,
    start_postfix: StartPostfix,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    place = server_directory("dovecot-tokens")
    certificate = make_certificate(place)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    spool = Spool(tmp_path / "passing")
    await spool.prepare()
    async with (
        WebServer() as web,
        opened(f"sqlite:///{tmp_path / 'test.db'}", clock=SystemClock()) as database,
    ):
        provider = Provider(web)
        dovecot = await Dovecot.start(place, certificate=certificate, introspection=web.url("/introspect"))
        postfix: Postfix = await start_postfix(
            routes={"far.example": lmtp(dovecot.host, dovecot.lmtp_port)},
            certificate=certificate,
            sasl=dovecot.sasl,
        )
        settings = EmailSettings.model_validate(
            {
                "domains": ["gw.example"],
                "window": 0,
                "account_mode": True,
                "account_hosts": ["localhost"],
                "smarthost": {"port": free_ports(1)[0]},
                "lmtp": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
                "oauth": {
                    "works": {
                        "client_id": "ours",
                        "client_secret": "hush",
                        "token_url": "https://login.example/token",
                        "servers": ["localhost"],
                    }
                },
            }
        )
        # The endpoint of the test is one without TLS.
        works = settings.oauth["works"].model_copy(update={"token_url": web.url("/token")})
        settings = settings.model_copy(update={"oauth": {"works": works}})
        clock = SystemClock()
        await database.adopt("email", SCHEMA, clock)
        dialler = Dialler(Targets(Trusted.of(["127.0.0.1"])), system_resolve, agent="test")
        services = Services(
            clock,
            random.Random(1),
            "1.0",
            media=Fetcher(
                dialler,
                spool,
                Pictures(PictureLimits(decoded=0)),
                Transfers(per_user=2, total=4),
                FileLimits(),
            ),
            memory=BridgeMemory(MemoryStore(database, SecretBox(b"k" * 32)), "mail"),
            name="mail",
            tables=BridgeTables(database),
            directory=tmp_path / "m",
        )
        bridge = EmailBridge(settings, services)
        running = asyncio.create_task(bridge.run())
        registered = {
            "email": ADDRESS,
            "password": "refresh-0",
            "token": "refresh",
            "imap": f"localhost:{dovecot.tls_port}",
            "smtp": f"localhost:{postfix.submission_port}/starttls",
        }
        yield Scene(bridge, provider, dovecot, Account("ann", "", "me", registered), tmp_path / "test.db")
        running.cancel()
        await asyncio.wait([running])
        await dovecot.stop()


async def test_tokens_are_renewed_and_one_that_was_revoked_tells_what_to_do(scene: Scene) -> None:
    provider, bridge = scene.provider, scene.bridge
    assert await bridge.validate(scene.account) is None
    assert provider.given == 1
    sink = RecordingSink()
    session = bridge.session(scene.account, sink)
    running = asyncio.create_task(session.run())
    await sink.wait("online", seconds=SECONDS)
    assert provider.given == 1  # the one of the registration, though the refresh token is another one by now

    # A server that wants the token no more, before its time, gets a new one.
    provider.good.clear()
    ticket = RecordingTicket()
    session.tell(BOB, "Good morning", MessageKind.CHAT, ticket)
    assert (await ticket.outcome(SECONDS)).name == "done"
    await sink.wait("delivery", seconds=SECONDS)
    assert provider.given == 2
    await eventually(lambda: scene.dovecot.mails(BOB), "the mail that Postfix brings", SECONDS)
    (sent,) = scene.dovecot.mails(BOB)
    assert b"Good morning" in sent
    session.close("")
    await running

    # Nothing of it can be read in the database.
    with sqlite3.connect(scene.database) as looked:
        told = "\n".join(looked.iterdump())
    assert "email_cursors" in told
    assert "access-2" not in told
    assert "refresh-2" not in told

    provider.good.clear()
    provider.refresh = "taken back"
    later = bridge.session(scene.account, RecordingSink())
    with pytest.raises(SessionEnded) as ended:
        await asyncio.wait_for(later.run(), SECONDS)
    assert (ended.value.retry, ended.value.credentials) == (False, True)
    assert ended.value.refused.condition is Condition.NOT_AUTHORIZED
    assert "register again with the new token" in ended.value.refused.text
