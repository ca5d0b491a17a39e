"""The stage of the scenarios: a real gateway between a real XMPP server and IRC servers, and the people who meet there.

Servers are started once for a module; people, channels and nicks are new for every test, so that no test sees what
another left behind. Nothing in here looks into the gateway: it is a child process with a configuration and a log.
"""

import itertools
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from gateway.playground.clients import IrcClient, Line, XmppClient, line, message, show
from gateway.playground.ejabberd import Ejabberd
from gateway.playground.peers import Component, User, new_secret
from gateway.playground.process import Child, NotReady, Probe
from gateway.playground.prosody import Prosody
from gateway.secrets import SecretBox
from tests.waiting import DEADLINE

XMPP = {"prosody": Prosody, "ejabberd": Ejabberd}
COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"

_CONFIG = """\
[xmpp]
host = "{host}"
port = {port}

[storage]
database = "{database}"
key_file = "{key}"

[log]
format = "json"

[limits]
logins_per_second = 1000.0
concurrent_logins = 20
# These plays are about everything but the rates of users, which have their own.
messages_per_minute = 0
messages_per_second_total = 0
{limits}
"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where an IRC network is reached; ``more`` are further keys of its table, with values as TOML writes them."""

    host: str
    port: int
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Play:
    """What the gateway is told: networks by name, bridges by name with further keys (``irc`` is always there)."""

    networks: Mapping[str, Door]
    bridges: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"irc": {}})
    limits: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    access: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)  # of bridges that are not for IRC
    more: str = ""  # further tables of the configuration
    environment: Mapping[str, str] = field(default_factory=dict)  # of the gateway's process
    program: Sequence[str] = ("-m", "gateway")  # what Python runs

    def jid(self, bridge: str) -> str:
        return f"{bridge}.localhost"


