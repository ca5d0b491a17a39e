"""An account with a scripted session, and all that it hands to others written down."""

import asyncio
import random
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element, fromstring

from gateway.accounts.account import Account
from gateway.accounts.breaker import Breaker, BreakerPolicy
from gateway.accounts.pacing import Backoff, BackoffPolicy
from gateway.bridge import Account as Described
from gateway.bridge import SessionEnded
from gateway.ids import IdSource
from gateway.model import AccountState, Condition, Occupant, Refused
from gateway.ops.traffic import Traffic
from gateway.rooms.habits import USUAL
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.slices import Slices
from gateway.xmpp.text import attribute
from tests.unit.clock import ManualClock, settle

GONE = SessionEnded(Refused(Condition.REMOTE_SERVER_TIMEOUT, "irc.test does not answer."))
BANNED = SessionEnded(Refused(Condition.FORBIDDEN, "You are banned."), retry=False)


class ScriptedSession:
    """A session that does what the test says."""

    def __init__(self, account, sink) -> None:
        self.account, self.sink = account, sink
        self.asked: list[tuple] = []
        self.end: asyncio.Future = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        await self.end

    def close(self, reason: str) -> None:
        self.asked.append(("close", reason))
        if not self.end.done():
            self.end.set_result(None)

    def fail(self, ended: SessionEnded) -> None:
        self.end.set_exception(ended)

    def fold(self, name: str) -> str:
        return name.lower()

    def join(self, room: str, nick: str, password: str) -> None:
        self.asked.append(("join", room, password))

    def leave(self, room: str, reason: str) -> None:
        self.asked.append(("leave", room, reason))


class Surroundings:
    """``AccountContext``: what is sent and stored is kept for the test."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ids = IdSource(self.clock, random.Random(1))
        self.slices = Slices(self.clock.call_later, lambda: False)
        self.traffic = Traffic(self.clock)
        self.bridge = self
        self.sent: list[Element] = []
        self.sessions: list[ScriptedSession] = []
        self.refusals: list[tuple[str, Refused]] = []
        self.invitations: list[tuple[str, str]] = []
        self.stored: list[tuple] = []
        self.states: list[AccountState] = []
        self.tasks: set[asyncio.Task] = set()
        self.now = self.clock.now
        self.wanted_habits = USUAL
        self.breaker = Breaker(BreakerPolicy(), self.clock, lambda *news: None)

    def fold(self, name: str) -> str:
        return name.lower()

    def session(self, account, sink) -> ScriptedSession:
        self.sessions.append(ScriptedSession(account, sink))
        return self.sessions[-1]

    def stamp(self) -> int:
        return 1

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        self.sent.append(fromstring(stanza))
        return True

    def occupant_jid_attr(self, network, occupant) -> str:
        return ""

    def occupant_id(self, network, room, stable) -> str:
        return f"{network}-{stable}"

    def visitor_id(self, network, room, seen) -> str:
        return f"{network}-{seen}"

    def archive(self, room, said, foreign_id) -> None: ...

    def spawn(self, work) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @asynccontextmanager
    async def turn(self, network):
        yield lambda: None

    def backoff(self) -> Backoff:
        return Backoff(BackoffPolicy(first=2, longest=60), random.Random(1))

    async def described(self, owner, network, nick):
        return Described(owner, network, nick, {"nick": "set"})

    async def habits(self, account, room=None):
        return self.wanted_habits

    async def earlier(self, account, room):
        return []

    def invited(self, account, name, actor, reason) -> None:
        self.invitations.append((name, actor))

    def refuse_join(self, attendee, why) -> None:
        self.refusals.append((attendee.jid, why))

    def status_changed(self, account) -> None:
        self.states.append(account.status.state)

    def direct(self, account, message) -> None:
        self.stored.append(("direct", message))

    def service(self, account, text) -> None:
        self.stored.append(("service", text))

    def remember_account(self, account, stopped="") -> None:
        self.stopped = stopped

    def remember_room(self, account, room) -> None:
        self.stored.append(("room", room.key))

    def forget_room(self, account, room) -> None:
        self.stored.append(("forget", room.key))

    def remember_attendee(self, account, room, attendee) -> None:
        self.stored.append(("attendee", room.key, attendee.jid))

    def forget_attendee(self, account, room, attendee) -> None:
        self.stored.append(("absent", room.key, attendee.jid))


class Story:
    """One account under test."""

    def __init__(self) -> None:
        self.around = Surroundings()
        self.account = Account("alice@localhost", "irc.test", "alice", self.around, history_limit=10)
        self.running: asyncio.Task | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.account.run())

    def join(self, name: str = "#Foo", resource: str = "phone", password: str = "", **more) -> Room:
        room = self.account.want(name, "alice", password)
        jid = f"alice@localhost/{resource}"
        room_jid = f"{name.lower()}%irc.test@gw"
        attendee = Attendee(
            jid, attribute(jid), f"{name.lower()}%irc.test", attribute(room_jid), "alice", **more
        )
        self.account.attend(room, attendee)
        return room

    @property
    def session(self) -> ScriptedSession:
        return self.around.sessions[-1]

    async def online(self) -> None:
        await settle()
        self.session.sink.online("alice")
        await settle()

    def enter(self, key: str = "#foo") -> None:
        self.session.sink.room_joined(key, "alice", [Occupant("alice"), Occupant("carol")], None)

    def take(self) -> list[Element]:
        taken, self.around.sent[:] = list(self.around.sent), []
        return taken

    async def end(self) -> None:
        self.account.close("")
        if self.running is not None:
            await self.running


async def in_the_room(story: Story) -> Room:
    room = story.join()
    story.start()
    await story.online()
    story.enter()
    story.take()
    return room
