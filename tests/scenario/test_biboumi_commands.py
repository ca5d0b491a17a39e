"""biboumi and Causeway, asked the same by the same client: forms, titles, notes and answers that scripts know are equal.

The client stands where the XMPP server would be, so that every stanza is seen; the IRC server is the scripted one. Fields of
ours that biboumi has not are left out of the comparison.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from gateway.playground.ircd import Ircd
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.scenario.yardstick import GATEWAYS, G

ANN = "ann@localhost/desk"
ADMIN = "admin@localhost/x"
COMMANDS = "http://jabber.org/protocol/commands"
OWNER = "http://jabber.org/protocol/muc#owner"
C = "{jabber:component:accept}"
DATA = "{jabber:x:data}"
CMD = f"{{{COMMANDS}}}"
RSM = "{http://jabber.org/protocol/rsm}"


@dataclass
class Answer:
    """What a script sees of an answer."""

    type: str
    status: str = ""
    note: str = ""
    title: str = ""
    instructions: str = ""
    fields: dict[str, tuple[str, list[str], list[str]]] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)
    session: str = ""
    conditions: list[str] = field(default_factory=list)  # of errors, those inside the command too
    subjects: list[str] = field(default_factory=list)  # nodes of a list
    rooms: list[str] = field(default_factory=list)  # addresses of a list
    page: dict[str, str] = field(default_factory=dict)  # what is said of the page

    def like(self, other: "Answer") -> None:
        """Assert that ``self``, of Causeway, is what ``other`` is, of biboumi."""
        assert self.type == other.type
        assert self.status == other.status or other.type == "error"
        assert _plain(self.note) == _plain(other.note)
        assert (self.title, self.instructions) == (other.title, other.instructions)
        assert {name: self.fields.get(name) for name in other.fields} == other.fields
        assert other.actions <= self.actions
        assert set(other.conditions) <= set(self.conditions)
        assert set(other.subjects) <= set(self.subjects)
        assert self.rooms == other.rooms
        assert {name: self.page.get(name) for name in other.page} == other.page


def _plain(note: str) -> str:
    """Without what time, chance and product names do; our own lines come after biboumi's."""
    note = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+ seconds", "TIME (N seconds", note)
    return "\n".join(line.strip() for line in note.split("\n")[:2])


def _read(stanza: Element, port: int) -> Answer:
    """``port`` is the IRC server's, which is another one each time."""
    answer = Answer(stanza.get("type", ""))
    command = stanza.find(f"{CMD}command")
    if command is not None:
        answer.status = command.get("status", "")
        answer.session = command.get("sessionid", "")
        answer.note = command.findtext(f"{CMD}note", "").replace(str(port), "PORT")
        actions = command.find(f"{CMD}actions")
        answer.actions = {each.tag.removeprefix(CMD) for each in actions} if actions is not None else set()
    form = next(stanza.iter(f"{DATA}x"), None)
    if form is not None and answer.status != "completed":
        answer.title = form.findtext(f"{DATA}title", "")
        answer.instructions = form.findtext(f"{DATA}instructions", "")
        for each in form.iter(f"{DATA}field"):
            values = [value.text for value in each.findall(f"{DATA}value") if value.text]
            values = ["PORT" if value == str(port) else value for value in values]
            options = [value.text or "" for value in each.findall(f"{DATA}option/{DATA}value")]
            answer.fields[each.get("var", "")] = (each.get("type", ""), values, options)
        answer.fields.pop("FORM_TYPE", None)
    answer.conditions = [
        each.tag.partition("}")[2]
        for each in stanza.iter()
        if each.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}") and not each.tag.endswith("text")
    ]
    answer.subjects = [
        each.get("node", "") for each in stanza.iter("{http://jabber.org/protocol/disco#items}item")
    ]
    items = stanza.iter("{http://jabber.org/protocol/disco#items}item")
    answer.rooms = [each.get("jid", "") for each in items if each.get("node") is None]
    for each in stanza.iter(f"{RSM}set"):
        answer.page = {child.tag.removeprefix(RSM): child.text or "" for child in each}
        first = each.find(f"{RSM}first")
        if first is not None:
            answer.page["index"] = first.get("index", "")
    return answer


