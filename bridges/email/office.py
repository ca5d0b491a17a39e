"""The email bridge as a whole: what is there at once, and the parts that wait for its key, which is made once for ever."""

import asyncio
import base64
from collections.abc import Mapping, Sequence

import structlog

from bridges.email.attached import account as attached
from bridges.email.attached.account import Mailing
from bridges.email.attached.renewal import Preset
from bridges.email.config import EmailSettings
from bridges.email.identity import Identities
from bridges.email.parts import Parts
from bridges.email.people import People
from bridges.email.rooms import ThreadRooms
from bridges.email.suspensions import Suspensions
from gateway.bridge import BadAddress, NotStored, Services

_log = structlog.get_logger(__name__)

_AGAIN = 5.0  # seconds between attempts at what has to work before anything can
_KEY = "key"
_KEY_OCTETS = 32


class Office:
    """``run`` is its life. Sessions wait for ``opened``."""

    def __init__(self, settings: EmailSettings, services: Services) -> None:
        self._settings = settings
        self._services = services
        self._parts: asyncio.Future[Parts] | None = None
        self._presets: Sequence[Preset] | None = None
        self.identities = Identities(settings, services)
        self.people = People(settings, self.identities)
        self.rooms = ThreadRooms(services, self.people)
        self.suspensions = Suspensions(services)

    def reconfigure(self, settings: EmailSettings) -> None:
        """What whoever decides asks for each time holds from now on; the rest is as it was."""
        self._settings = settings
        self.identities.reconfigure(settings)
        self.people.reconfigure(settings)
        if self.parts is not None:
            self.parts.reconfigure(settings)

    async def opened(self) -> Parts:
        """All parts, once they are there."""
        return await asyncio.shield(self._future())

    @property
    def parts(self) -> Parts | None:
        """All parts, if they are there."""
        future = self._parts
        return future.result() if future is not None and future.done() else None

    def _future(self) -> asyncio.Future[Parts]:
        if self._parts is None:
            self._parts = asyncio.get_running_loop().create_future()
        return self._parts

    def mailing(self, settings: Mapping[str, str]) -> Mailing | None:
        """The mailbox elsewhere that a user has attached, by what was registered. Raises ``BadAddress``."""
        if not self._settings.account_mode:
            return None
        try:
            if self._presets is None:
                self._presets = self._settings.presets
        except OSError as error:
            _log.error("the secret of an OAuth client cannot be read", reason=str(error))
            raise BadAddress("This gateway cannot attach mailboxes just now: tell its operator.") from error
        return attached.read(settings, self._settings.ours, self._presets)

    def forget(self, owner: str) -> None:
        """The user's rows were erased."""
        self.identities.forget(owner)
        self.rooms.forget(owner)
        self.suspensions.forget(owner)
        if self.parts is not None:
            self.parts.forget(owner)

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        parts = await self._build()
        parts.reconfigure(self._settings)  # others may have come meanwhile
        self._future().set_result(parts)
        await parts.run()

    async def _build(self) -> Parts:
        while True:
            try:
                key = await self._key()
                await self.identities.restore()
                for owner in list(self.identities.owners):
                    await self.suspensions.learn(owner)
                await self.rooms.restore()
                parts = Parts(
                    self._settings,
                    self._services,
                    key,
                    identities=self.identities,
                    people=self.people,
                    rooms=self.rooms,
                    suspensions=self.suspensions,
                )
                await parts.receiving.restore()
            except (NotStored, OSError) as error:
                _log.error("the email bridge cannot begin", reason=str(error))
                await self._services.clock.sleep(_AGAIN)
            else:
                return parts

    async def _key(self) -> bytes:
        """For return addresses and marks of our own mails: made once, for ever the same."""
        memory = self._services.memory
        known = (await memory.recall("", "")).get(_KEY, "")
        if known:
            return base64.b64decode(known)
        key = self._services.random.randbytes(_KEY_OCTETS)
        await memory.remember("", "", _KEY, base64.b64encode(key).decode(), secret=True)
        return key
