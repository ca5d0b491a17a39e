"""Masks of lists: whom a ban hits, and which one to write for somebody. Pure; knows neither channels nor lines.

A mask is ``nick!user@host`` with ``*`` and ``?``, or an extended ban (EXTBAN), whose meaning is the network's.
"""

import ipaddress
import re
from dataclasses import dataclass

from bridges.irc.protocol.casemap import Casemapping
from bridges.irc.protocol.isupport import Isupport

MAX_MASK = 300  # bytes
_FORBIDDEN = re.compile("[\0-\x20,]")
_EXTBAN = re.compile(r"[$~]?[!~]?[A-Za-z]+:.+|[$~][!~]?[A-Za-z]+")


class BadMask(ValueError):
    """Text that is no mask; the argument is one sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom a mask is for, as far as it is known; empty where it is not."""

    nick: str
    user: str = ""
    host: str = ""
    account: str = ""


def matches(mask: str, who: Somebody, fold: Casemapping) -> bool:
    """Whether a plain mask hits ``who``; extended bans hit nobody here."""
    return _glob(fold.fold(mask), fold.fold(f"{who.nick}!{who.user}@{who.host}"))


def mask_for(who: Somebody, isupport: Isupport, spare: Somebody) -> str:
    """The mask that keeps ``who`` out and not ``spare`` (ourselves): the account where the network can ban accounts, else
    the host (a cloak as a whole, of IPv6 addresses the /64), else what is narrower. Never one that a change of nick gets
    around (``nick!*@*``). Raises ``BadMask`` if too little is known."""
    account = account_ban(isupport)
    if who.account and account and who.account != spare.account:
        return f"{account}{who.account}"
    if not who.host or "*" in who.host or "?" in who.host:
        raise BadMask(f"The network does not show where {who.nick} comes from, so no ban would last.")
    user = who.user.lstrip("~") or "*"
    ident = user if user in (who.user, "*") else f"*{user}"
    for mask in (f"*!*@{_net(who.host)}", f"*!{ident}@{who.host}", f"{who.nick}!{ident}@{who.host}"):
        if not matches(mask, spare, isupport.casemapping):
            return mask
    raise BadMask("That would ban yourself.")


def account_ban(isupport: Isupport) -> str:
    """What a ban of an account begins with, ``$a:``, ``~account:``, ``R:`` ...; empty if there are none."""
    prefix, letters = extban(isupport)
    names = [name for name in isupport.tokens.get("ACCOUNTEXTBAN", "").split(",") if name]
    if names:
        return f"{prefix}{names[-1]}:"  # the last is the long name where there is one, which reads better
    if "EXTBAN" not in isupport.tokens:
        return ""
    # Before ACCOUNTEXTBAN: `a` where extended bans have a prefix (Solanum, UnrealIRCd), `R` where not (InspIRCd).
    letter = "a" if prefix else "R"
    return f"{prefix}{letter}:" if letter in letters else ""


def quiet_ban(isupport: Isupport) -> str:
    """What a ban that only silences begins with; empty if there are none, or a list of their own for them."""
    if "q" in isupport.chanmodes.lists and "q" not in isupport.symbol_of:
        return ""
    prefix, letters = extban(isupport)
    letter = {"": "m", "~": "q"}.get(prefix, "")  # InspIRCd's `m:`, UnrealIRCd's `~q:`
    return f"{prefix}{letter}:" if letter and letter in letters else ""


def extban(isupport: Isupport) -> tuple[str, str]:
    """The prefix of extended bans and their letters (``EXTBAN=~,qjncrRa``)."""
    prefix, _, letters = isupport.tokens.get("EXTBAN", "").partition(",")
    return prefix, letters


def read_mask(text: str) -> str:
    """A whole mask of what a person wrote: of ``user@host`` and ``host`` one is made, of a nick not. Raises ``BadMask``."""
    mask = text.strip()
    if (
        not mask
        or _FORBIDDEN.search(mask)
        or mask[0] in "+-:"
        or len(mask.encode("utf-8", "replace")) > MAX_MASK
    ):
        raise BadMask(
            f'"{mask[:60]}" cannot be a mask: it must not be empty, start with + - or :, be longer than {MAX_MASK} bytes, '
            "or hold spaces and commas. Write *!*@host, for instance."
        )
    if _EXTBAN.fullmatch(mask) and "@" not in mask.partition(":")[0]:
        return mask
    if "!" in mask:
        nick, _, rest = mask.partition("!")
        user, at, host = rest.rpartition("@")
        mask = mask if at else f"{nick}!{rest}@*"
        if set(user if at else rest) <= {"*"} and set(host) <= {"*"} and not set(nick) <= {"*"}:
            raise BadMask(f"{mask} would only last until the next change of nick. Write *!*@host instead.")
        return mask
    if "@" in mask:
        return f"*!{mask}"
    if "." in mask or ":" in mask or "/" in mask:
        return f"*!*@{mask}"
    raise BadMask(f'"{mask}" names nobody who is here. Write a mask such as *!*@host.')


def _net(host: str) -> str:
    """A host, or the /64 of an IPv6 address as text to match: who has one address has the others."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    groups = host.split(":")
    # Only where the first four groups stand in the text as the server writes it.
    if address.version == 6 and len(groups) > 5 and all(groups[:4]):
        return ":".join(groups[:4]) + ":*"
    return host


def _glob(mask: str, text: str) -> bool:
    """``*`` and ``?``, in time at most the product of both lengths: only the latest star is ever tried again."""
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        if at < len(mask) and mask[at] == "*":
            star, resume = at, here
            at += 1
        elif at < len(mask) and mask[at] in ("?", text[here]):
            at += 1
            here += 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return set(mask[at:]) <= {"*"}
