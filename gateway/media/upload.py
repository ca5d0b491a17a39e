"""Files put where a slot says (XEP-0363 §6), by HTTP PUT. Who hands out the slots is somebody else's business."""

import asyncio
import ssl

import aiohttp
import structlog
from multidict import CIMultiDict

from gateway.bridge import Blob, Clock, MediaError
from gateway.media.dialling import Dialler
from gateway.media.slots import Slot, Slots
from gateway.media.spool import reading
from gateway.media.tally import Place
from gateway.model import Condition, Refused

_log = structlog.get_logger(__name__)

_DONE = frozenset({200, 201, 204})
#: What another try, with another slot, may well not meet again.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MEANING = {
    401: "refuses it",
    403: "refuses it",
    404: "does not know the place it gave for it",
    413: "says that it is too large",
    507: "has no space left",
}


class _Failed(MediaError):
    """``again``: another try may succeed."""

    def __init__(self, refusal: Refused, *, again: bool) -> None:
        super().__init__(refusal)
        self.again = again


class Upload:
    """A ``Way``: ask for a slot, put the file there; ``tries`` times where the trouble looks passing. ``seconds`` is for one
    PUT, ``pause`` seconds go by before the next."""

    def __init__(
        self,
        place: Place,
        slots: Slots,
        dialler: Dialler,
        clock: Clock,
        *,
        seconds: float,
        tries: int = 2,
        pause: float = 1.0,
    ) -> None:
        self.place = place
        self.name = f"{place}'s upload"
        self._slots = slots
        self._dialler = dialler
        self._clock = clock
        self._seconds = seconds
        self._tries = tries
        self._pause = pause

    async def publish(self, file: Blob, user: str) -> str:
        """See ``Way``."""
        for left in range(self._tries - 1, -1, -1):
            slot = await self._slots.slot(file, user)
            try:
                await self._put(slot, file)
            except _Failed as error:
                if not left or not error.again:
                    raise
                await self._clock.sleep(self._pause)
            else:
                return slot.get
        raise AssertionError("the last try returns or raises")

    async def _put(self, slot: Slot, file: Blob) -> None:
        url = self._dialler.targets.parse(slot.put)
        headers = CIMultiDict[str](slot.headers)
        headers["Content-Type"] = file.media_type
        headers["Content-Length"] = str(file.size)
        host = url.raw_host
        try:
            async with (
                asyncio.timeout(self._seconds),
                reading(file.path) as blocks,
                self._dialler.session(url) as session,
                session.put(url, data=blocks, headers=headers, allow_redirects=False) as response,
            ):
                status = response.status
        except TimeoutError:
            raise _Failed(
                Refused(
                    Condition.REMOTE_SERVER_TIMEOUT,
                    f"{host} did not take the file within {self._seconds:g} seconds.",
                ),
                again=False,  # the user has waited long enough
            ) from None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            _log.info("an upload broke", host=host, reason=type(error).__name__)
            raise _Failed(
                Refused(
                    Condition.REMOTE_SERVER_TIMEOUT, f"The connection to {host} broke during the upload."
                ),
                again=True,
            ) from error
        if status not in _DONE:
            meaning = _MEANING.get(status, "does not take it")
            raise _Failed(
                Refused(Condition.NOT_ACCEPTABLE, f"{host} {meaning} (status {status})."),
                again=status in _PASSING,
            )
