"""The email bridge keeps the contract, through a mail server of our own that passes its mail on at once."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path

import pytest

from bridges.email.bridge import EmailBridge
from bridges.email.composing.threads import Mail
from bridges.email.config import EmailSettings
from bridges.email.migrations import SCHEMA
from bridges.email.mime.letter import Person
from bridges.email.rooms import OpenRoom
from gateway.bridge import Account, Services
from gateway.clock import SystemClock
from gateway.model import Message
from gateway.playground.mail import AUTHSERV, ELSEWHERE, OURS, Post
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.database import opened
from gateway.testing import BridgeContract, Harness

ME, MINE, OTHER = "user", f"me@{OURS}", f"other@{ELSEWHERE}"
THREAD = "<beginning@post.localhost>"


class Correspondent:
    """Somebody with a mailbox elsewhere, who takes part in the thread that is open as the room."""

    nick = f"peer@{ELSEWHERE}"
    _numbers = itertools.count(1)

    def __init__(self, post: Post, bridge: EmailBridge, clock: SystemClock) -> None:
        self._post = post
        self._bridge = bridge
        self._clock = clock

    async def join(self, room: str) -> None:
        """Is in the newest mail from now on: somebody else has seen to it."""
        if self._bridge.office.people.session(ME) is None:
            # Mail is shown to whoever is there; what is known of the room before that is its table.
            people = (Person("", MINE), Person("", self.nick))
            mail = Mail(
                "m1",
                ME,
                "<added@post.localhost>",
                "tea",
                "Tea",
                Person("", OTHER),
                people,
                self._clock.now(),  # an old one would be swept at the bridge's start
                contact=OTHER,
            )
            await (await self._bridge.office.opened()).threads.remember(mail)
            await self._bridge.office.rooms.say(ME, mail, "", Message(OTHER, "I add somebody"))
        else:
            await self._write("I add somebody", sender=OTHER, to=(MINE, self.nick), reply=True)

    async def leave(self, room: str) -> None:
        await self._write("just the two of us", sender=OTHER, to=(MINE,), reply=True)

    async def say(self, room: str, text: str) -> None:
        await self._write(text, to=(MINE, OTHER), reply=True)

    async def tell(self, nick: str, text: str) -> None:
        await self._write(text, to=(MINE,))

    async def heard(self, text: str) -> None:
        box = self._post.mailboxes.of(self.nick)
        box.put(
            await box.take(lambda got: text in got.text, text)
        )  # one mail can hold more that is listened for

    async def _write(self, text: str, *, to: tuple[str, ...], sender: str = "", reply: bool = False) -> None:
        message = EmailMessage()
        message["From"] = sender or self.nick
        message["To"] = ", ".join(to)
        if reply:
            message["Subject"] = "Re: Tea"
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{next(self._numbers)}@post.localhost>"
        if reply:
            message["In-Reply-To"] = THREAD
        message.set_content(text)
        raw = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        await self._post.send(sender or self.nick, MINE, raw=raw)


async def _room(bridge: EmailBridge, clock: SystemClock) -> OpenRoom:
    """A thread of the user and somebody else, open as a room."""
    parts = await bridge.office.opened()
    mail = Mail(
        "m0", ME, THREAD, "tea", "Tea", Person("", OTHER), (Person("", MINE),), clock.now(), contact=OTHER
    )
    await parts.threads.remember(mail)
    opened_room = await bridge.office.rooms.open(ME, mail)
    assert isinstance(opened_room, OpenRoom)
    return opened_room


class TestEmail(BridgeContract):
    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[Harness]:
        clock = SystemClock()
        post = await Post.start(tmp_path, real=False)
        host, port = post.smarthost
        settings = EmailSettings.model_validate(
            {
                "domains": [OURS],
                "address_template": f"{{local}}@{OURS}",
                "local_domains": ["localhost"],
                "window": 0,
                "lmtp": {"listen": f"127.0.0.1:{post.lmtp_port}"},
                "smarthost": {"host": host, "port": port},
                "trust": {"authserv_ids": [AUTHSERV]},
            }
        )
        async with opened(f"sqlite:///{tmp_path / 'test.db'}", clock=clock) as database:
            await database.adopt("email", SCHEMA, clock)
            services = Services(
                clock,
                random.Random(1),
                "1.0",
                name="mail",
                tables=BridgeTables(database),
                directory=tmp_path / "mail",
            )
            bridge = EmailBridge(settings, services)
            running = asyncio.create_task(bridge.run())
            account = Account(ME, "mail", "me", {}, address="me@localhost")
            assert await bridge.validate(account) is None
            room = await _room(bridge, clock)
            yield Harness(bridge, account, room.room, Correspondent(post, bridge, clock))
            running.cancel()
            await asyncio.wait([running])
        await post.stop()
