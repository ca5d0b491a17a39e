"""Invitations (RFC 5545, RFC 5546): what a calendar part asks for, and the answer to it.

The library that parses is strict and was not written for strangers: it is given little at a time, and whatever it raises
means that the file is shown as a file.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from icalendar import Calendar, Component, Event, vCalAddress

from bridges.email.mime import charsets, clean, fields
from bridges.email.mime.letter import Answer, Attendee, Invitation, Moment, Person
from bridges.email.mime.structure import Part

_MOST_OCTETS = 256 * 1024
_MOST_ATTENDEES = 200
_VERSION = "2.0"
_PRODUCT = "-//Causeway//XMPP gateway//EN"
_ANSWERS = {answer.value: answer for answer in Answer}


class NoInvitation(ValueError):
    """The calendar has no event that could be read; the text says why."""


def read(part: Part) -> Invitation:
    """Raises ``NoInvitation``."""
    data = part.decoded(_MOST_OCTETS)
    if len(data) >= _MOST_OCTETS:
        raise NoInvitation("calendar too large")
    text = charsets.decode(data, fields.charset_of(part.parameters))
    try:
        calendar = Calendar.from_ical(clean.text(text))
        event = next(iter(calendar.walk("VEVENT")), None)
    except Exception as error:
        raise NoInvitation(f"calendar not understood: {type(error).__name__}") from error
    if event is None:
        raise NoInvitation("calendar without an event")
    method = clean.line(str(calendar.get("METHOD", "") or part.parameters.get("method", "")), 20).upper()
    try:
        return _invitation(event, method)
    except Exception as error:
        raise NoInvitation(f"event not understood: {type(error).__name__}") from error


def _invitation(event: Component, method: str) -> Invitation:
    attendees = _several(event.get("ATTENDEE"))[:_MOST_ATTENDEES]
    start = _moment(event, "DTSTART")
    recurrence = event.get("RRULE")
    rule = _several(recurrence)[0].to_ical().decode("utf-8", "replace") if recurrence else ""
    return Invitation(
        method,
        clean.line(str(event.get("UID", "")), 500),
        _number(event.get("SEQUENCE", 0)),
        clean.line(str(event.get("SUMMARY", "")), 500),
        clean.line(str(event.get("LOCATION", "")), 500),
        clean.text(str(event.get("DESCRIPTION", "")))[:10_000].strip(),
        _person(event.get("ORGANIZER")),
        tuple(_attendee(each) for each in attendees),
        start,
        _end(event, start),
        clean.line(rule, 500),
        _moment(event, "RECURRENCE-ID"),
    )


def _several(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _number(value: Any) -> int:
    try:
        return max(0, min(int(value), 2**31 - 1))
    except (TypeError, ValueError):
        return 0


def _person(value: Any) -> Person | None:
    first = next(iter(_several(value)), None)
    if first is None:
        return None
    address = clean.line(str(first), 320)
    if address[:7].lower() == "mailto:":
        address = address[7:]
    parameters = getattr(first, "params", {})
    # Microsoft writes addresses that are none, and the real one as a parameter.
    email = clean.line(str(parameters.get("EMAIL", "")), 320)
    return Person(clean.line(str(parameters.get("CN", "")), 200), address if "@" in address else email)


def _attendee(value: Any) -> Attendee:
    said = str(value.params.get("PARTSTAT", "")).upper()
    answer = _ANSWERS.get(said, Answer.UNANSWERED)
    person = _person(value) or Person("", "")
    return Attendee(person, answer, expected=str(value.params.get("RSVP", "")).upper() == "TRUE")


def _moment(event: Component, name: str) -> Moment | None:
    found = next(iter(_several(event.get(name))), None)
    value = getattr(found, "dt", None)
    if isinstance(value, datetime):
        zone = str(found.params.get("TZID", "")) if found is not None else ""
        if value.tzinfo is None:
            return Moment(value.replace(tzinfo=UTC).timestamp(), zone=clean.line(zone, 100), floating=True)
        return Moment(value.timestamp(), zone=clean.line(zone, 100))
    if isinstance(value, date):
        return Moment(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp(), whole_day=True)
    return None


def _end(event: Component, start: Moment | None) -> Moment | None:
    end = _moment(event, "DTEND")
    if end is not None or start is None:
        return end
    length = getattr(event.get("DURATION"), "dt", None)
    if not isinstance(length, timedelta):
        return None
    return Moment(start.time + length.total_seconds(), start.whole_day, start.zone, start.floating)


def reply(invitation: Invitation, attendee: Person, answer: Answer, now: float) -> bytes:
    """The iTIP REPLY (RFC 5546 §3.2.3) to a REQUEST, as a text/calendar body. ``now`` is Unix seconds."""
    event = Event()
    event.add("UID", invitation.uid)
    event.add("SEQUENCE", invitation.sequence)
    event.add("DTSTAMP", datetime.fromtimestamp(now, UTC))
    if invitation.organizer is not None:
        event["ORGANIZER"] = _calendar_address(invitation.organizer)
    address = _calendar_address(attendee)
    address.params["PARTSTAT"] = answer.value
    event["ATTENDEE"] = address
    if invitation.summary:
        event.add("SUMMARY", invitation.summary)
    for name, moment in (
        ("DTSTART", invitation.start),
        ("DTEND", invitation.end),
        ("RECURRENCE-ID", invitation.occurrence),
    ):
        if moment is not None:
            event.add(name, _value(moment))
    calendar = Calendar()
    calendar.add("PRODID", _PRODUCT)
    calendar.add("VERSION", _VERSION)
    calendar.add("METHOD", "REPLY")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _calendar_address(person: Person) -> vCalAddress:
    address = vCalAddress(f"mailto:{person.address}")
    if person.name:
        address.params["CN"] = person.name.replace('"', "'")
    return address


def _value(moment: Moment) -> date | datetime:
    time = datetime.fromtimestamp(moment.time, UTC)
    if moment.whole_day:
        return time.date()
    return time.replace(tzinfo=None) if moment.floating else time
