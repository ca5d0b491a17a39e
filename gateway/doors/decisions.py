"""Who is shut out of a bridge, or let in, by an operator's word: the rule is kept, and what it means is done at once.

The same for all doors through which operators come (commands, the page, the console).
"""

from gateway.accounts.directory import Accounts
from gateway.bridge import Clock
from gateway.doors.access import Access
from gateway.model import Exit
from gateway.storage.records import AccessRule
from gateway.texts import Text
from gateway.values import bare_jid, domain
from gateway.xmpp.stanza import parse_jid

_REASON_MOST = 500


class Undecidable(Exception):
    """It cannot be decided so; ``text`` says why, for whoever tried."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text


class Decisions:
    """Of one bridge, ``bridge`` in the configuration."""

    def __init__(self, bridge: str, accounts: Accounts, access: Access, clock: Clock) -> None:
        self._bridge = bridge
        self._accounts = accounts
        self._access = access
        self._clock = clock

    async def decide(self, subject: str, *, allow: bool, reason: str, author: str) -> str:
        """Keep a rule about an address or a domain; as XMPP compares it. Those it shuts out are still there until
        ``end_barred``. Raises ``Undecidable`` and ``StorageError``."""
        known = subject_of(subject)
        if known is None:
            raise Undecidable(Text("This is neither an address, such as ann@example.org, nor a domain."))
        if not allow and known in self._access.policy.admins:
            raise Undecidable(Text("{subject} is an admin, and admins cannot be shut out.", subject=known))
        rule = AccessRule(self._bridge, known, allow, reason[:_REASON_MOST], author, self._clock.now())
        await self._access.decide(rule)
        return known

    def end_barred(self, subject: str) -> None:
        """End what those have going on whom the rule about ``subject`` shuts out."""
        reason = "An operator of the gateway has shut you out."
        for account in self._accounts:
            if concerns(account.owner, subject) and not self._access.allowed(parse_jid(account.owner)):
                account.standing = False
                account.abandon(reason, Exit.KICKED)


def subject_of(text: str) -> str | None:
    """A bare JID or a domain as XMPP compares them; None if it is neither."""
    text = text.strip()
    for read in (bare_jid, domain):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def concerns(owner: str, subject: str) -> bool:
    return owner == subject or owner.rpartition("@")[2] == subject
