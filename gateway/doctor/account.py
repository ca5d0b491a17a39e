"""What only an account can show: whether what the gateway sends reaches all devices of a user and the archive, and whether
changes of the contact list reach them. Tried on an account that the operator lends, and cleaned up; without one, it is said
what the server announces (``announced``).
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from xml.etree.ElementTree import Element

from gateway.bridge import Clock, Finding, MediaError, Verdict
from gateway.bridge.examining import Examination
from gateway.doctor.announced import CARBONS, of_announced
from gateway.doctor.device import CannotLogIn, Device, logged_in
from gateway.doctor.link import SLOT
from gateway.doctor.patient import Patient
from gateway.doctor.servers import UPLOAD
from gateway.ops.desk import Login
from gateway.xmpp.elsewhere import MARK
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.mam import MAM
from gateway.xmpp.privilege import Right, Rights, privileged_message
from gateway.xmpp.privileges import DEADLINE, ROSTER
from gateway.xmpp.roster import RosterItem, render_item
from gateway.xmpp.stanza import parse_jid
from gateway.xmpp.text import attribute
from gateway.xmpp.upload import UploadServices, UserSlots

_WAIT = 5.0  # seconds for something to arrive
_TRIES = 5  # looks into the archive: some servers write it a moment later
_NAME = "causeway-doctor"
_TEXT = "This is a test by “causeway doctor”; nothing has to be done about it."


def of_account(patient: Patient, login: Login | None, clock: Clock) -> list[Examination]:
    if not patient.wire.up:
        return []
    if login is None:
        return of_announced(patient)
    return [Examination(f"{patient.name} account", lambda: _tried(patient, login, clock), 90.0)]


async def _tried(patient: Patient, login: Login, clock: Clock) -> AsyncIterator[Finding]:
    try:
        async with AsyncExitStack() as stack:
            devices = [
                await stack.enter_async_context(logged_in(login, f"{_NAME}-{secrets.token_hex(4)}"))
                for _ in range(2)
            ]
            for device in devices:
                device.send(f"<iq type='set' id='carbons'><enable xmlns='{CARBONS}'/></iq>")
                # Only who has asked for the contact list is told of changes (RFC 6121 §2.1.6).
                device.send(f"<iq type='get' id='contacts'><query xmlns='{ROSTER}'/></iq>")
                device.send("<presence><priority>0</priority></presence>")
                # Its own presence comes back when it is there.
                await device.hears(partial(_is_presence, device.jid), _WAIT)
            trial = _Trial(patient, parse_jid(login.jid).bare, devices, clock)
            async for finding in trial.all():
                yield finding
    except CannotLogIn as error:
        yield Finding(Verdict.FAIL, str(error))


def _is_presence(sender: str, element: Element) -> bool:
    return element.tag.endswith("}presence") and element.get("from") == sender


def _says(nonce: str, element: Element) -> bool:
    return element.tag.endswith("}message") and any(nonce in text for text in element.itertext())


class _Trial:
    """``user`` is the account's bare JID; ``devices`` are there, with carbons enabled."""

    def __init__(self, patient: Patient, user: str, devices: list[Device], clock: Clock) -> None:
        self._patient = patient
        self._user = user
        self._devices = devices
        self._clock = clock
        self._domain = parse_jid(user).domain
        self._rights = patient.wire.privileges.granted(self._domain) or Rights()

    async def all(self) -> AsyncIterator[Finding]:
        async for finding in self._message():
            yield finding
        async for finding in self._as_user():
            yield finding
        if self._rights.grants(Right.ROSTER_SET):
            yield await self._roster()
        if "get" in self._rights.iq.get(UPLOAD, frozenset()):
            yield await self._upload()

    def _finding(self, verdict: Verdict, subject: str, text: str) -> Finding:
        return Finding(verdict, text, f"{self._patient.name} {subject}")

    # -- messages ----------------------------------------------------------------------------------------------

    async def _message(self) -> AsyncIterator[Finding]:
        nonce = secrets.token_hex(8)
        jid = self._patient.jid
        self._patient.wire.send(
            f"<message from='{attribute(jid)}' to='{attribute(self._user)}' type='chat' id='doctor-{nonce}'>"
            f"<body>{_TEXT} ({nonce})</body></message>"
        )
        reached = await self._reached(nonce)
        if reached == len(self._devices):
            yield self._finding(Verdict.OK, "carbons", "Messages of the gateway reach all devices of a user.")
        else:
            yield self._finding(
                Verdict.FAIL,
                "carbons",
                f"A message of the gateway reached {reached} of {len(self._devices)} devices: turn on message carbons "
                "(Prosody: carbons; ejabberd: mod_carboncopy).",
            )
        yield await self._archived(
            "archive", nonce, jid, "Messages of the gateway are in the user's archive."
        )

    async def _as_user(self) -> AsyncIterator[Finding]:
        """A message to one of our own addresses in the user's name; by its id the gateway knows that nobody is to get it."""
        if not self._rights.carbons:
            return  # it is not used then, and said of the right
        nonce = secrets.token_hex(8)
        wire, contact = self._patient.wire, f"{_NAME}@{self._patient.jid}"
        id_ = f"{MARK}doctor-{nonce}"
        inner = (
            f"<message xmlns='jabber:client' from='{attribute(self._user)}' to='{attribute(contact)}' type='chat' "
            f"id='{id_}'><body>{_TEXT} ({nonce})</body></message>"
        )
        wire.send(
            f"<message from='{attribute(wire.jid)}' to='{attribute(self._domain)}' id='{id_}'>"
            f"{privileged_message(self._rights, inner)}</message>"
        )
        reached = await self._reached(nonce)
        if reached == len(self._devices):
            text = "What is sent in a user's name reaches the user's devices."
            yield self._finding(Verdict.OK, "messages as user", text)
        else:
            yield self._finding(
                Verdict.NOTE,
                "messages as user",
                f"What is sent in a user's name reached {reached} of {len(self._devices)} devices of the user. A newer "
                "version of the server helps; until then it is shown marked.",
            )
        yield await self._archived(
            "archive as user", nonce, contact, "What is sent in a user's name is in the user's archive."
        )

    async def _reached(self, nonce: str) -> int:
        heard = [await each.hears(partial(_says, nonce), _WAIT) for each in self._devices]
        return sum(each is not None for each in heard)

    async def _archived(self, subject: str, nonce: str, peer: str, well: str) -> Finding:
        device = self._devices[0]
        for number in range(_TRIES):
            id_ = f"mam-{nonce}-{number}"
            device.send(_query(id_, peer))
            answer = await device.hears(partial(_answers, id_), _WAIT)
            if answer is None or answer.get("type") == "error":
                text = f"{self._domain} keeps no archive for its users (Prosody: mam; ejabberd: mod_mam)."
                return self._finding(Verdict.NOTE, subject, text)
            # What was found came before the answer.
            if any(each.find(f"{{{MAM}}}result") is not None and _says(nonce, each) for each in device.heard):
                return self._finding(Verdict.OK, subject, well)
            await self._clock.sleep(0.3)
        text = f"A message was not in the archive of {self._user}: look at what its server archives for whom."
        return self._finding(Verdict.NOTE, subject, text)

    # -- contacts and files ------------------------------------------------------------------------------------

    async def _roster(self) -> Finding:
        contact = f"{_NAME}@{self._patient.jid}"
        try:
            await self._set(RosterItem(contact, "Causeway Doctor"))
            heard = [await each.hears(partial(_pushes, contact), _WAIT) for each in self._devices]
        except RefusedError as error:
            return self._finding(
                Verdict.NOTE,
                "roster push",
                f"Contacts cannot be changed, although {self._domain} allows it ({error.refused.condition.value}).",
            )
        finally:
            await self._removed(contact)
        if all(each is not None for each in heard):
            return self._finding(Verdict.OK, "roster push", "Changed contacts reach the user's devices.")
        text = "Changed contacts do not reach the user's devices before they log in again: look into the server's log."
        return self._finding(Verdict.FAIL, "roster push", text)

    async def _removed(self, contact: str) -> None:
        """The account as it was, by whoever can."""
        self._devices[0].send(
            f"<iq type='set' id='clean-up'><query xmlns='{ROSTER}'><item jid='{attribute(contact)}' "
            "subscription='remove'/></query></iq>"
        )
        await self._devices[0].hears(partial(_answers, "clean-up"), _WAIT)

    async def _set(self, item: RosterItem) -> None:
        payload = f"<query xmlns='{ROSTER}'>{render_item(item)}</query>"
        wire = self._patient.wire
        await wire.iq.request(self._user, payload, sender=wire.jid, timeout=DEADLINE, type="set")

    async def _upload(self) -> Finding:
        wire = self._patient.wire
        services = UploadServices(wire.jid, wire.iq, self._clock)
        try:
            await UserSlots(services, wire.privileges).slot(SLOT, self._user)
        except MediaError as error:
            text = f"No place for a file in the user's name: {error.refused.text}"
            return self._finding(Verdict.NOTE, "upload as user", text)
        return self._finding(Verdict.OK, "upload as user", "Files can be uploaded in the user's name.")


def _pushes(contact: str, element: Element) -> bool:
    """Whether it is a roster push that adds a contact."""
    return element.get("type") == "set" and any(
        item.get("jid") == contact and item.get("subscription") != "remove"
        for item in element.iterfind(f"{{{ROSTER}}}query/{{{ROSTER}}}item")
    )


def _answers(id_: str, element: Element) -> bool:
    return element.get("id") == id_


def _query(id_: str, peer: str) -> str:
    return (
        f"<iq type='set' id='{id_}'><query xmlns='{MAM}' queryid='{id_}'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>"
        f"<field var='with'><value>{attribute(peer)}</value></field></x>"
        "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set></query></iq>"
    )
