"""Examinations side by side: their order, their time, and what becomes of those that go wrong."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.bridge import Finding, Verdict
from gateway.bridge.examining import Examination, Shown, side_by_side
from gateway.playground.certificate import make_certificate

DAY = 86_400.0


def saying(
    text: str, *after: asyncio.Event, done: asyncio.Event | None = None
) -> Callable[[], Awaitable[Sequence[Finding]]]:
    async def examine() -> Sequence[Finding]:
        for each in after:
            await each.wait()
        if done is not None:
            done.set()
        return [Finding(Verdict.OK, text, text)]

    return examine


async def told(*examinations: Examination) -> list[tuple[str, Verdict]]:
    return [(each.subject, each.verdict) async for each in side_by_side(examinations)]


async def test_all_begin_at_once_and_are_told_in_order() -> None:
    second_is_done = asyncio.Event()
    found = await told(
        Examination("a", saying("a", second_is_done)), Examination("b", saying("b", done=second_is_done))
    )
    assert found == [("a", Verdict.OK), ("b", Verdict.OK)]


async def test_one_that_never_ends_or_fails_is_unknown_and_harms_no_other() -> None:
    async def wrong() -> Sequence[Finding]:
        raise RuntimeError("a mistake")

    found = await told(
        Examination("never", saying("never", asyncio.Event()), 0.01),
        Examination("wrong", wrong),
        Examination("good", saying("good")),
    )
    assert found == [("never", Verdict.UNKNOWN), ("wrong", Verdict.UNKNOWN), ("good", Verdict.OK)]


async def test_what_was_found_until_the_time_was_over_counts() -> None:
    async def slow() -> AsyncIterator[Finding]:
        yield Finding(Verdict.OK, "this far", "part")
        yield Finding(Verdict.OK, "and this")
        await asyncio.Event().wait()

    async def broken() -> AsyncIterator[Finding]:
        yield Finding(Verdict.NOTE, "before")
        raise ValueError("odd")

    found = await told(Examination("a", slow, 0.01), Examination("b", broken))
    ok, note, unknown = Verdict.OK, Verdict.NOTE, Verdict.UNKNOWN
    assert found == [("part", ok), ("a", ok), ("a", unknown), ("b", note), ("b", unknown)]


async def test_hundreds_are_tried_a_few_at_a_time() -> None:
    there = most = 0

    async def counted() -> Sequence[Finding]:
        nonlocal there, most
        there += 1
        most = max(most, there)
        await asyncio.sleep(0)
        there -= 1
        return []

    assert await told(*(Examination(str(each), counted) for each in range(300))) == []
    assert 1 < most <= 20


async def test_nothing_goes_on_once_nobody_listens() -> None:
    before = asyncio.all_tasks()
    never = Examination("never", saying("never", asyncio.Event()))
    async with aclosing(side_by_side([Examination("a", saying("a")), never])) as found:
        assert (await anext(found)).subject == "a"
    assert asyncio.all_tasks() == before


async def test_one_that_has_begun_to_tell_is_closed_too() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[Finding]:
        try:
            await asyncio.Event().wait()
            yield Finding(Verdict.OK, "never")
        finally:
            ended.set()

    async with aclosing(side_by_side([Examination("a", saying("a")), Examination("b", endless)])) as found:
        await anext(found)
        await asyncio.sleep(0)  # so that the other one has begun
    assert ended.is_set()


async def test_what_others_say_cannot_reach_a_terminal_as_it_is() -> None:
    async def examine() -> Sequence[Finding]:
        return [Finding(Verdict.NOTE, "it said \x1b[2J\r\u202e", "x", "a\x00\nb", "z\tone")]

    [finding] = [each async for each in side_by_side([Examination("x", examine)])]
    assert finding == Finding(Verdict.NOTE, "it said \ufffd[2J\ufffd\ufffd", "x", "a\ufffd\nb", "z\ufffdone")


@pytest.mark.parametrize(
    ("days", "soon", "words"),
    [
        (90.0, False, "is good until "),
        (3.5, True, ", in 3 days"),
        (1.5, True, ", in 1 day"),
        (0.5, True, ", in hours"),
        (-2.0, True, "ended on "),
    ],
)
def test_the_end_of_a_certificate_is_told_in_time(
    tmp_path: Path, days: float, soon: bool, words: str
) -> None:
    made = make_certificate(tmp_path, days=days)
    der = x509.load_pem_x509_certificate(made.certificate.read_bytes()).public_bytes(Encoding.DER)
    shown = Shown.of(der)
    assert shown is not None
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert shown.soon(now) is soon
    assert words in shown.end(now)
    assert shown.names == ("localhost", "irc.localhost", "127.0.0.1")
    assert shown.sha256 == made.sha256


def test_noise_is_no_certificate() -> None:
    assert Shown.of(b"noise") is None
