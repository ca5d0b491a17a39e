"""``causeway webhook-replay``: requests that were written to a file, genuine, forged, and none at all."""

import time
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.replay import NoRequest, read, replay
from tests.fakes import sms_signing as signing
from tests.fakes.sms_signing import TELNYX_PUBLIC, document

URL = "https://gw.example/bridge/sms/main/00112233445566778899aabbccddeeff"
CONFIG = f"""\
[xmpp]
host = "127.0.0.1"
[web]
listen = "127.0.0.1:5290"
public_url = "https://gw.example"
[bridges.sms]
jid = "sms.localhost"
secret = "s3cret-of-the-component"
region = "US"
[bridges.sms.routes.main]
kind = "http"
preset = "telnyx"
secrets = {{ key = "KEY1", public_key = "{TELNYX_PUBLIC}" }}
[bridges.irc]
jid = "irc.localhost"
secret = "another-secret"
"""
PAYLOAD = {
    "id": "m1",
    "from": {"phone_number": "+13105550100"},
    "to": [{"phone_number": "+12125550100"}],
    "text": "Cake? 🍰",
}


def written(directory: Path, kind: str = "message.received", *, age: float = 0.0, **changes: str) -> Path:
    """A callback as a provider has sent it."""
    post = document(URL, {"data": {"event_type": kind, "payload": PAYLOAD}})
    headers = signing.telnyx(post, time.time() - age, "") | changes
    lines = [f"POST {URL.removeprefix('https://gw.example')} HTTP/1.1", "Host: gw.example"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    file = directory / "callback"
    file.write_bytes(
        "\r\n".join([*lines, f"Content-Length: {len(post.body)}", "", ""]).encode() + post.body + b"\n"
    )
    return file


def told(directory: Path, file: Path, config: str = CONFIG) -> tuple[int, str]:
    place, out = directory / "config.toml", StringIO()
    place.write_text(config, encoding="utf-8")
    return replay(place, {}, file, out), out.getvalue()


def test_a_text_is_shown_as_it_is_read_and_its_signature_is_checked(tmp_path: Path) -> None:
    status, said = told(tmp_path, written(tmp_path))
    assert status == 0
    assert "For the route main (Telnyx)." in said
    assert "Its signature is right." in said
    assert "A text of +13105550100 to +12125550100: 'Cake? 🍰' (id m1)." in said


def test_an_old_signature_is_told_apart_from_a_wrong_one(tmp_path: Path) -> None:
    _, said = told(tmp_path, written(tmp_path, age=86_400))
    assert "right, of another time than now" in said
    _, said = told(tmp_path, written(tmp_path, **{"telnyx-timestamp": "1"}))
    assert "Refused: its signature is wrong" in said
    assert "00112233445566778899" not in said, "the address is a secret"


def test_what_no_preset_knows_is_said(tmp_path: Path) -> None:
    _, said = told(tmp_path, written(tmp_path, "call.answered"))
    assert "nothing of interest" in said
    file = tmp_path / "noise"
    file.write_bytes(f"POST {URL} HTTP/1.1\n\nnoise".encode())
    _, said = told(tmp_path, file)
    assert "It cannot be read" in said


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/bridge/sms/other/secret", "There is no route 'other'"),
        ("/bridge/irc/x", "where no bridge takes callbacks"),
        ("/elsewhere", "where no bridge takes callbacks; there is /bridge/sms, /bridge/irc"),
    ],
)
def test_a_request_for_nobody_is_said(tmp_path: Path, target: str, words: str) -> None:
    file = tmp_path / "callback"
    file.write_bytes(f"POST {target} HTTP/1.1\r\n\r\n".encode())
    assert words in told(tmp_path, file)[1]


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    status, said = told(tmp_path, tmp_path / "none")
    assert (status, said) == (1, f"{tmp_path}/none cannot be read: No such file or directory.\n")
    status, said = told(tmp_path, written(tmp_path), "[xmpp]\nhost = 1\n")
    assert status == 1


@given(st.binary(max_size=300))
def test_noise_is_no_request_and_no_mistake(noise: bytes) -> None:
    for octets in (noise, b"POST /x HTTP/1.1\r\n" + noise):
        try:
            read(octets)
        except NoRequest:
            continue
