"""The tour: alice on XMPP and carol on IRC do what people do in a chat, and every line has to arrive.

It runs against the real servers through the gateway, prints what is sent and what arrives as it happens, and stops at the
first thing that does not come.
"""

import time
from collections.abc import Awaitable, Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from gateway.playground.expect import Unmet
from gateway.playground.irc_client import IrcClient, LinePattern, line
from gateway.playground.match import Pattern, error_condition, error_text, message, presence
from gateway.playground.rig import Playground
from gateway.playground.xmpp_client import PING, XmppClient, item

Print = Callable[[str], None]

CHANNEL = "#tour"
VAULT = "#vault"
_ADMIN = "http://jabber.org/protocol/muc#admin"


class Tour:
    """One walk through everything. The people log in anew for it."""

    def __init__(self, playground: Playground, say: Print) -> None:
        self._rig = playground
        self._print = say
        self._room = playground.gateway.room(CHANNEL)
        self._vault = playground.gateway.room(VAULT)
        self.alice: XmppClient
        self.phone: XmppClient
        self.carol: IrcClient
        self.dave: IrcClient

    @property
    def steps(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        return (
            ("alice comes into the room and finds carol there", self._join),
            ("They talk in the room", self._talk),
            ("They wave (/me)", self._wave),
            ("They talk in private", self._whisper),
            ("alice's phone joins too", self._second_device),
            ("dave comes on IRC and goes again", self._neighbour),
            ("carol makes alice an operator", self._operator),
            ("Both change the topic", self._topic),
            ("Both change their nicks", self._rename),
            ("alice's client asks whether it is still in the room", self._self_ping),
            ("alice kicks dave out", self._kick_other),
            ("A room with a key refuses alice until she knows it", self._locked_room),
            ("The phone leaves, and alice stays", self._phone_leaves),
            ("carol kicks alice out", self._kicked),
            ("alice leaves the other room", self._leave),
        )

    async def run(self) -> bool:
        """Walk; True if every line arrived."""
        started = time.monotonic()
        people: list[XmppClient | IrcClient] = []
        try:
            self.carol = await IrcClient.connect(self._rig.irc.host, self._rig.irc.port, "carol")
            people.append(self.carol)
            await self.carol.join(CHANNEL)
            self.alice = await self._rig.log_in("alice", "desk", priority=5)
            people.append(self.alice)
            self.phone = await self._rig.log_in("alice", "phone", priority=1)
            people.append(self.phone)
            for number, (name, step) in enumerate(self.steps, 1):
                self._print(f"{number:2}. {name}")
                try:
                    await step()
                except Unmet as unmet:
                    self._print(f"    FAILED at step {number} ({name}):\n    {unmet}")
                    return False
        finally:
            for person in reversed(people):
                await person.close()
        self._print(f"Every line arrived. {len(self.steps)} steps in {time.monotonic() - started:.1f} s.")
        return True

    # What is printed

    def _sends(self, who: str, what: str) -> None:
        self._print(f"    → {who:<6} {what}")

    async def _alice_sees(self, wanted: Pattern, what: str, client: XmppClient | None = None) -> None:
        await (client or self.alice).expect(wanted)
        self._print(f"    ← {'phone' if client is not None else 'alice':<6} {what}")

    async def _carol_sees(self, wanted: LinePattern, what: str = "") -> None:
        got = await self.carol.expect(wanted)
        self._print(f"    ← {'carol':<6} {what or got.raw}")

    # The steps

    async def _join(self) -> None:
        self._sends("alice", f"joins {self._room}")
        await self.alice.join(self._room, "alice")
        self._print("    ← alice  she is in")
        await self._alice_sees(
            presence(f"{self._room}/carol", type="available"), "carol is here, an operator"
        )
        await self._alice_sees(message(self._room, type="groupchat", subject=""), "there is no topic yet")
        await self._carol_sees(line("JOIN", CHANNEL, sender="alice"))

    async def _talk(self) -> None:
        self._sends("alice", "says: Good morning, IRC! Grüße 🙂")
        id = self.alice.say(self._room, "Good morning, IRC! Grüße 🙂", type="groupchat")
        await self._carol_sees(line("PRIVMSG", CHANNEL, "Good morning, IRC! Grüße 🙂", sender="alice"))
        await self._alice_sees(
            message(f"{self._room}/alice", "Good morning, IRC! Grüße 🙂", type="groupchat", id=id),
            "her own words, reflected by the room",
        )
        self._sends("carol", "says: Good morning, XMPP! <b>&amp;</b>")
        self.carol.say(CHANNEL, "Good morning, XMPP! <b>&amp;</b>")
        await self._alice_sees(
            message(f"{self._room}/carol", "Good morning, XMPP! <b>&amp;</b>", type="groupchat"),
            "carol: Good morning, XMPP! <b>&amp;</b>",
        )

    async def _wave(self) -> None:
        self._sends("alice", "/me waves")
        self.alice.say(self._room, "/me waves", type="groupchat")
        await self._carol_sees(
            line("PRIVMSG", CHANNEL, "\x01ACTION waves\x01", sender="alice"), "* alice waves"
        )
        self._sends("carol", "/me waves back")
        self.carol.say(CHANNEL, "\x01ACTION waves back\x01")
        await self._alice_sees(
            message(f"{self._room}/carol", "/me waves back", type="groupchat"), "* carol waves back"
        )

    async def _whisper(self) -> None:
        contact = self._rig.gateway.contact("carol")
        self._sends("alice", f"to {contact}: Are you there?")
        self.alice.say(contact, "Are you there?")
        await self._carol_sees(line("PRIVMSG", "carol", "Are you there?", sender="alice"))
        self._sends("carol", "to alice: Only for you.")
        self.carol.say("alice", "Only for you.")

        await self.alice.expect(message(body="Only for you.", type="chat", also=_from(contact)))
        self._print("    ← alice  carol in private: Only for you.")

    async def _second_device(self) -> None:
        self._sends("phone", f"joins {self._room}")
        await self.phone.join(self._room, "alice")
        await self._alice_sees(presence(f"{self._room}/carol", type="available"), "carol is here", self.phone)
        self._sends("carol", "says: Hello to both of you")
        self.carol.say(CHANNEL, "Hello to both of you")
        heard = message(f"{self._room}/carol", "Hello to both of you", type="groupchat")
        await self._alice_sees(heard, "carol: Hello to both of you")
        await self._alice_sees(heard, "carol: Hello to both of you", self.phone)
        self._sends("phone", "says: From my phone")
        self.phone.say(self._room, "From my phone", type="groupchat")
        await self._carol_sees(line("PRIVMSG", CHANNEL, "From my phone", sender="alice"))
        ours = message(f"{self._room}/alice", "From my phone", type="groupchat")
        await self._alice_sees(ours, "her words from the phone")
        await self._alice_sees(ours, "her own words, reflected by the room", self.phone)

    async def _neighbour(self) -> None:
        self.dave = await IrcClient.connect(self._rig.irc.host, self._rig.irc.port, "dave")
        try:
            self._sends("dave", f"JOIN {CHANNEL}")
            await self.dave.join(CHANNEL)
            await self._alice_sees(presence(f"{self._room}/dave", type="available"), "dave came in")
            self._sends("dave", f"PART {CHANNEL} :see you")
            self.dave.send(f"PART {CHANNEL} :see you")
            await self._alice_sees(presence(f"{self._room}/dave", type="unavailable"), "dave left")
            await self.dave.join(CHANNEL)
            await self._alice_sees(presence(f"{self._room}/dave", type="available"), "dave is back")
        finally:
            self._sends("dave", "QUIT :bye")
            await self.dave.close("bye")
        await self._alice_sees(presence(f"{self._room}/dave", type="unavailable"), "dave is gone")

    async def _operator(self) -> None:
        self._sends("carol", f"MODE {CHANNEL} +o alice")
        self.carol.send(f"MODE {CHANNEL} +o alice")
        await self._alice_sees(
            presence(f"{self._room}/alice", type="available", status=(110,), also=_is_moderator),
            "she is a moderator now",
        )

    async def _topic(self) -> None:
        self._sends("alice", "sets the topic: Tea at five")
        self.alice.send(
            f"<message to={quoteattr(self._room)} type='groupchat' id='topic'><subject>Tea at five</subject></message>"
        )
        await self._carol_sees(line("TOPIC", CHANNEL, "Tea at five", sender="alice"))
        await self._alice_sees(
            message(f"{self._room}/alice", type="groupchat", subject="Tea at five"), "the topic: Tea at five"
        )
        self._sends("carol", f"TOPIC {CHANNEL} :Coffee at six")
        self.carol.send(f"TOPIC {CHANNEL} :Coffee at six")
        await self._alice_sees(
            message(f"{self._room}/carol", type="groupchat", subject="Coffee at six"),
            "the topic: Coffee at six",
        )

    async def _rename(self) -> None:
        self._sends("carol", "NICK caroline")
        self.carol.send("NICK caroline")
        await self._alice_sees(
            presence(f"{self._room}/carol", type="unavailable", status=(303,), also=_renamed_to("caroline")),
            "carol is now called caroline",
        )
        await self._alice_sees(presence(f"{self._room}/caroline", type="available"), "caroline is here")
        self._sends("alice", f"calls herself {self._room}/alicia")
        self.alice.send(f"<presence to={quoteattr(f'{self._room}/alicia')}/>")
        await self._carol_sees(line("NICK", "alicia", sender="alice"))
        for device in (None, self.phone):
            await self._alice_sees(
                presence(
                    f"{self._room}/alice", type="unavailable", status=(110, 303), also=_renamed_to("alicia")
                ),
                "her own old nick goes",
                device,
            )
            await self._alice_sees(
                presence(f"{self._room}/alicia", type="available", status=(110,)),
                "she is called alicia",
                device,
            )

    async def _self_ping(self) -> None:
        self._sends("alice", f"pings {self._room}/alicia")
        answer = await self.alice.iq(f"{self._room}/alicia", f"<ping xmlns='{PING}'/>")
        if answer.get("type") != "result":
            raise Unmet(f"alice expected to be in the room, but: {error_condition(answer)}")
        self._print("    ← alice  yes, still in")

    async def _kick_other(self) -> None:
        self.dave = await IrcClient.connect(self._rig.irc.host, self._rig.irc.port, "dave")
        try:
            await self.dave.join(CHANNEL)
            await self._alice_sees(presence(f"{self._room}/dave", type="available"), "dave came in")
            self._sends("alice", "kicks dave: enough")
            answer = await self.alice.iq(
                self._room,
                f"<query xmlns='{_ADMIN}'><item nick='dave' role='none'><reason>enough</reason></item></query>",
                type="set",
            )
            if answer.get("type") != "result":
                raise Unmet(
                    f"alice expected to kick dave, but: {error_condition(answer)}: {error_text(answer)}"
                )
            await self._carol_sees(line("KICK", CHANNEL, "dave", "enough", sender="alicia"))
            await self._alice_sees(
                presence(f"{self._room}/dave", type="unavailable", status=(307,)), "dave was kicked"
            )
        finally:
            await self.dave.close()

    async def _locked_room(self) -> None:
        await self.carol.join(VAULT)
        self.carol.send(f"MODE {VAULT} +k sesame")
        await self.carol.settle()
        self._sends("alice", f"joins {self._vault} without the key")
        refused = await self.alice.try_join(self._vault, "alicia")
        if error_condition(refused) != "not-authorized":
            raise Unmet(
                f"alice expected not-authorized, but got {error_condition(refused)}: {error_text(refused)}"
            )
        self._print(f"    ← alice  not-authorized: {error_text(refused)}")
        self._sends("alice", "joins with the key")
        await self.alice.join(self._vault, "alicia", password="sesame")
        await self._carol_sees(line("JOIN", VAULT, sender="alicia"))

    async def _phone_leaves(self) -> None:
        self._sends("phone", f"leaves {self._room}")
        self.phone.leave(self._room, "alicia")
        await self._alice_sees(
            presence(f"{self._room}/alicia", type="unavailable", status=(110,)), "it is out", self.phone
        )
        self._sends("carol", "says: Still there?")
        self.carol.say(CHANNEL, "Still there?")
        await self._alice_sees(
            message(f"{self._room}/caroline", "Still there?", type="groupchat"), "caroline: Still there?"
        )
        if gone := self.carol.inbox.waiting(line("PART", CHANNEL, sender="alicia")):
            raise Unmet(
                f"alice was to stay in the room while one of her devices is there, but carol saw {gone[0].raw}"
            )

    async def _kicked(self) -> None:
        self._sends("carol", f"KICK {CHANNEL} alicia :time for bed")
        self.carol.send(f"KICK {CHANNEL} alicia :time for bed")
        await self._alice_sees(
            presence(f"{self._room}/alicia", type="unavailable", status=(110, 307)), "she was kicked"
        )

    async def _leave(self) -> None:
        self._sends("alice", f"leaves {self._vault}")
        self.alice.leave(self._vault, "alicia", "good night")
        await self._alice_sees(
            presence(f"{self._vault}/alicia", type="unavailable", status=(110,)), "she is out"
        )
        # The last room: whether the gateway only leaves it or the network too is its own affair.
        got = await self.carol.expect(
            lambda one: one.command in {"PART", "QUIT"} and one.sender == "alicia", "alicia to part or quit"
        )
        self._print(f"    ← carol  {got.raw}")


def _is_moderator(stanza: Element) -> bool:
    found = item(stanza)
    return found is not None and found.get("role") == "moderator"


def _renamed_to(nick: str) -> Callable[[Element], bool]:
    def renamed(stanza: Element) -> bool:
        found = item(stanza)
        return found is not None and found.get("nick") == nick

    return renamed


def _from(bare: str) -> Callable[[Element], bool]:
    return lambda stanza: (stanza.get("from") or "").partition("/")[0] == bare
