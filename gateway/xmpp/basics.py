"""The small services every address of a gateway offers: ping, version, time. Handlers for the router; what
each address may say is decided by whoever registers them.
"""

from datetime import UTC, datetime

from gateway.bridge import Clock
from gateway.xmpp.router import Reply, RequestHandler
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.xml import element, text_element

PING = "urn:xmpp:ping"
VERSION = "jabber:iq:version"
TIME = "urn:xmpp:time"


def ping(stanza: Stanza, reply: Reply) -> None:
    """XEP-0199 §4: an empty result."""
    reply.result()


def version(name: str, number: str, system: str = "") -> RequestHandler:
    """A handler that answers XEP-0092; ``system`` is left out if empty (§5: it may tell more than one wants
    to)."""
    payload = element(
        "query",
        VERSION,
        None,
        text_element("name", name),
        text_element("version", number),
        text_element("os", system) if system else "",
    )

    def answer(stanza: Stanza, reply: Reply) -> None:
        reply.result(payload)

    return answer


def time(clock: Clock) -> RequestHandler:
    """A handler that answers XEP-0202, in UTC: where a gateway stands means nothing to those it serves."""

    def answer(stanza: Stanza, reply: Reply) -> None:
        now = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        reply.result(element("time", TIME, None, "<tzo>+00:00</tzo>", text_element("utc", now)))

    return answer
