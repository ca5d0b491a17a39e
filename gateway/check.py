"""``causeway check``: is everything there that ``causeway run`` needs? One line for each thing, with the fix if need be.

Looks and touches as little as it can: one handshake for every component, one look at the database, of which nothing is
changed. Anything that is wrong is a line, not an exception.
"""

import argparse
import asyncio
import importlib.metadata
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO, cast

from gateway import logs
from gateway.bridge import Bridge, Finding, Hint, Running, Services, Verdict
from gateway.check_media import Search, places, search, writable
from gateway.check_modes import of_files
from gateway.check_storage import before_looking, of_schema, place_of
from gateway.clock import SystemClock
from gateway.config import ConfigError, Plugins, load
from gateway.secrets import SecretBox, SecretError
from gateway.settings import BridgeSettings, Settings, StorageSettings
from gateway.storage.errors import StorageError
from gateway.storage.offline import looking
from gateway.storage.versions import applied
from gateway.xmpp.diagnosis import LinkState, LinkStatus, diagnose, probe
from gateway.xmpp.stream import Symptom, Trouble

Probe = Callable[[str, str, str, int], Awaitable[LinkStatus]]
"""One try of a link: jid, secret, host, port."""


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("error")
    return 0 if asyncio.run(check(arguments.config, os.environ, sys.stdout)) else 1


async def check(
    path: Path,
    environ: Mapping[str, str],
    out: TextIO,
    *,
    try_link: Probe = probe,
    try_upload: Search = search,
    plugins: Plugins | None = None,
) -> bool:
    """Print the findings about the configuration in ``path``; whether nothing failed."""
    failed = False
    async for finding in findings(path, environ, try_link, try_upload, plugins):
        failed = failed or finding.verdict is Verdict.FAIL
        print(f"{finding.verdict:5} {finding.text}", file=out, flush=True)
    return not failed


async def findings(
    path: Path,
    environ: Mapping[str, str],
    try_link: Probe,
    try_upload: Search,
    plugins: Plugins | None,
) -> AsyncIterator[Finding]:
    try:
        settings = load(path, environ, plugins)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding(Verdict.FAIL, str(problem))
        return
    for finding in basics(path, settings):
        yield finding
    yield await _database(settings)
    for finding in directories(settings):
        yield finding
    for bridge in settings.bridges:
        for finding in await background_of(bridge, settings.web.of_bridge(bridge.name)):
            yield finding
    async with asyncio.TaskGroup() as group:
        links = [
            group.create_task(_link(settings, name, jid, secret, try_link))
            for name, jid, secret in (
                (each.name, each.jid, each.secret.get_secret_value()) for each in settings.bridges
            )
        ]
    for link in links:
        yield link.result()
    if settings.media.upload:
        for bridge, link in zip(settings.bridges, links, strict=True):
            if link.result().verdict is Verdict.OK:
                yield await _upload(settings, bridge, try_upload)


def basics(path: Path, settings: Settings, user: int | None = None) -> Iterator[Finding]:
    """What can be seen without asking anybody: the configuration, the key, and who may read what is kept. ``user``: the id
    of whom the gateway runs as, if it is known."""
    bridges = ", ".join(f"{each.name} at {each.jid}" for each in settings.bridges)
    yield Finding(Verdict.OK, f"{path}: {bridges}", "configuration")
    yield _key(settings.storage)
    yield from of_files(path, settings, user)


def directories(settings: Settings) -> Iterator[Finding]:
    """Where files are kept, and whether others can have them."""
    yield from places(settings.media)
    for bridge in settings.bridges:
        if bridge.plugin.schema is not None:  # only those keep files
            yield _files(settings.storage.directory / bridge.name)


def built(settings: BridgeSettings, web: str) -> Bridge:
    """A bridge that is only asked what it finds. ``web``: see ``Services``."""
    services = Services(
        SystemClock(),
        random.SystemRandom(),
        importlib.metadata.version("causeway"),
        name=settings.name,
        web=web,
    )
    return settings.plugin.build(settings.own, services)


async def background_of(settings: BridgeSettings, web: str) -> list[Finding]:
    """What a bridge does besides its users' sessions."""
    bridge = built(settings, web)
    if not bridge.capabilities.background:
        return []
    found = await cast("Running", bridge).trial()  # the capability says that it can
    notes = [
        Finding(Verdict.NOTE, f"{settings.name}: {settings.named(each.text)}")
        for each in found
        if isinstance(each, Hint)
    ]
    troubles = [
        Finding(Verdict.FAIL, f"services of {settings.name}: {settings.named(each)}")
        for each in found
        if isinstance(each, str)
    ]
    return [*(troubles or [Finding(Verdict.OK, f"services of {settings.name}")]), *notes]


def _files(directory: Path) -> Finding:
    problem = writable(directory, "storage.directory")
    if problem:
        return Finding(Verdict.FAIL, problem, "data directory")
    made = "" if directory.exists() else " will be made at the first start"
    return Finding(Verdict.OK, f"data directory {directory}{made}", "data directory")


async def _upload(settings: Settings, bridge: BridgeSettings, try_upload: Search) -> Finding:
    host, port = settings.xmpp.host, settings.xmpp.port
    secret = bridge.secret.get_secret_value()
    found = await try_upload(bridge.jid, secret, host, port, settings.media.upload_service)
    return Finding(found.verdict, f"files of {bridge.name}: {found.text}")


def _key(storage: StorageSettings) -> Finding:
    try:
        SecretBox.load(storage.key_file)
    except SecretError as error:
        return Finding(Verdict.FAIL, str(error), "key file")
    return Finding(Verdict.OK, f"key file {storage.key_file}", "key file")


async def _database(settings: Settings) -> Finding:
    file = settings.storage.database_file
    if file is not None and (found := before_looking(file)) is not None:
        return found
    try:
        async with looking(settings.storage.database) as connection:
            place = place_of(settings.storage)
            return of_schema(settings, place, await applied(connection, place))
    except StorageError as error:
        return Finding(Verdict.FAIL, str(error), "database")


async def _link(settings: Settings, name: str, jid: str, secret: str, try_link: Probe) -> Finding:
    host, port = settings.xmpp.host, settings.xmpp.port
    status = await try_link(jid, secret, host, port)
    if status.state is LinkState.UP:
        return Finding(Verdict.OK, f"link of {name}: {status.reason}")
    reason = status.reason
    if (
        reason
        == diagnose(Trouble(Symptom.STREAM_ERROR, condition="conflict"), jid=jid, host=host, port=port).reason
    ):
        reason += " If the gateway itself is running now, this is its own link, and all is well."
    return Finding(Verdict.FAIL, f"link of {name}: {reason}")
