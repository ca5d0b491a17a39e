"""How somebody presents themselves, in every form in which clients ask for it: vcard-temp (XEP-0054), vCard4 (XEP-0292),
avatars (XEP-0084, XEP-0153) and nicks (XEP-0172). Rendering only."""

from base64 import b64encode
from dataclasses import dataclass

from gateway.contacts.pictures import SIZE, picture_id
from gateway.model import Picture
from gateway.xmpp.text import attribute, escape
from gateway.xmpp.xml import element, text_element

VCARD = "vcard-temp"
VCARD4 = "urn:ietf:params:xml:ns:vcard-4.0"
UPDATE = "vcard-temp:x:update"
AVATAR_DATA = "urn:xmpp:avatar:data"
AVATAR_METADATA = "urn:xmpp:avatar:metadata"
NICK = "http://jabber.org/protocol/nick"
VCARD4_NODE = "urn:xmpp:vcard4"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT = "http://jabber.org/protocol/pubsub#event"


@dataclass(frozen=True, slots=True)
class Profile:
    """``drawn`` says that the picture is one of ours, of a size that we know."""

    name: str
    picture: Picture
    about: str = ""
    url: str = ""
    telephone: str = ""  # E.164
    drawn: bool = False


def vcard_temp(profile: Profile) -> str:
    picture = profile.picture
    return element(
        "vCard",
        VCARD,
        None,
        text_element("FN", profile.name),
        text_element("NICKNAME", profile.name),
        element(
            "PHOTO",
            "",
            None,
            text_element("TYPE", picture.media_type),
            f"<BINVAL>{b64encode(picture.data).decode()}</BINVAL>",
        ),
        _telephone(profile),
        text_element("URL", profile.url) if profile.url else "",
        text_element("DESC", profile.about) if profile.about else "",
    )


def _telephone(profile: Profile) -> str:
    if not profile.telephone:
        return ""
    return element("TEL", "", None, "<CELL/>", "<MSG/>", text_element("NUMBER", profile.telephone))


def vcard4(profile: Profile) -> str:
    """XEP-0292 and RFC 6351. The picture is left to XEP-0084, as XEP-0292 §4 recommends."""
    note = f"<note><text>{escape(profile.about)}</text></note>" if profile.about else ""
    url = f"<url><uri>{escape(profile.url)}</uri></url>" if profile.url else ""
    # RFC 6351 §5: parameters come before the value; a number is a URI (RFC 3966).
    tel = (
        "<tel><parameters><type><text>text</text><text>cell</text></type></parameters>"
        f"<uri>tel:{escape(profile.telephone)}</uri></tel>"
        if profile.telephone
        else ""
    )
    name = escape(profile.name)
    names = f"<fn><text>{name}</text></fn><nickname><text>{name}</text></nickname>"
    return f"<vcard xmlns='{VCARD4}'>{names}{tel}{url}{note}</vcard>"


def nick(name: str) -> str:
    """XEP-0172."""
    return f"<nick xmlns='{NICK}'>{escape(name)}</nick>"


def update(picture: Picture) -> str:
    """The hash of a picture in presence (XEP-0153 §3.1)."""
    return f"<x xmlns='{UPDATE}'><photo>{picture_id(picture)}</photo></x>"


def items(profile: Profile, node: str) -> tuple[str, str] | None:
    """The one item of a node of personal eventing (XEP-0163): its id and content. None for nodes that nobody here has."""
    picture = profile.picture
    if node == AVATAR_METADATA:
        size = f" width='{SIZE}' height='{SIZE}'" if profile.drawn else ""
        id_ = picture_id(picture)
        info = f"<info bytes='{len(picture.data)}' id='{id_}' type='{attribute(picture.media_type)}'{size}/>"
        return id_, f"<metadata xmlns='{AVATAR_METADATA}'>{info}</metadata>"
    if node == AVATAR_DATA:
        return picture_id(picture), f"<data xmlns='{AVATAR_DATA}'>{b64encode(picture.data).decode()}</data>"
    if node == NICK:
        return "current", nick(profile.name)
    if node == VCARD4_NODE:
        return "current", vcard4(profile)
    return None


def event(profile: Profile, node: str) -> str:
    """``<event/>`` as a personal eventing service would send it (XEP-0163 §4.3); empty for nodes that nobody here has."""
    found = items(profile, node)
    if found is None:
        return ""
    id_, content = found
    return f"<event xmlns='{EVENT}'><items node='{node}'><item id='{id_}'>{content}</item></items></event>"
