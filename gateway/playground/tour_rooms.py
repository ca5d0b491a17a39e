"""The part of the tour that is spent in rooms."""

from collections.abc import Callable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from gateway.playground.cast import Cast, Step
from gateway.playground.expect import Unmet
from gateway.playground.irc_client import line
from gateway.playground.match import error_condition, error_text, message, presence
from gateway.playground.xmpp_client import PING, item

CHANNEL = "#tour"
VAULT = "#vault"
_ADMIN = "http://jabber.org/protocol/muc#admin"


class RoomsTour:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._room = cast.gateway.room(CHANNEL)
        self._vault = cast.gateway.room(VAULT)

    @property
    def coming(self) -> tuple[Step, ...]:
        """After these, alice and carol are in a room under these names."""
        return (
            ("alice comes into the room and finds carol there", self._join),
            ("They talk in the room", self._talk),
            ("They wave (/me)", self._wave),
        )

    @property
    def staying(self) -> tuple[Step, ...]:
        """After these, alice is in no room, and carol calls herself caroline."""
        return (
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

    async def _join(self) -> None:
        await self._cast.carol.join(CHANNEL)
        self._cast.sends("alice", f"joins {self._room}")
        await self._cast.alice.join(self._room, "alice")
        self._cast.sees("alice", "she is in")
        await self._cast.alice_sees(
            presence(f"{self._room}/carol", type="available"), "carol is here, an operator"
        )
        await self._cast.alice_sees(
            message(self._room, type="groupchat", subject=""), "there is no topic yet"
        )
        await self._cast.carol_sees(line("JOIN", CHANNEL, sender="alice"))

    async def _talk(self) -> None:
        self._cast.sends("alice", "says: Good morning, IRC! Grüße 🙂")
        id = self._cast.alice.say(self._room, "Good morning, IRC! Grüße 🙂", type="groupchat")
        await self._cast.carol_sees(line("PRIVMSG", CHANNEL, "Good morning, IRC! Grüße 🙂", sender="alice"))
        await self._cast.alice_sees(
            message(f"{self._room}/alice", "Good morning, IRC! Grüße 🙂", type="groupchat", id=id),
            "her own words, reflected by the room",
        )
        self._cast.sends("carol", "says: Good morning, XMPP! <b>&amp;</b>")
        self._cast.carol.say(CHANNEL, "Good morning, XMPP! <b>&amp;</b>")
        await self._cast.alice_sees(
            message(f"{self._room}/carol", "Good morning, XMPP! <b>&amp;</b>", type="groupchat"),
            "carol: Good morning, XMPP! <b>&amp;</b>",
        )

    async def _wave(self) -> None:
        self._cast.sends("alice", "/me waves")
        self._cast.alice.say(self._room, "/me waves", type="groupchat")
        await self._cast.carol_sees(
            line("PRIVMSG", CHANNEL, "\x01ACTION waves\x01", sender="alice"), "* alice waves"
        )
        self._cast.sends("carol", "/me waves back")
        self._cast.carol.say(CHANNEL, "\x01ACTION waves back\x01")
        await self._cast.alice_sees(
            message(f"{self._room}/carol", "/me waves back", type="groupchat"), "* carol waves back"
        )

    async def _second_device(self) -> None:
        self._cast.sends("phone", f"joins {self._room}")
        await self._cast.phone.join(self._room, "alice")
        await self._cast.phone_sees(presence(f"{self._room}/carol", type="available"), "carol is here")
        self._cast.sends("carol", "says: Hello to both of you")
        self._cast.carol.say(CHANNEL, "Hello to both of you")
        heard = message(f"{self._room}/carol", "Hello to both of you", type="groupchat")
        await self._cast.alice_sees(heard, "carol: Hello to both of you")
        await self._cast.phone_sees(heard, "carol: Hello to both of you")
        self._cast.sends("phone", "says: From my phone")
        self._cast.phone.say(self._room, "From my phone", type="groupchat")
        await self._cast.carol_sees(line("PRIVMSG", CHANNEL, "From my phone", sender="alice"))
        ours = message(f"{self._room}/alice", "From my phone", type="groupchat")
        await self._cast.alice_sees(ours, "her words from the phone")
        await self._cast.phone_sees(ours, "her own words, reflected by the room")

    async def _neighbour(self) -> None:
        dave = await self._cast.on_irc("dave")
        try:
            self._cast.sends("dave", f"JOIN {CHANNEL}")
            await dave.join(CHANNEL)
            await self._cast.alice_sees(presence(f"{self._room}/dave", type="available"), "dave came in")
            self._cast.sends("dave", f"PART {CHANNEL} :see you")
            dave.send(f"PART {CHANNEL} :see you")
            await self._cast.alice_sees(presence(f"{self._room}/dave", type="unavailable"), "dave left")
            await dave.join(CHANNEL)
            await self._cast.alice_sees(presence(f"{self._room}/dave", type="available"), "dave is back")
        finally:
            self._cast.sends("dave", "QUIT :bye")
            await dave.close("bye")
        await self._cast.alice_sees(presence(f"{self._room}/dave", type="unavailable"), "dave is gone")

    async def _operator(self) -> None:
        self._cast.sends("carol", f"MODE {CHANNEL} +o alice")
        self._cast.carol.send(f"MODE {CHANNEL} +o alice")
        await self._cast.alice_sees(
            presence(f"{self._room}/alice", type="available", status=(110,), also=_is_moderator),
            "she is a moderator now",
        )

    async def _topic(self) -> None:
        self._cast.sends("alice", "sets the topic: Tea at five")
        self._cast.alice.send(
            f"<message to={quoteattr(self._room)} type='groupchat' id='topic'><subject>Tea at five</subject></message>"
        )
        await self._cast.carol_sees(line("TOPIC", CHANNEL, "Tea at five", sender="alice"))
        await self._cast.alice_sees(
            message(f"{self._room}/alice", type="groupchat", subject="Tea at five"), "the topic: Tea at five"
        )
        self._cast.sends("carol", f"TOPIC {CHANNEL} :Coffee at six")
        self._cast.carol.send(f"TOPIC {CHANNEL} :Coffee at six")
        await self._cast.alice_sees(
            message(f"{self._room}/carol", type="groupchat", subject="Coffee at six"),
            "the topic: Coffee at six",
        )

    async def _rename(self) -> None:
        self._cast.sends("carol", "NICK caroline")
        self._cast.carol.send("NICK caroline")
        await self._cast.alice_sees(
            presence(f"{self._room}/carol", type="unavailable", status=(303,), also=_renamed_to("caroline")),
            "carol is now called caroline",
        )
        await self._cast.alice_sees(presence(f"{self._room}/caroline", type="available"), "caroline is here")
        self._cast.sends("alice", f"calls herself {self._room}/alicia")
        self._cast.alice.send(f"<presence to={quoteattr(f'{self._room}/alicia')}/>")
        await self._cast.carol_sees(line("NICK", "alicia", sender="alice"))
        for sees in (self._cast.alice_sees, self._cast.phone_sees):
            await sees(
                presence(
                    f"{self._room}/alice", type="unavailable", status=(110, 303), also=_renamed_to("alicia")
                ),
                "her own old nick goes",
            )
            await sees(
                presence(f"{self._room}/alicia", type="available", status=(110,)),
                "she is called alicia",
            )

    async def _self_ping(self) -> None:
        self._cast.sends("alice", f"pings {self._room}/alicia")
        answer = await self._cast.alice.iq(f"{self._room}/alicia", f"<ping xmlns='{PING}'/>")
        if answer.get("type") != "result":
            raise Unmet(f"alice expected to be in the room, but: {error_condition(answer)}")
        self._cast.sees("alice", "yes, still in")

    async def _kick_other(self) -> None:
        dave = await self._cast.on_irc("dave")
        try:
            await dave.join(CHANNEL)
            await self._cast.alice_sees(presence(f"{self._room}/dave", type="available"), "dave came in")
            self._cast.sends("alice", "kicks dave: enough")
            answer = await self._cast.alice.iq(
                self._room,
                f"<query xmlns='{_ADMIN}'><item nick='dave' role='none'><reason>enough</reason></item></query>",
                type="set",
            )
            if answer.get("type") != "result":
                raise Unmet(
                    f"alice expected to kick dave, but: {error_condition(answer)}: {error_text(answer)}"
                )
            await self._cast.carol_sees(line("KICK", CHANNEL, "dave", "enough", sender="alicia"))
            await self._cast.alice_sees(
                presence(f"{self._room}/dave", type="unavailable", status=(307,)), "dave was kicked"
            )
        finally:
            await dave.close()

    async def _locked_room(self) -> None:
        await self._cast.carol.join(VAULT)
        self._cast.carol.send(f"MODE {VAULT} +k sesame")
        await self._cast.carol.settle()
        self._cast.sends("alice", f"joins {self._vault} without the key")
        refused = await self._cast.alice.try_join(self._vault, "alicia")
        if error_condition(refused) != "not-authorized":
            raise Unmet(
                f"alice expected not-authorized, but got {error_condition(refused)}: {error_text(refused)}"
            )
        self._cast.sees("alice", f"not-authorized: {error_text(refused)}")
        self._cast.sends("alice", "joins with the key")
        await self._cast.alice.join(self._vault, "alicia", password="sesame")
        await self._cast.carol_sees(line("JOIN", VAULT, sender="alicia"))

    async def _phone_leaves(self) -> None:
        self._cast.sends("phone", f"leaves {self._room}")
        self._cast.phone.leave(self._room, "alicia")
        await self._cast.phone_sees(
            presence(f"{self._room}/alicia", type="unavailable", status=(110,)), "it is out"
        )
        self._cast.sends("carol", "says: Still there?")
        self._cast.carol.say(CHANNEL, "Still there?")
        await self._cast.alice_sees(
            message(f"{self._room}/caroline", "Still there?", type="groupchat"), "caroline: Still there?"
        )
        if gone := self._cast.carol.inbox.waiting(line("PART", CHANNEL, sender="alicia")):
            raise Unmet(
                f"alice was to stay in the room while one of her devices is there, but carol saw {gone[0].raw}"
            )

    async def _kicked(self) -> None:
        self._cast.sends("carol", f"KICK {CHANNEL} alicia :time for bed")
        self._cast.carol.send(f"KICK {CHANNEL} alicia :time for bed")
        await self._cast.alice_sees(
            presence(f"{self._room}/alicia", type="unavailable", status=(110, 307)), "she was kicked"
        )

    async def _leave(self) -> None:
        self._cast.sends("alice", f"leaves {self._vault}")
        self._cast.alice.leave(self._vault, "alicia", "good night")
        await self._cast.alice_sees(
            presence(f"{self._vault}/alicia", type="unavailable", status=(110,)), "she is out"
        )
        # The last room: whether the gateway only leaves it or the network too is its own affair.
        got = await self._cast.carol.expect(
            lambda one: one.command in {"PART", "QUIT"} and one.sender == "alicia", "alicia to part or quit"
        )
        self._cast.sees("carol", f"{got.raw}")


def _is_moderator(stanza: Element) -> bool:
    found = item(stanza)
    return found is not None and found.get("role") == "moderator"


def _renamed_to(nick: str) -> Callable[[Element], bool]:
    def renamed(stanza: Element) -> bool:
        found = item(stanza)
        return found is not None and found.get("nick") == nick

    return renamed
