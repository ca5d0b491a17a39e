"""How the bot answers one client: one message, from the address it wrote to, in its language."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from gateway.bridge import Clock
from gateway.ids import IdSource
from gateway.limits import Limits
from gateway.model import Refused
from gateway.texts import Languages, Text
from gateway.xmpp.render import NO_ANNOUNCEMENT
from gateway.xmpp.stanza import Jid, Stanza
from gateway.xmpp.text import attribute, escape

_ANSWER_MOST = 60_000  # characters of one answer; servers take stanzas of 256 KiB


class BotContext(Protocol):
    """What the bot needs of the component."""

    clock: Clock
    ids: IdSource
    usage: Limits

    def send(self, stanza: str, *, keep: bool = False) -> bool: ...

    def refuse(self, stanza: Stanza, why: Refused) -> None: ...

    def spawn(self, work: Awaitable[None]) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """How one client is answered: from the address it wrote to, in its language."""

    requester: Jid
    target: Jid
    language: str
    thread: str
    languages: Languages
    context: BotContext

    def say(self, text: str) -> str:
        return self.languages.say(text, self.language)

    def tell(self, text: str) -> None:
        """One message."""
        said = self.say(text)
        if len(said) > _ANSWER_MOST:
            said = said[:_ANSWER_MOST] + self.say(
                Text("\n[too long for a chat: run it as a command to see all]")
            )
        thread = f"<thread>{escape(self.thread)}</thread>" if self.thread else ""
        more = "" if self.target.local else NO_ANNOUNCEMENT
        # RFC 6121 §5.2.2: to the client that wrote, which is the one that waits for it.
        self.context.send(
            f"<message from='{attribute(self.target.bare)}' to='{attribute(self.requester.full)}' type='chat' "
            f"id='{self.context.ids.next()}' xml:lang='{self.language}'><body>{escape(said)}</body>{thread}{more}</message>",
            keep=True,
        )
