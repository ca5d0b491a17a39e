"""What operators are shown of a component that carries messages: numbers, sessions, failures, and where a message is."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gateway.bridge import Passage
from gateway.clock import SystemClock
from gateway.ops.collecting import bridge_view
from gateway.ops.exposition import render
from gateway.ops.health import Health
from gateway.ops.metrics import PREFIX, of_component
from gateway.ops.status import Direction
from gateway.ops.tracing import Tracer
from tests.component.stage import ALICE, JID, ROOM, Stage, staged
from tests.fakes.xmpp_server import FakeXmppServer
from tests.loopback import LoopbackBridge, LoopbackSettings
from tests.waiting import eventually

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(stage: Stage) -> Series:
    text = render(PREFIX, (({"bridge": "loopback"}, each) for each in of_component(stage.component))).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float:
    return series[PREFIX + name, tuple(sorted({"bridge": "loopback", **labels}.items()))]


def say(stage: Stage, id_: str, text: str = "hello", to: str = ROOM, type_: str = "groupchat") -> None:
    stage.send(f"<message from='{ALICE}' to='{to}' type='{type_}' id='{id_}'><body>{text}</body></message>")


async def test_a_message_to_a_room_is_counted_timed_and_found_by_its_id(stage: Stage) -> None:
    await stage.join()
    say(stage, "said-1")
    await stage.expect("message", id="said-1", type="groupchat")
    series = scraped(stage)
    assert value(series, "messages_total", direction="out", place="room") == 1
    assert value(series, "message_seconds_count", direction="out") == 1
    tracer = Tracer({"loopback": stage.component}, stage.component.stores)
    (found,) = await tracer.trace("said-1")
    assert (found.bridge, found.direction, found.state) == ("loopback", Direction.OUT, "taken by the network")
    assert "hello" not in str(found)
    stage.send(f"<presence type='unavailable' from='{ALICE}' to='{ROOM}/alice'/>")
    await stage.expect("presence", type="unavailable")
    assert not any(account.rooms for account in stage.component.accounts)
    (found,) = await tracer.trace("said-1")  # the room is closed, its archive is not
    assert (found.bridge, found.state, found.steps[0][2]) == (
        "loopback",
        "archived",
        "kept in the archive of a room",
    )
    assert await tracer.trace("said-") == []


async def test_a_message_that_is_refused_is_counted_by_its_condition_and_grouped(stage: Stage) -> None:
    say(stage, "lost-1", to=f"#elsewhere@{JID}")
    await stage.expect("message", id="lost-1", type="error")
    assert value(scraped(stage), "messages_failed_total", direction="out", condition="not-acceptable") == 1
    (group,) = stage.component.traffic.failures.groups()
    assert (group.direction, group.count, group.ids) == (Direction.OUT, 1, ("lost-1",))
    assert "elsewhere" not in group.cause
    (found,) = await Tracer({"loopback": stage.component}, stage.component.stores).trace("lost-1")
    assert (found.direction, found.state, found.steps[0][3]) == (Direction.OUT, "failed", group.cause)


class Remembers(LoopbackBridge):
    """``gateway.bridge.Tracing``: what the network calls ``theirs`` the core knows as ``ours``."""

    capabilities = replace(LoopbackBridge.capabilities, tracing=True)
    ours = ""

    async def passages(self, id_: str) -> Sequence[Passage]:
        return [Passage(5.0, "posted", "", self.ours)] if id_ in ("theirs", self.ours) else []


async def test_a_private_message_is_found_by_the_clients_id_the_ledgers_and_the_networks(
    tmp_path: Path, server: FakeXmppServer
) -> None:
    bridge = Remembers(LoopbackSettings())
    async with staged(tmp_path, server=server, bridge=bridge) as stage:
        await is_found(stage, bridge)


async def is_found(stage: Stage, bridge: Remembers) -> None:
    await stage.join()
    say(stage, "private-1", to=f"bob@{JID}", type_="chat")
    tracer = Tracer({"loopback": stage.component}, stage.component.stores)
    out = stage.component.deliveries.outbound.counts

    def settled() -> bool:
        return out.accepted + out.failed > 0

    await eventually(settled)
    await stage.component.deliveries.flush()
    (found,) = await tracer.trace("private-1")
    assert found.direction is Direction.OUT
    assert [step[1] for step in found.steps] == ["gateway"] * len(found.steps)
    assert [view.id for view in await tracer.trace(found.id)] == [found.id]
    (other,) = await tracer.trace("theirs")
    assert (other.id, other.direction, other.state) == ("theirs", None, "posted")
    bridge.ours = found.id  # now it says so
    (other,) = await tracer.trace("theirs")
    assert (other.id, other.direction, other.state) == (found.id, Direction.OUT, found.state)
    assert other.steps == ((5.0, "loopback", "posted", ""), *found.steps)
    assert await tracer.trace("nobody knows this") == []


async def test_the_number_of_series_is_the_same_whoever_and_whatever_comes(stage: Stage) -> None:
    before = scraped(stage).keys()
    for number in range(5):
        await stage.join(f"user{number}@localhost/x", f"#room{number}@{JID}", f"nick{number}")
        say(stage, f"m{number}", to=f"#nowhere{number}@{JID}")
        await stage.expect("message", id=f"m{number}", type="error")
    assert scraped(stage).keys() == before


async def test_only_as_many_sessions_are_shown_as_are_asked_for(stage: Stage) -> None:
    health = Health(SystemClock())
    for number in range(3):
        await stage.join(f"user{number}@localhost/x", ROOM, f"nick{number}")
    view = bridge_view(stage.component, health, 0)
    assert (view.states, view.sessions) == ({"connected": 3}, ())
    assert view.link.state == "up"
    assert view.link.since is not None
    view = bridge_view(stage.component, health, 2)
    assert [(each.owner, each.rooms) for each in view.sessions] == [
        ("user0@localhost", 1),
        ("user1@localhost", 1),
    ]
    assert {"network", "user", "server"} <= {each.name for each in view.queues}


async def test_at_debug_the_steps_of_a_message_bear_its_id_and_never_its_text(stage: Stage) -> None:
    await stage.join()
    stage.component.traffic.verbosity.debug = True
    with capture_logs() as lines:
        say(stage, "said-7", "a secret text")
        await stage.expect("message", id="said-7", type="groupchat")
        say(stage, "private-7", "a secret text", f"bob@{JID}", "chat")
        out = stage.component.deliveries.outbound.counts

        def settled() -> bool:
            return out.accepted + out.failed > 0

        await eventually(settled)
    steps = [(line["event"], line["message"]) for line in lines if "message" in line]
    assert [event for event, id_ in steps if id_ == "said-7"][:2] == ["message taken", "message accepted"]
    (private,) = {id_ for _, id_ in steps if id_ != "said-7"}
    assert [line["stanza"] for line in lines if line.get("message") == private and "stanza" in line] == [
        "private-7"
    ]
    assert "a secret text" not in str(lines)
