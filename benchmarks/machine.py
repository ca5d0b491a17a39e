"""The machine a run happens on: which core is whose, and what the reader of a table has to know about it.

Knows nothing of gateways but the versions they report.
"""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/core_id"


@dataclass(frozen=True, slots=True)
class Cores:
    """Logical processors by number; the same one twice where the machine lends us only one."""

    load: int
    gateway: int

    @property
    def shared(self) -> bool:
        return self.load == self.gateway


def choose_cores() -> Cores:
    """One core for the load and one for the gateway, of different physical cores where there are any."""
    usable = sorted(os.sched_getaffinity(0))
    first = usable[0]
    others = usable[1:]
    apart = [core for core in others if _physical(core) != _physical(first)]
    return Cores(load=first, gateway=(apart or others or [first])[0])


def describe(cores: Cores, directory: Path, packages: Sequence[tuple[str, str]]) -> list[str]:
    """Lines for below a table. ``directory`` is where databases lay; ``packages`` are further (name, version) pairs."""
    own = [
        (name, found) for name in ("slixmpp", "irc", "sqlalchemy", "uvloop") if (found := _installed(name))
    ]
    pinning = (
        "gateway and load share the only core: figures are worth little"
        if cores.shared
        else f"gateway on core {cores.gateway}, load on core {cores.load}"
    )
    return [
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gib():.0f} GiB; {pinning}",
        f"{platform.system()} {platform.release()}; databases on {_file_system(directory)}",
        f"Python {platform.python_version()} ({sys.implementation.name}); "
        + ", ".join(f"{name} {number}" for name, number in (*packages, *own)),
    ]


def _physical(core: int) -> str:
    try:
        return Path(_TOPOLOGY.format(core)).read_text().strip()
    except OSError:
        return str(core)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _file_system(directory: Path) -> str:
    """Type of the file system that holds ``directory``: the mount with the longest matching path."""
    path = str(directory.resolve())
    best, kind = "", "an unknown file system"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind
