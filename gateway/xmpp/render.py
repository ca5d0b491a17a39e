"""Templates of the hot stanzas: rooms, messages and their presence, as ready strings.

Measured (research of the field): a stanza object costs 41 to 83 us to build and serialise, these cost about 1 us. Every
parameter named ``*_attr`` is an attribute value that was escaped once, when it became known; texts are escaped here.
"""

from datetime import UTC, datetime
from functools import lru_cache

from gateway.model import Affiliation, Departure, Exit, Hat, Occupant, Role
from gateway.xmpp.text import attribute, escape

MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
MUC_ADMIN = "http://jabber.org/protocol/muc#admin"
MUC_OWNER = "http://jabber.org/protocol/muc#owner"
STANZA_ID = "urn:xmpp:sid:0"
NICK = "http://jabber.org/protocol/nick"
OCCUPANT_ID = "urn:xmpp:occupant-id:0"
HATS = "urn:xmpp:hats:0"

#: XEP-0045 §15.6.2: why somebody left, as status codes.
_EXIT_STATUS: dict[Exit, str] = {
    Exit.KICKED: "<status code='307'/>",
    Exit.BANNED: "<status code='301'/>",
    Exit.LOST: "<status code='333'/>",
    Exit.SHUTDOWN: "<status code='332'/>",
}
#: XEP-0045 §8.2, §9.1: what is left to whom the room has sent away.
_EXIT_AFFILIATION: dict[Exit, Affiliation] = {Exit.KICKED: Affiliation.NONE, Exit.BANNED: Affiliation.OUTCAST}
SELF = "<status code='110'/>"
REAL_ADDRESSES_VISIBLE = "<status code='100'/>"
NICK_CHANGED_BY_SERVICE = "<status code='210'/>"
#: XEP-0045 §10.2.1: what a message of the room holds when its settings changed.
CONFIGURED = f"<x xmlns='{MUC_USER}'><status code='104'/></x>"
#: XEP-0045 §15.6.2: whether what is said is archived from now on.
RECORDED = {
    record: f"<x xmlns='{MUC_USER}'><status code='{code}'/></x>"
    for record, code in ((True, 170), (False, 171))
}


def timestamp(time: float) -> str:
    """XEP-0082 DateTime in UTC, to the millisecond."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def delay(from_attr: str, time: float) -> str:
    """XEP-0203."""
    return f"<delay xmlns='urn:xmpp:delay' from='{from_attr}' stamp='{timestamp(time)}'/>"


def groupchat(
    room_attr: str, resource_attr: str, to_attr: str, id_attr: str, content: str, sid_attr: str
) -> str:
    """A room message from an occupant; ``content`` is ready XML (body and what goes with it)."""
    return (
        f"<message from='{room_attr}/{resource_attr}' to='{to_attr}' type='groupchat' id='{id_attr}'>{content}"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{room_attr}' id='{sid_attr}'/></message>"
    )


def spoken(text: str, occupant: str, files: str = "") -> str:
    """The content of a room message, without what depends on its reader: the body, ready XML about its ``files``, and the
    occupant-id (XEP-0421), if there is one."""
    if not occupant:
        return f"<body>{escape(text)}</body>{files}"
    return f"<body>{escape(text)}</body>{files}<occupant-id xmlns='{OCCUPANT_ID}' id='{occupant}'/>"


def stanza_id(room_attr: str, sid_attr: str) -> str:
    return f"<stanza-id xmlns='{STANZA_ID}' by='{room_attr}' id='{sid_attr}'/>"


def act(room_attr: str, resource_attr: str, to_attr: str, id_attr: str, content: str) -> str:
    """What an occupant does without saying anything, or, without ``resource_attr``, what the room itself does."""
    sender = f"{room_attr}/{resource_attr}" if resource_attr else room_attr
    return f"<message from='{sender}' to='{to_attr}' type='groupchat' id='{id_attr}'>{content}</message>"


def room_note(room_attr: str, to_attr: str, id_attr: str, text: str) -> str:
    """A message of the room itself."""
    return (
        f"<message from='{room_attr}' to='{to_attr}' type='groupchat' id='{id_attr}'>"
        f"<body>{escape(text)}</body></message>"
    )


def subject(room_attr: str, resource_attr: str, to_attr: str, id_attr: str, text: str, extra: str) -> str:
    """XEP-0045 §7.2.15: also an empty subject is sent, it ends the join. ``extra`` is ready XML: when and by whom set."""
    sender = f"{room_attr}/{resource_attr}" if resource_attr else room_attr
    return (
        f"<message from='{sender}' to='{to_attr}' type='groupchat' id='{id_attr}'>"
        f"<subject>{escape(text)}</subject>{extra}</message>"
    )


def occupant_id(id_: str) -> str:
    """XEP-0421; ids are made of letters, digits and hyphens."""
    return f"<occupant-id xmlns='{OCCUPANT_ID}' id='{id_}'/>"


@lru_cache(maxsize=4096)
def hats(worn: tuple[Hat, ...]) -> str:
    """XEP-0317. Many occupants wear the same."""
    if not worn:
        return ""
    inside = "".join(
        f"<hat uri='urn:causeway:hat:{attribute(hat.name)}' title='{attribute(hat.title)}'/>" for hat in worn
    )
    return f"<hats xmlns='{HATS}'>{inside}</hats>"


def standing(occupant: Occupant, real_jid_attr: str, statuses: str, tail: str) -> str:
    """What the presence of an occupant holds; ``real_jid_attr`` where the network shows who it is. ``tail`` is what follows
    the muc#user payload (occupant-id, nick)."""
    jid = f" jid='{real_jid_attr}'" if real_jid_attr else ""
    return (
        f"<x xmlns='{MUC_USER}'><item affiliation='{occupant.affiliation}' role='{occupant.role}'{jid}/>{statuses}</x>"
        f"{tail}"
    )


