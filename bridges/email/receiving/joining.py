"""Which thread a mail belongs to.

Nobody gets into a conversation by knowing a Message-ID: only who takes part in it, by mails that were sent by the user or
are proven, and only with a mail that is proven.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.threads import Mail, Threads
from bridges.email.mime.letter import Letter, Person
from gateway.bridge import BadAddress

_MOST = 100  # references that are looked for


@dataclass(frozen=True, slots=True)
class Joined:
    """``parent`` is the mail that is answered; ``mails`` those of the thread, newest first, none for a new one. ``invited``:
    the author was written to by the user in this thread."""

    thread: str
    parent: Mail | None = None
    mails: Sequence[Mail] = ()
    invited: bool = False

    @property
    def subject(self) -> str | None:
        """The thread's, None for a new one."""
        return self.parent.subject if self.parent is not None else None


async def join(threads: Threads, owner: str, letter: Letter, author: Mailbox | None, *, new: str) -> Joined:
    """``author`` is None where nobody proves who it is; then, and where nothing is known, the thread is ``new``. Raises
    ``NotStored``."""
    wanted = parents(letter)
    if author is None or not wanted:
        return Joined(new)
    known = await threads.by_message_ids(owner, wanted)
    keys = {author.folded} | _list_address(letter)
    for message_id in wanted:
        parent = known.get(message_id)
        # Mail that nobody vouched for is in nobody's chat, and leads nowhere.
        if parent is None or not (parent.contact or parent.sent_by_us):
            continue
        mails = await threads.of_thread(owner, parent.thread)
        sure = [each for each in (parent, *mails) if each.contact or each.sent_by_us]
        if any(keys & participants(each) for each in sure):
            invited = any(each.sent_by_us and keys & participants(each) for each in sure)
            return Joined(parent.thread, parent, mails, invited)
    return Joined(new)


def parents(letter: Letter) -> Sequence[str]:
    """The mails that it may answer, the nearest first: In-Reply-To, then References from the last one on."""
    found = dict.fromkeys([*letter.in_reply_to, *reversed(letter.references)])
    found.pop(letter.message_id, None)
    return list(found)[:_MOST]


def references(letter: Letter) -> tuple[str, ...]:
    """As ``Mail`` has them: the parent last."""
    return letter.references or letter.in_reply_to


def people(joined: Joined) -> Sequence[Person]:
    """Who wrote the mails of the thread, and who read them; each once, two hundred at most."""
    found = [person for mail in joined.mails for person in (mail.sender, *mail.recipients)]
    return list(dict.fromkeys(found))[:200]


def participants(mail: Mail) -> frozenset[str]:
    """Folded."""
    return frozenset(filter(None, (_folded(each) for each in (mail.sender, *mail.recipients))))


def _list_address(letter: Letter) -> set[str]:
    """Whoever writes through a list that takes part does so too."""
    if letter.lists is None or not letter.lists.post:
        return set()
    return set(filter(None, (_folded(Person("", letter.lists.post)),)))


def _folded(person: Person) -> str:
    try:
        return parse(person.address).folded
    except BadAddress:
        return ""
