"""What networks are shown of whom a connection is for, and that they are shown nothing else."""

import socket
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridges.irc.config import IrcSettings
from bridges.irc.crowd import Crowd
from bridges.irc.dial import AddressInfo, ConnectFailed, Endpoint, LoopDialer, Origin, explain
from bridges.irc.identd import SHOWN
from bridges.irc.link import IrcReactor
from bridges.irc.manners import Manners, personal
from bridges.irc.profile import Liberties, profile
from gateway.bridge import Account, SessionEnded
from gateway.model import Condition, ErrorType
from tests.unit.clock import ManualClock
from tests.unit.irc.scripted import NETWORK, TOKEN, Scene

WEBIRC = {"webirc_password": "hush"}
tokens = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26)


def listed(**keys: object) -> dict[str, object]:
    return {NETWORK: keys}


async def first_lines(settings: dict[str, object], **user: str) -> list[str]:
    scene = await Scene(settings, user).start()
    lines = scene.server.take()
    await scene.finish()
    return lines


# -- user names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"ident": "token"}, {"identd_port": 1113}])
async def test_user_names_are_tokens_where_the_operator_wants_it(settings: dict[str, object]) -> None:
    lines = await first_lines(settings, username="root", realname="Ann")
    assert f"USER {TOKEN[:SHOWN]} 0 * :Ann" in lines
    names = [field.name for field in Scene(settings).bridge.fields(NETWORK)]
    assert "username" not in names
    assert "realname" in names


async def test_else_users_choose_them() -> None:
    assert "USER root 0 * :Nick" in await first_lines({}, username="root")


async def test_the_contact_follows_the_real_name() -> None:
    lines = await first_lines({"realname_contact": "abuse@example.org"}, realname="Ann")
    assert "USER Nick 0 * :Ann (abuse@example.org)" in lines


async def test_a_long_real_name_does_not_push_out_the_contact() -> None:
    lines = await first_lines({"realname_contact": "abuse@example.org"}, realname="x" * 400)
    assert next(line for line in lines if line.startswith("USER")).endswith("x (abuse@example.org)")


# -- WEBIRC ------------------------------------------------------------------------------------------------------------


async def test_webirc_is_the_first_line_and_tells_nothing_of_who_it_is() -> None:
    lines = await first_lines({"networks": listed(**WEBIRC)})
    address = str(personal(IPv6Network("fd00::/8"), TOKEN))
    assert lines[0] == f"WEBIRC hush causeway {address} {address} secure"
    assert lines[1].startswith("CAP LS")
    assert not any("ann@" in line or "example.org" in line for line in lines)


async def test_an_unencrypted_connection_is_not_called_secure() -> None:
    keys = {**WEBIRC, "tls_ports": [], "ports": [6667], "webirc_host_suffix": "users.gw.example"}
    (line, *_) = await first_lines({"networks": listed(**keys)})
    address = str(personal(IPv6Network("fd00::/8"), TOKEN))
    assert line == f"WEBIRC hush causeway {TOKEN[:SHOWN]}.users.gw.example {address}"


async def test_webirc_shows_the_address_that_the_user_connects_from() -> None:
    lines = await first_lines({"ipv6_prefix": "2001:db8:1::/64", "networks": listed(**WEBIRC)})
    assert IPv6Address(lines[0].split()[4]) in IPv6Network("2001:db8:1::/64")


def test_no_address_begins_with_a_colon() -> None:
    settings = IrcSettings.model_validate(
        {"ipv6_prefix": "::/64", "networks": listed(webirc_password="hush")}
    )
    address = Manners.of(settings).webirc(TOKEN, settings.network(NETWORK))[3]
    assert address.startswith("0::")


@pytest.mark.parametrize(
    "user",
    [{"address": "mine.example"}, {"tls_ports": "6698"}, {"tls_ports": "", "ports": "6667"}],
)
async def test_the_operators_secrets_go_only_where_the_operator_said(user: dict[str, str]) -> None:
    """A user who says where a network is could be told the password of the real one."""
    lines = await first_lines({"networks": listed(**WEBIRC, password="sesame")}, **user)
    assert not any("hush" in line or "sesame" in line for line in lines)


async def test_a_users_own_password_goes_where_the_user_said() -> None:
    lines = await first_lines(
        {"networks": listed(password="sesame")}, address="mine.example", **{"pass": "mine"}
    )
    assert "PASS mine" in lines


async def test_the_common_password_goes_to_the_operators_server() -> None:
    assert "PASS sesame" in await first_lines(
        {"networks": listed(password="sesame")}, address=NETWORK.upper()
    )


# -- addresses ---------------------------------------------------------------------------------------------------------


@given(tokens, st.integers(0, 96), st.integers(0, 2**128 - 1))
def test_everybody_has_one_address_in_the_prefix(token: str, length: int, bits: int) -> None:
    network = IPv6Network((bits, length), strict=False)
    address = personal(network, token)
    assert address in network
    assert address != network.network_address
    assert address == personal(network, token)


def test_users_have_addresses_of_their_own() -> None:
    network = IPv6Network("2001:db8::/96")
    assert len({personal(network, f"token{number}") for number in range(1000)}) == 1000


