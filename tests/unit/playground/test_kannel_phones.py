"""What fakesmsc logs of texts, read as the phones behind Kannel would show it."""

import pytest

from gateway.playground.kannel_phones import came


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Got message 1: <+12025550121 +13105550104 text 5 € + 10 %21>", "5 € + 10 %21"),
        (
            "Got message 12: <+12025550121 +13105550104 ucs-2 %00t%00e%00a%00%3F%00+%D8%3D%DE%00>",
            "tea? \N{GRINNING FACE}",
        ),
        (
            "Got message 2: <+12025550121 +13105550104 data %05%00%03%01%02%01%00%D6%00l>",
            "\N{LATIN CAPITAL LETTER O WITH DIAERESIS}l",
        ),
        ("Got message 2: <+12025550121 +13105550104 data %05%00%03%01%02%01long>", "long"),
    ],
)
def test_a_text_is_read_from_the_log(line: str, words: str) -> None:
    log = f"2026-11-21 13:45:56 [18959] [0] DEBUG: Connecting\n2026-11-21 [0] DEBUG: {line}\n"
    [text] = came(log)
    assert (text.sender, text.recipients, text.text) == ("+12025550121", ("+13105550104",), words)


def test_other_lines_are_no_texts() -> None:
    assert came("2026-11-21 13:45:55 [1] [0] INFO: fakesmsc starting\nGot message 1: <half") == []
