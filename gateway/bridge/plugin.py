"""What a bridge is to the core, and what its package exports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from gateway.bridge.capabilities import Capabilities
from gateway.bridge.services import Account, Services
from gateway.bridge.session import Session, Sink
from gateway.bridge.tables import Schema
from gateway.model import (
    Address,
    Crowd,
    Field,
    Refused,
)


class BadAddress(Exception):
    """Text that is no address of this bridge; the argument is one sentence for the person who wrote it."""


class Bridge(Protocol):
    """One configured bridge."""

    @property
    def capabilities(self) -> Capabilities: ...

    def address(self, text: str) -> Address:
        """Read the (unescaped) local part of one of our JIDs; ``""`` is the gateway itself. Raises ``BadAddress``."""

    def text(self, address: Address) -> str:
        """The local part (not yet escaped) under which ``address`` is shown: reversible by ``address`` up to folding, and
        left unchanged by Unicode case folding and NFKC, so that XMPP servers leave it alone. ``""`` for the gateway."""

    def fold(self, name: str) -> str:
        """As ``Session.fold``, as long as there is no session."""

    def nick(self, text: str) -> str:
        """The nick to ask the network for when a user wants to be called ``text``; raises ``BadAddress`` with one sentence
        when no network of this kind could have it."""

    def fields(self, network: str) -> Sequence[Field]:
        """What a user can set for this network; the values come back in ``Account.settings``."""

    def check(self, values: Mapping[str, str]) -> None:
        """Validate a user's settings; raises ``BadAddress`` with one sentence for the person who wrote them."""

    def session(self, account: Account, sink: Sink) -> Session: ...


class Registering(Protocol):
    """What a bridge with ``Capabilities.registration`` has besides (XEP-0100 §4.1). A user has one registration; its values
    are kept as the settings of the user's account on the network ``home``, and are what ``Account.settings`` holds there."""

    @property
    def home(self) -> str:
        """The network on which registered users have their account."""

    def registration_fields(self) -> Sequence[Field]:
        """What to ask for. Those with a name of XEP-0077 (username, password, nick, email, phone ...) are also asked of
        clients that know no forms."""

    async def validate(self, account: Account) -> Refused | None:
        """Find out whether ``account.settings`` are good, by logging in with them where the network has a login; None if
        they are. Else ``not-acceptable`` (a field makes no sense), ``not-authorized`` (the network refuses them) or
        ``remote-server-timeout`` (it could not be asked). Is cancelled when it takes longer than people wait."""


class Adjustable(Protocol):
    """What a bridge with ``Capabilities.adjustable`` has besides; its sessions are ``Adjusts``. What is set for a whole
    network is in ``Bridge.fields``."""

    def gateway_fields(self) -> Sequence[Field]:
        """What a user can set for all networks; comes back in ``Account.common``."""

    def room_fields(self, network: str, room: str, settings: Mapping[str, str]) -> Sequence[Field]:
        """What a user can set for a room, the values that hold otherwise as defaults; ``settings`` are those of the network.
        Comes back in ``Account.rooms``."""

    def check_rooms(self, values: Mapping[str, str]) -> None:
        """As ``Bridge.check``, for settings of a room."""


class Crowded(Protocol):
    """What a bridge with ``Capabilities.crowds`` has besides."""

    def crowd(self, network: str) -> Crowd:
        """What holds in rooms of ``network`` (any, if that is empty) for users who have not chosen."""


class Traceable(Protocol):
    """What a bridge with ``Capabilities.traces`` has besides."""

    def traces(self, token: str, network: str) -> Sequence[str]:
        """What a network sees of the user with this ``Account.token`` besides nicks, in lower case (user names, addresses,
        hosts), so that admins find out whom it complains of."""


class Forgets(Protocol):
    """What a bridge with ``Capabilities.forgets`` has besides: it remembers users beyond their sessions."""

    def forget(self, user: str) -> None:
        """Rows of ``user`` (``Account.user``) in all tables are gone: so is what was remembered of them, and their files."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that an operator should know, and that keeps nothing from working. ``text`` is one sentence."""

    text: str


class Running(Protocol):
    """What a bridge with ``Capabilities.background`` has besides: work of its own, whether users are connected or not."""

    async def run(self) -> None:
        """Is started with the bridge's component and cancelled at its end; may return early. What goes wrong is the bridge's
        own to tell, in its log."""

    async def trial(self) -> Sequence[str | Hint]:
        """For ``causeway check``, instead of ``run``: what would keep it from working, each in a sentence with the fix, and
        what works, but less well than it could."""


class Reconfigures(Protocol):
    """What a bridge with ``Capabilities.reconfigures`` has besides."""

    def reconfigure(self, settings: BaseModel) -> Sequence[str]:
        """Other settings (of ``Plugin.settings``) hold from now on, as far as that is possible without touching sessions
        that are under way. The keys of those that changed and need the bridge to be restarted, those of a table within as
        ``limits.size`` (``gateway.bridge.fields.live`` does both)."""


class Discreet(Protocol):
    """What a bridge with ``Capabilities.confidences`` has besides."""

    def confidential(self, address: Address, text: str) -> bool:
        """Whether ``text``, which the user writes to ``address``, may hold a secret that must not be kept anywhere once it
        is sent (a password for a network's services, for instance). Is asked for private messages and instructions."""


class LookingUp(Protocol):
    """What a bridge with ``Capabilities.lookup`` has besides; without it ``Bridge.address`` reads what people write."""

    def lookup(self, text: str) -> Address:
        """The one address that a person means by ``text`` (national phone numbers, addresses with an at sign ...). Raises
        ``BadAddress`` with one sentence for whoever wrote it."""


class Labels(Protocol):
    """What a bridge with ``Capabilities.labels`` has besides."""

    def label(self, user: str, address: Address) -> str:
        """What ``user`` would call a room, or a contact of whom no session has told anything yet; empty: as it is."""


class Gathers(Protocol):
    """What a bridge with ``Capabilities.together`` has besides."""

    def together(self, contacts: Sequence[Address]) -> Address:
        """The contact that stands for all of several (at least two). Raises ``BadAddress`` with one sentence for whoever
        wrote to them."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a bridge package exports. ``settings`` is the model of its part of ``[bridges.NAME]``, ``schema`` its tables in
    the gateway's database, for ``Services.tables``."""

    settings: type[BaseModel]
    build: Callable[[BaseModel, Services], Bridge]
    schema: Schema | None = None
