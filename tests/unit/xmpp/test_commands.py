"""gateway/xmpp/commands.py: ad-hoc commands as clients run them, and as they misuse them."""

import asyncio
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given

from gateway.model import Condition, Field, FieldKind, Refused
from gateway.xmpp.command_sessions import Sessions
from gateway.xmpp.commands import COMMANDS, Again, Command, Commands, Done, Execution, NoteType, Page
from gateway.xmpp.disco import INFO, ITEMS, Disco
from gateway.xmpp.errors import STANZAS, RefusedError
from gateway.xmpp.forms import DATA, Form
from gateway.xmpp.router import Router
from gateway.xmpp.stanza import Jid
from tests.unit.xmpp.support import ANY_TEXT, ManualClock, Wire, carried, error_of, request

C, X = f"{{{COMMANDS}}}", f"{{{DATA}}}"
ADMIN = "admin@example.org/desk"

NAME = Form("Configure your name.", (Field("name", "Name", required=True),), "Please provide your name.")
COLOUR = Form(
    "Colour", (Field("colour", "Colour", FieldKind.CHOICE, options=(("r", "Red"), ("g", "Green"))),)
)


def ping(execution: Execution) -> Done:
    return Done("Pong")


def hello(execution: Execution) -> Page | Done:
    return Done(f"Hello {execution.text('name')}!") if execution.stage else Page(NAME)


def wizard(execution: Execution) -> Page | Done:
    if execution.stage == 0:
        return Page(NAME, last=False)
    if execution.stage == 1:
        return Page(COLOUR, note="Almost done.", note_type=NoteType.WARN)
    return Done(f"{execution.text('name')} likes {execution.text('colour')}")


def picky(execution: Execution) -> Page | Again | Done:
    if not execution.stage:
        return Page(NAME)
    if execution.text("name") == "root":
        return Again("Not that name.")
    if execution.text("name") == "taken":
        raise RefusedError(Refused(Condition.CONFLICT, "The name is taken."))
    return Done()


def is_admin(requester: Jid) -> bool:
    return requester.bare == "admin@example.org"


class Bench:
    def __init__(self, *extra: Command, **limits: float) -> None:
        self.clock = ManualClock()
        self.wire = Wire()
        self.router = Router(self.wire.send, self.clock)
        self.sessions = Sessions(self.clock, **limits)
        self.offered = (
            Command("ping", "Do a ping", ping),
            Command("hello", "Receive a custom greeting", hello),
            Command("reload", "Reload the configuration", ping, allowed=is_admin),
            Command("wizard", "Two pages", wizard),
            Command("picky", "Choose a name", picky),
            *extra,
        )
        commands = Commands(
            lambda target, requester: self.offered if not target.resource else None, self.sessions
        )
        commands.register(self.router)
        Disco([commands.info], [commands.items]).register(self.router)

    def send(
        self, attributes: str, content: str = "", sender: str = "alice@example.org/phone", to: str = "gw"
    ) -> None:
        self.router.dispatch(
            request(
                f"<command xmlns='{COMMANDS}' {attributes}>{content}</command>",
                type="set",
                sender=sender,
                to=to,
            )
        )

    def run(self, attributes: str, content: str = "", **rest: str) -> Element:
        self.send(attributes, content, **rest)
        answer = self.wire.one()
        assert (answer.get("type"), answer.get("id")) == ("result", "r1")
        return answer[0]

    def fail(self, attributes: str, content: str = "", **rest: str) -> tuple[str, str, str]:
        """Type, condition and specific condition of the error."""
        self.send(attributes, content, **rest)
        answer = self.wire.one()
        specific = [child.tag.removeprefix(C) for child in answer[-1] if child.tag.startswith(C)]
        return (*error_of(answer), *(specific or [""]))


