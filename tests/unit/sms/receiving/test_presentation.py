"""What users read of messages that are no plain text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.receiving.presentation import Shown, present
from bridges.sms.receiving.reassembly import Whole
from bridges.sms.receiving.rows import (
    Delivery,
    Taken,
    read_delivery,
    read_inbound,
    write_delivery,
    write_inbound,
)
from bridges.sms.text.decoding import decode
from bridges.sms.traffic import Alphabet, Concatenation, Inbound, Lamp, Nature
from gateway.model import Attachment, MessageKind
from tests.unit.sms.receiving.house import BOB, OURS


def shown(*pieces: Inbound | None) -> Shown:
    rows = [None if each is None else Taken(str(n), str(n), 0.0, each) for n, each in enumerate(pieces)]
    return present(Whole(tuple(rows)), BOB, OURS, decode)


def inbound(**more: Any) -> Inbound:
    return Inbound("main", BOB, OURS, **more)


def test_a_text_is_its_words() -> None:
    assert shown(inbound(text="Hello")) == Shown("Hello")


def test_an_empty_text_is_said_to_be_one() -> None:
    assert shown(inbound()).text == "[An empty message.]"


def test_a_picture_without_words_has_none() -> None:
    file = Attachment(url="https://x/1.jpg")
    assert shown(inbound(media=(file,))) == Shown("", files=(file,))


def test_a_flash_message_is_said_to_be_one() -> None:
    text = shown(inbound(text="Storm!", nature=Nature.FLASH)).text
    assert text == "[Flash message: phones show it at once and do not keep it.]\nStorm!"


@pytest.mark.parametrize(
    ("lamp", "text"),
    [
        (Lamp("voicemail", True, 3), "Voicemail of +1 555-000-0001: 3 voice messages are waiting"),
        (Lamp("voicemail", True, 1), "Voicemail of +1 555-000-0001: 1 voice message is waiting"),
        (Lamp("fax"), "Fax of +1 555-000-0001: faxes are waiting"),
        (Lamp("email", False), "Email of +1 555-000-0001: no emails are waiting any more"),
        (Lamp("voicemail", True, 0), "Voicemail of +1 555-000-0001: no voice messages are waiting any more"),
        (Lamp("pigeons"), "Messages of +1 555-000-0001: messages are waiting"),
        (None, "Messages of +1 555-000-0001: messages are waiting"),
    ],
)
def test_a_lamp_is_a_notice_of_the_gateway(lamp: Lamp | None, text: str) -> None:
    said = shown(inbound(nature=Nature.WAITING, lamp=lamp))
    assert said.own
    assert said.kind is MessageKind.NOTICE
    assert said.text == f"{text} (says +1 555-123-4567)."


def test_words_that_come_with_a_lamp_are_shown() -> None:
    said = shown(inbound(nature=Nature.WAITING, lamp=Lamp("voicemail"), text="Call 123"))
    assert said.text.endswith(".\nCall 123")


@pytest.mark.parametrize(
    ("port", "data", "what", "name"),
    [
        (2948, b"\x01\x06", "a WAP push (a link, or the notice of a multimedia message)", "push.wbxml"),
        (5505, b"\x02J", "a ringtone", "ringtone.ott"),
        (5506, b"\x30", "an operator logo", "logo.otb"),
        (9205, b"BEGIN:VCALENDAR", "a calendar entry", "event.ics"),
        (49999, b"\x00", "settings for a phone, which were not applied", "settings.wbxml"),
        (16500, b"\x00\x01", "data for an application", "message.bin"),
    ],
)
def test_what_is_for_applications_is_named_and_attached(port: int, data: bytes, what: str, name: str) -> None:
    said = shown(inbound(nature=Nature.BINARY, alphabet=Alphabet.BINARY, data=data, port=port))
    assert said.text == f"[A message that is no text: {what}, {len(data)} octets, port {port}.]"
    assert [(file.name, file.data) for file in said.files] == [(name, data)]


def test_octets_of_no_alphabet_have_no_port() -> None:
    said = shown(inbound(nature=Nature.BINARY, alphabet=Alphabet.BINARY, data=b"\xff"))
    assert said.text == "[A message that is no text: data for an application, 1 octets.]"


def test_octets_that_lack_a_part_are_said_to() -> None:
    part = inbound(
        nature=Nature.BINARY,
        alphabet=Alphabet.BINARY,
        data=b"BEGIN:VCARD",
        port=9204,
        concatenation=Concatenation("1", 2, 1),
    )
    assert shown(part, None).text.endswith("port 9204.] [Part 2 of 2 did not arrive.]")


# -- rows ------------------------------------------------------------------------------------------------------------

_TEXTS = st.text(st.characters(), max_size=20)
_FILES = st.builds(
    Attachment,
    name=_TEXTS,
    media_type=_TEXTS,
    size=st.none() | st.integers(1, 2**31),
    url=_TEXTS,
    data=st.binary(max_size=10),
    caption=_TEXTS,
)
_INBOUND = st.builds(
    Inbound,
    route=_TEXTS,
    sender=_TEXTS,
    recipient=_TEXTS,
    text=_TEXTS,
    data=st.binary(max_size=20),
    alphabet=st.sampled_from(Alphabet),
    locking=st.integers(0, 13),
    single=st.integers(0, 13),
    concatenation=st.none()
    | st.builds(Concatenation, _TEXTS, st.integers(0, 300), st.integers(0, 300), st.sampled_from((0, 8, 16))),
    nature=st.sampled_from(Nature),
    lamp=st.none() | st.builds(Lamp, _TEXTS, st.booleans(), st.none() | st.integers(0, 255)),
    port=st.none() | st.integers(0, 65535),
    others=st.lists(_TEXTS, max_size=3).map(tuple),
    media=st.lists(_FILES, max_size=2).map(tuple),
    time=st.none() | st.floats(0, 2e9),
)


@given(_INBOUND)
def test_what_is_kept_is_what_came(made: Inbound) -> None:
    assert read_inbound(write_inbound(made)) == made


@given(st.lists(_INBOUND | st.none(), min_size=1, max_size=5).filter(any))
def test_everything_can_be_shown(pieces: list[Inbound | None]) -> None:
    said = shown(*pieces)
    said.text.encode()
    assert said.text or said.files


@given(_TEXTS, st.lists(_FILES, max_size=2), st.none() | st.floats(0, 2e9), st.sampled_from(MessageKind))
def test_what_waits_is_what_was_to_be_shown(
    text: str, files: list[Attachment], time: float | None, kind: MessageKind
) -> None:
    made = Delivery("o", "i", 1.0, "c", "n", text, kind, time, "r", tuple(files), ("x",), "t")
    assert read_delivery("o", "i", 1.0, "c", "n", write_delivery(made)) == made
