"""What files cost their users: both ways of ``gateway.media`` with the bytes counted by ``Limits``; and ``Media`` as a whole
counted for the operator.

Knows neither where files come from nor where they go.
"""

from collections.abc import Mapping, Sequence

from gateway.bridge import Blob, Clock, Media, MediaError, WebAnswer
from gateway.limits import Kind, Limits
from gateway.media.arrivals import Publish
from gateway.media.publishing import without_files
from gateway.media.refusals import Cause
from gateway.media.tally import Flow
from gateway.model import Attachment, Message, Refused

#: What a file costs whose size nobody tells, until it is there; and for good if it does not come.
_UNKNOWN = 1_000_000


class Metered:
    """``gateway.bridge.Media`` that counts what ``media`` fetches."""

    def __init__(self, media: Media, limits: Limits, clock: Clock, flow: Flow) -> None:
        self._media = media
        self._limits = limits
        self._clock = clock
        self._flow = flow

    async def fetch(
        self, attachment: Attachment, user: str, headers: Mapping[str, str] | None = None
    ) -> Blob:
        """See ``Media``. A file that does not come costs what it claimed to be: most of it may have been carried."""
        with self._flow.one(self._clock.monotonic) as carried:
            blob = await self._fetched(attachment, user, headers)
            carried(blob.size)
            return blob

    async def _fetched(self, attachment: Attachment, user: str, headers: Mapping[str, str] | None) -> Blob:
        claimed = _claimed(attachment)
        self._take(user, claimed)
        blob = await self._media.fetch(attachment, user, headers)
        if blob.size < claimed:
            self._limits.give_back(user, Kind.MEDIA, claimed - blob.size)
        elif blob.size > claimed:
            try:
                self._take(user, blob.size - claimed)
            except MediaError:
                with blob:
                    raise
        return blob

    async def submit(self, url: str, fields: Mapping[str, str], user: str) -> None:
        """See ``Media``."""
        await self._media.submit(url, fields, user)

    async def exchange(self, url: str, fields: Mapping[str, str], user: str) -> WebAnswer:
        """See ``Media``."""
        return await self._media.exchange(url, fields, user)

    def _take(self, user: str, size: int) -> None:
        why = self._limits.take(user, Kind.MEDIA, size)
        if why is not None:
            raise MediaError(why, Cause.TOO_MANY)


def metered(publish: Publish, limits: Limits, flow: Flow) -> Publish:
    """``publish`` for files within the user's limit. Of others the text is kept, and says what became of them."""

    async def counted(user: str, message: Message) -> Sequence[Message]:
        why: Refused | None = limits.take(user, Kind.MEDIA, sum(map(_size, message.attachments)))
        if why is None:
            return await publish(user, message)
        flow.refuse(Cause.TOO_MANY, sum(1 for each in message.attachments if each.path or each.data))
        return [without_files(message, why.text)]

    return counted


def _claimed(attachment: Attachment) -> int:
    return attachment.size if attachment.size is not None and attachment.size >= 0 else _UNKNOWN


def _size(attachment: Attachment) -> int:
    """Of a file that we have; what is public already is carried by others."""
    if attachment.path is None:
        return len(attachment.data)
    try:
        return attachment.path.stat().st_size
    except OSError:
        return 0  # whoever reads it says what is wrong
