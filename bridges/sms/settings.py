"""Settings that several parts of the SMS bridge share: our numbers, limits, prices. ``config`` puts the whole together.

Numbers are written as in ``traffic``; destinations are calling prefixes (``+49``, ``+1212``) or country codes (``DE``).
"""

import re
from enum import StrEnum
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT = re.compile(r"[0-9]{3,8}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_ALPHA = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &._-]{1,15}")
_JID = re.compile(r"[^@/\s]+@[^@/\s]+|[^@/\s]+")


#: What names of users' own routes begin with; no other route has such a name.
OWN_ROUTE = "own-"


class Table(BaseModel):
    """A table of the configuration that takes no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _our_number(value: str) -> str:
    text = value.strip()
    if _E164.fullmatch(text) or _SHORT.fullmatch(text) or _ALPHA.fullmatch(text):
        return text
    raise ValueError("is no number; write +15551234567, a short code like 46645, or a name like MyShop")


def _destination(value: str) -> str:
    text = value.strip().upper()
    if _PREFIX.fullmatch(text) or (len(text) == 2 and text in phonenumbers.SUPPORTED_REGIONS):
        return text
    raise ValueError("is no destination; write a prefix like +49 or a country like DE")


def region(value: str) -> str:
    """A country of ISO 3166, as it is configured."""
    text = value.strip().upper()
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("is no country; write its two letters, like US or DE")
    return text


def person(value: str) -> str:
    """An XMPP address, as it is configured."""
    text = value.strip().lower()
    if _JID.fullmatch(text) is None:
        raise ValueError("is no XMPP address; write one like alice@example.org")
    return text


Ours = Annotated[str, AfterValidator(_our_number)]
Destination = Annotated[str, AfterValidator(_destination)]
Person = Annotated[str, AfterValidator(person)]


class Mode(StrEnum):
    """Whose a number of ours is."""

    PERSONAL = "personal"  # one user's
    TEAM = "team"  # several users see all of it, and claim conversations
    POOL = "pool"  # of everybody who is let in; each conversation has one user


class NumberSettings(Table):
    """``[[bridges.sms.numbers]]``."""

    number: Ours = Field(
        description="The number: +15551234567, a short code, or a name (which nobody can answer)."
    )
    routes: tuple[str, ...] = Field(
        min_length=1,
        max_length=10,
        description="Routes that send from it, in order; the next one is asked only if one has definitely refused.",
    )
    mode: Mode = Field(
        default=Mode.PERSONAL,
        description='"personal": of one user. "team": several users see what comes and what each answers. "pool": users who '
        "have no number of their own write from it; every conversation belongs to one of them.",
    )
    users: tuple[Person, ...] = Field(
        default=(),
        max_length=1000,
        description="XMPP addresses whose number it is. In a pool: who may use it; everybody who registers, if empty.",
    )
    inbox: Annotated[str, AfterValidator(lambda value: person(value) if value else "")] = Field(
        default="",
        description="Who gets what comes to a pool's number from somebody whom nobody has written to. Empty: it waits for a "
        "month, until somebody is named.",
    )
    destinations: tuple[Destination, ...] = Field(
        default=(),
        max_length=300,
        description="Where it is to be preferred as sender: countries (DE) or prefixes (+49). Empty: anywhere.",
    )
    name: str = Field(default="", max_length=60, description='What people call it, such as "Support".')

    @model_validator(mode="after")
    def _consistent(self) -> "NumberSettings":
        if self.mode is Mode.PERSONAL and len(self.users) > 1:
            raise ValueError(f'{self.number} is "personal" but has several `users`; make it a "team"')
        if self.mode is Mode.TEAM and not self.users:
            raise ValueError(f'{self.number} is a "team" but has no `users`; name them')
        if self.inbox and self.mode is not Mode.POOL:
            raise ValueError(f'{self.number} has an `inbox`, which only a "pool" needs')
        return self


class WaySettings(Table):
    """``[[bridges.sms.ways]]``."""

    destination: Destination = Field(
        description="A country (DE) or a prefix (+49); of several that fit, the longest one counts."
    )
    routes: tuple[str, ...] = Field(
        min_length=1,
        max_length=10,
        description="Routes that are asked first for it, of those that the number has, in this order.",
    )
    only: bool = Field(default=False, description="The number's other routes are not asked at all.")


class LimitSettings(Table):
    """``[bridges.sms.limits]``. Of one user each, if nothing else is said."""

    segments_per_minute: int = Field(default=30, ge=1, le=100_000, description="Segments sent in a minute.")
    segments_per_day: int = Field(default=500, ge=1, le=10_000_000, description="Segments sent in a day.")
    new_people_per_day: int = Field(
        default=30, ge=1, le=1_000_000, description="Numbers texted in a day that were not texted before."
    )
    spend_per_day: float = Field(
        default=0.0, ge=0, description="What messages of a day may cost, where `prices` are set. 0: no limit."
    )
    segments_per_message: int = Field(
        default=10, ge=1, le=255, description="Segments of one message; more is refused."
    )
    breaker_per_minute: int = Field(
        default=600,
        ge=1,
        le=10_000_000,
        description="Segments of all users in a minute, after which nothing is sent until an admin looks at it: the loss "
        "from a stolen account ends here.",
    )
    breaker_per_prefix: int = Field(
        default=200,
        ge=1,
        le=10_000_000,
        description="Segments of all users in an hour to new numbers of one prefix (the country and three digits), after "
        "which that prefix is stopped until an admin looks at it.",
    )
    received_per_minute: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="Messages taken from one sender in a minute; more wait at the provider.",
    )


class PriceSettings(Table):
    """``[[bridges.sms.prices]]``."""

    destination: Destination = Field(
        description="A country (DE) or a prefix (+49); the longest one that fits counts."
    )
    price: float = Field(ge=0, description="Of one segment.")
    route: str = Field(default="", description="Empty: on all routes.")
