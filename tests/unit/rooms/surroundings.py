"""What a room needs around it, written down: for tests of rooms alone."""

import random
from xml.etree.ElementTree import Element, fromstring

from gateway.ids import IdSource
from gateway.model import Affiliation, Message, Occupant, Role, Topic
from gateway.ops.traffic import Traffic
from gateway.rooms.people import Attendee
from gateway.rooms.room import Room
from gateway.rooms.slices import Slices
from gateway.xmpp.text import attribute
from tests.unit.clock import ManualClock

ROOM = "#foo%irc.localhost@gw"
USER = "{http://jabber.org/protocol/muc#user}"


class Surroundings:
    """``RoomContext`` that keeps what is sent."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ids = IdSource(self.clock, random.Random(1))
        self.slices = Slices(self.clock.call_later, lambda: self.congested)
        self.congested = False
        self.traffic = Traffic(self.clock)
        self.sent: list[Element] = []
        self.raw: list[str] = []
        self.kept: list[Element] = []  # those that outlive a lost link
        self.archived = []
        self.acts = []
        self.tombstones = []
        self.epoch = 1

    def stamp(self) -> int:
        return self.epoch

    def send(self, stanza: str, *, keep: bool = False, owned: bool = False) -> bool:
        self.raw.append(stanza)
        self.sent.append(fromstring(stanza))
        if keep:
            self.kept.append(self.sent[-1])
        return True

    def now(self) -> float:
        return self.clock.now()

    def occupant_jid_attr(self, network: str, occupant: Occupant) -> str:
        return (
            attribute(f"{occupant.nick.lower()}%{network}@gw/{occupant.identity}")
            if occupant.identity
            else ""
        )

    def occupant_id(self, network: str, room: str, stable: str) -> str:
        return f"known-{network or 'us'}-{stable.partition('@')[0]}"

    def visitor_id(self, network: str, room: str, seen: str) -> str:
        return f"seen-{seen}"

    def archive(self, room, said, foreign_id) -> None:
        self.archived.append((said, foreign_id))

    def archive_act(self, room, sender, stanza_id, id_, content) -> None:
        self.acts.append((sender, id_, content))

    def unarchive(self, room, stanza_id, tombstone) -> None:
        self.tombstones.append((stanza_id, tombstone))
        self.archived = [each for each in self.archived if each[0].stanza_id != stanza_id]

    def take(self) -> list[Element]:
        taken, self.sent = self.sent, []
        return taken


def client(room: Room, resource: str = "phone", nick: str = "alice", **more) -> Attendee:
    jid = f"alice@localhost/{resource}"
    attendee = Attendee(jid, attribute(jid), "#foo%irc.localhost", attribute(ROOM), nick, **more)
    room.attendees[jid] = attendee
    return attendee


CAROL = Occupant("Carol", Affiliation.ADMIN, Role.MODERATOR, "~carol@host")
ALICE = Occupant("alice")


def statuses(stanza: Element) -> list[str]:
    return [each.get("code") for each in stanza.iter(f"{USER}status")]


def enter(room: Room, *others: Occupant, topic: Topic | None = None) -> None:
    room.entered("alice", [*others, ALICE], topic)


def bodies(around) -> list[str]:
    return [text for each in around.take() if (text := each.findtext("body")) is not None]


def speaking(around, room, *texts: str) -> None:
    for text in texts:
        room.heard(Message("Carol", text))
