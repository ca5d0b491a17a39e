"""The gate: what costs what, and what those hear who are too fast."""

from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.bridge import BadAddress
from gateway.limits import Kind, LimitPolicy, Limits
from gateway.loops import Loop, Loops, Place
from gateway.model import GATEWAY, Address, AddressKind
from gateway.xmpp.gate import Gate, loop_notices
from gateway.xmpp.stanza import Stanza
from tests.unit.clock import ManualClock

JID = "irc.example.org"
ANN, BOB = "ann@example.org/phone", "bob@example.org/desk"
ROOM, CAROL = f"#room@{JID}", f"carol@{JID}"
COMPONENT = "jabber:component:accept"


class Context:
    """``GateContext``."""

    def __init__(self) -> None:
        self.sent: list[Element] = []
        self.loops: list[tuple[Loop, str]] = []

    def send(self, stanza: str, *, keep: bool = False) -> bool:
        assert keep, "errors are not to be dropped"
        self.sent.append(fromstring(stanza))
        return True

    def address_of(self, local: str) -> Address:
        if " " in local:
            raise BadAddress("No blanks.")
        if not local:
            return GATEWAY
        kinds = {"#": AddressKind.ROOM, "!": AddressKind.NETWORK}
        return Address(kinds.get(local[0], AddressKind.CONTACT), "net", local)

    def place(self, address: Address) -> Place:
        return ("irc", address.network, address.name)

    def returned(self, stanza: Stanza) -> bool:
        return stanza.id == "ours"

    def looped(self, loop: Loop, where: str) -> None:
        self.loops.append((loop, where))


class Stage:
    def __init__(
        self, policy: LimitPolicy, own: frozenset[str] = frozenset({JID, "sms.example.org"})
    ) -> None:
        self.clock = ManualClock()
        self.context = Context()
        self.limits = Limits(policy, self.clock)
        self.loops = Loops(self.clock)
        self.gate = Gate(self.limits, self.loops, self.clock, own, self.context)

    def admit(self, xml: str) -> bool:
        kind = xml[1:].partition(" ")[0]
        return self.gate.admit(Stanza(fromstring(xml.replace(f"<{kind}", f"<{kind} xmlns='{COMPONENT}'", 1))))

    def message(
        self,
        number: int | str = "m",
        who: str = ANN,
        to: str = ROOM,
        type_: str = "groupchat",
        content: str = "",
    ) -> bool:
        content = content or f"<body>text {number}</body>"
        return self.admit(f"<message from='{who}' to='{to}' type='{type_}' id='{number}'>{content}</message>")

    @property
    def sent(self) -> list[Element]:
        sent, self.context.sent[:] = list(self.context.sent), []
        return sent


def said(error: Element) -> str:
    return "".join(error.itertext())


async def test_of_a_thousand_messages_those_beyond_the_limit_are_refused_each_by_its_id_until_that_is_too_much() -> (
    None
):
    stage = Stage(LimitPolicy(messages_burst=100, errors_per_minute=20))
    assert sum(stage.message(number) for number in range(1000)) == 100
    errors = stage.sent
    assert [each.get("id") for each in errors] == [str(number) for number in range(100, 120)]
    for each in errors:
        assert (each.get("type"), each.get("from"), each.get("to")) == ("error", ROOM, ANN)
        error = each.find("error")
        assert error is not None
        assert error.get("type") == "wait"
        assert error[0].tag.endswith("}resource-constraint")
        assert "Please wait 1 second and try again." in said(each)
    assert stage.message("b", BOB), "others go on talking"
    await stage.clock.advance(5)
    (together,) = stage.sent
    assert together.get("id") == "999", "what was withheld is told with the last of them"
    assert "the 879 before it" in said(together)


async def test_a_flood_that_goes_on_is_told_of_every_few_seconds() -> None:
    stage = Stage(LimitPolicy(messages_per_minute=1, messages_burst=1, errors_per_minute=1))
    admitted = 0
    for number in range(600):
        admitted += stage.message(number)
        await stage.clock.advance(0.1)
    stage.gate.close()
    answers = [said(each) for each in stage.sent]
    assert 10 <= len(answers) <= 15
    told = sum(int(text.rpartition("for the ")[2].split()[0]) for text in answers if "before it" in text)
    assert told + len(answers) + admitted == 600, "every one of them"