def info(family: int, address: str) -> AddressInfo:
    return (family, socket.SOCK_STREAM, 6, "", (address, 6697))


SIX, FOUR = info(socket.AF_INET6, "2001:db8::1"), info(socket.AF_INET, "192.0.2.1")


@pytest.mark.parametrize(
    ("origin", "tried"),
    [
        (Origin(), [FOUR, SIX]),
        (Origin(v4="192.0.2.9"), [FOUR]),
        (Origin(v6="2001:db8::9"), [SIX]),
        (Origin(v6="2001:db8::9", free=True), [SIX, FOUR]),
        (Origin(v4="192.0.2.9", v6="2001:db8::9", free=True), [SIX, FOUR]),
    ],
)
def test_the_source_decides_the_families(origin: Origin, tried: list[AddressInfo]) -> None:
    assert list(origin.usable([FOUR, SIX])) == tried


def test_networks_can_be_reached_from_other_addresses() -> None:
    settings = IrcSettings.model_validate(
        {"source_address": "192.0.2.9", "networks": {"six.example": {"source_address": "2001:DB8:0::9"}}}
    )
    origins = {
        network: profile(
            Account("user", network, "Nick", {}, token=TOKEN),
            settings.network(network),
            Liberties(),
            Manners.of(settings),
        )
        .endpoints[0]
        .origin
        for network in ("six.example", "four.example")
    }
    assert origins["six.example"] == Origin(v6="2001:db8::9", owner=TOKEN)
    assert origins["four.example"] == Origin(v4="192.0.2.9", owner=TOKEN)


def test_an_address_of_a_prefix_is_bound_though_no_interface_has_it() -> None:
    address = str(personal(IPv6Network("2001:db8:1::/64"), TOKEN))
    with socket.socket(socket.AF_INET6) as sock:
        Origin(v6=address, free=True).bind(sock)
        assert sock.getsockname()[0] == address
    with socket.socket(socket.AF_INET6) as sock, pytest.raises(OSError, match="assign requested address"):
        Origin(v6=address).bind(sock)


async def test_a_source_that_the_machine_has_not_is_the_operators_to_mend() -> None:
    async def resolve(host: str, port: int) -> list[AddressInfo]:
        return [info(socket.AF_INET, "127.0.0.1")]

    connection = IrcReactor(LoopDialer(resolve=resolve)).connection(print, print, print)
    with pytest.raises(ConnectFailed, match="Tell its operator"):
        await connection.open(Endpoint("irc.example", 6667, origin=Origin(v4="192.0.2.9")))
    assert "Tell" not in str(explain(OSError(99, "x"), Endpoint("irc.example", 6667), 1))


# -- how many ----------------------------------------------------------------------------------------------------------


async def test_a_network_has_only_so_many_of_us() -> None:
    settings = {"networks": listed(max_connections=1)}
    scene = await Scene(settings).start()
    mine = scene.session, scene.running
    await scene.anew()
    ended = await scene.ended()
    assert ended.retry
    assert ended.delay > 0
    assert (ended.refused.condition, ended.refused.type) == (Condition.RESOURCE_CONSTRAINT, ErrorType.WAIT)
    assert NETWORK in ended.refused.text
    scene.session, scene.running = mine
    await scene.finish()
    await scene.anew()
    assert scene.server.dialled
    await scene.finish()


async def test_who_waits_for_a_place_longest_is_told_first() -> None:
    crowd = Crowd(ManualClock())
    waiting = []
    with crowd.place("irc.example", "one", 1):
        for _ in range(3):
            with pytest.raises(SessionEnded) as caught, crowd.place("irc.example", "one", 1):
                pass
            assert caught.value.sooner is not None
            waiting.append(caught.value.sooner)
        waiting[0].cancel()  # does not want to any more
    assert [each.done() for each in waiting] == [True, True, False]
    with crowd.place("irc.example", "one", 1):
        pass
    assert all(each.done() for each in waiting)


async def test_two_names_of_a_host_are_one_crowd() -> None:
    crowd = Crowd(ManualClock())
    with crowd.place("irc.example", "one", 1):
        with pytest.raises(SessionEnded), crowd.place("IRC.example", "two", 1):
            pass
        with crowd.place("irc.example", "two", 0), crowd.place("other.example", "other", 1):
            pass
    with crowd.place("irc.example", "one", 1):
        pass


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"ipv6_prefix": "2001:db8::1/64"},
        {"ipv6_prefix": "2001:db8::/97"},
        {"ipv6_prefix": "192.0.2.0/24"},
        {"source_address": "example.org"},
        {"identd_host": "localhost"},
        {"identd_port": 65536},
        {"ident": "jid"},
        {"realname_contact": "a\nb"},
        {"networks": listed(source_address="1.2.3")},
        {"networks": listed(webirc_password="two words")},
        {"networks": listed(webirc_password=":x")},
        {"networks": listed(webirc_host_suffix="a b")},
        {"networks": listed(max_connections=-1)},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IrcSettings.model_validate(settings)
