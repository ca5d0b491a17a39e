"""Texts as rows of smsd's tables, and rows as texts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.gammu import parts
from bridges.sms.gammu.parts import Arrival, Sent
from bridges.sms.traffic import Alphabet, Nature, Stage, Submission, Unfit
from gateway.model import Attachment, Condition

OURS, THEIRS = "+12125550001", "+13105550001"


def submission(text: str, to: str = THEIRS) -> Submission:
    return Submission("r1", OURS, (to,), text, 0x1207)


def arrival(
    data: str = "", text: str = "", coding: str = parts.UCS2, header: str = "", kind: int = -1
) -> Arrival:
    return Arrival(1, "2026-11-21 12:00:00", THEIRS, data, text, coding, header, kind)


def sent(status: str, number: int = 1, total: int = 1, failure: int = -1, arrival: int = -1) -> Sent:
    header = f"05000307{total:02X}{number:02X}" if total > 1 else ""
    return Sent(1, "r1", number, THEIRS, status, header, failure, arrival)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=600))
def test_what_is_cut_can_be_put_together_again(text: str) -> None:
    found = parts.cut(submission(text), 255)
    assert "".join(each.text for each in found) == text
    for number, each in enumerate(found, 1):
        back = parts.read(arrival(each.data, coding=each.coding, header=each.header), "modem", OURS)
        assert back.data.decode("utf-16-be") == each.text
        joined = back.concatenation
        assert (joined is None) == (len(found) == 1)
        if joined is not None:
            assert (joined.reference, joined.number, joined.total) == ("7", number, len(found))


@pytest.mark.parametrize("to", ["MyBank", "", "+" + "1" * 20, "+١٢٣"])
def test_what_is_no_number_is_unfit(to: str) -> None:
    with pytest.raises(Unfit) as refused:
        parts.cut(submission("hi", to), 10)
    assert refused.value.refused.condition is Condition.ITEM_NOT_FOUND


@pytest.mark.parametrize("text", ["x" * 1531, "😀" * 400, "y" * 10_000_000])
def test_what_is_too_long_is_unfit(text: str) -> None:
    with pytest.raises(Unfit) as refused:
        parts.cut(submission(text), 10)
    assert refused.value.refused.condition is Condition.NOT_ACCEPTABLE


@pytest.mark.parametrize(
    ("seconds", "octet"),
    [
        (0, -1),
        (1, 0),
        (300, 0),
        (301, 1),
        (43_200, 143),
        (43_201, 144),
        (86_400, 167),
        (86_401, 168),
        (2 * 86_400, 168),
        (30 * 86_400, 196),
        (5 * 7 * 86_400, 197),
        (63 * 7 * 86_400, 255),
        (10**9, 255),
    ],
)
def test_the_validity_is_one_octet_rounded_up(seconds: float, octet: int) -> None:
    assert parts.validity(seconds) == octet


def test_halves_of_an_emoji_are_kept_as_octets() -> None:
    first, second = [
        parts.read(arrival(data, header=header), "modem", OURS)
        for data, header in (("0061D83D", "0500034D0201"), ("DE000062", "0500034D0202"))
    ]
    assert (first.data + second.data).decode("utf-16-be") == "a😀b"


def test_what_is_besides_text_is_seen() -> None:
    assert parts.read(arrival("0061", kind=0), "modem", OURS).nature is Nature.FLASH
    port = parts.read(arrival("0061", header="06050415811581"), "modem", OURS)
    assert (port.nature, port.port) == (Nature.BINARY, 0x1581)
    octets = parts.read(arrival("CAFE", coding=parts.BINARY), "modem", OURS)
    assert (octets.nature, octets.alphabet, octets.data) == (Nature.BINARY, Alphabet.BINARY, b"\xca\xfe")
    lamp = parts.read(arrival("0061", header="04010280 03".replace(" ", "")), "modem", OURS)
    assert lamp.nature is Nature.WAITING
    assert lamp.lamp is not None
    assert lamp.lamp.count == 3
    decoded = parts.read(arrival("", "only decoded"), "modem", OURS)
    assert (decoded.alphabet, decoded.text) == (Alphabet.TEXT, "only decoded")


def test_numbers_of_rows_that_come_again_are_not_the_same_text() -> None:
    first = arrival("0061")
    later = Arrival(1, "2027-01-01 00:00:00", THEIRS, "0061", "", parts.UCS2, "", -1)
    assert parts.read(first, "modem", OURS).id != parts.read(later, "modem", OURS).id


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.integers(-(2**31), 2**31))
def test_no_row_is_too_strange(
    data: str, text: str, coding: str, header: str, sender: str, kind: int
) -> None:
    parts.read(Arrival(1, "", sender, data, text, coding, header, kind), "modem", OURS)


statuses = st.sampled_from(
    [
        "SendingOK",
        "SendingOKNoReport",
        "SendingError",
        "DeliveryOK",
        "DeliveryFailed",
        "DeliveryPending",
        "Error",
        "?",
    ]
)


@given(st.lists(st.tuples(statuses, st.text(max_size=14), st.integers(-1, 600)), min_size=1), st.booleans())
def test_some_fate_is_found_whatever_stands_there(rows: list[tuple[str, str, int]], waiting: bool) -> None:
    found = [
        Sent(1, "r1", n, THEIRS, status, header, code, code)
        for n, (status, header, code) in enumerate(rows, 1)
    ]
    fate = parts.fate(found, waiting=waiting)
    assert (fate.why is not None) == (fate.stage is Stage.FAILED)
    assert not (waiting and fate.final)


@pytest.mark.parametrize(
    ("rows", "waiting", "stage", "final"),
    [
        ([sent("SendingOK", 1, 3)], True, Stage.BUFFERED, False),
        (
            [sent("DeliveryOK", 1, 2)],
            False,
            Stage.BUFFERED,
            False,
        ),  # the second has not been written down yet
        ([sent("DeliveryOK", 1, 2), sent("SendingOK", 2, 2)], False, Stage.BUFFERED, False),
        ([sent("DeliveryOK", 1, 2), sent("DeliveryOK", 2, 2)], False, Stage.DELIVERED, True),
        ([sent("DeliveryOK", 1, 2), sent("SendingOKNoReport", 2, 2)], False, Stage.CARRIER, True),
        ([sent("DeliveryOK", 1, 2), sent("DeliveryUnknown", 2, 2)], False, Stage.LOST, True),
        ([sent("SendingOK", 1, 3), sent("SendingError", 2, 3, 38)], False, Stage.FAILED, True),
        ([sent("SendingOK", 1, 3), sent("SendingError", 2, 3)], False, Stage.LOST, True),
        ([sent("SendingError", 1, 1, 38)], True, Stage.BUFFERED, False),  # it will be tried again
    ],
)
def test_a_text_is_what_its_parts_have_come_to(
    rows: list[Sent], waiting: bool, stage: Stage, final: bool
) -> None:
    fate = parts.fate(rows, waiting=waiting)
    assert (fate.stage, fate.final) == (stage, final)


def test_why_a_text_failed_is_said_with_its_code() -> None:
    refused = parts.fate([sent("SendingError", failure=1)], waiting=False)
    assert refused.why is not None
    assert (refused.code, refused.why.condition) == ("CMS 1", Condition.ITEM_NOT_FOUND)
    assert "not assigned" in refused.why.text
    late = parts.fate([sent("DeliveryFailed", arrival=70)], waiting=False)
    assert late.why is not None
    assert (late.code, late.why.condition) == ("TP-Status 70", Condition.RECIPIENT_UNAVAILABLE)


def test_files_are_never_left_out_in_silence() -> None:
    with pytest.raises(Unfit) as caught:
        parts.cut(replace(submission("look"), media=(Attachment("cat.png", "image/png"),)), 10)
    assert caught.value.refused.condition is Condition.FEATURE_NOT_IMPLEMENTED
