"""Who may use the gateway: what the configuration says, and what admins decided on top of it at run time.

Owns the rules; enforcing them is the work of whoever serves a stanza.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.storage.access import AccessStore
from gateway.storage.records import AccessRule
from gateway.xmpp.stanza import Jid


class RegistrationMode(StrEnum):
    """How a bridge with registration takes new users."""

    OPEN = "open"
    APPROVAL = "approval"  # an admin has to agree
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What the operator configured. ``allowed_domains`` empty: everybody; ``denied`` holds bare JIDs and domains;
    ``contact`` are URIs of the operator (XEP-0157)."""

    admins: frozenset[str] = frozenset()
    allowed_domains: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    registration: RegistrationMode = RegistrationMode.OPEN
    contact: tuple[str, ...] = ()


class Access:
    """``bridge`` is its name in the configuration."""

    def __init__(self, bridge: str, policy: AccessPolicy, store: AccessStore) -> None:
        self.policy = policy
        self._bridge = bridge
        self._store = store
        self._rules: dict[str, AccessRule] = {}

    async def restore(self) -> None:
        self._rules = {rule.subject: rule for rule in await self._store.rules(self._bridge)}

    def admin(self, user: Jid) -> bool:
        return user.bare in self.policy.admins

    def allowed(self, user: Jid) -> bool:
        """Whether the user may begin anything here. A rule about a user goes before one about the domain, and any rule
        before the configuration; admins cannot lock themselves out."""
        if self.admin(user):
            return True
        if (rule := self._rule(user)) is not None:
            return rule.allow
        if self._denied(user):
            return False
        domains = self.policy.allowed_domains
        return not domains or user.domain in domains

    def barred(self, user: Jid) -> bool:
        """Whether the user was shut out by name or domain: then nothing at all is answered but that. Asked for every
        stanza."""
        if not self._rules and not self.policy.denied:
            return False
        if self.admin(user):
            return False
        rule = self._rule(user)
        return not rule.allow if rule is not None else self._denied(user)

    @property
    def rules(self) -> Iterable[AccessRule]:
        return self._rules.values()

    async def decide(self, rule: AccessRule) -> None:
        """Make a rule, in place of the one there was about the same subject. Raises ``StorageError``, and then it does not
        hold."""
        await self._store.save_rule(rule)
        self._rules[rule.subject] = rule

    async def lift(self, subject: str) -> bool:
        """Take a rule back; whether there was one. Raises ``StorageError``."""
        if subject not in self._rules:
            return False
        await self._store.forget_rule(self._bridge, subject)
        self._rules.pop(subject, None)
        return True

    def _rule(self, user: Jid) -> AccessRule | None:
        return self._rules.get(user.bare) or self._rules.get(user.domain)

    def _denied(self, user: Jid) -> bool:
        denied = self.policy.denied
        return user.bare in denied or user.domain in denied
