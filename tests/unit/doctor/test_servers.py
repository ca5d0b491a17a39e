"""Which server it is, and whose lines are shown. That the lines are right, tests/scenario/test_doctor_real.py proves."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doctor.knock import Answer
from gateway.doctor.servers import SERVERS, Matter, Met, Place, above, recognised, remedy, users_of

PLACE = Place(
    "irc.example.org", "example.org", (("irc.example.org", "s3cret"), ("sms.example.org", "other")), 5347
)


@pytest.mark.parametrize(
    ("name", "version", "key", "numbers"),
    [
        ("Prosody", "0.12.3-1+deb12u1", "prosody", (0, 12, 3)),
        ("ejabberd", "23.01-1", "ejabberd", (23, 1, 1)),
        ("ejabberd", "26.07", "ejabberd", (26, 7)),
        ("Openfire Server", "4.9.2", "openfire", (4, 9, 2)),
    ],
)
def test_servers_are_known_by_what_they_call_themselves(
    name: str, version: str, key: str, numbers: tuple[int, ...]
) -> None:
    met = recognised(name, version)
    assert met.kind is SERVERS[key]
    assert met.version == numbers
    assert met.title == f"{name} {version}"


@given(st.text(), st.text())
def test_whatever_a_server_calls_itself_is_read(name: str, version: str) -> None:
    met = recognised(name, version)
    assert len(met.title) <= 100
    remedy(met, Matter.RIGHTS, PLACE)


def test_a_server_that_nobody_knows_gets_the_lines_of_all() -> None:
    lines, where = remedy(Met(), Matter.COMPONENT, PLACE)
    assert where == "your server, the one of these that it is"
    for each in ("component_secret", "ejabberd_service", "External Components"):
        assert each in lines


def test_what_no_test_applies_is_marked_so() -> None:
    lines, _ = remedy(Met(SERVERS["openfire"]), Matter.COMPONENT, PLACE)
    assert "not tried by us" in lines
    assert remedy(Met(SERVERS["openfire"]), Matter.RIGHTS, PLACE) == ("", "")


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_a_file_for_new_components_is_for_all_of_them(server: str) -> None:
    lines, _ = remedy(Met(SERVERS[server]), Matter.COMPONENT, PLACE)
    for each in ("irc.example.org", "s3cret", "sms.example.org", "other"):
        assert f'"{each}"' in lines


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_rights_are_granted_to_all_components_at_once(server: str) -> None:
    lines, _ = remedy(Met(SERVERS[server]), Matter.RIGHTS, PLACE)
    assert '"irc.example.org"' in lines
    assert '"sms.example.org"' in lines
    assert "s3cret" not in lines


def test_an_ejabberd_that_can_grant_uploads_is_told_to() -> None:
    for version, has in (((24, 10), True), ((24, 7), False), ((), False)):
        place = replace(PLACE, version=version)
        lines, _ = remedy(Met(SERVERS["ejabberd"]), Matter.RIGHTS, place)
        assert ("urn:xmpp:http:upload:0" in lines) is has


def test_older_is_only_what_is_known_to_be() -> None:
    assert Met(version=(23, 1)).older_than((23, 10))
    assert not Met(version=(23, 10)).older_than((23, 10))
    assert not Met().older_than((23, 10))


def test_users_are_at_the_domain_above() -> None:
    assert users_of("irc.example.org") == "example.org"
    assert users_of("irc.localhost") == "localhost"
    assert users_of("irc") == "irc"
    assert list(above("irc.chat.example.org")) == ["chat.example.org", "example.org"]


def test_a_refusal_tells_which_server_it_may_be() -> None:
    prosody = Answer("ee03fdbb-d7f5-4203-a040-9a4a97c39b18", "not-authorized")
    assert prosody.guess.kind is SERVERS["prosody"]
    assert Answer("12048833754031395751", "not-authorized").guess.kind is SERVERS["ejabberd"]
    unknown = Answer(text="x does not match any configured external components")
    assert unknown.guess.kind is SERVERS["prosody"]
    assert Answer("abc").guess.kind is None
