"""Secrets: only the same key and the same place open them, and every refusal says what to do."""

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.secrets import SecretBox, SecretError

BOX = SecretBox(bytes(range(32)), "The key file secret.key")
any_text = st.text(alphabet=st.characters())  # with control characters and lone surrogates


@given(any_text, any_text)
def test_any_text_comes_back(text: str, context: str) -> None:
    sealed = BOX.seal(text, context)
    assert sealed.isascii()
    assert BOX.open(sealed, context) == text


@given(st.text(min_size=4), any_text)
def test_a_sealed_secret_shows_nothing_and_is_never_the_same(text: str, context: str) -> None:
    assert text not in BOX.seal(text, context)
    assert BOX.seal(text, context) != BOX.seal(text, context)


@given(st.lists(any_text, min_size=2, max_size=2, unique=True))
def test_a_secret_moved_to_another_place_does_not_open(contexts: list[str]) -> None:
    with pytest.raises(SecretError, match="changed or moved") as caught:
        BOX.open(BOX.seal("hunter2", contexts[0]), contexts[1])
    assert not caught.value.wrong_key


@given(st.data())
def test_a_changed_secret_does_not_open(data: st.DataObject) -> None:
    version, key_id, body = BOX.seal("hunter2", "here").split(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SecretError, match="set that password anew"):
        BOX.open(f"{version}.{key_id}.{base64.urlsafe_b64encode(raw).decode()}", "here")


@given(any_text)
def test_what_was_never_sealed_is_refused_in_words(text: str) -> None:
    for token in (text, f"v1.{text}", BOX.seal("a", "b")[:12] + text):
        with pytest.raises(SecretError):
            BOX.open(token, "")


def test_another_key_says_which_file_to_restore() -> None:
    other = SecretBox(b"x" * 32, "The key file other.key")
    with pytest.raises(SecretError, match=r"The key file other\.key .* restore the key file") as caught:
        other.open(BOX.seal("hunter2", "here"), "here")
    assert caught.value.wrong_key
    assert "hunter2" not in str(caught.value)


def test_the_key_is_not_in_its_repr() -> None:
    shown = repr(BOX)
    assert shown.startswith("SecretBox(key id ")
    assert bytes(range(32)).hex() not in shown
    assert base64.b64encode(bytes(range(32))).decode() not in shown


def test_a_created_key_is_for_its_owner_alone_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    sealed = SecretBox.create(path).seal("hunter2", "here")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SecretBox.load(path).open(sealed, "here") == "hunter2"


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    SecretBox.create(path)
    before = path.read_bytes()
    with pytest.raises(SecretError, match="exists already: keep it"):
        SecretBox.create(path)
    assert path.read_bytes() == before


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"absent\.key does not exist: restore it"):
        SecretBox.load(tmp_path / "absent.key")


def test_a_missing_directory_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="create its directory"):
        SecretBox.create(tmp_path / "nowhere" / "secret.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret.key"
    SecretBox.create(path)
    path.chmod(mode)
    with pytest.raises(SecretError, match=f"mode {mode:04o}.*run 'chmod 600 {path}'"):
        SecretBox.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (base64.b64encode(b"short"), "holds 5 octets, but a key has 32"),
        (base64.b64encode(b"x" * 33), "holds 33 octets"),
        (b"", "holds 0 octets"),
        (b"not base64!", "is not base64"),
        (os.urandom(4096), "is not base64"),
    ],
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretError, match=words):
        SecretBox.load(path)


def test_a_pipe_in_place_of_the_key_file_does_not_hold_the_start(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(SecretError, match="no regular file"):
        SecretBox.load(path)


def test_a_directory_in_place_of_the_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"no regular file|cannot be read"):
        SecretBox.load(tmp_path)
