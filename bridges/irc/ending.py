"""How connections end, and what follows from the network's last words: come back, come back later, or stay away."""

import re

from gateway.bridge import SessionEnded
from gateway.model import Condition, Refused

# The words of InspIRCd, UnrealIRCd, Solanum, ngIRCd, ircu and Ergo for the end of a connection by ban or by force.
_BANNED = re.compile(
    r"\b(?:[akgdz][ -]?lined?|banned|ban|akill(?:ed)?|autokilled|blacklisted|dnsbl|shunned)\b"
)
_KILLED = re.compile(r"\bkill(?:ed)?\b")
# Two people had one nick when servers met again; services that make somebody go say so in other words.
_COLLISION = re.compile(r"\bnick(?:name)? (?:change )?collision|\bolder nick\b|\bnick collided\b")
_TOO_FAST = re.compile(
    r"throttl|too fast|reconnecting too|too many|try again later|connection limit|session limit"
)

THROTTLE_DELAY = 180.0  # seconds
_MAX_BAN = 120


def sent_away(where: str, words: str) -> SessionEnded:
    """The network closed the connection with these words (of ERROR, KILL or 465)."""
    said = words.strip() or "no reason given"
    lowered = said.lower()
    banned = _BANNED.search(lowered)
    if banned is not None:
        return SessionEnded(
            Refused(
                Condition.FORBIDDEN,
                f"{where} has banned you or this gateway: {said}. Ask the network's staff; the gateway does not try again "
                "by itself.",
            ),
            retry=False,
            ban=_impersonal(lowered[banned.start() :]),
        )
    if _TOO_FAST.search(lowered):
        return SessionEnded(
            Refused(
                Condition.RESOURCE_CONSTRAINT,
                f"{where} wants us to wait before connecting again: {said}.",
            ),
            delay=THROTTLE_DELAY,
        )
    if _COLLISION.search(lowered):
        return SessionEnded(
            Refused(
                Condition.REMOTE_SERVER_NOT_FOUND,
                f"{where} closed the connection, for somebody else there has your nick: {said}.",
            )
        )
    if _KILLED.search(lowered):
        return SessionEnded(
            Refused(
                Condition.FORBIDDEN,
                f"{where} threw you out: {said}. Join again if you may; the gateway does not try again by itself.",
            ),
            retry=False,
        )
    return SessionEnded(Refused(Condition.REMOTE_SERVER_NOT_FOUND, f"{where} closed the connection: {said}."))


def _impersonal(words: str) -> str:
    """What remains of a ban without masks, addresses, dates and numbers: the same for everybody it was meant for."""
    kept = [word for word in words.split() if not any(char in "@!" or char.isdigit() for char in word)]
    return " ".join(kept).rstrip(" )]")[:_MAX_BAN]


def broken(where: str, cause: str) -> SessionEnded:
    """The connection ended without a word of the network."""
    return SessionEnded(
        Refused(
            Condition.REMOTE_SERVER_NOT_FOUND,
            f"The connection to {where} was lost: {cause or 'no reason known'}",
        )
    )


def silent(where: str, seconds: float) -> SessionEnded:
    """The network did not answer a PING."""
    return SessionEnded(
        Refused(
            Condition.REMOTE_SERVER_TIMEOUT,
            f"There is no answer from {where} any more (for {seconds:.0f} seconds).",
        )
    )


def left(where: str) -> SessionEnded:
    """The user sent QUIT himself."""
    return SessionEnded(
        Refused(Condition.RECIPIENT_UNAVAILABLE, f"You left {where}. Join a channel to connect again."),
        retry=False,
    )