@dataclass
class Script:
    """The client of both gateways. ``said`` are the answers, in order."""

    link: Connection
    port: int
    said: list[tuple[str, Answer]] = field(default_factory=list)
    _number: int = 0

    async def iq(self, to: str, payload: str, *, type: str = "set", sender: str = ANN) -> Answer:
        self._number += 1
        id_ = f"s{self._number}"
        self.link.send(f"<iq type='{type}' from='{sender}' to='{to}' id='{id_}'>{payload}</iq>")
        answer = _read(await self.link.expect(lambda each: each.get("id") == id_), self.port)
        self.said.append((f"{id_}: {to} {sender} {payload}", answer))
        return answer

    async def run(
        self,
        to: str,
        node: str,
        *pages: Mapping[str, Sequence[str] | str],
        sender: str = ANN,
        last: str = "complete",
    ) -> Answer:
        """Start a command and fill in its ``pages``; the last one with the action ``last``."""
        answer = await self.iq(to, f"<command xmlns='{COMMANDS}' node='{node}'/>", sender=sender)
        for at, page in enumerate(pages, 1):
            action = last if at == len(pages) else "next"
            answer = await self.iq(
                to,
                f"<command xmlns='{COMMANDS}' node='{node}' sessionid='{answer.session}' action='{action}'>"
                f"{_form(page)}</command>",
                sender=sender,
            )
        return answer

    async def list(self, to: str, sender: str = ANN) -> Answer:
        query = f"<query xmlns='http://jabber.org/protocol/disco#items' node='{COMMANDS}'/>"
        return await self.iq(to, query, type="get", sender=sender)

    async def join(self, room: str, nick: str, sender: str) -> None:
        self.link.send(
            f"<presence from='{sender}' to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        await self.link.expect(lambda each: each.get("to") == sender and each.find(f"{C}subject") is not None)

    async def gone(self, who: str) -> Element:
        """``who`` is told to be out of a room."""

        def fits(stanza: Element) -> bool:
            codes = [each.get("code") for each in stanza.iter("{http://jabber.org/protocol/muc#user}status")]
            return (stanza.get("to"), stanza.get("type")) == (who, "unavailable") and "110" in codes

        return await self.link.expect(fits)


def _form(page: Mapping[str, Sequence[str] | str]) -> str:
    fields = "".join(
        f"<field var='{name}'>{''.join(f'<value>{each}</value>' for each in _several(values))}</field>"
        for name, values in page.items()
    )
    return f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"


def _several(values: Sequence[str] | str) -> Sequence[str]:
    return [values] if isinstance(values, str) else values


async def both(place: Path, play, *, fixed: str = "") -> None:
    """Let ``play`` talk to both, and compare what was answered."""
    heard: list[list[tuple[str, Answer]]] = []
    for gateway in GATEWAYS:
        directory = place / gateway.__name__
        directory.mkdir()
        ircd = await Ircd().start()
        try:
            async with FakeXmppServer({G: "s3cret"}) as server, gateway(directory, server, fixed):
                script = Script(await server.link(), ircd.port)
                await play(script)
                heard.append(script.said)
        finally:
            await ircd.stop()
    theirs, ours = heard
    assert len(theirs) == len(ours)
    for (asked, their), (_, our) in zip(theirs, ours, strict=True):
        try:
            our.like(their)
        except AssertionError as error:
            error.add_note(f"asked: {asked}\nbiboumi: {their}\nCauseway: {our}")
            raise


S = f"127.0.0.1@{G}"
R = f"#foo%127.0.0.1@{G}"


async def at_the_gateway(script: Script) -> None:
    for who in (ANN, ADMIN):
        await script.list(G, who)
    await script.list(S)
    await script.list(f"{R}/nobody")
    await script.run(G, "ping")
    await script.run(G, "hello", {})
    await script.run(G, "hello", {"name": "COUCOU"})
    await script.run(G, "configure", {"record_history": "0", "max_history_length": "42"})
    await script.run(G, "configure", {"max_history_length": "bleh", "record_history": "false"}, last="next")
    await script.run(
        G, "configure", {"max_history_length": "20", "record_history": "true", "persistent": "1"}
    )
    await script.run(G, "configure")
    await script.run(G, "disconnect-user")
    await script.run(G, "reload")
    await script.run(G, "reload", sender=ADMIN)
    await script.run(G, "disconnect-from-irc-server")


async def about_a_server(script: Script) -> None:
    await script.run(S, "get-irc-connection-info")
    await script.run(
        S,
        "configure",
        {
            "ports": "",
            "tls_ports": ["6697", "6698"],
            "verify_cert": "1",
            "fingerprint": "12:12:12",
            "pass": "coucou",
            "sasl_password": "more",
            "after_connect_commands": ["first command", "second command"],
            "nick": "nickname",
            "username": "username",
            "throttle_limit": "42",
            "max_history_length": "69",
            "realname": "realname",
            "encoding_out": "UTF-8",
            "encoding_in": "latin-1",
            "unknown": "ignored",
        },
    )
    await script.run(S, "configure")
    await script.run(
        S,
        "configure",
        {
            "ports": str(script.port),
            "address": "127.0.0.1",
            "verify_cert": "1",
            "pass": "",
            "after_connect_commands": "",
            "username": "",
            "realname": "",
            "throttle_limit": "",
            "max_history_length": "",
            "encoding_out": "",
            "encoding_in": "",
            "nick": "",
            "fingerprint": "",
        },
        last="next",
    )
    await script.run(S, "configure")


async def about_a_channel(script: Script) -> None:
    values = {"encoding_in": "latin-1", "encoding_out": "UTF-8", "record_history": "true", "ports": "x"}
    await script.run(R, "configure", values)
    await script.run(R, "configure")
    await script.iq(R, f"<query xmlns='{OWNER}'/>", type="get")
    await script.iq(R, f"<query xmlns='{OWNER}'>{_form({'persistent': 'true'})}</query>")
    await script.iq(R, f"<query xmlns='{OWNER}'/>", type="get")
    await script.iq(R, f"<query xmlns='{OWNER}'><x xmlns='jabber:x:data' type='cancel'/></query>")


async def connected(script: Script) -> None:
    await script.run(S, "configure", {"ports": str(script.port), "throttle_limit": "100"})
    await script.run(S, "configure", {"ports": str(script.port), "throttle_limit": "100"}, sender=ADMIN)
    await script.join(R, "ann", ANN)
    await script.run(S, "get-irc-connection-info")
    await script.join(R, "ann", "ann@localhost/two")
    await script.run(S, "get-irc-connection-info")
    await script.join(R, "boss", ADMIN)
    await script.run(G, "disconnect-from-irc-server", {"jid": "ann@localhost"}, sender=ADMIN, last="next")
    await script.run(G, "disconnect-user", {"jids": "ann@localhost", "quit-message": "out"}, sender=ADMIN)
    assert "out" in "".join((await script.gone(ANN)).itertext())
    await script.gone("ann@localhost/two")
    await script.run(
        G,
        "disconnect-from-irc-server",
        {"jid": "admin@localhost"},
        {"quit-message": "bye", "irc-servers": "127.0.0.1"},
        sender=ADMIN,
    )
    assert "bye" in "".join((await script.gone(ADMIN)).itertext())


async def paged(script: Script) -> None:
    """The channels of a server, in pages."""

    async def asked(paging: str = "") -> Answer:
        paging = f"<set xmlns='http://jabber.org/protocol/rsm'>{paging}</set>" if paging else ""
        query = f"<query xmlns='http://jabber.org/protocol/disco#items'>{paging}</query>"
        return await script.iq(S, query, type="get")

    await script.run(S, "configure", {"ports": str(script.port), "throttle_limit": "9999"})
    names = [f"#room{number}" for number in range(10)]
    for name in names:
        await script.join(f"{name}%{S}", "ann", ANN)
    whole = await asked()
    assert sorted(whole.rooms) == sorted(f"{name}%{S}" for name in names)
    # Biboumi has the list now, so that every page has a count. Only of a page without any item it tells a last one.
    first, third = whole.rooms[0], whole.rooms[2]
    await asked("<max>100</max>")
    await asked(f"<max>3</max><after>{third}</after>")
    await asked(f"<max>2</max><after>{whole.rooms[7]}</after>")
    await asked(f"<max>1</max><after>{first}</after>")


@pytest.mark.parametrize("play", [at_the_gateway, about_a_server, about_a_channel, connected, paged])
async def test_scripts_see_the_same_as_with_biboumi(tmp_path: Path, play) -> None:
    await both(tmp_path, play)


async def fixed(script: Script) -> None:
    for who in (ANN, ADMIN):
        await script.list(G, who)
    await script.run(G, "global-configure", {"max_history_length": "20", "record_history": "false"})
    # What is left out, biboumi sets to nonsense: no limit of lines is 0.
    numbers = {"throttle_limit": "42", "max_history_length": "20", "verify_cert": "1"}
    await script.run(G, "server-configure", {"ports": str(script.port), "nick": "ann", **numbers})
    await script.run(G, "server-configure")
    await script.run(G, "get-irc-connection-info")
    await script.run(f"#foo@{G}", "configure", {"encoding_in": "latin-1"})
    await script.run(f"#foo@{G}", "configure")
    await script.join(f"#foo@{G}", "ann", ANN)
    await script.run(G, "get-irc-connection-info")


async def test_so_they_do_with_one_fixed_server(tmp_path: Path) -> None:
    await both(tmp_path, fixed, fixed="127.0.0.1")
