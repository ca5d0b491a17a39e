"""Whole sessions: a server that says anything, a core that asks for everything, and time that passes.

Nothing may escape, every ticket and answer is closed exactly once, what is remembered stays bounded, no line takes long.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bridges.irc.protocol.line import Malformed, parse
from gateway.bridge import SessionEnded
from gateway.model import (
    Address,
    AddressKind,
    Affiliation,
    ChatState,
    Enrichment,
    MessageKind,
    Question,
    Refused,
    Reply,
    Role,
    StandingChange,
)
from tests.fakes.clock import settle
from tests.fuzz.irc.bounds import check
from tests.fuzz.irc.grammar import Lines
from tests.fuzz.irc.words import ME
from tests.unit.irc.scripted import Scene

ROOMS = ("#foo", "#bar", "#[x]", "&loc", "+mod", "!safe", "#a%b", "#😀")
PEOPLE = (ME, "Bob", "Eve", "[Ann]", "a^b", "Ünal", "😀")
TEXTS = (
    "hi",
    "",
    " ",
    "two\nlines",
    "a\r\nb\n\n\nc",
    "x" * 3000,
    "é" * 900,
    "👩‍👩‍👧 " * 200,
    "\x01VERSION\x01",
    "\0",
    ":",
    "a\0b",
    "\ud800",
)
CAPS = (
    "",
    "echo-message",
    "labeled-response echo-message",
    "labeled-response echo-message draft/message-redaction draft/multiline=max-bytes=900",
    "draft/chathistory echo-message",
)
_EVERY = 8  # lines between two turns of the loop
_MEASURED = 4_000  # lines between two looks at the containers
KINDS = (MessageKind.CHAT, MessageKind.ACTION, MessageKind.NOTICE)


class Slip:
    """``gateway.bridge.Ticket`` and ``Answer``: counts how often it was closed."""

    __slots__ = ("closed", "reference", "what")

    def __init__(self, what: str) -> None:
        self.closed = 0
        self.what = what
        self.reference = ""

    def done(self, foreign_ids: Any = ()) -> None:
        self._close()

    def told(self, value: Any) -> None:
        self._close()

    def refused(self, why: Refused) -> None:
        assert why.text
        self._close()

    def _close(self) -> None:
        self.closed += 1
        assert self.closed == 1, f"{self.what} was closed twice"


@dataclass(slots=True)
class Findings:
    """What a run has seen. ``slowest``: seconds of processor time, and the line's beginning."""

    lines: int = 0
    calls: int = 0
    sessions: int = 0
    slowest: tuple[float, str] = (0.0, "")
    over_50_ms: int = 0
    largest: dict[str, int] = field(default_factory=dict)


