"""Order: what is said after a file waits until the file is public, so that a chat reads as it was written.

One line of messages for each conversation, only while a file of it is under way; everything else passes straight through.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence

from gateway.media.publishing import without_files
from gateway.model import Message

#: What becomes of a message with files: messages whose files are public.
Publish = Callable[[str, Message], Awaitable[Sequence[Message]]]
Deliver = Callable[[Sequence[Message]], None]

#: What is said of files that were on their way when the gateway ended.
STOPPED = "The gateway was stopped while it was on its way."
#: Messages that wait in one line. What does not fit goes ahead of its turn, its files left out.
_MOST_WAITING = 200


class Arrivals:
    """``publish`` None: nothing can be published here. ``spawn`` runs work in a task that somebody holds."""

    def __init__(self, publish: Publish | None, spawn: Callable[[Awaitable[None]], None]) -> None:
        self._publish = publish
        self._spawn = spawn
        #: Empty almost always; looked at before anything else is.
        self.lines: dict[Hashable, deque[tuple[str, Message, Deliver]]] = {}

    def take(self, key: Hashable, user: str, message: Message, deliver: Deliver) -> None:
        """Call ``deliver`` once, with ``message`` as what is to be shown of it, now or when all before it in the
        conversation ``key`` is delivered. Of a message with files one part has its foreign id: the text, or the last."""
        line = self.lines.get(key)
        if line is None and not message.attachments:
            deliver((message,))
        elif self._publish is None:
            deliver((without_files(message),))
        elif line is None:
            self.lines[key] = deque([(user, message, deliver)])
            self._spawn(self._work(key, self._publish))
        elif len(line) < _MOST_WAITING:
            line.append((user, message, deliver))
        else:
            deliver((without_files(message, "Too many messages wait for files."),))

    async def _work(self, key: Hashable, publish: Publish) -> None:
        line = self.lines[key]
        try:
            while line:
                user, message, deliver = line[0]
                said = await publish(user, message) if message.attachments else (message,)
                line.popleft()
                deliver(said)
        finally:
            del self.lines[key]
            # Only if we were cancelled, or something failed: text is not lost with the file it waited for.
            for _, message, deliver in line:
                deliver((without_files(message, STOPPED),))
