"""The people of a tour, and what is printed of what they do. What they do is the tour's affair."""

from collections.abc import Awaitable, Callable

from gateway.playground.irc_client import IrcClient, LinePattern
from gateway.playground.match import Pattern
from gateway.playground.rig import Playground
from gateway.playground.xmpp_client import XmppClient

Print = Callable[[str], None]
Step = tuple[str, Callable[[], Awaitable[None]]]


class Cast:
    """alice with two devices on XMPP, carol on IRC."""

    def __init__(
        self, rig: Playground, say: Print, alice: XmppClient, phone: XmppClient, carol: IrcClient
    ) -> None:
        self.rig = rig
        self.gateway = rig.gateway
        self.alice = alice
        self.phone = phone
        self.carol = carol
        self._print = say

    @classmethod
    async def gather(cls, rig: Playground, say: Print) -> "Cast":
        """Log everybody in anew. Raises ``Unmet``, ``LoginFailed`` and OSError."""
        people: list[XmppClient | IrcClient] = []
        try:
            people.append(carol := await IrcClient.connect(rig.irc.host, rig.irc.port, "carol"))
            people.append(alice := await rig.log_in("alice", "desk", priority=5))
            people.append(phone := await rig.log_in("alice", "phone", priority=1))
        except BaseException:
            for person in people:
                await person.close()
            raise
        return cls(rig, say, alice, phone, carol)

    async def on_irc(self, nick: str) -> IrcClient:
        """One more person there, for the caller to see out."""
        return await IrcClient.connect(self.rig.irc.host, self.rig.irc.port, nick)

    async def dismiss(self) -> None:
        for person in (self.phone, self.alice, self.carol):
            await person.close()

    def sends(self, who: str, what: str) -> None:
        self._print(f"    → {who:<6} {what}")

    def sees(self, who: str, what: str) -> None:
        """``what`` may have several lines."""
        first, *more = what.split("\n")
        self._print(f"    ← {who:<6} {first}")
        for row in more:
            self._print(f"             {row}")

    async def alice_sees(self, wanted: Pattern, what: str) -> None:
        await self.alice.expect(wanted)
        self.sees("alice", what)

    async def phone_sees(self, wanted: Pattern, what: str) -> None:
        await self.phone.expect(wanted)
        self.sees("phone", what)

    async def carol_sees(self, wanted: LinePattern, what: str = "") -> None:
        got = await self.carol.expect(wanted)
        self.sees("carol", what or got.raw)
