"""biboumi and Causeway in the same play: what two users of one channel see of it, stanza by stanza, is the same.

Both talk to the scripted IRC server; the client stands where the XMPP server would be. What differs on purpose is in
``_standing`` and ``_OURS``, and told in docs/biboumi-differences.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from gateway.playground.irc_client import IrcClient
from gateway.playground.ircd import Ircd
from tests.fakes.xmpp_server import Connection, FakeXmppServer
from tests.scenario.yardstick import GATEWAYS, G

EVERYBODY = ANN, ANN2, BOB, OUTSIDE = (
    "ann@localhost/desk",
    "ann@localhost/phone",
    "bob@localhost/desk",
    "ann@localhost/else",
)
S = f"127.0.0.1@{G}"
R = f"#foo%127.0.0.1@{G}"
C = "{jabber:component:accept}"
USER = "{http://jabber.org/protocol/muc#user}"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"

MAM = "{urn:xmpp:mam:2}"
ARCHIVE = "<query xmlns='urn:xmpp:mam:2'>{}</query>"
COMMANDS = (
    "<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>"
)
SET = "<set xmlns='http://jabber.org/protocol/rsm'>{}</set>"

#: What one user was sent, in order: each stanza as words.
Seen = tuple[tuple[str, ...], ...]


@dataclass
class Play:
    """ann and bob behind the gateway, carol on IRC; ``steps`` is what was seen, by step and by person."""

    link: Connection
    carol: IrcClient
    steps: dict[str, dict[str, Seen]] = field(default_factory=dict)
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _nicks: dict[str, str] = field(default_factory=lambda: {ANN: "ann", BOB: "bob"})
    _number: int = 0

    async def ask(self, name: str, to: str, payload: str, type: str = "get", who: str = ANN) -> None:
        """Ask, and keep what was answered, with the messages of an archive that came before."""
        answer = await self._iq(who, to, payload, type)
        found = [each for each in self.link.received if each.find(f"{MAM}result") is not None]
        self.link.received[:] = [each for each in self.link.received if each not in found]
        self.answers[name] = (*(next(_bodies(each)) for each in found), *_answer(answer))

    async def set_up(self, port: int) -> None:
        form = f"<field var='ports'><value>{port}</value></field><field var='throttle_limit'><value>1000</value></field>"
        for who in (ANN, BOB):
            begun = await self._iq(
                who, S, "<command xmlns='http://jabber.org/protocol/commands' node='configure'/>"
            )
            session = begun[0].get("sessionid")
            await self._iq(
                who,
                S,
                f"<command xmlns='http://jabber.org/protocol/commands' node='configure' sessionid='{session}' "
                f"action='complete'><x xmlns='jabber:x:data' type='submit'>{form}</x></command>",
            )
        await self.carol.join("#foo")
        self.carol.send("MODE #foo -t")

    async def _iq(self, who: str, to: str, payload: str, type: str = "set") -> Element:
        self._number += 1
        id_ = f"q{self._number}"
        self.link.send(f"<iq type='{type}' from='{who}' to='{to}' id='{id_}'>{payload}</iq>")
        return await self.link.expect(lambda each: each.get("id") == id_ and each.tag == f"{C}iq")

    async def step(self, name: str, *stanzas: str, irc: str = "", who: str = ANN, comes: str = "") -> None:
        """Send something, wait until all that it causes is here (for ``comes``, who joins, that is the subject above all),
        and keep what was seen."""
        for each in stanzas:
            self.link.send(each)
        if comes:
            self.link.received.append(await self.link.expect(_came_in(comes)))
        if irc:
            self.carol.send(irc)
        await self.settle(who)
        self.steps[name] = {each: self._taken(each) for each in EVERYBODY}

    async def settle(self, who: str) -> None:
        """What ``who`` wrote has reached the IRC server, and what the server said since has reached everybody."""
        self._number += 1
        mark = f"mark-{self._number}"
        await self._iq(who, G, "<query xmlns='http://jabber.org/protocol/disco#info'/>", "get")
        self.link.send(
            f"<message type='chat' from='{who}' to='carol%{S}' id='{mark}'><body>{mark}</body></message>"
        )
        told = await self.carol.expect(lambda line: mark in line.params)
        self._nicks[who] = told.sender
        for nick in self._nicks.values():
            self.carol.say(nick, f"{mark}-{nick}")
        for nick in self._nicks.values():
            await self.link.expect(_says(f"{mark}-{nick}"))

    def _taken(self, who: str) -> Seen:
        mine = [each for each in self.link.received if each.get("to") in {who, who.partition("/")[0]}]
        self.link.received[:] = [each for each in self.link.received if each not in mine]
        return tuple(seen for each in mine if (seen := _usual(each)))


def _says(body: str) -> Callable[[Element], bool]:
    return lambda stanza: stanza.findtext(f"{C}body") == body


def _bodies(result: Element) -> Iterator[str]:
    return (each.text or "" for each in result.iter() if each.tag.endswith("}body"))


def _answer(iq: Element) -> tuple[str, ...]:
    """Type, error, and whether an archive has no more."""
    words = [iq.get("type", "")]
    words += [each.tag.removeprefix(ERRORS) for each in iq.iter() if each.tag.startswith(ERRORS)][:1]
    words += [f"complete {each.get('complete', 'false')}" for each in iq.iter(f"{MAM}fin")]
    return tuple(words)


def _came_in(who: str) -> Callable[[Element], bool]:
    return lambda stanza: stanza.get("to") == who and stanza.find(f"{C}subject") is not None


def _usual(stanza: Element) -> tuple[str, ...]:
    """What a client acts on. Nothing, for what is not compared: marks, results, the log of the connection and reminders."""
    kind, type_ = stanza.tag.removeprefix(C), stanza.get("type", "")
    sender = stanza.get("from", "")
    error = next((each.tag for each in stanza.iter() if each.tag.startswith(ERRORS)), "").removeprefix(ERRORS)
    if kind == "presence":
        return (kind, type_, sender, *_standing(stanza, type_), error)
    if kind == "message":
        body, subject = stanza.findtext(f"{C}body"), stanza.findtext(f"{C}subject")
        invite = stanza.find(f"{USER}x/{USER}invite")
        if (body or "").startswith("mark-") or (sender == S and type_ != "error"):
            return ()
        if body is None and subject is None and invite is None and not error:
            return ()
        words = [f"subject {subject}" if subject is not None else body or ""]
        if invite is not None:
            words = [f"invite from {invite.get('from')}"]
        id_ = stanza.get("id", "")
        return (kind, type_, sender, *words, error, id_ if id_.startswith("mine") else "")
    return (kind, type_, sender, error) if type_ == "error" else ()


def _standing(presence: Element, type_: str) -> tuple[str, ...]:
    item = presence.find(f"{USER}x/{USER}item")
    codes = {each.get("code", "") for each in presence.iter(f"{USER}status")}
    if item is None:
        return ()
    # On purpose: 100 is told on coming in only, 210 only where it is true, 110 and the address of people always, not
    # on coming in only; and who has left has no role.
    gone = type_ == "unavailable" and not codes & {"301", "303", "307"}
    rank = () if gone else (item.get("affiliation", ""), item.get("role", ""))
    reason, actor = item.findtext(f"{USER}reason", ""), item.find(f"{USER}actor")
    by = actor.get("nick", "") if actor is not None else ""
    codes -= {"100", "210", *(() if type_ else ("110",))}
    note = presence.findtext(f"{C}status", "").replace("Biboumi note", "Causeway note")
    return (*rank, item.get("nick", ""), *sorted(codes), by, reason, note)


def join(who: str, nick: str, room: str = R) -> str:
    inner = "<history maxstanzas='0'/>"
    return f"<presence from='{who}' to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>{inner}</x></presence>"


def say(who: str, body: str, to: str = R, type: str = "groupchat", id: str = "mine1") -> str:
    return f"<message from='{who}' to='{to}' type='{type}' id='{id}'><body>{escape(body)}</body></message>"


def admin(who: str, item: str, id: str = "a1") -> str:
    query = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>"
    return f"<iq type='set' from='{who}' to='{R}' id='{id}'>{query}</iq>"


async def the_play(play: Play) -> None:
    step = play.step
    for who, nick, room in ((ANN, "ann", R), (BOB, "bob", R), (BOB, "bob", f"#stay%{S}")):
        play.link.send(join(who, nick, room))
        await play.link.expect(_came_in(who))
    await play.settle(ANN)
    play.link.received.clear()
    await step("a second client comes", join(ANN2, "ann"), comes=ANN2)
    await step("somebody speaks", say(ANN, "hello"))
    await step("formatted text", irc="PRIVMSG #foo :hello \x02you\x02")
    await step("an action", say(BOB, "/me waves"), who=BOB)
    await step("an action from IRC", irc="PRIVMSG #foo :\x01ACTION waves\x01")
    await step("a notice", irc="NOTICE #foo :hear")
    await step("a notice for a channel", irc="NOTICE ann :[#foo] welcome")
    await step("several lines", say(ANN, "un\ndeux\ntrois"))
    await step(
        "a topic", f"<message from='{ANN}' to='{R}' type='groupchat'><subject>one\ntwo</subject></message>"
    )
    await step("a topic from IRC", irc="TOPIC #foo :three")
    await step("not in the room", say(OUTSIDE, "psst"))
    await step("a nick", f"<presence from='{ANN}' to='{R}/anna'/>")
    await step("and back", f"<presence from='{ANN2}' to='{R}/ann'/>")
    await step("a nick that is taken", f"<presence from='{ANN}' to='{R}/bob'/>")
    await step("a private message", say(ANN, "secret", f"{R}/bob", "chat"))
    await step("its answer", say(BOB, "yes", f"ann%{S}", "chat"), who=BOB)
    await step("a mode", irc="MODE #foo +v bob")
    await step("operators", irc="MODE #foo +o ann")
    await step("a mode of a line", say(ANN, "/mode +v-v ann bob"))
    await step("a rank", admin(ANN, "<item affiliation='admin' nick='bob'/>"))
    await step("nobody's rank", admin(ANN, "<item affiliation='admin' nick='blectre'/>"))
    await step("a kick", admin(ANN, "<item role='none' nick='bob'><reason>reported</reason></item>"))
    await step("in again", join(BOB, "bob"), who=BOB, comes=BOB)
    await step("a kick from IRC", irc="KICK #foo bob :out")
    await step("once more", join(BOB, "bob"), who=BOB, comes=BOB)
    await step("one client leaves", f"<presence from='{ANN2}' to='{R}/ann' type='unavailable'/>")
    await step("it comes back", join(ANN2, "ann"), comes=ANN2)
    gone = "<error type='cancel'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await step("a client's error", f"<message type='error' from='{ANN2}' to='#foo%%{S}/ann'>{gone}</message>")
    await step("somebody leaves IRC", irc="PART #foo :bye")
    await step("somebody comes", irc="JOIN #foo")


async def the_questions(play: Play) -> None:
    ask = play.ask
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    await ask("a ping of oneself", f"{R}/ann", ping)
    await ask("a ping from outside", f"{R}/ann", ping, who=OUTSIDE)
    await ask("a ping of a room one is not in", f"#nil%{S}/ann", ping)
    await ask("an archive", R, ARCHIVE.format(""), "set")
    await ask("its beginning", R, ARCHIVE.format(SET.format("<max>2</max>")), "set")
    await ask("nothing of it", R, ARCHIVE.format(SET.format("<max>0</max><before/>")), "set")
    await ask("after nothing", R, ARCHIVE.format(SET.format("<after>DUMMY_ID</after>")), "set")
    traffic = (
        "<query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/muc#traffic'/>"
    )
    await ask("traffic", R, traffic)
    await ask("commands of an occupant", f"{R}/ann", COMMANDS)


def place_for(tmp_path: Path, gateway) -> Path:
    place = tmp_path / gateway.__name__
    place.mkdir()
    return place


async def _played(tmp_path: Path, gateway) -> Play:
    ircd = await Ircd().start()
    try:
        async with FakeXmppServer({G: "s3cret"}) as server, gateway(place_for(tmp_path, gateway), server, ""):
            carol = await IrcClient.connect(ircd.host, ircd.port, "carol")
            play = Play(await server.link(), carol)
            await play.set_up(ircd.port)
            await the_play(play)
            await the_questions(play)
            await carol.close()
            return play
    finally:
        await ircd.stop()


#: Where we differ on purpose: what ours is, by step and person. See docs/biboumi-differences.md.
_OURS: Mapping[str, Mapping[str, Seen]] = {
    "formatted text": dict.fromkeys(
        (ANN, ANN2, BOB), (("message", "groupchat", f"{R}/carol", "hello *you*", "", ""),)
    ),
    "several lines": dict.fromkeys(
        (ANN, ANN2), (("message", "groupchat", f"{R}/ann", "un\ndeux\ntrois", "", "mine1"),)
    ),
    "a nick that is taken": {ANN2: ()},
}


def _order(seen: Seen) -> list[tuple[str, ...]]:
    """Messages keep their order; of presences that one event brings, it says nothing."""
    return sorted(seen, key=lambda each: (each[0], each if each[0] == "presence" else ()))


async def test_people_see_the_same_as_with_biboumi(tmp_path: Path) -> None:
    theirs, ours = [await _played(tmp_path, gateway) for gateway in GATEWAYS]
    for name, people in theirs.steps.items():
        for who, seen in people.items():
            expected = _OURS.get(name, {}).get(who, seen)
            assert _order(ours.steps[name][who]) == _order(expected), (name, who)
            assert expected is seen or expected != seen, f"{name} is no difference any more"
    for name, told in theirs.answers.items():
        assert ours.answers[name] == _alike(told), name


def _alike(told: tuple[str, ...]) -> tuple[str, ...]:
    """As biboumi's archives tell it, but with our formats and lines, and without the orders of users."""
    text = "\n".join(each for each in told if not each.startswith("/mode"))
    lines = text.replace("hello you", "hello *you*").replace("un\ndeux\ntrois", "un\0deux\0trois").split("\n")
    return tuple(each.replace("\0", "\n") for each in lines)
