"""Files of lines on their way to us: fetched beside all else, then kept with the draft.

The mail waits for them. If one cannot be had, its line has failed, and the rest of the mail waits until the user has said
whether it goes without: a text that says "see the picture" is worth nothing alone. Writing on is saying so, as ``.send`` is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from bridges.email.composing.building import UNKNOWN_TYPE
from bridges.email.composing.cleaning import one_line
from bridges.email.composing.desks import Job
from bridges.email.composing.drafts import KeptFile, Line
from bridges.email.composing.places import Limits
from bridges.email.composing.posting import Desk, Posting
from bridges.email.composing.windows import Window
from gateway.bridge import Media, MediaError, NotStored
from gateway.model import Attachment, Condition, Refused

_log = structlog.get_logger(__name__)

_RETRY = 15.0
_ENCODED = 78 / 57  # base64 with its line ends


class Fetching:
    def __init__(self, desk: Desk, posting: Posting, media: Media, limits: Callable[[], Limits]) -> None:
        self._desk = desk
        self._posting = posting
        self._media = media
        self._limits = limits

    def start(self, window: Window, line: Line) -> None:
        """Have the files of a line that is in the tables."""
        if any(not each.path for each in line.files):
            window.fetching.add(line.reference)
            self._desk.desks.spawn(self._fetch(window, line))

    async def _fetch(self, window: Window, line: Line) -> None:
        files: list[KeptFile] = []
        try:
            for number, file in enumerate(line.files):
                files.append(file if file.path else await self._one(window, line, number, file))
        except MediaError as error:
            self._lost(window, line, files, error.refused)
        except OSError as error:
            _log.warning("a file could not be kept", reason=str(error))
            text = "The gateway could not keep the file. Its operator finds the reason in the log."
            self._lost(window, line, files, Refused(Condition.INTERNAL_SERVER_ERROR, text))
        else:
            self._desk.desks.post(window.owner, lambda: self._here(window, line, files))

    async def _one(self, window: Window, line: Line, number: int, file: KeptFile) -> KeptFile:
        wanted = Attachment(
            name=file.name, media_type=file.media_type, size=file.size, url=file.url, sha256=file.sha256
        )
        name = f"{window.id}-{line.id}-{number}"
        with await self._media.fetch(wanted, window.owner) as blob:
            size, media_type, shown = blob.size, blob.media_type or UNKNOWN_TYPE, blob.name
            await self._desk.files.keep(blob, name)
        return replace(file, name=shown, media_type=media_type, size=size, path=name)

    def _lost(self, window: Window, line: Line, files: Sequence[KeptFile], why: Refused) -> None:
        self._desk.desks.post(window.owner, lambda: self._gone(window, line, files, why))

    async def _here(self, window: Window, line: Line, files: Sequence[KeptFile]) -> None:
        """A job of the user's desk: all files of a line are on disk."""
        if not self._wanted(window, line):
            await self._forget(files)
            return
        try:
            lines = await self._desk.drafts.lines(window.id)
            others = [file for each in lines if each.id != line.id for file in each.files if file.path]
            size = sum(each.size or 0 for each in (*others, *files)) * _ENCODED
            if size > self._limits().size:
                text = (
                    f"The file is too large: with it the mail would have {size / 1e6:,.1f} MB, and this gateway sends "
                    f"{self._limits().size / 1e6:,.1f} MB at most. Send a link to it instead."
                )
                await self._gone(window, line, files, Refused(Condition.NOT_ACCEPTABLE, text))
                return
            await self._desk.tables.write(self._desk.drafts.files(line, files))
        except NotStored as error:
            _log.warning("a file has to wait", draft=window.id, reason=str(error))
            self._again(window, lambda: self._here(window, line, files))
            return
        window.fetching.discard(line.reference)
        if not window.fetching and window.overdue:
            window.overdue = False
            self._posting.due(window)

    async def _gone(self, window: Window, line: Line, files: Sequence[KeptFile], why: Refused) -> None:
        """A job of the user's desk: the files of a line cannot be had."""
        if not self._wanted(window, line):
            await self._forget(files)
            return
        name = one_line(line.files[0].name, 60) or "The file"
        reason = why.text or "It could not be fetched."
        failure = Refused(why.condition, f"{name} was not attached: {reason}", why.type)
        try:
            rest = await self._posting.lose(window, line, failure)
        except NotStored as error:
            _log.warning("a file has to wait", draft=window.id, reason=str(error))
            self._again(window, lambda: self._gone(window, line, files, why))
            return
        await self._forget(files)
        if rest:
            self._desk.voice.notice(
                window.owner,
                window.place,
                f"{failure.text} The rest of your mail waits: write on or send the file again, and it goes with that; "
                f".send sends it as it is, .cancel drops it.",
            )

    def _wanted(self, window: Window, line: Line) -> bool:
        return self._desk.windows.get(window.id) is window and line.reference in window.fetching

    def _again(self, window: Window, job: Job) -> None:
        self._desk.clock.call_later(_RETRY, lambda: self._desk.desks.post(window.owner, job))

    async def _forget(self, files: Sequence[KeptFile]) -> None:
        try:
            await self._desk.files.drop([each.path for each in files if each.path])
        except OSError as error:
            _log.warning("files of a draft could not be deleted", reason=str(error))
