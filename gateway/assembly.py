"""How a component is made of the settings: what all of them share, and what each is given.

Knows the settings and what parts want of them; nothing of running and ending.
"""

import importlib.metadata
import random
from collections.abc import MutableMapping, MutableSet, Set
from dataclasses import dataclass, field, fields
from pathlib import Path

from gateway.accounts.directory import AccountLimits
from gateway.accounts.pacing import BackoffPolicy, Pacer, PacingPolicy
from gateway.bridge import Capabilities, Clock, Services, Verbosity
from gateway.delivery.courier import SpoolLimits
from gateway.delivery.outbound import OutboundPolicy
from gateway.delivery.service import DeliveryPolicy
from gateway.doors.access import AccessPolicy, RegistrationMode
from gateway.history.service import ArchivePolicy
from gateway.limits import LimitPolicy, Limits
from gateway.loops import Loops
from gateway.media.metering import Metered
from gateway.media.service import MediaService
from gateway.ops.desk import Desk
from gateway.ops.traffic import Traffic
from gateway.settings import AccessSettings, BridgeSettings, DeliverySettings, LimitSettings, Settings
from gateway.storage.bridge_tables import BridgeTables
from gateway.storage.memory import BridgeMemory
from gateway.storage.stores import Stores
from gateway.web.clients import Clients
from gateway.xmpp.component import Component, ComponentSettings
from gateway.xmpp.lookout import Lookout

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all components of one process share. ``domains`` are theirs, of those that there are now;
    ``traffic`` is of all bridges that there ever were, by name."""

    clock: Clock
    stores: Stores
    tables: BridgeTables
    media: MediaService
    loops: Loops
    clients: Clients
    domains: MutableSet[str] = field(default_factory=set)
    verbosity: Verbosity = field(default_factory=Verbosity)
    traffic: MutableMapping[str, Traffic] = field(default_factory=dict)


def component(
    settings: Settings, bridge: BridgeSettings, shared: Shared, desk: Desk | None, lookout: Lookout
) -> Component:
    """One bridge's component, which does nothing yet."""
    usage = Limits(limit_policy(settings.limits), shared.clock)
    services = Services(
        shared.clock,
        random.SystemRandom(),
        version(),
        Metered(shared.media.fetcher, usage, shared.clock, shared.media.carried(bridge.name).fetched),
        BridgeMemory(shared.stores.memory, bridge.name),
        bridge.name,
        shared.tables,
        _directory(settings.storage.directory, bridge),
        settings.web.of_bridge(bridge.name),
        shared.verbosity,
    )
    built = bridge.plugin.build(bridge.own, services)
    shared.domains.add(bridge.jid)
    return Component(
        component_settings(settings, bridge, built.capabilities, shared.domains),
        built,
        services,
        shared.stores,
        Pacer(pacing_policy(settings.limits), shared.clock),
        shared.media,
        usage,
        shared.loops,
        desk,
        lookout,
        shared.traffic.setdefault(bridge.name, Traffic(shared.clock, bridge.name, shared.verbosity)),
    )


def component_settings(
    settings: Settings, bridge: BridgeSettings, capabilities: Capabilities, domains: Set[str]
) -> ComponentSettings:
    return ComponentSettings(
        name=bridge.name,
        title=bridge.title or capabilities.gateway_name,
        jid=bridge.jid,
        secret=bridge.secret.get_secret_value(),
        host=settings.xmpp.host,
        port=settings.xmpp.port,
        access=access_policy(settings.access),
        limits=account_limits(settings.limits),
        backoff=BackoffPolicy(),
        linger=settings.limits.linger_seconds,
        archive=ArchivePolicy(settings.storage.archive_days > 0, settings.storage.record_history),
        delivery=delivery_policy(settings.delivery),
        persistent=bridge.persistent,
        siblings=domains,
    )


def _directory(parent: Path, settings: BridgeSettings) -> Path:
    """Only bridges with tables keep files; whose name is in the configuration is fit for a directory."""
    place = parent / settings.name
    if settings.plugin.schema is not None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def version() -> str:
    return importlib.metadata.version("causeway")


def access_policy(settings: AccessSettings) -> AccessPolicy:
    return AccessPolicy(
        admins=frozenset(settings.admins),
        allowed_domains=frozenset(settings.allow_domains),
        denied=frozenset(settings.deny),
        registration=RegistrationMode(settings.registration),
        contact=settings.contact,
    )


def account_limits(settings: LimitSettings) -> AccountLimits:
    return AccountLimits(
        total=settings.max_accounts_total,
        per_user=settings.accounts_per_user,
        rooms_per_account=settings.rooms_per_account,
        history=settings.history_max,
    )


def limit_policy(settings: LimitSettings) -> LimitPolicy:
    return LimitPolicy(**{each.name: getattr(settings, each.name) for each in fields(LimitPolicy)})


def pacing_policy(settings: LimitSettings) -> PacingPolicy:
    return PacingPolicy(
        settings.concurrent_logins, 1 / settings.logins_per_second, settings.concurrent_logins_total
    )


def delivery_policy(settings: DeliverySettings) -> DeliveryPolicy:
    spool = SpoolLimits(count=settings.waiting_messages, age=settings.waiting_days * _DAY)
    outbound = OutboundPolicy(
        settings.waiting_messages,
        settings.retry_days * _DAY,
        settings.receipts_on_acceptance,
        settings.report_days * _DAY,
    )
    return DeliveryPolicy(spool, outbound)
