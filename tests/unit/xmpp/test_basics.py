"""gateway/xmpp/basics.py: ping, version and time through the router."""

from gateway.xmpp import basics
from gateway.xmpp.router import Router
from tests.unit.xmpp.support import ManualClock, Wire, request


def answer(handler, namespace, name):
    wire = Wire()
    router = Router(wire.send, ManualClock())
    router.on("iq", namespace, "get", handler)
    router.dispatch(request(f"<{name} xmlns='{namespace}'/>"))
    return wire.one()


def test_a_ping_is_answered_with_an_empty_result():
    found = answer(basics.ping, basics.PING, "ping")
    assert found.get("type") == "result"
    assert len(found) == 0


def test_the_version_names_the_software_and_the_system_only_if_wanted():
    query = answer(basics.version("Causeway & <friends>", "0.1"), basics.VERSION, "query")[0]
    assert [(child.tag.partition("}")[2], child.text) for child in query] == [
        ("name", "Causeway & <friends>"),
        ("version", "0.1"),
    ]
    assert len(answer(basics.version("a", "b", "Debian"), basics.VERSION, "query")[0]) == 3


def test_the_time_is_told_in_utc():
    time = answer(basics.time(ManualClock()), basics.TIME, "time")[0]
    assert [(child.tag.partition("}")[2], child.text) for child in time] == [
        ("tzo", "+00:00"),
        ("utc", "1970-01-01T00:16:40Z"),
    ]
