"""What is wrong with the link, in one sentence with the fix, and how long to wait before the next try.

Tables from what a connection met (``Trouble``) to what an operator should do, for Prosody, ejabberd and Openfire; and
``probe``, one try for ``causeway check``. Knows no retrying and no stanza.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from enum import StrEnum

from gateway.xmpp.stream import ComponentStream, Connector, Symptom, Trouble, tcp, trouble_of


class LinkState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"  # will come back by itself
    REFUSED = "refused"  # somebody has to change something; tried again all the same, slowly
    CLOSED = "closed"  # by us


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """Where the link stands. ``reason`` is one sentence with the fix, or empty; ``next_try`` Unix seconds."""

    state: LinkState
    reason: str = ""
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds before the second try in a row, and what doubling them never exceeds."""

    first: float
    ceiling: float

    def delay(self, failures: int, rng: random.Random) -> float:
        """Before the next try, after so many failures in a row; jittered by up to half, so that many gateways do
        not come back at the same moment."""
        return min(self.ceiling, self.first * 2.0 ** min(failures - 1, 16)) * rng.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    state: LinkState
    reason: str
    patience: Patience


_SOON = Patience(1.0, 60.0)
_SLOWLY = Patience(60.0, 300.0)
# After a crash of the gateway or its machine the server may hold the old link until it notices: some seconds to minutes.
_CONFLICT = Patience(2.0, 60.0)
# Losing an established link to another gateway: coming back at once would only throw that one out in turn.
_REPLACED = Patience(60.0, 300.0)

_TROUBLES = {
    Symptom.UNRESOLVABLE: "The name {host} of the XMPP server has no address: correct the server's host in the"
    " configuration, or the DNS of this machine.",
    Symptom.CLOSED_PORT: "Nothing listens on {host} port {port}: start the XMPP server and compare the port with its"
    " component port (Prosody: component_ports, 5347 by default, open only once a Component is configured; ejabberd: a"
    " listener with module ejabberd_service; Openfire: External Components, 5275).",
    Symptom.UNREACHABLE: "{host} port {port} cannot be reached{detail}: check host, route and firewall (Prosody listens on"
    " the local machine only, unless component_interfaces says otherwise).",
    Symptom.CONNECT_TIMEOUT: "{host} port {port} does not answer: check host, port and firewall (Prosody listens on the"
    " local machine only, unless component_interfaces says otherwise).",
    Symptom.HANDSHAKE_TIMEOUT: "Something on {host} port {port} takes the connection but does not finish the component"
    " handshake: check that this is the XMPP server's component port (Prosody 5347, Openfire 5275, ejabberd the port of its"
    " ejabberd_service listener), without TLS, and that the server is not stuck.",
    Symptom.FOREIGN: "{host} port {port} is not a component port{detail}: use the XMPP server's component port (Prosody"
    " 5347, Openfire 5275, ejabberd the port of its ejabberd_service listener), not the one for users (5222) or servers"
    " (5269).",
    Symptom.BAD_XML: "The server on {host} port {port} sent bad XML{detail}, so the link was dropped: look for a broken"
    " proxy in between, and report it to the server's developers if it happens again.",
    Symptom.LOST: "The connection to {host} port {port} was lost{detail}: if this goes on, look into the XMPP server's log.",
    Symptom.SILENT: "The server on {host} port {port} has stopped answering, so the link was dropped: look whether the"
    " server or the network is stuck.",
}

_EARLY_END = (
    "{host} port {port} closes the connection before the component handshake{detail}: check that it is the component port,"
    " and look into the XMPP server's log."
)

