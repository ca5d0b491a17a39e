"""How a mail looks in a chat. Values in, a text out; every sentence that the gateway says about a mail stands here.

Above what was written stands only what a reader has to know first: that nobody vouches for the sender, a subject that is
new, other people who read this too, and whom an answer reaches. The rest comes below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from bridges.email.addresses import parse
from bridges.email.composing.subjects import base
from bridges.email.mime.letter import (
    AutoKind,
    Invitation,
    Letter,
    Moment,
    Person,
    ProtectionKind,
)
from bridges.email.receiving.page import Page, shortened
from bridges.email.receiving.trust import Trust
from gateway.bridge import BadAddress
from gateway.model import Part, Recipient, Span, Style

#: Code points of a mail's text in the chat; the whole of it is attached then.
LONGEST = 6_000
_MOST_PEOPLE = 12  # that are named; of more, the number is told
_LATE = 300.0  # seconds after which it is told when a mail was sent (XEP-0203)


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that were folded away, quoted ones or a signature: how many, and where in the text that was left."""

    place: int
    lines: int
    signature: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a mail besides what it says. ``own`` are the user's addresses, folded; ``thread_subject`` is the
    thread's, None for a new thread; ``known_subject`` the one shown last in this chat."""

    trust: Trust
    own: frozenset[str]
    thread_subject: str | None = None
    recipient: str = ""  # the address of ours that it came to
    tag: str = ""
    returned: str = ""  # why a mail that came back is shown
    room: bool = (
        False  # it is shown in a room, which shows who takes part, and where answers go to all of them
    )
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Shown:
    """``original``: something is missing in the text, and the whole mail has to be attached."""

    text: str
    spans: tuple[Span, ...]
    recipients: tuple[Recipient, ...]
    original: bool


def present(letter: Letter, text: str, spans: Sequence[Span], cuts: Sequence[Cut], context: Context) -> Shown:
    """``text`` is the letter's, without the quotes that were folded away."""
    page = Page()
    if not context.trust.proven:
        page.block(
            _warning(letter, context.trust) if not context.trust.shown_as_said else _doubt(context.trust)
        )
    if context.returned:
        page.block(context.returned)
    _head(page, letter, context)
    body, left, missing = shortened(*_with_cuts(text, spans, cuts), LONGEST)
    page.block(body, left)
    for note in _notes(letter, missing, context):
        page.block(note)
    if not page.text:
        page.block("(This mail has no text.)")
    original = bool(missing or letter.unreadable or letter.shortened)
    encrypted = letter.protection is not None and letter.protection.kind is ProtectionKind.ENCRYPTED
    recipients = () if context.room else _recipients(letter, context.own)
    return Shown(page.text, page.spans, recipients, original or encrypted)


def when(letter: Letter, received: float, now: float) -> float | None:
    """When a mail was sent, if that is worth telling. Its own date counts where it can be true: not after it came, and not
    more than a month before."""
    sent = (
        letter.date
        if letter.date is not None and received - 30 * 86_400 < letter.date <= received
        else received
    )
    return sent if now - sent > _LATE else None


def named(person: Person) -> str:
    """A name is whatever people say they are: it never stands alone."""
    return f"{person.name} <{person.address}>" if person.name else person.address


def question(letter: Letter, trust: Trust, party: str) -> str:
    """What a user is asked about a stranger."""
    who = " and ".join(named(each) for each in letter.from_[:3] if each.address) or "Somebody"
    lines = [f"{who} wrote to you for the first time, and the mail is held."]
    if letter.automatic is not None and letter.automatic.kind is AutoKind.LIST:
        lines = [f"{who} wrote to a mailing list that brings mail to you for the first time; it is held."]
    if letter.subject:
        lines.append(f"Subject: {letter.subject[:200]}")
    lines.append(
        "The sender is authenticated." if trust.proven else f"The sender may be forged. {trust.reason}"
    )
    if party:
        lines.append(
            f'Write to me: "allow {party}" to get this and all that follows, "once {party}" for what is held only, '
            f'"block {party}" to refuse it, or "spam {party}" to keep it away without more questions.'
        )
    return "\n".join(lines)