class Play:
    """One session from its login to its end."""

    def __init__(self, rng: random.Random, lines: Lines, findings: Findings) -> None:
        self._random = rng
        self._lines = lines
        self._findings = findings
        self._slips: list[Slip] = []
        self._login = rng.random() < 0.3
        rate = rng.choice((0, 0, 1))
        network = {"throttle_rate": rate}
        settings = {"server_messages": rng.choice(("all", "quiet")), "networks": {"irc.example": network}}
        required = rng.choice(("true", "false"))
        user = {"sasl_password": "secret", "sasl_required": required} if self._login else {}
        self._scene = Scene(settings, user)

    async def run(self, count: int) -> None:
        """``count`` lines, fewer if the session ends before."""
        rng, scene = self._random, self._scene
        if self._login:
            await scene.start()
        else:
            await (await scene.login(caps=rng.choice(CAPS))).in_room()
        assert scene.running is not None
        for number in range(count):
            self._say()
            if rng.random() < 0.08:
                self._ask()
            if number % _EVERY == 0:
                await self._turn()
                if scene.running.done():
                    break
            if number % _MEASURED == _MEASURED - 1:
                check(scene.session, self._findings.largest)
        await self._end()

    async def _turn(self) -> None:
        rng, scene = self._random, self._scene
        chance = rng.random()
        if chance < 0.02:
            await scene.clock.advance(rng.random() * 40)
        elif chance < 0.15:
            await scene.clock.advance(rng.random())
        else:
            await settle(1)
        scene.server.sent.clear()
        scene.server.wire.clear()
        scene.sink.calls.clear()
        if chance > 0.99 and scene.server.connection is not None:
            scene.server.connection.writable = not scene.server.connection.writable
            scene.server.on_writable()
        if len(self._slips) > 2_000:
            self._slips = [slip for slip in self._slips if not slip.closed]

    def _say(self) -> None:
        connection = self._scene.server.connection
        assert connection is not None
        text = self._lines.line(login=self._login and self._random.random() < 0.2)
        text = text.replace("\r", "").replace("\n", "")  # the splitter sees to that
        findings = self._findings
        findings.lines += 1
        if connection.ended:
            return
        began = time.thread_time()
        try:
            connection.on_line(parse(text))
        except Malformed:
            return
        took = time.thread_time() - began
        if took > findings.slowest[0]:
            findings.slowest = (took, text[:100])
        findings.over_50_ms += took > 0.05

    def _ask(self) -> None:
        self._findings.calls += 1
        call = self._random.choice(_CALLS)
        call(self)

    def _slip(self, what: str) -> Slip:
        slip = Slip(what)
        self._slips.append(slip)
        return slip

    async def _end(self) -> None:
        scene, running = self._scene, self._scene.running
        assert running is not None
        if scene.server.connection is not None:
            scene.server.connection.writable = True
        await scene.clock.advance(self._random.choice((0, 400)))
        check(scene.session, self._findings.largest)
        scene.session.close("bye")
        await scene.clock.advance(3)
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        if ended is not None and not isinstance(ended, SessionEnded):
            raise ended
        assert ended is None or ended.refused.text
        left = [slip.what for slip in self._slips if not slip.closed]
        assert not left, f"never closed: {sorted(set(left))}"
        assert scene.clock.waiting == [], "a timer outlives the session"

    # what a core asks for

    @property
    def _room(self) -> str:
        return self._random.choice(ROOMS)

    @property
    def _person(self) -> str:
        return self._random.choice(PEOPLE)

    @property
    def _text(self) -> str:
        return self._random.choice(TEXTS)

    def _place(self) -> Address:
        if self._random.random() < 0.6:
            return Address(AddressKind.ROOM, "irc.example", self._room)
        return Address(AddressKind.CONTACT, "irc.example", self._person)

    def join(self) -> None:
        room, rng = self._room, self._random
        self._scene.session.join(room, ME, rng.choice(("", "key", "a b", "k,l", "\0")))
        connection = self._scene.server.connection
        if rng.random() < 0.7 and connection is not None and not connection.ended:
            crowd = " ".join(f"n{rng.randrange(50_000)}" for _ in range(20))
            self._scene.enter(room, f"@Nick Bob!b@h +Eve!e@h {crowd}")

    def leave(self) -> None:
        self._scene.session.leave(self._room, self._text)

    def say(self) -> None:
        self._scene.session.say(self._room, self._text, self._random.choice(KINDS), self._slip("say"))

    def tell(self) -> None:
        self._scene.session.tell(self._person, self._text, self._random.choice(KINDS), self._slip("tell"))

    def express(self) -> None:
        reply = Enrichment(Reply(self._random.choice(("m1", "", "a b", "\0", "é" * 300))))
        self._scene.session.express(self._place(), self._text, MessageKind.CHAT, reply, self._slip("express"))

    def react(self) -> None:
        emojis = self._random.choice((("👍",), (), ("👍", "😀"), ("\0",), ("x" * 90,), (" ", ";")))
        message = self._random.choice(("m1", "", "a b", "\0"))
        self._scene.session.react(self._place(), message, emojis, self._slip("react"))

    def retract(self) -> None:
        self._scene.session.retract(
            self._place(), self._random.choice(("m1", "", "a b", "\0")), self._slip("retract")
        )

    def moderate(self) -> None:
        self._scene.session.moderate(
            self._room, self._random.choice(("m1", "")), self._text, self._slip("moderate")
        )

    def type(self) -> None:
        self._scene.session.type(self._place(), self._random.choice(tuple(ChatState)))

    def instruct(self) -> None:
        line = self._random.choice(
            (
                "WHOIS Bob",
                "LIST",
                "MODE #foo b",
                "",
                "a\nb",
                "\0",
                ":x",
                "QUI",
                "NICK x",
                "JOIN #z",
                "é" * 600,
            )
        )
        self._scene.session.instruct(line, self._slip("instruct"))

    def rename(self) -> None:
        self._scene.session.rename(
            self._random.choice((*PEOPLE, "", "a b", "\0", "x" * 300)), self._slip("rename")
        )

    def topic(self) -> None:
        self._scene.session.set_topic(self._room, self._text, self._slip("topic"))

    def kick(self) -> None:
        self._scene.session.kick(self._room, self._person, self._text, self._slip("kick"))

    def invite(self) -> None:
        self._scene.session.invite(self._room, self._person, self._text, self._slip("invite"))

    def list_rooms(self) -> None:
        self._scene.session.list_rooms(self._slip("list_rooms"), anew=self._random.random() < 0.5)

    def question(self) -> None:
        self._scene.session.ask(self._person, self._random.choice(tuple(Question)), self._slip("ask"))

    def govern(self) -> None:
        rng = self._random
        changes = []
        for _ in range(rng.randrange(4)):
            mask = rng.choice(("*!*@h", "", "x", "a b", "\0", "$a:b"))
            nick = self._person if rng.random() < 0.6 else ""
            if rng.random() < 0.5:
                changes.append(StandingChange(nick, mask, role=rng.choice(tuple(Role)), reason=self._text))
            else:
                changes.append(
                    StandingChange(nick, mask, affiliation=rng.choice(tuple(Affiliation)), reason=self._text)
                )
        self._scene.session.govern(self._room, changes, self._slip("govern"))

    def entries(self) -> None:
        name = self._random.choice(("ban", "quiet", "exception", "invitation", "x"))
        self._scene.session.entries(self._room, name, self._slip("entries"))

    def amend(self) -> None:
        masks = ("*!*@h", "x!y@z", "m:*!*@z", "", "a b", "\0", "*" * 400)
        rng = self._random
        name = rng.choice(("ban", "quiet", "exception", "x"))
        self._scene.session.amend(
            self._room,
            name,
            rng.sample(masks, rng.randrange(3)),
            rng.sample(masks, rng.randrange(3)),
            self._slip("amend"),
        )

    def room_settings(self) -> None:
        self._scene.session.room_settings(self._room, self._slip("room_settings"))

    def configure(self) -> None:
        rng = self._random
        names = (
            "muc#roomconfig_roomname",
            "muc#roomconfig_roomsecret",
            "k",
            "l",
            "m",
            "i",
            "password",
            "moderated",
            "x",
            "",
        )
        values = {
            rng.choice(names): rng.choice(("1", "0", "", "true", "a b", "\0", "99999999999"))
            for _ in range(3)
        }
        self._scene.session.configure(self._room, values, self._slip("configure"))

    def order(self) -> None:
        text = self._random.choice(
            ("/mode +o Bob", "/kick Bob x", "/ban", "/topic", "/", "", "/mode \0", "/knock", "/quiet *!*@h")
        )
        self._scene.session.order(self._room, text, self._slip("order"))

    def adjust(self) -> None:
        names = ("latin-1", "iso-2022-jp", "utf-8", "cp1251", "", "nonsense")
        rng = self._random
        self._scene.session.adjust(
            self._room, {"encoding_in": rng.choice(names), "encoding_out": rng.choice(names)}
        )

    def look(self) -> None:
        session = self._scene.session
        session.room_traits(self._room)
        session.room_lists(self._room)
        session.details()


_CALLS: tuple[Callable[[Play], None], ...] = (
    Play.join,
    Play.join,
    Play.join,
    Play.leave,
    Play.say,
    Play.say,
    Play.tell,
    Play.express,
    Play.react,
    Play.retract,
    Play.moderate,
    Play.type,
    Play.instruct,
    Play.rename,
    Play.topic,
    Play.kick,
    Play.invite,
    Play.list_rooms,
    Play.question,
    Play.govern,
    Play.entries,
    Play.amend,
    Play.room_settings,
    Play.configure,
    Play.order,
    Play.look,
    Play.adjust,
)
