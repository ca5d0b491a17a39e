"""What can be known of users' devices and archives without an account: what their server announces (XEP-0030). Archives are
announced at the server (ejabberd) or at the address of each user, and there to contacts only (Prosody). So it is asked about
users who let the gateway see them: the server answers for them, and neither they nor their devices hear of it.
"""

from collections.abc import AsyncIterator

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.doctor.patient import Patient
from gateway.xmpp.disco import INFO
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.mam import MAM
from gateway.xmpp.stanza import parse_jid

CARBONS = "urn:xmpp:carbons:2"
_ASKED = 3  # users whose server is asked
_SECONDS = 5.0


def of_announced(patient: Patient) -> list[Examination]:
    return [
        Examination(f"{patient.name} carbons", lambda: _carbons(patient)),
        Examination(f"{patient.name} archive", lambda: _archive(patient)),
    ]


def _trying(patient: Patient) -> str:
    return f"`causeway doctor --as ACCOUNT@{patient.place.users}`"


async def _carbons(patient: Patient) -> AsyncIterator[Finding]:
    users = patient.place.users
    features = await _features(patient, users)
    if features is None:
        text = f"{users} does not say; {_trying(patient)} tries it with an account that you lend."
        yield Finding(Verdict.UNKNOWN, text)
    elif CARBONS in features:
        text = (
            f"{users} passes messages on to all devices of a user, as it says; {_trying(patient)} tries it."
        )
        yield Finding(Verdict.OK, text)
    else:
        text = (
            f"{users} says nothing of message carbons, so messages reach one device of a user: turn them on (Prosody: "
            f"carbons; ejabberd: mod_carboncopy). {_trying(patient)} tries it."
        )
        yield Finding(Verdict.NOTE, text)


async def _archive(patient: Patient) -> AsyncIterator[Finding]:
    users = patient.place.users
    known = [each for each in patient.wire.contacts if parse_jid(each).domain == users][:_ASKED]
    told = [features for each in (users, *known) if (features := await _features(patient, each)) is not None]
    if any(MAM in features for features in told):
        text = f"{users} keeps archives for its users, as it says; {_trying(patient)} tries it."
        yield Finding(Verdict.OK, text)
        return
    if len(told) > 1:  # somebody's own were among them
        text = (
            f"{users} keeps no archive for its users, so a device that was away misses what came meanwhile: turn it on "
            "(Prosody: mam; ejabberd: mod_mam)."
        )
        yield Finding(Verdict.NOTE, text)
        return
    why = "and no user there has the gateway for a contact" if patient.wire.live else "and no gateway runs"
    text = f"{users} tells contacts of its users only, {why}: {_trying(patient)} answers it, with an account that you lend."
    yield Finding(Verdict.UNKNOWN, text)


async def _features(patient: Patient, jid: str) -> frozenset[str] | None:
    """What is announced at ``jid``; None if that is not told."""
    try:
        answer = await patient.wire.iq.request(
            jid, f"<query xmlns='{INFO}'/>", sender=patient.jid, timeout=_SECONDS
        )
    except RefusedError:
        return None
    return frozenset(each.get("var", "") for each in answer.iterfind(f"{{{INFO}}}query/{{{INFO}}}feature"))
