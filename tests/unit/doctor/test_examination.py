"""Examinations: all at once, told in order, and none costs the others anything."""

import asyncio
from collections.abc import AsyncIterator

from gateway.bridge import Finding, Verdict
from gateway.doctor.examination import Examination, examined


def well(text: str) -> Finding:
    return Finding(Verdict.OK, text)


async def all_of(*examinations: Examination) -> list[Finding]:
    return [each async for each in examined(examinations)]


async def test_findings_come_in_the_order_of_the_table_whoever_is_first() -> None:
    second_is_done = asyncio.Event()

    async def first() -> AsyncIterator[Finding]:
        await second_is_done.wait()
        yield well("one")

    async def second() -> AsyncIterator[Finding]:
        yield well("two")
        second_is_done.set()

    found = await all_of(Examination("a", first), Examination("b", second))
    assert [(each.subject, each.text) for each in found] == [("a", "one"), ("b", "two")]


async def test_what_is_not_known_in_time_is_said_with_what_was_known() -> None:
    async def slow() -> AsyncIterator[Finding]:
        yield Finding(Verdict.OK, "this far", "part")
        await asyncio.Event().wait()

    async def quick() -> AsyncIterator[Finding]:
        yield well("fine")

    found = await all_of(Examination("a", slow, deadline=0.01), Examination("b", quick))
    assert [(each.verdict, each.subject) for each in found] == [
        (Verdict.OK, "part"),
        (Verdict.UNKNOWN, "a"),
        (Verdict.OK, "b"),
    ]


async def test_an_examination_that_fails_says_so_and_the_next_is_told() -> None:
    async def broken() -> AsyncIterator[Finding]:
        yield well("before")
        raise ValueError("odd")

    async def fine() -> AsyncIterator[Finding]:
        yield well("after")

    found = await all_of(Examination("a", broken), Examination("b", fine))
    assert [each.verdict for each in found] == [Verdict.OK, Verdict.UNKNOWN, Verdict.OK]
    assert "ValueError: odd" in found[1].text


async def test_whoever_stops_listening_stops_the_rest() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[Finding]:
        try:
            await asyncio.Event().wait()
            yield well("never")
        finally:
            ended.set()

    async def fine() -> AsyncIterator[Finding]:
        await asyncio.sleep(0)  # so that the other one has begun
        yield well("one")

    findings = examined([Examination("a", fine), Examination("b", endless)])
    assert (await anext(findings)).text == "one"
    await findings.aclose()
    assert ended.is_set()


async def test_what_others_say_cannot_reach_a_terminal_as_it_is() -> None:
    async def spiteful() -> AsyncIterator[Finding]:
        yield Finding(Verdict.FAIL, "\x1b[2Jgone\x00", "link", "one\n\x07two\n")

    (found,) = await all_of(Examination("a", spiteful))
    assert (found.text, found.fix) == ("\ufffd[2Jgone\ufffd", "one\n\ufffdtwo\n")
