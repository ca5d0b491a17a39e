import random

import pytest
from pydantic import ValidationError

from bridges.irc import profile
from bridges.irc.bridge import IrcBridge, build
from bridges.irc.config import IrcSettings
from bridges.irc.dial import Endpoint, TlsSettings
from bridges.irc.network_config import NetworkSettings
from bridges.irc.plugin import BRIDGE
from bridges.irc.profile import Liberties
from gateway.bridge import Account, BadAddress, Services, SessionEnded
from gateway.model import FieldKind
from tests.fakes.clock import ManualClock
from tests.unit.irc.scripted import Recorder, Scene

LIBERA = "irc.libera.chat"


def account(network: str = LIBERA, nick: str = "Nick", **settings: str) -> Account:
    return Account("opaque", network, nick, settings)


def test_every_setting_explains_itself() -> None:
    for model in (IrcSettings, NetworkSettings):
        for name, field in model.model_fields.items():
            assert field.description, name
            assert field.description[-1] in ".", name


def test_encrypted_connections_are_the_default_and_there_is_no_way_down() -> None:
    settings = IrcSettings().network(LIBERA)
    assert (settings.tls_ports, settings.ports, settings.tls_verify) == ((6697,), (), True)


def test_networks_inherit_the_defaults_they_do_not_set() -> None:
    settings = IrcSettings.model_validate(
        {
            "default_tls_ports": [7000],
            "default_tls_verify": False,
            "networks": {"IRC.Libera.Chat": {"ports": [6667]}, "other.example": {"tls_ports": [1]}},
        }
    )
    assert settings.network(LIBERA).ports == (6667,)
    assert settings.network(LIBERA).tls_ports == (7000,)
    assert settings.network("other.example").tls_ports == (1,)
    assert not settings.network("unlisted.example").tls_verify


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"unknown": 1}, "unknown"),
        ({"networks": {"x y": {}}}, "not the name of an IRC server"),
        ({"networks": {"#foo": {}}}, "not the name of an IRC server"),
        ({"networks": {"a.example": {}, "A.example": {}}}, "twice"),
        ({"networks": {"a.example": {"tls_ports": [0]}}}, "greater than or equal to 1"),
        ({"networks": {"a.example": {"fingerprint": "12:12"}}}, "64 hexadecimal digits"),
        ({"networks": {"a.example": {"encoding": "klingon"}}}, "klingon"),
        ({"networks": {"a.example": {"encoding": "utf-16"}}}, "utf-16"),
        ({"networks": {"a.example": {"quit_message": "a\nb"}}}, "one line"),
        ({"fixed_server": "a b"}, "not the name of an IRC server"),
        ({"server_messages": "some"}, "quiet"),
    ],
)
def test_wrong_settings_are_explained(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        IrcSettings.model_validate(settings)


def test_the_plugin_builds_a_bridge_of_its_settings() -> None:
    services = Services(ManualClock(), random.Random(), "1")
    assert isinstance(BRIDGE.build(IrcSettings(), services), IrcBridge)
    with pytest.raises(TypeError):
        build(NetworkSettings.model_construct(), services)


def test_the_form_has_biboumis_fields_and_shows_the_operators_defaults() -> None:
    settings = NetworkSettings.model_validate(
        {"tls_ports": [6697, 6670], "ports": [6667], "tls_verify": False}
    )
    fields = {field.name: field for field in profile.fields("irc.example", settings, Liberties())}
    assert {"nick", "username", "realname", "pass", "tls_ports", "ports", "verify_cert", "fingerprint"} < set(
        fields
    )
    assert {"sasl_username", "sasl_password", "address", "after_connect_commands"} < set(fields)
    assert fields["tls_ports"].default == "6697\n6670"
    assert fields["verify_cert"].default == "false"
    assert fields["pass"].kind is fields["sasl_password"].kind is FieldKind.SECRET
    assert "address" not in {
        field.name for field in profile.fields("irc.example", settings, Liberties(move=False))
    }


@pytest.mark.parametrize(
    "values",
    [
        {"tls_ports": "0"},
        {"ports": "6667x"},
        {"ports": "99999"},
        {"ports": " ".join(["1"] * 11)},
        {"nick": "a b"},
        {"nick": "#a"},
        {"nick": "a@b"},
        {"realname": "a\rQUIT"},
        {"pass": "a\nb"},
        {"username": "x" * 500},
        {"verify_cert": "maybe"},
        {"fingerprint": "not hex"},
        {"address": "a b"},
        {"after_connect_commands": "\n".join(["PING x"] * 21)},
    ],
)
def test_wrong_values_are_explained_in_one_sentence(values: dict[str, str]) -> None:
    with pytest.raises(BadAddress) as caught:
        profile.check(values)
    assert str(caught.value).endswith(".")


def test_the_users_values_go_before_the_operators() -> None:
    settings = NetworkSettings.model_validate(
        {"address": "one.example", "password": "common", "username": "guest", "ports": [6667]}
    )
    mine = profile.profile(
        account(
            nick="Asked",
            tls_ports="7000 7001",
            ports="",
            address="two.example",
            fingerprint="AB:" * 31 + "AB",
            sasl_password="secret",
            after_connect_commands="MODE Nick +B\n\n WHO x",
        ),
        settings,
        Liberties(),
    )
    tls = TlsSettings(verify=True, fingerprint="ab" * 32)
    assert mine.endpoints == (
        Endpoint("two.example", 7000, tls, public=True),
        Endpoint("two.example", 7001, tls, public=True),
    )
    assert (mine.nick, mine.username, mine.realname) == ("Asked", "guest", "Asked")
    assert (mine.password, mine.common_password) == ("", "common")
    assert mine.sasl == ("Asked", "secret")
    assert mine.commands == ("MODE Nick +B", "WHO x")
    assert "secret" not in repr(mine)
    assert "common" not in repr(mine)


def test_a_user_cannot_move_a_network_the_operator_pins() -> None:
    mine = profile.profile(
        account(address="evil.example"), NetworkSettings.model_validate({}), Liberties(move=False)
    )
    assert [endpoint.host for endpoint in mine.endpoints] == [LIBERA]


@pytest.mark.parametrize(
    ("values", "may", "public"),
    [
        ({}, {}, [True]),
        ({}, {"listed": True}, [False]),
        ({"address": "localhost"}, {"listed": True}, [True]),
        ({"ports": "22 6667"}, {"listed": True}, [True, False]),
        ({"address": "localhost", "ports": "22"}, {"near": True}, [False]),
    ],
)
def test_only_what_the_operator_has_listed_may_be_in_a_private_network(
    values: dict[str, str], may: dict[str, bool], public: list[bool]
) -> None:
    settings = NetworkSettings.model_validate({"tls_ports": [], "ports": [6667]})
    mine = profile.profile(account(**values), settings, Liberties(**may))
    assert [each.public for each in mine.endpoints] == public


def test_user_names_are_made_fit_for_the_wire() -> None:
    mine = profile.profile(account(username="ü@ !x"), NetworkSettings.model_validate({}), Liberties())
    assert mine.username == "x"
    mine = profile.profile(account(nick="日本"), NetworkSettings.model_validate({}), Liberties())
    assert mine.username == "user"


def test_only_listed_networks_are_served_where_the_operator_says_so() -> None:
    scene = Scene({"only_configured_networks": True, "networks": {"irc.example": {}}})
    assert scene.bridge.address("#foo%irc.example").network == "irc.example"
    with pytest.raises(BadAddress, match=r"irc\.example"):
        scene.bridge.address("#foo%irc.libera.chat")
    with pytest.raises(SessionEnded) as caught:
        scene.bridge.session(account(), Recorder())
    assert not caught.value.retry
    assert "address" not in {field.name for field in scene.bridge.fields("irc.example")}


def test_a_fixed_server_serves_nothing_else() -> None:
    scene = Scene({"fixed_server": "irc.example"})
    assert scene.bridge.address("").network == "irc.example"
    with pytest.raises(SessionEnded):
        scene.bridge.session(account(), Recorder())


def test_settings_with_which_no_session_can_begin_are_the_users_to_change() -> None:
    scene = Scene()
    with pytest.raises(SessionEnded) as caught:
        scene.bridge.session(account(fingerprint="12:12:12"), Recorder())
    assert caught.value.credentials
    assert "64 digits" in caught.value.refused.text
    with pytest.raises(SessionEnded):
        scene.bridge.session(account(nick="two words"), Recorder())


@pytest.mark.parametrize("nick", ["", "a b", "#a", "a@b", "a,b", "+x"])
def test_nicks_no_network_could_have_are_refused(nick: str) -> None:
    with pytest.raises(BadAddress):
        Scene().bridge.nick(nick)


def test_a_nick_is_asked_for_as_it_is_written() -> None:
    assert Scene().bridge.nick(" Nick[m] ") == "Nick[m]"


def test_users_are_as_fast_as_they_say_and_the_operator_lets_them() -> None:
    settings = NetworkSettings.model_validate({"throttle_burst": 7, "throttle_rate": 2.0})
    for text, expected in {
        "": (7, 2.0),
        "bleh": (7, 2.0),
        "42": (42, 2.0),
        "0": (1, 2.0),
        "99999999": (10_000, 2.0),
        "-1": (7, 2.0),
    }.items():
        mine = profile.profile(account(throttle_limit=text), settings, Liberties())
        assert (mine.burst, mine.rate) == expected, text
    mine = profile.profile(account(throttle_limit="-1"), settings, Liberties(unthrottled=True))
    assert (mine.burst, mine.rate) == (7, 0.0)
    fields = {each.name: each for each in profile.fields("n", settings, Liberties(unthrottled=True))}
    assert (fields["throttle_limit"].default, fields["throttle_limit"].bounds) == ("7", (-1, 10_000))


def test_the_operator_decides_who_says_how_people_are_called() -> None:
    settings = NetworkSettings.model_validate({})
    names = {each.name for each in profile.fields("n", settings, Liberties(names=False))}
    assert not names & {"username", "realname"}
    user = Account(
        "opaque",
        LIBERA,
        "Nick",
        {"username": "chosen", "realname": "Chosen One"},
        address="ann.lee@example.org",
    )
    mine = profile.profile(user, settings, Liberties(names=False))
    assert (mine.username, mine.realname) == ("Nick", "Nick")
    mine = profile.profile(user, settings, Liberties(names=False, by_address=True))
    assert (mine.username, mine.realname) == ("ann.lee", "ann.lee@example.org")
    mine = profile.profile(user, settings, Liberties(by_address=True))
    assert (mine.username, mine.realname) == ("chosen", "Chosen One")


def test_channels_have_encodings_that_follow_the_networks() -> None:
    scene = Scene()
    fields = {each.name: each for each in scene.bridge.room_fields("n", "#foo", {"encoding_in": "koi8-r"})}
    assert {name: each.default for name, each in fields.items()} == {
        "encoding_out": "",
        "encoding_in": "koi8-r",
    }
    with pytest.raises(BadAddress, match="nonsense"):
        scene.bridge.check_rooms({"encoding_out": "nonsense"})


async def test_a_connection_is_told_in_detail() -> None:
    scene = await Scene({"default_ports": [6667], "default_tls_ports": []}).in_room()
    details = scene.session.details()
    assert details.place == "on port 6667"
    assert details.more == (
        "Not encrypted.",
        "You are Nick!~nick@my.host there.",
        "You are not logged in to an account.",
    )
    assert scene.server.connection is not None
    scene.server.connection.cipher = "TLSv1.3, TLS_AES_256_GCM_SHA384"
    details = scene.session.details()
    assert details.place == "on port 6667 (using TLS)"
    assert details.more[0] == "Encrypted with TLSv1.3, TLS_AES_256_GCM_SHA384."
    await scene.finish()
