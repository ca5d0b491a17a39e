"""The rights that servers grant us for their users (XEP-0356), and their use: an upgrade, never a need.

Rights are learnt anew at every connection and hold for the users of the domain that granted them. What fails often, or is
never answered, is left alone for a while; whoever asks then gets a refusal at once and does without.
"""

from collections.abc import Mapping
from itertools import count
from xml.etree.ElementTree import Element

import structlog

from gateway.bridge import Clock
from gateway.model import Condition, Refused
from gateway.xmpp.breaker import Breaker
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.iq import IqTracker
from gateway.xmpp.privilege import NAMESPACES, Right, Rights, Verb, privileged_iq, read_advertisement
from gateway.xmpp.router import Reply, Router
from gateway.xmpp.stanza import Jid, Stanza, parse_jid

_log = structlog.get_logger(__name__)

ROSTER = "jabber:iq:roster"
DEADLINE = 5.0  # seconds; ejabberd drops what it does not allow without a word
_DOMAINS_LIMIT = 256

#: What says that a right is not worth much; anything else is about the one request.
_BROKEN = frozenset(
    {
        Condition.FEATURE_NOT_IMPLEMENTED,
        Condition.FORBIDDEN,
        Condition.INTERNAL_SERVER_ERROR,
        Condition.NOT_ALLOWED,
        Condition.NOT_AUTHORIZED,
        Condition.REMOTE_SERVER_TIMEOUT,
        Condition.SERVICE_UNAVAILABLE,
    }
)
_NOT_GRANTED = Refused(
    Condition.FORBIDDEN, "Your XMPP server does not allow this gateway to do that for you."
)
_RESTING = Refused(
    Condition.REMOTE_SERVER_TIMEOUT,
    "Your XMPP server allows this gateway to do that for you, but it failed several times. It is tried again later.",
)


class Privileges:
    """``jid`` is the component's own."""

    def __init__(self, jid: str, iq: IqTracker, clock: Clock) -> None:
        self._jid = jid
        self._iq = iq
        self._clock = clock
        self._rights: dict[str, Rights] = {}
        self._breakers: dict[tuple[str, Right], Breaker] = {}
        self._ids = count(1)

    def register(self, router: Router) -> None:
        for namespace in NAMESPACES:
            router.on("message", namespace, "normal", self.learn)
        router.on("iq", ROSTER, "set", self._pushed)

    # -- what we may -------------------------------------------------------------------------------------------

    def learn(self, stanza: Stanza) -> None:
        """Take a server's advertisement; the newest counts. Whoever is not a server cannot grant anything."""
        sender = stanza.sender
        rights = read_advertisement(stanza.element)
        if sender.local or sender.resource or stanza.to.full != self._jid or rights is None:
            raise RefusedError(Refused(Condition.FORBIDDEN, "Only a server can grant privileges."))
        if sender.domain not in self._rights and len(self._rights) >= _DOMAINS_LIMIT:
            return
        self._rights[sender.domain] = rights
        _log.info("privileges granted", jid=self._jid, domain=sender.domain, rights=rights.described())

    def forget(self) -> None:
        """The link is lost: the next one brings its own rights."""
        self._rights.clear()
        self._breakers.clear()

    def granted(self, domain: str) -> Rights | None:
        """What the server of ``domain`` grants us, whether or not it works."""
        return self._rights.get(domain)

    @property
    def domains(self) -> Mapping[str, Rights]:
        return self._rights

    def may(self, domain: str, right: Right) -> bool:
        """Whether a right is granted and did not fail lately. Does not use up a trial."""
        rights = self._rights.get(domain)
        return rights is not None and rights.grants(right) and not self._breaker(domain, right).open_for

    def resting(self, domain: str) -> dict[Right, float]:
        """Rights that are left alone, with the seconds until they are tried again."""
        return {
            right: breaker.open_for
            for (of, right), breaker in self._breakers.items()
            if of == domain and breaker.open_for
        }

    # -- using it ----------------------------------------------------------------------------------------------

    async def roster(self, user: str, verb: Verb, query: str = "") -> Element:
        """A request to the roster of a user (bare JID); ``query`` are its items. Raises ``RefusedError``."""
        right = Right.ROSTER_GET if verb == "get" else Right.ROSTER_SET
        self.claim(parse_jid(user).domain, right)
        return await self._request(user, right, verb, f"<query xmlns='{ROSTER}'>{query}</query>")

    async def request(self, user: str, to: str, verb: Verb, namespace: str, payload: str) -> Element:
        """A request of ``namespace`` in the name of a user (bare JID), to ``to`` or to the user's own account. The answer is
        the user's. Raises ``RefusedError``."""
        domain = parse_jid(user).domain
        rights = self._rights.get(domain)
        if rights is None or verb not in rights.iq.get(namespace, frozenset()):
            raise RefusedError(_NOT_GRANTED)
        self.claim(domain, Right.IQ)
        wrapped = privileged_iq(rights, user, to, verb, f"as-{next(self._ids)}", payload)
        answer = await self._request(user, Right.IQ, verb, wrapped)
        inner = next((one for one in answer.iter() if one is not answer and one.tag.endswith("}iq")), None)
        if inner is None or inner.get("type") != "result":
            raise RefusedError(Refused(Condition.UNDEFINED_CONDITION, "The request for you was refused."))
        return inner

    def claim(self, domain: str, right: Right) -> Rights:
        """Begin to use a right; tell ``report`` how it went. Raises ``RefusedError`` at once where it is of no use."""
        rights = self._rights.get(domain)
        if rights is None or not rights.grants(right):
            raise RefusedError(_NOT_GRANTED)
        if not self._breaker(domain, right).closed():
            raise RefusedError(_RESTING)
        return rights

    def report(self, domain: str, right: Right, *, worked: bool) -> None:
        breaker = self._breaker(domain, right)
        was_open = breaker.open_for
        (breaker.succeeded if worked else breaker.failed)()
        if breaker.open_for and not was_open:
            _log.warning(
                "privilege granted but not working",
                domain=domain,
                right=right,
                next_try_seconds=breaker.pause,
            )

    async def _request(self, user: str, right: Right, verb: Verb, payload: str) -> Element:
        domain = parse_jid(user).domain
        try:
            answer = await self._iq.request(user, payload, sender=self._jid, timeout=DEADLINE, type=verb)
        except RefusedError as error:
            self.report(domain, right, worked=error.refused.condition not in _BROKEN)
            raise
        self.report(domain, right, worked=True)
        return answer

    def _breaker(self, domain: str, right: Right) -> Breaker:
        return self._breakers.setdefault((domain, right), Breaker(self._clock.monotonic))

    def _pushed(self, stanza: Stanza, reply: Reply) -> None:
        """A roster push (XEP-0356 §4.4): nothing is kept of rosters, but it has to be answered."""
        if not _is_account(stanza.sender) or self._rights.get(stanza.sender.domain) is None:
            raise RefusedError(Refused(Condition.SERVICE_UNAVAILABLE, "The gateway has no roster."))
        reply.result()


def _is_account(jid: Jid) -> bool:
    return bool(jid.local) and not jid.resource
