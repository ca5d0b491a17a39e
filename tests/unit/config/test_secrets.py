"""Where the secret of a component may be, and what people are told about one that is not there."""

from pathlib import Path

import pytest

from tests.unit.config.toys import GOOD, NO_SECRET, read, wrong


def test_the_secret_may_be_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o640)
    settings = read(tmp_path, NO_SECRET + 'secret_file = "secret"\n')
    assert settings.bridges[0].secret.get_secret_value() == "hunter2"


def test_the_secret_may_be_in_the_environment_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, NO_SECRET, CAUSEWAY_BRIDGES__TOY__SECRET="12345")
    assert settings.bridges[0].secret.get_secret_value() == "12345"


def test_a_secret_of_the_environment_goes_before_a_file_of_the_configuration(tmp_path: Path) -> None:
    settings = read(tmp_path, NO_SECRET + 'secret_file = "absent"\n', CAUSEWAY_BRIDGES__TOY__SECRET="s")
    assert settings.bridges[0].secret.get_secret_value() == "s"


def test_a_missing_secret_is_told_with_the_ways_to_give_one(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET) == [
        "config.toml, line 1: bridges.toy has no secret: set secret or secret_file here, or the environment variable "
        "CAUSEWAY_BRIDGES__TOY__SECRET, to what the XMPP server has for this component."
    ]


def test_the_secret_of_the_example_is_refused(tmp_path: Path) -> None:
    for secret in ("change-me", "CHANGE ME: now", "changeme", "<change_me>"):
        assert wrong(tmp_path, NO_SECRET + f'secret = "{secret}"\n') == [
            "config.toml, line 3: bridges.toy.secret is still that of the example; `causeway init` makes a good one, "
            "which goes here and into the XMPP server's configuration."
        ]


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET + 'secret = ""\n') == [
        "config.toml, line 3: bridges.toy.secret is empty; put in what the XMPP server has for this component."
    ]


def test_two_secrets_are_one_too_many(tmp_path: Path) -> None:
    assert wrong(tmp_path, GOOD + 'secret_file = "secret"\n') == [
        "config.toml, line 1: bridges.toy has both secret and secret_file: keep one of them."
    ]


def test_a_secret_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n') == [
        "config.toml, line 3: bridges.toy.secret_file names secret, which cannot be read: No such file or directory."
    ]


def test_a_secret_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / "secret").chmod(0o644)
    assert wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n') == [
        "config.toml, line 3: bridges.toy.secret_file names secret, which everybody on this machine may read: run "
        "`chmod o= secret`."
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * 5000, "too large"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\n", "is empty"),
        (b"change-me\n", "example"),
    ],
)
def test_a_secret_file_with_nonsense_in_it_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "secret").chmod(0o600)
    (line,) = wrong(tmp_path, NO_SECRET + 'secret_file = "secret"\n')
    assert told in line
