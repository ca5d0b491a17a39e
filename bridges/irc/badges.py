"""What is told of an occupant besides role and affiliation, as hats (XEP-0317): the exact modes, the account, and whether
it is a bot or one of the network's staff. Pure."""

from collections.abc import Container
from functools import lru_cache

from gateway.model import Hat

BOT, OPER = "B", "*"
"""Flags of a user, as ``Channels.describe`` takes them."""

#: IRCv3 bot-mode and draft/oper-tag, and what InspIRCd 3 calls the former: tags of what such people send.
_OF_TAG = {"bot": BOT, "inspircd.org/bot": BOT, "draft/oper": OPER}
FLAG_TAGS = frozenset(_OF_TAG)

_TITLES = {"q": "Owner", "a": "Admin", "o": "Operator", "h": "Half-operator", "v": "Voice"}
_NAMES = {"q": "owner", "a": "admin", "o": "op", "h": "halfop", "v": "voice"}
_FLAGS = ((OPER, Hat("oper", "IRC operator")), (BOT, Hat("bot", "Bot")))


@lru_cache(maxsize=1024)
def _of_modes(modes: str, flags: str) -> tuple[Hat, ...]:
    worn = [
        Hat(_NAMES.get(mode) or f"mode-{mode.encode().hex()}", _TITLES.get(mode) or f"Mode +{mode}")
        for mode in modes
    ]
    return (*worn, *(hat for flag, hat in _FLAGS if flag in flags))


def hats(modes: str, account: str = "", flags: str = "") -> tuple[Hat, ...]:
    """``modes`` are prefix modes, highest first. Hats of the same make are one object: rooms are large."""
    worn = _of_modes(modes, flags)
    return (*worn, Hat("account", f"Account: {account}")) if account else worn


def flags_of(tags: Container[str]) -> str:
    """What the tags of a line say of its sender; empty if nothing."""
    return "".join(sorted({flag for tag, flag in _OF_TAG.items() if tag in tags}))