async def test_there_is_no_timer_when_there_is_nothing_to_tell() -> None:
    stage = Stage(LimitPolicy(messages_burst=1, errors_per_minute=1))
    for number in range(10):
        stage.message(number)
    assert len(stage.clock.pending) == 1
    await stage.clock.advance(6)
    assert stage.clock.pending == []
    stage.sent.clear()
    stage.gate.close()
    assert stage.sent == []


async def test_what_is_still_to_be_told_at_the_end_is_told() -> None:
    stage = Stage(LimitPolicy(messages_burst=1, errors_per_minute=1))
    for number in range(10):
        stage.message(number)
    assert len(stage.sent) == 1
    stage.gate.close()
    (last,) = stage.sent
    assert last.get("id") == "9"


async def test_a_paste_of_many_lines_is_one_message() -> None:
    stage = Stage(LimitPolicy(messages_burst=2))
    lines = "\n".join(f"line {number}" for number in range(50))
    assert stage.message(content=f"<body>{lines}</body>")
    assert stage.limits.left("ann@example.org", Kind.MESSAGES) == pytest.approx(1)


async def test_typing_and_receipts_do_not_use_up_messages_and_are_dropped_without_a_word() -> None:
    stage = Stage(LimitPolicy(messages_burst=2, signals_per_minute=5))
    typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    assert sum(stage.message(number, content=typing) for number in range(20)) == 5
    assert stage.sent == []
    assert stage.message(1)
    assert stage.message(2)


@pytest.mark.parametrize(
    "content",
    [
        "<subject>tea</subject>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='bob@example.org'/></x>",
    ],
)
async def test_what_others_see_counts_as_a_message_also_without_text(content: str) -> None:
    stage = Stage(LimitPolicy(messages_burst=1))
    assert [stage.message(content=content), stage.message(content=content)] == [True, False]


async def test_an_error_is_let_in_always_and_answered_never() -> None:
    stage = Stage(LimitPolicy(messages_burst=1, signals_per_minute=1))
    for _ in range(100):
        assert stage.message(type_="error")
    assert stage.sent == []


@pytest.mark.parametrize("type_", ["chat", "normal", "headline", "groupchat"])
async def test_text_of_servers_and_gateways_is_not_answered(type_: str) -> None:
    stage = Stage(LimitPolicy())
    assert not stage.message(who="example.net", to=JID, type_=type_)
    assert stage.sent == []


