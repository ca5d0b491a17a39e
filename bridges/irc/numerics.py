"""What an error numeric means to a person: a table from numerics to ``Refused``. Knows no session.

Sources: RFC 1459 §6.1, RFC 2812 §5.2, the ISUPPORT-era numerics of InspIRCd, UnrealIRCd, Solanum and ngIRCd, and the
IRCv3 SASL numerics. Some mean different things on different servers: there the server's own words, always part of the
text, decide (``_BY_WORDS``), or what the numeric is about.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model import Address, Condition, ErrorType, Refused


@dataclass(frozen=True, slots=True)
class _Meaning:
    condition: Condition
    words: str  # for servers that say nothing themselves
    advice: str = ""
    type: ErrorType | None = None


_NOT_FOUND = Condition.ITEM_NOT_FOUND
_NO_SUCH_NICK = _Meaning(_NOT_FOUND, "Nobody of that name is here", "Check the nick, or try again later.")
_NO_SUCH_CHANNEL = _Meaning(_NOT_FOUND, "There is no such channel", "Check its name.")
_NOT_OPERATOR = _Meaning(
    Condition.FORBIDDEN, "You are not a channel operator", "Ask an operator of the channel."
)
_NEEDS_OPER = _Meaning(Condition.FORBIDDEN, "The network does not let you do that")
_TAKEN = _Meaning(Condition.CONFLICT, "That nick is in use", "Choose another nick.")
_BAD_NICK = _Meaning(
    Condition.NOT_ACCEPTABLE, "The network does not accept that nick", "Choose another nick."
)
_MALFORMED = _Meaning(Condition.BAD_REQUEST, "The network did not understand that")
_UNKNOWN = _Meaning(Condition.FEATURE_NOT_IMPLEMENTED, "The network does not know that command")
_NEEDS_ACCOUNT = _Meaning(
    Condition.REGISTRATION_REQUIRED,
    "You need a registered nick",
    "Log in to your account on the network first (set the SASL password in the gateway's settings).",
)
_TOO_FAST = _Meaning(
    Condition.RESOURCE_CONSTRAINT, "Too fast for the network", "Wait a little and try again."
)
_NICK_TOO_FAST = _Meaning(
    Condition.NOT_ACCEPTABLE,
    "The network does not let you change your nick now",
    "Wait a little and try again.",
    ErrorType.WAIT,
)
_TLS_ONLY = _Meaning(Condition.POLICY_VIOLATION, "This channel is for encrypted connections only")
_CLOSED_TO_US = _Meaning(Condition.FORBIDDEN, "You may not")
_STAFF_ONLY = _Meaning(Condition.FORBIDDEN, "The channel is for the network's staff only")
_BLOCKED = _Meaning(
    Condition.RESOURCE_CONSTRAINT, "That name is blocked for the moment", "Wait a little and try again."
)

_MEANINGS: dict[str, _Meaning] = {
    "263": _TOO_FAST,
    "401": _NO_SUCH_NICK,
    "402": _Meaning(_NOT_FOUND, "There is no such server"),
    "403": _NO_SUCH_CHANNEL,
    "404": _Meaning(
        Condition.FORBIDDEN,
        "You cannot send to this channel",
        "It may be moderated, want registered users, or be closed to people outside.",
    ),
    "405": _Meaning(
        Condition.RESOURCE_CONSTRAINT, "You are in too many channels", "Leave one and try again."
    ),
    "406": _NO_SUCH_NICK,
    "407": _MALFORMED,
    "408": _Meaning(Condition.NOT_ACCEPTABLE, "The channel does not accept colours"),
    "411": _MALFORMED,
    "412": _Meaning(Condition.NOT_ACCEPTABLE, "There is nothing to send"),
    "413": _MALFORMED,
    "414": _MALFORMED,
    "415": _MALFORMED,
    "416": _MALFORMED,
    "417": _Meaning(Condition.NOT_ACCEPTABLE, "The line is too long for the network", "Write shorter lines."),
    "421": _UNKNOWN,
    "431": _BAD_NICK,
    "432": _BAD_NICK,
    "433": _TAKEN,
    "436": _TAKEN,
    "437": _BLOCKED,
    "438": _NICK_TOO_FAST,
    "439": _TOO_FAST,
    "441": _Meaning(_NOT_FOUND, "That person is not in the channel"),
    "442": _Meaning(Condition.NOT_ACCEPTABLE, "You are not in that channel", "", ErrorType.CANCEL),
    "443": _Meaning(Condition.CONFLICT, "That person is in the channel already"),
    "447": _NICK_TOO_FAST,
    "451": _Meaning(Condition.UNEXPECTED_REQUEST, "The network has not let us in yet"),
    "461": _MALFORMED,
    "464": _Meaning(
        Condition.NOT_AUTHORIZED, "The server's password is wrong", "Correct it in the gateway's settings."
    ),
    "465": _Meaning(Condition.FORBIDDEN, "The network has banned you", "Ask its staff."),
    "466": _Meaning(Condition.FORBIDDEN, "The network is about to ban you", "Ask its staff."),
    "470": _Meaning(Condition.REDIRECT, "The channel sends people elsewhere"),
    "471": _Meaning(Condition.SERVICE_UNAVAILABLE, "The channel is full", "Try again later.", ErrorType.WAIT),
    "472": _UNKNOWN,
    "473": _Meaning(
        Condition.REGISTRATION_REQUIRED, "The channel is by invitation only", "Ask somebody inside for one."
    ),
    "474": _Meaning(
        Condition.FORBIDDEN, "You are banned from the channel", "Ask an operator of the channel."
    ),
    "475": _Meaning(
        Condition.NOT_AUTHORIZED, "The channel has a password", "Join again with the right password."
    ),
    "476": _Meaning(Condition.JID_MALFORMED, "That is not a valid name of a channel", "Check its name."),
    "477": _NEEDS_ACCOUNT,
    "478": _Meaning(Condition.RESOURCE_CONSTRAINT, "The channel's list is full"),
    "479": _Meaning(Condition.JID_MALFORMED, "That is not a valid name of a channel", "Check its name."),
    "480": _TOO_FAST,
    "481": _NEEDS_OPER,
    "482": _NOT_OPERATOR,
    "483": _NEEDS_OPER,
    "484": _NEEDS_OPER,
    "485": _NEEDS_OPER,
    "486": _NEEDS_ACCOUNT,
    "489": _TLS_ONLY,
    "490": _TLS_ONLY,
    "495": _TOO_FAST,
    "499": _NOT_OPERATOR,
    "500": _TOO_FAST,
    "501": _UNKNOWN,
    "502": _NEEDS_OPER,
    "518": _Meaning(Condition.FORBIDDEN, "Nobody can be invited to that channel"),
    "519": _STAFF_ONLY,
    "520": _STAFF_ONLY,
    "524": _MALFORMED,
    "531": _CLOSED_TO_US,
    "696": _MALFORMED,
    "707": _TOO_FAST,
    "712": _TOO_FAST,
    "713": _Meaning(Condition.CONFLICT, "The channel is open", "Join it."),
    "714": _Meaning(Condition.CONFLICT, "You are in that channel already"),
    "716": _Meaning(Condition.FORBIDDEN, "That person accepts messages from known people only"),
    "717": _Meaning(Condition.FORBIDDEN, "That person accepts messages from known people only"),
    "742": _Meaning(Condition.NOT_ALLOWED, "The channel's services hold that mode fast", "Ask its founder."),
    "734": _Meaning(Condition.RESOURCE_CONSTRAINT, "The list is full"),
    "926": _Meaning(Condition.FORBIDDEN, "The network has closed that channel"),
    "972": _Meaning(Condition.FORBIDDEN, "The network protects that person"),
    "902": _Meaning(Condition.NOT_AUTHORIZED, "The account may not be used", "Ask the network's staff."),
    "904": _Meaning(
        Condition.NOT_AUTHORIZED,
        "The network did not accept account and password",
        "Correct them in the gateway's settings.",
    ),
    "905": _Meaning(Condition.NOT_AUTHORIZED, "The password is too long for the network"),
    "906": _Meaning(Condition.NOT_AUTHORIZED, "The login was broken off"),
    "908": _Meaning(Condition.NOT_AUTHORIZED, "The network does not accept passwords in this way"),
}
_ANY_ERROR = _Meaning(Condition.UNDEFINED_CONDITION, "The network refused")

# By numeric: what it means where the server's own words (or what it is about) have one of these in them.
_BY_WORDS: dict[str, tuple[re.Pattern[str], _Meaning]] = {
    # RFC 2811 calls a nick and a channel unavailable with one numeric; a nick that is, somebody else has or had.
    "437": (re.compile(r"^[^#&+!]\S* "), _TAKEN),
    # RFC 2812 §5.2: "Channel doesn't support modes", before it came to mean that one must be registered.
    "477": (re.compile(r"support.*\bmode", re.IGNORECASE), _UNKNOWN),
    # Hybrid: TLS only; UnrealIRCd: nobody can knock here; elsewhere: too many joins.
    "480": (re.compile(r"\b(?:ssl|tls|secure)", re.IGNORECASE), _TLS_ONLY),
    # Undernet and its kin: a voice is needed to speak.
    "489": (re.compile(r"\bvoice", re.IGNORECASE), _NOT_OPERATOR),
}


def _numerics(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# A refused JOIN (RFC 2812 §3.2.1 and the ircds' own): the second parameter is the channel.
REFUSES_JOIN = _numerics(
    "403 405 407 437 461 470 471 473 474 475 476 477 478 479 480 485 489 490 495 500 517 519 520 524 531 544 707 926"
)
# A refused INVITE: the second parameter is a nick or the channel.
REFUSES_INVITE = _numerics("401 403 406 437 442 443 461 476 482 485 518 520 531 544 716 717")
# A refused PRIVMSG or NOTICE: the second parameter is its target.
REFUSES_MESSAGE = _numerics("401 402 403 404 407 408 413 414 415 442 477 482 486 489 531 716 717")
REFUSES_NICK = _numerics("431 432 433 436 437 438 447")
REFUSES_TOPIC = _numerics("403 442 477 482")
REFUSES_KICK = _numerics("401 403 441 442 476 481 482 484 485 499 519 972")
# A refused MODE of a channel, or a list of one that is not shown to everybody: what it is about stands in the middle.
REFUSES_MODE = _numerics(
    "263 401 403 404 406 441 442 447 461 467 472 477 478 481 482 484 485 499 501 502 518 519 520 525 696 742 743 974"
)


def is_error(numeric: str) -> bool:
    """Whether a command is an error reply: 400 to 599 by RFC 2812 §5.2, and the later ones of the table."""
    return "400" <= numeric <= "599" or numeric in _MEANINGS


def refused(numeric: str, params: Sequence[str], where: str, address: Address | None = None) -> Refused:
    """An error reply as a value. ``params`` are all of its parameters, our own nick first; ``where`` is the network's
    name. Total: parameters may be missing."""
    meaning = _MEANINGS.get(numeric, _ANY_ERROR)
    subject = " ".join(params[1:-1])
    words = params[-1].strip() if len(params) > 1 else ""
    special = _BY_WORDS.get(numeric)
    if special is not None and special[0].search(f"{subject} {words}"):
        meaning = special[1]
    text = (
        f"{where}: {subject}: {words or meaning.words}" if subject else f"{where}: {words or meaning.words}"
    )
    if not text.endswith((".", "!", "?")):
        text += "."
    if meaning.advice:
        text += f" {meaning.advice}"
    return Refused(meaning.condition, text, meaning.type, address)


def no_answer(where: str, what: str, seconds: float) -> Refused:
    """The network did not say anything to ``what`` ("the join of #foo") in time."""
    return Refused(
        Condition.REMOTE_SERVER_TIMEOUT,
        f"{where} did not answer {what} within {seconds:.0f} seconds. Try again later.",
        ErrorType.WAIT,
    )
