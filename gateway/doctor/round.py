"""The whole round: every examination of one installation, in the order in which people read about it.

``visit`` opens links of its own, for a gateway that does not run; ``live`` uses those of the one that does.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import cast

from gateway.bridge import Bridge, Clock, Examined, Finding, Verdict
from gateway.bridge.examining import Examination, side_by_side
from gateway.check import background_of, basics, built, directories
from gateway.clock import SystemClock
from gateway.doctor.account import of_account
from gateway.doctor.keeping import of_storage
from gateway.doctor.knock import knock
from gateway.doctor.link import of_link
from gateway.doctor.machine import Machine, of_machine
from gateway.doctor.names import Ask, SystemDns, of_names
from gateway.doctor.patient import Patient, met
from gateway.doctor.rights import of_rights
from gateway.doctor.servers import HIDDEN, Met, Place, users_of
from gateway.doctor.users import of_users
from gateway.doctor.wire import Wire, visiting
from gateway.ops.desk import Login
from gateway.settings import BridgeSettings, Settings
from gateway.storage.database import Database
from gateway.xmpp.component import Component
from gateway.xmpp.diagnosis import LinkState

#: Seconds for all that one bridge examines.
_BRIDGE = 90.0
_AT_ONCE = 100
#: Users that a server is asked about, of those who let the gateway see them.
_CONTACTS = 20


@dataclass(frozen=True, slots=True)
class Around:
    """What examinations use besides the installation itself. ``clock`` is this machine's."""

    clock: Clock = field(default_factory=SystemClock)
    machine: Machine = field(default_factory=Machine)
    dns: Ask = field(default_factory=SystemDns)


def _side_by_side(examinations: Iterable[Examination]) -> AsyncIterator[Finding]:
    """Nearly all of them wait for the one XMPP server, which answers many at once."""
    return side_by_side(examinations, _AT_ONCE)


# -- a gateway that does not run --------------------------------------------------------------------------------


async def visit(
    settings: Settings,
    path: Path,
    bridge: str = "",
    login: Login | None = None,
    around: Around | None = None,
) -> AsyncIterator[Finding]:
    """Try everything with links of our own, for the few seconds that it takes."""
    around = around or Around()
    async for finding in _installation(settings, path, None, bridge, around):
        yield finding
    async with AsyncExitStack() as stack:
        chosen = _chosen(settings, bridge)
        host, port = settings.xmpp.host, settings.xmpp.port
        wires = [
            stack.enter_async_context(
                visiting(each.jid, each.secret.get_secret_value(), host, port, around.clock)
            )
            for each in chosen
        ]
        # One after the other: each takes milliseconds, and closes in this task.
        opened = [await each for each in wires]
        bridges = [
            (each, wire, built(each, settings.web.of_bridge(each.name)))
            for each, wire in zip(chosen, opened, strict=True)
        ]
        async for finding in _bridges(settings, bridges, login, around, running=False):
            yield finding


# -- one that runs ----------------------------------------------------------------------------------------------


async def live(
    settings: Settings,
    path: Path | None,
    components: Mapping[str, Component],
    database: Database,
    bridge: str = "",
    login: Login | None = None,
    around: Around | None = None,
) -> AsyncIterator[Finding]:
    """Try everything from within the running gateway, on its own links; ``path`` is that of the configuration."""
    around = around or Around(machine=Machine(live=True))
    async for finding in _installation(settings, path, database, bridge, around):
        yield finding
    known = {each.name: each for each in _chosen(settings, bridge)}
    bridges = [
        (each, wire_of(components[name]), components[name].bridge)
        for name, each in known.items()
        if name in components
    ]
    async for finding in _bridges(settings, bridges, login, around, running=True):
        yield finding
    people = [_of_people(each, components[each]) for each in known if each in components]
    async for finding in _side_by_side(each for each in people if each is not None):
        yield finding
    for name in known:
        if name not in components:
            text = "It does not run: it failed, and is started again by itself; the log tells more."
            yield Finding(Verdict.FAIL, text, f"{name} bridge")


