"""What is tried at the XMPP server for every component: the link, whether it is alone, what fits through it, files,
the clock."""

from collections.abc import AsyncIterator
from pathlib import Path

from gateway.bridge import Blob, Clock, Finding, MediaError, Verdict
from gateway.bridge.examining import Examination
from gateway.doctor.knock import LARGEST, fitting, knock
from gateway.doctor.patient import Patient
from gateway.doctor.servers import Matter
from gateway.media.refusals import refused
from gateway.model import Condition
from gateway.xmpp.basics import TIME
from gateway.xmpp.datetimes import moment
from gateway.xmpp.diagnosis import diagnose
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stream import Symptom, Trouble
from gateway.xmpp.upload import ComponentSlots, Service, UploadServices

#: Seconds that two clocks may be apart.
_APART = 30.0
#: What a server that answers a knock so does not know.
_TOLD = {"host-unknown": Matter.COMPONENT, "not-authorized": Matter.SECRET}
#: A file that is asked a place for, and never sent.
SLOT = Blob(Path("causeway-doctor.txt"), "causeway-doctor.txt", "text/plain", 1, "")


def of_link(patient: Patient, clock: Clock) -> list[Examination]:
    name = patient.name
    found = [
        Examination(f"{name} link", lambda: _link(patient)),
        Examination(f"{name} second gateway", lambda: _alone(patient)),
        Examination(f"{name} stanza size", lambda: _size(patient)),
    ]
    if patient.wire.up:
        found.append(Examination(f"{name} server clock", lambda: _clock(patient, clock)))
        if patient.uploads:
            found.append(Examination(f"{name} upload", lambda: _upload(patient, clock)))
    return found


async def _link(patient: Patient) -> AsyncIterator[Finding]:
    own = patient.wire.own
    if own.state == "up":
        server = f" ({patient.met.title})" if patient.met.title else ""
        yield Finding(
            Verdict.OK,
            f"{patient.host} port {patient.port}{server} accepts {patient.jid}.",
        )
        return
    text = own.reason or "The link is not up yet: try again in a moment."
    matter = await _lacking(patient)
    lines, where = patient.fix(matter) if matter is not None else ("", "")
    yield Finding(Verdict.FAIL, text, "", lines, where)


async def _lacking(patient: Patient) -> Matter | None:
    """What the server has to be told so that it lets us in; None if that would not help."""
    jid, host, port = patient.jid, patient.host, patient.port
    conflict = diagnose(Trouble(Symptom.STREAM_ERROR, condition="conflict"), jid=jid, host=host, port=port)
    if patient.wire.own.reason == conflict.reason:
        return None
    try:
        answer = await knock(jid, host, port)
    except ConnectionRefusedError:
        return Matter.COMPONENT
    except (OSError, TimeoutError):
        return None
    return _TOLD.get(answer.condition)


async def _alone(patient: Patient) -> AsyncIterator[Finding]:
    if patient.wire.own.state != "up":
        yield Finding(Verdict.UNKNOWN, "Without a link nobody can tell.")
    elif patient.wire.alone:
        yield Finding(Verdict.OK, f"Nobody else is connected as {patient.jid}.")
    else:
        yield Finding(
            Verdict.FAIL,
            f"Another gateway is connected as {patient.jid} and the server shares the traffic between the two, so each "
            "loses a part of it: stop one of them, or give each its own jid and secret. If it is this gateway that is "
            "running, and its control socket was not found, ask as the gateway's user and with its configuration.",
        )


async def _size(patient: Patient) -> AsyncIterator[Finding]:
    try:
        fits = await fitting(patient.jid, patient.host, patient.port)
    except (OSError, TimeoutError):
        fits = None
    if fits is None:
        yield Finding(Verdict.UNKNOWN, "The server does not say what it would take.")
    elif fits >= LARGEST:
        yield Finding(
            Verdict.OK, f"The server takes stanzas of {LARGEST // 1024} KiB, and no larger ones are sent."
        )
    else:
        lines, where = patient.fix(Matter.SIZE)
        yield Finding(
            Verdict.FAIL,
            f"The server takes stanzas of {fits // 1024} KiB only, and drops the whole link when a larger one comes: allow "
            f"{LARGEST // 1024} KiB at least.",
            "",
            lines,
            where,
        )


async def _clock(patient: Patient, clock: Clock) -> AsyncIterator[Finding]:
    before = clock.now()
    try:
        answer = await patient.wire.iq.request(
            patient.place.users, f"<time xmlns='{TIME}'/>", sender=patient.jid, timeout=5.0
        )
    except RefusedError:
        yield Finding(Verdict.OK, "Nothing to compare with: the server does not tell its time.")
        return
    after = clock.now()
    theirs = moment(answer.findtext(f"{{{TIME}}}time/{{{TIME}}}utc"))
    if theirs is None:
        yield Finding(Verdict.UNKNOWN, "The server tells a time that is none.")
        return
    apart = max(before - theirs - 1, theirs - after, 0.0)  # it tells whole seconds
    if apart <= _APART:
        yield Finding(Verdict.OK, "It is the same time here and at the XMPP server.")
    else:
        yield Finding(
            Verdict.FAIL,
            f"The clocks here and at the XMPP server are {apart:.0f} seconds apart, so histories come in the wrong order: "
            "keep both right by NTP (`timedatectl set-ntp true`).",
        )


async def _upload(patient: Patient, clock: Clock) -> AsyncIterator[Finding]:
    services = UploadServices(patient.jid, patient.wire.iq, clock)
    slots = ComponentSlots(patient.jid, services, patient.wire.iq, clock, patient.upload_service)
    try:
        service = await _service(slots, services, patient)
    except MediaError as error:
        yield Finding(
            Verdict.NOTE,
            f"Files from the other network cannot be put on the XMPP server: {error.refused.text} Turn on its "
            "mod_http_file_share (Prosody) or mod_http_upload (ejabberd), or set [web] and media.give_out.",
        )
        return
    size = f", files up to {service.most / 1e6:g} MB" if service.most is not None else ""
    try:
        await slots.slot(SLOT, "")
    except MediaError as error:
        lines, where = patient.fix(Matter.UPLOAD, upload=service.jid)
        yield Finding(
            Verdict.FAIL,
            f"{service.jid} gives {patient.jid} no place for files, so pictures from the other network do not arrive: "
            f"{error.refused.text}",
            "",
            lines,
            where,
        )
        return
    yield Finding(Verdict.OK, f"{service.jid} gives {patient.jid} places for files{size}.")


async def _service(slots: ComponentSlots, services: UploadServices, patient: Patient) -> Service:
    if not patient.upload_service:
        return await slots.service()
    found = await services.examine(patient.upload_service)
    if found is None:
        raise refused(
            f"{patient.upload_service} does not answer as an upload service (media.upload_service).",
            Condition.ITEM_NOT_FOUND,
        )
    return found