_CONDITIONS = {
    "not-authorized": "The server does not accept the secret of {jid}: give the same one on both sides (Prosody:"
    ' component_secret under Component "{jid}"; ejabberd: password under hosts of the ejabberd_service listener, which must'
    " list {jid}; Openfire: External Components, the secret of the subdomain).",
    "host-unknown": 'The server does not know the component {jid}: add it there (Prosody: Component "{jid}" with a'
    " component_secret; ejabberd: {jid} under hosts of the ejabberd_service listener; Openfire: allow the subdomain under"
    " External Components) and reload the server, or correct the jid here.",
    "conflict": "The server already has a link for {jid}: stop the other gateway that uses this jid; after a crash the"
    " server lets go of the old link by itself within minutes (Prosody: at once with"
    ' component_conflict_resolve = "kick_old").',
    "invalid-namespace": "{host} port {port} speaks XMPP but does not take components: use the component port (Prosody 5347,"
    " Openfire 5275, ejabberd the port of its ejabberd_service listener), not the one for users (5222) or servers (5269).",
    "internal-server-error": "The server failed to set up the component {jid}{detail}: look into its log (Openfire: give the"
    " subdomain a secret under External Components).",
    "policy-violation": "A rule of the server forbids the link of {jid}{detail}: look into the server's log for the rule"
    " (ejabberd: access and max_stanza_size of the ejabberd_service listener; Prosody: component_stanza_size_limit).",
    "see-other-host": "The server on {host} port {port} sends components elsewhere{detail}: connect to the host it names.",
    "host-gone": "The server no longer serves {jid}: add the component again there, or correct the jid here.",
}
# The same element under other names, by server and by layer.
_CONDITIONS |= {
    "improper-addressing": _CONDITIONS["host-unknown"],
    "not-allowed": _CONDITIONS["policy-violation"],
    "bad-namespace-prefix": _CONDITIONS["invalid-namespace"],
    "unsupported-version": _CONDITIONS["invalid-namespace"],
}

_REPLACED_BY = "Another gateway has taken the link of {jid} over: stop one of the two, or give each its own jid and secret."
_ENDED = "The server on {host} port {port} ended the link with {condition}{detail}; it is tried again."


def diagnose(trouble: Trouble, *, jid: str, host: str, port: int) -> Diagnosis:
    """What ``trouble`` means for the link of ``jid`` to ``host``. Total."""
    words = {
        "jid": jid,
        "host": host,
        "port": port,
        "condition": trouble.condition,
        "detail": f" ({trouble.text})" if trouble.text else "",
    }
    if trouble.symptom is not Symptom.STREAM_ERROR:
        early = trouble.symptom is Symptom.LOST and not trouble.up
        state = LinkState.REFUSED if trouble.symptom is Symptom.FOREIGN else LinkState.DOWN
        template = _EARLY_END if early else _TROUBLES[trouble.symptom]
        return Diagnosis(state, template.format(**words), _SLOWLY if state is LinkState.REFUSED else _SOON)
    if trouble.condition == "conflict":
        if trouble.up:
            return Diagnosis(LinkState.REFUSED, _REPLACED_BY.format(**words), _REPLACED)
        return Diagnosis(LinkState.REFUSED, _CONDITIONS["conflict"].format(**words), _CONFLICT)
    # What the server objects to after it has accepted us is the moment's trouble, not the configuration's.
    fix = None if trouble.up else _CONDITIONS.get(trouble.condition)
    if fix is None:
        return Diagnosis(LinkState.DOWN, _ENDED.format(**words), _SOON)
    return Diagnosis(LinkState.REFUSED, fix.format(**words), _SLOWLY)


async def probe(
    jid: str, secret: str, host: str, port: int, *, timeout: float = 10.0, connect: Connector = tcp
) -> LinkStatus:
    """Try the link once, up to the handshake, and hang up. UP means that it works; else ``reason`` is the sentence.
    On servers that accept a second link (ejabberd), a running gateway may miss what arrives during the few milliseconds."""
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stream = ComponentStream(
        jid,
        secret,
        monotonic=time.monotonic,
        on_up=lambda: up.set_result(None),
        on_stanza=lambda element: None,  # not ours to answer: we are gone in a moment
        on_writable=lambda writable: None,
    )
    trouble: Trouble | None = None
    try:
        async with asyncio.timeout(timeout):
            await connect(lambda: stream, host, port)
            futures: set[asyncio.Future[Trouble] | asyncio.Future[None]] = {up, stream.ended}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        trouble = Trouble(Symptom.CONNECT_TIMEOUT if stream.transport is None else Symptom.HANDSHAKE_TIMEOUT)
    except (OSError, UnicodeError) as error:
        trouble = trouble_of(error)
    finally:
        if stream.transport is not None:
            stream.write(stream.stream_footer.encode())
            await asyncio.wait({stream.ended}, timeout=1.0)
            stream.abort()
            await stream.ended
    if up.done():
        return LinkStatus(LinkState.UP, f"The server on {host} port {port} accepts {jid}.")
    diagnosis = diagnose(trouble or stream.ended.result(), jid=jid, host=host, port=port)
    return LinkStatus(diagnosis.state, diagnosis.reason)