def submit(**values: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='{DATA}' type='submit'>{fields}</x>"


def note(command: Element) -> tuple[str | None, str | None] | None:
    found = command.find(f"{C}note")
    return None if found is None else (found.get("type"), found.text)


def actions(command: Element) -> tuple[str | None, list[str]]:
    found = command.find(f"{C}actions")
    assert found is not None
    return found.get("execute"), [child.tag.removeprefix(C) for child in found]


@pytest.fixture
def bench():
    return Bench()


# Running


def test_a_command_without_a_form_completes_at_once(bench):
    command = bench.run("node='ping' action='execute'")
    assert (command.get("node"), command.get("status")) == ("ping", "completed")
    assert command.get("sessionid")
    assert note(command) == ("info", "Pong")
    assert command.find(f"{C}actions") is None
    assert len(bench.sessions) == 0


def test_a_form_is_shown_and_its_submission_completes(bench):
    first = bench.run("node='hello'", "<dummy/>")
    assert first.get("status") == "executing"
    assert actions(first) == ("complete", ["complete"])
    assert first.find(f"{C}dummy") is None
    form = first.find(f"{X}x")
    assert form is not None
    assert (form.get("type"), form.findtext(f"{X}title")) == ("form", "Configure your name.")
    assert form.findtext(f"{X}instructions") == "Please provide your name."
    assert form.find(f"{X}field/{X}required") is not None
    session = first.get("sessionid")
    last = bench.run(f"node='hello' sessionid='{session}' action='complete'", submit(name="COUCOU"))
    assert (last.get("status"), last.get("sessionid"), note(last)) == (
        "completed",
        session,
        ("info", "Hello COUCOU!"),
    )
    assert bench.fail(f"node='hello' sessionid='{session}'", submit(name="x")) == (
        "cancel",
        "not-allowed",
        "session-expired",
    )


@pytest.mark.parametrize("action", ["action='complete'", "action='next'", "action='execute'", ""])
def test_every_way_forward_ends_the_last_page(bench, action):
    session = bench.run("node='hello'").get("sessionid")
    command = bench.run(f"node='hello' sessionid='{session}' {action}", submit(name="x"))
    assert command.get("status") == "completed"


def test_an_incomplete_form_is_an_error_and_can_be_sent_again(bench):
    session = bench.run("node='hello'").get("sessionid")
    for content in ("", submit(), submit(name=""), submit(other="x")):
        assert bench.fail(f"node='hello' sessionid='{session}'", content) == (
            "modify",
            "bad-request",
            "bad-payload",
        )
    assert bench.run(f"node='hello' sessionid='{session}'", submit(name="x")).get("status") == "completed"


def test_the_error_for_a_bad_form_names_the_command_the_session_and_the_field(bench):
    session = bench.run("node='hello'").get("sessionid")
    bench.send(f"node='hello' sessionid='{session}'")
    answer = bench.wire.one()
    assert answer[0].attrib == {"node": "hello", "sessionid": session}
    assert "“Name”" in (answer[1].findtext(f"{{{STANZAS}}}text") or "")


def test_a_form_of_type_cancel_counts_as_submitted(bench):
    session = bench.run("node='hello'").get("sessionid")
    content = submit(name="x").replace("submit", "cancel")
    assert bench.run(f"node='hello' sessionid='{session}'", content).get("status") == "completed"


def test_pages_lead_on_and_back_with_what_was_filled_in(bench):
    first = bench.run("node='wizard'")
    assert actions(first) == ("next", ["next"])
    session = f"node='wizard' sessionid='{first.get('sessionid')}'"
    assert bench.fail(f"{session} action='complete'", submit(name="a")) == (
        "modify",
        "bad-request",
        "bad-action",
    )
    assert bench.fail(f"{session} action='prev'") == ("modify", "bad-request", "bad-action")
    second = bench.run(f"{session} action='next'", submit(name="Ann"))
    assert actions(second) == ("complete", ["prev", "complete"])
    assert note(second) == ("warn", "Almost done.")
    back = bench.run(f"{session} action='prev'")
    assert actions(back) == ("next", ["next"])
    assert back.findtext(f"{X}x/{X}field/{X}value") == "Ann"
    bench.run(session, submit(name="Bob"))
    done = bench.run(session, submit(colour="g"))
    assert note(done) == ("info", "Bob likes g")


def test_a_step_may_ask_again_and_keeps_what_was_filled_in(bench):
    session = bench.run("node='picky'").get("sessionid")
    again = bench.run(f"node='picky' sessionid='{session}'", submit(name="root"))
    assert (again.get("status"), note(again)) == ("executing", ("error", "That did not work."))
    assert again.findtext(f"{X}x/{X}instructions") == "Not that name."
    assert again.findtext(f"{X}x/{X}field/{X}value") == "root"
    assert bench.fail(f"node='picky' sessionid='{session}'", submit(name="taken"))[1] == "conflict"
    done = bench.run(f"node='picky' sessionid='{session}'", submit(name="ann"))
    assert (done.get("status"), note(done)) == ("completed", None)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [("phone", "Hello a%s.example!"), ("profanity.x1Y2", "Hello a%%s.example!")],
)
def test_a_note_is_no_format_to_a_client_that_takes_it_for_one(bench, resource, expected):
    sender = f"alice@example.org/{resource}"
    session = bench.run("node='hello'", sender=sender).get("sessionid")
    done = bench.run(f"node='hello' sessionid='{session}'", submit(name="a%s.example"), sender=sender)
    assert note(done) == ("info", expected)