class Stage:
    """Everything that runs. ``bridge`` and ``network`` in the methods are names of the play."""

    def __init__(self, directory: Path, xmpp: Prosody | Ejabberd, play: Play) -> None:
        self.directory = directory
        self.xmpp = xmpp
        self.play = play
        self.config = directory / "config.toml"
        command = [sys.executable, *play.program, "run", "-c", str(self.config)]
        self.gateway = Child("gateway", command, directory, environment=play.environment)
        self._numbers = itertools.count(1)
        self._read = 0  # bytes of the log that were found calm

    @classmethod
    async def start(cls, directory: Path, xmpp: str, play: Play) -> "Stage":
        """Start the XMPP server and the gateway; the IRC servers are the caller's. Stops what it started if it fails."""
        os.chmod(directory, 0o711)  # daemons that must not be root look for their files in it
        place = directory / "xmpp"
        place.mkdir()
        components = [Component(play.jid(name), new_secret()) for name in play.bridges]
        server = await XMPP[xmpp].start(place, components=components)
        stage = cls(directory, server, play)
        try:
            stage._configure(components)
            await stage.restart_gateway()
        except BaseException:
            await stage.stop()
            raise
        return stage

    def _configure(self, components: list[Component]) -> None:
        key = self.directory / "causeway.key"
        SecretBox.create(key)
        text = _CONFIG.format(
            host=self.xmpp.host,
            port=self.xmpp.component_port,
            database=self.play.database or f"sqlite:///{self.directory}/causeway.db",
            key=key,
            limits=_lines(self.play.limits),
        )
        if self.play.access:
            text += f"[access]\n{_lines(self.play.access)}"
        for (name, keys), component in zip(self.play.bridges.items(), components, strict=True):
            kind = self.play.kinds.get(name, "irc")
            text += (
                f'[bridges.{name}]\nkind = "{kind}"\njid = "{component.jid}"\nsecret = "{component.secret}"\n'
            )
            text += _lines(keys)
            for network, door in self.play.networks.items() if kind == "irc" else ():
                text += (
                    f'[bridges.{name}.networks."{network}"]\naddress = "{door.host}"\nports = [{door.port}]\n'
                    f"tls_ports = []\n{_lines({'throttle_rate': '0', **door.more})}"
                )
        self.config.write_text(text + self.play.more, encoding="utf-8")
        self.config.chmod(0o600)

    async def stop(self) -> None:
        await self.gateway.stop(grace=10.0)
        await self.xmpp.stop()

    async def restart_gateway(self) -> None:
        """Returns when all components are let in again."""
        await self.gateway.stop(grace=10.0)
        self.gateway.start()
        await self.gateway.wait_ready(self._links(len(self.play.bridges)), within=DEADLINE)

    def _links(self, count: int) -> Probe:
        async def probe() -> bool:
            return len(list(self.events("link up"))) >= count

        return probe

    async def linked(self, times: int) -> None:
        """Wait until the links were up ``times`` times, counted from the gateway's last start."""
        await self.gateway.wait_ready(self._links(times), within=DEADLINE)

    # Names

    def new(self, stem: str) -> str:
        """A name that no other test has used."""
        return f"{stem}{next(self._numbers)}"

    def room(self, channel: str, network: str, bridge: str = "irc") -> str:
        return f"{channel}%{network}@{self.play.jid(bridge)}"

    def contact(self, nick: str, network: str, bridge: str = "irc") -> str:
        return f"{nick}%{network}@{self.play.jid(bridge)}"

    def server(self, network: str, bridge: str = "irc") -> str:
        return f"{network}@{self.play.jid(bridge)}"

    # The log

    def records(self) -> Iterator[dict[str, object]]:
        """What the gateway logged since its last start. Lines that are not JSON come as an event of their own."""
        for text in self.gateway.output().splitlines():
            yield _record(text)

    def events(self, event: str) -> Iterator[dict[str, object]]:
        return (record for record in self.records() if record.get("event") == event)

    async def logged(self, event: str, within: float = DEADLINE) -> dict[str, object]:
        """Wait for an event of that name, any time since the gateway's last start."""

        async def probe() -> bool:
            return any(True for _ in self.events(event))

        await self.gateway.wait_ready(probe, within=within)
        return next(self.events(event))

    def assert_calm(self) -> None:
        """No exception was logged since the last call, in whatever life of the gateway."""
        with self.gateway.log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        records = [_record(text) for text in new.decode(errors="replace").splitlines()]
        wild = [record for record in records if "exception" in record or "unreadable" in record]
        assert not wild, wild

    # The process

    def resident(self) -> int:
        """Bytes of memory the gateway holds now."""
        pages = Path(f"/proc/{self.gateway.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _record(text: str) -> dict[str, object]:
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"event": "", "unreadable": text}


