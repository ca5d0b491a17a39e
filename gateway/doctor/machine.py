"""What is tried on this machine: room on the disks, how many files may be open, who may read the configuration, and whether
the web server is reached from outside."""

import asyncio
import os
import resource
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination
from gateway.settings import Settings
from gateway.web.server import WHO

#: Files that the gateway has open besides its users' connections: database, listeners, links, log.
_FILES_BESIDES = 100
#: Users whom a small installation is to have room for.
_MODEST = 500
#: Share of inodes that has to be free.
_INODES = 0.01
_WEB_SECONDS = 8.0
_ANSWER_MOST = 1000


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the operating system says; tests bring their own. ``live``: it is asked in the gateway's own process."""

    live: bool = False
    space: Callable[[Path], os.statvfs_result] = os.statvfs
    open_files: Callable[[], int] = _open_files
    session: Callable[[], aiohttp.ClientSession] = field(default=aiohttp.ClientSession)


def of_machine(settings: Settings, machine: Machine) -> list[Examination]:
    found = [
        Examination("disk", lambda: _disk(settings, machine)),
        Examination("open files", lambda: _files(settings, machine)),
    ]
    if settings.web.listen:
        found.append(Examination("web", lambda: _web(settings, machine)))
    return found


# -- disks ------------------------------------------------------------------------------------------------------


def _places(settings: Settings) -> Iterator[Path]:
    if settings.storage.database_file is not None:
        yield settings.storage.database_file.parent
    yield settings.storage.directory
    yield settings.media.directory


def _devices(paths: Iterable[Path]) -> Sequence[Path]:
    """One directory that is there for each file system."""
    devices: dict[int, Path] = {}
    for path in paths:
        there = next((each for each in (path, *path.parents) if each.is_dir()), Path("/"))
        devices.setdefault(there.stat().st_dev, there)
    return list(devices.values())


async def _disk(settings: Settings, machine: Machine) -> AsyncIterator[Finding]:
    least = settings.operator.disk_free_mb
    for path in await asyncio.to_thread(_devices, _places(settings)):
        status = await asyncio.to_thread(machine.space, path)
        free = status.f_bavail * status.f_frsize / 1e6
        if free < least:
            yield Finding(
                Verdict.FAIL,
                f"Only {free:.0f} MB are free where {path} is, less than operator.disk_free_mb ({least:g}): make room, or "
                "messages can soon not be kept.",
            )
        elif status.f_files and status.f_favail < status.f_files * _INODES:
            yield Finding(
                Verdict.FAIL,
                f"Only {status.f_favail} more files can be made where {path} is (`df -i`): remove what is not needed there.",
            )
        else:
            yield Finding(Verdict.OK, f"{free / 1000:.1f} GB are free where {path} is.")


async def _files(settings: Settings, machine: Machine) -> AsyncIterator[Finding]:
    most = machine.open_files()
    users = most - _FILES_BESIDES
    wanted = settings.limits.max_accounts_total
    whose = "The gateway" if machine.live else "A gateway started from this shell"
    if most == resource.RLIM_INFINITY or users >= wanted:
        yield Finding(Verdict.OK, f"{whose} may open as many files as its limits need.")
    elif users >= _MODEST:
        yield Finding(
            Verdict.OK,
            f"{whose} may open {most} files: enough for about {users} connections to other networks.",
        )
    else:
        yield Finding(
            Verdict.FAIL,
            f"{whose} may open {most} files, which is enough for {max(users, 0)} connections to other networks.",
            "",
            "[Service]\nLimitNOFILE=65536\n",
            "systemctl edit causeway; then systemctl restart causeway",
        )


# -- the web ----------------------------------------------------------------------------------------------------


async def _web(settings: Settings, machine: Machine) -> AsyncIterator[Finding]:
    """The same word has to come back from within and by the public address: else that leads elsewhere."""
    host, port = settings.web.address
    within = f"http://{f'[{host}]' if ':' in host else host}:{port}{WHO}"
    outside = f"{settings.web.public_url}{WHO}"
    fresh = f"?{secrets.token_hex(8)}"  # past every cache
    async with machine.session() as session:
        ours = await _said(session, within + fresh)
        if ours is None:
            text = f"Nothing answers at {settings.web.listen}: the gateway does not run, or something else is there."
            yield Finding(Verdict.FAIL if machine.live else Verdict.UNKNOWN, text)
            return
        theirs = await _said(session, outside + fresh)
    if theirs == ours:
        yield Finding(
            Verdict.OK, f"{settings.web.public_url} leads to the gateway, as seen from this machine."
        )
        return
    yield Finding(
        Verdict.FAIL,
        f"{settings.web.public_url} does not lead to the gateway, as seen from this machine: let your web server pass it on "
        f"to {settings.web.listen}, or correct web.public_url.",
        "",
        f"location / {{\n    proxy_pass http://{host}:{port};\n"
        "    proxy_set_header Host $host;\n    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n}\n",
        "the server section of nginx for that address",
    )


async def _said(session: aiohttp.ClientSession, url: str) -> bytes | None:
    try:
        timeout = aiohttp.ClientTimeout(total=_WEB_SECONDS)
        async with session.get(url, timeout=timeout, allow_redirects=False) as answer:
            return await answer.content.read(_ANSWER_MOST) if answer.status == 200 else None
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