def test_canceling_ends_the_session(bench):
    session = bench.run("node='hello'").get("sessionid")
    command = bench.run(f"node='hello' sessionid='{session}' action='cancel'")
    assert (command.get("status"), command.get("sessionid"), len(command)) == ("canceled", session, 0)
    assert len(bench.sessions) == 0
    assert bench.fail(f"node='hello' sessionid='{session}' action='cancel'")[2] == "session-expired"


def test_what_follows_the_end_comes_after_the_answer():
    bench = Bench(
        Command("quit", "Quit", lambda _: Done("Bye", then=lambda: bench.wire.sent.append("<presence/>")))
    )
    bench.send("node='quit'")
    assert [stanza.tag.partition("}")[2] for stanza in bench.wire.take()] == ["iq", "presence"]


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_in_a_page_and_a_note_comes_back(title, label, words):
    form = Form(title, (Field("f", label, default=words),))
    bench = Bench(Command("any", "Any", lambda e: Done(words) if e.stage else Page(form, note=words)))
    first = bench.run("node='any'")
    assert first.findtext(f"{X}x/{X}field/{X}value", "") == carried(words)
    assert (note(first) or ("", ""))[1] == (carried(words) or None if words else "")
    bench.run(f"node='any' sessionid='{first.get('sessionid')}'")


# Misuse


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ("node='none'", ("cancel", "item-not-found", "")),
        ("", ("cancel", "item-not-found", "")),
        ("node='hello' action='dance'", ("modify", "bad-request", "malformed-action")),
        ("node='hello' action='next'", ("modify", "bad-request", "bad-sessionid")),
        ("node='hello' action='cancel'", ("modify", "bad-request", "bad-sessionid")),
        ("node='hello' sessionid='1'", ("modify", "bad-request", "bad-sessionid")),
        ("node='hello' sessionid='AAAAAAAAAAAAAAAAAAAAAA'", ("cancel", "not-allowed", "session-expired")),
    ],
)
def test_wrong_requests_have_the_error_of_the_specification(bench, attributes, error):
    assert bench.fail(attributes) == error


def test_an_address_without_commands_says_so(bench):
    assert bench.fail("node='hello'", to="gw/nick") == ("cancel", "feature-not-implemented", "")


def test_a_forbidden_command_has_the_error_inside_the_command_too(bench):
    bench.send("node='reload'")
    answer = bench.wire.one()
    assert error_of(answer) == ("cancel", "forbidden")
    command = answer[0]
    assert (command.tag, command.get("node")) == (f"{C}command", "reload")
    error = command.find(f"{C}error")
    assert error is not None
    assert error.get("type") == "cancel"
    assert error.find(f"{{{STANZAS}}}forbidden") is not None
    assert bench.run("node='reload'", sender=ADMIN).get("status") == "completed"


