import pytest

from bridges.sms.privacy import shown


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+15551234567", "...567"),
        ("46645", "...645"),
        ("MyBank", "...ank"),
        ("", "withheld"),
        ("112", "..."),
        ("1234", "..."),
        ("12345\n\x1b[", "..."),
        ("+4917012３４５", "..."),
    ],
)
def test_no_more_than_three_characters_of_a_number_are_shown(number: str, text: str) -> None:
    assert shown(number) == text
