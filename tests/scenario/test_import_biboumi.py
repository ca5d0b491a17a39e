"""Real biboumi writes a database, SQLite and PostgreSQL; we take it over, twice, and look at what is here then."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import pytest

from gateway.accounts.preferences import Preferences
from gateway.biboumi.command import take_over
from gateway.biboumi.tables import CannotRead
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.config import load
from gateway.playground.biboumi import Biboumi
from gateway.playground.ircd import Ircd
from gateway.playground.peers import Component
from gateway.rooms.habits import USUAL
from gateway.secrets import SecretBox
from gateway.storage.database import opened
from gateway.storage.stores import Stores
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.rig.postgres import Postgres

JID, USER, CLIENT = "irc.localhost", "first@example.com", "first@example.com/resource1"
NET, CHANNEL = "127.0.0.1", "#foo"
COMMANDS, FORM = "http://jabber.org/protocol/commands", "jabber:x:data"
SAID = ("coucou", "/me waves", "& <b>")
_numbers = itertools.count()


class Settler:
    """A user of biboumi's."""

    def __init__(self, link: Connection) -> None:
        self._link = link

    async def configure(self, address: str, **values: Sequence[str]) -> None:
        opened_form = await self._command(address, "", "")
        fields = "".join(
            f"<field var='{name}'>{''.join(f'<value>{escape(each)}</value>' for each in value)}</field>"
            for name, value in values.items()
        )
        session = opened_form.find(f"{{{COMMANDS}}}command")
        assert session is not None
        done = await self._command(
            address,
            f" action='next' sessionid='{session.get('sessionid')}'",
            f"<x xmlns='{FORM}' type='submit'>{fields}</x>",
        )
        command = done.find(f"{{{COMMANDS}}}command")
        assert command is not None
        assert command.get("status") == "completed"

    async def _command(self, address: str, attributes: str, payload: str) -> Element:
        id_ = f"c{next(_numbers)}"
        self._link.send(
            f"<iq type='set' id='{id_}' from='{CLIENT}' to='{address}'>"
            f"<command xmlns='{COMMANDS}' node='configure'{attributes}>{payload}</command></iq>"
        )
        return await self._link.expect(lambda stanza: stanza.get("id") == id_)

    async def talk(self, room: str) -> None:
        self._link.send(
            f"<presence from='{CLIENT}' to='{room}/Nick'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        for words in SAID:
            await self._link.expect(
                lambda stanza: "subject" in _children(stanza) or "body" in _children(stanza)
            )
            self._link.send(
                f"<message type='groupchat' from='{CLIENT}' to='{room}'><body>{escape(words)}</body></message>"
            )
            await self._link.expect(_says(words))
            self._link.send(f"<message type='groupchat' from='{CLIENT}' to='{room}'><body>.</body></message>")

    async def subscribe(self, address: str) -> None:
        self._link.send(f"<presence type='subscribe' id='s' from='{USER}' to='{address}'/>")
        await self._link.expect(lambda stanza: stanza.get("type") == "subscribed")


def _says(words: str) -> Callable[[Element], bool]:
    return lambda stanza: stanza.findtext("{jabber:component:accept}body") == words


def _children(stanza: Element) -> set[str]:
    return {child.tag.rpartition("}")[2] for child in stanza}


@pytest.fixture(params=["sqlite", "postgresql"])
async def written(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """What biboumi's ``db_name`` says."""
    name = str(tmp_path / "biboumi.sqlite")
    server: Postgres | None = None
    database = f"biboumi{next(_numbers)}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        assert server is not None
        name = await server.create(database)
    async with FakeXmppServer(domains={JID: "s3cret"}) as xmpp:
        ircd = await Ircd().start()
        place = SimpleNamespace(host="127.0.0.1", component_port=xmpp.port)
        biboumi = await Biboumi.start(tmp_path, place, Component(JID, "s3cret"), database=name)
        user = Settler(await xmpp.link())
        await user.configure(JID, max_history_length=["42"], record_history=["1"], persistent=["0"])
        await user.configure(
            f"{NET}@{JID}",
            ports=[str(ircd.port)],
            tls_ports=[],
            verify_cert=["0"],
            fingerprint=["12:34"],
            nick=["forced"],
            **{"pass": ["sesame"]},
            after_connect_commands=["MODE forced +i", "PRIVMSG forced :hi"],
            throttle_limit=["9999"],
            encoding_in=["latin-1"],
        )
        await user.configure(
            f"other.example@{JID}", ports=["6667"], tls_ports=["6697", "6670"], verify_cert=["1"]
        )
        await user.configure(f"{CHANNEL}%{NET}@{JID}", record_history=["unset"], persistent=["1"])
        await user.configure(f"#quiet%{NET}@{JID}", record_history=["false"])
        await user.talk(f"{CHANNEL}%{NET}@{JID}")
        await user.subscribe(f"{NET}@{JID}")
        await biboumi.stop()
        await ircd.stop()
    yield name
    if server is not None:
        await server.drop(database)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    home = tmp_path / "causeway"
    home.mkdir()
    key = home / "key"
    SecretBox.create(key)
    path = home / "config.toml"
    path.write_text(
        f"[storage]\ndatabase = 'sqlite:///{home}/causeway.db'\nkey_file = '{key}'\n"
        f"[bridges.irc]\njid = '{JID}'\nsecret = 'anything'\n"
    )
    return path


async def test_what_users_set_and_said_is_here_after_it(written: str, config: Path) -> None:
    settings = load(config, {})
    (chosen,) = settings.bridges
    first = await take_over(settings, chosen, written)
    second = await take_over(settings, chosen, written)
    assert not any(line.startswith("taken over") for line in second), second
    assert any("SHA-256" in line for line in first)
    assert any("port 6667 without encryption" in line for line in first)
    assert not any("users cannot set here" in line for line in first), first

    clock = SystemClock()
    async with opened(settings.storage.database, clock=clock) as database:
        stores = Stores.of(database, SecretBox.load(settings.storage.key_file), clock)
        mine = await stores.accounts.settings("irc", USER, NET)
        assert mine["pass"] == "sesame"
        assert mine["nick"] == "forced"
        assert mine["after_connect_commands"] == "MODE forced +i\nPRIVMSG forced :hi"
        assert mine["tls_ports"] == ""
        assert mine["ports"].isdecimal()
        assert mine["verify_cert"] == "false"
        assert "fingerprint" not in mine
        assert (mine["encoding_in"], mine["throttle_limit"]) == ("latin-1", "9999")
        other = await stores.accounts.settings("irc", USER, "other.example")
        assert other == {"tls_ports": "6697\n6670"}  # of plain ports there are none by our own choice

        bridge = chosen.plugin.build(chosen.own, Services(clock, random.Random(7), ""))
        preferences = Preferences("irc", bridge, stores, USUAL)
        assert (await preferences.habits(USER, NET, CHANNEL)).history == 42
        assert (await preferences.habits(USER, NET, CHANNEL)).persistent
        assert not (await preferences.habits(USER, NET, "#quiet")).record
        ((room,),) = ([home.room for home in homes] for homes in (await stores.rooms.all("irc")).values())
        assert (room.name, room.nick, room.persistent) == (CHANNEL, "forced", True)
        (subscription,) = await stores.subscriptions.all("irc")
        assert (subscription.owner, subscription.contact_local) == (USER, NET)

        kept = await stores.archive.recent("irc", USER, NET, bridge.fold(CHANNEL), limit=100)
        assert [(each.sender, each.kind, each.body) for each in kept if each.body != "."] == [
            ("forced", "chat", "coucou"),
            ("forced", "action", "waves"),
            ("forced", "chat", "& <b>"),
        ]
        assert len({each.stanza_id for each in kept}) == len(kept)


async def test_what_is_no_database_of_biboumis_is_said_to_be_none(config: Path, tmp_path: Path) -> None:
    settings = load(config, {})
    (chosen,) = settings.bridges
    for place in (str(tmp_path / "nothing"), str(config), "postgresql://u:hush@127.0.0.1:1/biboumi"):
        with pytest.raises(CannotRead) as caught:
            await take_over(settings, chosen, place)
        assert "hush" not in str(caught.value)
    with pytest.raises(CannotRead, match=r"muclogline_|globaloptions_|after_connection_commands_"):
        await take_over(settings, chosen, settings.storage.database.removeprefix("sqlite:///"))
