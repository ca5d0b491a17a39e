"""What each part of a component is given. Nothing happens here; ``component`` says when.

Some of what is handed over is asked for later only, so that parts can be built before those that they use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element

import structlog

from gateway.accounts.account import Account
from gateway.accounts.host import Host, Wiring
from gateway.accounts.pacing import Pacer
from gateway.addressing import unescape
from gateway.bridge import Bridge, Clock, Discreet, Services
from gateway.contacts.people import Surroundings
from gateway.delivery.service import DeliveryWiring
from gateway.doors.front import Street
from gateway.history.service import Archives
from gateway.ids import IdSource
from gateway.limits import Limits
from gateway.loops import Loops
from gateway.media.arrivals import Publish
from gateway.media.metering import metered
from gateway.media.service import MediaService
from gateway.model import GATEWAY, Address, Question, Refused
from gateway.ops.status import Direction
from gateway.ops.traffic import Traffic
from gateway.rooms.configuring import NetworkSettings
from gateway.rooms.habits import Habits
from gateway.xmpp.guard import GuardWiring
from gateway.xmpp.link import Link, LinkStatus
from gateway.xmpp.lookout import Lookout
from gateway.xmpp.reception import Offices
from gateway.xmpp.stanza import Stanza
from gateway.xmpp.upload import publish_with

if TYPE_CHECKING:
    from gateway.xmpp.component import Component

_log = structlog.get_logger(__name__)


def linked(
    of: "Component",
    services: Services,
    on_stanza: Callable[[Element], None],
    on_status: Callable[[LinkStatus], None],
    lookout: Lookout,
) -> Link:
    return Link(
        jid=of.settings.jid,
        secret=of.settings.secret,
        host=of.settings.host,
        port=of.settings.port,
        clock=services.clock,
        random=services.random,
        on_stanza=on_stanza,
        on_status=on_status,
        on_twin=lookout.twin,
        on_written=of.traffic.written,
    )


def hosted(
    of: "Component",
    services: Services,
    pacer: Pacer,
    media: MediaService | None,
    status_changed: Callable[[Account], None],
) -> Host:
    settings = of.settings
    return Host(
        settings.name,
        of.bridge,
        of.book,
        services,
        of.stores,
        pacer,
        settings.backoff,
        Wiring(
            of.link.send,
            of.tasks.spawn,
            status_changed,
            of.chats,
            of.deliveries.barrier.stamp,
            of.traffic,
            publish(of, media, services),
            of.guard.watched,
            of.guard.overheard,
            asked(of),
            cut_off(of),
            lambda: of.link.congested,
            settings.languages,
            habits=Habits(record=settings.archive.recorded, persistent=settings.persistent),
        ),
        of.people.contacts,
        of.guard.before(of.deliveries),
        recorder=of.archives.recorder,
    )


def offices(of: "Component") -> Offices:
    return Offices(
        of.book,
        of.bridge,
        of.accounts,
        of.rooms,
        of.people,
        of.deliveries,
        of.doors,
        of.asking,
        of.telling,
        of.speech,
        of.refuse,
    )


def publish(of: "Component", media: MediaService | None, services: Services) -> Publish | None:
    if media is None:
        return None
    privileges = of.people.privileges
    ready = publish_with(media, of.settings.name, of.jid, of.iq, services.clock, privileges)
    return metered(ready, of.guard.limits, media.carried(of.settings.name).published)


def exact(bridge: Bridge) -> Callable[[Address, str], bool]:
    """What must reach the network to the letter: passwords above all."""
    if bridge.capabilities.confidences:
        return cast("Discreet", bridge).confidential
    return lambda address, text: False


def accounted(traffic: Traffic) -> Callable[[Stanza, Refused], None]:
    """Keeps account of refused messages; of other stanzas none is kept."""

    def refused(stanza: Stanza, why: Refused) -> None:
        if stanza.kind == "message":
            names = (stanza.sender.local, stanza.to.resource, *unescape(stanza.to.local).split("%"))
            traffic.fail(Direction.OUT, why, stanza.id, names)

    return refused


def asked(of: "Component") -> Callable[[Account, str, Question, Callable[[str], None]], None]:
    def ask(account: Account, sender: str, question: Question, answer: Callable[[str], None]) -> None:
        of.asking.asked(account, sender, question, answer)

    return ask


def cut_off(of: "Component") -> Callable[[str, str, int, float], None]:
    """What happens when a network bans one user after the other: only people can settle that."""

    def tell(network: str, words: str, users: int, seconds: float) -> None:
        name = of.settings.name
        _log.warning(
            "network bans us", bridge=name, network=network, words=words, users=users, seconds=seconds
        )
        text = (
            f"{network} bans the users of {of.settings.title}, {users} so far: {words}. Nobody logs in there for "
            f"{seconds / 60:.0f} minutes; then one user tries. Please talk to the network's staff."
        )
        for admin in of.access.policy.admins:
            of.tell_user(admin, text)

    return tell


def guarded(of: "Component", clock: Clock, limits: Limits, loops: Loops) -> GuardWiring:
    return GuardWiring(
        name=of.settings.name,
        bridge=of.bridge,
        book=of.book,
        clock=clock,
        limits=limits,
        loops=loops,
        own=of.settings.siblings or {of.jid},
        send=of.link.send,
        admins=lambda: of.access.policy.admins,
        returned=of.people.elsewhere.returned,
        tell=of.tell_user,
        notify=of.notify,
        languages=of.settings.languages,
        refused=of.failed,
    )


def archived(of: "Component", services: Services) -> Archives:
    return Archives(
        of.settings.name,
        of.bridge,
        of.book,
        services,
        of.stores,
        of.settings.archive,
        send=of.link.send,
        drain=of.link.drain,
        account=of.account,
    )


def ledger(of: "Component", services: Services) -> DeliveryWiring:
    return DeliveryWiring(
        name=of.settings.name,
        capabilities=of.bridge.capabilities,
        book=of.book,
        store=of.stores.deliveries,
        clock=services.clock,
        random=services.random,
        ids=IdSource(services.clock, services.random),
        iq=of.iq,
        send=of.link.send,
        spawn=of.tasks.spawn,
        account=of.account,
        refuse=of.refuse,
        service=of.service,
        caught_up=lambda: not of.check.busy,
        heard=of.archives.heard(of.chats.heard),
        copies=of.asides.copies,
        introduce=lambda entry: of.people.stranger(entry.owner, entry.network, entry.peer),
        taken=of.archives.taken(of.chats.taken),
        readers=of.readers,
        traffic=of.traffic,
    )


def surroundings(of: "Component", services: Services) -> Surroundings:
    return Surroundings(
        name=of.settings.name,
        title=of.settings.title,
        bridge=of.bridge,
        book=of.book,
        stores=of.stores,
        clock=services.clock,
        ids=IdSource(services.clock, services.random),
        iq=of.iq,
        send=of.link.send,
        spawn=of.tasks.spawn,
        account=of.account,
        accounts=of.accounts_of,
        caps=of.caps_of,
        admin=of.access.admin,
        allowed=of.allowed,
        gateway_standing=of.gateway_standing,
        sent_elsewhere=of.archives.recorder.elsewhere,
    )


def street(of: "Component", services: Services) -> Street:
    return Street(
        name=of.settings.name,
        title=of.settings.title,
        bridge=of.bridge,
        book=of.book,
        stores=of.stores,
        clock=services.clock,
        ids=IdSource(services.clock, services.random),
        accounts=of.accounts,
        access=of.access,
        limits=of.settings.limits,
        usage=of.guard.limits,
        languages=of.settings.languages,
        readers=of.readers,
        preferences=of.host.preferences,
        room_parts=(NetworkSettings(of.accounts),),
        token=of.host.token,
        known=of.host.known,
        breaker=of.host.breaker,
        desk=of.desk,
        send=of.link.send,
        refuse=of.refuse,
        spawn=of.tasks.spawn,
        ask_to_see=lambda owner: of.people.subscriptions.ask(owner, ""),
        standing_changed=lambda owner: of.people.subscriptions.changed(owner, "", GATEWAY),
        end_subscriptions=of.people.forget,
        forget_user=of.forget_user,
    )
