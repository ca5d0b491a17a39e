"""The email bridge as the core sees it: ``gateway.bridge.Bridge`` over addresses, settings and sessions."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from pydantic import BaseModel

from bridges.email import addresses, personal
from bridges.email.attached import account as attached
from bridges.email.attached.dialling import Obstacle
from bridges.email.commands import MailCommands
from bridges.email.config import EmailSettings, LimitSettings
from bridges.email.examining.whole import examine
from bridges.email.identity import Taken
from bridges.email.measuring import ailments, measures
from bridges.email.office import Office
from bridges.email.session import EmailSession
from bridges.email.tracking import passages
from bridges.email.trying import tried
from bridges.email.ways import smarthost_of
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
)
from gateway.bridge.fields import live
from gateway.model import Address, AddressKind, Condition, ErrorType, Field, Refused

CAPABILITIES = Capabilities(
    gateway_type="smtp",
    gateway_name="Causeway XMPP-email gateway",
    rooms=True,
    rooms_are_topics=True,
    attachments=True,
    replies=True,
    corrections=True,
    threads=True,
    subjects=True,
    retractions=True,
    typing=True,
    contact_presence=True,
    one_way=True,
    store_and_forward=True,
    recognises_repeats=True,
    durable_rooms=True,
    delivery_reports=True,
    silence_is_consent=True,
    late_failures=True,
    read_marks=True,
    local_sessions=True,
    registration=True,
    forgets=True,
    commands=True,
    background=True,
    examined=True,
    measured=True,
    ailing=True,
    tracing=True,
    reconfigures=True,
    lookup=True,
    network_noun="mail",
    room_noun="thread",
    prompt="Mail address",
    prompt_help="Write an address like alice@example.com.",
)

#: Settings that are asked for each time. Of the others something was made that goes on: addresses, doors, connections.
_LIVE = frozenset(
    {
        "first_contact",
        "html",
        "reserved",
        "aliases_each",
        "postmaster",
        "window",
        "window_longest",
        "footer",
        "trust.authserv_ids",
        "trust.own_hosts",
        "trust.spam_fields",
        *(f"limits.{key}" for key in LimitSettings.model_fields if key != "message_size"),
    }
)


class EmailBridge:
    """One configured bridge of this kind. Also ``Registering``, ``LookingUp``, ``Running`` and ``Forgets``."""

    def __init__(self, settings: EmailSettings, services: Services) -> None:
        self.settings = settings
        self._services = services
        self.office = Office(settings, services)
        self._commands = MailCommands(self.office).declared()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def reconfigure(self, settings: BaseModel) -> Sequence[str]:
        """``gateway.bridge.Reconfigures``."""
        if not isinstance(settings, EmailSettings):
            raise TypeError("the email bridge takes EmailSettings")
        self.settings, waiting = live(self.settings, settings, _LIVE)
        self.office.reconfigure(self.settings)
        return waiting

    def address(self, text: str) -> Address:
        return addresses.read(text)

    def lookup(self, text: str) -> Address:
        found = addresses.read(text.strip().removeprefix("mailto:"))
        if not found.name:
            raise BadAddress("Write a mail address like alice@example.com.")
        return found

    def text(self, address: Address) -> str:
        return addresses.write(address)

    def fold(self, name: str) -> str:
        return addresses.fold(name)

    def nick(self, text: str) -> str:
        return text

    def fields(self, network: str) -> Sequence[Field]:
        return personal.fields()

    def check(self, values: Mapping[str, str]) -> None:
        personal.check(values)

    def session(self, account: Account, sink: Sink) -> EmailSession:
        return EmailSession(account, sink, self.office)

    # -- registration ------------------------------------------------------------------------------------------

    @property
    def home(self) -> str:
        return addresses.HOME

    def registration_fields(self) -> Sequence[Field]:
        elsewhere = attached.fields() if self.settings.account_mode else ()
        return personal.registration_fields(self.settings.alias_domain, elsewhere)

    async def validate(self, account: Account) -> Refused | None:
        try:
            personal.check(account.settings)
            wanted = account.settings.get("username", "")
            mailing = self.office.mailing(account.settings)
            parts = await self.office.opened()
            if mailing is not None:
                obstacle = await parts.custodians.dialling.tried(account.user, mailing)
                return _refused(obstacle) if obstacle is not None else None
            await self.office.identities.settle(account.user, account.address or account.user, wanted)
        except (BadAddress, Taken) as error:
            return Refused(Condition.NOT_ACCEPTABLE, str(error))
        except NotStored:
            text = "The gateway cannot write to its database just now. Please try again later."
            return Refused(Condition.INTERNAL_SERVER_ERROR, text, ErrorType.WAIT)
        return None

    def commands(self, address: Address) -> Sequence[BridgeCommand]:
        """``gateway.bridge.Commanding``."""
        return self._commands if address.kind is AddressKind.GATEWAY else ()

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        await self.office.run()

    async def trial(self) -> Sequence[str | Hint]:
        return await tried(self.settings, lambda: smarthost_of(self.settings))

    def examine(self) -> AsyncIterator[Finding]:
        """``gateway.bridge.Examined``."""
        return examine(self.settings, self.office, self._services.clock, lambda: smarthost_of(self.settings))

    def measures(self) -> Iterable[Measure]:
        """``gateway.bridge.Measured``."""
        return measures(self.office.parts)

    def ailments(self) -> Mapping[str, str]:
        """``gateway.bridge.Ailing``."""
        return ailments(self.office.parts)

    async def passages(self, id_: str) -> Sequence[Passage]:
        """``gateway.bridge.Tracing``."""
        return await passages(self._services, id_)

    def forget(self, user: str) -> None:
        self.office.forget(user)


def _refused(obstacle: Obstacle) -> Refused:
    if obstacle.credentials:
        return Refused(Condition.NOT_AUTHORIZED, obstacle.text)
    if obstacle.lasting:
        return Refused(Condition.NOT_ACCEPTABLE, obstacle.text)
    return Refused(Condition.REMOTE_SERVER_TIMEOUT, obstacle.text, ErrorType.WAIT)


def build(settings: BaseModel, services: Services) -> EmailBridge:
    """For ``Plugin``."""
    if not isinstance(settings, EmailSettings):
        raise TypeError(f"{type(settings).__name__} are not the settings of the email bridge")
    return EmailBridge(settings, services)
