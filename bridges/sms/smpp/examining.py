"""What ``causeway doctor`` finds out about an account with a message centre.

Where the route runs, its connections tell: a second login beside them may be refused, or take messages away from them. Else
it logs in once, for sending only, which takes nothing from anybody, and out again.
"""

from collections.abc import Sequence

from bridges.sms.smpp.binds import Binds
from bridges.sms.smpp.link import Failed, Link
from bridges.sms.smpp.session import Mode
from bridges.sms.smpp.settings import SmppRoute
from bridges.sms.traffic import Seen
from gateway.bridge import Clock, Finding, Verdict
from gateway.bridge.examining import Shown

_SLOW = 2.0  # seconds for a login: with a round trip like that, a window of ten is five texts a second


async def examine(
    name: str, settings: SmppRoute, binds: Binds, seen: Seen, clock: Clock
) -> Sequence[Finding]:
    """``seen`` is what the route says of itself."""
    subject = f"route {name}"
    place = f"{settings.host}:{settings.port_used}"
    if binds.attempts:
        found = _running(subject, place, settings, binds, seen)
        return [*found, _secured(name, place, settings, binds.links[0] if binds.links else None, clock)]
    if not settings.sends:
        text = (
            f"{place} is for receiving only, and a login beside that of the gateway would take its messages: run the doctor "
            "while the gateway runs."
        )
        return [Finding(Verdict.UNKNOWN, text, subject)]
    begun = clock.monotonic()
    try:
        link = await binds.open(f"{name}/doctor", Mode.TRANSMITTER)
    except Failed as failed:
        return [Finding(Verdict.FAIL, f"{failed}.", subject)]
    took = clock.monotonic() - begun
    try:
        secured = _secured(name, place, settings, link, clock)
    finally:
        await link.close()
    text = f"{place} lets {settings.system_id} in, within {took * 1000:.0f} ms."
    if took > _SLOW:
        text = f"{place} lets {settings.system_id} in, but takes {took:.1f} s for that: texts will go out slowly."
        return [Finding(Verdict.NOTE, text, subject), secured]
    return [Finding(Verdict.OK, text, subject), secured]


def _running(subject: str, place: str, settings: SmppRoute, binds: Binds, seen: Seen) -> Sequence[Finding]:
    wanted, bound = len(settings.modes), sum(not link.closed.done() for link in binds.links)
    if not bound:
        text = f"There is no connection with {place}: {seen.detail or 'it is being made'}."
        return [Finding(Verdict.FAIL, text, subject)]
    refused = seen.counts.get("refused", 0)
    counted = f"{seen.counts.get('accepted', 0)} segments taken, {refused} refused, {seen.waiting} waiting"
    if bound < wanted:
        text = (
            f"{bound} of {wanted} connections with {place} are there ({counted}): ask how many the account may have, and "
            "set "
            "`binds`."
        )
        return [Finding(Verdict.NOTE, text, subject)]
    many = f"{bound} connection{'' if bound == 1 else 's'} with {place}"
    return [Finding(Verdict.OK, f"{many}; since the start {counted}.", subject)]


def _secured(name: str, place: str, settings: SmppRoute, link: Link | None, clock: Clock) -> Finding:
    subject = f"tls of route {name}"
    if not settings.secure:
        if settings.local:
            return Finding(Verdict.OK, f"{place} is on this machine, and spoken to without TLS.", subject)
        text = (
            f"{place} is spoken to without TLS: whoever is on the way can read password and texts, if that is no tunnel or "
            "line of your own."
        )
        return Finding(Verdict.NOTE, text, subject)
    shown = Shown.of(link.certificate) if link is not None and link.certificate is not None else None
    if shown is None:
        return Finding(
            Verdict.UNKNOWN, f"There is no connection with {place} that could show a certificate.", subject
        )
    if shown.soon(clock.now()):
        text = f"The certificate of {place} {shown.end(clock.now())}; after that nothing is sent: tell them."
        return Finding(Verdict.NOTE, text, subject)
    return Finding(Verdict.OK, f"The certificate of {place} {shown.end(clock.now())}.", subject)
