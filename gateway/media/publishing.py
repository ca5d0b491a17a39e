"""What a bridge gave us, made public for XMPP users: one way after another is tried, and what was said is never lost.

Gives messages back instead of raising: each file's link as the text of a message of its own, which is the form in which
clients show it as a picture, then captions and text; for a file that nobody would take, a sentence.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog

from gateway.bridge import Blob, MediaError
from gateway.media.names import safe_name, type_of_name
from gateway.media.pictures import PictureFacts, Pictures
from gateway.media.refusals import Cause, cause_of, refused
from gateway.media.slots import NotOpen
from gateway.media.sniff import sniff
from gateway.media.spool import Kept, Spool, look
from gateway.media.tally import Carried, Place
from gateway.media.transfers import Transfers
from gateway.model import Attachment, Enrichment, Message, MessageKind

_log = structlog.get_logger(__name__)

_MOST_FILES = 20
_NOWHERE = "This gateway has no place to put files; its operator can give it one."


class Way(Protocol):
    """One way to make a file public."""

    place: Place
    name: str

    async def publish(self, file: Blob, user: str) -> str:
        """The link to the file. Raises ``MediaError``, within a bounded time."""


class Publisher:
    """``ways`` are those of the moment, tried in order; ``size`` is the most bytes of one file."""

    def __init__(
        self,
        ways: Callable[[], Sequence[Way]],
        spool: Spool,
        pictures: Pictures,
        transfers: Transfers,
        monotonic: Callable[[], float],
        carried: Carried,
        *,
        size: Callable[[], int],
    ) -> None:
        self._ways = ways
        self._spool = spool
        self._pictures = pictures
        self._transfers = transfers
        self._monotonic = monotonic
        self._carried = carried
        self._size = size

    async def publish(self, user: str, message: Message) -> list[Message]:
        """``message`` as messages without files of ours in them: what has a ``url`` is public. Never raises."""
        said: list[Message] = []
        lost: list[str] = []
        for number, attachment in enumerate(message.attachments):
            try:
                public = await self._counted(user, attachment, number)
            except MediaError as error:
                lost.append(undelivered(attachment, error.refused.text))
            else:
                said.append(_about(message, public.url, replace(public, caption="")))
                if attachment.caption and attachment.caption != message.text:
                    said.append(_about(message, attachment.caption))
            finally:
                _discard(attachment.path)
        text = "\n".join(part for part in (message.text, *lost) if part)
        if text:
            # What was lost is the gateway's word, not the sender's action.
            kind = MessageKind.CHAT if lost and message.kind is MessageKind.ACTION else message.kind
            said.insert(
                0 if message.text_first else len(said),
                replace(message, text=text, kind=kind, attachments=()),
            )
        return _numbered(said, message.foreign_id, first=message.text_first and bool(text))

    async def _counted(self, user: str, attachment: Attachment, number: int) -> Attachment:
        if attachment.path is None and not attachment.data and attachment.url:
            return attachment  # carried by others
        with self._carried.published.one(self._monotonic) as carried:
            if number >= _MOST_FILES:
                text = f"More than {_MOST_FILES} files in one message are not passed on."
                raise refused(text, cause=Cause.TOO_MANY)
            public = await self._public(user, attachment)
            carried(public.size or 0)
            return public

    async def _public(self, user: str, attachment: Attachment) -> Attachment:
        if attachment.path is None and not attachment.data:
            raise refused("There is nothing in it.", cause=Cause.CONTENT)
        async with self._transfers.turn(user):
            kept = await self._local(attachment)
            try:
                blob, facts = await self._examined(kept, attachment)
                url = await self._first_way(blob, user)
            finally:
                _discard(kept.path)
        return Attachment(
            name=blob.name,
            media_type=blob.media_type,
            size=blob.size,
            url=url,
            sha256=blob.sha256,
            width=facts.width,
            height=facts.height,
            thumbnail=facts.preview,
        )

    async def _local(self, attachment: Attachment) -> Kept:
        try:
            if attachment.path is None:
                self._check_size(len(attachment.data))
                return await self._spool.keep(attachment.data)
            self._check_size(attachment.path.stat().st_size)
            return await look(attachment.path)
        except OSError as error:
            _log.error("a file could not be read or written", reason=error.strerror)
            text = "The gateway could not read it; its log tells more."
            raise refused(text, cause=Cause.STORAGE) from error

    def _check_size(self, size: int) -> None:
        if not size:
            raise refused("It is empty.", cause=Cause.CONTENT)
        most = self._size()
        if size > most:
            text = f"It is larger than the {most / 1e6:g} MB that this gateway carries."
            raise refused(text, cause=Cause.TOO_LARGE)

    async def _examined(self, kept: Kept, attachment: Attachment) -> tuple[Blob, PictureFacts]:
        media_type = sniff(kept.head, attachment.name)
        facts = await self._pictures.look(kept.path, media_type)
        stem = media_type.partition("/")[0]
        name = safe_name(attachment.name, media_type, stem if stem in ("image", "audio", "video") else "file")
        return Blob(kept.path, name, media_type, kept.size, kept.sha256), facts

    async def _first_way(self, file: Blob, user: str) -> str:
        why, cause, tried = _NOWHERE, Cause.NO_PLACE, self._carried.tried
        for way in self._ways():
            try:
                url = await way.publish(file, user)
            except NotOpen:
                continue
            except MediaError as error:
                tried[way.place, False] += 1
                why, cause = error.refused.text, cause_of(error, Cause.NO_PLACE)
                _log.info("a file could not be published", way=way.name, reason=why, size=file.size)
            else:
                tried[way.place, True] += 1
                return url
        raise refused(why, cause=cause)


def undelivered(attachment: Attachment, why: str) -> str:
    """The sentence in place of a file."""
    claimed = attachment.media_type or type_of_name(attachment.name)
    name = safe_name(attachment.name, claimed) if attachment.name else ""
    what = f"A file, {name}," if name else "A file"
    said = f" {attachment.caption}" if attachment.caption else ""
    return f"[{what} could not be delivered: {why}]{said}"


def without_files(message: Message, why: str = _NOWHERE) -> Message:
    """``message`` where nothing can be published: files that are public keep their links, others leave a sentence and are
    deleted."""
    for each in message.attachments:
        _discard(each.path)
    return in_words(message, why)


def in_words(message: Message, why: str) -> Message:
    """As ``without_files``, with the files still there."""
    parts = [message.text]
    for each in message.attachments:
        parts.append(each.url or undelivered(each, why))
        if each.url and each.caption:
            parts.append(each.caption)
    return replace(message, text="\n".join(part for part in parts if part), attachments=())


def _about(message: Message, text: str, *attachments: Attachment) -> Message:
    """Something that goes with ``message``. A link stands alone, without the words that make it an action or a notice; and
    what is said of the message's text is not true of it."""
    plain = attachments or message.kind is MessageKind.ACTION
    kind = MessageKind.CHAT if plain else message.kind
    thread = message.enrichment.thread if message.enrichment is not None else ""
    enrichment = Enrichment(thread=thread) if thread else None
    return replace(message, text=text, kind=kind, attachments=attachments, enrichment=enrichment)


def _numbered(said: list[Message], foreign_id: str, *, first: bool) -> list[Message]:
    """The text if there is any, else the last, keeps the network's id; the others get ids that a replay gives again."""
    if not foreign_id or len(said) < 2:
        return said
    numbers = iter(range(1, len(said)))
    main = said[0] if first else said[-1]
    return [
        each if each is main else replace(each, foreign_id=f"{foreign_id}+{next(numbers)}") for each in said
    ]


def _discard(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)
