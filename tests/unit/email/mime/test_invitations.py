"""Invitations are read as far as they are any, and answered as RFC 5546 says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from bridges.email.mime.invitations import reply
from bridges.email.mime.letter import Answer, Attendee, Invitation, Moment, Person
from bridges.email.mime.reading import read
from tests.unit.email.mime.mails import PATIENT, mail, multipart, text

_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
_HOUR = 3600.0


def calendar(event: str, method: str = "REQUEST") -> str:
    lines = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:{method}\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    return lines.replace("\n", "\r\n")


def invited(event: str, method: str = "REQUEST") -> Invitation:
    part = f"Content-Type: text/calendar; charset=utf-8; method={method}\r\n\r\n{calendar(event, method)}"
    found = read(multipart(text("Come"), part, kind="alternative")).invitation
    assert found is not None
    return found


def test_an_invitation_says_what_when_where_and_who() -> None:
    found = invited(
        "UID:u1\nSEQUENCE:2\nDTSTAMP:20260101T000000Z\nDTSTART:20260601T120000Z\nDURATION:PT1H\nSUMMARY:Tea\\, and cake\n"
        "LOCATION:Café\nDESCRIPTION:Bring\\ncake\nORGANIZER;CN=Bob Gray:mailto:bob@example.org\nRRULE:FREQ=WEEKLY;COUNT=3\n"
        "ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:alice@example.net\nATTENDEE;PARTSTAT=ACCEPTED:MAILTO:c@example.com"
    )
    assert found == Invitation(
        "REQUEST",
        "u1",
        2,
        "Tea, and cake",
        "Café",
        "Bring\ncake",
        Person("Bob Gray", "bob@example.org"),
        (
            Attendee(Person("", "alice@example.net"), Answer.UNANSWERED, True),
            Attendee(Person("", "c@example.com"), Answer.ACCEPTED),
        ),
        Moment(_NOON),
        Moment(_NOON + _HOUR),
        "FREQ=WEEKLY;COUNT=3",
    )


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        ("DTSTART:20260601T120000Z", Moment(_NOON)),
        ("DTSTART:20260601T120000", Moment(_NOON, floating=True)),
        ("DTSTART;TZID=Europe/Berlin:20260601T140000", Moment(_NOON, zone="Europe/Berlin")),
        ("DTSTART;VALUE=DATE:20260601", Moment(_NOON - 12 * _HOUR, whole_day=True)),
    ],
)
def test_times_with_and_without_zone(start: str, moment: Moment) -> None:
    assert invited(f"UID:u1\n{start}").start == moment


@pytest.mark.parametrize("method", ["CANCEL", "REPLY", "COUNTER", "PUBLISH"])
def test_methods(method: str) -> None:
    assert invited("UID:u1\nDTSTART:20260601T120000Z", method).method == method


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "BEGIN:VCALENDAR\r\nEND:VCALENDAR",
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\n" * 5_000,
        calendar("UID:u1\nDTSTART:20261341T990000Z"),
        calendar("UID:u1\n" + "ATTENDEE:mailto:a@b\n" * 20_000),
    ],
)
def test_a_broken_calendar_is_a_file_beside_the_text(body: str) -> None:
    part = f"Content-Type: text/calendar; method=REQUEST\r\n\r\n{body}"
    letter = read(multipart(text("Come"), part))
    assert letter.text == "Come"
    assert letter.invitation is not None or [file.media_type for file in letter.attachments] == [
        "text/calendar"
    ]


@PATIENT
@given(
    st.lists(
        st.sampled_from(["UID:u", "DTSTART:2026", "RRULE:FREQ=", "ATTENDEE;CN=", "SEQUENCE:x", "DURATION:P"])
        | st.text(max_size=20),
        max_size=12,
    )
)
def test_any_calendar_is_read_or_a_file(lines: list[str]) -> None:
    letter = read(mail(calendar("\n".join(lines)), "text/calendar"))
    assert letter.invitation is not None or letter.attachments


@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.DECLINED, Answer.TENTATIVE])
def test_an_answer_names_event_attendee_and_organizer(answer: Answer) -> None:
    found = invited(
        "UID:u1\nSEQUENCE:2\nDTSTART;VALUE=DATE:20260601\nSUMMARY:Tea\nORGANIZER:mailto:bob@example.org\n"
        "RECURRENCE-ID:20260601T120000Z"
    )
    data = reply(found, Person('Alice "A"', "alice@example.net"), answer, _NOON)
    event = Calendar.from_ical(data)
    assert event["METHOD"] == "REPLY"
    sent = event.walk("VEVENT")[0]
    assert (sent["UID"], int(sent["SEQUENCE"]), sent["ORGANIZER"]) == ("u1", 2, "mailto:bob@example.org")
    assert sent["ATTENDEE"] == "mailto:alice@example.net"
    assert sent["ATTENDEE"].params["PARTSTAT"] == answer.value
    assert sent["DTSTART"].dt.isoformat() == "2026-06-01"
    assert sent["RECURRENCE-ID"].dt == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert sent["DTSTAMP"].dt == datetime(2026, 6, 1, 12, tzinfo=UTC)


@PATIENT
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40))
def test_no_word_of_an_invitation_gets_out_of_its_line_in_the_answer(words: str) -> None:
    found = Invitation("REQUEST", f"u{words}", summary=words, organizer=Person(words, "bob@example.org"))
    data = reply(found, Person(words, "alice@example.net"), Answer.ACCEPTED, _NOON)
    assert data.count(b"BEGIN:VEVENT") == 1
    assert data.count(b"\r\nATTENDEE") == 1
    Calendar.from_ical(data)