def _lines(keys: Mapping[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in keys.items())


class Company:
    """The people of one test: whoever comes through here is seen out at its end."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._passwords: dict[str, str] = {}
        self._people: list[XmppClient | IrcClient] = []

    async def user(self, stem: str = "alice", *, exactly: bool = False) -> XmppClient:
        """A new user on the XMPP server, logged in; ``exactly``: of that name."""
        user = User(stem if exactly else self.stage.new(stem), secrets.token_hex(4))
        await self.stage.xmpp.add_user(user)
        self._passwords[user.jid] = user.password
        return await self.device(user.jid, "desk")

    async def reassure(self, bare: str) -> None:
        """Make sure that the server still knows a user after a ``kill``: ejabberd's Mnesia forgets the last minutes."""
        try:
            await self.stage.xmpp.add_user(User(bare.partition("@")[0], self._passwords[bare]))
        except NotReady as refusal:
            if "409" not in str(refusal):  # known
                raise

    async def device(self, bare: str, resource: str) -> XmppClient:
        """One more device of a user of ours, or the same again."""
        xmpp = self.stage.xmpp
        client = await XmppClient.connect(
            xmpp.host, xmpp.c2s_port, bare, self._passwords[bare], resource, priority=0
        )
        self._people.append(client)
        return client

    async def irc(self, network: str, stem: str = "carol") -> IrcClient:
        """Somebody new on an IRC network."""
        door = self.stage.play.networks[network]
        client = await IrcClient.connect(door.host, door.port, self.stage.new(stem))
        self._people.append(client)
        return client

    async def goodbye(self) -> None:
        for person in reversed(self._people):
            await person.close()


@dataclass(slots=True)
class Scene:
    """alice (XMPP) and carol (IRC) in one channel, nothing unread but what a test waits for."""

    stage: Stage
    company: Company
    network: str
    alice: XmppClient
    carol: IrcClient
    nick: str  # alice's
    channel: str
    room: str

    def from_occupant(self, nick: str) -> str:
        return f"{self.room}/{nick}"

    async def talk(self, words: str) -> None:
        """Both say something, and both hear it: once."""
        there, back = f"{words}, says alice", f"{words}, says carol"
        id_ = self.alice.say(self.room, there, type="groupchat")
        await self.carol.expect(line("PRIVMSG", self.channel, there, sender=self.nick), within=DEADLINE)
        await self.alice.expect(message(f"{self.room}/{self.nick}", there, id=id_), within=DEADLINE)
        self.carol.say(self.channel, back)
        await self.alice.expect(message(f"{self.room}/{self.carol.nick}", back), within=DEADLINE)
        await self.settle()
        assert not self.alice.inbox.waiting(
            lambda one: (one.findtext("{jabber:client}body") or "") in {there, back}
        )
        assert not self.carol.inbox.waiting(lambda one: there in one.params)

    async def settle(self) -> None:
        """What either has caused so far has arrived at both."""
        await self.carol.settle()
        await self.alice.iq(self.room, "<ping xmlns='urn:xmpp:ping'/>", within=DEADLINE)


async def meet(company: Company, network: str) -> Scene:
    """Set the scene: a new channel of carol's, and alice joins it."""
    stage = company.stage
    channel, nick = stage.new("#room"), stage.new("Alice")
    carol = await company.irc(network)
    await carol.join(channel)
    alice = await company.user()
    room = stage.room(channel, network)
    await alice.join(room, nick, within=DEADLINE)
    await alice.expect(message(room, type="groupchat", subject=""))
    await carol.expect(line("JOIN", channel, sender=nick))
    alice.inbox.clear()
    carol.inbox.clear()
    return Scene(stage, company, network, alice, carol, nick, channel, room)


def chatter(client: XmppClient) -> list[Element]:
    """Messages with a body that nobody has looked at."""
    return client.inbox.waiting(lambda one: one.find("{jabber:client}body") is not None)


def join_presence(room: str, nick: str, inner: str = "") -> str:
    return f"<presence to={quoteattr(f'{room}/{nick}')}><x xmlns='http://jabber.org/protocol/muc'>{inner}</x></presence>"


async def configure(user: XmppClient, server: str, node: str = "configure", **values: str) -> None:
    """The ad-hoc command by which users set up a network for themselves (XEP-0050), filled in as clients do: what is not
    changed goes back as it came."""
    command = f"<command xmlns='{COMMANDS}' node='{node}'"
    page = await user.iq(server, f"{command} action='execute'/>", type="set")
    fields = {
        field.get("var") or "": [value.text or "" for value in field.findall(f"{{{DATA}}}value")]
        for field in page.iter(f"{{{DATA}}}field")
    }
    assert set(values) <= set(fields), show(page)
    fields |= {name: [value] for name, value in values.items()}
    filled = "".join(
        f"<field var={quoteattr(name)}>{''.join(f'<value>{escape(value)}</value>' for value in given)}</field>"
        for name, given in fields.items()
    )
    form = f"<x xmlns='{DATA}' type='submit'>{filled}</x>"
    done = await user.iq(
        server,
        f"{command} sessionid='{page[0].get('sessionid')}' action='complete'>{form}</command>",
        type="set",
    )
    assert done.get("type") == "result", show(done)
    assert done[0].get("status") == "completed", show(done)


def about(word: str) -> Callable[[Line], bool]:
    """Lines that hold ``word`` in any parameter."""
    return lambda one: any(word in param for param in one.params)
