"""What a refusal of a provider means, whatever code it has there: a fixed list of meanings that presets map codes to.

Knows no provider.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridges.sms.traffic import Failing, Rejected
from gateway.model import Condition, ErrorType, Refused

_WORDS = 300  # characters of a provider's own words that are passed on


class Meaning(StrEnum):
    """Why something was not sent or did not arrive."""

    NUMBER = "number"  # no number, impossible, landline, unknown subscriber
    OPTED_OUT = "opted-out"
    COUNTRY = "country"  # a country, or class of numbers, that the account may not text
    SPAM = "spam"
    REGISTRATION = "registration"  # a campaign, sender or toll-free number that is not registered
    MONEY = "money"  # credit or quota of the account
    THROTTLED = "throttled"
    ABSENT = "absent"  # handset off, out of reach, expired
    UNDELIVERED = "undelivered"  # taken, and not brought to the phone; nothing is said of why
    TOO_LONG = "too-long"
    MEDIA = "media"
    SENDER = "sender"  # the sender is none of this account
    CREDENTIALS = "credentials"
    PROVIDER = "provider"  # its own fault, and it says that nothing was sent
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class _Rule:
    failing: Failing
    condition: Condition
    text: str
    type: ErrorType | None = None
    operator: bool = False


_RULES: dict[Meaning, _Rule] = {
    Meaning.NUMBER: _Rule(
        Failing.MESSAGE,
        Condition.ITEM_NOT_FOUND,
        "This is no number that can be texted; check it.",
        ErrorType.CANCEL,
    ),
    Meaning.OPTED_OUT: _Rule(
        Failing.MESSAGE,
        Condition.NOT_ALLOWED,
        "They have asked not to be texted from your number; only they can undo it, by texting START to it.",
        ErrorType.CANCEL,
    ),
    Meaning.COUNTRY: _Rule(
        Failing.ROUTE,
        Condition.FORBIDDEN,
        "The provider does not let this account text that country or kind of number.",
        ErrorType.AUTH,
    ),
    Meaning.SPAM: _Rule(
        Failing.MESSAGE,
        Condition.POLICY_VIOLATION,
        "The text was blocked as spam; write it differently.",
        ErrorType.MODIFY,
    ),
    Meaning.REGISTRATION: _Rule(
        Failing.ROUTE,
        Condition.POLICY_VIOLATION,
        "The sender's number is not registered for this use; the operator has to register it.",
        ErrorType.MODIFY,
        operator=True,
    ),
    Meaning.MONEY: _Rule(
        Failing.ROUTE,
        Condition.RESOURCE_CONSTRAINT,
        "The gateway's account at the provider has no credit or quota left; the operator knows.",
        ErrorType.WAIT,
        operator=True,
    ),
    Meaning.THROTTLED: _Rule(
        Failing.PASSING,
        Condition.REMOTE_SERVER_TIMEOUT,
        "The provider takes no more texts for now; try again later.",
        ErrorType.WAIT,
    ),
    Meaning.ABSENT: _Rule(
        Failing.MESSAGE,
        Condition.RECIPIENT_UNAVAILABLE,
        "The phone is off or out of reach; try again later.",
        ErrorType.WAIT,
    ),
    Meaning.UNDELIVERED: _Rule(
        Failing.MESSAGE,
        Condition.RECIPIENT_UNAVAILABLE,
        "The network could not deliver it.",
        ErrorType.WAIT,
    ),
    Meaning.TOO_LONG: _Rule(
        Failing.ROUTE,
        Condition.NOT_ACCEPTABLE,
        "The text is longer than the provider takes; shorten it.",
        ErrorType.MODIFY,
    ),
    Meaning.MEDIA: _Rule(
        Failing.ROUTE,
        Condition.NOT_ACCEPTABLE,
        "The provider does not take this file: its type or size.",
        ErrorType.MODIFY,
    ),
    Meaning.SENDER: _Rule(
        Failing.ROUTE,
        Condition.SERVICE_UNAVAILABLE,
        "The provider does not let this account send from that number; the operator knows.",
        ErrorType.WAIT,
        operator=True,
    ),
    Meaning.CREDENTIALS: _Rule(
        Failing.ROUTE,
        Condition.SERVICE_UNAVAILABLE,
        "The provider refused the gateway's credentials; the operator knows.",
        ErrorType.WAIT,
        operator=True,
    ),
    Meaning.PROVIDER: _Rule(
        Failing.PASSING,
        Condition.SERVICE_UNAVAILABLE,
        "The provider has trouble of its own; try again later.",
        ErrorType.WAIT,
    ),
    Meaning.OTHER: _Rule(
        Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, "The provider did not take the text.", ErrorType.WAIT
    ),
}


def refused(meaning: Meaning, provider: str, code: str = "", words: str = "") -> Refused:
    """For people: what it means, and the provider's own code and words."""
    rule = _RULES[meaning]
    said = " ".join(part for part in (code, one_line(words)) if part)
    text = f"{rule.text} ({provider}: {said})" if said else f"{rule.text} ({provider})"
    return Refused(rule.condition, text, rule.type)


def rejected(
    meaning: Meaning, provider: str, code: str = "", words: str = "", later: float = 0.0
) -> Rejected:
    rule = _RULES[meaning]
    return Rejected(rule.failing, refused(meaning, provider, code, words), code, later, rule.operator)


def is_operators(meaning: Meaning) -> bool:
    return _RULES[meaning].operator


def one_line(text: str) -> str:
    """Words of a provider in one line without control characters and lone surrogates, bounded."""
    clean = "".join(each if each.isprintable() else " " for each in text[: 4 * _WORDS])
    return " ".join(clean.split())[:_WORDS]
