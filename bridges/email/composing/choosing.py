"""To whom a mail goes, and which one it answers: decided once, when the mail is finished.

Recipients never change silently: whoever is not in the chat gets nothing unless ``@all`` is written, and then exactly those
get it who are named in the mail that is answered. A mail of one conversation is never answered, quoted or named in another.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bridges.email.addresses import Mailbox, parse
from bridges.email.composing.building import Party
from bridges.email.composing.cleaning import one_line
from bridges.email.composing.places import Author, Limits, Place
from bridges.email.composing.threads import Mail, Threads
from gateway.bridge import BadAddress
from gateway.model import Condition, Refused

_FRESH = 7 * 86_400.0  # seconds in which a mail without a thread of its own goes on with the last one
_ALL = re.compile(r"\s*@all(?:[:,][ \t]*|[ \t]+|(?=\n)|$)", re.IGNORECASE)
_LONGEST_THREAD = 128
_SHOWN = 5  # people named in one sentence


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user said of thread and recipients. ``reply`` is the id of a mail (ours), found by whoever knows lines."""

    reply: str = ""
    thread: str = ""
    subject: str = ""
    to_all: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """``explicit``: the user said which mail is answered; ``elsewhere``: one of another chat, which does not count.
    ``notes`` are sentences that the user is to read."""

    to: tuple[Party, ...]
    cc: tuple[Party, ...]
    thread: str
    parent: Mail | None
    explicit: bool
    elsewhere: bool
    notes: tuple[str, ...]


def to_all(text: str) -> tuple[bool, str]:
    """Whether a text begins with ``@all``, and the text without it."""
    found = _ALL.match(text)
    return (True, text[found.end() :].lstrip("\n")) if found else (False, text)


class Chooser:
    """``limits`` are those in force. Raises ``NotStored``."""

    def __init__(self, threads: Threads, limits: Callable[[], Limits]) -> None:
        self._threads = threads
        self._limits = limits

    async def choose(
        self, owner: str, author: Author, place: Place, wish: Wish, new: str, now: float
    ) -> Choice | Refused:
        """``new`` is the name of the thread if it is a new one."""
        context = await self._context(owner, place, wish, new, now)
        choice = _all(context, author, place) if wish.to_all else _private(context, author, place)
        if isinstance(choice, Refused):
            return choice
        count = len(choice.to) + len(choice.cc)
        most = self._limits().recipients
        if count > most:
            text = f"Your mail was not sent: it has {count} recipients, and this gateway sends to {most} at most."
            return Refused(Condition.POLICY_VIOLATION, text)
        return choice

    async def _context(self, owner: str, place: Place, wish: Wish, new: str, now: float) -> "_Context":
        answered = await self._threads.by_id(owner, wish.reply) if wish.reply else None
        elsewhere = answered is not None and not _seen(answered, place)
        if elsewhere:
            answered = None
        thread = answered.thread if answered else place.thread or wish.thread[:_LONGEST_THREAD]
        if not thread and not wish.subject:
            newest = await self._threads.newest(owner, place.key, now - _FRESH)
            thread = newest.thread if newest else ""
        if not thread:
            return _Context(new, answered, elsewhere, ())
        mails = await self._of_chat(owner, thread, place)
        if mails is None:
            # A client may use the same name for a thread in two chats: in the second one it gets another.
            thread = f"{thread}~{hashlib.sha256(place.key.encode()).hexdigest()[:16]}"
            mails = await self._of_chat(owner, thread, place)
        return _Context(thread, answered, elsewhere, mails or ())

    async def _of_chat(self, owner: str, thread: str, place: Place) -> tuple[Mail, ...] | None:
        """Those mails of a thread that belong to this chat, newest first; None if there are others only."""
        known = await self._threads.of_thread(owner, thread)
        mails = tuple(each for each in known if _seen(each, place))
        return mails if mails or not known else None


@dataclass(frozen=True, slots=True)
class _Context:
    """``mails`` are those of the thread that belong to this chat, newest first; ``answered`` is what the user chose."""

    thread: str
    answered: Mail | None
    elsewhere: bool
    mails: tuple[Mail, ...]

    @property
    def parent(self) -> Mail | None:
        return self.answered or next(iter(self.mails), None)

    def choice(self, to: Sequence[Party], cc: Sequence[Party] = (), notes: Sequence[str] = ()) -> Choice:
        explicit = self.answered is not None
        return Choice(tuple(to), tuple(cc), self.thread, self.parent, explicit, self.elsewhere, tuple(notes))