async def test_what_comes_from_a_bridge_of_our_own_goes_no_further() -> None:
    stage = Stage(LimitPolicy())
    other = "+4917012345678@sms.example.org/x"
    assert not stage.message(who=other)
    assert not stage.message(who=other, to=CAROL, type_="chat")
    assert not stage.admit(
        f"<presence from='{other}' to='{ROOM}/x'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    assert stage.sent == []


async def test_a_message_of_ours_that_comes_back_is_settled_before_it_costs_anything() -> None:
    stage = Stage(LimitPolicy(messages_burst=1))
    for type_ in ("chat", "error"):
        for _ in range(10):
            assert not stage.message("ours", "ann@example.org", CAROL, type_)
    assert stage.sent == []
    assert stage.message()


async def test_new_people_are_counted_and_those_written_to_before_are_not() -> None:
    stage = Stage(LimitPolicy(new_contacts_per_hour=3))
    assert sum(stage.message(number, to=f"nick{number}@{JID}", type_="chat") for number in range(10)) == 3
    assert "Those you write to already are not affected" in said(stage.sent[0])
    assert all(stage.message(number, to=f"nick{number}@{JID}", type_="chat") for number in range(3))
    assert stage.message(to=f"!net@{JID}", type_="chat"), "networks and the gateway are nobody new"
    assert stage.message(to=JID, type_="chat")
    assert stage.message(to=f"two words@{JID}", type_="chat"), "the handler says what is wrong with it"
    assert not stage.message(to=f"{ROOM}/somebody", type_="chat"), "but occupants are"
    await stage.clock.advance(1201)
    assert stage.message(to=f"nick9@{JID}", type_="chat")


async def test_who_answers_writes_to_nobody_new() -> None:
    stage = Stage(LimitPolicy(new_contacts_per_hour=1))
    for number in range(10):
        stage.gate.acquainted("ann@example.org", f"nick{number}@{JID}")
    assert all(stage.message(number, to=f"nick{number}@{JID}", type_="chat") for number in range(10))


async def test_a_refused_join_is_a_presence_error_of_the_room() -> None:
    stage = Stage(LimitPolicy(joins_burst=2))
    join = "<presence from='{who}' to='{room}/ann' id='{id}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    admitted = [stage.admit(join.format(who=ANN, room=f"#r{id_}@{JID}", id=id_)) for id_ in range(3)]
    assert admitted == [True, True, False]
    (error,) = stage.sent
    assert (error.tag, error.get("type"), error.get("id")) == ("presence", "error", "2")
    assert error.find("{http://jabber.org/protocol/muc}x") is not None


async def test_a_change_of_status_told_to_hundreds_costs_nothing() -> None:
    stage = Stage(LimitPolicy(messages_burst=1, joins_burst=1, subscriptions_burst=1, signals_per_minute=1))
    for number in range(500):
        assert stage.admit(f"<presence from='{ANN}' to='nick{number}@{JID}'><show>away</show></presence>")
        assert stage.admit(f"<presence from='{ANN}' to='#r{number}@{JID}/ann'><show>away</show></presence>")
        assert stage.admit(f"<presence from='{ANN}' to='nick{number}@{JID}' type='probe'/>")
    assert stage.limits.remembered() == 0


async def test_subscriptions_are_limited_and_taking_them_back_is_not() -> None:
    stage = Stage(LimitPolicy(subscriptions_burst=3))
    form = "<presence type='{type}' from='ann@example.org' to='nick{number}@irc.example.org' id='s'/>"
    assert sum(stage.admit(form.format(type="subscribe", number=number)) for number in range(10)) == 3
    assert all(stage.admit(form.format(type="unsubscribe", number=number)) for number in range(10))
    assert {each.get("type") for each in stage.sent} == {"error"}


async def test_every_refused_request_is_answered() -> None:
    stage = Stage(LimitPolicy(commands_per_minute=2, errors_per_minute=1))
    request = (
        "<iq type='set' id='c{number}' from='{who}' to='irc.example.org'>"
        "<command xmlns='http://jabber.org/protocol/commands' node='x' action='execute'/></iq>"
    )
    assert sum(stage.admit(request.format(number=number, who=ANN)) for number in range(10)) == 2
    errors = stage.sent
    assert [each.get("id") for each in errors] == [f"c{number}" for number in range(2, 10)]
    for type_ in ("result", "error"):
        assert stage.admit(f"<iq type='{type_}' id='x' from='{ANN}' to='{JID}'/>")
    assert stage.admit(f"<iq type='get' id='x' from='{ANN}' to='{JID}'><ping xmlns='urn:xmpp:ping'/></iq>")


async def test_a_loop_is_cut_and_whom_it_concerns_is_told_once() -> None:
    stage = Stage(LimitPolicy(loop_turns=3))
    text = "<body>This goes round and round.</body>"
    admitted = []
    for number in range(8):
        if "ann@example.org" in stage.loops.watched:
            there = ("irc", "net", "#other")
            stage.loops.heard("ann@example.org", there, "bridge", "This goes round and round.")
        admitted.append(stage.message(number, content=text))
        await stage.clock.advance(0.1)
    first = admitted.index(False)
    assert 3 <= first <= 5
    errors = stage.sent
    assert "Take one of them away" in said(errors[0])
    assert errors[0].find("error").get("type") == "cancel"  # type: ignore[union-attr]
    ((loop, where),) = stage.context.loops
    assert (loop.owner, loop.place, where) == ("ann@example.org", ("irc", "net", "#room"), ROOM)
    told: list[tuple[str, str]] = []
    loop_notices(loop, where, frozenset({"op@example.org"}), lambda who, text: told.append((who, text)))
    assert [who for who, _ in told] == ["ann@example.org", "op@example.org"]
    assert all(ROOM in text for _, text in told)


async def test_loops_can_be_left_alone() -> None:
    stage = Stage(LimitPolicy(loop_turns=0))
    for number in range(100):
        stage.loops.heard("ann@example.org", ("irc", "net", "#other"), "bridge", "Round and round and round.")
        assert stage.message(number, content="<body>Round and round and round.</body>")
