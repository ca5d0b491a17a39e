"""What bridges say that does not work is an ailment for as long as they say so."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from gateway.ops.health import Health
from gateway.ops.watch_bridges import BridgeWatch
from tests.fakes.clock import ManualClock


@dataclass
class Patient:
    """A component with a bridge in it, as far as the watch looks."""

    wrong: dict[str, str] = field(default_factory=dict)
    ailing: bool = True

    @property
    def bridge(self) -> Any:
        capabilities = SimpleNamespace(ailing=self.ailing)
        return SimpleNamespace(capabilities=capabilities, ailments=lambda: dict(self.wrong))


def test_an_ailment_lasts_as_long_as_the_bridge_says_so() -> None:
    clock = ManualClock()
    health, mail = Health(clock), Patient()
    components = {"irc": Patient({"nothing": "is asked"}, ailing=False), "mail": mail}
    watch = BridgeWatch(cast("Any", components), health, clock)
    watch.look()
    assert list(health) == []
    mail.wrong["smarthost"] = "It cannot be reached."
    watch.look()
    [ailment] = health
    assert (ailment.key, ailment.bridge, ailment.hard) == ("smarthost of mail", "mail", False)
    assert ailment.text == "It cannot be reached."
    assert health.ready, "what is to be sent waits"
    mail.wrong.clear()
    watch.look()
    assert list(health) == []


def test_what_a_bridge_said_that_is_gone_is_over() -> None:
    clock = ManualClock()
    health, components = Health(clock), {"sms": Patient({"route main": "It is down."})}
    watch = BridgeWatch(cast("Any", components), health, clock)
    watch.look()
    components.clear()
    watch.look()
    assert list(health) == []


def test_a_bridge_that_fails_at_telling_keeps_nobody_from_hearing_of_the_others() -> None:
    clock = ManualClock()
    mad, sound = Patient(), Patient({"route main": "It is down."})
    mad.wrong = cast("Any", None)
    health, components = Health(clock), {"mail": mad, "sms": sound}
    watch = BridgeWatch(cast("Any", components), health, clock)
    watch.look()
    assert [each.key for each in health] == ["route main of sms"]
