"""biboumi's options in our words: what it writes for a field that was left out is not what the user wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.biboumi import settings


def test_plain_ports_are_kept_only_where_somebody_wanted_them() -> None:
    values, left = settings.network({"tlsports": "6697;6670;", "ports": "6667;"})
    assert (values["tls_ports"], values["ports"], len(left)) == (["6697", "6670"], [], 1)
    values, left = settings.network({"tlsports": "", "ports": "6667;"})
    assert (values["tls_ports"], values["ports"], left) == ([], ["6667"], [])
    values, left = settings.network({"tlsports": "6697;", "ports": "7000;"})
    assert (values["ports"], left) == (["7000"], [])


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        ({"throttlelimit": 0}, "throttle_limit", None),
        ({"throttlelimit": 15}, "throttle_limit", ["15"]),
        ({"throttlelimit": -1}, "throttle_limit", ["-1"]),
        ({"maxhistorylength": 0}, "max_history_length", None),
        ({"verifycert": 0}, "verify_cert", ["false"]),
        ({"verifycert": None}, "verify_cert", None),
        ({"trustedfingerprint": "12:34"}, "fingerprint", None),
        ({"trustedfingerprint": "ab" * 32}, "fingerprint", ["ab" * 32]),
        ({"commands": "a\n\nb"}, "after_connect_commands", ["a", "b"]),
        ({"saslpassword": "x"}, "sasl_password", ["x"]),
        ({"pass": ""}, "pass", None),
    ],
)
def test_columns_become_settings(row: dict[str, object], name: str, value: list[str] | None) -> None:
    assert settings.network(row)[0].get(name) == value


@pytest.mark.parametrize(("record", "value"), [(0, "unset"), (1, "true"), (-1, "false"), (None, "unset")])
def test_of_channels_three_things_can_be_said_about_recording(record: int | None, value: str) -> None:
    assert settings.room({"recordhistory": record})["record_history"] == [value]


_COLUMNS = st.sampled_from(
    [
        *(
            "address",
            "nick",
            "username",
            "realname",
            "pass",
            "saslpassword",
            "encodingin",
            "encodingout",
            "tlsports",
        ),
        *("ports", "verifycert", "trustedfingerprint", "throttlelimit", "maxhistorylength", "commands"),
        *("recordhistory", "persistent", "surprise"),
    ]
)


@given(st.dictionaries(_COLUMNS, st.none() | st.integers() | st.text() | st.booleans()))
def test_no_row_is_too_strange(row: dict[str, object]) -> None:
    for values in (settings.common(row), settings.network(row)[0], settings.room(row)):
        assert all(isinstance(each, str) for value in values.values() for each in value)
