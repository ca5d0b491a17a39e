"""What the core lends to bridges: time, chance, files; and whose session one is."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

import structlog

from gateway.bridge.tables import NoTables, Tables
from gateway.model import (
    Attachment,
    Condition,
    Refused,
)


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time, owned by whoever composes the program: tests bring their own."""

    def now(self) -> float:
        """Unix seconds, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back, for deadlines."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Cancellable: ...

    async def sleep(self, delay: float) -> None: ...


_messages = structlog.get_logger("gateway.messages")

_NAMES = 10_000  # by which bridges know messages, at debug


@dataclass(slots=True)
class Verbosity:
    """Whether steps of single messages are logged, now: one look at an attribute where a message passes. Shared by all of
    the process, changed with the log level."""

    debug: bool = False
    _names: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def tell(self, step: str, message: str, bridge: str, **details: object) -> None:
        """Log a step of a message. To be called only if ``debug``: it costs as much as a message does. ``message`` is
        ``Ticket.reference``, the network's id of what came in, or a name that was told to ``call``."""
        for each in self._names.get((bridge, message), (message,)):
            _messages.debug(step, message=each, bridge=bridge, **details)

    def call(self, name: str, messages: Sequence[str], bridge: str) -> None:
        """From now on a bridge knows ``messages`` by ``name`` only, such as the mail that they became. To be called only if
        ``debug``; the latest are remembered."""
        known = tuple(each for each in messages if each)
        if known:
            self._names[bridge, name] = known
            if len(self._names) > _NAMES:
                del self._names[next(iter(self._names))]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file on this machine whose type, size and hash were looked at. Whoever holds it deletes it: by ``with``, or by
    giving ``path`` to the core again in an ``Attachment``."""

    path: Path
    name: str  # fit for every file system, with the usual ending of its type
    media_type: str  # by content
    size: int
    sha256: str
    width: int | None = None  # of pictures, in pixels
    height: int | None = None

    def __enter__(self) -> "Blob":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a web server said: an HTTP status, and no more than the first 64 KiB of the body."""

    status: int
    body: bytes


class MediaError(Exception):
    """A file that cannot be had; ``refused`` is for the person whose file it is, ``cause`` one of a few words for whoever
    counts."""

    def __init__(self, refused: Refused, cause: str = "") -> None:
        super().__init__(refused.text)
        self.refused = refused
        self.cause = cause


class Media(Protocol):
    """Files from the web, fetched with all due caution: to public addresses only, within limits of size and time."""

    async def fetch(
        self, attachment: Attachment, user: str, headers: Mapping[str, str] | None = None
    ) -> Blob:
        """The file behind ``attachment.url``, on account of ``user`` (``Account.user``), whose transfers are limited. A hash
        that the attachment has is checked. ``headers`` (credentials) are sent to the host in the URL and, if that sends us
        on, to no other. Raises ``MediaError``, within a bounded time."""

    async def submit(self, url: str, fields: Mapping[str, str], user: str) -> None:
        """Send a form to a web address (POST, ``application/x-www-form-urlencoded``) and look at nothing but whether it was
        taken. Redirects are not followed. Raises ``MediaError``, within a bounded time."""

    async def exchange(self, url: str, fields: Mapping[str, str], user: str) -> WebAnswer:
        """The same for whoever wants the answer, whatever its status. Raises ``MediaError`` where there is none."""


class NoMedia:
    """``Media`` of an installation, or a test, that fetches nothing."""

    async def submit(self, url: str, fields: Mapping[str, str], user: str) -> None:
        raise MediaError(Refused(Condition.SERVICE_UNAVAILABLE, "This gateway does not reach the web."))

    async def exchange(self, url: str, fields: Mapping[str, str], user: str) -> WebAnswer:
        raise MediaError(Refused(Condition.SERVICE_UNAVAILABLE, "This gateway does not reach the web."))

    async def fetch(
        self, attachment: Attachment, user: str, headers: Mapping[str, str] | None = None
    ) -> Blob:
        raise MediaError(Refused(Condition.SERVICE_UNAVAILABLE, "This gateway does not carry files."))


class Memory(Protocol):
    """Small texts (kilobytes, and few of them) that a bridge keeps beyond restarts, each by user, network and name. ``user``
    is ``Account.user``, or empty for what is not about one; what is a user's can be seen and erased by that user."""

    async def recall(self, user: str, network: str) -> Mapping[str, str]:
        """All of one user and network, by name; costs nothing worth mentioning where there is none."""

    async def remember(self, user: str, network: str, name: str, value: str, *, secret: bool = False) -> None:
        """Keep it, in place of the one of that name, for good once this returns. A secret is encrypted."""

    async def forget(self, user: str, network: str, name: str) -> None: ...


class ForgetfulMemory:
    """``Memory`` of an installation, or a test, that keeps nothing beyond its own end."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, str]] = {}

    async def recall(self, user: str, network: str) -> Mapping[str, str]:
        return dict(self._kept.get((user, network), {}))

    async def remember(self, user: str, network: str, name: str, value: str, *, secret: bool = False) -> None:
        self._kept.setdefault((user, network), {})[name] = value

    async def forget(self, user: str, network: str, name: str) -> None:
        self._kept.get((user, network), {}).pop(name, None)


@dataclass(frozen=True, slots=True)
class Services:
    """What the core lends to a bridge. ``name`` is the bridge's name in the configuration: part of every key in tables that
    bridges of one kind share. ``directory`` is the bridge's own for files that are too big for tables; it exists. ``web`` is
    what addresses of the bridge begin with for the rest of the world, no slash at the end; empty where nothing from outside
    reaches us. Bridges with ``Capabilities.web`` answer what comes there. Steps of one message are logged by
    ``verbosity.tell``, with the id that the step is traced by next, and only if ``verbosity.debug``."""

    clock: Clock
    random: random.Random
    version: str  # of Causeway, for "who are you" questions of the network
    media: Media = field(default_factory=NoMedia)
    memory: Memory = field(default_factory=ForgetfulMemory)
    name: str = ""
    tables: Tables = field(default_factory=NoTables)
    directory: Path = Path()
    web: str = ""
    verbosity: Verbosity = field(default_factory=Verbosity)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose session this is. ``user`` is an opaque stable name of the user, never to be shown to a foreign network
    as it stands; ``settings`` are the user's own values for ``Bridge.fields``, decrypted; ``common`` those for the gateway
    and ``rooms`` those for rooms by ``Bridge.fold``, of bridges that are ``Adjustable``. ``address`` is how people reach the
    user: for networks whose operator is to know, and only where ours has said so. ``token`` names the user to networks that
    ask whom of us somebody is: 26 lower-case letters and digits (base32), the same on all networks of the bridge and after
    restarts, of which only our operators can say whose it is; its first ten characters are enough for them."""

    user: str
    network: str
    nick: str  # the nick the user asked for first
    settings: Mapping[str, str]
    common: Mapping[str, str] = field(default_factory=dict)
    rooms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    address: str = ""
    token: str = ""
