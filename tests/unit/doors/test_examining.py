"""The doctor as a command: what admins are told, and that nobody is kept waiting for ever."""

import asyncio
import inspect
from collections.abc import AsyncIterator

import pytest

from gateway.bridge import Finding, Verdict
from gateway.doors.examining import Examining
from gateway.ops.desk import Login
from gateway.ops.status import GatewayView
from gateway.xmpp.stanza import Jid, parse_jid
from gateway.xmpp.steps import Done, Execution, NoteType, Page
from tests.fakes.clock import ManualClock
from tests.fakes.desk import FakeDesk

ANN = parse_jid("ann@example.org/desk")
BAD = Finding(Verdict.FAIL, "It is shut.", "irc link", "open: yes\n", "/etc/x, a new file")
OK = Finding(Verdict.OK, "It answers.", "database")


def desk(kind: type[FakeDesk] = FakeDesk) -> FakeDesk:
    view = GatewayView("1", 1, 0.0, 0.0, True, "info", "the database", 0)
    made = kind(ManualClock(), view)
    made.findings = [OK, BAD]
    return made


def everybody(jid: Jid) -> bool:
    return True


async def run(examining: Examining, stage: int = 1, what: str = "all") -> Page | Done:
    (command,) = examining.commands()
    found = command.run(Execution(ANN, parse_jid("irc.example.org"), "doctor", stage, {"what": (what,)}))
    if inspect.isawaitable(found):
        found = await found
    assert isinstance(found, Page | Done)
    return found


async def test_it_says_first_that_it_takes_a_while() -> None:
    page = await run(Examining("irc", desk(), everybody), stage=0)
    assert isinstance(page, Page)
    assert "some seconds" in page.form.instructions


@pytest.mark.parametrize(("what", "bridge"), [("all", ""), ("bridge", "irc")])
async def test_what_is_wrong_is_told_with_the_lines_to_paste(what: str, bridge: str) -> None:
    known = desk()
    done = await run(Examining("irc", known, everybody), what=what)
    assert known.done == [("doctor", bridge)]
    assert isinstance(done, Done)
    assert done.note == "1 of 2 to put right."
    assert done.note_type is NoteType.WARN
    assert done.result.startswith(
        "*To put right*\n• irc link: It is shut.\nPaste into /etc/x, a new file:\n```\nopen: yes\n```"
    )


class Slow(FakeDesk):
    """Knows one thing, and never another."""

    async def doctor(self, bridge: str = "", login: Login | None = None) -> AsyncIterator[Finding]:
        yield OK
        await asyncio.Event().wait()


async def test_what_takes_too_long_is_said_to_be_missing() -> None:
    done = await run(Examining("irc", desk(Slow), everybody, seconds=0.01))
    assert isinstance(done, Done)
    assert "run `causeway doctor` on the gateway's machine" in done.result
    assert done.result.endswith("*Well*\ndatabase")


async def test_what_cannot_be_done_is_an_error() -> None:
    broken = desk()
    broken.broken = "There is nobody here who could try it."
    done = await run(Examining("irc", broken, everybody))
    assert isinstance(done, Done)
    assert (done.note, done.note_type) == ("There is nobody here who could try it.", NoteType.ERROR)


def test_without_a_desk_there_is_no_such_command() -> None:
    assert not Examining("irc", None, everybody).commands()
