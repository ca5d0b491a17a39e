"""What the world's DNS says of a component's name. Users of its own server need none; those of other servers do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiodns

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.doctor.patient import Patient

#: Names that no public DNS has.
_PRIVATE = (".localhost", ".local", ".internal", ".test", ".example", ".invalid", ".lan", ".home.arpa")
_SERVICE = "_xmpp-server._tcp."

#: Whether a name has records of a type ("SRV", "A", "AAAA"). Raises ``Unanswered``.
Ask = Callable[[str, str], Awaitable[bool]]


class Unanswered(Exception):
    """The DNS did not say."""


def of_names(patient: Patient, ask: Ask) -> list[Examination]:
    return [Examination(f"{patient.name} dns", lambda: _names(patient, ask))]


async def _names(patient: Patient, ask: Ask) -> AsyncIterator[Finding]:
    jid = patient.jid
    if "." not in jid or jid.endswith(_PRIVATE):
        yield Finding(Verdict.OK, f"{jid} is a name for users of this server only.")
        return
    try:
        for name, kind in ((_SERVICE + jid, "SRV"), (jid, "A"), (jid, "AAAA")):
            if await ask(name, kind):
                yield Finding(Verdict.OK, f"Users of other servers find {jid} (it has {kind} records).")
                return
    except Unanswered:
        yield Finding(Verdict.UNKNOWN, f"The DNS did not answer when asked for {jid}.")
        return
    yield Finding(
        Verdict.NOTE,
        f"{jid} is not in the DNS, so only users of its own XMPP server can use it. If that is what you want, all is well.",
        "",
        f"{_SERVICE}{jid}. 3600 IN SRV 0 5 5269 {patient.place.users}.\n",
        f"the DNS zone of {patient.place.users}",
    )


@dataclass(frozen=True, slots=True)
class SystemDns:
    """``Ask`` by the machine's resolvers, or by ``server`` (an address and a port); ``seconds`` for each of two tries."""

    server: tuple[str, int] | None = None
    seconds: float = 3.0

    async def __call__(self, name: str, kind: str) -> bool:
        if self.server is None:
            resolver = aiodns.DNSResolver(timeout=self.seconds, tries=2)
        else:
            address, port = self.server
            resolver = aiodns.DNSResolver(
                [address], timeout=self.seconds, tries=2, udp_port=port, tcp_port=port
            )
        try:
            return bool((await resolver.query_dns(name, kind)).answer)
        except aiodns.error.DNSError as error:
            if error.args and error.args[0] in _NOTHING:
                return False
            raise Unanswered from error
        finally:
            await resolver.close()


#: Of c-ares: the name is not there, or has no such records.
_NOTHING = (aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA)