def test_a_session_belongs_to_its_resource_its_command_and_its_address(bench):
    session = bench.run("node='hello'").get("sessionid")
    for rest in ({"sender": "alice@example.org/laptop"}, {"sender": ADMIN}):
        assert (
            bench.fail(f"node='hello' sessionid='{session}'", submit(name="x"), **rest)[2]
            == "session-expired"
        )
    assert bench.fail(f"node='picky' sessionid='{session}'", submit(name="x"))[2] == "bad-sessionid"
    assert (
        bench.fail(f"node='hello' sessionid='{session}'", submit(name="x"), to="other")[2] == "bad-sessionid"
    )
    assert bench.run(f"node='hello' sessionid='{session}'", submit(name="x")).get("status") == "completed"


def test_a_right_that_was_taken_away_ends_the_command(bench):
    admins = [ADMIN.partition("/")[0]]
    bench.offered = (Command("hello", "Hello", hello, allowed=lambda requester: requester.bare in admins),)
    session = bench.run("node='hello'", sender=ADMIN).get("sessionid")
    admins.clear()
    assert bench.fail(f"node='hello' sessionid='{session}'", submit(name="x"), sender=ADMIN)[1] == "forbidden"


def test_only_a_command_element_runs_one(bench):
    bench.router.dispatch(request(f"<x xmlns='{COMMANDS}' node='ping'/>", type="set"))
    assert error_of(bench.wire.one())[1] == "bad-request"


def test_a_form_beyond_bounds_is_refused(bench):
    session = bench.run("node='hello'").get("sessionid")
    assert (
        bench.fail(f"node='hello' sessionid='{session}'", submit(name="x" * 70_000))[1] == "policy-violation"
    )


