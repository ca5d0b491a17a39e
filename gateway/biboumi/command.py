"""``causeway import-biboumi``: the operator's side of taking over from biboumi."""

import argparse
import asyncio
import os
import random
import sys
from typing import TextIO

from gateway import logs
from gateway.accounts.preferences import Preferences
from gateway.biboumi.tables import CannotRead, reading
from gateway.biboumi.takeover import Takeover, lines_of
from gateway.bridge import Services
from gateway.clock import SystemClock
from gateway.config import ConfigError, Settings, load
from gateway.rooms.habits import USUAL
from gateway.secrets import SecretBox, SecretError
from gateway.settings import BridgeSettings
from gateway.storage.database import opened
from gateway.storage.errors import StorageError
from gateway.storage.memory import BridgeMemory
from gateway.storage.stores import Stores

FAILED, BAD_CONFIG = 1, 78
_WIDTH = 30


def command(arguments: argparse.Namespace) -> int:
    logs.set_up("error")
    try:
        settings = load(arguments.config, os.environ)
        bridge = _chosen(settings, arguments.bridge)
    except ConfigError as error:
        print(f"causeway: the configuration cannot be used\n{error}", file=sys.stderr)
        return BAD_CONFIG
    except LookupError as error:
        print(f"causeway: {error.args[0]}", file=sys.stderr)
        return FAILED
    try:
        for line in asyncio.run(take_over(settings, bridge, arguments.database, _Bar(sys.stderr))):
            print(line)
    except (CannotRead, StorageError, SecretError) as error:
        print(f"causeway: {error}", file=sys.stderr)
        return FAILED
    return 0


async def take_over(
    settings: Settings, chosen: BridgeSettings, database: str, progress: "_Bar | None" = None
) -> list[str]:
    """What was done, in lines for people. Raises ``CannotRead``, ``StorageError``, ``SecretError``."""
    clock = SystemClock()
    secrets = SecretBox.load(settings.storage.key_file)
    async with reading(database) as tables, opened(settings.storage.database, clock=clock) as here:
        stores = Stores.of(here, secrets, clock)
        memory = BridgeMemory(stores.memory, chosen.name)
        services = Services(clock, random.SystemRandom(), "", memory=memory)
        bridge = chosen.plugin.build(chosen.own, services)
        preferences = Preferences(chosen.name, bridge, stores, USUAL)
        takeover = Takeover(
            chosen.name,
            chosen.jid,
            bridge,
            stores,
            here,
            preferences,
            clock.now(),
            progress or _Bar(None),
        )
        return list(lines_of(await takeover.run(tables)))


def _chosen(settings: Settings, name: str) -> BridgeSettings:
    """Raises ``LookupError`` with a sentence."""
    fit = [each for each in settings.bridges if (each.name == name if name else each.kind == "irc")]
    if len(fit) == 1:
        return fit[0]
    names = ", ".join(each.name for each in settings.bridges)
    if name:
        raise LookupError(f"There is no bridge called {name} in the configuration; there are: {names}.")
    raise LookupError(f"Say with --bridge into which bridge; there are: {names}.")


class _Bar:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out if out is not None and out.isatty() else None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._out is None or not total:
            return
        full = _WIDTH * done // total
        end = "\n" if done == total else ""
        bar = "#" * full + "." * (_WIDTH - full)
        self._out.write(f"\r{what:8} [{bar}] {100 * done // total:3} %  {done:,} of {total:,}{end}")
        self._out.flush()
