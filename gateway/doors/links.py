"""``xmpp:`` links (RFC 5122, XEP-0147) that open a door in clients which follow them."""

from urllib.parse import quote

from gateway.xmpp.errors import xmpp_uri


def command(jid: str, node: str) -> str:
    """Runs a command (XEP-0050 §7)."""
    return f"{xmpp_uri(jid)}?command;node={quote(node, safe='')};action=execute"


def join(jid: str) -> str:
    """Opens a room (XEP-0045 §16.2.1)."""
    return f"{xmpp_uri(jid)}?join"


def message(jid: str, body: str = "") -> str:
    """Opens a chat, with ``body`` ready to be sent (XEP-0147 §3.1)."""
    return f"{xmpp_uri(jid)}?message" + (f";body={quote(body, safe='')}" if body else "")