# -- above --------------------------------------------------------------------------------------------------------


def _warning(letter: Letter, trust: Trust) -> str:
    authors = [each for each in letter.from_ if each.address][:3]
    who = " and ".join(map(named, authors)) or "somebody who does not say who"
    lines = [
        f"⚠ This mail says that it is from {who}, and that may be a lie. {trust.reason}".rstrip(),
        "That is why it is not in the chat with that address. Follow no link in it and open no file of it before you know "
        "more.",
    ]
    if letter.sole_author is not None:
        lines.append(f"If you trust it, write to {letter.sole_author.address}.")
    return "\n".join(lines)


def _doubt(trust: Trust) -> str:
    """Of mail in the chat with whom it says that it is from."""
    return f"⚠ {trust.reason} If it asks for something unusual, make sure that it is theirs."


def _head(page: Page, letter: Letter, context: Context) -> None:
    subject = letter.subject
    if subject and (
        context.thread_subject is None or base(subject).casefold() != base(context.thread_subject).casefold()
    ):
        page.block(subject, [Span(0, len(subject), Style.STRONG)])
    mark = "" if context.room and _listed_mail(letter) else _mark(letter)
    people = "" if context.room else _people(letter, context.own)
    for line in (people, mark):
        if line:
            page.line(line) if page.text else page.block(line)
    if context.tag:
        note = f"(to {context.recipient})"
        page.line(note) if page.text else page.block(note)


def _listed_mail(letter: Letter) -> bool:
    return letter.automatic is not None and letter.automatic.kind is AutoKind.LIST


def _mark(letter: Letter) -> str:
    automatic = letter.automatic
    if automatic is None:
        return ""
    if automatic.kind is AutoKind.LIST and letter.lists is not None:
        name = letter.lists.name or letter.lists.id or letter.lists.post
        return f"[mailing list {name}]" if name else "[mailing list]"
    return _MARKS[automatic.kind]


_MARKS = {
    AutoKind.REPORT: "[report about a mail]",
    AutoKind.RECEIPT: "[notice that a mail was read]",
    AutoKind.REPLY: "[automatic answer]",
    AutoKind.LIST: "[mailing list]",
    AutoKind.BULK: "[sent to many]",
    AutoKind.GENERATED: "[automatic mail]",
}


def _people(letter: Letter, own: frozenset[str]) -> str:
    """The other people who have this mail, and whom an answer reaches."""
    others = _recipients(letter, own)
    if not others:
        return ""
    parts = []
    for part, label in ((Part.TO, "To"), (Part.CC, "Cc")):
        named_here = [each for each in others if each.part is part]
        source = letter.to if part is Part.TO else letter.cc
        mine = ["you"] if any(_folded(each) in own for each in source) else []
        names = mine + [
            f"{each.display_name} <{each.name}>" if each.display_name else each.name for each in named_here
        ]
        if names:
            parts.append(f"{label}: {_listed(names)}")
    if letter.sole_author is None or letter.no_reply:
        return "; ".join(parts)
    author = letter.sole_author.name or letter.sole_author.address
    return (
        f"{'; '.join(parts)}\n"
        f"(An answer goes to {author} only. Begin it with @all to answer all {len(others) + 1}.)"
    )


def _recipients(letter: Letter, own: frozenset[str]) -> tuple[Recipient, ...]:
    """To and Cc without the user and the author, each once."""
    seen = set(own)
    if letter.sole_author is not None:
        seen.add(_folded(letter.sole_author))
    found = []
    for part, people in ((Part.TO, letter.to), (Part.CC, letter.cc)):
        for person in people:
            key = _folded(person)
            if key and key not in seen and _base(key) not in own:
                seen.add(key)
                found.append(Recipient(part, key, person.name))
    return tuple(found)


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST_PEOPLE:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_PEOPLE])} and {len(names) - _MOST_PEOPLE} others"


def _folded(person: Person) -> str:
    try:
        return parse(person.address).folded
    except BadAddress:
        return ""