def wire_of(component: Component) -> Wire:
    """The running gateway's own link."""
    status = component.link.status
    twin = status.state is LinkState.UP and bool(
        status.reason
    )  # see ``Link``: an up link has a reason for nothing else
    privileges = component.people.privileges
    contacts = list(islice(component.people.subscriptions.seen(), _CONTACTS))
    return Wire(
        component.jid,
        status,
        component.iq,
        privileges,
        component.send,
        live=True,
        alone=not twin,
        contacts=contacts,
    )


def _of_people(name: str, component: Component) -> Examination | None:
    """How users get on; nothing to tell where their sessions are no connections."""
    if component.bridge.capabilities.local_sessions:
        return None
    return of_users(name, lambda: component.accounts, component.host.breaker.cuts)


# -- both -------------------------------------------------------------------------------------------------------


def _chosen(settings: Settings, bridge: str) -> Sequence[BridgeSettings]:
    return [each for each in settings.bridges if bridge in ("", each.name)]


async def _installation(
    settings: Settings, path: Path | None, database: Database | None, bridge: str, around: Around
) -> AsyncIterator[Finding]:
    """What all bridges have in common; nothing, if only one is asked for."""
    if bridge:
        return
    if path is not None:
        for finding in await asyncio.to_thread(
            lambda: list(basics(path, settings, os.geteuid() if database is not None else None))
        ):
            yield finding
    for finding in await asyncio.to_thread(lambda: list(directories(settings))):
        yield finding
    common = [*of_storage(settings, around.clock, database), *of_machine(settings, around.machine)]
    async for finding in _side_by_side(common):
        yield finding


async def _bridges(
    settings: Settings,
    bridges: Sequence[tuple[BridgeSettings, Wire, Bridge]],
    login: Login | None,
    around: Around,
    *,
    running: bool,
) -> AsyncIterator[Finding]:
    server, users = await _server(settings, [wire for _, wire, _ in bridges])
    examinations: list[Examination] = []
    for each, wire, bridge in bridges:
        patient = _patient(settings, each, wire, server, users, secrets=not running)
        examinations += of_link(patient, around.clock)
        examinations += of_rights(patient)
        examinations += of_account(patient, login, around.clock)
        examinations += of_names(patient, around.dns)
        examinations += _of_bridge(settings, each, bridge, running=running)
    async for finding in _side_by_side(examinations):
        yield finding


async def _server(settings: Settings, wires: Sequence[Wire]) -> tuple[Met, str]:
    """Which server it is: by asking, or if nobody is let in, by how it refuses. Empty users: as each name tells."""
    for wire in wires:
        if wire.up:
            return await met(wire)
    for wire in wires:
        try:
            answer = await knock(wire.jid, settings.xmpp.host, settings.xmpp.port)
        except (OSError, TimeoutError):
            continue
        return answer.guess, ""
    return Met(), ""


def _patient(
    settings: Settings, bridge: BridgeSettings, wire: Wire, server: Met, users: str, *, secrets: bool
) -> Patient:
    place = Place(
        bridge.jid,
        users or users_of(bridge.jid),
        # Whoever asks on the machine can read the configuration; whoever asks the running gateway may be elsewhere.
        tuple((each.jid, each.secret.get_secret_value() if secrets else HIDDEN) for each in settings.bridges),
        settings.xmpp.port,
    )
    media = settings.media
    return Patient(
        bridge.name,
        wire,
        settings.xmpp.host,
        settings.xmpp.port,
        place,
        server,
        media.upload_service,
        media.upload,
    )


def _of_bridge(
    settings: Settings, each: BridgeSettings, bridge: Bridge, *, running: bool
) -> Iterator[Examination]:
    """What the bridge itself depends on."""
    if bridge.capabilities.examined:

        async def own() -> AsyncIterator[Finding]:
            async for finding in cast("Examined", bridge).examine():  # the capability says that it can
                text, subject = each.named(finding.text), f"{each.name} {finding.subject}"
                yield replace(finding, text=text, subject=subject)

        yield Examination(f"{each.name} network", own, _BRIDGE)
    elif bridge.capabilities.background and not running:

        async def trial() -> AsyncIterator[Finding]:
            for finding in await background_of(each, settings.web.of_bridge(each.name)):
                yield finding

        yield Examination(f"{each.name} services", trial, _BRIDGE)