def test_a_step_that_fails_is_an_error_and_the_page_can_be_sent_again():
    def broken(execution: Execution) -> Page | Done:
        return (
            Done(str(1 // len(execution.text("name"))))
            if execution.stage
            else Page(Form("t", (Field("name", "N"),)))
        )

    bench = Bench(Command("broken", "Broken", broken), Command("again", "Again", lambda _: Again("what?")))
    session = bench.run("node='broken'").get("sessionid")
    assert bench.fail(f"node='broken' sessionid='{session}'")[1] == "internal-server-error"
    assert bench.run(f"node='broken' sessionid='{session}'", submit(name="x")).get("status") == "completed"
    assert bench.fail("node='again'")[1] == "internal-server-error"


def test_a_command_without_end_is_ended():
    bench = Bench(Command("endless", "Endless", lambda _: Page(Form("t"))))
    session = bench.run("node='endless'").get("sessionid")
    for _ in range(49):
        bench.run(f"node='endless' sessionid='{session}'")
    assert bench.fail(f"node='endless' sessionid='{session}'")[1] == "resource-constraint"
    assert len(bench.sessions) == 0


# Sessions


def test_a_session_ends_an_hour_after_its_last_use(bench):
    session = bench.run("node='wizard'").get("sessionid")
    bench.clock.advance(3500)
    bench.run(f"node='wizard' sessionid='{session}'", submit(name="x"))
    bench.clock.advance(3500)
    assert len(bench.sessions) == 1
    bench.clock.advance(101)
    assert len(bench.sessions) == 0
    assert bench.clock.armed == []
    assert bench.fail(f"node='wizard' sessionid='{session}'")[2] == "session-expired"


def test_a_user_with_too_many_sessions_loses_the_oldest_and_nobody_elses():
    bench = Bench(per_user=2)
    other = bench.run("node='hello'", sender=ADMIN).get("sessionid")
    sessions = [bench.run("node='hello'", sender=f"alice@example.org/{n}").get("sessionid") for n in range(3)]
    assert len(bench.sessions) == 3

    def alive(session: str | None, sender: str) -> bool:
        bench.send(f"node='hello' sessionid='{session}' action='cancel'", sender=sender)
        return bench.wire.one().get("type") == "result"

    assert [alive(s, f"alice@example.org/{n}") for n, s in enumerate(sessions)] == [False, True, True]
    assert alive(other, ADMIN)


def test_above_the_total_no_session_is_opened():
    bench = Bench(total=2)
    for n in range(2):
        bench.run("node='hello'", sender=f"user{n}@example.org/x")
    assert bench.fail("node='hello'", sender="user2@example.org/x")[1] == "resource-constraint"
    assert bench.run("node='ping'", sender="user2@example.org/x").get("status") == "completed"
    bench.sessions.close()
    assert len(bench.sessions) == 0
    assert bench.clock.armed == []


# Steps that take time


class Slow:
    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def __call__(self, execution: Execution) -> Page | Done:
        if not execution.stage:
            return Page(NAME)
        await self.gate.wait()
        return Done("slept")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def start_slow(bench: Bench) -> str:
    bench.send("node='slow'")
    await settle()
    session = bench.wire.one()[0].get("sessionid")
    bench.send(f"node='slow' sessionid='{session}'", submit(name="x"))
    await settle()
    return f"node='slow' sessionid='{session}'"


async def test_a_step_may_take_time_and_another_request_meanwhile_is_refused():
    slow = Slow()
    bench = Bench(Command("slow", "Slow", slow))
    session = await start_slow(bench)
    assert bench.fail(session, submit(name="x")) == ("wait", "unexpected-request", "")
    slow.gate.set()
    await settle()
    assert bench.wire.one()[0].get("status") == "completed"
    assert len(bench.sessions) == 0


async def test_canceling_while_a_step_runs_is_answered_at_once():
    slow = Slow()
    bench = Bench(Command("slow", "Slow", slow))
    session = await start_slow(bench)
    assert bench.run(f"{session} action='cancel'").get("status") == "canceled"
    slow.gate.set()
    await settle()
    assert bench.wire.one()[0].get("status") == "completed"


async def test_a_step_that_took_too_long_can_be_repeated():
    slow = Slow()
    bench = Bench(Command("slow", "Slow", slow))
    session = await start_slow(bench)
    bench.clock.advance(31)
    await settle()
    assert error_of(bench.wire.one())[1] == "remote-server-timeout"
    slow.gate.set()
    bench.send(session, submit(name="x"))
    await settle()
    assert bench.wire.one()[0].get("status") == "completed"


# Discovery


def disco(bench: Bench, namespace: str, node: str, sender: str = ADMIN, to: str = "gw") -> Element:
    bench.router.dispatch(request(f"<query xmlns='{namespace}' node='{node}'/>", sender=sender, to=to))
    return bench.wire.one()


def test_the_list_holds_what_the_requester_may_run_in_order(bench):
    query = disco(bench, ITEMS, COMMANDS)[0]
    assert query.get("node") == COMMANDS
    assert [item.get("node") for item in query] == ["ping", "hello", "reload", "wizard", "picky"]
    assert query[0].attrib == {"jid": "gw", "node": "ping", "name": "Do a ping"}
    assert len(disco(bench, ITEMS, COMMANDS, "alice@example.org/phone")[0]) == 4


def test_the_nodes_of_commands_are_described(bench):
    identity, *features = disco(bench, INFO, "hello")[0]
    assert identity.attrib == {
        "category": "automation",
        "type": "command-node",
        "name": "Receive a custom greeting",
    }
    assert {COMMANDS, DATA} <= {feature.get("var") for feature in features}
    assert disco(bench, INFO, COMMANDS)[0][0].get("type") == "command-list"
    assert len(disco(bench, ITEMS, "hello")[0]) == 0


def test_what_is_hidden_or_unknown_is_not_described(bench):
    assert error_of(disco(bench, INFO, "reload", "alice@example.org/phone")) == ("cancel", "forbidden")
    assert error_of(disco(bench, INFO, "none"))[1] == "item-not-found"
    assert error_of(disco(bench, ITEMS, "none"))[1] == "item-not-found"
    assert error_of(disco(bench, INFO, ""))[1] == "item-not-found"
    assert error_of(disco(bench, ITEMS, ""))[1] == "item-not-found"
    assert error_of(disco(bench, INFO, COMMANDS, to="gw/nick"))[1] == "item-not-found"
    # research/biboumi-behaviour.md 5.10, list_muc_user_adhoc
    assert error_of(disco(bench, ITEMS, COMMANDS, to="gw/nick")) == ("cancel", "feature-not-implemented")
