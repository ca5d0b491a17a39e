"""What ``causeway check`` finds out about mail: whether the mail server sends for us, whether it can bring us mail, and what
in the configuration makes no sense. Sends nothing, takes nothing, and leaves nothing behind.
"""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bridges.email.addresses import parse
from bridges.email.config import EmailSettings, LmtpSettings
from bridges.email.sending.smarthost import Smarthost
from bridges.email.sending.trial import trial as smarthost_trial
from gateway.bridge import Hint

Finding = str | Hint
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_PATIENCE = 5.0  # seconds for each answer of what listens where we would
_LONGEST_PATH = 107  # bytes of the name of a Unix socket (unix(7))
_BESIDES = 5  # bytes by which the name is longer while the socket is made
_OTHERS = stat.S_IRWXO


async def tried(settings: EmailSettings, smarthost: Callable[[], Smarthost]) -> Sequence[Finding]:
    """``smarthost`` raises OSError if the password's file cannot be read."""
    return [
        *sense(settings),
        *clients(settings),
        *await door(settings.lmtp, settings.return_domain),
        *await _way_out(settings, smarthost),
    ]


def clients(settings: EmailSettings) -> Sequence[Finding]:
    """What is wrong with the operator's OAuth clients."""
    try:
        presets = settings.presets
    except OSError as error:
        return [
            f"The file of an OAuth client's secret cannot be read ({error.strerror}): correct `client_secret_file`, or let "
            "the user that runs Causeway read it."
        ]
    if presets and not settings.account_mode:
        return [Hint("`oauth` is set, but users cannot attach mailboxes: `account_mode` is not.")]
    return []


async def _way_out(settings: EmailSettings, smarthost: Callable[[], Smarthost]) -> Sequence[Finding]:
    try:
        place = smarthost()
    except OSError as error:
        return [
            f"The file of the smarthost's password cannot be read ({error.strerror}): correct `password_file`, or let the "
            "user that runs Causeway read it."
        ]
    found = await smarthost_trial(place, f"b+trial@{settings.return_domain}", settings.limits.message_size)
    return [*map(Hint, found.notes)] if found.good else [found.text]


# -- what is written ----------------------------------------------------------------------------------------------


def sense(settings: EmailSettings) -> Sequence[Finding]:
    """What is valid, and yet not what anybody wants."""
    found: list[Finding] = []
    if not settings.address_template and not settings.alias_domain and not settings.account_mode:
        found.append(
            "Nobody can register: set `address_template` with `local_domains`, or `alias_domain`, in [bridges.email]."
        )
    if not settings.trust.authserv_ids:
        found.append(
            Hint(
                "Every mail comes with a warning that its sender may be forged: have your mail server check senders, and "
                "name it in `authserv_ids` of [bridges.email.trust]."
            )
        )
    if not settings.postmaster:
        found.append(
            Hint(
                "Nobody reads mail to postmaster@ and abuse@, which every mail domain has to have: register, and set "
                "`postmaster` of [bridges.email] to your own mail address there."
            )
        )
    elif not settings.ours(parse(settings.postmaster)):
        found.append(
            Hint(
                f"`postmaster` is {settings.postmaster}, outside of `domains`: its reader is only found if a user of the "
                "gateway has confirmed that address as theirs."
            )
        )
    return found


# -- where mail comes in ------------------------------------------------------------------------------------------


async def door(lmtp: LmtpSettings, name: str) -> Sequence[Finding]:
    """Whether mail can come in: what is there, if anything, is us or goes away. ``name`` is what we call ourselves there."""
    if lmtp.path is not None:
        return await _socket(lmtp, lmtp.path, name)
    host, port = lmtp.address
    place = f"{host} port {port}"
    try:
        answer = await _greeted(asyncio.open_connection(host, port))
    except OSError:
        return await _free(host, port)
    return _answered(answer, place, name)


async def _free(host: str, port: int) -> Sequence[Finding]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        return [f"Mail cannot be received on {host} port {port} ({error.strerror}): {_remedy(error, port)}."]
    return []


