"""User data headers: all elements in any order, and headers that lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.text import udh
from bridges.sms.traffic import Concatenation, Lamp


def test_a_reference_of_8_bits() -> None:
    assert udh.read(bytes.fromhex("0500034203 02") + b"text") == (
        udh.Header(Concatenation("66", 3, 2, width=8)),
        b"text",
    )


def test_a_reference_of_16_bits_is_told_from_one_of_8() -> None:
    header, _ = udh.read(bytes.fromhex("0608040042 0302"))
    assert header.concatenation == Concatenation("66", 3, 2, width=16)


def test_ports_and_a_concatenation_in_one_header() -> None:
    header, rest = udh.read(bytes.fromhex("0b 0504 158a 0001 0003 07 03 01") + b"\x01\x02")
    assert header == udh.Header(Concatenation("7", 3, 1), port=5514, source_port=1)
    assert rest == b"\x01\x02"


def test_ports_of_8_bits() -> None:
    header, _ = udh.read(bytes.fromhex("04 0402 f0 e2"))
    assert (header.port, header.source_port) == (0xF0, 0xE2)


def test_national_languages() -> None:
    header, rest = udh.read(udh.write(*udh.shifts(1, 3)) + b"x")
    assert (header.locking, header.single, rest) == (1, 3, b"x")


@pytest.mark.parametrize(
    ("value", "lamp"),
    [
        ("8002", Lamp("voicemail", True, 2)),
        ("0000", Lamp("voicemail", False, 0)),
        ("0101", Lamp("fax", True, 1)),
        ("02ff", Lamp("email", True, 255)),
        ("0301", Lamp("other", True, 1)),
    ],
)
def test_a_special_message_lights_a_lamp(value: str, lamp: Lamp) -> None:
    assert udh.read(bytes.fromhex("040102" + value))[0].lamp == lamp


def test_unknown_elements_are_passed_over() -> None:
    header, rest = udh.read(bytes.fromhex("0a 7f03aabbcc 0003 09 02 01") + b"x")
    assert (header.concatenation, rest) == (Concatenation("9", 2, 1), b"x")


def test_of_elements_that_come_twice_the_last_counts() -> None:
    header, _ = udh.read(udh.write(udh.concatenated(1, 2, 1), udh.concatenated(2, 2, 2, width=16)))
    assert header.concatenation == Concatenation("2", 2, 2, width=16)
    header, _ = udh.read(udh.write(udh.concatenated(2, 2, 2, width=16), udh.concatenated(1, 2, 1)))
    assert header.concatenation == Concatenation("1", 2, 1, width=8)


@pytest.mark.parametrize("element", ["000305 00 01", "000305 02 00", "000305 02 03", "0804 0005 01 02"])
def test_a_concatenation_that_cannot_be_is_none(element: str) -> None:
    value = bytes.fromhex(element)
    header, rest = udh.read(bytes([len(value)]) + value + b"x")
    assert (header.concatenation, rest) == (None, b"x")


@pytest.mark.parametrize("element", ["0002 0501", "000405020100", "2402 0101", "0800"])
def test_elements_of_a_wrong_length_say_nothing(element: str) -> None:
    value = bytes.fromhex(element)
    assert udh.read(bytes([len(value)]) + value + b"x") == (udh.NONE, b"x")


def test_an_element_that_is_cut_short_does_not_cost_the_text() -> None:
    header, rest = udh.read(bytes.fromhex("08 240101 0009 07 03 01") + b"text")
    assert (header.single, header.concatenation, rest) == (1, None, b"text")


def test_a_header_longer_than_the_data_is_text() -> None:
    assert udh.read(b"Hello") == (udh.NONE, b"Hello")
    assert udh.read(b"") == (udh.NONE, b"")
    assert udh.read(b"\x00x") == (udh.NONE, b"x")


@given(st.binary(max_size=300))
def test_reading_never_fails_and_loses_no_text(data: bytes) -> None:
    header, rest = udh.read(data)
    assert data.endswith(rest)
    if header.concatenation is not None:
        assert 1 <= header.concatenation.number <= header.concatenation.total <= 255


@given(
    st.integers(0, 0xFFFF), st.integers(1, 255), st.sampled_from([8, 16]), st.data(), st.binary(max_size=140)
)
def test_what_is_written_is_read(
    reference: int, total: int, width: int, data: st.DataObject, text: bytes
) -> None:
    number = data.draw(st.integers(1, total))
    locking, single = data.draw(st.tuples(st.integers(0, 13), st.integers(0, 13)))
    octets = udh.write(udh.concatenated(reference, total, number, width=width), *udh.shifts(locking, single))
    header, rest = udh.read(octets + text)
    expected = Concatenation(str(reference & (1 << width) - 1), total, number, width=width)
    assert header == udh.Header(expected, locking=locking, single=single)
    assert rest == text


def test_every_piece_of_255_has_its_number() -> None:
    for number in range(1, 256):
        header, _ = udh.read(udh.write(udh.concatenated(0xABCD, 255, number, width=16)))
        assert header.concatenation == Concatenation("43981", 255, number, width=16)
