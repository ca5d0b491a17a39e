"""The IRC bridge as the core sees it: ``gateway.bridge.Bridge`` over addresses, settings and sessions."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from weakref import WeakSet

from pydantic import BaseModel

from bridges.irc import encodings, profile, secrecy
from bridges.irc.addresses import Addresses, server_name
from bridges.irc.certificate_commands import CertificateCommands
from bridges.irc.claims import Claims
from bridges.irc.common import Connect, Connection
from bridges.irc.config import IrcSettings
from bridges.irc.entry import Security
from bridges.irc.examining import examine
from bridges.irc.identd import Identd
from bridges.irc.link import IrcReactor
from bridges.irc.manners import Manners
from bridges.irc.network_config import NetworkSettings
from bridges.irc.protocol.casemap import RFC1459
from bridges.irc.protocol.line import Line
from bridges.irc.session import IrcSession
from bridges.irc.sources import sources, trial
from bridges.irc.tally import Tallies, Tally
from gateway.bridge import (
    Account,
    BadAddress,
    BridgeCommand,
    Capabilities,
    Finding,
    Measure,
    Passage,
    Services,
    Session,
    SessionEnded,
    Sink,
)
from gateway.model import Address, AddressKind, Condition, Crowd, Field, Refused

CAPABILITIES = Capabilities(
    gateway_type="irc",
    gateway_name="Causeway XMPP-IRC gateway",
    rooms=True,
    room_type="irc",
    networks=True,
    instructions=True,
    direct_messages=True,
    nick_change=True,
    topic=True,
    kick=True,
    styling=True,
    plain_marks=True,
    governing=True,
    orders=("/mode",),
    invitations=True,
    room_list=True,
    questions=True,
    acceptance_only=True,  # a private message that nobody got is known only by an error, if at all
    late_failures=True,  # and that comes when the message was taken, where the server confirms nothing
    passwords=True,
    commands=True,
    adjustable=True,
    crowds=True,
    details=True,
    traces=True,
    examined=True,
    measured=True,
    tracing=True,
    reconfigures=True,
    network_noun="IRC server",
    room_noun="IRC channel",
    confidences=True,
    legacy_identities=(("conference", "irc"),),
    prompt="Channel or nick",
    prompt_help="Write #CHANNEL%NETWORK or NICK%NETWORK, for instance #python%irc.libera.chat.",
)


#: What the bridge is made with: addresses, what it claims, and where it listens.
_FIXED = ("fixed_server", "reaction_lines", "retraction_lines", "identd_port", "identd_host")


class IrcBridge:
    """One configured ``[bridges.irc]``. ``connect`` makes connections; the default ones are real."""

    def __init__(self, settings: IrcSettings, services: Services, connect: Connect | None = None) -> None:
        self._services = services
        self._addresses = Addresses(settings.fixed_server)
        self._can = replace(
            CAPABILITIES,
            reaction_lines=settings.reaction_lines,
            retraction_lines=settings.retraction_lines,
            background=settings.identd_port != 0 or bool(sources(settings)),
        )
        self._unstyled = replace(self._can, styling=False)
        self._tallies = Tallies([settings.fixed_server] if settings.fixed_server else [])
        self._sessions: WeakSet[IrcSession] = WeakSet()  # those that somebody has
        self._take(settings)
        self._connect = connect
        self._security = Security.of(services)
        self._claims = Claims()
        self._identd = Identd(self._claims, services.clock, settings.identd_host, settings.identd_port)
        self._certificate_command = CertificateCommands(self._security.certificates).declared()
        self._reactor: IrcReactor | None = None

    def _take(self, settings: IrcSettings) -> None:
        """These hold for everything that begins from now on."""
        self._settings = settings
        # One object for all sessions of a network, and one for all networks that nobody configured.
        self._listed = {name: settings.network(name) for name in map(server_name, settings.networks)}
        self._usual = settings.network("")
        self._tallies.know(self._listed)
        self._manners = Manners.of(settings)

    def reconfigure(self, settings: BaseModel) -> Sequence[str]:
        """``gateway.bridge.Reconfigures``: connections that are there stay as they are."""
        if not isinstance(settings, IrcSettings):
            raise TypeError("the IRC bridge takes IrcSettings")
        held = {key: getattr(self._settings, key) for key in _FIXED}
        waiting = [key for key, value in held.items() if getattr(settings, key) != value]
        self._take(settings.model_copy(update=held))
        return waiting

    @property
    def capabilities(self) -> Capabilities:
        return self._can

    def address(self, text: str) -> Address:
        address = self._addresses.address(text)
        if address.network and not self._served(address.network):
            raise BadAddress(self._not_served(address.network))
        return address

    def text(self, address: Address) -> str:
        return self._addresses.text(address)

    def fold(self, name: str) -> str:
        return RFC1459.fold(name)  # what servers mean that do not say

    def nick(self, text: str) -> str:
        return profile.nick(text)

    def confidential(self, address: Address, text: str) -> bool:
        """``gateway.bridge.Discreet``."""
        if address.kind is AddressKind.NETWORK:
            return secrecy.to_server(text)
        return address.kind is AddressKind.CONTACT and secrecy.to_person(address.name, text)

    def commands(self, address: Address) -> Sequence[BridgeCommand]:
        """``gateway.bridge.Commanding``."""
        return (self._certificate_command,) if address.kind is AddressKind.NETWORK else ()

    def fields(self, network: str) -> Sequence[Field]:
        return profile.fields(network, self._network(network), self._may(network))

    def check(self, values: Mapping[str, str]) -> None:
        profile.check(values)

    def gateway_fields(self) -> Sequence[Field]:
        """``gateway.bridge.Adjustable``."""
        return ()

    def room_fields(self, network: str, room: str, settings: Mapping[str, str]) -> Sequence[Field]:
        return profile.encoding_fields(
            settings, "The encoding of messages {}. If unset, the network's counts."
        )

    def check_rooms(self, values: Mapping[str, str]) -> None:
        encodings.check(values)

    def crowd(self, network: str) -> Crowd:
        """``gateway.bridge.Crowded``."""
        settings = self._network(network)
        return Crowd(settings.occupants == "speakers", settings.speakers_above)

    def traces(self, token: str, network: str) -> Sequence[str]:
        """``gateway.bridge.Traceable``."""
        return self._manners.traces(token, self._network(network))

    async def run(self) -> None:
        """``gateway.bridge.Running``."""
        if self._settings.identd_port:
            await self._identd.run()

    async def trial(self) -> Sequence[str]:
        """``gateway.bridge.Running``."""
        identd = await self._identd.trial() if self._settings.identd_port else ()
        return (*identd, *trial(sources(self._settings)))

    def examine(self) -> AsyncIterator[Finding]:
        """``gateway.bridge.Examined``."""
        fixed = self._settings.fixed_server
        named = {fixed: self._network(fixed)} if fixed else self._listed
        services, crowd = self._services, self._security.crowd
        return examine(self._settings, named, crowd, self._identd, services.clock, services.name)

    def measures(self) -> Iterable[Measure]:
        """``gateway.bridge.Measured``."""
        return self._tallies.measures()

    async def passages(self, id_: str) -> Sequence[Passage]:
        """``gateway.bridge.Tracing``."""
        return [each for session in list(self._sessions) for each in session.passages(id_)]

    def session(self, account: Account, sink: Sink) -> Session:
        """Raises ``SessionEnded`` for settings with which no session could begin."""
        if not self._served(account.network):
            why = Refused(Condition.NOT_ALLOWED, self._not_served(account.network))
            raise SessionEnded(why, retry=False)
        try:
            mine = profile.profile(
                account, self._network(account.network), self._may(account.network), self._manners
            )
        except BadAddress as error:
            raise SessionEnded(
                Refused(Condition.NOT_ACCEPTABLE, str(error)), retry=False, credentials=True
            ) from error
        can = self._can if mine.settings.formatting else self._unstyled
        show_all = self._settings.server_messages == "all"
        tally = self._tallies.of(account.network)
        connect = self._connect or partial(self._real, tally)
        session = IrcSession(
            mine, sink, self._services, connect, can, self._security, tally, show_all=show_all
        )
        self._sessions.add(session)
        return session

    def _may(self, network: str) -> profile.Liberties:
        settings = self._settings
        return profile.Liberties(
            move=not settings.only_configured_networks and not settings.fixed_server,
            names=settings.realname_customization,
            ident=not settings.named_by_token,
            unthrottled=settings.may_unthrottle,
            by_address=settings.realname_from_jid,
            near=settings.private_servers,
            listed=network in self._listed or network == settings.fixed_server,
        )

    def _network(self, network: str) -> NetworkSettings:
        return self._listed.get(network, self._usual)

    def _served(self, network: str) -> bool:
        if self._settings.fixed_server:
            return network == self._settings.fixed_server
        return not self._settings.only_configured_networks or network in self._listed

    def _not_served(self, network: str) -> str:
        names = ", ".join(sorted(self._settings.networks)[:10]) or self._settings.fixed_server or "none"
        return f"This gateway does not serve {network}. It serves: {names}."

    def _real(
        self,
        tally: Tally,
        on_line: Callable[[Line], None],
        on_closed: Callable[[str], None],
        on_writable: Callable[[], None],
    ) -> Connection:
        if self._reactor is None:
            # Not earlier: it needs the running loop, which bridges are built before.
            self._reactor = IrcReactor(claims=self._claims if self._settings.identd_port else None)
        return self._reactor.connection(on_line, on_closed, on_writable, tally)


def build(settings: BaseModel, services: Services) -> IrcBridge:
    """``gateway.bridge.Plugin.build``."""
    if not isinstance(settings, IrcSettings):
        raise TypeError("the IRC bridge is built from IrcSettings")
    return IrcBridge(settings, services)
