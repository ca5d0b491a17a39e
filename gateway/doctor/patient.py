"""One component as a doctor sees it: its wire, its name, and the server behind."""

from dataclasses import dataclass, replace

from gateway.doctor.servers import Matter, Met, Place, above, recognised, remedy, users_of
from gateway.doctor.wire import Wire
from gateway.xmpp.basics import VERSION
from gateway.xmpp.disco import INFO
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import parse_jid

_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Patient:
    """``name`` is that of ``[bridges.NAME]``; ``host`` and ``port`` are where the server takes components, ``place`` is what
    lines for it are about, ``met`` the server."""

    name: str
    wire: Wire
    host: str
    port: int
    place: Place
    met: Met
    upload_service: str = ""  # that the operator named
    uploads: bool = True

    @property
    def jid(self) -> str:
        return self.wire.jid

    def fix(self, matter: Matter, *, users: str = "", upload: str = "") -> tuple[str, str]:
        """See ``servers.remedy``; for other users than the likeliest, and the upload service that is known."""
        place = replace(self.place, version=self.met.version, users=users or self.place.users, upload=upload)
        return remedy(self.met, matter, place)


async def met(wire: Wire) -> tuple[Met, str]:
    """The server behind a wire that is up, and the domain of its users: by its version (XEP-0092), or the name in its
    service discovery, which servers tell even with the module for versions switched off."""
    domains = dict.fromkeys([*wire.privileges.domains, *above(wire.jid)])
    for domain in domains:
        if not parse_jid(domain).local and (name := await _identity(wire, domain)) is not None:
            version = await _version(wire, domain)
            return recognised(*(version or (name, ""))), domain
    return Met(), users_of(wire.jid)


async def _identity(wire: Wire, domain: str) -> str | None:
    """What a server for users is called; None if there is none at ``domain``."""
    try:
        answer = await wire.iq.request(domain, f"<query xmlns='{INFO}'/>", sender=wire.jid, timeout=_DEADLINE)
    except RefusedError:
        return None
    for identity in answer.iterfind(f"{{{INFO}}}query/{{{INFO}}}identity"):
        if identity.get("category") == "server":
            return identity.get("name") or ""
    return None


async def _version(wire: Wire, domain: str) -> tuple[str, str] | None:
    try:
        answer = await wire.iq.request(
            domain, f"<query xmlns='{VERSION}'/>", sender=wire.jid, timeout=_DEADLINE
        )
    except RefusedError:
        return None
    name = answer.findtext(f"{{{VERSION}}}query/{{{VERSION}}}name") or ""
    return (name, answer.findtext(f"{{{VERSION}}}query/{{{VERSION}}}version") or "") if name else None
