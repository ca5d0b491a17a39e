"""What a real resolver makes of the DNS of a component's name, and the record that is printed."""

import pytest

from gateway.doctor.names import SystemDns, Unanswered
from tests.fakes.dns import name_server

SERVICE = "_xmpp-server._tcp.irc.example.org"
SRV = "0 5 5269 example.org"


@pytest.mark.parametrize(
    ("zone", "name", "kind", "there"),
    [
        ({SERVICE: {"SRV": [SRV]}}, SERVICE, "SRV", True),
        ({"irc.example.org": {"A": ["192.0.2.1"]}}, "irc.example.org", "A", True),
        ({"irc.example.org": {"AAAA": ["2001:db8::1"]}}, "irc.example.org", "AAAA", True),
        ({"irc.example.org": {"A": ["192.0.2.1"]}}, "irc.example.org", "AAAA", False),
        ({}, SERVICE, "SRV", False),
    ],
)
async def test_what_is_there_is_told_from_what_is_not(
    zone: dict[str, dict[str, list[str]]], name: str, kind: str, there: bool
) -> None:
    async with name_server(zone) as server:
        assert await SystemDns(("127.0.0.1", server.port), 1.0)(name, kind) is there
        assert (name.lower(), kind) in server.asked


async def test_a_server_that_fails_or_is_silent_is_no_answer() -> None:
    async with name_server({"irc.example.org": {"A": ["192.0.2.1"]}}) as server:
        ask = SystemDns(("127.0.0.1", server.port), 0.05)
        server.failing = {"irc.example.org"}
        with pytest.raises(Unanswered):
            await ask("irc.example.org", "A")
        server.failing, server.silent = set(), {"irc.example.org"}
        with pytest.raises(Unanswered):
            await ask("irc.example.org", "A")
