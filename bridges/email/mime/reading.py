"""Puts a ``Letter`` together from all that was found in the bytes of a mail. No input or output but the files that it is
told to write; bounded by its limits, and total: what cannot be read is named, and the rest is there.
"""

from dataclasses import replace
from pathlib import Path

from bridges.email.mime import (
    automatic,
    charsets,
    clean,
    fields,
    files,
    invitations,
    people,
    prose,
    reports,
    shown,
    tnef,
)
from bridges.email.mime.body import Chooser, Contents
from bridges.email.mime.fields import Header
from bridges.email.mime.letter import File, Invitation, Letter, Person
from bridges.email.mime.limits import DEFAULT, Limits
from bridges.email.mime.shown import Shown
from bridges.email.mime.structure import Part, Source, Structure

_TNEF = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))
_TRACE_LIMIT = 4_000  # code points of one field


def read(source: Source, limits: Limits = DEFAULT, directory: Path | None = None) -> Letter:
    """The mail in ``source``. Attachments become files of ``directory``, which exists and is empty, or stand in memory where
    there is none."""
    if len(source) > limits.size:
        return unread(source[: limits.header], len(source), "It is too large to be read here.", limits)
    structure = Structure(source, limits)
    root = structure.root()
    contents = Chooser(limits).choose(root)
    letter = _heading(root.header, len(source))
    defects = list(structure.defects)
    invitation = _invitation(contents, limits, defects)
    body, shortened = _body(contents.texts, limits)
    unreadable = contents.unreadable if not body.text else ""
    author = letter.from_[0] if letter.from_ else Person("", "")
    report = reports.delivery(root, structure, limits)
    if report is None or not report.recipients:
        # Some systems send an empty report, or one of their own kind, beside a text that says it all.
        report = prose.read(root.header, author, body.text) or report
    return replace(
        letter,
        text=body.text,
        spans=body.spans[: limits.spans],
        marks=body.marks[: limits.spans],
        html_origin=body.html,
        shortened=shortened or contents.shortened,
        attachments=_attachments(contents, structure, limits, directory, defects),
        automatic=automatic.classify(
            root.header, author, root.media_type, root.parameters.get("report-type", "").lower()
        ),
        invitation=invitation,
        report=report,
        mdn=reports.disposition(root, structure, limits),
        complaint=reports.complaint(root, structure, limits),
        protection=contents.protection,
        unreadable=unreadable,
        defects=(*letter.defects, *defects),
    )


def unread(start: bytes, size: int, why: str, limits: Limits = DEFAULT) -> Letter:
    """A letter of the header alone, from the beginning of a mail. ``why`` is a sentence for people."""
    header, _, _ = fields.split(start[: limits.header], limits.fields_of_a_name)
    return replace(_heading(header, size), unreadable=why)


def _heading(header: Header, size: int) -> Letter:
    authors: list[Person] = []
    flawed = False
    froms = header.all("from")
    for value in froms:
        found, defect = people.read(value)
        authors.extend(found)
        flawed |= defect
    certain = len(froms) == 1 and len(authors) == 1 and not flawed and bool(authors[0].address)
    sole = authors[0] if certain else None
    senders, _ = people.read(header.first("sender"))
    reply_to = people.all_of(header.all("reply-to"))
    ids = fields.identifiers(header.first("message-id"), 1)
    wants, _ = people.read(header.first("disposition-notification-to"))
    return Letter(
        message_id=ids[0] if ids else "",
        in_reply_to=fields.identifiers(header.first("in-reply-to"), 20),
        references=fields.identifiers(" ".join(header.all("references"))),
        from_=tuple(authors[:100]),
        sole_author=sole,
        sender=senders[0] if len(senders) == 1 else None,
        to=people.all_of(header.all("to")),
        cc=people.all_of(header.all("cc")),
        reply_to=reply_to,
        subject=header.text("subject"),
        date=fields.date(header.first("date")),
        no_reply=automatic.no_reply(reply_to[0] if reply_to else sole),
        lists=automatic.lists(header),
        wants_mdn=wants[0].address if len(wants) == 1 else "",
        trace=tuple((field.name, _raw(field.value)) for field in header.fields),
        size=size,
        defects=() if sole is not None else (_author_defect(froms, authors),),
    )


def _author_defect(froms: list[str], authors: list[Person]) -> str:
    if not froms:
        return "no From"
    if len(froms) > 1:
        return "several From fields"
    return "several authors" if len(authors) > 1 else "From is not as it must be"


def _raw(value: bytes) -> str:
    return clean.line(fields.unfolded(value), _TRACE_LIMIT)


def _body(texts: list[Shown], limits: Limits) -> tuple[Shown, bool]:
    body = shown.joined(texts)
    if len(body.text) <= limits.text:
        return body, False
    end = body.text.rfind("\n", 0, limits.text)
    return shown.clipped(body, 0, end if end > limits.text // 2 else limits.text), True


def _invitation(contents: Contents, limits: Limits, defects: list[str]) -> Invitation | None:
    if contents.calendar is None:
        return None
    try:
        if limits.read_calendars:
            return invitations.read(contents.calendar)
    except invitations.NoInvitation as error:
        defects.append(str(error))
    contents.files.append((contents.calendar, False))
    return None


def _attachments(
    contents: Contents, structure: Structure, limits: Limits, directory: Path | None, defects: list[str]
) -> tuple[File, ...]:
    if len(contents.files) > limits.files:
        defects.append("too many attachments")
    taken: list[File] = []
    for part, inline in contents.files[: limits.files]:
        taken += _taken(part, structure, limits, directory, len(taken) + 1, inline=inline)
    for each in contents.embedded:
        name = charsets.decode(each.name, "")
        taken.append(files.found_within(each.data, name, directory=directory, number=len(taken) + 1))
    if len(taken) > limits.files:
        defects.append("too many attachments")
    return tuple(taken[: limits.files])


def _taken(
    part: Part, structure: Structure, limits: Limits, directory: Path | None, number: int, *, inline: bool
) -> list[File]:
    """One file, or those that it is made of."""
    if part.media_type in _TNEF or part.filename.lower() == "winmail.dat":
        try:
            within = tnef.enclosed(part.decoded(limits.size), limits.files)
        except tnef.NoTnef:
            within = []
        if within:
            return [
                files.found_within(each.data, each.name, directory=directory, number=at)
                for at, each in enumerate(within, start=number)
            ]
    message = part.media_type in ("message/rfc822", "message/global")
    header = structure.nested(part).header if message and part.encoding != "base64" else None
    name = files.named(part, number, files.title_of(part, header))
    return [files.taken(part, name, inline=inline, directory=directory, number=number)]