def _remedy(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine has no such address; set `listen` of [bridges.email.lmtp] to one of its own"
    if error.errno == errno.EACCES:
        return f"set `listen` of [bridges.email.lmtp] to a port above 1023, and tell your mail server; {port} is for root"
    return "set `listen` of [bridges.email.lmtp] to a free port, and tell your mail server"


async def _socket(lmtp: LmtpSettings, path: Path, name: str) -> Sequence[Finding]:
    if len(os.fsencode(path)) + _BESIDES > _LONGEST_PATH:
        most = _LONGEST_PATH - _BESIDES
        return [
            f"The name of the socket {path} is too long: set `listen` of [bridges.email.lmtp] to {most} bytes at most."
        ]
    there, is_socket = _looked_at(path)
    if there and not is_socket:
        return [
            f"{path} is there and is no socket: move it away, or correct `listen` of [bridges.email.lmtp]."
        ]
    if there:
        try:
            answer = await _greeted(asyncio.open_unix_connection(path))
        except ConnectionRefusedError:
            pass  # left from a gateway that was killed; the next one replaces it
        except PermissionError:
            return [
                f"The socket {path} lets this user not in: run the check as the user that runs Causeway, or delete it if "
                "nothing listens there."
            ]
        except OSError as error:
            return [f"The socket {path} cannot be tried: {error.strerror}."]
        else:
            return [*_answered(answer, str(path), name), *_mode(lmtp)]
    return [*_directory(path.parent), *_mode(lmtp)]


def _looked_at(path: Path) -> tuple[bool, bool]:
    """Whether there is something, and whether it is a socket."""
    return path.exists(), path.is_socket()


def _directory(directory: Path) -> Sequence[Finding]:
    if not directory.is_dir():
        return [
            f"The directory {directory} of the LMTP socket does not exist: create it, or correct `listen` of "
            "[bridges.email.lmtp]."
        ]
    if not os.access(directory, os.W_OK | os.X_OK):
        return [
            f"The LMTP socket cannot be made in {directory}: give the user that runs Causeway write access to it, or "
            "correct `listen` of [bridges.email.lmtp]."
        ]
    return []


def _mode(lmtp: LmtpSettings) -> Sequence[Finding]:
    mode = int(lmtp.socket_mode, 8)
    if mode & _OTHERS:
        return [
            Hint(
                f'`socket_mode` "{lmtp.socket_mode}" lets everybody on this machine bring mail, and say that it was '
                'checked: "0660" and a common group with your mail server are enough.'
            )
        ]
    if not mode & stat.S_IWGRP:
        return [
            Hint(
                f'`socket_mode` "{lmtp.socket_mode}" lets nobody in but the user that runs Causeway: if your mail server '
                'is another one, write "0660" and give both a common group.'
            )
        ]
    return []


async def _greeted(connecting: Awaitable[Streams]) -> tuple[str, str]:
    """What a server says first, and to LHLO; lines without their ends, empty where it is silent. Raises OSError where there
    is no server."""
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await connecting
    try:
        greeting = await _line(reader)
        writer.write(b"LHLO check.invalid\r\n")
        answer = await _line(reader) if greeting.startswith("220") else ""
        writer.write(b"QUIT\r\n")
        return greeting, answer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    """Also silence, noise and an end are answers: of something that is not ours."""
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await reader.readline()
    except (OSError, ValueError):
        return ""
    return line[:200].decode("ascii", "replace").strip()


def _answered(said: tuple[str, str], place: str, name: str) -> Sequence[Finding]:
    greeting, answer = said
    if greeting.startswith("421"):
        return [
            Hint(
                f"The gateway on {place} has as many connections as `connections` of [bridges.email.lmtp] allows."
            )
        ]
    if greeting.startswith(f"220 {name} ") and answer.startswith("250"):
        return []
    shown = f'"{greeting}"' if greeting.isprintable() and greeting else "nothing that can be read"
    return [
        f"Another program listens on {place}, and says {shown}: end it, or set `listen` of [bridges.email.lmtp] to another "
        "place, and tell your mail server."
    ]
