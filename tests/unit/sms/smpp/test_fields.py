"""command_status, data_coding, receipts: every number and every word has a meaning, and nothing is too broken to be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.sms.smpp import receipts, status
from bridges.sms.smpp.coding import CODINGS, Coding
from bridges.sms.smpp.tlv import Tag
from bridges.sms.traffic import Alphabet, Failing, Lamp, Nature, Stage
from gateway.model import Condition, ErrorType

# -- command_status ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(status.STATUSES))
def test_every_status_has_a_name_a_meaning_and_a_remedy(code: int) -> None:
    rejected = status.rejected(code)
    known = status.STATUSES[code]
    assert known.name.startswith("ESME_R")
    assert known.meaning in rejected.why.text
    assert f"{known.name}, 0x{code:02X}" in rejected.why.text
    assert rejected.why.text.endswith(".")
    assert rejected.code == known.name == status.name_of(code)
    assert rejected.operator == known.operator
    assert (rejected.failing is Failing.PASSING) <= (rejected.why.error_type is ErrorType.WAIT)


@pytest.mark.parametrize(
    ("code", "failing", "condition", "kind"),
    [
        (0x0B, Failing.MESSAGE, Condition.ITEM_NOT_FOUND, ErrorType.CANCEL),
        (0x01, Failing.MESSAGE, Condition.NOT_ACCEPTABLE, ErrorType.MODIFY),
        (0x0A, Failing.ROUTE, Condition.INTERNAL_SERVER_ERROR, ErrorType.WAIT),
        (0x0E, Failing.ROUTE, Condition.INTERNAL_SERVER_ERROR, ErrorType.WAIT),
        (0x0F, Failing.ROUTE, Condition.INTERNAL_SERVER_ERROR, ErrorType.WAIT),
        (0x08, Failing.PASSING, Condition.SERVICE_UNAVAILABLE, ErrorType.WAIT),
        (0x45, Failing.PASSING, Condition.SERVICE_UNAVAILABLE, ErrorType.WAIT),
        (0x14, Failing.PASSING, Condition.REMOTE_SERVER_TIMEOUT, ErrorType.WAIT),
        (0x58, Failing.PASSING, Condition.REMOTE_SERVER_TIMEOUT, ErrorType.WAIT),
        (0x101, Failing.ROUTE, Condition.FORBIDDEN, ErrorType.AUTH),
        (0x401, Failing.ROUTE, Condition.SERVICE_UNAVAILABLE, ErrorType.CANCEL),
    ],
)
def test_what_a_refusal_is_to_a_message(
    code: int, failing: Failing, condition: Condition, kind: ErrorType
) -> None:
    rejected = status.rejected(code)
    assert (rejected.failing, rejected.why.condition, rejected.why.error_type) == (failing, condition, kind)


def test_throttles_are_marked() -> None:
    assert sorted(status.THROTTLES) == [0x14, 0x58]
    assert {status.STATUSES[code].failing for code in status.THROTTLES} == {Failing.PASSING}


def test_whoever_wrote_to_nobody_is_told_what_to_do() -> None:
    assert status.rejected(0x0B).why.text == (
        "The provider refused the message: the recipient's number is not one that it can send to "
        "(ESME_RINVDSTADR, 0x0B). Check the number that you wrote to."
    )


def test_codes_of_providers_are_told_with_their_words() -> None:
    rejected = status.rejected(0x401, "no credit")
    assert rejected.code == "0x00000401"
    assert "(0x00000401, no credit)" in rejected.why.text
    assert status.name_of(0) == "ESME_ROK"


@given(st.integers(1, 0xFFFFFFFF), st.text(max_size=50))
def test_every_number_is_a_refusal(code: int, words: str) -> None:
    assert status.rejected(code, words).why.text


# -- data_coding -------------------------------------------------------------------------------------------------------

MESSAGE, FLASH, WAITING, BINARY = Nature.MESSAGE, Nature.FLASH, Nature.WAITING, Nature.BINARY


@pytest.mark.parametrize(
    ("value", "coding"),
    [
        (0x00, Coding(None)),
        (0x01, Coding(Alphabet.ASCII)),
        (0x02, Coding(Alphabet.BINARY, BINARY)),
        (0x03, Coding(Alphabet.LATIN1)),
        (0x04, Coding(Alphabet.BINARY, BINARY)),
        (0x05, Coding(Alphabet.JAPANESE)),
        (0x06, Coding(Alphabet.CYRILLIC)),
        (0x07, Coding(Alphabet.HEBREW)),
        (0x08, Coding(Alphabet.UCS2)),
        (0x0A, Coding(Alphabet.ISO2022)),
        (0x0D, Coding(Alphabet.EXTENDED_JAPANESE)),
        (0x0E, Coding(Alphabet.EUC_KR)),
        (0x0B, Coding(Alphabet.UCS2)),
        (0x0F, Coding(None)),
        (0x10, Coding(None, FLASH)),
        (0x11, Coding(None)),
        (0x14, Coding(Alphabet.BINARY, BINARY)),
        (0x18, Coding(Alphabet.UCS2, FLASH)),
        (0x19, Coding(Alphabet.UCS2)),
        (0x20, Coding(Alphabet.BINARY, BINARY)),
        (0x40, Coding(None)),
        (0x48, Coding(Alphabet.UCS2)),
        (0x50, Coding(None, FLASH)),
        (0x80, Coding(None)),
        (0xBF, Coding(None)),
        (0xC0, Coding(None, WAITING, Lamp("voicemail", False))),
        (0xC8, Coding(None, WAITING, Lamp("voicemail", True))),
        (0xD9, Coding(None, WAITING, Lamp("fax", True))),
        (0xEA, Coding(Alphabet.UCS2, WAITING, Lamp("email", True))),
        (0xDF, Coding(None, WAITING, Lamp("other", True))),
        (0xF0, Coding(None, FLASH)),
        (0xF1, Coding(None)),
        (0xF4, Coding(Alphabet.BINARY, BINARY)),
        (0xF5, Coding(Alphabet.BINARY, BINARY)),
        (0xF7, Coding(Alphabet.BINARY, BINARY)),
    ],
)
def test_what_a_data_coding_means(value: int, coding: Coding) -> None:
    assert CODINGS[value] == coding


def test_every_data_coding_means_something() -> None:
    assert len(CODINGS) == 256
    for coding in CODINGS:
        assert (coding.nature is WAITING) == (coding.lamp is not None)
        assert (coding.nature is BINARY) == (coding.alphabet is Alphabet.BINARY)


# -- receipts ----------------------------------------------------------------------------------------------------------

USUAL = (
    "id:0a1b2c sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hello"
)


def test_the_usual_receipt() -> None:
    receipt = receipts.read(USUAL)
    assert receipt == receipts.Receipt("0a1b2c", Stage.DELIVERED, "DELIVRD", "000")
    assert receipts.is_receipt(USUAL)


@pytest.mark.parametrize(
    ("text", "identifier", "stage", "error"),
    [
        ("id:1 stat:DELIVRD err:0", "1", Stage.DELIVERED, "0"),
        ("ID:1 STAT:delivrd ERR:0", "1", Stage.DELIVERED, "0"),
        ("err:0A1 stat:UNDELIV id:1", "1", Stage.FAILED, "0A1"),
        ("id:1 stat:UNDELIV err:Absent subscriber text:x", "1", Stage.FAILED, "Absent subscriber"),
        ("id: 1 sub: 001 stat: EXPIRED err: 27", "1", Stage.FAILED, "27"),
        ("id:1\nstat:ACCEPTD\n", "1", Stage.BUFFERED, ""),
        ("id:1,stat:REJECTD,err:8", "1", Stage.FAILED, "8"),
        ("id:1 stat:DELIVERED", "1", Stage.DELIVERED, ""),
        ("id:1 status:UNKNOWN", "1", Stage.LOST, ""),
        ("id:1 stat:2", "1", Stage.DELIVERED, ""),
        ("id:1 stat:SKIPPED", "1", Stage.FAILED, ""),
        ("id:1 stat:SCHEDULED", "1", Stage.BUFFERED, ""),
        ("id:1 stat:DELETED", "1", Stage.FAILED, ""),
        ("id:1 stat:BUFFERED", "1", Stage.BUFFERED, ""),
        ("id:1 stat:NEWWORD err:1", "1", None, "1"),
        ("id:1", "1", None, ""),
        ("id: stat:DELIVRD", "", Stage.DELIVERED, ""),
        ("id:4cf8b9c4-7e2d-4c0a-9d6c-8f00 stat:DELIVRD", "4cf8b9c4-7e2d-4c0a-9d6c-8f00", Stage.DELIVERED, ""),
        (
            "id:1 submit date:261121120000 done date:261121120001 stat:DELIVRD err:000",
            "1",
            Stage.DELIVERED,
            "000",
        ),
        ("id:1 submit date:rubbish done date: stat:DELIVRD err:\xff\x00", "1", Stage.DELIVERED, "\xff"),
        ("id:1 stat:DELIVRD err:000 Text:id:9 stat:UNDELIV err:1", "1", Stage.DELIVERED, "000"),
        ("text:hello id:1 stat:DELIVRD", "1", Stage.DELIVERED, ""),
        ("id:1 id:2 stat:DELIVRD stat:UNDELIV", "1", Stage.DELIVERED, ""),
        ("idstat", "", None, ""),
        ("valid:3 substat:DELIVRD", "", None, ""),
        ("", "", None, ""),
    ],
)
def test_texts_of_receipts(text: str, identifier: str, stage: Stage | None, error: str) -> None:
    receipt = receipts.read(text)
    assert (receipt.id, receipt.stage, receipt.error) == (identifier, stage, error)


@pytest.mark.parametrize(
    ("number", "stage"),
    [
        *(
            (0, Stage.BUFFERED),
            (1, Stage.BUFFERED),
            (2, Stage.DELIVERED),
            (3, Stage.FAILED),
            (4, Stage.FAILED),
        ),
        *((5, Stage.FAILED), (6, Stage.BUFFERED), (7, Stage.LOST), (8, Stage.FAILED), (9, Stage.FAILED)),
    ],
)
def test_receipts_of_parameters_only(number: int, stage: Stage) -> None:
    receipt = receipts.read("", ((Tag.RECEIPTED_MESSAGE_ID, b"AB-1\0"), (Tag.MESSAGE_STATE, bytes([number]))))
    assert (receipt.id, receipt.stage) == ("AB-1", stage)
    assert (receipt.why is not None) == (stage is Stage.FAILED)


def test_parameters_win_over_the_text() -> None:
    found = (
        (Tag.RECEIPTED_MESSAGE_ID, b"other"),
        (Tag.MESSAGE_STATE, b"\5"),
        (Tag.NETWORK_ERROR_CODE, b"\3\0\x1b"),
    )
    receipt = receipts.read(USUAL, found)
    assert (receipt.id, receipt.stage, receipt.error) == ("other", Stage.FAILED, "3:27")
    assert receipt.why is not None
    assert receipt.why.text == (
        "The message did not arrive: the phone is off, or without coverage (UNDELIV, error 3:27). Try again later."
    )


@pytest.mark.parametrize("value", [b"", b"\x0a", b"\xff", b"\0\0\0\0\2"])
def test_a_state_that_does_not_exist_leaves_it_to_the_text(value: bytes) -> None:
    assert receipts.read(USUAL, ((Tag.MESSAGE_STATE, value),)).stage is Stage.DELIVERED


@pytest.mark.parametrize(
    ("network", "condition"),
    [
        (b"\3\0\1", Condition.ITEM_NOT_FOUND),
        (b"\3\0\x0d", Condition.FORBIDDEN),
        (b"\3\0\x20", Condition.RECIPIENT_UNAVAILABLE),
        (b"\3\xff\xff", Condition.RECIPIENT_UNAVAILABLE),
        (b"\1\0\1", Condition.RECIPIENT_UNAVAILABLE),
        (b"\3", Condition.RECIPIENT_UNAVAILABLE),
        (b"", Condition.RECIPIENT_UNAVAILABLE),
    ],
)
def test_what_the_network_says_of_the_phone(network: bytes, condition: Condition) -> None:
    receipt = receipts.read("id:1 stat:UNDELIV err:011", ((Tag.NETWORK_ERROR_CODE, network),))
    assert receipt.why is not None
    assert receipt.why.condition is condition


@pytest.mark.parametrize(
    ("word", "condition"),
    [
        ("EXPIRED", Condition.RECIPIENT_UNAVAILABLE),
        ("UNDELIV", Condition.RECIPIENT_UNAVAILABLE),
        ("DELETED", Condition.SERVICE_UNAVAILABLE),
        ("REJECTD", Condition.POLICY_VIOLATION),
        ("SKIPPED", Condition.SERVICE_UNAVAILABLE),
        ("FAILED", Condition.RECIPIENT_UNAVAILABLE),
    ],
)
def test_why_a_message_did_not_arrive(word: str, condition: Condition) -> None:
    receipt = receipts.read(f"id:1 stat:{word} err:000")
    assert receipt.why is not None
    assert receipt.why.condition is condition
    assert "error" not in receipt.why.text


@pytest.mark.parametrize(
    "text",
    [
        "My id: 4711",
        "id:4711 please stat:me",
        "status: unknown",
        "id:1 stat:DELIVRD",
        "submit date: tomorrow, id: none, stat: fine",
        "",
    ],
)
def test_what_people_write_is_no_receipt(text: str) -> None:
    assert not receipts.is_receipt(text)


@given(
    st.text(st.characters(max_codepoint=255)),
    st.lists(st.tuples(st.sampled_from(list(Tag)), st.binary(max_size=70))),
)
def test_reading_never_fails(text: str, tlvs: list[tuple[int, bytes]]) -> None:
    receipts.is_receipt(text)
    receipt = receipts.read(text, tuple(tlvs))
    assert (receipt.why is not None) == (receipt.stage is Stage.FAILED)


FIELD = st.sampled_from(["id", "sub", "dlvrd", "submit date", "done date", "stat", "err", "text"])


@given(
    st.lists(
        st.tuples(FIELD, st.text(max_size=20) | st.sampled_from(["DELIVRD", "9" * 200, "²"])), max_size=10
    )
)
def test_fields_may_have_any_value_and_order(pairs: list[tuple[str, str]]) -> None:
    text = " ".join(f"{key}:{value}" for key, value in pairs)
    receipts.is_receipt(text)
    assert len(receipts.read(text).id) <= 100


def test_endless_texts_are_not_read_to_their_end() -> None:
    assert receipts.read("x" * receipts.LONGEST + USUAL) == receipts.Receipt()
    assert receipts.read("id:" * 100_000).id == ""
