"""What operators may write, and what it means."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridges.sms.smpp.session import Mode
from bridges.sms.smpp.settings import SmppRoute


def route(**settings: Any) -> SmppRoute:
    return SmppRoute(
        **{"kind": "smpp", "host": "smsc.example", "system_id": "me", "password": "pw", **settings}
    )


@pytest.mark.parametrize(
    ("bind", "binds", "modes"),
    [
        ("trx", 1, [Mode.TRANSCEIVER]),
        ("trx", 2, [Mode.TRANSCEIVER] * 2),
        ("tx+rx", 2, [Mode.TRANSMITTER, Mode.RECEIVER] * 2),
        ("rx", 1, [Mode.RECEIVER]),
    ],
)
def test_connections(bind: str, binds: int, modes: list[Mode]) -> None:
    assert list(route(bind=bind, binds=binds).modes) == modes


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"password_file": "/x"}, "both `password` and `password_file`"),
        ({"client_key": "/x"}, "no `client_certificate`"),
        ({"tls": False, "ca_file": "/x"}, "settings for TLS, which is off"),
        ({"host": "127.0.0.1", "server_name": "x"}, "settings for TLS, which is off"),
        ({"national": [14]}, "tables 1 to 13"),
        ({"system_id": "mü"}, "ASCII"),
        ({"system_type": "a\nb"}, "control characters"),
        ({"window": 0}, "greater than or equal to 1"),
        ({"long": "parts"}, "udh"),
        ({"speed": 3}, "not permitted"),
    ],
)
def test_mistakes_are_said(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        route(**settings)


def test_the_password_is_not_shown() -> None:
    assert "pw" not in repr(route())


@pytest.mark.parametrize(("written", "version"), [("3.3", 0x33), ("3.4", 0x34), ("5.0", 0x50)])
def test_versions(written: str, version: int) -> None:
    assert route(interface_version=written).version == version
