"""Why something was not done."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.addresses import Address


class Condition(StrEnum):
    """The error conditions of RFC 6120 §8.3.3 that a refusal can have."""

    BAD_REQUEST = "bad-request"
    CONFLICT = "conflict"
    FEATURE_NOT_IMPLEMENTED = "feature-not-implemented"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    INTERNAL_SERVER_ERROR = "internal-server-error"
    ITEM_NOT_FOUND = "item-not-found"
    JID_MALFORMED = "jid-malformed"
    NOT_ACCEPTABLE = "not-acceptable"
    NOT_ALLOWED = "not-allowed"
    NOT_AUTHORIZED = "not-authorized"
    POLICY_VIOLATION = "policy-violation"
    RECIPIENT_UNAVAILABLE = "recipient-unavailable"
    REDIRECT = "redirect"
    REGISTRATION_REQUIRED = "registration-required"
    REMOTE_SERVER_NOT_FOUND = "remote-server-not-found"
    REMOTE_SERVER_TIMEOUT = "remote-server-timeout"
    RESOURCE_CONSTRAINT = "resource-constraint"
    SERVICE_UNAVAILABLE = "service-unavailable"
    SUBSCRIPTION_REQUIRED = "subscription-required"
    UNDEFINED_CONDITION = "undefined-condition"
    UNEXPECTED_REQUEST = "unexpected-request"


class ErrorType(StrEnum):
    """What the sender of a refused stanza may do (RFC 6120 §8.3.2)."""

    AUTH = "auth"
    CANCEL = "cancel"
    MODIFY = "modify"
    WAIT = "wait"


_USUAL_TYPE: dict[Condition, ErrorType] = {
    Condition.BAD_REQUEST: ErrorType.MODIFY,
    Condition.FORBIDDEN: ErrorType.AUTH,
    Condition.JID_MALFORMED: ErrorType.MODIFY,
    Condition.NOT_ACCEPTABLE: ErrorType.MODIFY,
    Condition.NOT_AUTHORIZED: ErrorType.AUTH,
    Condition.POLICY_VIOLATION: ErrorType.MODIFY,
    Condition.RECIPIENT_UNAVAILABLE: ErrorType.WAIT,
    Condition.REDIRECT: ErrorType.MODIFY,
    Condition.REGISTRATION_REQUIRED: ErrorType.AUTH,
    Condition.REMOTE_SERVER_TIMEOUT: ErrorType.WAIT,
    Condition.RESOURCE_CONSTRAINT: ErrorType.WAIT,
    Condition.SUBSCRIPTION_REQUIRED: ErrorType.AUTH,
    Condition.UNEXPECTED_REQUEST: ErrorType.WAIT,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something was not done: a value until the edge turns it into a stanza error.

    ``text`` is for people: what happened, where, and what to do; the remote side's own words where it gave any.
    ``address`` names where to go instead, for ``gone`` and ``redirect``.
    """

    condition: Condition
    text: str = ""
    type: ErrorType | None = None
    address: Address | None = None
    uncertain: bool = False  # it may have been done all the same: nobody can tell any more

    @property
    def error_type(self) -> ErrorType:
        """The given type, else the one RFC 6120 recommends for the condition."""
        return self.type or _USUAL_TYPE.get(self.condition, ErrorType.CANCEL)
