"""Entries of the network's lists as addresses: a ban is of a mask, XEP-0045 wants a JID, and clients send it back.

A mask is spelled so that no server or client on the way changes it, capital letters too, in the local part of an address
of ours. It names nobody: what is written to it is answered as for any address that cannot be.
"""

import re

from gateway.addressing import escape, nick_for, stable_local, unescape

_READS_AS_BYTE = re.compile(r"\\(?=x[0-9a-f]{2})")
_LEFT_TO_XEP_0106 = frozenset(" \"&'/:<>@\\")


def mask_jid(mask: str, domain: str) -> str:
    """The address that stands for ``mask``."""
    text = _READS_AS_BYTE.sub(r"\\x5c", mask)
    spelled = "".join(
        char if char in _LEFT_TO_XEP_0106 or stable_local(char) else _bytes_of(char) for char in text
    )
    return f"{escape(spelled.strip(' '))}@{domain}"


def mask_of(local: str) -> str:
    """The mask that the (escaped) local part of an address stands for. Total."""
    return nick_for(unescape(local))


def _bytes_of(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
