"""One message to several people of ours (XEP-0033): who they are, by what the client wrote."""

from gateway.bridge import BadAddress, Capabilities
from gateway.model import Address, AddressKind, Condition, Refused
from gateway.xmpp.addressbook import AddressBook
from gateway.xmpp.errors import RefusedError
from gateway.xmpp.stanza import Stanza, parse_jid

ADDRESS = "http://jabber.org/protocol/address"

_MOST = 50  # XEP-0033 §10: a limit there has to be
_RECEIVING = frozenset({"to", "cc"})

_TOO_MANY = Refused(Condition.NOT_ACCEPTABLE, f"A message can have {_MOST} recipients at most.")
_BLIND = Refused(
    Condition.NOT_ACCEPTABLE,
    "Everybody in a group sees who else is in it: blind copies (bcc) cannot be sent.",
)
_OTHERS = Refused(
    Condition.FORBIDDEN,
    "This gateway passes messages on to people on its own network only, by their addresses here.",
)


def features(can: Capabilities) -> frozenset[str]:
    """What the gateway itself announces (XEP-0033 §2)."""
    return frozenset({ADDRESS}) if can.together else frozenset()


def recipients(stanza: Stanza, book: AddressBook) -> list[Address] | None:
    """Contacts that a message to the gateway itself is for, each once; None if it has no addresses. Raises
    ``RefusedError``."""
    header = stanza.child("addresses", ADDRESS)
    if header is None:
        return None
    found: dict[Address, None] = {}
    for each in header.findall(f"{{{ADDRESS}}}address"):
        if each.get("type") == "bcc":
            raise RefusedError(_BLIND)
        if each.get("type") not in _RECEIVING or each.get("delivered") == "true":
            continue
        found[_contact(each.get("jid") or "", book)] = None
        if len(found) > _MOST:
            raise RefusedError(_TOO_MANY)
    return list(found) or None


def _contact(text: str, book: AddressBook) -> Address:
    jid = parse_jid(text)
    if jid.domain != book.jid or not jid.local:
        raise RefusedError(_OTHERS)
    try:
        address = book.address(jid.local)
    except BadAddress as error:
        raise RefusedError(Refused(Condition.JID_MALFORMED, str(error))) from error
    if address.kind is not AddressKind.CONTACT:
        raise RefusedError(_OTHERS)
    return address
