"""What an operator can set for the SMS bridge: the model of ``[bridges.sms]``. It knows no user's own settings."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bridges.sms.consent.settings import ConsentSettings
from bridges.sms.gammu.settings import GammuRoute
from bridges.sms.http import library
from bridges.sms.http.settings import HttpRoute, KannelRoute
from bridges.sms.http.signatures import Scheme
from bridges.sms.sending.settings import SendingSettings
from bridges.sms.settings import (
    OWN_ROUTE,
    Destination,
    LimitSettings,
    NumberSettings,
    Person,
    PriceSettings,
    Table,
    WaySettings,
    person,
)
from bridges.sms.settings import region as country
from bridges.sms.smpp.settings import SmppRoute

#: One route's, told apart by ``kind``.
RouteSettings = SmppRoute | HttpRoute | KannelRoute | GammuRoute


def _preset(name: str) -> str:
    providers = [each for each in library.names() if each != "kannel"]
    if name not in providers:
        raise ValueError(f"is no provider; there are {', '.join(providers)}")
    if library.preset(name).signature.scheme is Scheme.NONE:
        # Users have no way to set a login for callbacks, nor the addresses that they come from.
        raise ValueError("signs no callbacks, so users' accounts there could receive nothing; leave it out")
    return name


_ROUTE = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


class SmsSettings(Table):
    """``[bridges.sms]``."""

    region: Annotated[str, AfterValidator(country)] = Field(
        description="Country (US, DE ...) whose national numbers and short codes people mean when they write none."
    )
    countries: tuple[Destination, ...] = Field(
        default=(),
        max_length=300,
        description="Where users may text: countries (DE) and prefixes (+44, +1212). Empty: only the country of the number "
        "that they text from.",
    )
    costly: bool = Field(
        default=False, description="Allow premium-rate, shared-cost and company-wide numbers and pagers."
    )
    short_codes: Literal["answer", "any", "never"] = Field(
        default="answer",
        description='Short codes can be texted by those whom they have texted ("answer"), by everybody ("any"), or "never".',
    )
    registration: Literal["assigned", "free", "code"] = Field(
        default="assigned",
        description='Who can register: users to whom a number was assigned ("assigned"), everybody as long as a number is '
        'free or there is a pool for all ("free"), or the same after proving to have a telephone, by a code that is '
        'texted to it ("code").',
    )
    code_sender: str = Field(
        default="", description="Number of ours that codes are texted from. Empty: the first one."
    )
    own_accounts: tuple[Annotated[str, AfterValidator(_preset)], ...] = Field(
        default=(),
        description='Providers, such as "twilio", at which users may have accounts of their own that they bring along with '
        "their numbers. Empty: none.",
    )
    operator: Annotated[str, AfterValidator(lambda value: person(value) if value else "")] = Field(
        default="",
        max_length=3000,
        description="Registered user who is told what the operator has to see to. Empty: it stands in the log alone.",
    )
    parts_wait: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        description="Seconds that the missing parts of a long text are waited for, before it is shown with gaps.",
    )
    pool_days: float = Field(
        default=30.0,
        gt=0,
        le=3650,
        description="Days after its last word that a conversation over a pool's number is its user's; then others may have "
        "that pair of numbers.",
    )
    claim_days: float = Field(
        default=90.0,
        gt=0,
        le=3650,
        description="Days that a team's conversation stays with whoever claimed it.",
    )
    currency: str = Field(default="", max_length=8, description="What `prices` are in, such as EUR.")
    routes: dict[str, Annotated[RouteSettings, Field(discriminator="kind")]] = Field(
        default_factory=dict, description="Your ways to the network: accounts at providers, Kannel, a modem."
    )
    numbers: tuple[NumberSettings, ...] = Field(
        default=(), max_length=10_000, description="The numbers that you have, and whose they are."
    )
    ways: tuple[WaySettings, ...] = Field(
        default=(),
        max_length=2000,
        description="Routes by destination, where the order of a number's `routes` is not the best for all.",
    )
    prices: tuple[PriceSettings, ...] = Field(
        default=(), max_length=2000, description="What texts cost, for `segments` and for `spend_per_day`."
    )
    sending: SendingSettings = Field(default_factory=SendingSettings)
    consent: ConsentSettings = Field(default_factory=ConsentSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)

    @model_validator(mode="after")
    def _consistent(self) -> "SmsSettings":
        for name in self.routes:
            if _ROUTE.fullmatch(name) is None:
                raise ValueError(
                    f"`routes` has {name!r}; name routes with small letters, digits, dashes and underscores"
                )
            if name.startswith(OWN_ROUTE):
                raise ValueError(
                    f"`routes` has {name!r}; names of users' own accounts begin with {OWN_ROUTE}"
                )
        seen: set[str] = set()
        for each in self.numbers:
            for route in each.routes:
                if route not in self.routes:
                    known = ", ".join(self.routes) or "there is none"
                    raise ValueError(
                        f"`numbers`: {each.number} has the route {route!r}, which is not among [routes] ({known})"
                    )
            if each.number in seen:
                raise ValueError(f"`numbers` has {each.number} twice; a number is one entry")
            seen.add(each.number)
        for way in self.ways:
            for route in way.routes:
                if route not in self.routes:
                    raise ValueError(
                        f"`ways`: that of {way.destination} has the route {route!r}, which is not among [routes]"
                    )
        for price in self.prices:
            if price.route and price.route not in self.routes:
                raise ValueError(
                    f"`prices`: that of {price.destination} is for the route {price.route!r}, which is not among [routes]"
                )
        if self.code_sender and self.code_sender not in seen:
            raise ValueError(f"`code_sender` is {self.code_sender!r}, which is not among `numbers`")
        return self


__all__ = ["Person", "SmsSettings"]