def oneself(occupant: Occupant, bare_attr: str) -> str:
    """One more item for one's own presence, with one's own address. Converse.js (14) looks for its user by it, and offers no
    moderation to somebody it does not find; it reads the last item, others the first. XEP-0045's schema allows several."""
    return f"<item affiliation='{occupant.affiliation}' role='{occupant.role}' jid='{bare_attr}'/>"


def gone(
    affiliation: Affiliation,
    departure: Departure,
    *,
    statuses: str = "",
    tail: str = "",
    role: Role = Role.NONE,
) -> str:
    """What the presence of somebody who left holds: role none (XEP-0045 §7.14), status codes, actor and reason. ``role`` is
    another one only for a client that goes while its user stays in."""
    inner = f"<actor nick='{attribute(departure.actor)}'/>" if departure.actor else ""
    reason = escape(departure.reason)
    text = f"<status>{reason}</status>" if reason else ""
    if departure.exit in (Exit.KICKED, Exit.BANNED):
        inner += f"<reason>{reason}</reason>" if reason else ""
        text = ""
        affiliation = _EXIT_AFFILIATION[departure.exit]
    return (
        f"{text}<x xmlns='{MUC_USER}'><item affiliation='{affiliation}' role='{role}'>{inner}</item>"
        f"{_EXIT_STATUS.get(departure.exit, '')}{statuses}</x>{tail}"
    )


def available(room_attr: str, resource_attr: str, to_attr: str, content: str) -> str:
    """Presence of an occupant; ``content`` is what ``standing`` made, once for all who see it."""
    return f"<presence from='{room_attr}/{resource_attr}' to='{to_attr}'>{content}</presence>"


def unavailable(room_attr: str, resource_attr: str, to_attr: str, content: str) -> str:
    """Somebody left; ``content`` is what ``gone`` made, once for all who see it."""
    return (
        f"<presence from='{room_attr}/{resource_attr}' to='{to_attr}' type='unavailable'>{content}</presence>"
    )


def renamed(
    room_attr: str,
    resource_attr: str,
    to_attr: str,
    occupant: Occupant,
    new_nick_attr: str,
    statuses: str,
    tail: str,
) -> str:
    """The unavailable half of a nick change (XEP-0045 §7.6): status 303 and the new nick."""
    return (
        f"<presence from='{room_attr}/{resource_attr}' to='{to_attr}' type='unavailable'><x xmlns='{MUC_USER}'>"
        f"<item affiliation='{occupant.affiliation}' role='{occupant.role}' nick='{new_nick_attr}'/>"
        f"<status code='303'/>{statuses}</x>{tail}</presence>"
    )


#: XEP-0280 §9, XEP-0334: for one client alone, which every other gets too, or has no use for.
UNCOPIED = "<no-copy xmlns='urn:xmpp:hints'/><private xmlns='urn:xmpp:carbons:2'/>"
#: Goes with what the gateway's own address, a domain, says to people. Converse.js (14) takes every message of a domain for
#: an announcement of the server, which cannot be answered and hides an open chat, unless this is in it. XEP-0452 has it for
#: services that have something to say to one person; empty, it says nothing to anybody else.
NO_ANNOUNCEMENT = "<mentions xmlns='urn:xmpp:mmn:0'/>"


def chat(from_attr: str, to_attr: str, id_attr: str, text: str, extra: str = "") -> str:
    """A one-to-one message."""
    if "@" not in from_attr:
        extra += NO_ANNOUNCEMENT
    return (
        f"<message from='{from_attr}' to='{to_attr}' type='chat' id='{id_attr}'>"
        f"<body>{escape(text)}</body>{extra}</message>"
    )


def private_act(from_attr: str, to_attr: str, id_attr: str, content: str) -> str:
    """What somebody does in a private chat without saying anything."""
    return f"<message from='{from_attr}' to='{to_attr}' type='chat' id='{id_attr}'>{content}</message>"


def presence(from_attr: str, to_attr: str, type_: str = "", content: str = "", id_: str = "") -> str:
    """A plain presence or subscription stanza; ``type_`` empty for available."""
    kind = f" type='{type_}'" if type_ else ""
    ident = f" id='{attribute(id_)}'" if id_ else ""
    return f"<presence from='{from_attr}' to='{to_attr}'{kind}{ident}>{content}</presence>"
