"""The SMS bridge as the core sees it: ``gateway.bridge.Bridge`` over addresses, settings and sessions."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from pydantic import BaseModel

from bridges.sms import addresses, personal
from bridges.sms.addresses import HOME
from bridges.sms.building import built, replayed
from bridges.sms.commands import SmsCommands
from bridges.sms.config import SmsSettings
from bridges.sms.examining import examine
from bridges.sms.measuring import ailments, measures
from bridges.sms.office import Building, Office
from bridges.sms.session import SmsSession
from bridges.sms.settings import LimitSettings
from bridges.sms.tracking import passages
from gateway.bridge import (
    Account,
    BadAddress,
    BridgeCommand,
    Capabilities,
    Finding,
    Hint,
    Measure,
    NotStored,
    Passage,
    Services,
    Sink,
    WebRequest,
    WebResponse,
)
from gateway.bridge.fields import live
from gateway.model import Address, AddressKind, Condition, ErrorType, Field, Refused

CAPABILITIES = Capabilities(
    gateway_type="sms",
    gateway_name="Causeway XMPP-SMS gateway",
    rooms=True,
    rooms_are_topics=True,
    topic=True,
    attachments=True,
    contact_types=("sms", "phone"),
    numbers=True,
    labels=True,
    contact_presence=True,
    store_and_forward=True,
    recognises_repeats=True,
    durable_rooms=True,
    delivery_reports=True,
    late_failures=True,
    local_sessions=True,
    registration=True,
    forgets=True,
    commands=True,
    background=True,
    examined=True,
    replays=True,
    measured=True,
    ailing=True,
    tracing=True,
    reconfigures=True,
    web=True,
    together=True,
    one_way=True,
    lookup=True,
    network_noun="texts",
    room_noun="group",
    prompt="Phone number",
    prompt_help="Write a number like +1 555 123 4567.",
)

#: Settings that are asked for each time; of the others something was made that goes on.
_LIVE = frozenset(
    {
        "countries",
        "costly",
        "short_codes",
        "prices",
        "currency",
        "ways",  # of those that name a route that is not there yet nothing is made: it is in no number's routes
        *(f"limits.{key}" for key in LimitSettings.model_fields),
    }
)


class SmsBridge:
    """One configured bridge of this kind. Also ``Registering``, ``LookingUp``, ``Running``, ``Serving`` and
    ``Forgets``."""

    def __init__(self, settings: SmsSettings, services: Services, build: Building = built) -> None:
        self.office = Office(settings, services, build)
        self._commands = SmsCommands(self.office).declared()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def reconfigure(self, settings: BaseModel) -> Sequence[str]:
        """``gateway.bridge.Reconfigures``."""
        if not isinstance(settings, SmsSettings):
            raise TypeError("the SMS bridge takes SmsSettings")
        now = self.office.settings
        taken, waiting = live(now, settings, _LIVE)
        self.office.reconfigure(taken)
        return waiting

    def address(self, text: str) -> Address:
        return addresses.read(text, self.office.place)

    def lookup(self, text: str) -> Address:
        found = addresses.read(text.strip(), self.office.place)
        if found.kind is not AddressKind.CONTACT:
            raise BadAddress("Write a phone number like +1 555 123 4567.")
        return found

    def together(self, contacts: Sequence[Address]) -> Address:
        """``gateway.bridge.Gathers``."""
        return addresses.read(",".join(each.name for each in contacts), self.office.place)

    def text(self, address: Address) -> str:
        return address.name if address.kind in (AddressKind.CONTACT, AddressKind.ROOM) else ""

    def fold(self, name: str) -> str:
        return addresses.fold(name, self.office.place)

    def label(self, user: str, address: Address) -> str:
        """``gateway.bridge.Labels``."""
        if address.kind is AddressKind.ROOM:
            group = self.office.groups.find(user, address.name)
            return self.office.groups.title(group) if group is not None else ""
        return addresses.label(self.fold(address.name))

    def nick(self, text: str) -> str:
        return text

    def fields(self, network: str) -> Sequence[Field]:
        return personal.fields()

    def check(self, values: Mapping[str, str]) -> None:
        personal.check(values)

    def session(self, account: Account, sink: Sink) -> SmsSession:
        return SmsSession(account, sink, self.office)

    # -- registration ------------------------------------------------------------------------------------------

    @property
    def home(self) -> str:
        return HOME

    def registration_fields(self) -> Sequence[Field]:
        return (*self.office.registrar.fields(), *personal.fields())

    async def validate(self, account: Account) -> Refused | None:
        try:
            personal.check(account.settings)
            parts = await self.office.opened()
            return await self.office.registrar.welcome(account.user, account.settings, parts)
        except BadAddress as error:
            return Refused(Condition.NOT_ACCEPTABLE, str(error))
        except NotStored:
            text = "The gateway cannot write to its database just now. Please try again later."
            return Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT)

    def commands(self, address: Address) -> Sequence[BridgeCommand]:
        """``gateway.bridge.Commanding``."""
        return self._commands if address.kind is AddressKind.GATEWAY else ()

    async def answer(self, request: WebRequest) -> WebResponse:
        """``gateway.bridge.Serving``: callbacks of providers."""
        return await self.office.webhooks.answer(request)

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        await self.office.run()

    async def trial(self) -> Sequence[str | Hint]:
        found: list[str | Hint] = []
        if not self.office.routes.all:
            found.append("There is no way to the network: add one as [bridges.sms.routes.NAME].")
        elif not self.office.settings.numbers and not self.office.settings.own_accounts:
            found.append(
                "There is no number to text from: add those that you have as [[bridges.sms.numbers]]."
            )
        for route in self.office.routes.all:
            found += [f"Route {route.name}: {each}" for each in await route.trial()]
        return found

    def examine(self) -> AsyncIterator[Finding]:
        """``gateway.bridge.Examined``."""
        return examine(self.office)

    def measures(self) -> Iterable[Measure]:
        """``gateway.bridge.Measured``."""
        return measures(self.office)

    def ailments(self) -> Mapping[str, str]:
        """``gateway.bridge.Ailing``."""
        return ailments(self.office)

    def replay(self, request: WebRequest) -> Sequence[str]:
        """``gateway.bridge.Replays``."""
        name = request.path.partition("/")[0]
        route = self.office.routes.find(name)
        if route is None:
            known = ", ".join(each.name for each in self.office.routes.all) or "none"
            return [f"There is no route {name!r}, as the address has it; there is {known}."]
        return replayed(route, request)

    async def passages(self, id_: str) -> Sequence[Passage]:
        """``gateway.bridge.Tracing``."""
        return await passages(self.office.services, id_)

    def forget(self, user: str) -> None:
        self.office.forget(user)


def build(settings: BaseModel, services: Services) -> SmsBridge:
    """For ``Plugin``."""
    if not isinstance(settings, SmsSettings):
        raise TypeError(f"{type(settings).__name__} are not the settings of the SMS bridge")
    return SmsBridge(settings, services)
