"""The part of the tour at the gateway's own doors: what it is, that IRC needs no registration, a command by form and by
chat, which must come to the same, and what monitoring asks."""

from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from gateway.playground.cast import Cast, Step
from gateway.playground.expect import Unmet
from gateway.playground.match import error_condition, error_text, message

_INFO = "http://jabber.org/protocol/disco#info"
_ITEMS = "http://jabber.org/protocol/disco#items"
_REGISTER = "jabber:iq:register"
_COMMANDS = "http://jabber.org/protocol/commands"
_DATA = "jabber:x:data"

_FIND = "find-address"
_PRIVILEGES = "privileges"


class DoorsTour:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._jid = cast.gateway.jid
        self._wanted = f"carol%{cast.gateway.network}"  # as a person would write it
        self._address = cast.gateway.contact("carol")

    @property
    def steps(self) -> tuple[Step, ...]:
        return (
            ("alice's client looks at the gateway", self._discover),
            ("IRC needs no registration, and says so", self._no_registration),
            ("alice runs a command from her client's menu", self._by_form),
            ("The same command, by chat", self._by_chat),
            ("alice asks what her server lets the gateway do for her", self._privileges),
            ("bob, who runs the gateway, asks it what monitoring asks", self._monitored),
        )

    async def _discover(self) -> None:
        self._cast.sends("alice", f"disco#info to {self._jid}")
        info = await self._asked(f"<query xmlns='{_INFO}'/>", "get")
        identities = {
            f"{one.get('category')}/{one.get('type')}": one.get("name") or ""
            for one in info.iter(f"{{{_INFO}}}identity")
        }
        if "gateway/irc" not in identities:
            raise Unmet(f"alice expected a gateway/irc, but found {', '.join(identities)}")
        self._cast.sees("alice", f"gateway/irc, called {identities['gateway/irc']}")
        listed = await self._asked(f"<query xmlns='{_ITEMS}' node='{_COMMANDS}'/>", "get")
        nodes = [one.get("node") or "" for one in listed.iter(f"{{{_ITEMS}}}item")]
        self._cast.sees("alice", f"commands: {', '.join(nodes)}")
        if not {_FIND, _PRIVILEGES} <= set(nodes):
            raise Unmet(f"alice expected the commands {_FIND} and {_PRIVILEGES} among these")

    async def _no_registration(self) -> None:
        self._cast.sends("alice", f"{_REGISTER} to {self._jid}")
        answer = await self._cast.alice.iq(self._jid, f"<query xmlns='{_REGISTER}'/>")
        if (condition := error_condition(answer)) is None:
            raise Unmet("alice expected to be told that nobody registers here, but was given a form")
        self._cast.sees("alice", f"{condition}: {error_text(answer)}")

    async def _by_form(self) -> None:
        self._cast.sends("alice", f"executes {_FIND}")
        page = await self._command(_FIND, "execute")
        field = next(
            (one for one in page.iter(f"{{{_DATA}}}field") if one.find(f"{{{_DATA}}}required") is not None),
            None,
        )
        if field is None:
            raise Unmet("alice expected a form with something to fill in")
        self._cast.sees("alice", f"a form that asks for: {field.get('label')}")
        self._cast.sends("alice", f"fills in {self._wanted}")
        filled = (
            f"<x xmlns='{_DATA}' type='submit'><field var='{field.get('var')}'>"
            f"<value>{escape(self._wanted)}</value></field></x>"
        )
        done = await self._command(_FIND, "complete", page.get("sessionid") or "", filled)
        self._check_found(done.findtext(f"{{{_COMMANDS}}}note") or "")

    async def _by_chat(self) -> None:
        offered = await self._chat("help")
        number = next(
            (row.partition(".")[0] for row in offered.split("\n") if row.endswith(f"({_FIND})")), None
        )
        if number is None:
            raise Unmet(f"alice expected {_FIND} with a number before it")
        await self._chat(number)
        self._check_found(await self._chat(self._wanted), shown=True)

    async def _privileges(self) -> None:
        granted = self._cast.rig.privileges
        done = await self._command(_PRIVILEGES, "execute")
        told = done.findtext(f"{{{_COMMANDS}}}note") or ""
        self._cast.sees("alice", told)
        if ("roster: get and set" in told) != granted:
            raise Unmet(f"alice expected {'some' if granted else 'no'} privileges")

    async def _monitored(self) -> None:
        page = self._cast.rig.page
        for path, wanted in (("readyz", "ready"), ("metrics", "causeway_ready 1")):
            self._cast.sends("bob", f"{page.url}{path}")
            lines = (await page.ask(path)).splitlines()
            if wanted not in lines:
                raise Unmet(f"bob expected {wanted!r} at {page.url}{path}, but read: {lines}")
            told = sum(not line.startswith("#") for line in lines)
            self._cast.sees("bob", wanted if told == 1 else f"{wanted}, and {told - 1} numbers more")

    # -- pieces ------------------------------------------------------------------------------------------------

    def _check_found(self, told: str, *, shown: bool = False) -> None:
        if not shown:
            self._cast.sees("alice", told)
        if told.partition("\n")[0] != self._address:
            raise Unmet(f"alice expected to be told {self._address}, but read {told!r}")

    async def _chat(self, text: str) -> str:
        """Write to the gateway; its answer."""
        self._cast.sends("alice", f"writes: {text}")
        self._cast.alice.say(self._jid, text)
        answer = await self._cast.alice.expect(message(self._jid, type="chat", has=("{jabber:client}body",)))
        body = answer.findtext("{jabber:client}body") or ""
        self._cast.sees("alice", body)
        return body

    async def _command(self, node: str, action: str, session: str = "", form: str = "") -> Element:
        known = f" sessionid='{session}'" if session else ""
        payload = f"<command xmlns='{_COMMANDS}' node='{node}' action='{action}'{known}>{form}</command>"
        answer = await self._asked(payload, "set")
        found = answer.find(f"{{{_COMMANDS}}}command")
        if found is None:
            raise Unmet(f"alice expected an answer to the command {node}")
        return found

    async def _asked(self, payload: str, type: str) -> Element:
        answer = await self._cast.alice.iq(self._jid, payload, type=type)
        if (condition := error_condition(answer)) is not None:
            raise Unmet(f"alice expected a result, but got {condition}: {error_text(answer)}")
        return answer
