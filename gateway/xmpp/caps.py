"""Entity capabilities (XEP-0115): what an address offers, as a hash in its presence.

Computes only for our own answers; what clients announce is not looked at here.
"""

from base64 import b64encode
from collections.abc import Awaitable
from functools import lru_cache
from hashlib import sha1
from inspect import isawaitable

from gateway.xmpp.disco import DiscoInfo, InfoProvider
from gateway.xmpp.stanza import Jid
from gateway.xmpp.text import attribute, strip_forbidden

CAPS = "http://jabber.org/protocol/caps"


@lru_cache(maxsize=1024)
def verification(info: DiscoInfo) -> str:
    """The verification string (XEP-0115 §5.1) of what ``render_info`` sends for ``info``."""
    # "i;octet" collation orders UTF-8 bytes; code points, by which Python compares, order the same.
    parts = [
        f"{identity.category}/{identity.type}/{identity.lang}/{identity.name}"
        for identity in sorted(
            info.identities, key=lambda identity: (identity.category, identity.type, identity.lang)
        )
    ]
    parts.extend(info.announced)
    for form in sorted(info.forms, key=lambda form: form.form_type):
        parts.append(form.form_type)
        for datum in sorted(form.data, key=lambda datum: datum.name):
            parts.append(datum.name)
            parts.extend(sorted(datum.values))
    text = strip_forbidden("".join(f"{part}<" for part in parts))
    return b64encode(sha1(text.encode(), usedforsecurity=False).digest()).decode()


class Caps:
    """Capabilities under one ``node``, a URI that names this software (XEP-0115 §4)."""

    def __init__(self, node: str) -> None:
        self._node = node

    def element(self, info: DiscoInfo) -> str:
        """The ``<c/>`` for the presence of an address that answers disco#info with ``info``."""
        return f"<c xmlns='{CAPS}' hash='sha-1' node='{attribute(self._node)}' ver='{verification(info)}'/>"

    def answering(self, provider: InfoProvider) -> InfoProvider:
        """``provider``, answering also for the node that ``element`` announces (XEP-0115 §6.2), as long as
        the version asked for is the present one."""
        prefix = f"{self._node}#"

        def info(target: Jid, node: str, requester: Jid) -> DiscoInfo | Awaitable[DiscoInfo | None] | None:
            if not node.startswith(prefix):
                return provider(target, node, requester)
            version = node[len(prefix) :]
            found = provider(target, "", requester)
            if isawaitable(found):
                return _awaited_if(found, version)
            return _only_if(found, version)

        return info


def _only_if(info: DiscoInfo | None, version: str) -> DiscoInfo | None:
    return info if info is not None and verification(info) == version else None


async def _awaited_if(info: Awaitable[DiscoInfo | None], version: str) -> DiscoInfo | None:
    return _only_if(await info, version)
