"""What the tests of the XMPP edge share: a clock that is moved by hand, a wire that is a list, and a parser."""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, fromstring

from hypothesis import strategies as st

from gateway.xmpp.stanza import COMPONENT, Stanza, parse_jid
from gateway.xmpp.text import strip_forbidden

ALICE = parse_jid("alice@example.org/phone")
GATEWAY = parse_jid("irc.example.org")

#: Everything a Python string can hold, with the troublesome made likely.
ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs"]),
        st.sampled_from("<>&\"'\r\n\t\x00\x0b\x85\u2028\ufffe\uffff\U0001f600]"),
    ),
    max_size=60,
)


class Timer:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """``gateway.bridge.Clock`` whose time passes only in ``advance``."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.timers: list[Timer] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.time + delay, callback)
        self.timers.append(timer)
        return timer

    async def sleep(self, delay: float) -> None:
        raise AssertionError("nothing here sleeps")

    @property
    def armed(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while due := [timer for timer in self.armed if timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self.timers.remove(timer)
            self.time = max(self.time, timer.due)
            timer.callback()
        self.time = end


@dataclass
class Wire:
    """Where stanzas are sent to. ``up`` False refuses them."""

    up: bool = True
    sent: list[str] = field(default_factory=list)

    def send(self, text: str) -> bool:
        if self.up:
            self.sent.append(text)
        return self.up

    def take(self) -> list[Element]:
        """The stanzas sent since the last call, parsed as a server does."""
        stanzas = [parse(text) for text in self.sent]
        self.sent.clear()
        return stanzas

    def one(self) -> Element:
        (stanza,) = self.take()
        return stanza


def parse(text: str) -> Element:
    """One element as it stands inside a component's stream."""
    return fromstring(f"<stream xmlns='{COMPONENT}'>{text}</stream>".encode())[0]


def stanza(text: str) -> Stanza:
    return Stanza(parse(text))


def request(
    payload: str, *, type: str = "get", id: str = "r1", sender: str = ALICE.full, to: str = GATEWAY.full
) -> Element:
    return parse(f"<iq type='{type}' id='{id}' from='{sender}' to='{to}'>{payload}</iq>")


def carried(text: str) -> str:
    """What is left of a text when it has been through XML."""
    return strip_forbidden(text)


def error_of(element: Element) -> tuple[str, str]:
    """Type and condition of an error stanza."""
    error = element.find(f"{{{COMPONENT}}}error")
    assert error is not None
    assert element.get("type") == "error"
    return error.get("type", ""), error[0].tag.partition("}")[2]
