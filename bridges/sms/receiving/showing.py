"""One message on its way to its user: its files fetched, its group found, and told to the core under its id.

Files are fetched with what their route has for it, for nobody else can get them, and not for long. One that cannot be had
is named in the text, with the reason; the text never waits for it longer than that.
"""

from contextlib import ExitStack
from dataclasses import replace

from bridges.sms.addresses import alphanumeric
from bridges.sms.receiving import presentation
from bridges.sms.receiving.residents import Files, Groups, Residents
from bridges.sms.receiving.rows import Delivery
from gateway.bridge import MediaError, Sink
from gateway.model import Attachment, ErrorType, Message

#: Attempts after which a file that cannot be had for the moment is named instead, and after which no file is tried at all.
_FETCHED, _WITHOUT = 3, 5
_AGAIN = 20.0  # seconds between attempts to fetch a file


class Later(Exception):
    """It has to be tried again in some seconds, and nothing is wrong with us."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Showing:
    """``groups`` None: conversations of several phones are nowhere shown as such."""

    def __init__(self, residents: Residents, files: Files, groups: Groups | None) -> None:
        self._residents = residents
        self._files = files
        self._groups = groups

    async def show(self, delivery: Delivery, sink: Sink, *, attempts: int) -> None:
        """Returns once the core has it. ``attempts`` went wrong before. Raises ``Later``, ``NotKept``, ``NotStored``."""
        with ExitStack() as stack:
            files, lost = await self._fetched(delivery, stack, attempts)
            message = Message(
                delivery.contact,
                "\n".join(filter(None, (delivery.text, *lost))),
                delivery.kind,
                foreign_id=delivery.id,
                time=delivery.time,
                attachments=files,
            )
            if delivery.contact:
                # Before they are seen: the user's answer is to go to the number that they wrote to.
                name = alphanumeric(delivery.theirs) if delivery.theirs else ""
                await self._residents.heard(delivery.owner, delivery.contact, delivery.ours, name)
            if delivery.others:
                members = (delivery.contact, *delivery.others)
                groups = self._groups
                if groups is not None and await groups.say(delivery.owner, delivery.ours, members, message):
                    return
                heading = presentation.group_heading(delivery.others)
                message = replace(message, text=f"{heading}\n{message.text}")
            await sink.direct_committed(message)

    async def _fetched(
        self, delivery: Delivery, stack: ExitStack, attempts: int
    ) -> tuple[tuple[Attachment, ...], list[str]]:
        """The files that there are, and what is to be said of the others."""
        files: list[Attachment] = []
        lost: list[str] = []
        for file in delivery.files:
            if not file.url:
                files.append(file)
            elif attempts >= _WITHOUT:
                lost.append(presentation.undelivered(file, "this gateway has a problem with it."))
            else:
                try:
                    blob = stack.enter_context(await self._files.fetch(file, delivery.owner, delivery.route))
                except MediaError as error:
                    if error.refused.error_type is ErrorType.WAIT and attempts + 1 < _FETCHED:
                        raise Later(_AGAIN) from error
                    lost.append(presentation.undelivered(file, error.refused.text))
                else:
                    files.append(
                        Attachment(
                            name=file.name or blob.name,
                            media_type=blob.media_type,
                            size=blob.size,
                            path=blob.path,
                            sha256=blob.sha256,
                            width=blob.width,
                            height=blob.height,
                            caption=file.caption,
                        )
                    )
        return tuple(files), lost