def _private(context: _Context, author: Author, place: Place) -> Choice:
    """To those in the chat, and nobody else."""
    parent, mails = context.parent, context.mails
    to = _named(place.recipients, [parent, *mails])
    notes: list[str] = []
    if place.thread:
        people = _others(mails[0], author) if mails else {}
        chosen = {each.folded for each in place.recipients}
        if mails and people.keys() != chosen:
            notes.append(_changed(people.keys() - chosen, chosen - people.keys()))
    elif (
        not place.room
        and parent is not None
        and not parent.sent_by_us
        and (others := len(_others(parent, author)) - 1) > 0
    ):
        notes.append(
            f"This goes to {_who(to)} only, not to the {_count(others, 'other')} of that mail. "
            f"Begin with @all to write to all of them."
        )
    return context.choice(to, (), notes)


def _all(context: _Context, author: Author, place: Place) -> Choice | Refused:
    """To everybody of the mail that is answered, else of the newest of the thread that had several recipients."""
    several = [each for each in context.mails if len(_others(each, author)) > 1]
    meant = context.answered or next(iter(several), None)
    people = _others(meant, author) if meant is not None else {}
    if meant is None or not people:
        to = _named(place.recipients, context.mails)
        return context.choice(
            to, (), [f"This goes to {_who(to)}: no mail that it answers had more recipients."]
        )
    unfit = [key for key, each in people.items() if each is None]
    if unfit:
        who = one_line(unfit[0], 80)
        text = f"Your mail was not sent: among its recipients is {who}, which is no address to write to."
        return Refused(Condition.NOT_ACCEPTABLE, text)
    parties = {key: each for key, each in people.items() if each is not None}
    author_of_it = _key(meant.sender.address)
    first = author_of_it if author_of_it in parties else next(iter(parties))
    others = [each for key, each in parties.items() if key != first]
    notes = [f"This goes to {_who([parties[first], *others])}."]
    newest = _others(several[0], author).keys() if several else people.keys()
    if newest != people.keys():
        notes.append(_changed(newest - people.keys(), people.keys() - newest))
    return context.choice([parties[first]], others, notes)


def _others(mail: Mail, author: Author) -> dict[str, Party | None]:
    """Sender and recipients but for the user, by folded mailbox, in order; None: nobody could write there."""
    found: dict[str, Party | None] = {}
    for person in (mail.sender, *mail.recipients):
        try:
            mailbox = parse(person.address)
        except BadAddress:
            found.setdefault(person.address.lower(), None)
            continue
        if mailbox.folded not in author.addresses and mailbox.base.folded not in author.addresses:
            found.setdefault(mailbox.folded, Party(person.name, mailbox))
    return found


def _seen(mail: Mail, place: Place) -> bool:
    """Whether a mail belongs to this chat: all who read there know it."""
    if mail.contact == place.key:
        return True
    known = {_key(each.address) for each in (mail.sender, *mail.recipients)}
    return all(each.folded in known for each in place.recipients)


def _key(address: str) -> str:
    try:
        return parse(address).folded
    except BadAddress:
        return address.lower()


def _named(mailboxes: Iterable[Mailbox], mails: Iterable[Mail | None]) -> tuple[Party, ...]:
    """With the names that people have in these mails."""
    names: dict[str, str] = {}
    for mail in mails:
        for person in (mail.sender, *mail.recipients) if mail is not None else ():
            if person.name:
                names.setdefault(_key(person.address), person.name)
    return tuple(Party(names.get(each.folded, ""), each) for each in mailboxes)


def _changed(left_out: Iterable[str], besides: Iterable[str]) -> str:
    words = []
    if missing := sorted(left_out):
        words.append(f"not to {_listed(missing)}, named in the newest mail of this thread")
    if added := sorted(besides):
        words.append(f"also to {_listed(added)}, no longer named in the newest mail of this thread")
    return f"It goes {' and '.join(words)}."


def _who(parties: Sequence[Party]) -> str:
    """By their addresses: names are whatever people say they are."""
    return _listed([each.mailbox.exact for each in parties])


def _listed(names: Sequence[str]) -> str:
    shown = [one_line(each, 80) for each in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(_count(len(names) - _SHOWN, "other"))
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
