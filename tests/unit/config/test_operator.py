"""[operator]: what opens the page has to be there, hard to guess, and in one place only."""

from pathlib import Path

import pytest

from tests.unit.config.toys import GOOD, read, wrong

TOKEN = "0123456789abcdef"


def test_a_token_can_stand_in_the_file_or_in_a_file_of_its_own(tmp_path: Path) -> None:
    page = '[operator]\nlisten = "127.0.0.1:5291"\n'
    settings = read(tmp_path, f'{page}token = "{TOKEN}"\n{GOOD}')
    assert settings.operator.token is not None
    assert settings.operator.token.get_secret_value() == TOKEN
    assert settings.operator.address == ("127.0.0.1", 5291)
    assert settings.operator.socket == tmp_path / "causeway.sock"
    secret = tmp_path / "page-token"
    secret.write_text(f"{TOKEN}\n")
    secret.chmod(0o600)
    settings = read(tmp_path, f'{page}token_file = "page-token"\n{GOOD}')
    assert settings.operator.token is not None
    assert settings.operator.token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('listen = "127.0.0.1:5291"', "token is missing"),
        (f'listen = "192.0.2.1:5291"\ntoken = "{TOKEN}"', "listen is at 192.0.2.1, which others reach"),
        ('token = "short"', "is too easy to guess: at least 16 characters"),
        (f'token = "{TOKEN}"\ntoken_file = "page-token"', "is said beside token_file: keep one of them"),
        ('token_file = "absent"', "which cannot be read"),
        ('proxy_user_header = "X User"', "proxy_user_header"),
    ],
)
def test_what_would_leave_the_page_open_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (line,) = wrong(tmp_path, f"[operator]\n{text}\n{GOOD}")
    assert told in line