def _base(folded: str) -> str:
    return parse(folded).base.folded


# -- below --------------------------------------------------------------------------------------------------------


def _with_cuts(text: str, spans: Sequence[Span], cuts: Sequence[Cut]) -> tuple[str, Sequence[Span]]:
    """With a mark at every place where lines were."""
    moved = list(spans)
    for cut in sorted(cuts, key=lambda cut: cut.place, reverse=True):
        lines = "line" if cut.lines == 1 else "lines"
        mark = f"[signature: {cut.lines} {lines}]" if cut.signature else f"[{cut.lines} quoted {lines}]"
        before = "" if cut.place == 0 or text[cut.place - 1] == "\n" else "\n"
        after = "" if cut.place == len(text) or text[cut.place] == "\n" else "\n"
        mark = before + mark + after
        text = text[: cut.place] + mark + text[cut.place :]
        moved = [_moved(each, cut.place, len(mark)) for each in moved]
    return text, moved


def _moved(span: Span, place: int, by: int) -> Span:
    start = span.start + by if span.start >= place else span.start
    end = span.end + by if span.end > place else span.end
    return Span(start, end, span.style)


def _notes(letter: Letter, missing: int, context: Context) -> Sequence[str]:
    notes = []
    if missing:
        notes.append(f"[{missing:,} more characters: the whole mail is attached]")
    elif letter.shortened:
        notes.append("[The rest is too long to be shown: the whole mail is attached]")
    if letter.unreadable:
        notes.append(f"[{letter.unreadable} The original mail is attached.]")
    if letter.invitation is not None:
        notes.append(_invitation(letter.invitation, context.zone))
    protection = letter.protection
    if protection is not None and protection.kind is ProtectionKind.ENCRYPTED:
        notes.append(
            f"[Encrypted with {protection.system}: this gateway cannot read it. The original mail is attached.]"
        )
    elif protection is not None:
        notes.append(f"[Signed with {protection.system}; this gateway did not check the signature.]")
    if letter.lists is not None and letter.lists.one_click:
        notes.append("[You can unsubscribe from this: see the commands of this gateway.]")
    if letter.no_reply:
        notes.append("[Nobody reads answers to this address.]")
    return notes


_METHODS = {
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Another time is proposed",
    "PUBLISH": "Event",
}


def _invitation(invitation: Invitation, zone: tzinfo) -> str:
    title = _METHODS.get(invitation.method, "Invitation")
    lines = [f"📅 {title}: {invitation.summary or 'without a title'}"]
    if invitation.start is not None:
        lines.append(f"When: {_span(invitation.start, invitation.end, zone)}")
    if invitation.recurrence:
        lines.append(f"Repeated: {invitation.recurrence[:200]}")
    if invitation.location:
        lines.append(f"Where: {invitation.location[:300]}")
    if invitation.organizer is not None and invitation.organizer.address:
        lines.append(f"By: {named(invitation.organizer)}")
    if invitation.method == "REPLY":
        lines += [f"{named(each.person)}: {each.answer.value.lower()}" for each in invitation.attendees[:5]]
    return "\n".join(lines)


def _span(start: Moment, end: Moment | None, zone: tzinfo) -> str:
    if start.whole_day:
        first = datetime.fromtimestamp(start.time, UTC)
        if end is None or end.time - start.time <= 86_400:
            return f"{first:%a %d %b %Y}, all day"
        # RFC 5545 §3.6.1: the end is the first day that does not belong to it.
        return f"{first:%a %d %b %Y} to {datetime.fromtimestamp(end.time - 86_400, UTC):%a %d %b %Y}"
    here = UTC if start.floating else zone
    begin = datetime.fromtimestamp(start.time, here)
    text = f"{begin:%a %d %b %Y, %H:%M}"
    if end is not None:
        until = datetime.fromtimestamp(end.time, here)
        text += f" to {until:%H:%M}" if until.date() == begin.date() else f" to {until:%a %d %b %Y, %H:%M}"
    return text if start.floating else f"{text} {begin:%Z}"
