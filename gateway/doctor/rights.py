"""What the XMPP server lets a component do for its users (XEP-0356), right by right: what it is good for, whether it is
granted, and whether it works, as far as that can be tried without touching anybody's account."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.doctor.patient import Patient
from gateway.doctor.servers import UPLOAD, Matter
from gateway.model import Condition
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.privilege import Right, Rights
from gateway.xmpp.privileges import DEADLINE, ROSTER

#: Whose roster is asked for: nobody's. Servers answer for an account that is not there as for an empty one, or say so.
_NOBODY = "causeway-doctor-nobody"
_FINE = frozenset({Condition.ITEM_NOT_FOUND})


@dataclass(frozen=True, slots=True)
class _Wanted:
    right: Right
    subject: str
    gives: str  # with the right
    without: str


_WANTED = (
    _Wanted(
        Right.ROSTER_GET,
        "right to read contacts",
        "names that users gave their contacts are kept",
        "names cannot be brought into users' contact lists",
    ),
    _Wanted(
        Right.ROSTER_SET,
        "right to change contacts",
        "contacts come into users' lists by themselves, with their names",
        "users are asked about each contact one by one",
    ),
    _Wanted(
        Right.MESSAGE,
        "right to send messages",
        "what users write with other programs of the network is shown as their own",
        'what users write with other programs of the network is shown as "[You wrote elsewhere]"',
    ),
)


def of_rights(patient: Patient) -> list[Examination]:
    if not patient.wire.up:
        return []
    domains = list(patient.wire.privileges.domains) or [patient.place.users]
    return [Examination(f"{patient.name} rights", partial(_rights, patient, each)) for each in domains]


async def _rights(patient: Patient, domain: str) -> AsyncIterator[Finding]:
    rights = patient.wire.privileges.granted(domain)
    lines, where = patient.fix(Matter.RIGHTS, users=domain)
    if rights is None or not rights.described():
        without = "; ".join(each.without for each in _WANTED)
        text = f"{domain} grants no rights for its users (XEP-0356). It works without, but {without}."
        yield Finding(Verdict.NOTE, text, f"{patient.name} rights", lines, where)
        return
    resting = patient.wire.privileges.resting(domain)
    for wanted in _WANTED:
        finding = await _right(patient, domain, rights, wanted, rests=wanted.right in resting)
        if finding.verdict is Verdict.NOTE and not rights.grants(wanted.right):
            yield Finding(finding.verdict, finding.text, finding.subject, lines, where)
            lines = where = ""  # once is enough
        else:
            yield finding
    yield _uploads(patient, domain, rights, lines, where)


async def _right(patient: Patient, domain: str, rights: Rights, wanted: _Wanted, *, rests: bool) -> Finding:
    subject = f"{patient.name} {wanted.subject}"
    kind, met = patient.met.kind, patient.met
    if not rights.grants(wanted.right):
        return Finding(Verdict.NOTE, f"{domain} does not grant it: {wanted.without}.", subject)
    if wanted.right is Right.ROSTER_SET and kind is not None and met.older_than(kind.roster_since):
        since = ".".join(map(str, kind.roster_since))
        return Finding(
            Verdict.NOTE,
            f"{domain} grants it, but {met.title} fails at it (it works from {since}): {wanted.without}.",
            subject,
        )
    if wanted.right is Right.MESSAGE and not rights.carbons:
        return Finding(
            Verdict.NOTE,
            f"{domain} grants it by an old version of the protocol, where such messages do not reach the user's own "
            f"devices, so it is not used: {wanted.without}. A newer version of the server helps.",
            subject,
        )
    if rests:
        return Finding(
            Verdict.FAIL,
            f"{domain} grants it, but it failed several times and is left alone for a while: look into the server's log.",
            subject,
        )
    if wanted.right is Right.ROSTER_GET and (wrong := await _roster_fails(patient, domain)):
        return Finding(
            Verdict.FAIL,
            f"{domain} grants it, but it does not work ({wrong}): look into the server's log.",
            subject,
        )
    return Finding(Verdict.OK, f"{domain} grants it: {wanted.gives}.", subject)


async def _roster_fails(patient: Patient, domain: str) -> str:
    """Why a roster cannot be read; empty if it can."""
    try:
        await patient.wire.iq.request(
            f"{_NOBODY}@{domain}", f"<query xmlns='{ROSTER}'/>", sender=patient.jid, timeout=DEADLINE
        )
    except RefusedError as error:
        return "" if error.refused.condition in _FINE else error.refused.condition.value
    return ""


def _uploads(patient: Patient, domain: str, rights: Rights, lines: str, where: str) -> Finding:
    subject = f"{patient.name} right to upload"
    if "get" in rights.iq.get(UPLOAD, frozenset()):
        return Finding(Verdict.OK, f"{domain} grants it: files count as the user's own.", subject)
    kind, met = patient.met.kind, patient.met
    if kind is not None and met.older_than(kind.iq_since):
        since = ".".join(map(str, kind.iq_since))
        text = f"{met.title} cannot grant it ({since} can); files are uploaded by the gateway itself."
        return Finding(Verdict.OK, text, subject)
    text = f"{domain} does not grant it: files are uploaded by the gateway itself, and count as its own."
    return Finding(Verdict.NOTE, text, subject, lines, where)
