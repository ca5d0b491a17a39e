"""Questions to archives (XEP-0313) and what they find, for tests of whole components."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from gateway.limits import LimitPolicy
from tests.component.stage import ALICE, JID, ROOM, C, condition, kind
from tests.waiting import eventually

MAM, RSM = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm"
M, R = f"{{{MAM}}}", f"{{{RSM}}}"
FORWARDED = f"{M}result/{{urn:xmpp:forward:0}}forwarded"
MESSAGE = f"{FORWARDED}/{{jabber:client}}message"
DELAY = f"{FORWARDED}/{{urn:xmpp:delay}}delay"
BODY = "{jabber:client}body"
SID = "{urn:xmpp:sid:0}stanza-id"
UNLIMITED = LimitPolicy(
    messages_per_minute=0, messages_per_second_total=0, foreign_messages_per_minute=0, loop_turns=0
)


@dataclass
class Found:
    """What came of a query: the result stanzas, and the end."""

    results: list[Element] = field(default_factory=list)
    end: Element | None = None
    error: str = ""

    @property
    def messages(self) -> list[Element]:
        return [each.find(MESSAGE) for each in self.results]

    @property
    def bodies(self) -> list[str | None]:
        return [each.findtext(BODY) for each in self.messages]

    @property
    def ids(self) -> list[str | None]:
        return [each.find(f"{M}result").get("id") for each in self.results]

    @property
    def complete(self) -> bool:
        return self.end.get("complete") == "true"

    def page(self, name: str) -> str | None:
        return self.end.findtext(f"{R}set/{R}{name}")

    @property
    def index(self) -> str | None:
        first = self.end.find(f"{R}set/{R}first")
        return first.get("index") if first is not None else None


def form(**fields: str | list[str]) -> str:
    named = {"FORM_TYPE": MAM} | {
        name.replace("_", "-").removesuffix("-"): value for name, value in fields.items()
    }
    inside = "".join(
        f"<field var='{name}'>"
        + "".join(f"<value>{each}</value>" for each in ([value] if isinstance(value, str) else value))
        + "</field>"
        for name, value in named.items()
    )
    return f"<x xmlns='jabber:x:data' type='submit'>{inside}</x>"


def rsm(inside: str) -> str:
    return f"<set xmlns='{RSM}'>{inside}</set>"


async def ask(stage, inside: str = "", to: str = ROOM, who: str = ALICE, id_: str = "q1") -> Found:
    """The results must stand before their end."""
    stage.send(
        f"<iq type='set' id='{id_}' from='{who}' to='{to}'><query xmlns='{MAM}' queryid='{id_}'>{inside}</query></iq>"
    )
    answer = await stage.link.expect(lambda each: kind("iq", id=id_)(each) and each.get("from") == to)
    found = Found()
    rest = []
    for each in stage.link.received:
        ours = each.find(f"{M}result")
        (found.results if ours is not None and ours.get("queryid") == id_ else rest).append(each)
    stage.link.received[:] = rest
    if answer.get("type") == "error":
        assert found.results == []
        found.error = condition(answer)
        return found
    found.end = answer.find(f"{M}fin")
    assert found.end.find(f"{R}set") is not None
    for each in found.results:
        assert (each.get("from"), each.get("to")) == (to, who)
    return found


async def say(stage, *texts: str, who: str = ALICE, payload: str = "") -> list[str]:
    """In the room, one after the other; their ids there."""
    ids = []
    for number, text in enumerate(texts):
        id_ = f"own-{text}-{number}"
        stage.send(
            f"<message type='groupchat' id='{id_}' from='{who}' to='{ROOM}'><body>{text}</body>{payload}</message>"
        )
        reflection = await stage.expect("message", to=who, id=id_)
        ids.append(reflection.find(SID).get("id"))
    return ids


async def tell(stage, text: str, who: str = ALICE, to: str = f"bob@{JID}", payload: str = "") -> Element:
    stage.send(
        f"<message type='chat' id='p-{text}' from='{who}' to='{to}'><body>{text}</body>{payload}</message>"
    )
    return await stage.link.expect(
        lambda each: each.tag == f"{C}message" and each.findtext(f"{C}body") == text and each.get("to") != who
    )


async def next_millisecond() -> str:
    """Once it has come: after all that was said, and before all that is said later."""

    def now() -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    begun = now()
    return await eventually(lambda: later if (later := now()) != begun else "")


def parts(message: Element, name: str) -> list[Element]:
    return [each for each in message if each.tag.endswith(f"}}{name}")]
